//! The container runtime of pods, and whether the spec provides its programs.

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::runtimes::Runtime;
use crate::facts::systems::Target;
use crate::node::containers::Programs;
use crate::node::kubernetes::Images;
use crate::spec;

impl Decider<'_> {
    /// Returns the runtime of a node of `target`, whose programs and images come from `images`.
    pub(super) fn runtime(
        &mut self,
        written: &spec::Kubernetes,
        containerd: Option<&spec::Containerd>,
        target: Target,
        images: &Images,
    ) -> Located<Runtime> {
        let runtime = written.runtime();
        if runtime.value != Runtime::CriO {
            return runtime;
        }
        let folder = "unpack a release bundle of CRI-O (`cri-o.….tar.gz`) and copy the programs \
                      in its `bin` to the folder of the Kubernetes programs (`programs:` or \
                      --programs)";
        let found = if let Some(why) = target.facts().no_cri_o {
            Diagnostic::error(
                codes::NOT_FOR_TARGET,
                runtime.span,
                format!("`cri-o` is not supported on target `{target}`"),
            )
            .label(why)
            .help("use `containerd`, or remove `runtime`")
        } else {
            self.of_containerd(containerd);
            let why = match images {
                Images::Pulled { .. } => {
                    "a node that downloads its programs has no source for those of CRI-O"
                }
                Images::Embedded {
                    programs: Some(Programs::Site(_)),
                    ..
                } => "the site in `programs:` does not have the CRI-O programs",
                Images::Embedded { .. } => return runtime,
            };
            Diagnostic::error(
                codes::NO_CRI_O,
                runtime.span,
                "the CRI-O programs must come from a local folder",
            )
            .label(why)
            .help(folder)
        };
        self.found.push(found);
        runtime
    }

    /// Reports settings of `containerd:` that apply only to containerd.
    fn of_containerd(&mut self, written: Option<&spec::Containerd>) {
        let Some(written) = written else {
            return;
        };
        let shims = written.runtimes.iter().filter_map(|(_, runtime)| {
            let shim = runtime.shim.as_ref()?;
            Some((
                shim.span,
                "shims require containerd",
                "specify a program that takes runc's arguments as `binary:`, or use containerd",
            ))
        });
        let version = written.config_version.iter().map(|version| {
            (
                version.span,
                "these settings apply to containerd only",
                "remove it",
            )
        });
        self.found
            .extend(shims.chain(version).map(|(at, why, help)| {
                Diagnostic::error(codes::NOT_FOR_CRI_O, at, "setting not supported by CRI-O")
                    .label(why)
                    .help(help)
            }));
    }
}
