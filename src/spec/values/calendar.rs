//! systemd calendar events (`systemd.time(7)`), as far as repeated events need them.

use serde_json::{Value as Json, json};

use super::number::bounded_leaf;
use crate::diagnostic::codes;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

/// Events with a name.
pub const NAMED_EVENTS: [&str; 9] = [
    "minutely",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "semiannually",
    "yearly",
    "annually",
];

/// A repeated calendar event, at most once a minute, in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEvent(String);

impl CalendarEvent {
    /// As `OnCalendar=` accepts it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses `text`; the error is the reason why it is not such an event.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        let (words, zone) = match words.split_last() {
            Some((last, before)) if last.eq_ignore_ascii_case("UTC") => (before, " UTC"),
            _ => (&words[..], ""),
        };
        if words.is_empty() {
            return Err("must not be empty".to_owned());
        }
        if let [word] = words
            && NAMED_EVENTS.contains(&word.to_ascii_lowercase().as_str())
        {
            return Ok(Self(format!("{}{zone}", word.to_ascii_lowercase())));
        }
        let mut rest = words;
        if let Some((days, after)) = rest.split_first()
            && days.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            weekdays(days)?;
            rest = after;
        }
        if let Some((date, after)) = rest.split_first()
            && !date.contains(':')
            && date.starts_with(|c: char| c.is_ascii_digit() || c == '*')
        {
            self::date(date)?;
            rest = after;
        }
        if let Some((time, after)) = rest.split_first()
            && time.contains(':')
        {
            self::time(time)?;
            rest = after;
        }
        match rest.first() {
            None => Ok(Self(format!("{}{zone}", words.join(" ")))),
            Some(word)
                if word.contains('/') && word.starts_with(|c: char| c.is_ascii_uppercase()) =>
            {
                Err("the only time zone on nodes is UTC".to_owned())
            }
            Some(word) => Err(format!("`{word}` is not a weekday, date or time")),
        }
    }
}

impl Leaf for CalendarEvent {
    const WHAT: &'static str = "a systemd calendar event";

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1, "examples": ["daily", "hourly", "Mon..Fri 03:30", "*-*-01 00:00"] })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        Self::parse(text).map_err(|why| {
            LeafError::rule(codes::BAD_CALENDAR, text, Self::WHAT, why).help(
                "use hourly, daily, weekly, or a form such as `Mon..Fri 03:30` or `*-*-01 \
                       12:00`, in UTC; see systemd.time(7)",
            )
        })
    }
}

/// Parses `Mon`, `Mon,Wed`, `Mon..Fri`, and long names.
fn weekdays(text: &str) -> Result<(), String> {
    const DAYS: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let day = |name: &str| {
        let lower = name.to_ascii_lowercase();
        DAYS.iter()
            .position(|day| *day == lower || day[..3] == lower)
            .ok_or_else(|| format!("`{name}` is not a day of the week"))
    };
    for item in text.split(',') {
        match item.split_once("..") {
            None => {
                day(item)?;
            }
            Some((first, last)) => {
                if day(first)? >= day(last)? {
                    return Err(format!("`{item}` must go forward from Monday to Sunday"));
                }
            }
        }
    }
    Ok(())
}

/// Parses `*-*-01`, `*-02~1`, `01,07-15`. A year other than `*` would end the repetition.
fn date(text: &str) -> Result<(), String> {
    let (before, day, from_end) = match (text.rsplit_once('~'), text.rsplit_once('-')) {
        (Some((before, day)), _) => (before, day, true),
        (None, Some((before, day))) => (before, day, false),
        (None, None) => return Err(format!("the date `{text}` has no day")),
    };
    let month = match before.split_once('-') {
        Some(("*", month)) => month,
        Some(_) => return Err("the year must be `*`, or the schedule would end".to_owned()),
        None => before,
    };
    let months = numbers(month, "month", 1, 12)?;
    let days = numbers(day, "day", 1, if from_end { 28 } else { 31 })?;
    let longest = |month: &u32| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let ever = from_end
        || days
            .iter()
            .min()
            .is_none_or(|first| months.iter().any(|month| *first <= longest(month)));
    if ever {
        Ok(())
    } else {
        Err("none of the months has that day".to_owned())
    }
}

/// Parses `03:30`, `*:00/15`, `12:00:30`.
fn time(text: &str) -> Result<(), String> {
    let mut parts = text.split(':');
    let (hour, minute) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    numbers(hour, "hour", 0, 23)?;
    numbers(minute, "minute", 0, 59)?;
    if let Some(second) = parts.next() {
        if second.parse::<u32>().is_err() && !second.is_empty() {
            return Err(
                "the second must be a single number: once a minute is the maximum".to_owned(),
            );
        }
        numbers(second, "second", 0, 59)?;
    }
    match parts.next() {
        None => Ok(()),
        Some(_) => Err(format!(
            "the time `{text}` has more parts than hour, minute and second"
        )),
    }
}

/// Returns all numbers that `text` stands for, within `least` and `most`: `*`, or a list of `5`,
/// `1..5` and either followed by `/2`. The rules are those of systemd's own check (`chain_valid`).
fn numbers(text: &str, what: &str, least: u32, most: u32) -> Result<Vec<u32>, String> {
    if text == "*" {
        return Ok((least..=most).collect());
    }
    let number = |digits: &str| {
        let plain =
            !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit());
        let value = plain.then(|| digits.parse::<u32>().ok()).flatten();
        value.ok_or_else(|| format!("the {what} `{digits}` is not a number"))
    };
    let mut all = Vec::new();
    for item in text.split(',') {
        let (range, every) = match item.split_once('/') {
            Some((range, every)) => (range, Some(number(every)?)),
            None => (item, None),
        };
        let (start, until) = match range.split_once("..") {
            Some((start, until)) => (number(start)?, Some(number(until)?)),
            None => (number(range)?, None),
        };
        if start < least || start > most || until.is_some_and(|until| until > most) {
            return Err(format!("the {what} must be {least} to {most}"));
        }
        let stride = every.unwrap_or(1);
        if stride == 0 || stride > most - least || until.is_some_and(|until| start + stride > until)
        {
            return Err(format!("`{item}` never reaches a second {what}"));
        }
        let end = match (until, every) {
            (Some(until), _) => until,
            (None, Some(_)) => most,
            (None, None) => start,
        };
        all.extend((start..=end).step_by(stride as usize));
    }
    Ok(all)
}

bounded_leaf!(
    /// The number of snapshots to keep.
    SnapshotCount(u32): "a number of snapshots", 1 to 1000
);

#[cfg(test)]
mod tests {
    use super::CalendarEvent;

    #[test]
    fn what_is_no_event_is_refused() {
        for (text, why) in [
            ("", "must not be empty"),
            ("UTC", "must not be empty"),
            ("dayly", "`dayly` is not a day of the week"),
            (
                "Fri..Mon 03:00",
                "`Fri..Mon` must go forward from Monday to Sunday",
            ),
            (
                "2027-01-01",
                "the year must be `*`, or the schedule would end",
            ),
            ("*-02-30", "none of the months has that day"),
            ("*-*-*/2", "the day `*` is not a number"),
            ("25:00", "the hour must be 0 to 23"),
            ("03", "the date `03` has no day"),
            (
                "*:*:*",
                "the second must be a single number: once a minute is the maximum",
            ),
            ("*:0/60", "`0/60` never reaches a second minute"),
            ("*:5..5", "`5..5` never reaches a second minute"),
            ("03:00 Asia/Tokyo", "the only time zone on nodes is UTC"),
            ("03:00 04:00", "`04:00` is not a weekday, date or time"),
            (
                "1:2:3:4",
                "the time `1:2:3:4` has more parts than hour, minute and second",
            ),
        ] {
            let error = CalendarEvent::parse(text).expect_err(text);
            assert_eq!(error, why, "{text}");
        }
    }

    #[test]
    fn events_are_written_in_one_way() {
        for (text, want) in [
            ("Daily", "daily"),
            (" Mon..Fri   03:30  utc", "Mon..Fri 03:30 UTC"),
        ] {
            let event = CalendarEvent::parse(text).expect(text);
            assert_eq!(event.as_str(), want);
        }
    }
}
