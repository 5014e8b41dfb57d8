//! Flags of a component: those of every node and those that the spec adds.

use std::collections::BTreeMap;

/// Flags by name; the spec's replace our own of the same name. Sorted, as in kubeadm.
pub struct Flags(BTreeMap<String, String>);

impl Flags {
    /// Our own flags, overridden by those of the spec.
    pub fn new<'a>(
        own: impl IntoIterator<Item = (&'a str, String)>,
        extra: &BTreeMap<String, String>,
    ) -> Self {
        let mut flags: BTreeMap<_, _> = own
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        flags.extend(extra.clone());
        Self(flags)
    }

    /// The items of a YAML list indented by four spaces: the first line without its
    /// indentation.
    pub fn yaml_items(&self) -> String {
        let items: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("- {}", yaml_scalar(&format!("--{name}={value}"))))
            .collect();
        items.join("\n    ")
    }

    /// The arguments of a unit's `ExecStart=`, one per line.
    pub fn unit_arguments(&self) -> String {
        let arguments: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| unit_argument(&format!("--{name}={value}")))
            .collect();
        arguments.join(" \\\n    ")
    }
}

/// `text` as a YAML string: unquoted if nothing in it is special in YAML, else in double quotes
/// (YAML 1.2 §7.3.1).
pub fn yaml_scalar(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=,@%+*;()$~^".contains(&b);
    let starts_well = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'/' || text.starts_with("--"));
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    if starts_well && !word && !text.ends_with(':') && text.bytes().all(plain) {
        return text.to_owned();
    }
    // JSON strings are YAML strings (YAML 1.2 §1.3).
    serde_json::Value::from(text).to_string()
}

/// `text` as one argument of `ExecStart=` (`systemd.service(5)`, "Command lines").
fn unit_argument(text: &str) -> String {
    let text = text.replace('%', "%%").replace('$', "$$");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=,@%+*$".contains(&b);
    if text.bytes().all(plain) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars() {
        for (text, want) in [
            ("--a=b", "--a=b"),
            (
                "--controllers=*,tokencleaner",
                "--controllers=*,tokencleaner",
            ),
            ("--a=b c", "\"--a=b c\""),
            ("--a=#b", "\"--a=#b\""),
            ("--a=\"b\"", r#""--a=\"b\"""#),
            ("kube1", "kube1"),
            ("true", "\"true\""),
            ("1", "\"1\""),
            ("", "\"\""),
            ("a:", "\"a:\""),
        ] {
            assert_eq!(yaml_scalar(text), want);
        }
    }

    #[test]
    fn the_spec_wins_and_units_take_the_flags() {
        let extra = BTreeMap::from([
            ("v".to_owned(), "4".to_owned()),
            ("x".to_owned(), "100% $a \"b\"".to_owned()),
        ]);
        let flags = Flags::new([("v", "2".to_owned()), ("a", "1".to_owned())], &extra);
        assert_eq!(
            flags.unit_arguments(),
            "--a=1 \\\n    --v=4 \\\n    \"--x=100%% $$a \\\"b\\\"\""
        );
        assert_eq!(
            flags.yaml_items(),
            "- --a=1\n    - --v=4\n    - \"--x=100% $a \\\"b\\\"\""
        );
    }
}
