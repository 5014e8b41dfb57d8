//! Kubernetes: its config, and the image of its programs as systemd-sysext takes it. Needs the
//! Debian packages cpio, ignition, squashfs-tools, systemd and util-linux.

use std::fs;
use std::path::Path;

use imgbuild::node::fragment::{Origin, Unit};

use crate::flatcar::project::{BASE, Config, INITRD, Project};
use crate::sysext::{PLUGINS, PROGRAMS, merged, program, root, unpack, write_programs};
use crate::units::systemd_takes;

const SPEC: &str = "\
version: 1
target: flatcar
kubernetes: {version: 1.36.2, programs: programs}
nodes:
  - hostname: control1
    network:
      interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]
      firewall: {allow_from: [192.168.1.0/24]}
    swap: {zram: {size: 1GiB}}
    ca_certificates: [{name: site, local: site.pem}]
    etcd: {backup: {schedule: daily, keep: 7}}
    containerd:
      registries: {docker.io: {mirrors: ['https://mirror.example:5000']}}
    kubernetes: {role: control-plane}
  - hostname: worker1
    network: {interfaces: [{name: eth0, addresses: [192.168.1.21/24]}]}
    kubernetes: {role: worker}
";

/// What `systemd-sysext` compares an extension with; of Flatcar's release 4593.2.5.
const RELEASE: &str = "ID=flatcar\nVERSION_ID=4593.2.5\nSYSEXT_LEVEL=1.0\n";

/// The cluster, with its programs in a folder.
fn project() -> Project {
    let project = Project::new(&format!("{SPEC}{BASE}"));
    write_programs(&project);
    let site = "tests/shared/etcd-ca.crt"; // any authority
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join(site);
    fs::copy(site, project.path("site.pem")).unwrap();
    project
}

impl Config {
    fn link(&self, path: &str) -> Option<&str> {
        let links = self.json["storage"]["links"].as_array()?;
        links.iter().find(|link| link["path"] == path)?["target"].as_str()
    }
}

#[test]
fn control_plane_and_worker_are_accepted_and_complete() {
    let project = project();
    for name in ["control1", "worker1"] {
        let config = Config::of(&project, name);
        let kubelet = config.unit_text("kubelet.service");
        assert!(
            kubelet.contains("\nExecStart=/usr/lib/kubernetes/bin/kubelet "),
            "{kubelet}"
        );
        for (path, target) in [
            (
                "/etc/extensions/kubernetes.raw",
                "/oem/sysext/kubernetes.raw",
            ),
            ("/opt/cni/bin/bridge", "/usr/lib/kubernetes/cni/bridge"),
            ("/opt/cni/bin/portmap", "/usr/lib/kubernetes/cni/portmap"),
        ] {
            assert_eq!(config.link(path), Some(target), "{name}: {path}");
        }
        assert_eq!(config.link("/etc/extensions/images.raw"), None);
        // networkd would take pods' links for its own.
        let networkd = config.file("/etc/systemd/network/05-kubernetes.network");
        assert!(networkd.contains("Unmanaged=yes"), "{networkd}");
        let proxy = config.file("/etc/kubernetes/imgbuild/static-pods/kube-proxy.yaml");
        assert!(
            proxy.contains("    - /usr/lib/kubernetes/bin/kube-proxy\n"),
            "{proxy}"
        );
        assert!(proxy.contains("\n      path: /usr\n"), "{proxy}");
        // What Debian has, and what cannot be written here.
        let all = serde_json::to_string(&config.json).unwrap();
        let text = config.files.values().fold(all, |all, text| all + text);
        for other in [
            "/etc/alternatives",
            "/opt/kubernetes",
            "/usr/local/bin/kubectl",
        ] {
            assert!(!text.contains(other), "{name}: {other}");
        }
        let on_the_image: Vec<_> = (config.files.keys())
            .filter(|path| path.starts_with("/usr"))
            .collect();
        assert!(on_the_image.is_empty(), "{on_the_image:?}");
    }
}

#[test]
fn a_control_plane_has_what_goes_with_it() {
    let config = Config::of(&project(), "control1");
    let plane = config.file("/etc/kubernetes/manifests/kube-apiserver.yaml");
    for part in [
        "\n    - name: usr-share-ca-certificates\n      mountPath: /usr/share/ca-certificates\n",
        "\n    hostPath:\n      path: /usr/share/ca-certificates\n",
        "etcd-servers=https://127.0.0.1:2379",
    ] {
        assert!(plane.contains(part), "{part}: {plane}");
    }
    let etcd = config.unit_text("etcd.service");
    for part in [
        "--mode=0700 /var/lib/etcd /var/lib/imgbuild/etcd-snapshots\n",
        " --volume=/var/lib/imgbuild/etcd-snapshots:/var/lib/imgbuild/etcd-snapshots ",
    ] {
        assert!(etcd.contains(part), "{part}: {etcd}");
    }
    let snapshot = config.file("/opt/bin/imgbuild-etcd-snapshot");
    assert!(
        snapshot.contains("\n/opt/bin/etcdctl --command-timeout"),
        "{snapshot}"
    );
    config.file("/opt/bin/imgbuild-etcd-restore");
    assert!(
        config
            .file("/opt/bin/kubectl")
            .contains("own=/usr/lib/kubernetes/bin/kubectl\n")
    );
    // Its own certificates are in the folder, and the list is made of it: the list itself is a link
    // to what cannot be written.
    assert!(
        config
            .file("/etc/ssl/certs/site.pem")
            .contains("BEGIN CERTIFICATE")
    );
    assert!(
        config
            .unit_text("imgbuild-ca-certificates.service")
            .contains("update-ca-certificates")
    );
    let storage = config.json["storage"]["files"].as_array().unwrap();
    let appended: Vec<_> = (storage.iter().filter(|file| !file["append"].is_null())).collect();
    assert!(appended.is_empty(), "{appended:?}");
    assert!(
        config
            .unit_text("nftables.service")
            .contains("ExecStart=/usr/sbin/nft -f /etc/nftables.conf\n")
    );
    assert!(
        config
            .file("/etc/nftables.conf")
            .contains("tcp dport 6443 accept")
    );
    config.unit_text("zram-swap.service");
}

#[test]
fn containerd_has_its_settings() {
    let project = project();
    let config = Config::of(&project, "control1");
    let dropins = (config.units().iter())
        .find(|unit| unit["name"] == "containerd.service")
        .unwrap();
    // The unit that Flatcar has starts with `--config ${CONTAINERD_CONFIG}`.
    assert_eq!(
        dropins["dropins"][0]["contents"],
        "[Service]\nEnvironment=CONTAINERD_CONFIG=/etc/containerd/config.toml\n"
    );
    assert!(dropins["enabled"].is_null() && dropins["contents"].is_null());
    // Of containerd 2.x; what they say is told by the tests of containerd.
    let settings = config.file("/etc/containerd/config.toml");
    assert!(settings.contains("\nversion = 3\n"), "{settings}");
    config.file("/etc/containerd/certs.d/docker.io/hosts.toml");
}

#[test]
fn systemd_takes_the_units() {
    let project = project();
    for name in ["control1", "worker1"] {
        let config = Config::of(&project, name);
        for unit in config.units() {
            if let Some(contents) = unit["contents"].as_str() {
                let name = unit["name"].as_str().unwrap().parse().unwrap();
                systemd_takes(&Unit::enabled(name, contents, Origin::always("test")));
            }
        }
    }
}

#[test]
fn the_programs_are_an_extension_of_flatcar() {
    let project = project();
    let tree = project.build("tree", &["--format", "pxe"]);
    let unpacked = project.path("unpacked");
    unpack(&tree.join("initrd.img"), INITRD.1, &unpacked);
    let image = unpacked.join("usr/share/oem/sysext/kubernetes.raw");

    let flatcar = root(project.path("flatcar"), &image, RELEASE);
    let all = merged(&flatcar);
    assert!(all.contains("Merged extensions"), "{all}");
    for (folder, names) in [("bin", &PROGRAMS[..]), ("cni", &PLUGINS[..])] {
        for name in names {
            assert!(
                all.contains(&format!("./lib/kubernetes/{folder}/{name}\n")),
                "{all}"
            );
            let path = format!("etc/extensions/kubernetes/usr/lib/kubernetes/{folder}/{name}");
            assert_eq!(fs::read(flatcar.join(path)).unwrap(), program(name));
        }
    }
    for other in ["./lib/os-release\n", "./lib/kubernetes/images/node.tar\n"] {
        assert!(all.contains(other), "{other}: {all}");
    }
    // On /usr alone: /opt can still be written.
    let top: Vec<_> = fs::read_dir(flatcar.join("etc/extensions/kubernetes"))
        .unwrap()
        .collect();
    assert_eq!(top.len(), 1, "{top:?}");

    // Another system, another level: not merged.
    for (at, release) in [
        ("debian", RELEASE.replace("flatcar", "debian")),
        ("later", RELEASE.replace("1.0", "2.0")),
    ] {
        let all = merged(&root(project.path(at), &image, &release));
        assert!(all.contains("No suitable extensions found"), "{all}");
    }

    // Both nodes share the initrd that has the programs, and each has its config in an archive of
    // its own.
    for name in ["control1", "worker1"] {
        let script = fs::read_to_string(tree.join(format!("nodes/{name}.ipxe"))).unwrap();
        assert!(
            script.contains(&format!("\ninitrd ../initrd.img\ninitrd {name}.cpio.gz\n")),
            "{script}"
        );
    }
    let bytes = fs::read(tree.join("initrd.img")).unwrap();
    let again = project.build("again", &["--format", "pxe"]);
    assert!(
        bytes == fs::read(again.join("initrd.img")).unwrap(),
        "the same bytes"
    );
}

#[test]
fn plugins_come_from_a_folder_of_their_own_too() {
    let project = project();
    let plugins = project.path("cni");
    fs::create_dir(&plugins).unwrap();
    for name in PLUGINS {
        fs::rename(project.path("programs").join(name), plugins.join(name)).unwrap();
    }
    let pxe = ["-o", "tree", "--format", "pxe"];
    project.fails(1, &pxe, "programs/bridge");
    let spec = fs::read_to_string(project.path("node.yaml")).unwrap();
    let with = |artifacts: &str| {
        spec.replace("programs: programs", &format!("artifacts: {{{artifacts}}}"))
    };
    fs::write(
        project.path("node.yaml"),
        with("programs: programs, cni_plugins: cni"),
    )
    .unwrap();
    project.build("tree", &["--format", "pxe"]);
    fs::write(
        project.path("node.yaml"),
        with("programs: 'http://127.0.0.1:1'"),
    )
    .unwrap();
    project.refuses(&pxe, "name their folder with `artifacts: {cni_plugins: …}`");
}

/// Nothing but a kubelet, and a network that brings its own plugins.
#[test]
fn a_network_of_ones_own_needs_no_plugins() {
    let project = Project::new(&format!(
        "version: 1\ntarget: flatcar\nhostname: kube1\nkubernetes: {{version: 1.36.2, role: standalone, cni: none, programs: programs}}\n{BASE}"
    ));
    let folder = project.path("programs");
    fs::create_dir(&folder).unwrap();
    for name in PROGRAMS {
        fs::write(folder.join(name), program(name)).unwrap();
    }
    project.build("tree", &["--format", "pxe"]);
    let config = Config::of(&project, "kube1");
    assert_eq!(config.link("/opt/cni/bin/bridge"), None);
}
