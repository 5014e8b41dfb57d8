//! The section `indexes` of `imgbuild.lock`: the dates of the package indexes that its packages
//! were resolved with. Older ones are not taken later.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use x509_cert::der::DateTime;

use crate::lock::Lock;

const INDEXES: &str = "indexes";

/// When the indexes of suites were made, by the names of the suites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexDates(BTreeMap<String, DateTime>);

impl IndexDates {
    /// Those in `lock`.
    pub fn from_lock(lock: &Lock) -> Result<Self> {
        let reading = || format!("reading the section `{INDEXES}` of the lock");
        let Some(section) = lock.section(INDEXES) else {
            return Ok(Self::default());
        };
        let texts: BTreeMap<String, String> =
            serde_json::from_value(section.clone()).with_context(reading)?;
        let dates = texts.into_iter().map(|(suite, text)| {
            let date = text
                .parse()
                .ok()
                .with_context(|| format!("the date `{text}` of {suite} is not a time"))?;
            Ok((suite, date))
        });
        dates.collect::<Result<_>>().with_context(reading).map(Self)
    }

    /// Writes them to `lock`.
    pub fn save(&self, lock: &mut Lock) {
        let texts: BTreeMap<&String, String> =
            (self.0.iter().map(|(suite, date)| (suite, date.to_string()))).collect();
        lock.set_section(INDEXES, serde_json::json!(texts));
    }

    /// When the index of `suite` was made.
    pub fn of(&self, suite: &str) -> Option<DateTime> {
        self.0.get(suite).copied()
    }

    pub fn set(&mut self, suite: &str, date: DateTime) {
        self.0.insert(suite.to_owned(), date);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_kept_in_the_lock() {
        let mut lock = Lock::default();
        assert_eq!(
            IndexDates::from_lock(&lock).expect("none"),
            IndexDates::default()
        );
        let mut dates = IndexDates::default();
        dates.set("trixie", "2026-11-21T09:15:44Z".parse().expect("a time"));
        dates.save(&mut lock);
        let text = lock.to_text();
        assert!(
            text.contains("\"trixie\": \"2026-11-21T09:15:44Z\""),
            "{text}"
        );
        let again = Lock::parse(&text).expect("own text");
        assert_eq!(IndexDates::from_lock(&again).expect("own section"), dates);
        let wrong = Lock::parse(&text.replace("2026-11-21T", "yesterday")).expect("JSON");
        assert!(IndexDates::from_lock(&wrong).is_err());
    }
}
