//! What CRI-O is told of registries, before another program of containers/image (skopeo) and
//! registry servers on loopback.

use std::fs;

use imgbuild::names::Arch;

use crate::images::made::archive;
use crate::images::node::{file, imgbuild, succeeds};
use crate::registry::{Registry, USER, skopeo};

#[test]
fn mirrors_and_logins_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mirror = Registry::open();
    let closed = Registry::with_login();
    let image = archive(&folder.join("a.tar"), "a", Arch::Amd64, "one");
    mirror.push(&image, "hub/library/app:1");
    closed.push(&image, "app:1");
    let spec = format!(
        "\
version: 1
hostname: kube1
containerd:
  registries:
    docker.io: {{mirrors: ['http://{}/hub/']}}
    '{}': {{insecure: true, username: {}, password_file: password}}
kubernetes: {{version: 1.36.2, role: standalone, runtime: cri-o}}
",
        mirror.host, closed.host, USER.0
    );
    fs::write(folder.join("node.yaml"), spec).unwrap();
    fs::write(folder.join("password"), format!("{}\n", USER.1)).unwrap();
    succeeds(&imgbuild(folder, &["node.yaml", "-o", "node.ign"]));
    let given = |path: &str, name: &str| {
        let at = folder.join(name);
        fs::write(&at, file(folder, "node.ign", path)).unwrap();
        at.display().to_string()
    };
    let registries = given("/etc/containers/registries.conf", "registries.conf");
    let logins = given("/etc/crio/auth.json", "auth.json");
    let policy = given("/etc/containers/policy.json", "policy.json");
    for name in ["docker.io/library/app:1", &format!("{}/app:1", closed.host)] {
        let to = format!("dir:{}", folder.join("copy").display());
        let from = format!("docker://{name}");
        skopeo(&[
            "--registries-conf",
            &registries,
            "--policy",
            &policy,
            "copy",
            "--src-authfile",
            &logins,
            &from,
            &to,
        ]);
        let manifest = fs::read(folder.join("copy/manifest.json")).unwrap();
        let (digest, _) = mirror.manifest("hub/library/app:1");
        assert_eq!(imgbuild::oci::digest_of(&manifest), digest, "{name}");
    }
}
