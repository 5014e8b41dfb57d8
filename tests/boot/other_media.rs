//! Media that are not the node's own, or not what they were: a disk that was written by someone
//! else must not supply the programs of a node.

use std::fs;
use std::path::{Path, PathBuf};

use imgbuild::qemu::{Disk, Firmware, Medium};

use crate::guest::Guest;
use crate::lab::{Lab, cache};
use crate::node;

/// Where the root image is in the bytes of an artifact: the magic of squashfs at the start of a
/// sector, with zstd as its compressor and its version (Linux `fs/squashfs/squashfs_fs.h`).
fn root_of(artifact: &[u8]) -> usize {
    let is_root = |at: &usize| {
        let head = &artifact[*at..];
        head.starts_with(b"hsqs") && head[20..22] == [6, 0] && head[28..32] == [4, 0, 0, 0]
    };
    (0..artifact.len() - 4096)
        .step_by(2048)
        .find(is_root)
        .expect("a root image")
}

/// A copy of `artifact` in which `change` changed the root image.
fn changed(artifact: &Path, to: PathBuf, change: impl Fn(&mut [u8])) -> PathBuf {
    let mut bytes = fs::read(artifact).unwrap();
    let at = root_of(&bytes);
    change(&mut bytes[at..]);
    fs::write(&to, bytes).unwrap();
    to
}

/// A copy of the node's ISO, with its label and all its names, whose root image is another one: of
/// another time, and whole.
pub fn with_another_root(lab: &Lab, iso: &Path) -> PathBuf {
    changed(iso, lab.path("other.iso"), |root| root[8] ^= 1)
}

/// The node has read what it is made of from its own medium, and not from the disk `name`.
pub fn is_not_the_root(node: &Guest, name: &str) {
    // The third number of `stat` is that of sectors read (kernel
    // Documentation/block/stat.rst). Identifying a disk takes some.
    let read = node.ask(&format!("awk '{{print $3}}' /sys/block/{name}/stat"));
    let read: u64 = read.trim().parse().unwrap();
    assert!(read < 20_000, "{read} sectors of {name} were read");
}

/// What the console says of a root image that was changed: on the medium itself, in an initrd, and
/// where nothing reads it before the programs start.
pub fn changed_roots_are_refused() {
    let lab = Lab::new();
    let spec = node::spec(&lab, "");
    let shows = |name: &str, medium: Medium, words: &str| {
        let machine = node::machine(&lab, name, Firmware::Bios, medium);
        let guest = Guest::start(&lab, "changed", machine, None);
        guest.shows(words, 0);
        guest.console.text()
    };
    let is_stopped = |name: &str, medium: Medium, words: &str| {
        assert!(
            !shows(name, medium, words).contains("systemd["),
            "{name} started"
        );
    };
    let iso = lab.build(&spec, "node.iso", &[]);
    let other = with_another_root(&lab, &iso);
    is_stopped(
        "medium",
        Medium::Cd(other.clone()),
        "REFUSED the root image on sr0: it is not the one that this node was built with",
    );

    // A stick takes its time to appear, and the other disk is there at once.
    let mut machine = node::machine(&lab, "stick", Firmware::Bios, Medium::UsbStick(iso.clone()));
    machine.disks.push(Disk::Raw(other.clone()));
    let guest = Guest::start(&lab, "changed", machine, None);
    guest.shows("imgbuild: the root image is the one on sda", 0);

    let initrd = lab.build(&spec, "node.initrd", &[]);
    let kernel = |path: &Path| Medium::from_initrd(path, &cache()).unwrap().0;
    let start = changed(&initrd, lab.path("start.initrd"), |root| root[8] ^= 1);
    is_stopped(
        "start",
        kernel(&start),
        "the root image in the initrd is not the one that the initrd was built with",
    );
    let rest = changed(&initrd, lab.path("rest.initrd"), |root| {
        // Its blocks end before its hashes do.
        for byte in root[4096..100 << 20].iter_mut().step_by(4096) {
            *byte ^= 1;
        }
    });
    shows("rest", kernel(&rest), "dm-verity device corrupted");
    let Medium::Kernel {
        kernel,
        initrds,
        arguments,
    } = kernel(&initrd)
    else {
        panic!("an initrd is booted with its kernel");
    };
    let arguments = arguments.replace("imgbuild.images=", "imgbuild.images=0");
    let medium = Medium::Kernel {
        kernel,
        initrds,
        arguments,
    };
    is_stopped(
        "build",
        medium,
        "is not the one of imgbuild.images= on the kernel command line",
    );
}
