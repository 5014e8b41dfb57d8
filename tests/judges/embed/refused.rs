//! What does not go, and how it is said: all of it before anything is written.

use std::fs;

use crate::embed::images::{LAYOUTS, genisoimage, live_image};
use crate::embed::lab::Lab;

/// Images, configs and keyfiles, good ones and bad ones.
fn lab() -> Lab {
    let lab = Lab::new();
    live_image(&lab, "live.iso");
    LAYOUTS[4].make(&lab, "old.iso");
    LAYOUTS[1].make(&lab, "s390x.iso");
    lab.prints("embed live.iso --ignition config.ign -o used.iso");
    fs::create_dir(lab.path("tree")).unwrap();
    lab.write("tree/readme", "nothing");
    genisoimage(&lab.path("tree"), &lab.path("plain.iso"));
    lab.write("text.iso", "hello");
    lab.write("old.ign", r#"{"ignition":{"version":"2.2.0"}}"#);
    lab.write("broken.ign", "{");
    lab.write("eth0.nmconnection", "");
    fs::create_dir(lab.path("other")).unwrap();
    lab.write("other/eth0.nmconnection", "");
    // What does not compress.
    let mut seed = 1u32;
    let noise: String = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + u8::try_from((seed >> 24) % 90).unwrap())
    })
    .filter(|c| !"\"\\".contains(*c))
    .take(30_000)
    .collect();
    lab.write(
        "large.ign",
        format!(r#"{{"ignition":{{"version":"3.0.0"}},"x":"{noise}"}}"#),
    );
    lab
}

#[test]
fn wrong_requests_say_why() {
    let lab = lab();
    let long = format!("a={}", "x".repeat(300));
    for (arguments, why) in [
        ("embed live.iso -o a.iso", "nothing to embed"),
        ("embed --pxe -o a.img", "nothing to embed"),
        ("embed live.iso --ignition config.ign", "--output"),
        ("embed -o a.iso --ignition config.ign", "LIVE_ISO"),
        (
            "embed live.iso --show --ignition config.ign",
            "cannot be used with",
        ),
        (
            "embed live.iso --remove --karg-append a -o a.iso",
            "cannot be used with",
        ),
        (
            "embed --pxe live.iso --ignition config.ign -o a",
            "cannot be used with",
        ),
        (
            "embed --pxe --karg-append a -o a.img",
            "cannot be used with",
        ),
        (
            "embed text.iso --ignition config.ign -o a.iso",
            "not an ISO image",
        ),
        (
            "embed plain.iso --ignition config.ign -o a.iso",
            "no embed area for a config",
        ),
        ("embed plain.iso --show", "no embed area for a config"),
        ("embed used.iso --ignition config.ign -o a.iso", "--force"),
        ("embed live.iso --ignition old.ign -o a.iso", "spec 2.2.0"),
        (
            "embed live.iso --dest-ignition old.ign -o a.iso",
            "spec 2.2.0",
        ),
        (
            "embed live.iso --ignition broken.ign -o a.iso",
            "not an Ignition config",
        ),
        ("embed live.iso --ignition large.ign -o a.iso", "too many"),
        (
            "embed live.iso --karg-delete nosuch -o a.iso",
            "has no kernel argument `nosuch`",
        ),
        (
            "embed live.iso --karg-append a$b -o a.iso",
            "pass on unchanged",
        ),
        (
            &format!("embed live.iso --karg-append {long} -o a.iso"),
            "too many",
        ),
        (
            "embed old.iso --karg-append a -o a.iso",
            "no space for kernel arguments",
        ),
        (
            "embed old.iso --network-keyfile eth0.nmconnection -o a.iso",
            "does not support NetworkManager keyfiles",
        ),
        (
            "embed old.iso --dest-device /dev/sda -o a.iso",
            "does not support settings",
        ),
        (
            "embed s390x.iso --dest-console tty0 -o a.iso",
            "does not support consoles",
        ),
        (
            "embed live.iso --dest-console tty1 -o a.iso",
            "is not a valid console",
        ),
        ("embed live.iso --dest-device sda -o a.iso", "is not a disk"),
        (
            "embed live.iso --network-keyfile eth0.nmconnection --network-keyfile other/eth0.nmconnection -o a.iso",
            "two keyfiles",
        ),
        ("embed live.iso --show=ignition", "has no Ignition config"),
        ("embed live.iso --show=network", "has no keyfiles"),
        (
            "embed old.iso --show=kargs",
            "no space for kernel arguments",
        ),
    ] {
        let said = lab.refuses(arguments);
        assert!(said.contains(why), "{arguments}: {said}");
    }
    // It says by how much, and what to do.
    let said = lab.refuses("embed live.iso --ignition large.ign -o a.iso");
    assert!(
        said.contains("embed area has 16384: ") && said.contains("--pxe"),
        "{said}"
    );
    // Not the input's fault.
    let missing = lab.imgbuild("embed missing.iso --ignition config.ign -o a.iso");
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    let missing = lab.imgbuild("embed live.iso --ignition missing.ign -o a.iso");
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
}
