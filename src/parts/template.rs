//! Fills the templates in `manifests/`: text with placeholders `{{name}}`, without logic.

/// `template` with each `{{name}}` replaced by the value of that name. A value of several lines is
/// a list; a line that contains only an empty value is omitted.
///
/// Panics if the template contains a name that is not given, or the reverse: both are constants of
/// this crate.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 256);
    let mut used = vec![false; values.len()];
    for line in template.split_inclusive('\n') {
        let start = filled.len();
        let mut rest = line;
        let mut replaced = false;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after
                .split_once("}}")
                .expect("a placeholder of a template is closed in its line");
            let at = values
                .iter()
                .position(|(given, _)| *given == name)
                .unwrap_or_else(|| panic!("the template asks for `{name}`, which is not given"));
            used[at] = true;
            filled.push_str(before);
            filled.push_str(values[at].1);
            rest = after;
            replaced = true;
        }
        filled.push_str(rest);
        if replaced && filled[start..].trim().is_empty() {
            filled.truncate(start);
        }
    }
    if let Some(at) = used.iter().position(|used| !used) {
        panic!("the template has no place for `{}`", values[at].0);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn values_and_lists_are_filled_in() {
        for (name, template, values, want) in [
            ("none", "a\n", &[][..], "a\n"),
            ("value", "a={{a}}\n", &[("a", "1")][..], "a=1\n"),
            ("twice", "{{a}}{{a}}\n", &[("a", "1")][..], "11\n"),
            ("list", "{{a}}\nz\n", &[("a", "1\n2")][..], "1\n2\nz\n"),
            ("empty list", "  {{a}}\nz\n", &[("a", "")][..], "z\n"),
            ("empty value", "a={{a}}\n", &[("a", "")][..], "a=\n"),
        ] {
            assert_eq!(fill(template, values), want, "{name}");
        }
    }

    #[test]
    #[should_panic(expected = "asks for `a`")]
    fn a_missing_value_is_a_mistake() {
        fill("{{a}}", &[]);
    }

    #[test]
    #[should_panic(expected = "no place for `b`")]
    fn a_value_without_a_place_is_a_mistake() {
        fill("a", &[("b", "")]);
    }
}
