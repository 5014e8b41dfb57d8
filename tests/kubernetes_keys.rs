//! The cluster's keys through the command line: who gets which, RSA, replacement, import, kubeconfigs and tokens. OpenSSL and kubectl
//! judge (Debian packages openssl, kubernetes-client).

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64ct::Encoding;

/// How a certificate begins in PEM.
const CERTIFICATE: &str = "BEGIN CERTIFICATE";

/// A cluster of three control planes and two workers; `extra` goes among what all nodes have of `kubernetes:`.
fn cluster(folder: &Path, extra: &str) -> PathBuf {
    let mut spec = format!("version: 1\nkubernetes: {{version: 1.36.2{extra}}}\nnodes:\n");
    for (name, address, more) in [
        (
            "control1",
            11,
            "etcd: {}\n    kubernetes: {role: control-plane}",
        ),
        (
            "control2",
            12,
            "etcd: {}\n    kubernetes: {role: control-plane}",
        ),
        (
            "control3",
            13,
            "etcd: {}\n    kubernetes: {role: control-plane}",
        ),
        ("worker1", 21, "kubernetes: {role: worker}"),
        ("worker2", 22, "kubernetes: {role: worker, join: token}"),
    ] {
        let _ = writeln!(
            spec,
            "  - hostname: {name}\n    storage_device: /dev/vda\n    network: {{interfaces: [{{name: eth0, addresses: [192.168.1.{address}/24]}}]}}\n    {more}"
        );
    }
    written(folder, &spec)
}

/// A cluster of one, quick to make.
fn single(folder: &Path, extra: &str) -> PathBuf {
    written(
        folder,
        &format!(
            "version: 1\nhostname: kube1\nnetwork: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}\netcd: {{}}\nkubernetes: {{version: 1.36.2, role: single{extra}}}\n"
        ),
    )
}

fn written(folder: &Path, spec: &str) -> PathBuf {
    let path = folder.join("lab.yaml");
    fs::write(&path, spec).expect("written");
    path
}

/// Exit status, standard output and standard error of imgbuild.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .output()
        .expect("imgbuild runs");
    (
        output.status.code().expect("an exit status"),
        String::from_utf8(output.stdout).expect("text"),
        String::from_utf8(output.stderr).expect("text"),
    )
}

fn good(arguments: &[&str]) -> String {
    let (status, out, err) = run(arguments);
    assert_eq!(status, 0, "{arguments:?}: {err}");
    out
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn tool(package: &str, program: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("running {program} (Debian package {package}): {e}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn openssl(folder: &Path, arguments: &[&str]) -> String {
    tool("openssl", "openssl", folder, arguments)
}

/// The files of `node`'s Ignition config: path and contents, from data URLs that may be compressed.
fn files(spec: &Path, node: &str) -> Vec<(String, String)> {
    let out = good(&[
        text(spec),
        "--node",
        node,
        "--format",
        "ignition",
        "-o",
        "-",
    ]);
    let config: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let files = config["storage"]["files"].as_array().expect("files");
    files
        .iter()
        .map(|file| {
            let path = file["path"].as_str().expect("a path").to_owned();
            let contents = &file["contents"];
            let source = contents["source"].as_str().unwrap_or_default();
            let bytes = decoded(source);
            let bytes = match contents["compression"].as_str() {
                Some("gzip") => {
                    let mut plain = Vec::new();
                    std::io::Read::read_to_end(
                        &mut flate2::read::GzDecoder::new(bytes.as_slice()),
                        &mut plain,
                    )
                    .expect("gzip");
                    plain
                }
                _ => bytes,
            };
            (path, String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}

fn decoded(source: &str) -> Vec<u8> {
    use base64ct::Encoding;
    let Some((head, data)) = source.split_once(',') else {
        return Vec::new();
    };
    if head.ends_with(";base64") {
        return base64ct::Base64::decode_vec(data).expect("base64");
    }
    let mut bytes = Vec::new();
    let mut rest = data.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
            let digits = std::str::from_utf8(&digits).expect("digits").to_owned();
            bytes.push(u8::from_str_radix(&digits, 16).expect("hexadecimal"));
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

#[test]
fn each_image_has_its_node_s_share_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = cluster(folder.path(), "");
    good(&["keys", "init", text(&spec)]);
    let keys = folder.path().join("keys");
    let body = |file: &str| {
        let pem = fs::read_to_string(keys.join(file)).expect("a key");
        pem.lines().nth(1).expect("a line").to_owned()
    };
    let token = fs::read_to_string(keys.join("bootstrap-token.key")).expect("a token");
    let token = token.trim().to_owned();
    // The secret, and the nodes that have it.
    let planes = ["control1", "control2", "control3"];
    let mut secrets: Vec<(String, Vec<&str>)> = vec![
        (body("ca.key"), planes.to_vec()),
        (body("sa.key"), planes.to_vec()),
        (body("etcd/ca.key"), vec![]),
        (body("front-proxy-ca.key"), vec![]),
    ];
    for client in ["admin", "super-admin"] {
        let key = fs::read(keys.join(format!("clients/kubernetes/{client}.key"))).expect("a key");
        secrets.push((base64ct::Base64::encode_string(&key), planes.to_vec()));
    }
    for plane in planes {
        for file in [
            "etcd/server",
            "etcd/peer",
            "etcd/apiserver-etcd-client",
            "kubernetes/apiserver",
            "front-proxy/front-proxy-client",
        ] {
            secrets.push((body(&format!("nodes/{plane}/{file}.key")), vec![plane]));
        }
    }
    for node in ["control1", "control2", "control3", "worker1"] {
        secrets.push((
            body(&format!("nodes/{node}/kubernetes/kubelet-server.key")),
            vec![node],
        ));
    }
    let (_, token_secret) = token.split_once('.').expect("a dot");
    secrets.push((
        token_secret.to_owned(),
        vec!["control1", "control2", "control3", "worker2"],
    ));
    for node in ["control1", "control2", "control3", "worker1", "worker2"] {
        let files = files(&spec, node);
        for (index, (secret, owners)) in secrets.iter().enumerate() {
            let has = files.iter().any(|(_, text)| text.contains(secret.as_str()));
            assert_eq!(has, owners.contains(&node), "{node}, secret {index}");
        }
        let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let is_worker = node.starts_with("worker");
        for path in [
            "/etc/kubernetes/pki/ca.key",
            "/etc/kubernetes/pki/sa.key",
            "/etc/kubernetes/admin.conf",
            "/etc/kubernetes/super-admin.conf",
            "/etc/kubernetes/controller-manager.conf",
            "/etc/kubernetes/imgbuild/12-joining.yaml",
        ] {
            assert_eq!(names.contains(&path), !is_worker, "{node}: {path}");
        }
        assert!(
            !is_worker || !names.iter().any(|name| name.contains("/etcd/")),
            "{node}: {names:?}"
        );
        assert_eq!(
            names.contains(&"/etc/kubernetes/bootstrap-kubelet.conf"),
            node == "worker2"
        );
        assert_eq!(
            names.contains(&"/etc/kubernetes/kubelet.conf"),
            node != "worker2"
        );
    }
    assert!(
        !keys
            .join("nodes/worker2/kubernetes/kubelet-client.key")
            .exists()
    );
}

#[test]
fn the_administrator_s_kubeconfig_and_the_join_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = cluster(folder.path(), ", bootstrap_token: abcdef.0123456789abcdef");
    let file = folder.path().join("admin.conf");
    good(&["kubeconfig", text(&spec), "-o", text(&file)]);
    let mode = fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let view = |file: &Path| {
        tool(
            "kubernetes-client",
            "kubectl",
            folder.path(),
            &[
                "config",
                "view",
                "--minify",
                "-o",
                "jsonpath={.clusters[0].cluster.server} {.users[0].name}",
                "--kubeconfig",
                text(file),
            ],
        )
    };
    // The nodes' own name for all control planes is nothing to those outside.
    assert_eq!(view(&file), "https://192.168.1.11:6443 kubernetes-admin");
    fs::write(
        &file,
        good(&["kubeconfig", text(&spec), "--server", "127.0.0.1:16443"]),
    )
    .expect("written");
    assert_eq!(view(&file), "https://127.0.0.1:16443 kubernetes-admin");

    let join = good(&["keys", "token", text(&spec)]);
    let keys = folder.path().join("keys");
    openssl(
        &keys,
        &[
            "x509", "-in", "ca.crt", "-noout", "-pubkey", "-out", "ca.pub",
        ],
    );
    openssl(
        &keys,
        &[
            "pkey", "-pubin", "-in", "ca.pub", "-outform", "der", "-out", "ca.der",
        ],
    );
    let digest = openssl(&keys, &["dgst", "-sha256", "-r", "ca.der"]);
    let digest = digest.split(' ').next().expect("a digest");
    assert_eq!(
        join,
        format!(
            "kubeadm join 192.168.1.11:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash sha256:{digest}\n"
        )
    );
    assert!(!keys.join("bootstrap-token.key").exists());

    let bare = single(folder.path(), "");
    let (status, _, err) = run(&["keys", "token", text(&bare)]);
    assert_eq!(status, 2);
    assert!(err.contains("lets no node join by token"), "{err}");
}

/// Every leaf of `keys` against the authorities that are trusted, as openssl sees them.
fn verify_leaves(keys: &Path) -> usize {
    let bundle = |stem: &str| {
        let mut all = String::new();
        for file in ["", ".next", ".old"] {
            all += &fs::read_to_string(keys.join(format!("{stem}{file}.crt"))).unwrap_or_default();
        }
        fs::write(keys.join(format!("{stem}.bundle")), all).expect("written");
        format!("{stem}.bundle")
    };
    let (ca, front, etcd) = (bundle("ca"), bundle("front-proxy-ca"), bundle("etcd/ca"));
    let mut seen = 0;
    for (folder, names) in [
        (
            "nodes/kube1/kubernetes",
            &[
                "apiserver",
                "apiserver-kubelet-client",
                "controller-manager",
                "scheduler",
                "kube-proxy",
                "kubelet-client",
                "kubelet-server",
            ][..],
        ),
        ("clients/kubernetes", &["admin", "super-admin"]),
        ("nodes/kube1/front-proxy", &["front-proxy-client"]),
        (
            "nodes/kube1/etcd",
            &[
                "server",
                "peer",
                "healthcheck-client",
                "apiserver-etcd-client",
            ],
        ),
    ] {
        for name in names {
            let authority = if folder.ends_with("front-proxy") {
                &front
            } else if folder.ends_with("etcd") {
                &etcd
            } else {
                &ca
            };
            let file = format!("{folder}/{name}.crt");
            openssl(
                keys,
                &["verify", "-x509_strict", "-CAfile", authority, &file],
            );
            seen += 1;
        }
    }
    seen
}

#[test]
fn authorities_are_replaced_in_three_steps() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = single(folder.path(), "");
    let spec = text(&spec);
    let keys = folder.path().join("keys");
    good(&["keys", "init", spec]);
    let read = |file: &str| fs::read_to_string(keys.join(file)).expect("there");
    let (first, first_key, first_sa) = (read("ca.crt"), read("ca.key"), read("sa.key"));
    let on_node = |path: &str| {
        let all = files(Path::new(spec), "kube1");
        let found = all.into_iter().find(|(at, _)| at == path);
        found.map(|(_, text)| text)
    };
    let count = |text: Option<String>, what: &str| text.expect("there").matches(what).count();
    let refused = |step: &str, words: &str| {
        let (status, _, err) = run(&["keys", "rotate", spec, "--ca", step]);
        assert_eq!(status, 1, "{step}");
        assert!(err.contains(words), "{step}: {err}");
    };
    refused("issue", "begin with `--ca trust`");
    refused("drop", "has no predecessor to drop");

    good(&["keys", "rotate", spec, "--ca", "trust"]);
    refused("trust", "go on with `--ca issue`");
    assert_eq!(read("ca.crt"), first);
    assert_eq!(count(on_node("/etc/kubernetes/pki/ca.crt"), CERTIFICATE), 2);
    assert_eq!(
        count(on_node("/etc/kubernetes/pki/etcd/ca.crt"), CERTIFICATE),
        2
    );
    assert_eq!(count(on_node("/etc/kubernetes/pki/sa.pub"), "BEGIN"), 2);
    // The controller manager refuses a file of two to sign with.
    assert_eq!(
        on_node("/etc/kubernetes/pki/ca-signing.crt").as_ref(),
        Some(&first)
    );
    assert_eq!(verify_leaves(&keys), 14);
    let leaf = read("nodes/kube1/kubernetes/apiserver.crt");

    good(&["keys", "rotate", spec, "--ca", "issue"]);
    refused("issue", "go on with `--ca drop`");
    assert_ne!(read("ca.crt"), first);
    assert_eq!(read("ca.old.crt"), first);
    assert_ne!(read("nodes/kube1/kubernetes/apiserver.crt"), leaf);
    assert_eq!(count(on_node("/etc/kubernetes/pki/ca.crt"), CERTIFICATE), 2);
    assert_eq!(
        on_node("/etc/kubernetes/pki/ca-signing.crt"),
        Some(read("ca.crt"))
    );
    assert_eq!(verify_leaves(&keys), 14);

    good(&["keys", "rotate", spec, "--ca", "drop"]);
    assert_eq!(on_node("/etc/kubernetes/pki/ca.crt"), Some(read("ca.crt")));
    assert_eq!(on_node("/etc/kubernetes/pki/ca-signing.crt"), None);
    assert_eq!(count(on_node("/etc/kubernetes/pki/sa.pub"), "BEGIN"), 1);
    assert_eq!(verify_leaves(&keys), 14);
    // Nothing is lost.
    let archive = fs::read_dir(keys.join("old"))
        .expect("an archive")
        .next()
        .expect("one")
        .expect("readable")
        .path();
    for (file, text) in [
        ("ca.crt", first),
        ("ca.key", first_key),
        ("sa.key", first_sa),
    ] {
        assert_eq!(fs::read_to_string(archive.join(file)).expect("kept"), text);
    }
}

#[test]
fn leaves_are_made_anew_and_the_old_ones_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = single(folder.path(), "");
    let spec = text(&spec);
    let keys = folder.path().join("keys");
    good(&["keys", "init", spec]);
    let read = |file: &str| fs::read_to_string(keys.join(file)).expect("there");
    let before = |file: &str| (file.to_owned(), read(file));
    let proxy = before("nodes/kube1/kubernetes/kube-proxy.key");
    let server = before("nodes/kube1/kubernetes/apiserver.key");
    let authority = before("ca.key");
    let (status, _, err) = run(&["keys", "rotate", spec, "kube9"]);
    assert_eq!(status, 1);
    assert!(err.contains("is meant by `kube9`"), "{err}");
    good(&["keys", "rotate", spec, "apiserver"]);
    assert_ne!(read(&server.0), server.1);
    assert_eq!(read(&proxy.0), proxy.1);
    good(&["keys", "rotate", spec]);
    assert_ne!(read(&proxy.0), proxy.1);
    assert_eq!(read(&authority.0), authority.1);
    assert_eq!(verify_leaves(&keys), 14);
    let archives = fs::read_dir(keys.join("old")).expect("an archive");
    assert!(
        archives
            .map(|entry| entry.expect("readable").path().join(&server.0))
            .filter_map(|path| fs::read_to_string(path).ok())
            .any(|text| text == server.1)
    );
    assert!(!good(&["keys", "list", spec]).contains("old/"));
}

/// What kubeadm leaves in /etc/kubernetes/pki, made by openssl with keys of `kind`.
fn kubeadm_pki(folder: &Path, kind: &[&str]) {
    fs::create_dir_all(folder.join("etcd")).expect("made");
    for (stem, name) in [
        ("ca", "kubernetes"),
        ("front-proxy-ca", "front-proxy-ca"),
        ("etcd/ca", "etcd-ca"),
    ] {
        let (key, certificate) = (format!("{stem}.key"), format!("{stem}.crt"));
        let mut arguments = vec!["genpkey", "-out", &key];
        arguments.extend(kind);
        openssl(folder, &arguments);
        openssl(
            folder,
            &[
                "req",
                "-x509",
                "-key",
                &key,
                "-days",
                "3650",
                "-subj",
                &format!("/CN={name}"),
                "-addext",
                "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign",
                "-out",
                &certificate,
            ],
        );
    }
    let mut arguments = vec!["genpkey", "-out", "sa.key"];
    arguments.extend(kind);
    openssl(folder, &arguments);
    openssl(
        folder,
        &["pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub"],
    );
}

const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn what_kubeadm_made_goes_on() {
    for kind in [RSA, EC] {
        let folder = tempfile::tempdir().expect("a folder");
        let pki = folder.path().join("pki");
        kubeadm_pki(&pki, kind);
        let spec = single(folder.path(), "");
        let spec = text(&spec);
        good(&["keys", "import", spec, text(&pki)]);
        good(&["keys", "import", spec, text(&pki)]);
        good(&["keys", "init", spec]);
        let keys = folder.path().join("keys");
        assert_eq!(verify_leaves(&keys), 14);
        let modulus = |at: &Path| openssl(at, &["pkey", "-in", "sa.key", "-pubout"]);
        assert_eq!(modulus(&keys), modulus(&pki));
        assert!(!keys.join("import").exists());
    }
}

/// What to break, and the words of the refusal.
type Breakage = (fn(&Path), &'static str);

#[test]
fn broken_pkis_are_refused_whole() {
    let cases: [Breakage; 6] = [
        (
            |pki| {
                fs::copy(pki.join("sa.key"), pki.join("ca.key")).expect("copied");
            },
            "ca.key is not the private key of",
        ),
        (
            |pki| fs::remove_file(pki.join("ca.key")).expect("removed"),
            "ca.key is not there: imgbuild issues the nodes' certificates with it",
        ),
        (
            |pki| fs::remove_file(pki.join("sa.key")).expect("removed"),
            "sa.key is not there: it signs the tokens of service accounts",
        ),
        (
            |pki| {
                openssl(pki, &["pkey", "-in", "ca.key", "-pubout", "-out", "sa.pub"]);
            },
            "sa.pub is not the public half of",
        ),
        (
            |pki| {
                openssl(
                    pki,
                    &[
                        "req",
                        "-x509",
                        "-key",
                        "ca.key",
                        "-subj",
                        "/CN=kubernetes",
                        "-addext",
                        "basicConstraints=critical,CA:FALSE",
                        "-out",
                        "ca.crt",
                    ],
                );
            },
            "is not a certificate authority's",
        ),
        (
            |pki| {
                let text = fs::read_to_string(pki.join("ca.crt")).expect("read");
                fs::write(pki.join("ca.crt"), text.repeat(2)).expect("written");
            },
            "ca.crt holds 2 certificates",
        ),
    ];
    for (change, words) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let pki = folder.path().join("pki");
        kubeadm_pki(&pki, EC);
        change(&pki);
        let spec = single(folder.path(), "");
        let (status, _, err) = run(&["keys", "import", text(&spec), text(&pki)]);
        assert_eq!(status, 1, "{words}");
        assert!(err.contains(words), "{words}: {err}");
        assert!(!folder.path().join("keys/sa.key").exists(), "{words}");
        assert!(!folder.path().join("keys/etcd/ca.key").exists(), "{words}");
    }
}

#[test]
fn rsa_where_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = single(folder.path(), ", key_algorithm: rsa-2048");
    good(&["keys", "init", text(&spec)]);
    let keys = folder.path().join("keys");
    assert_eq!(verify_leaves(&keys), 14);
    for file in ["ca", "sa", "etcd/ca", "nodes/kube1/kubernetes/apiserver"] {
        let key = openssl(
            &keys,
            &[
                "rsa",
                "-check",
                "-noout",
                "-text",
                "-in",
                &format!("{file}.key"),
            ],
        );
        assert!(key.contains("(2048 bit"), "{file}: {key}");
        assert!(key.contains("RSA key ok"), "{file}: {key}");
    }
    let shown = openssl(
        &keys,
        &[
            "x509",
            "-noout",
            "-text",
            "-in",
            "nodes/kube1/kubernetes/apiserver.crt",
        ],
    );
    assert!(shown.contains("sha256WithRSAEncryption"), "{shown}");
    assert!(
        shown.contains("Digital Signature, Key Encipherment"),
        "{shown}"
    );
    assert!(good(&["keys", "list", text(&spec)]).contains("RSA 2048"));
    // kubeadm itself reads them, where it is at hand.
    let Some(programs) = std::env::var_os("IMGBUILD_KUBE_DIR") else {
        eprintln!("SKIPPED: kubeadm's look at the certificates wants IMGBUILD_KUBE_DIR");
        return;
    };
    let pki = folder.path().join("pki");
    fs::create_dir(&pki).expect("made");
    for (path, text) in files(&spec, "kube1") {
        if let Some(file) = path.strip_prefix("/etc/kubernetes/pki/") {
            let at = pki.join(file);
            fs::create_dir_all(at.parent().expect("a parent")).expect("made");
            fs::write(at, text).expect("written");
        }
    }
    let kubeadm = Path::new(&programs).join("kubeadm");
    let said = tool(
        "none: the folder IMGBUILD_KUBE_DIR",
        text(&kubeadm),
        folder.path(),
        &[
            "certs",
            "check-expiration",
            "--cert-dir",
            text(&pki),
            "--kubeconfig",
            "/nonexistent",
        ],
    );
    for name in [
        "apiserver",
        "apiserver-etcd-client",
        "front-proxy-client",
        "ca",
        "etcd-ca",
    ] {
        let line = said
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(!line.contains("invalid"), "{said}");
    }
}

/// The real etcd, API server and controller manager with our keys, flags and manifests; root's namespaces keep them to themselves.
#[test]
fn a_real_api_server_lets_in_whom_it_should() {
    let Some(programs) = std::env::var_os("IMGBUILD_KUBE_DIR") else {
        eprintln!("SKIPPED: a real API server wants IMGBUILD_KUBE_DIR");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = String::from("version: 1\nkubernetes: {version: 1.36.2}\nnodes:\n");
    for (name, address, more) in [
        ("control1", 11, "role: control-plane}\n    etcd: {}"),
        ("worker1", 21, "role: worker}"),
        ("worker2", 22, "role: worker, join: token}"),
    ] {
        let _ = writeln!(
            spec,
            "  - hostname: {name}\n    network: {{interfaces: [{{name: eth0, addresses: [192.168.1.{address}/24]}}]}}\n    kubernetes: {{{more}"
        );
    }
    let spec = written(folder.path(), &spec);
    let join = good(&["keys", "token", text(&spec)]);
    for node in ["control1", "worker1", "worker2"] {
        for (path, text) in files(&spec, node) {
            let at = folder.path().join(node).join(path.trim_start_matches('/'));
            fs::create_dir_all(at.parent().expect("a parent")).expect("made");
            fs::write(at, text).expect("written");
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kubernetes_api.sh");
    let said = tool(
        "util-linux, and of the script etcd-server, iproute2, curl",
        "unshare",
        folder.path(),
        &[
            "--map-root-user",
            "--mount",
            "--net",
            "bash",
            script,
            Path::new(&programs).to_str().expect("text"),
            text(folder.path()),
            join.trim(),
        ],
    );
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "nobody: 403",
            "a wrong token: 401",
            "the administrator: yes",
            "a worker and another's secret: Forbidden",
            "the token and a secret: Forbidden",
            "cluster-info: signed, for everyone",
            "a worker's request: signed",
            "kubeadm: This node has joined the cluster",
        ]
    );
}
