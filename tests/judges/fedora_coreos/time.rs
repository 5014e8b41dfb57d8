//! Time servers, as chronyd reads them. `cargo xtask prepare` fetches it: Debian's package chrony
//! would take the place of whatever sets this machine's clock, so it is unpacked and not installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::fedora_coreos::project::{HEAD, Project, files, said};

/// Where `cargo xtask prepare` puts it (`xtask/src/chrony.rs`).
const CHRONYD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/xtask/chrony/usr/sbin/chronyd"
);

#[test]
fn chronyd_reads_the_servers() {
    for (ntp, servers) in [
        (
            "{servers: [ntp.lab.example, 10.0.0.1], fallback: [time.example]}",
            "server ntp.lab.example iburst prefer\nserver 10.0.0.1 iburst prefer\nserver time.example iburst\n",
        ),
        (
            "{fallback: ['fd00::1']}",
            "server fd00::1 iburst\nsourcedir /run/chrony-dhcp\n",
        ),
    ] {
        let project = Project::new(&format!("{HEAD}network: {{ntp: {ntp}}}\n"));
        let text = files(&project.build("node.ign", &[]))["/etc/chrony.conf"].clone();
        assert!(text.starts_with(servers), "{text}");
        let path = project.path("chrony.conf");
        fs::write(&path, &text).unwrap();
        // `-p` prints what it reads, and ends where that is no setting.
        assert!(
            Path::new(CHRONYD).exists(),
            "{CHRONYD}: run `cargo xtask prepare`"
        );
        let run = Command::new(CHRONYD)
            .arg("-p")
            .arg("-f")
            .arg(&path)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", said(&run));
        assert_eq!(String::from_utf8_lossy(&run.stdout), text);
    }
}
