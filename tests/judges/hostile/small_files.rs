//! Files of which nobody expects that they are large: locks, keys, logins, and what `import` reads.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use super::images::{BUILD, project};
use super::refused;

#[test]
fn endless_files_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    symlink("/dev/zero", folder.join("endless")).expect("links");
    let import = ["import", "endless", "--target", "flatcar"];
    refused("import", folder, &import, 2, "it has more than 8 MiB");
    let embed = ["embed", "--pxe", "--ignition", "endless", "-o", "a.img"];
    refused("embed", folder, &embed, 2, "it has more than 88 MiB");
    let keyfile = [
        "embed",
        "--pxe",
        "--network-keyfile",
        "endless",
        "-o",
        "a.img",
    ];
    refused("embed", folder, &keyfile, 2, "it has more than 88 MiB");
    for what in ["inspect", "verify"] {
        let arguments = [what, "endless", "node.yaml"];
        let arguments = if what == "verify" {
            &arguments[..]
        } else {
            &arguments[..2]
        };
        refused(what, folder, arguments, 2, "");
    }

    fs::create_dir(folder.join("pki")).expect("creates");
    for name in ["ca.crt", "ca.key"] {
        symlink("/dev/zero", folder.join("pki").join(name)).expect("links");
    }
    fs::write(folder.join("node.yaml"), "version: 1\nhostname: a\n").expect("writes");
    let keys = ["keys", "import", "node.yaml", "pki"];
    refused("keys", folder, &keys, 1, "is not a regular file");
    for name in ["ca.crt", "ca.key"] {
        fs::remove_file(folder.join("pki").join(name)).expect("removes");
        let file = File::create(folder.join("pki").join(name)).expect("creates");
        file.set_len(1 << 40).expect("a sparse file");
    }
    refused("keys", folder, &keys, 1, "it has more than 256 KiB");
}

#[test]
fn hostile_locks_and_logins_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    project(folder, "127.0.0.1:1/a:1");
    let lock = folder.join("imgbuild.lock");
    symlink("/dev/zero", &lock).expect("links");
    refused("a device", folder, &BUILD, 1, "is not a regular file");
    fs::remove_file(&lock).expect("removes");
    fs::write(
        &lock,
        format!(r#"{{"version":1,"x":[{}0]}}"#, "0,".repeat(4 << 20)),
    )
    .expect("writes");
    refused("values", folder, &BUILD, 1, "MiB of memory to parse");
    fs::write(
        &lock,
        format!(r#"{{"version":1,"x":{}"#, "[".repeat(100_000)),
    )
    .expect("writes");
    refused("nesting", folder, &BUILD, 1, "recursion limit");
    File::create(&lock)
        .and_then(|file| file.set_len(1 << 40))
        .expect("a sparse file");
    refused("a large one", folder, &BUILD, 1, "it has more than 16 MiB");
    fs::remove_file(&lock).expect("removes");
    fs::create_dir(folder.join(".docker")).expect("creates");
    symlink("/dev/zero", folder.join(".docker/config.json")).expect("links");
    refused("logins", folder, &BUILD, 1, "is not a regular file");
}
