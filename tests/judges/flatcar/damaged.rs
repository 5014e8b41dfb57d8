//! Whatever a node's files come from, damage in the cache is noticed: boot files and their
//! signatures, programs, images, extensions. Needs the Debian packages docker-registry, gpg,
//! gpg-agent, gpgv and skopeo.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use imgbuild::extensions::program_names;
use imgbuild::names::Arch;
use imgbuild::oci::digest_of;

use crate::base::damaged::DAMAGES;
use crate::base::tools::hashes;
use crate::flatcar::boot_files::gpg;
use crate::flatcar::project::{INITRD, KERNEL, Project, said};
use crate::images::made::archive;
use crate::registry::Registry;
use crate::site::Site;
use crate::sysext::program;

/// A node whose every part comes from the network.
fn project(registry: &Registry) -> Project {
    let site = Site::open();
    let address = &site.address;
    let project = Project::new("");
    let mut files = BTreeMap::new();
    for name in program_names() {
        let bytes = program(name);
        let path = format!("/v1.36.2/bin/linux/amd64/{name}");
        let hash = digest_of(&bytes).trim_start_matches("sha256:").to_owned();
        files.insert(format!("{path}.sha256"), hash.into_bytes());
        files.insert(path, bytes);
    }
    // A short path: the agent's socket is in it.
    let home = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(
        home.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    gpg(
        home.path(),
        &["--quick-generate-key", "maker", "ed25519", "sign", "never"],
    );
    let key = project.path("maker.gpg");
    gpg(
        home.path(),
        &["--output", key.to_str().unwrap(), "--export", "maker"],
    );
    let mut boot = Vec::new();
    for (name, bytes) in [KERNEL, INITRD] {
        let signature = project.path(&format!("{name}.sig"));
        let file = project.path(name);
        let (to, of) = (signature.to_str().unwrap(), file.to_str().unwrap());
        gpg(home.path(), &["--output", to, "--detach-sign", of]);
        files.insert(format!("/{name}"), bytes.to_vec());
        files.insert(format!("/{name}.sig"), fs::read(&signature).unwrap());
        let hash = digest_of(bytes).replace(':', "-");
        boot.push(format!(
            "{{source: '{address}/{name}', hash: {hash}, signature: '{address}/{name}.sig'}}"
        ));
    }
    site.put(files);
    // Of two images, one has a layer that is too large to be read for each build.
    let large: String = (0..3_000_000_u64)
        .map(|n| {
            char::from(b"0123456789abcdef"[(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize])
        })
        .collect();
    let noise: Vec<String> = (0..200_000_u32)
        .map(|n| digest_of(&n.to_le_bytes()))
        .collect();
    let noise = noise.concat() + &large;
    for (name, text) in [("small", "text"), ("large", &noise)] {
        let file = archive(&project.path("image.tar"), name, Arch::Amd64, text);
        registry.push(&file, &format!("{name}:1"));
    }
    let host = &registry.host;
    let spec = format!(
        "version: 1\ntarget: flatcar\nhostname: kube1\n\
         base: {{kernel: {}, initrd: {}, key: maker.gpg}}\n\
         containerd: {{images: ['{host}/small:1', '{host}/large:1']}}\n\
         kubernetes: {{version: 1.36.2, role: standalone, cni: none, artifacts: {{programs: '{address}'}}}}\n",
        boot[0], boot[1]
    );
    fs::write(project.path("node.yaml"), spec).unwrap();
    project
}

fn build(project: &Project, more: &[&str]) -> Output {
    project.imgbuild(&[&["node.yaml", "-o", "tree", "--format", "pxe"], more].concat())
}

/// The files in these folders of the cache.
fn cached(project: &Project, folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        let folder = project.path("cache").join(folder);
        found.extend(hashes(&folder).into_keys().map(|name| folder.join(name)));
    }
    found
}

/// What is made new each time is not what the damage was in.
fn forget_extensions(project: &Project) {
    fs::remove_dir_all(project.path("cache/extensions")).unwrap();
}

#[test]
fn every_download_is_fetched_again() {
    let registry = Registry::open();
    let project = project(&registry);
    let first = build(&project, &[]);
    assert!(first.status.success(), "{}", said(&first));
    let tree = hashes(&project.path("tree"));
    let files = cached(&project, &["blobs/sha256", "boot"]);
    // Six programs, two images with a config and two layers each, two boot files with signatures.
    assert!(files.len() >= 6 + 2 * 4 + 4, "{files:?}");
    assert!(
        files
            .iter()
            .any(|file| fs::metadata(file).unwrap().len() > 4 << 20)
    );
    // Each is two builds, so each file gets one kind of damage, and each kind several files.
    for (file, (how, damage)) in files.iter().zip(DAMAGES[..3].iter().cycle()) {
        let case = format!("{}: {how}", file.display());
        let whole = fs::read(file).unwrap();
        forget_extensions(&project);
        damage(file);
        let refused = build(&project, &["--offline"]);
        let why = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{case}: {why}");
        for words in [
            file.to_str().unwrap(),
            "is corrupt: ",
            "without `--offline`",
        ] {
            assert!(why.contains(words), "{case}: {why}");
        }
        assert_eq!(
            hashes(&project.path("tree")),
            tree,
            "{case}: the old output"
        );

        let built = build(&project, &[]);
        let said = said(&built);
        assert!(built.status.success(), "{case}: {said}");
        for words in [
            file.to_str().unwrap(),
            "is corrupt: ",
            "it is fetched again",
        ] {
            assert!(said.contains(words), "{case}: {said}");
        }
        assert_eq!(hashes(&project.path("tree")), tree, "{case}");
        assert!(fs::read(file).unwrap() == whole, "{case}");
    }
}

#[test]
fn every_extension_is_made_again() {
    let registry = Registry::open();
    let project = project(&registry);
    let first = build(&project, &[]);
    assert!(first.status.success(), "{}", said(&first));
    let tree = hashes(&project.path("tree"));
    let files = cached(&project, &["extensions"]);
    assert_eq!(files.len(), 4, "two, each with its record: {files:?}");
    for file in &files {
        for (how, damage) in DAMAGES {
            let case = format!("{}: {how}", file.display());
            damage(file);
            // What it is made of is there.
            let built = build(&project, &["--offline"]);
            let said = said(&built);
            assert!(built.status.success(), "{case}: {said}");
            assert!(said.contains("it is made again"), "{case}: {said}");
            assert!(hashes(&project.path("tree")) == tree, "{case}");
        }
    }
    let other = |path: &Path| fs::write(path, "").unwrap();
    other(&project.path(KERNEL.0));
    let spec = format!(
        "version: 1\ntarget: flatcar\nhostname: kube1\nbase: {{kernel: {{source: {}}}, initrd: {{source: {}}}}}\n",
        KERNEL.0, INITRD.0
    );
    fs::write(project.path("node.yaml"), spec).unwrap();
    project.fails(1, &["-o", "tree", "--format", "pxe"], "is empty");
}
