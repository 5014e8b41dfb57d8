//! Live images of every layout, and what goes in comes out again.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::formats::iso9660::read::Iso;

use crate::embed::lab::{CONFIG, Lab};

/// How an image says where things are.
pub struct Layout {
    pub name: &'static str,
    /// `/coreos/igninfo.json`
    igninfo: Option<&'static str>,
    /// `/coreos/kargs.json`
    kargs: Option<&'static str>,
    features: Option<&'static str>,
    /// The file that holds the area, and how many bytes stand before it there.
    area: (&'static str, usize),
    /// Headers in the system area: the embed area's and the kernel arguments'.
    headers: (bool, bool),
}

/// The area's bytes; real ones have more.
pub const AREA: usize = 16 << 10;
/// The arguments' room.
const ROOM: usize = 300;
/// What the images come with.
pub const DEFAULT: &str = "mitigations=auto,nosmt coreos.liveiso=live ignition.firstboot";

const KARGS: &str = r##"{"default": "mitigations=auto,nosmt coreos.liveiso=live ignition.firstboot", "size": 300,
    "files": [{"path": "EFI/fedora/grub.cfg", "offset": 20},
              {"path": "isolinux/isolinux.cfg", "offset": 7, "pad": "#", "end": "\n"}]}"##;

pub const LAYOUTS: [Layout; 5] = [
    Layout {
        name: "json",
        igninfo: Some(r#"{"file": "images/ignition.img"}"#),
        kargs: Some(KARGS),
        features: Some(
            r#"{"installer-config": true, "installer-config-directives": {"console": true, "x": true}, "live-initrd-network": true}"#,
        ),
        area: ("images/ignition.img", 0),
        headers: (false, false),
    },
    Layout {
        name: "s390x",
        igninfo: Some(r#"{"file": "images/cdboot.img", "offset": 1000, "length": 16384}"#),
        kargs: Some(
            r#"{"default": "mitigations=auto,nosmt coreos.liveiso=live ignition.firstboot", "size": 300,
                "files": [{"path": "images/cdboot.img", "offset": 500, "pad": "\u0000", "end": "\u0000"}]}"#,
        ),
        features: Some(r#"{"installer-config": true, "live-initrd-network": true}"#),
        area: ("images/cdboot.img", 1000),
        headers: (false, false),
    },
    Layout {
        name: "headers",
        igninfo: None,
        kargs: None,
        features: None,
        area: ("images/ignition.img", 0),
        headers: (true, true),
    },
    Layout {
        name: "header-of-another-file",
        igninfo: None,
        kargs: None,
        features: None,
        area: ("images/other.img", 512),
        headers: (true, false),
    },
    Layout {
        name: "name",
        igninfo: None,
        kargs: None,
        features: None,
        area: ("images/ignition.img", 0),
        headers: (false, false),
    },
];

impl Layout {
    /// Whether kernel arguments can be changed.
    fn has_arguments(&self) -> bool {
        self.kargs.is_some() || self.headers.1
    }

    /// Makes an image of the layout.
    pub fn make(&self, lab: &Lab, image: &str) {
        let tree = lab.path(&format!("tree-{}", self.name));
        let write = |path: &str, contents: &[u8]| {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        };
        let pad = if self.name == "s390x" { 0 } else { b'#' };
        let mut arguments = DEFAULT.as_bytes().to_vec();
        arguments.push(if pad == 0 { 0 } else { b'\n' });
        arguments.resize(ROOM, pad);
        let with = |before: usize, contents: &[u8]| {
            let mut bytes = vec![b'-'; before];
            bytes.extend_from_slice(contents);
            bytes.extend_from_slice(b"---");
            bytes
        };
        write("EFI/fedora/grub.cfg", &with(20, &arguments));
        write("isolinux/isolinux.cfg", &with(7, &arguments));
        write("images/pxeboot/vmlinuz", &[1; 5001]);
        let (path, before) = self.area;
        let mut area = vec![0; AREA];
        if before > 0 {
            area = with(before, &area);
        }
        if self.name == "s390x" {
            area[500..500 + ROOM].copy_from_slice(&arguments);
        }
        write(path, &area);
        for (name, contents) in [
            ("igninfo", self.igninfo),
            ("kargs", self.kargs),
            ("features", self.features),
        ] {
            if let Some(contents) = contents {
                write(&format!("coreos/{name}.json"), contents.as_bytes());
            }
        }
        if self.headers.1 {
            write(".cmdline", &arguments);
        }
        genisoimage(&tree, &lab.path(image));
        fs::remove_dir_all(&tree).unwrap();
        self.add_headers(lab, image);
    }

    fn add_headers(&self, lab: &Lab, image: &str) {
        let iso = Iso::open(fs::File::open(lab.path(image)).unwrap()).unwrap();
        let start = |path: &str| iso.extent(path).unwrap().unwrap().0;
        let mut bytes = lab.read(image);
        let mut put = |at: usize, magic: &[u8], numbers: &[u64]| {
            bytes[at..at + 8].copy_from_slice(magic);
            for (index, number) in numbers.iter().enumerate() {
                let at = at + 8 + index * 8;
                bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
            }
        };
        if self.headers.0 {
            let (path, before) = self.area;
            put(
                32_744,
                b"coreiso+",
                &[start(path) + before as u64, AREA as u64],
            );
        }
        if self.headers.1 {
            put(
                32_672,
                b"coreKarg",
                &[
                    ROOM as u64,
                    start(".cmdline"),
                    start("EFI/fedora/grub.cfg") + 20,
                    start("isolinux/isolinux.cfg") + 7,
                ],
            );
        }
        lab.write(image, bytes);
    }
}

/// Makes an ISO image of `tree`.
pub fn genisoimage(tree: &Path, image: &Path) {
    let made = Command::new("genisoimage")
        .args(["-quiet", "-R", "-J", "-V", "live", "-o"])
        .args([image, tree])
        .output()
        .expect("genisoimage runs: install Debian's package genisoimage");
    assert!(made.status.success(), "{made:?}");
}

/// An image of the first layout.
pub fn live_image(lab: &Lab, name: &str) {
    LAYOUTS[0].make(lab, name);
}

#[test]
fn what_is_embedded_comes_out_again_and_leaves_no_trace() {
    for layout in &LAYOUTS {
        let name = layout.name;
        let lab = Lab::new();
        layout.make(&lab, "live.iso");
        let original = lab.read("live.iso");
        let arguments = if layout.has_arguments() {
            "--karg-append a=1 --karg-append b --karg-delete ignition.firstboot --karg-replace mitigations=auto,nosmt=off"
        } else {
            ""
        };
        let wanted = format!("--ignition config.ign {arguments}");
        lab.prints(&format!("embed live.iso {wanted} -o node.iso"));
        assert!(
            lab.read("live.iso") == original,
            "{name}: the input changed"
        );
        let embedded = lab.read("node.iso");
        assert_eq!(embedded.len(), original.len(), "{name}");
        assert_eq!(
            lab.prints("embed node.iso --show=ignition"),
            CONFIG.as_bytes(),
            "{name}"
        );
        if layout.has_arguments() {
            assert_eq!(
                lab.says("embed node.iso --show=kargs"),
                "mitigations=off coreos.liveiso=live a=1 b\n",
                "{name}"
            );
        }

        // Streamed, and in place: the same bytes.
        let streamed = lab.prints(&format!("embed live.iso {wanted} -o -"));
        assert!(streamed == embedded, "{name}: streamed");
        lab.write("place.iso", &original);
        lab.prints(&format!("embed place.iso {wanted} -o place.iso"));
        assert!(lab.read("place.iso") == embedded, "{name}: in place");
        // Over what was embedded before: as if nothing had been.
        lab.prints("embed live.iso --ignition config.ign -o other.iso");
        lab.prints(&format!("embed other.iso --force {wanted} -o forced.iso"));
        assert!(lab.read("forced.iso") == embedded, "{name}: forced");

        lab.prints("embed node.iso --remove -o removed.iso");
        assert!(lab.read("removed.iso") == original, "{name}: removed");
        lab.prints("embed place.iso --remove -o place.iso");
        assert!(
            lab.read("place.iso") == original,
            "{name}: removed in place"
        );
        lab.prints("embed live.iso --remove -o nothing.iso");
        assert!(
            lab.read("nothing.iso") == original,
            "{name}: nothing to remove"
        );
    }
}

#[test]
fn it_is_shown_and_compared() {
    let lab = Lab::new();
    live_image(&lab, "live.iso");
    lab.write("eth0.nmconnection", "[wifi-security]\npsk=verysecret\n");
    lab.prints(
        "embed live.iso --ignition config.ign --network-keyfile eth0.nmconnection --karg-append a=1 -o node.iso",
    );
    let pristine = lab.says("embed live.iso --show");
    assert!(pristine.contains("  Ignition    none\n"), "{pristine}");
    for shown in [
        lab.says("embed node.iso --show"),
        lab.says("inspect node.iso"),
    ] {
        for line in [
            "node.iso: a live ISO image of Fedora CoreOS",
            "  node        kube1",
            "  base        live",
            "  arguments   mitigations=auto,nosmt coreos.liveiso=live ignition.firstboot a=1",
            "  Ignition    3.4.0, 126 bytes",
            "  keyfile     eth0.nmconnection",
            "  file /etc/hostname  (0644)",
        ] {
            assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
        }
        assert!(!shown.contains("secret"), "{shown}");
    }
    assert_eq!(
        lab.says("embed node.iso --show=network"),
        "# eth0.nmconnection\n[wifi-security]\npsk=verysecret\n"
    );

    let all =
        "kube1:\n  + kernel argument a=1\n  + file /etc/hostname\n  + keyfile eth0.nmconnection\n";
    assert_eq!(lab.says("diff live.iso node.iso"), all);
    assert_eq!(lab.says("diff live.iso live.iso"), ": no changes\n");
    lab.write("eth0.nmconnection", "[wifi-security]\npsk=changed\n");
    lab.prints("embed live.iso --ignition config.ign --network-keyfile eth0.nmconnection --karg-append a=1 -o new.iso");
    assert_eq!(
        lab.says("diff node.iso new.iso"),
        "kube1:\n  ~ keyfile eth0.nmconnection: contents differ (secret)\n"
    );
}
