//! `systemd:`.

use super::Decider;
use super::users::origin;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::node::fragment::{Fragment, Unit};
use crate::spec::{self, LocalText};

/// The part whose units are those of `with_mount_unit`.
const STORAGE: &str = "storage";

/// Adds what the spec says of a unit that `with_mount_unit` makes. As in Butane, its own text
/// takes precedence.
fn complete(old: &mut Unit, new: Unit) {
    old.enabled = new.enabled.or(old.enabled);
    old.mask = new.mask;
    old.contents = new.contents.or_else(|| old.contents.take());
    old.dropins = new.dropins;
    old.origin = new.origin;
}

impl Decider<'_> {
    pub(super) fn units(&mut self, systemd: &spec::Systemd, sections: &mut Fragment) {
        for unit in &systemd.units {
            let contents = self.text(unit.contents.as_ref(), unit.contents_local.as_ref());
            let new = Unit {
                name: unit.name.value.clone(),
                enabled: unit.enabled.map(|enabled| enabled.value),
                mask: unit.mask.map(|mask| mask.value),
                // Ignition writes no unit without text.
                contents: contents.filter(|contents| !contents.is_empty()),
                dropins: self.dropins(&unit.dropins),
                origin: origin("systemd", unit.name.span),
            };
            let of_storage = (sections.units.iter_mut())
                .find(|old| old.name == new.name && old.origin.part == STORAGE);
            match of_storage {
                Some(old) => complete(old, new),
                None => sections.units.push(new),
            }
        }
    }

    /// Names and texts.
    pub(super) fn dropins(&mut self, written: &[spec::DropIn]) -> Vec<(String, String)> {
        let dropins = written.iter().map(|dropin| {
            let name = &dropin.name;
            let is_conf = std::path::Path::new(name.as_str())
                .extension()
                .is_some_and(|e| e == "conf");
            if !is_conf {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_DROPIN_NAME,
                        name.span,
                        format!("systemd would not read the drop-in `{}`", name.as_str()),
                    )
                    .help(format!(
                        "drop-in names must end in `.conf`: `{}.conf`",
                        name.as_str()
                    )),
                );
            }
            let text = self.text(dropin.contents.as_ref(), dropin.contents_local.as_ref());
            (name.as_str().to_owned(), text.unwrap_or_default())
        });
        dropins.collect()
    }

    pub(super) fn text(
        &self,
        inline: Option<&Located<String>>,
        local: Option<&Located<LocalText>>,
    ) -> Option<String> {
        match (inline, local) {
            (Some(inline), _) => Some(inline.value.clone()),
            (None, Some(local)) => self.files.text(local).map(str::to_owned),
            (None, None) => None,
        }
    }
}
