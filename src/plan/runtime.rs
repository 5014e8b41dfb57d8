//! What pods run by, and whether its programs can come from where the spec says.

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::runtimes::Runtime;
use crate::facts::systems::Target;
use crate::node::containers::Programs;
use crate::node::kubernetes::Images;
use crate::spec;

impl Decider<'_> {
    /// The runtime of a node of `target`, whose programs and images come from `images`.
    pub(super) fn runtime(
        &mut self,
        written: &spec::Kubernetes,
        containerd: Option<&spec::Containerd>,
        target: Target,
        images: &Images,
    ) -> Located<Runtime> {
        let Some(runtime) = written.runtime else {
            return Located::new(Runtime::default(), written.span);
        };
        if runtime.value != Runtime::CriO {
            return runtime;
        }
        let folder = "unpack a release bundle of CRI-O (`cri-o.….tar.gz`) and put the programs of its `bin` into the folder of Kubernetes' programs, which `programs:` or --programs names";
        let found = if let Some(why) = target.facts().no_cri_o {
            Diagnostic::error(
                codes::NOT_FOR_TARGET,
                runtime.span,
                format!("`cri-o` is not for the target `{target}`"),
            )
            .label(why)
            .help("write `containerd`, or leave `runtime` out")
        } else {
            self.of_containerd(containerd);
            let why = match images {
                Images::Pulled { .. } => "a node that fetches its programs finds none of CRI-O's",
                Images::Embedded {
                    programs: Some(Programs::Site(_)),
                    ..
                } => "the site that `programs:` names has none of CRI-O's",
                Images::Embedded { .. } => return runtime,
            };
            Diagnostic::error(
                codes::NO_CRI_O,
                runtime.span,
                "the programs of CRI-O come from a folder",
            )
            .label(why)
            .help(folder)
        };
        self.found.push(found);
        runtime
    }

    /// Reports what `containerd:` says of containerd alone.
    fn of_containerd(&mut self, written: Option<&spec::Containerd>) {
        let Some(written) = written else {
            return;
        };
        let shims = written.runtimes.iter().filter_map(|(_, runtime)| {
            let shim = runtime.shim.as_ref()?;
            Some((shim.span, "a shim is a program of containerd's", "name a program that takes runc's arguments as `binary:`, or have pods run by containerd"))
        });
        let version = written.config_version.iter().map(|version| {
            (
                version.span,
                "these settings are containerd's",
                "leave it out",
            )
        });
        self.found
            .extend(shims.chain(version).map(|(at, why, help)| {
                Diagnostic::error(codes::NOT_FOR_CRI_O, at, "CRI-O cannot do this")
                    .label(why)
                    .help(help)
            }));
    }
}
