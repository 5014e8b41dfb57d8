//! `imgbuild keys list`.

use std::fs;

use imgbuild::pki::{Access, KeyFolder, list};

use crate::member::{make, now};

#[test]
fn lists_what_is_there() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    fs::write(root.join("front.crt"), "no certificate").expect("writes");
    fs::remove_file(root.join("etcd/ca.key")).expect("is there");
    let folder = KeyFolder::open(&root, Access::Look).expect("opens");
    let lines: Vec<String> = list(&folder, now())
        .expect("lists")
        .into_iter()
        .map(|listed| match listed {
            Ok(l) => format!(
                "{} {} by {} {:?} {} {:?} {}",
                l.path.display(),
                l.subject,
                l.issuer,
                l.usages,
                l.names.join(","),
                l.matches_key,
                l.days_left
            ),
            Err((path, why)) => format!("{} {why}", path.display()),
        })
        .collect();
    let san = "etcd.lab.example,kube1,localhost,127.0.0.1,192.168.1.10,::1,fd00::10";
    let expected = [
        "etcd/ca.crt CN=etcd-ca by CN=etcd-ca {Authority}  None 3649".to_owned(),
        "front.crt is not a certificate in PEM".to_owned(),
        "nodes/kube1/etcd/healthcheck-client.crt CN=kube-etcd-healthcheck-client by CN=etcd-ca {Client}  Some(true) 1094".to_owned(),
        format!("nodes/kube1/etcd/peer.crt CN=kube1 by CN=etcd-ca {{Server, Client}} {san} Some(true) 1094"),
        format!("nodes/kube1/etcd/server.crt CN=kube1 by CN=etcd-ca {{Server, Client}} {san} Some(true) 1094"),
    ];
    assert_eq!(lines, expected);
}
