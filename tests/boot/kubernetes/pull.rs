//! A node that fetches its programs and images: from a site and a registry on the host, which is
//! its gateway.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use imgbuild::names::Arch;
use imgbuild::oci::{Entry, Image, NODE_IMAGE, layer, pause, write_archive, write_node_image};
use imgbuild::qemu::{Disk, Firmware, Medium, create_disk};

use super::site::Site;
use super::{KUBECTL, MEMORY, VERSION, WAIT};
use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};
use crate::registry::{Registry, run};

const ADDRESS: &str = "192.168.77.40/24";

/// Where the node finds what listens on the host's loopback.
const HOST: &str = "192.168.77.1";

/// Where upstream's images search for programs.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// It takes nothing that the lock does not pin, becomes Ready by what it fetched, and fetches
/// nothing again after a reboot.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn pull_fetches_what_the_lock_pins_once() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let registry = Registry::open();
    push_images(&lab, &registry, &programs);
    // What the build and the node ask for; the others are in images.
    let site = Site::start(&programs, &["kubelet", "kubectl"], Some("kubelet"));
    // The build sees the site at another address than the node does; what it pins are hashes.
    let spec = |site: &str| spec(&lab, site, &registry);
    let mirror = format!("registry.k8s.io={}", registry.host);
    let here = spec(&site.url());
    lab.build(&here, "node.ign", &["--registry-mirror", &mirror]);
    let (_, port) = site.address.rsplit_once(':').unwrap();
    let there = spec(&format!("http://{HOST}:{port}"));
    let iso = lab.build(&there, "node.iso", &[]);
    let mebibytes = fs::metadata(&iso).unwrap().len() >> 20;
    println!("an image that pulls: {mebibytes} MiB");

    let disk = lab.path("state.raw");
    create_disk(&disk, 4 << 30).unwrap();
    let machine = || {
        let mut machine =
            guest::machine("puller", Firmware::Bios, Medium::Cd(iso.clone()), ADDRESS);
        machine.memory = MEMORY;
        machine.disks = vec![Disk::Raw(disk.clone())];
        machine
    };
    let node = Guest::boot(&lab, "kubernetes-pull", machine());
    // The first kubelet that the site gave was another one.
    let kernel = node.ask("sudo journalctl --no-pager --dmesg --grep 'the hash in imgbuild.lock'");
    assert!(kernel.contains("kubelet from http://"), "{kernel}");
    assert_eq!(site.given("kubelet"), 2);
    assert_eq!(site.given("kubectl"), 1);
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} -n kube-system pods --all"
    ));
    let images = node.ask(&format!(
        "{KUBECTL} get pods -A -o jsonpath='{{.items[*].spec.containers[*].image}}'"
    ));
    assert_eq!(images.matches("@sha256:").count(), 4, "{images}");
    let pod = super::pod().replace(NODE_IMAGE, &format!("registry.k8s.io/lab:{VERSION}"));
    super::apply(&node, &pod);
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    node.says(&format!("{KUBECTL} exec lab -- hostname"), "lab");
    node.shut_down();

    // Nobody is there to ask any more.
    drop(registry);
    let given = site.given("kubelet");
    let again = Guest::boot(&lab, "kubernetes-pull-again", machine());
    again.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    again.says(&format!("{KUBECTL} exec lab -- hostname"), "lab");
    assert_eq!(site.given("kubelet"), given);
}

fn spec(lab: &Lab, site: &str, registry: &Registry) -> PathBuf {
    let key = &lab.public_key;
    let (_, port) = registry.host.rsplit_once(':').unwrap();
    lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
kernel_arguments: [{UNTIMED}]
hostname: puller
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}], gateway: {HOST}}}]}}
etcd: {{}}
containerd: {{registries: {{registry.k8s.io: {{mirrors: ['http://{HOST}:{port}']}}}}}}
kubernetes:
  version: {VERSION}
  role: single
  proxy: {{mode: nftables}}
  dns: none
  artifacts: {{mode: pull, programs: '{site}'}}
storage_device: /dev/vda
"
        ),
    )
}

/// Images like upstream's, from the bare programs, and one for a pod of the test's.
fn push_images(lab: &Lab, registry: &Registry, programs: &Path) {
    let at = lab.path("image.tar");
    let push = |name: &str, files: &[Entry], command: &str| {
        let image = Image {
            name,
            arch: Arch::Amd64,
            layers: vec![layer(files).unwrap()],
            entrypoint: vec![command.to_owned()],
            environment: vec![PATH.to_owned()],
        };
        write_archive(&[image], &mut File::create(&at).unwrap()).unwrap();
        registry.push(&at, name);
    };
    let pause = Entry::file("pause", 0o755, pause(Arch::Amd64));
    push("pause:3.10.2", &[pause], "/pause");
    for name in [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
    ] {
        let mut files = Vec::new();
        if name == "kube-proxy" {
            files.extend(with_libraries("/usr/sbin/nft"));
        }
        let path = format!("usr/local/bin/{name}");
        let bytes = fs::read(programs.join(name)).unwrap();
        files.push(Entry::file(&path, 0o755, bytes));
        push(&format!("{name}:v{VERSION}"), &files, &format!("/{path}"));
    }
    write_node_image(Arch::Amd64, &mut File::create(&at).unwrap()).unwrap();
    registry.push(&at, &format!("lab:{VERSION}"));
}

/// A program of the host and all that it loads.
fn with_libraries(program: &str) -> Vec<Entry> {
    let loaded = run("ldd", "libc-bin", &[program]);
    let libraries = (loaded.split_whitespace()).filter(|word| word.starts_with('/'));
    let all: BTreeSet<&str> = libraries.chain([program]).collect();
    (all.iter())
        .map(|path| {
            let bytes = fs::read(path).unwrap_or_else(|why| panic!("{path}: {why}"));
            Entry::file(path.trim_start_matches('/'), 0o755, bytes)
        })
        .collect()
}
