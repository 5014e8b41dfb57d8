//! Flags of `extra_args` of Kubernetes 1.9.

use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::container_linux::hyperkube::{HYPERKUBE, flags};
use crate::facts::kubernetes::tables::Component;
use crate::spec::{Setting, SettingName, Table};
use crate::text::nearest;

/// Warns of flags that the reference of Kubernetes 1.9 does not list for `component`: it omits
/// those that were deprecated then.
pub(super) fn check(
    component: Component,
    written: &Table<SettingName, Located<Setting>>,
    found: &mut Vec<Diagnostic>,
) {
    for (name, _) in written {
        let flag = name.as_str();
        if flags(component).any(|known| known == flag) {
            continue;
        }
        let diagnostic = Diagnostic::warning(
            codes::UNLISTED_FLAG,
            name.span,
            format!(
                "the reference of Kubernetes 1.{} does not list `--{flag}` of {component}",
                HYPERKUBE.minor
            ),
        );
        found.push(match nearest(flag, flags(component)) {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
            None => diagnostic.help("a component does not start with an unknown flag"),
        });
    }
}
