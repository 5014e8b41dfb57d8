//! Kubernetes: its config, and the image of its programs as systemd-sysext takes it, with the
//! labels that Fedora's policy has for it. Needs the Debian packages cpio, ignition,
//! selinux-utils, squashfs-tools, squashfs-tools-ng, systemd and util-linux.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild::node::fragment::{Origin, Unit};

use crate::fedora_coreos::project::{BASE, Config, INITRD, Project, said};
use crate::sysext::{PLUGINS, PROGRAMS, merged, program, root, unpack, write_programs};
use crate::units::systemd_takes;

const SPEC: &str = "\
version: 1
target: fedora-coreos
kubernetes: {version: 1.36.2, programs: programs, dns: none}
nodes:
  - hostname: control1
    network:
      interfaces: [{name: enp1s0, addresses: [192.168.1.11/24]}]
      firewall: {allow_from: [192.168.1.0/24]}
    etcd: {}
    containerd:
      registries: {docker.io: {mirrors: ['https://mirror.example:5000']}}
    kubernetes: {role: control-plane, cni: flannel}
  - hostname: worker1
    network: {interfaces: [{name: enp1s0, addresses: [192.168.1.21/24]}]}
    kubernetes: {role: worker, cni: flannel}
";

/// What `systemd-sysext` compares an extension with.
const RELEASE: &str = "ID=fedora\nVERSION_ID=43\nVARIANT_ID=coreos\n";

/// What Fedora's policy says of paths like ours: `corecommands.fc`, `files.fc` and `libraries.fc`
/// of fedora-selinux/selinux-policy, and `container.fc` of containers/container-selinux, in the
/// order in which libselinux looks.
const POLICY: &str = "\
/.*  system_u:object_r:default_t:s0
/usr/.*  system_u:object_r:usr_t:s0
/usr/lib(.*/)?bin(/.*)?  system_u:object_r:bin_t:s0
/usr/lib/.*  system_u:object_r:lib_t:s0
/usr/bin/.*  system_u:object_r:bin_t:s0
/usr/s?bin/kubelet.*  --  system_u:object_r:kubelet_exec_t:s0
/usr/libexec(/.*)?  system_u:object_r:bin_t:s0
/  -d  system_u:object_r:root_t:s0
/usr  -d  system_u:object_r:usr_t:s0
/usr/lib  -d  system_u:object_r:lib_t:s0
";

/// The cluster, with its programs in a folder.
fn project() -> Project {
    let project = Project::new(&format!("{SPEC}{BASE}"));
    write_programs(&project);
    project
}

fn run(package: &str, command: &mut Command) -> String {
    let run = command
        .output()
        .unwrap_or_else(|why| panic!("{command:?}: {why} (Debian package {package})"));
    assert!(run.status.success(), "{command:?}: {}", said(&run));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn control_plane_and_worker_are_accepted_and_complete() {
    let project = project();
    for name in ["control1", "worker1"] {
        let config = Config::of(&project, name);
        let kubelet = config.unit_text("kubelet.service");
        assert!(
            kubelet.contains("\nExecStart=/usr/libexec/kubernetes/bin/kubelet "),
            "{kubelet}"
        );
        // The system has both units, and starts neither by itself.
        for unit in ["containerd.service", "systemd-sysext.service"] {
            assert_eq!(config.unit(unit)["enabled"], true, "{unit}");
            assert!(config.unit(unit)["contents"].is_null(), "{unit}");
        }
        let settings = config.file("/etc/containerd/config.toml");
        assert!(settings.contains("\nversion = 3\n"), "{settings}");
        assert!(settings.contains("enable_selinux = true"), "{settings}");
        let links = config.json["storage"]["links"].as_array().unwrap();
        let plugins: Vec<_> = (links.iter())
            .filter(|link| link["path"].as_str().unwrap().starts_with("/opt/cni/bin/"))
            .map(|link| link["target"].as_str().unwrap())
            .collect();
        let theirs = PLUGINS.map(|name| format!("/usr/libexec/cni/{name}"));
        assert_eq!(plugins, theirs, "{name}");
        // /etc/alternatives leads to the iptables of nftables.
        let proxy = config.file("/etc/kubernetes/imgbuild/static-pods/kube-proxy.yaml");
        assert!(
            proxy.contains("\n      path: /etc/alternatives\n"),
            "{proxy}"
        );
        let on_the_image: Vec<_> = (config.files.keys())
            .filter(|path| path.starts_with("/usr") && !path.starts_with("/usr/local/"))
            .collect();
        assert!(on_the_image.is_empty(), "{on_the_image:?}");
        for unit in config.units() {
            if let Some(contents) = unit["contents"].as_str() {
                let name = unit["name"].as_str().unwrap().parse().unwrap();
                systemd_takes(&Unit::enabled(name, contents, Origin::always("test")));
            }
        }
    }
}

/// The files of /etc/kubernetes and of the node's programs are not labeled for containers.
#[test]
fn pods_that_use_the_nodes_files_are_trusted() {
    let config = Config::of(&project(), "control1");
    let folder = "/etc/kubernetes/imgbuild/static-pods";
    for (path, options) in [
        (
            "/etc/kubernetes/manifests/kube-apiserver.yaml".to_owned(),
            "seLinuxOptions: {type: spc_t}",
        ),
        (
            format!("{folder}/kube-controller-manager.yaml"),
            "seLinuxOptions: {type: spc_t}",
        ),
        (
            format!("{folder}/kube-scheduler.yaml"),
            "seLinuxOptions: {type: spc_t}",
        ),
        (
            "/etc/kubernetes/imgbuild/20-flannel.yaml".to_owned(),
            "securityContext:\n        seLinuxOptions: {type: spc_t}\n",
        ),
        (format!("{folder}/kube-proxy.yaml"), "privileged: true"),
    ] {
        let pod = config.file(&path);
        assert!(pod.contains(options), "{path}: {pod}");
    }
    for target in ["debian", "flatcar"] {
        let spec = SPEC.replace("fedora-coreos", target);
        let spec = if target == "debian" {
            spec
        } else {
            format!("{spec}{}", crate::flatcar::project::BASE)
        };
        let project = Project::new(&spec);
        write_programs(&project);
        let text = fs::read_to_string(project.build("c.ign", &["--node", "control1"])).unwrap();
        assert!(!text.contains("seLinux"), "{target}");
    }
}

/// With `+=`, other files may name further ones (NetworkManager.conf(5), "File format").
#[test]
fn links_of_pods_are_left_alone() {
    let config = Config::of(&project(), "worker1");
    let text = config.file("/etc/NetworkManager/conf.d/05-kubernetes.conf");
    assert!(
        text.starts_with("[keyfile]\nunmanaged-devices+=interface-name:cni*,interface-name:veth*,"),
        "{text}"
    );
    assert!(text.contains(",interface-name:flannel*"), "{text}");
}

/// The PXE folder's initrd, unpacked.
fn unpacked(project: &Project) -> PathBuf {
    let tree = project.build("tree", &["--format", "pxe"]);
    let unpacked = project.path("unpacked");
    unpack(&tree.join("initrd.img"), INITRD.1, &unpacked);
    unpacked
}

const IMAGE: &str = "usr/lib/imgbuild/extensions/kubernetes.raw";

#[test]
fn the_programs_are_an_extension_of_any_release() {
    let project = project();
    let unpacked = unpacked(&project);
    let fedora = root(project.path("fedora"), &unpacked.join(IMAGE), RELEASE);
    let all = merged(&fedora);
    assert!(all.contains("Merged extensions"), "{all}");
    for (folder, names) in [("kubernetes/bin", &PROGRAMS[..]), ("cni", &PLUGINS[..])] {
        for name in names {
            let file = format!("./libexec/{folder}/{name}\n");
            assert!(all.contains(&file), "{file}: {all}");
            let path = format!("etc/extensions/kubernetes/usr/libexec/{folder}/{name}");
            assert_eq!(fs::read(fedora.join(path)).unwrap(), program(name));
        }
    }
    // Nothing below /opt and /usr/local, which are links there.
    let top: Vec<_> = fs::read_dir(fedora.join("etc/extensions/kubernetes/usr"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(top.len(), 2, "{top:?}");
}

/// systemd in the initrd is to start the unit that moves the images.
#[test]
fn the_initrd_hands_extensions_over() {
    let project = project();
    let unpacked = unpacked(&project);
    let units = unpacked.join("usr/lib/systemd/system");
    let name = "imgbuild-extensions.service";
    let text = fs::read_to_string(units.join(name)).unwrap();
    systemd_takes(&Unit::enabled(
        name.parse().unwrap(),
        &*text,
        Origin::always("test"),
    ));
    assert!(text.contains("mv /usr/lib/imgbuild/extensions/*.raw /run/extensions/"));
    let wanted = fs::read_to_string(units.join("initrd.target.requires").join(name)).unwrap();
    assert_eq!(wanted, text);
}

#[test]
fn files_of_the_image_have_the_policys_labels() {
    let project = project();
    let unpacked = unpacked(&project);
    let image = unpacked.join(IMAGE);
    let policy = project.path("file_contexts");
    fs::write(&policy, POLICY).unwrap();
    let read = |path: &str| {
        let of = if path == "/" { path } else { &path[1..] };
        let mut command = Command::new("rdsquashfs");
        run("squashfs-tools-ng", command.args(["-x", of]).arg(&image))
    };
    let program = |name: &str| format!("/usr/libexec/kubernetes/bin/{name}");
    let mut paths = vec![
        ("dir", "/".to_owned()),
        ("dir", "/usr".to_owned()),
        ("dir", "/usr/lib".to_owned()),
        ("dir", "/usr/lib/extension-release.d".to_owned()),
        ("dir", "/usr/libexec".to_owned()),
        ("file", "/usr/lib/kubernetes/images/node.tar".to_owned()),
    ];
    paths.extend(PLUGINS.map(|name| ("file", format!("/usr/libexec/cni/{name}"))));
    paths.extend(PROGRAMS.map(|name| ("file", program(name))));
    for (kind, path) in paths {
        // The kubelet has a domain of its own, wherever it is.
        let asked = if path == program("kubelet") {
            "/usr/bin/kubelet"
        } else {
            &path
        };
        let label = run(
            "selinux-utils",
            Command::new("/usr/sbin/matchpathcon")
                .args(["-n", "-m", kind, "-f"])
                .arg(&policy)
                .arg(asked),
        );
        let want = format!("security.selinux={}", label.trim());
        assert_eq!(read(&path).trim_end_matches(['\0', '\n']), want, "{path}");
    }
}

/// A config alone has no room for images, nor has a live ISO.
#[test]
fn a_node_without_its_images_is_told_of() {
    let said_of = |files: &str| {
        let project = Project::new(&format!("{SPEC}{files}"));
        write_programs(&project);
        let run = project.imgbuild(&["node.yaml", "-o", "c.ign", "--node", "worker1"]);
        assert!(run.status.success(), "{}", said(&run));
        said(&run)
    };
    let path = "/var/lib/extensions/kubernetes.raw";
    let told = format!("worker1 has to fetch what this output has no room for: {path}; ");
    let without = said_of("");
    assert!(without.contains(&told), "{without}");
    let with = said_of(&format!(
        "storage: {{files: [{{path: {path}, contents: {{source: 'https://a.example/k.raw'}}}}]}}\n"
    ));
    assert!(!with.contains("no room"), "{with}");
    // What has the images says nothing.
    let project = project();
    let run = project.imgbuild(&["node.yaml", "-o", "tree", "--format", "pxe"]);
    assert!(
        run.status.success() && !said(&run).contains("no room"),
        "{}",
        said(&run)
    );
}

#[test]
fn the_example_is_accepted() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = example.join("configs/fedora-coreos-kubernetes.yaml");
    let project = Project::new(&fs::read_to_string(example).unwrap());
    fs::create_dir(project.path("home")).unwrap();
    for name in ["control1", "worker1"] {
        Config::of(&project, name);
    }
}
