//! The minors that have something.

/// From one minor of Kubernetes on, and until another, if there are such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub since: Option<u16>,
    pub until: Option<u16>,
}

impl Range {
    /// Splits `word@33<35` into the word and the minors that have it.
    pub(super) fn split(text: &'static str) -> (&'static str, Self) {
        let minor = |text: &str| text.parse().expect("the table's minors are numbers");
        let (text, until) = match text.split_once('<') {
            Some((text, until)) => (text, Some(minor(until))),
            None => (text, None),
        };
        let (word, since) = match text.split_once('@') {
            Some((word, since)) => (word, Some(minor(since))),
            None => (text, None),
        };
        (word, Self { since, until })
    }

    pub(super) fn has(self, minor: u16) -> bool {
        self.since.is_none_or(|since| since <= minor)
            && self.until.is_none_or(|until| minor < until)
    }

    /// Returns "available since 1.33" for a minor that does not have it.
    pub(super) fn why_not(self, minor: u16) -> String {
        match (self.since, self.until) {
            (Some(since), _) if minor < since => format!("available since 1.{since}"),
            (_, Some(until)) => format!("removed in 1.{until}"),
            _ => "not available".to_owned(),
        }
    }
}

/// Returns the entries of one of our tables: lines of `key: words`, continued by lines that start
/// with a space.
pub(super) fn paragraphs(table: &'static str) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut all: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        if let Some(more) = line.strip_prefix(' ') {
            let (_, words) = all.last_mut().expect("a table starts with an entry");
            words.push(more.trim());
        } else if let Some((key, words)) = line.split_once(": ") {
            all.push((key, vec![words]));
        }
    }
    all
}
