//! Images from a registry: fetched once, pinned, checked.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::cache::Cache;
use imgbuild::lock::Lock;
use imgbuild::lock::pins::Pins;
use imgbuild::names::Arch;
use imgbuild::oci::{ImageName, StoredImage};
use imgbuild::progress::Silent;
use imgbuild::registry::{Access, Credentials, Images, Mirrors};

use crate::images::made::archive;
use crate::registry::{Registry, USER};

fn access(cache: &Path) -> Access {
    Access {
        offline: false,
        locked: false,
        refresh: false,
        cache: Cache::new(cache),
    }
}

fn images(access: Access, mirrors: &[&str], credentials: Credentials) -> Images {
    let mirrors = mirrors.iter().map(|text| text.parse().unwrap());
    Images::new(access, Mirrors::new(mirrors), credentials)
}

fn name(text: &str) -> ImageName {
    text.parse().unwrap()
}

fn get(images: &Images, what: &str, arch: Arch, pins: &mut Pins) -> anyhow::Result<StoredImage> {
    let name = name(what);
    let digest = images.resolve(&name, pins)?;
    images.fetch(&name, &digest, arch, &Silent)
}

fn said(result: anyhow::Result<StoredImage>) -> String {
    format!("{:#}", result.expect_err("refused"))
}

/// Through a mirror, since nobody's own registry is on loopback; then from the cache alone; and no
/// more than what is pinned.
#[test]
fn an_image_is_fetched_once_and_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open();
    let file = archive(&folder.path().join("a.tar"), "a", Arch::Amd64, "one");
    registry.push(&file, "k8s/app:1");
    let cache = folder.path().join("cache");
    let mirror = format!("registry.example={}/k8s", registry.host);
    let mut pins = Pins::default();

    let online = images(access(&cache), &[&mirror], Credentials::none());
    let image = get(&online, "registry.example/app:1", Arch::Amd64, &mut pins).unwrap();
    let (digest, _) = registry.manifest("k8s/app:1");
    assert_eq!(image.digest(), digest);
    assert_eq!(image.name, "registry.example/app:1");
    assert_eq!(image.layers.len(), 2);
    assert_eq!(pins.image("registry.example/app:1"), Some(digest.as_str()));

    // Another image by the same name, and a registry that is not asked any more.
    let file = archive(&folder.path().join("b.tar"), "a", Arch::Amd64, "two");
    registry.push(&file, "k8s/app:1");
    let again = get(&online, "registry.example/app:1", Arch::Amd64, &mut pins).unwrap();
    assert_eq!(again, image);
    let newer = Access {
        refresh: true,
        ..access(&cache)
    };
    let newer = images(newer, &[&mirror], Credentials::none());
    let changed = get(&newer, "registry.example/app:1", Arch::Amd64, &mut pins).unwrap();
    assert_ne!(changed.digest(), digest);

    drop(registry);
    let offline = Access {
        offline: true,
        ..access(&cache)
    };
    let offline = images(offline, &[&mirror], Credentials::none());
    let again = get(&offline, "registry.example/app:1", Arch::Amd64, &mut pins).unwrap();
    assert_eq!(again, changed);
    let said_offline = said(get(
        &offline,
        "registry.example/app:2",
        Arch::Amd64,
        &mut pins,
    ));
    assert!(
        said_offline.contains("`--offline` forbids"),
        "{said_offline}"
    );
    let locked = Access {
        locked: true,
        ..access(&cache)
    };
    let locked = images(locked, &[&mirror], Credentials::none());
    let said_locked = said(get(
        &locked,
        "registry.example/app:2",
        Arch::Amd64,
        &mut pins,
    ));
    assert!(said_locked.contains("`--locked` forbids"), "{said_locked}");
    let unknown = said(get(
        &online,
        "registry.example/app:3",
        Arch::Amd64,
        &mut pins,
    ));
    assert!(
        unknown.contains("requesting") && unknown.contains("app:3"),
        "{unknown}"
    );
}

/// In the registry and in the cache.
#[test]
fn a_changed_blob_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open();
    let file = archive(&folder.path().join("a.tar"), "a", Arch::Amd64, "one");
    registry.push(&file, "app:1");
    let what = format!("{}/app:1", registry.host);
    let mut pins = Pins::default();
    let good = images(
        access(&folder.path().join("good")),
        &[],
        Credentials::none(),
    );
    let image = get(&good, &what, Arch::Amd64, &mut pins).unwrap();
    let layer = &image.layers[0];

    let change = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    change(&registry.blob(&layer.digest));
    let cache = folder.path().join("fresh");
    let fresh = images(access(&cache), &[], Credentials::none());
    let why = said(get(&fresh, &what, Arch::Amd64, &mut pins));
    assert!(
        why.contains(&layer.digest) && why.contains("unexpected response"),
        "{why}"
    );
    let kept = cache
        .join("blobs/sha256")
        .join(layer.digest.trim_start_matches("sha256:"));
    assert!(!kept.exists(), "what was refused is not kept");

    change(&layer.blob.file);
    let mut out = Vec::new();
    let why = imgbuild::oci::write_bundle(&[&image], true, &mut out).expect_err("refused");
    let why = format!("{why:#}");
    assert!(
        why.contains(&layer.digest) && why.contains("digest mismatch"),
        "{why}"
    );

    // A manifest by its digest.
    change(&registry.blob(&image.digest()));
    let other = images(
        access(&folder.path().join("other")),
        &[],
        Credentials::none(),
    );
    get(&other, &what, Arch::Amd64, &mut pins).expect_err("refused");
}

#[test]
fn an_index_gives_each_architecture_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open();
    let mut entries = Vec::new();
    for arch in [Arch::Amd64, Arch::Arm64] {
        let file = archive(&folder.path().join("a.tar"), "a", arch, arch.as_str());
        registry.push(&file, &format!("app:{arch}"));
        let (digest, size) = registry.manifest(&format!("app:{arch}"));
        entries.push(format!(
            r#"{{"mediaType":"{}","digest":"{digest}","size":{size},"platform":{{"os":"linux","architecture":"{arch}"}}}}"#,
            imgbuild::oci::MANIFEST_TYPES[0]
        ));
    }
    let index = |entries: &[String]| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
            imgbuild::oci::INDEX_TYPES[0],
            entries.join(",")
        )
    };
    registry.put_index("app", "both", &index(&entries));
    registry.put_index("app", "one", &index(&entries[..1]));
    let what = format!("{}/app:both", registry.host);
    let mut pins = Pins::default();
    let images = images(
        access(&folder.path().join("cache")),
        &[],
        Credentials::none(),
    );
    for arch in [Arch::Amd64, Arch::Arm64] {
        let image = get(&images, &what, arch, &mut pins).unwrap();
        let (own, _) = registry.manifest(&format!("app:{arch}"));
        assert_eq!(image.digest(), own);
    }
    let (both, _) = registry.manifest("app:both");
    assert_eq!(pins.image(&what), Some(both.as_str()), "one pin for all");
    let one = format!("{}/app:one", registry.host);
    let why = said(get(&images, &one, Arch::Arm64, &mut pins));
    assert!(
        why.contains("not available for linux/arm64, only for linux/amd64"),
        "{why}"
    );
}

#[test]
fn a_registry_that_asks_who_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::with_login();
    let file = archive(&folder.path().join("a.tar"), "a", Arch::Amd64, "one");
    registry.push(&file, "app:1");
    let what = format!("{}/app:1", registry.host);
    let mut pins = Pins::default();
    let cache = folder.path().join("cache");
    let nobody = images(access(&cache), &[], Credentials::none());
    let why = said(get(&nobody, &what, Arch::Amd64, &mut pins));
    assert!(why.contains("docker login"), "{why}");

    // As `podman login --authfile` and `docker login` write it.
    let (user, password) = USER;
    let auth = base64(&format!("{user}:{password}"));
    let config = format!(
        r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#,
        registry.host
    );
    fs::write(folder.path().join("config.json"), config).unwrap();
    let here = folder.path().as_os_str().to_owned();
    let somebody = Credentials::from_host(|name| (name == "DOCKER_CONFIG").then(|| here.clone()));
    let somebody = images(access(&cache), &[], somebody);
    get(&somebody, &what, Arch::Amd64, &mut pins).unwrap();
}

fn base64(text: &str) -> String {
    use std::io::Write as _;
    let mut child = std::process::Command::new("base64")
        .arg("-w0")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

/// What a lock names stays, with all that it consists of; what nobody names goes.
#[test]
fn gc_keeps_the_images_of_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open();
    let cache = folder.path().join("cache");
    let mirror = format!("registry.example={}", registry.host);
    let online = images(access(&cache), &[&mirror], Credentials::none());
    let [mut kept, mut other] = ["kept", "other"].map(|text| {
        let file = archive(&folder.path().join("a.tar"), "a", Arch::Amd64, text);
        registry.push(&file, &format!("{text}:1"));
        let mut pins = Pins::default();
        let name = format!("registry.example/{text}:1");
        get(&online, &name, Arch::Amd64, &mut pins).unwrap();
        pins
    });
    let lock_file = folder.path().join("imgbuild.lock");
    let mut lock = Lock::default();
    kept.save(&mut lock);
    lock.save(&lock_file).unwrap();

    let gc = Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(["base", "gc", "--keep-days", "0", "--lock"])
        .arg(&lock_file)
        .arg("--cache")
        .arg(&cache)
        .output()
        .unwrap();
    let said_gc = String::from_utf8_lossy(&gc.stderr);
    // Manifest, config and two layers, of which none is in the other image.
    assert!(
        gc.status.success() && said_gc.contains("4 other files and images"),
        "{said_gc}"
    );

    drop(registry);
    let offline = Access {
        offline: true,
        ..access(&cache)
    };
    let offline = images(offline, &[&mirror], Credentials::none());
    get(&offline, "registry.example/kept:1", Arch::Amd64, &mut kept).unwrap();
    let gone = said(get(
        &offline,
        "registry.example/other:1",
        Arch::Amd64,
        &mut other,
    ));
    assert!(gone.contains("is not in the cache"), "{gone}");
}
