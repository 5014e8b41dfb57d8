//! Hashes of passwords, before the C library that a node logs in with.

use std::process::Command;

use imgbuild::pki::Access;

use crate::spec_folder::{Project, spec};

/// libcrypt judges, by way of Perl's `crypt` (Debian package perl-base).
#[test]
fn the_c_library_takes_the_hashes() {
    let text = spec("users: [{name: core, password_file: pw}, {name: ops, password_file: pw}]\n");
    let mut project = Project::new(&text, &[("pw", "correct horse\n")]);
    for user in &project.cluster(Access::Write).nodes[0].users {
        let hash = user.password_hash.as_deref().expect("a hash");
        let output = Command::new("perl")
            .args([
                "-e",
                "print crypt($ARGV[0], $ARGV[1])",
                "correct horse",
                hash,
            ])
            .output()
            .expect("perl runs (Debian package perl-base)");
        assert_eq!(String::from_utf8_lossy(&output.stdout), hash);
    }
}
