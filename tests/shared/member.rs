//! What the tests share: a member of etcd, its keys in a folder, and what is told of them.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use imgbuild::pki::bundles::EtcdTls;
use imgbuild::pki::{Access, KeyFolder, Keys, Notice};

use crate::randomness::Counter;

pub const DAY: Duration = Duration::from_secs(86_400);

/// 2026-01-02 03:04:05 UTC
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
}

pub struct Member<'a> {
    pub node: &'a str,
    pub dns: &'a [&'a str],
    pub addresses: &'a [&'a str],
}

pub const KUBE2: Member = Member {
    node: "kube2",
    dns: &[],
    addresses: &["192.168.1.11"],
};

pub const KUBE1: Member = Member {
    node: "kube1",
    dns: &["etcd.lab.example"],
    addresses: &["192.168.1.10", "fd00::10"],
};

/// The member's keys from `root`, and what was told.
pub fn member_at(
    root: &Path,
    access: Access,
    member: &Member,
    now: SystemTime,
    seed: u64,
) -> anyhow::Result<(EtcdTls, Vec<Notice>)> {
    let mut rng = Counter(seed);
    let mut keys = Keys::new(KeyFolder::open(root, access)?, now, &mut rng);
    let tls = member.keys(&mut keys)?;
    Ok((tls, keys.notices()))
}

impl Member<'_> {
    /// Its keys from `keys`.
    pub fn keys(&self, keys: &mut Keys) -> anyhow::Result<EtcdTls> {
        let dns: BTreeSet<String> = self.dns.iter().map(ToString::to_string).collect();
        let addresses: BTreeSet<IpAddr> = self
            .addresses
            .iter()
            .map(|a| a.parse().expect("an address"))
            .collect();
        keys.etcd_member(self.node, &dns, &addresses)
    }
}

pub fn make(root: &Path) -> EtcdTls {
    member_at(root, Access::Write, &KUBE1, now(), 1)
        .expect("keys are made")
        .0
}

pub fn told(root: &Path, member: &Member, now: SystemTime) -> Vec<String> {
    let (_, notices) = member_at(root, Access::Write, member, now, 9).expect("keys are given");
    let root = format!("{}/", root.display());
    notices
        .iter()
        .map(|n| n.to_string().replace(&root, ""))
        .collect()
}

pub fn refusal(root: &Path, member: &Member) -> String {
    let error = member_at(root, Access::Write, member, now(), 9).expect_err("is refused");
    format!("{error:#}")
        .replace(&format!("{}/", root.display()), "")
        .replace(&root.display().to_string(), "KEYS")
}

/// Every file below `root` with its text and mode.
pub fn contents(root: &Path) -> Vec<(String, u32, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .strip_prefix(root)
                .expect("below root")
                .display()
                .to_string();
            let mode = fs::symlink_metadata(&path)
                .expect("metadata")
                .permissions()
                .mode()
                & 0o7777;
            if path.is_dir() {
                found.push((format!("{name}/"), mode, String::new()));
                folders.push(path);
            } else {
                found.push((name, mode, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    found
}
