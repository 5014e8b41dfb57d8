//! The real base, from Debian's packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use imgbuild::base::{Base, BaseRequest, ensure};
use imgbuild::cache::Cache;
use imgbuild::facts::cni::{Cni, ReleasedCni};
use imgbuild::facts::debian::BaseKind;
use imgbuild::facts::kernel::KernelFlavor;
use imgbuild::facts::systems::{BaseFile, Target};
use imgbuild::lock::Lock;
use imgbuild::names::Arch;
use imgbuild::progress::Silent;

use crate::base::{kmod_index, tools};

/// Where the tests keep packages and bases from run to run.
fn cache() -> Cache {
    let folder = std::env::var_os("IMGBUILD_TEST_CACHE").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("base-cache"),
        PathBuf::from,
    );
    Cache::new(folder)
}

/// The base of today's packages; resolved once, however many tests ask.
pub fn base(arch: Arch, kernel: KernelFlavor) -> (Base, Lock) {
    static LOCK: Mutex<Option<Lock>> = Mutex::new(None);
    let mut lock = LOCK.lock().expect("no test panics while it holds it");
    let lock = lock.get_or_insert_default();
    let request = request(arch, kernel, cache());
    let base = ensure(&request, lock, &Silent).unwrap_or_else(|error| panic!("{error:?}"));
    (base, lock.clone())
}

fn request(arch: Arch, kernel: KernelFlavor, cache: Cache) -> BaseRequest {
    BaseRequest {
        kind: BaseKind::new(arch, kernel),
        mirror: None,
        offline: false,
        locked: false,
        allow_old_indexes: std::env::var_os("IMGBUILD_ALLOW_OLD_INDEXES").is_some(),
        cache,
    }
}

/// The kernel's release, by the one folder of modules.
fn release(listed: &BTreeMap<String, tools::Listed>) -> String {
    let names: Vec<&str> = listed
        .keys()
        .filter_map(|path| path.strip_prefix("/usr/lib/modules/"))
        .filter(|name| !name.contains('/'))
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].to_owned()
}

/// Each pod network finds its modules in both kernels, so that none asks for `kernel: generic`.
#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn kernels_have_the_modules_of_pod_networks() {
    for kernel in [KernelFlavor::Generic, KernelFlavor::Cloud] {
        let (base, _) = base(Arch::Amd64, kernel);
        let listed = tools::list(base.root.as_ref().expect("a root image"));
        let names: BTreeSet<String> = (listed.keys())
            .filter(|path| path.starts_with("/usr/lib/modules/"))
            .filter_map(|path| {
                Some(
                    path.rsplit('/')
                        .next()?
                        .split_once(".ko")?
                        .0
                        .replace('-', "_"),
                )
            })
            .collect();
        for kind in ReleasedCni::ALL {
            for module in Cni::Released(*kind).facts().modules {
                assert!(
                    names.contains(*module),
                    "{kernel:?}: {} lacks {module}",
                    kind.as_str()
                );
            }
        }
    }
}

#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn a_node_has_what_it_needs() {
    let (base, _) = base(Arch::Amd64, KernelFlavor::Generic);
    let listed = tools::list(base.root.as_ref().expect("a root image"));
    // Owners by number: 0 root, 42 shadow, 988 etcd, 990 messagebus, 987 _ssh.
    let cases = [
        ("/etc/shadow", "-rw-r-----", "0/42"),
        ("/etc/sudoers", "-r--r-----", "0/0"),
        // containerd looks for AppArmor's parser, and confines no pods without it.
        ("/usr/sbin/apparmor_parser", "-rwxr-xr-x", "0/0"),
        ("/usr/lib/sysctl.d/50-default.conf", "-rw-r--r--", "0/0"),
        ("/usr/bin/etcd", "-rwxr-xr-x", "0/0"),
        ("/usr/bin/kubectl", "-rwxr-xr-x", "0/0"),
        ("/usr/bin/ssh-agent", "-rwxr-sr-x", "0/987"),
        ("/usr/bin/sudo", "-rwsr-xr-x", "0/0"),
        (
            "/usr/lib/dbus-1.0/dbus-daemon-launch-helper",
            "-rwsr-xr--",
            "0/990",
        ),
        ("/usr/sbin/unix_chkpwd", "-rwxr-sr-x", "0/42"),
        ("/var/lib/etcd", "drwx------", "988/988"),
    ];
    for (path, mode, owner) in cases {
        let found = listed
            .get(path)
            .unwrap_or_else(|| panic!("{path} is not there"));
        assert_eq!(
            (found.mode.as_str(), found.owner.as_str()),
            (mode, owner),
            "{path}"
        );
    }
    for path in [
        "/etc/machine-id",
        "/usr/share/doc/bash",
        "/usr/bin/apt-get",
        "/usr/bin/dpkg",
        "/var/lib/dpkg",
    ] {
        assert!(!listed.contains_key(path), "{path}");
    }
    let keys = listed
        .keys()
        .filter(|path| path.starts_with("/etc/ssh/ssh_host_"));
    assert_eq!(keys.count(), 0, "host keys");

    let size = fs::metadata(base.root.as_ref().expect("a root image"))
        .expect("the root image")
        .len();
    assert!(
        size < 270 << 20,
        "{size} bytes: an ISO is to stay below 300 MB"
    );
    let loaders = base.boot_loaders.as_ref().expect("boot loaders");
    for path in [
        &base.kernel,
        &loaders.shim,
        &loaders.mok_manager,
        &loaders.grub,
    ] {
        let bytes = fs::read(path).expect("read");
        assert_eq!(
            bytes.get(..2),
            Some(&b"MZ"[..]),
            "{} is no PE file",
            path.display()
        );
    }
}

/// Modules and programs of kube-proxy's three modes, of flannel's backends, and of the CNI plugins.
#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn kubernetes_finds_its_modules_and_programs() {
    let (base, _) = base(Arch::Amd64, KernelFlavor::Generic);
    let listed = tools::list(base.root.as_ref().expect("a root image"));
    for program in [
        "conntrack",
        "ip6tables",
        "iptables",
        "iptables-save",
        "ipset",
        "ipvsadm",
        "nft",
        "xtables-nft-multi",
    ] {
        let path = format!("/usr/sbin/{program}");
        assert!(listed.contains_key(&path), "{path}");
    }
    for module in "br_netfilter dummy ip_set_bitmap_port ip_set_hash_ip ip_set_hash_ipport ip_set_hash_ipportip \
        ip_set_hash_ipportnet ip_set_hash_net ip_vs ip_vs_rr ip_vs_sh ip_vs_wrr nf_conntrack nf_conntrack_netlink \
        nf_tables nft_chain_nat nft_compat nft_ct nft_fib_ipv4 nft_masq nft_nat nft_numgen nft_reject_inet overlay \
        veth vxlan wireguard xt_MASQUERADE xt_REDIRECT xt_addrtype xt_comment xt_conntrack xt_mark xt_multiport \
        xt_nat xt_recent xt_set xt_statistic"
        .split_whitespace()
    {
        let file = format!("/{module}.ko");
        let found = listed
            .keys()
            .any(|path| path.starts_with("/usr/lib/modules/") && path.contains(&file));
        assert!(found, "{module}");
    }
}

/// The list by which specs are checked is what the base has.
#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn the_list_of_files_is_that_of_the_base() {
    let (base, _) = base(Arch::Amd64, KernelFlavor::Generic);
    let listed = tools::list(base.root.as_ref().expect("a root image"));
    let is_on_the_list = |path: &str| {
        let authority = path.strip_prefix("/etc/ssl/certs/");
        path != "/"
            && (path != "/usr" && !path.starts_with("/usr/"))
            && authority.is_none_or(|name| name == "ca-certificates.crt")
            // Those of one architecture.
            && !(path.contains("x86_64") || path == "/lib64")
    };
    let there: BTreeMap<String, String> = listed
        .iter()
        .filter(|(path, _)| is_on_the_list(path))
        .map(|(path, found)| {
            let kind = match (&found.target, found.mode.as_bytes()[0]) {
                (Some(target), _) => format!("{:?}", BaseFile::Link(target)),
                (None, b'd') => format!("{:?}", BaseFile::Directory),
                (None, _) => format!("{:?}", BaseFile::File),
            };
            (path.clone(), kind)
        })
        .collect();
    let files = Target::Debian.facts().base_files();
    let known: BTreeMap<String, String> = files
        .map(|(path, file)| (path.to_owned(), format!("{file:?}")))
        .collect();
    let differs = |entry: &(&String, &String)| known.get(entry.0) != there.get(entry.0);
    let differing: Vec<_> = known.iter().chain(&there).filter(differs).collect();
    assert!(
        differing.is_empty(),
        "src/facts/systems/debian_files.txt: {differing:?}"
    );
}

/// The users and groups by which specs are checked are those of the base.
#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn the_list_of_accounts_is_that_of_the_base() {
    let (base, _) = base(Arch::Amd64, KernelFlavor::Generic);
    let folder = tempfile::tempdir().expect("temporary folder");
    let tree = folder.path().join("tree");
    let image = base.root.as_ref().expect("a root image");
    tools::unpack(image, &tree, &["etc/passwd", "etc/group"]);
    let numbered = |name: &str| -> BTreeMap<String, String> {
        let text = fs::read_to_string(tree.join("etc").join(name)).expect(name);
        let fields = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields
            .map(|fields| (fields[0].to_owned(), fields[2].to_owned()))
            .collect()
    };
    let facts = Target::Debian.facts();
    let owned = |(name, id): (&str, u32)| (name.to_owned(), id.to_string());
    assert_eq!(numbered("passwd"), facts.base_users().map(owned).collect());
    assert_eq!(numbered("group"), facts.base_groups().map(owned).collect());
}

#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn symbolic_links_lead_somewhere() {
    let (base, _) = base(Arch::Amd64, KernelFlavor::Generic);
    let listed = tools::list(base.root.as_ref().expect("a root image"));
    // Made at boot, or on a node only.
    let at_boot = ["/dev/", "/proc/", "/run/", "/etc/modules", "/var/usrlocal"];
    let mut dangling = Vec::new();
    for (path, found) in &listed {
        let Some(target) = &found.target else {
            continue;
        };
        let end = resolved(&listed, path, target);
        let known = at_boot.iter().any(|start| end.starts_with(start));
        if !known && !listed.contains_key(&end) && !path.starts_with("/usr/lib/imgbuild/stage1/") {
            dangling.push(format!("{path} -> {target} ({end})"));
        }
    }
    // Each with its reason.
    let explained = [
        // dpkg's, for a removed database.
        "/etc/dpkg/",
        // Completions and documentation are left out.
        "/usr/share/",
        // Their targets are units or tools that are left out on purpose.
        "/usr/lib/systemd/",
        "/etc/systemd/",
    ];
    dangling.retain(|line| !explained.iter().any(|start| line.starts_with(start)));
    assert!(dangling.is_empty(), "{}", dangling.join("\n"));
}

/// Where a link leads, links on the way followed.
fn resolved(listed: &BTreeMap<String, tools::Listed>, path: &str, target: &str) -> String {
    let mut done: Vec<String> = Vec::new();
    let split = |text: &str| -> Vec<String> { text.split('/').rev().map(str::to_owned).collect() };
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut todo = if target.starts_with('/') {
        split(target)
    } else {
        split(&format!("{folder}/{target}"))
    };
    for _ in 0..200 {
        let Some(part) = todo.pop() else { break };
        match part.as_str() {
            "" | "." => {}
            ".." => {
                done.pop();
            }
            _ => {
                done.push(part);
                let here = format!("/{}", done.join("/"));
                if let Some(next) = listed.get(&here).and_then(|found| found.target.as_ref()) {
                    done.pop();
                    if next.starts_with('/') {
                        done.clear();
                    }
                    todo.extend(split(next));
                }
            }
        }
    }
    format!("/{}", done.join("/"))
}

#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn module_indexes_say_what_depmod_would() {
    let (base, _) = base(Arch::Amd64, KernelFlavor::Generic);
    let release = release(&tools::list(base.root.as_ref().expect("a root image")));
    let folder = tempfile::tempdir().expect("temporary folder");
    let tree = folder.path().join("tree");
    tools::unpack(
        base.root.as_ref().expect("a root image"),
        &tree,
        &["usr/lib/modules"],
    );
    let modules = tree.join("usr/lib/modules").join(&release);
    // depmod of a merged and of an unmerged /usr look in different places.
    std::os::unix::fs::symlink("usr/lib", tree.join("lib")).expect("link");
    let names = ["alias", "builtin", "builtin.alias", "dep", "symbols"];
    let read = |name: &str| fs::read(modules.join(format!("modules.{name}.bin"))).expect(name);
    let ours: Vec<_> = names
        .iter()
        .map(|name| kmod_index::read(&read(name)))
        .collect();
    let depmod = ["/usr/sbin/depmod", "/sbin/depmod"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("depmod (Debian package `kmod`)");
    tools::run(
        "kmod",
        depmod,
        &["-b".as_ref(), tree.as_os_str(), release.as_ref()],
    );
    for (name, ours) in names.iter().zip(ours) {
        let theirs = kmod_index::read(&read(name));
        // Dependencies of equal rank may stand in any order.
        let sorted = |entries: Vec<(String, String)>| -> Vec<(String, Vec<String>)> {
            let words = |text: String| {
                let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
                words[1..].sort();
                words
            };
            entries
                .into_iter()
                .map(|(key, value)| (key, words(value)))
                .collect()
        };
        let (mut ours, theirs) = (sorted(ours), sorted(theirs));
        if *name == "symbols" {
            // The section of exported names has those of name spaces, too, which nobody asks for.
            assert!(ours.len() < theirs.len() + 100);
            ours.retain(|entry| theirs.contains(entry));
        }
        assert!(ours == theirs, "modules.{name}.bin differs");
    }
}

#[test]
#[ignore = "slow: builds the real base twice"]
fn two_builds_agree() {
    let (kernel, arch) = (KernelFlavor::Generic, Arch::Amd64);
    let (first, mut lock) = base(arch, kernel);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary folder");
    let second = Cache::new(folder.path());
    fs::create_dir_all(folder.path().join("packages")).expect("mkdir");
    let pinned = lock
        .base(&BaseKind::new(arch, kernel))
        .expect("pinned")
        .clone();
    for package in pinned.all_packages() {
        let (from, to) = (
            cache().package(&package.sha256),
            second.package(&package.sha256),
        );
        fs::hard_link(&from, &to)
            .or_else(|_| fs::copy(&from, &to).map(|_| ()))
            .expect("copy");
    }
    let request = BaseRequest {
        offline: true,
        locked: true,
        ..request(arch, kernel, second)
    };
    let second = ensure(&request, &mut lock, &Silent).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(first.id, second.id);
    let hashes = |base: &Base| tools::hashes(base.kernel.parent().expect("a folder"));
    assert_eq!(hashes(&first), hashes(&second));
}

#[test]
#[ignore = "slow: builds the real base for all architectures and kernels"]
fn every_architecture_and_kernel_builds_here() {
    for (arch, kernel, magic) in [
        (Arch::Amd64, KernelFlavor::Cloud, 0x8664u16),
        (Arch::Arm64, KernelFlavor::Generic, 0xaa64),
        (Arch::Arm64, KernelFlavor::Cloud, 0xaa64),
    ] {
        let (base, _) = base(arch, kernel);
        for path in [
            &base.kernel,
            &base.boot_loaders.as_ref().expect("boot loaders").shim,
            &base.boot_loaders.as_ref().expect("boot loaders").grub,
        ] {
            // PE: the header's place at 0x3c, the machine after its signature.
            let bytes = fs::read(path).expect("read");
            let header =
                u32::from_le_bytes(bytes[0x3c..0x40].try_into().expect("four bytes")) as usize;
            let machine =
                u16::from_le_bytes(bytes[header + 4..header + 6].try_into().expect("two bytes"));
            assert_eq!(machine, magic, "{arch} {kernel:?} {}", path.display());
        }
        assert_eq!(
            base.boot_loaders
                .as_ref()
                .expect("boot loaders")
                .isolinux
                .is_some(),
            arch == Arch::Amd64
        );
        let listed = tools::list(base.root.as_ref().expect("a root image"));
        assert!(listed.contains_key("/usr/bin/etcd"));
        assert!(listed.contains_key(&format!(
            "/usr/lib/modules/{}/modules.dep.bin",
            release(&listed)
        )));
    }
}
