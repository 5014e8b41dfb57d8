//! What pods run by, and whether its programs can come from where the spec says.

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::plan::{Images, Programs, Runtime};
use crate::spec;
use crate::target::Target;

impl Decider<'_> {
    /// The runtime of a node of `target`, whose programs and images come from `images`.
    pub(super) fn runtime(
        &mut self,
        written: &spec::Kubernetes,
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
}
