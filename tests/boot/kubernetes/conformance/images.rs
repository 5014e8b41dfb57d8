//! The images that the suite's pods run, under the very names that it asks for: agnhost of the
//! suite's own source, and programs of the Debian that this machine runs.
//!
//! Upstream's are made of Alpine and Debian by recipes in `test/images` of Kubernetes' source;
//! these follow them. What would be another program under the same name is not made: its tests are
//! not run, and [`super::suite`] says which these are.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::names::Arch;
use imgbuild::oci;

use crate::made_images::{Tree, archive};

/// An image to be.
struct Recipe {
    names: &'static [&'static str],
    /// Further programs of this machine, with the Debian package that has them.
    programs: &'static [(&'static str, &'static str)],
    /// Files of the folder of programs, and where they lie in the image.
    files: &'static [(&'static str, &'static str)],
    links: &'static [(&'static str, &'static str)],
    entrypoint: &'static [&'static str],
    command: &'static [&'static str],
}

/// In the order of the versions in `test/utils/image/manifest.go` of Kubernetes 1.36.
const RECIPES: [Recipe; 3] = [
    Recipe {
        // The elder one's programs are those of the same source: tests tell them apart by name.
        names: &[
            "registry.k8s.io/e2e-test-images/agnhost:2.63.0",
            "registry.k8s.io/e2e-test-images/agnhost:2.55",
        ],
        programs: &[
            ("bash", "bash"),
            ("curl", "curl"),
            ("dig", "bind9-dnsutils"),
            ("getent", "libc-bin"),
            ("nc.openbsd", "netcat-openbsd"),
            ("ss", "iproute2"),
        ],
        files: &[("agnhost", "agnhost")],
        // Debian's static busybox prefers its own programs in its shell.
        links: &[
            ("agnhost-2", "agnhost"),
            ("usr/bin/nc", "nc.openbsd"),
            ("bin/sh", "/usr/bin/bash"),
        ],
        entrypoint: &["/agnhost"],
        command: &["pause"],
    },
    Recipe {
        names: &["registry.k8s.io/e2e-test-images/busybox:1.37.0-1"],
        programs: &[("bash", "bash")],
        files: &[],
        // The shell of Debian's busybox drops variables whose names have dashes.
        links: &[("bin/sh", "/usr/bin/bash")],
        entrypoint: &[],
        command: &["sh"],
    },
    Recipe {
        names: &["registry.k8s.io/e2e-test-images/glibc-dns-testing:2.0.0"],
        programs: &[
            ("bash", "bash"),
            ("dig", "bind9-dnsutils"),
            ("getent", "libc-bin"),
        ],
        files: &[],
        links: &[("bin/sh", "/usr/bin/bash")],
        entrypoint: &[],
        command: &["sh"],
    },
];

/// The pause image's name in tests; the node's own has another.
const PAUSE: &str = "registry.k8s.io/pause:3.10.2";

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
user-defined-in-image:x:1000:1000::/home:/bin/sh
nobody:x:65534:65534:nobody:/home:/bin/false
";

const GROUP: &str = "\
root:x:0:
daemon:x:1:
user-defined-in-image:x:1000:
group-defined-in-image:x:50000:user-defined-in-image
nogroup:x:65534:
";

/// Writes an archive for each image into `folder`, from the programs in the folder `programs` and
/// those of this machine. Needs `ldd` and `busybox` (Debian packages libc-bin, busybox-static).
pub fn write(folder: &Path, programs: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (number, recipe) in RECIPES.iter().enumerate() {
        let layer = recipe.layer(programs);
        archive(
            &folder.join(format!("{number}.tar")),
            recipe.names,
            &layer,
            recipe.entrypoint,
            recipe.command,
        );
    }
    let mut pause = Tree::default();
    pause.file("pause", 0o755, oci::pause(Arch::Amd64));
    let at = folder.join("pause.tar");
    archive(&at, &[PAUSE], &pause.layer(), &["/pause"], &[]);
}

impl Recipe {
    /// Debian's busybox with all that it can be called, and what this image has beyond it.
    fn layer(&self, programs: &Path) -> Vec<u8> {
        let mut tree = Tree::default();
        tree.directory("tmp", 0o1777);
        tree.directory("uploads", 0o777);
        tree.directory("home", 0o755);
        tree.directory("root", 0o700);
        tree.file("etc/passwd", 0o644, PASSWD);
        tree.file("etc/group", 0o644, GROUP);
        for (name, package) in self.programs {
            tree.program(name, package);
        }
        for (from, to) in self.files {
            tree.file(to, 0o755, fs::read(programs.join(from)).unwrap());
        }
        for (path, target) in self.links {
            tree.link(path, target);
        }
        if self.entrypoint == ["/agnhost"] {
            // For its servers of HTTPS (`porter`), whose clients ask nobody.
            let (certificate, key) = self_signed();
            tree.file("localhost.crt", 0o644, certificate);
            tree.file("localhost.key", 0o644, key);
        }
        tree.busybox();
        tree.layer()
    }
}

/// A certificate for `localhost` and its key. Needs `openssl` (Debian package openssl).
fn self_signed() -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("crt"), folder.path().join("key"));
    let mut command = Command::new("openssl");
    command
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
        ])
        .args(["-subj", "/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let read = |file| fs::read_to_string(file).unwrap();
    (read(certificate), read(key))
}
