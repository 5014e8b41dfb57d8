//! Live images and payloads, held against coreos-installer: it reads what we write, we read what it
//! writes, on the trimmed live images of every layout that its crate holds.
//!
//! `cargo xtask prepare` builds it (Debian packages: libssl-dev libzstd-dev pkg-config xz-utils).

mod nodes;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Where `cargo xtask prepare` puts it (`xtask/src/coreos_installer.rs`).
const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/xtask/coreos-installer-0.27.0"
);

/// The one that is not a live image.
const PLAIN: &str = "synthetic.iso";

const CONFIG: &str = r#"{"ignition":{"version":"3.1.0"},"storage":{"files":[{"path":"/etc/hostname","mode":420,"contents":{"source":"data:,kube1"}}]}}
"#;
const KEYFILE: &str = "[connection]\nid=eth0\ntype=ethernet\n\n[ipv4]\nmethod=auto\n";

/// A folder with the images, a config and a keyfile.
struct Lab(TempDir);

impl Lab {
    fn new() -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        for (name, contents) in [
            ("config.ign", CONFIG),
            ("other.ign", r#"{"ignition":{"version":"3.3.0"}}"#),
            ("eth0.nmconnection", KEYFILE),
            ("eth1.nmconnection", "[connection]\nid=eth1\n"),
        ] {
            fs::write(lab.path(name), contents).unwrap();
        }
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn run(&self, program: &Path, arguments: &str) -> Output {
        Command::new(program)
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|why| panic!("{}: {why}: run `cargo xtask prepare`", program.display()))
    }

    /// What coreos-installer prints.
    fn theirs(&self, arguments: &str) -> Vec<u8> {
        let output = self.run(&Path::new(FOLDER).join("bin/coreos-installer"), arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "coreos-installer {arguments}: {said}"
        );
        output.stdout
    }

    /// What imgbuild prints.
    fn ours(&self, arguments: &str) -> Vec<u8> {
        let output = self.run(&program(), arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "imgbuild {arguments}: {said}");
        output.stdout
    }

    fn sha256(&self, name: &str) -> String {
        let output = self.run(Path::new("sha256sum"), name);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()[..64].to_owned()
    }
}

/// The program under test; slow tests are given the optimized one.
fn program() -> PathBuf {
    std::env::var_os("IMGBUILD_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_imgbuild").into(), PathBuf::from)
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Unpacks the published images into the lab; their names.
fn images(lab: &Lab) -> Vec<String> {
    let folder = Path::new(FOLDER).join("fixtures");
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|why| panic!("{}: {why}: run `cargo xtask prepare`", folder.display()));
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let unpacked = Command::new("xz")
            .args(["--decompress", "--stdout"])
            .arg(&path)
            .stdout(File::create(lab.path(&name)).unwrap())
            .status()
            .expect("xz runs: install Debian's package xz-utils");
        assert!(unpacked.success(), "{name}");
        names.push(name);
    }
    names.sort();
    assert!(names.len() >= 9, "{names:?}");
    names
}

fn live_images(lab: &Lab) -> Vec<String> {
    let mut names = images(lab);
    names.retain(|name| name != PLAIN);
    names
}

/// Whether the image takes kernel arguments, and keyfiles and settings of the installer, by its own
/// account.
fn takes(lab: &Lab, image: &str) -> (bool, bool) {
    let iso =
        imgbuild::formats::iso9660::read::Iso::open(File::open(lab.path(image)).unwrap()).unwrap();
    let live = imgbuild::read::LiveIso::open(iso).unwrap().unwrap();
    (
        live.kernel_arguments.is_some(),
        live.features.live_initrd_network && live.features.installer_config,
    )
}

#[test]
#[ignore = "wants coreos-installer, which takes minutes to build"]
fn what_we_embed_it_reads_and_takes_out() {
    let lab = Lab::new();
    let mut seen = [0, 0];
    for image in live_images(&lab) {
        let (arguments, network) = takes(&lab, &image);
        seen[0] += usize::from(arguments);
        seen[1] += usize::from(network);
        let original = lab.sha256(&image);
        let mut wanted = "--ignition config.ign".to_owned();
        if arguments {
            wanted += " --karg-append console=ttyS0,115200n8 --karg-append a --karg-delete ignition.firstboot";
        }
        if network {
            wanted += " --network-keyfile eth0.nmconnection --network-keyfile eth1.nmconnection";
        }
        lab.ours(&format!("embed {image} {wanted} -o ours.iso"));
        assert_eq!(lab.sha256(&image), original, "{image}: the input changed");

        let shown = lab.theirs("iso ignition show ours.iso");
        assert_eq!(String::from_utf8_lossy(&shown), CONFIG, "{image}");
        if arguments {
            let before = lab.theirs(&format!("iso kargs show {image}"));
            let expected = format!(
                "{} console=ttyS0,115200n8 a\n",
                String::from_utf8(before.clone())
                    .unwrap()
                    .replace(" ignition.firstboot", "")
                    .trim_end()
            );
            let shown = lab.theirs("iso kargs show ours.iso");
            assert_eq!(String::from_utf8_lossy(&shown), expected, "{image}");
            let default = lab.theirs("iso kargs show --default ours.iso");
            assert_eq!(default, before, "{image}");
        }
        if network {
            let folder = lab.path("keyfiles");
            lab.theirs("iso network extract -C keyfiles ours.iso");
            assert_eq!(
                fs::read_to_string(folder.join("eth0.nmconnection")).unwrap(),
                KEYFILE
            );
            assert!(folder.join("eth1.nmconnection").exists(), "{image}");
            fs::remove_dir_all(folder).unwrap();
        }

        // Streamed, copied and in place: the same bytes.
        let copied = lab.read("ours.iso");
        assert!(
            lab.ours(&format!("embed {image} {wanted} -o -")) == copied,
            "{image}: streamed"
        );
        fs::copy(lab.path(&image), lab.path("place.iso")).unwrap();
        lab.ours(&format!("embed place.iso {wanted} -o place.iso"));
        assert!(lab.read("place.iso") == copied, "{image}: in place");

        // Each takes out what we put in, and the original is there again.
        lab.ours("embed ours.iso --remove -o removed.iso");
        assert_eq!(
            lab.sha256("removed.iso"),
            original,
            "{image}: removed by us"
        );
        lab.theirs("iso reset ours.iso");
        assert_eq!(lab.sha256("ours.iso"), original, "{image}: reset by it");
        lab.ours("embed place.iso --remove -o place.iso");
        assert_eq!(
            lab.sha256("place.iso"),
            original,
            "{image}: removed in place"
        );
    }
    assert!(seen.iter().all(|&count| count >= 3), "{seen:?}");
}

#[test]
#[ignore = "wants coreos-installer, which takes minutes to build"]
fn what_it_embeds_we_read_and_take_out() {
    let lab = Lab::new();
    for image in live_images(&lab) {
        let (arguments, network) = takes(&lab, &image);
        let original = lab.sha256(&image);
        let theirs = lab.path("theirs.iso");
        fs::copy(lab.path(&image), &theirs).unwrap();
        lab.theirs("iso ignition embed -i config.ign theirs.iso");
        if network {
            lab.theirs("iso network embed -k eth0.nmconnection theirs.iso");
        }
        if arguments {
            lab.theirs("iso kargs modify -a a=1 -d ignition.firstboot theirs.iso");
            let shown = lab.theirs("iso kargs show theirs.iso");
            assert_eq!(lab.ours("embed theirs.iso --show=kargs"), shown, "{image}");
        }
        let shown = lab.ours("embed theirs.iso --show=ignition");
        assert_eq!(String::from_utf8_lossy(&shown), CONFIG, "{image}");
        let inspected = String::from_utf8(lab.ours("inspect theirs.iso")).unwrap();
        assert!(
            inspected.contains("  node        kube1\n"),
            "{image}: {inspected}"
        );
        if network {
            let shown = String::from_utf8(lab.ours("embed theirs.iso --show=network")).unwrap();
            assert_eq!(shown, format!("# eth0.nmconnection\n{KEYFILE}"), "{image}");
        }
        lab.ours("embed theirs.iso --remove -o theirs.iso");
        assert_eq!(lab.sha256("theirs.iso"), original, "{image}: removed by us");

        // A whole customisation of its own making.
        if network {
            lab.theirs(&format!(
                "iso customize --live-ignition other.ign --dest-ignition config.ign --dest-device /dev/sda \
                 --network-keyfile eth0.nmconnection -o customized.iso {image}"
            ));
            let inspected = String::from_utf8(lab.ours("inspect customized.iso")).unwrap();
            for line in [
                "  keyfile     eth0.nmconnection",
                "  file /etc/coreos/dest.ign  (0600)",
                "  file /etc/hostname  (0644)",
            ] {
                assert!(
                    inspected.lines().any(|found| found == line),
                    "{image}: {line}\n{inspected}"
                );
            }
            lab.ours("embed customized.iso --remove -o customized.iso");
            assert_eq!(lab.sha256("customized.iso"), original, "{image}");
            fs::remove_file(lab.path("customized.iso")).unwrap();
        }
    }
}

#[test]
#[ignore = "wants coreos-installer, which takes minutes to build"]
fn an_image_that_is_not_live_is_refused_by_both_and_read_by_us() {
    let lab = Lab::new();
    assert!(images(&lab).contains(&PLAIN.to_owned()));
    let theirs = Path::new(FOLDER).join("bin/coreos-installer");
    let refused = lab.run(&theirs, &format!("iso ignition show {PLAIN}"));
    assert!(!refused.status.success());
    let refused = lab.run(&program(), &format!("embed {PLAIN} --show"));
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let iso =
        imgbuild::formats::iso9660::read::Iso::open(File::open(lab.path(PLAIN)).unwrap()).unwrap();
    assert_eq!(iso.list("largedir").unwrap().len(), 150);
    for path in ["content/file.txt", "really/very/deeply/nested/file.txt"] {
        assert_eq!(iso.read(path, 100).unwrap().unwrap(), b"foo\n", "{path}");
    }
}
