//! What becomes of charts; and a stand-in for Helm, for tests that need no real one: it runs the
//! script `helm.sh` in the chart, or prints the chart if that is a file.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use imgbuild::charts::{self, HELM_VARIABLE, Helm};
use imgbuild::diagnostic::Sources;
use imgbuild::node::fragment::Contents;
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::{parts, plan, spec};

/// Puts the stand-in into `folder` as `helm`, and returns its path. A link: a program that a test
/// has just written cannot be run while another test starts one.
pub fn stand_in(folder: &Path) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shared/helm-stand-in.sh");
    fs::create_dir_all(folder).expect("a folder");
    let path = folder.join("helm");
    symlink(script, &path).expect("a link");
    path
}

/// The script of a chart whose objects are `rendered`.
pub fn printing(rendered: &str) -> String {
    format!("cat <<'EOF'\n{rendered}EOF\n")
}

/// Renders the charts of a spec by the program `helm`.
pub fn render(loaded: &mut spec::Loaded, helm: &Path, sources: &mut Sources) {
    let from_host = || Helm::from_host(|name| (name == HELM_VARIABLE).then(|| helm.into()));
    charts::render(loaded, &from_host, sources);
}

/// The user's manifests on the first node of `node.yaml` in `folder`, by the names of their files.
pub fn manifests(folder: &Path, helm: &Path) -> BTreeMap<String, String> {
    let mut sources = Sources::default();
    let mut loaded = spec::load(&folder.join("node.yaml"), None, &mut sources).expect("a spec");
    render(&mut loaded, helm, &mut sources);
    let decided = plan::decide(&loaded, &sources).expect("a right spec");
    let keys = KeyFolder::open(folder.join("keys"), Access::Look).expect("opens");
    let mut random = system_random();
    let mut keys = Keys::new(keys, SystemTime::now(), &mut random);
    let cluster = decided.with_keys(&mut keys).expect("keys");
    let mut all = BTreeMap::new();
    for file in (parts::all(&cluster.nodes[0]).into_iter()).flat_map(|it| it.files) {
        let name = (file.path.as_str()).strip_prefix("/etc/kubernetes/imgbuild/");
        let name = name.filter(|it| it.starts_with("50-") || it.starts_with("20-0"));
        if let (Some(name), Some(Contents::Inline(text))) = (name, file.contents) {
            all.insert(
                name.to_owned(),
                String::from_utf8(text).expect("a manifest is text"),
            );
        }
    }
    all
}
