use super::*;
use crate::spec::decode::Leaf;
use crate::spec::yaml::Scalar;

/// Reads `text` as if it were in a spec without quotes.
fn plain<T: Leaf>(text: &str) -> Option<T> {
    T::read(&Scalar {
        text: text.into(),
        plain: true,
    })
    .ok()
}

#[test]
fn modes() {
    for (text, expected) in [
        ("0644", Some(0o644)),
        ("0o644", Some(0o644)),
        ("00644", Some(0o644)),
        ("0", Some(0)),
        ("01777", Some(0o1777)),
        ("07777", Some(0o7777)),
        ("010000", None),
        ("644", None),
        ("420", None),
        ("0x1a4", None),
        ("0o8", None),
        ("0o", None),
        ("-0644", None),
        ("0+644", None),
        ("", None),
    ] {
        assert_eq!(plain::<Mode>(text).map(|mode| mode.0), expected, "{text}");
    }
}

#[test]
fn sizes() {
    for (text, expected) in [
        ("1", Some(1)),
        ("512MiB", Some(512 << 20)),
        ("512 MiB", Some(512 << 20)),
        ("2G", Some(2 << 30)),
        ("100MB", Some(100_000_000)),
        ("1TiB", Some(1 << 40)),
        ("0", None),
        ("0MiB", None),
        ("1.5GiB", None),
        ("-1", None),
        ("99999999999TiB", None),
        ("MiB", None),
        ("1XB", None),
    ] {
        assert_eq!(
            plain::<ByteSize>(text).map(|size| size.0),
            expected,
            "{text}"
        );
    }
}

#[test]
fn ports() {
    for (text, expected) in [
        ("80", Some((80, 80))),
        ("65535", Some((65535, 65535))),
        ("8000-8010", Some((8000, 8010))),
        ("0", None),
        ("65536", None),
        ("8010-8000", None),
        ("80-", None),
        ("-80", None),
        ("+80", None),
        ("", None),
    ] {
        let read = plain::<PortRange>(text).map(|range| (range.first, range.last));
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn etcd_urls() {
    for (text, expected) in [
        (
            "https://192.168.1.10:2379",
            Some((true, "192.168.1.10", 2379)),
        ),
        (
            "http://kube1.lab.example:2380",
            Some((false, "kube1.lab.example", 2380)),
        ),
        (
            "https://[2001:db8::1]:2379",
            Some((true, "2001:db8::1", 2379)),
        ),
        ("https://[kube1]:2379", None),
        ("https://192.168.1.10:0", None),
        ("https://192.168.1.10:99999", None),
        ("https://:2379", None),
        ("https://user@kube1:2379", None),
        ("unix:///run/etcd", None),
        ("", None),
    ] {
        let url = EtcdUrl::parse(text).ok();
        let read = url
            .as_ref()
            .map(|url| (url.https, url.host.as_str(), url.port));
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn password_hashes() {
    let digits = |length| "Ab1./".repeat(20)[..length].to_owned();
    let (sha512, sha256, bcrypt) = (digits(86), digits(43), digits(53));
    for good in [
        "*".to_owned(),
        "!".to_owned(),
        format!("$6$salt${sha512}"),
        format!("$6$rounds=100000$salt${sha512}"),
        format!("!$6$salt${sha512}"),
        format!("$5$salt${sha256}"),
        format!("$y$j9T$salt${sha256}"),
        format!("$2b$12${bcrypt}"),
        // The target decides about MD5.
        format!("$1$salt${}", digits(22)),
    ] {
        assert!(plain::<PasswordHash>(&good).is_some(), "{good}");
    }
    for bad in [
        String::new(),
        "hunter2".to_owned(),
        "$6$".to_owned(),
        "$6$salt".to_owned(),
        format!("$6$${sha512}"),
        format!("$6$a:b${sha512}"),
        format!("$6$a b${sha512}"),
        format!("$6$a${sha512}\nroot"),
        // Cut off, of another method, and with a character that none makes.
        format!("$6$salt${}", &sha512[1..]),
        format!("$6$salt${sha256}"),
        format!("$y$j9T$salt${sha512}"),
        format!("$2b$12${sha256}"),
        format!("$6$salt$-{}", &sha512[1..]),
    ] {
        assert!(plain::<PasswordHash>(&bad).is_none(), "{bad}");
    }
    let shown = format!(
        "{:?}",
        plain::<PasswordHash>(&format!("$6$salt${sha512}")).unwrap()
    );
    assert!(!shown.contains("salt"), "{shown}");
}

#[test]
fn ssh_keys() {
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYSg9hGbKSkAWGFpVxlXKW9iNw1CmJDcrJ5mFvWTXIm";
    for good in [
        ED25519.to_owned(),
        format!("{ED25519} "),
        format!("{ED25519} core of the lab"),
        format!("restrict,command=\"echo hello\" {ED25519} lab"),
    ] {
        assert!(SshPublicKey::parse(&good).is_ok(), "{good}");
    }
    for bad in [
        String::new(),
        ED25519.replace("ssh-ed25519", "ecdsa-sha2-nistp256"),
        ED25519.replace("AAAAC3", "AAAAC4"),
        ED25519[..60].to_owned(),
        format!("{ED25519}!"),
        format!("{ED25519}\n{ED25519}"),
        "ssh-ed25519 AAAA lab".to_owned(),
    ] {
        assert!(SshPublicKey::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn names() {
    for (good, read) in [
        (
            "net.ipv4.ip_forward",
            plain::<SysctlKey>("net.ipv4.ip_forward").is_some(),
        ),
        (
            "net/ipv4/conf/eth0.20/rp_filter",
            plain::<SysctlKey>("net/ipv4/conf/eth0.20/rp_filter").is_some(),
        ),
        (
            "console=ttyS1,115200",
            plain::<KernelArgument>("console=ttyS1,115200").is_some(),
        ),
        (
            "dyndbg=\"file a +p\"",
            plain::<KernelArgument>("dyndbg=\"file a +p\"").is_some(),
        ),
        (
            "br_netfilter",
            plain::<ModuleName>("br_netfilter").is_some(),
        ),
        (
            "2001:db8::1",
            plain::<HostOrAddress>("2001:db8::1").is_some(),
        ),
        ("10-lab.conf", plain::<PlainName>("10-lab.conf").is_some()),
        ("4094", plain::<VlanId>("4094").is_some()),
        ("true", plain::<Setting>("true").is_some()),
    ] {
        assert!(read, "{good}");
    }
}
