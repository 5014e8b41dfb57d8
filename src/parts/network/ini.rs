//! Text of networkd files and of keyfiles: sections of `Key=value` lines (`systemd.syntax(7)`;
//! `GLib`'s `GKeyFile`).

use std::borrow::Cow;

/// A file being written. Empty sections are omitted.
#[derive(Debug, Default)]
pub(crate) struct Ini {
    text: String,
    pending: Option<Cow<'static, str>>,
}

impl Ini {
    /// Starts `[name]`.
    pub(crate) fn section(&mut self, name: impl Into<Cow<'static, str>>) -> &mut Self {
        self.pending = Some(name.into());
        self
    }

    /// Adds `key=value` to the section.
    pub(crate) fn set(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        use std::fmt::Write;

        if let Some(section) = self.pending.take() {
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            let _ = writeln!(self.text, "[{section}]");
        }
        let _ = writeln!(self.text, "{key}={value}");
        self
    }

    /// Adds `key=value` if there is a value.
    pub(crate) fn set_some(
        &mut self,
        key: &str,
        value: Option<impl std::fmt::Display>,
    ) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Adds a line for each value.
    pub(crate) fn set_each(
        &mut self,
        key: &str,
        values: impl IntoIterator<Item = impl std::fmt::Display>,
    ) -> &mut Self {
        for value in values {
            self.set(key, value);
        }
        self
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// A list in a keyfile: each element is followed by a semicolon.
pub(super) fn list(elements: &[impl ToString]) -> String {
    elements.iter().fold(String::new(), |text, element| {
        text + &element.to_string() + ";"
    })
}
