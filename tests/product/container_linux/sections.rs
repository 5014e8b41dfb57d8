//! ct's sections, each as ct means it. Where ct's own output was looked at, the text is that of ct
//! 0.9.

use imgbuild::node::ignition_2;

use crate::container_linux_nodes::{HASH, SSH_KEY, as_spec, one};

#[test]
fn services_become_drop_ins() {
    for (name, ct, unit, dropin, want) in [
        (
            "etcd with all defaults",
            "etcd: ~\n",
            "etcd-member.service",
            "20-clct-etcd-member.conf",
            "[Service]\nExecStart=\nExecStart=/usr/lib/coreos/etcd-wrapper $ETCD_OPTS",
        ),
        (
            "etcd of a version, with values of every kind, in ct's order",
            "etcd: {version: 3.3.0, auto_compaction_retention: 1h, enable_v2: false, snapshot_count: 100, name: a b}\n",
            "etcd-member.service",
            "20-clct-etcd-member.conf",
            "[Service]\nEnvironment=\"ETCD_IMAGE_TAG=v3.3.0\"\nExecStart=\nExecStart=/usr/lib/coreos/etcd-wrapper $ETCD_OPTS \\\n  --name=\"a b\" \\\n  --snapshot-count=100 \\\n  --enable-v2=false \\\n  --auto-compaction-retention=\"1h\"",
        ),
        (
            "dynamic data",
            "platform: ec2\netcd: {name: '{HOSTNAME}', listen_client_urls: 'http://{PRIVATE_IPV4}:2379,http://{PUBLIC_IPV4}:2379'}\n",
            "etcd-member.service",
            "20-clct-etcd-member.conf",
            "[Unit]\nRequires=coreos-metadata.service\nAfter=coreos-metadata.service\n\n[Service]\nEnvironmentFile=/run/metadata/coreos\nExecStart=\nExecStart=/usr/lib/coreos/etcd-wrapper $ETCD_OPTS \\\n  --name=\"${COREOS_EC2_HOSTNAME}\" \\\n  --listen-client-urls=\"http://${COREOS_EC2_IPV4_LOCAL}:2379,http://${COREOS_EC2_IPV4_PUBLIC}:2379\"",
        ),
        (
            "flannel and its network",
            "flannel:\n  version: 0.7.0\n  etcd_prefix: /coreos.com/network2\n  etcd_endpoints: http://10.0.0.2:2379\n  network_config: '{\"Network\": \"10.1.0.0/16\"}'\n",
            "flanneld.service",
            "20-clct-flannel.conf",
            "[Service]\nEnvironment=\"FLANNEL_IMAGE_TAG=v0.7.0\"\nExecStart=\nExecStart=/usr/lib/coreos/flannel-wrapper $FLANNEL_OPTS \\\n  --etcd-endpoints=\"http://10.0.0.2:2379\" \\\n  --etcd-prefix=\"/coreos.com/network2\"\nExecStartPre=/usr/bin/etcdctl --endpoints=\"http://10.0.0.2:2379\" set /coreos.com/network/config \"{\\\"Network\\\": \\\"10.1.0.0/16\\\"}\"",
        ),
        (
            "docker",
            "docker: {flags: ['--debug=true', '--log-level=warn']}\n",
            "docker.service",
            "20-clct-docker.conf",
            "[Service]\nEnvironment=\"DOCKER_OPTS=--debug=true --log-level=warn\"",
        ),
        (
            "a cloud whose agent is told where it is",
            "platform: openstack-metadata\n",
            "coreos-metadata-sshkeys@.service",
            "20-clct-provider-override.conf",
            "[Service]\nEnvironment=COREOS_METADATA_OPT_PROVIDER=--provider=openstack-metadata",
        ),
    ] {
        let node = one(&as_spec(ct));
        assert_eq!(node.dropin(unit, dropin), want, "{name}");
        assert_eq!(node.unit(unit).enabled, Some(true), "{name}");
        assert!(node.files.is_empty(), "{name}");
    }
}

#[test]
fn update_and_locksmith_are_one_file() {
    let node = one(&as_spec(
        "update: {group: Beta, server: 'https://update.example/'}\nlocksmith: {reboot_strategy: etcd-lock, window_start: Thu 04:00, window_length: 1h30m, etcd_endpoints: 'http://a:2379'}\n",
    ));
    assert_eq!(
        node.text("/etc/coreos/update.conf"),
        "GROUP=beta\nSERVER=https://update.example/\nREBOOT_STRATEGY=\"etcd-lock\"\nLOCKSMITHD_REBOOT_WINDOW_START=\"Thu 04:00\"\nLOCKSMITHD_REBOOT_WINDOW_LENGTH=\"1h30m\"\nLOCKSMITHD_ENDPOINT=\"http://a:2379\""
    );
}

const STORAGE: &str = "
storage:
  disks:
    - device: /dev/sdb
      wipe_table: true
      partitions:
        - {label: data, number: 1, size: 1GiB, start: 1MiB, type_guid: linux_filesystem_data}
        - {label: rest}
  raid:
    - {name: md, level: raid1, devices: [/dev/sdc, /dev/sdd]}
  filesystems:
    - name: data
      mount: {device: /dev/sdb1, format: ext4, wipe_filesystem: true, label: DATA, options: [-m, '0']}
    - name: oem
      path: /usr/share/oem
  files:
    - {path: /a, filesystem: data, mode: 04755, user: {name: core}, group: {id: 500}, contents: {inline: text}}
    - path: /etc/remote
      contents:
        remote:
          url: https://example.com/a.gz
          compression: gzip
          verification:
            hash: {function: sha512, sum: SUM}
    - {path: /etc/more, append: true, contents: {inline: more}}
    - {path: /etc/kept, overwrite: false, contents: {inline: kept}}
    - {path: /etc/empty}
  directories:
    - {path: /srv/a, mode: 0700, overwrite: true}
    - {path: /b, filesystem: data}
  links:
    - {path: /etc/link, target: /a}
    - {path: /hard, target: /a, hard: true, filesystem: data}
";

#[test]
fn storage_is_ignitions() {
    let sum = "0".repeat(128);
    let node = one(&as_spec(&STORAGE.replace("SUM", &sum)));
    let storage = &node.config.storage;
    let partition = &storage.disks[0].partitions[0];
    assert_eq!(
        (partition.size, partition.start, partition.size_mib),
        (Some(2_097_152), Some(2048), None)
    );
    assert_eq!(partition.type_guid, "0fc63daf-8483-4772-8e79-3d69d8477de4");
    assert_eq!(storage.disks[0].partitions[1].size, None);
    assert_eq!(storage.raid[0].level, "raid1");
    let mount = storage.filesystems[0].mount.as_ref().unwrap();
    assert_eq!(
        (
            mount.format.as_str(),
            mount.wipe_filesystem,
            &mount.options[..]
        ),
        ("ext4", true, &["-m".to_owned(), "0".to_owned()][..])
    );
    assert_eq!(
        storage.filesystems[1].path.as_deref(),
        Some("/usr/share/oem")
    );

    let file = |path: &str| {
        storage
            .files
            .iter()
            .find(|file| file.path == path)
            .expect(path)
    };
    let on_data = file("/a");
    assert_eq!(
        (on_data.filesystem.as_str(), on_data.mode),
        ("data", Some(0o4755))
    );
    assert_eq!(
        on_data.user.as_ref().map(|user| user.name.as_str()),
        Some("core")
    );
    assert_eq!(on_data.group.as_ref().and_then(|group| group.id), Some(500));
    let remote = file("/etc/remote");
    assert_eq!(remote.contents.compression, "gzip");
    assert_eq!(
        remote.contents.verification.hash,
        Some(format!("sha512-{sum}"))
    );
    assert_eq!(
        (file("/etc/more").append, file("/etc/more").overwrite),
        (true, None)
    );
    assert_eq!(file("/etc/kept").overwrite, Some(false));
    assert_eq!(
        (
            file("/etc/empty").contents.source.as_str(),
            file("/etc/empty").mode
        ),
        ("data:,", Some(0o644))
    );
    let directories: Vec<_> = storage
        .directories
        .iter()
        .map(|d| (d.path.as_str(), d.filesystem.as_str(), d.mode, d.overwrite))
        .collect();
    assert_eq!(
        directories,
        [
            ("/srv/a", "root", Some(0o700), Some(true)),
            ("/b", "data", Some(0o755), None)
        ]
    );
    let links: Vec<_> = storage
        .links
        .iter()
        .map(|l| (l.path.as_str(), l.filesystem.as_str(), l.hard))
        .collect();
    assert_eq!(
        links,
        [("/etc/link", "root", false), ("/hard", "data", true)]
    );
}

#[test]
fn version_2_3_has_sizes_in_mib() {
    let sum = "0".repeat(128);
    let text = as_spec(&format!(
        "ignition: {{version: 2.3.0}}\n{}",
        STORAGE.replace("SUM", &sum)
    ));
    let node = one(&text);
    assert_eq!(node.config.ignition.version, "2.3.0");
    let partition = &node.config.storage.disks[0].partitions[0];
    assert_eq!(
        (partition.size, partition.size_mib, partition.start_mib),
        (None, Some(1024), Some(1))
    );
}

#[test]
fn users_units_and_the_head() {
    let node = one(&as_spec(&format!(
        "
passwd:
  users:
    - {{name: core, password_hash: '{HASH}', ssh_authorized_keys: ['{SSH_KEY}'], groups: [sudo]}}
    - {{name: old, create: {{uid: 1001, groups: [docker], shell: /bin/bash, no_create_home: true}}}}
  groups:
    - {{name: lab, gid: 1005, system: true}}
systemd:
  units:
    - {{name: a.service, enable: true, contents: \"[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n\"}}
    - {{name: b.service, mask: true}}
    - {{name: docker.service, dropins: [{{name: 10-a.conf, contents: \"[Service]\\nEnvironment=A=b\\n\"}}]}}
networkd:
  units:
    - {{name: 00-eth0.network, contents: \"[Match]\\nName=eth0\\n\", dropins: [{{name: a.conf, contents: \"[Network]\\nDHCP=yes\\n\"}}]}}
ignition:
  config: {{append: [{{source: 'https://example.com/more.ign'}}]}}
  timeouts: {{http_total: 30}}
  security: {{tls: {{certificate_authorities: [{{source: 'https://example.com/ca.pem'}}]}}}}
"
    )));
    let config = &node.config;
    let [core, old] = config.passwd.users.as_slice() else {
        panic!("{:?}", config.passwd.users);
    };
    assert_eq!(
        (core.name.as_str(), &core.groups[..], core.create.is_none()),
        ("core", &["sudo".to_owned()][..], true)
    );
    let create = old.create.as_ref().unwrap();
    assert_eq!(
        (create.uid, create.no_create_home, create.shell.as_str()),
        (Some(1001), true, "/bin/bash")
    );
    assert_eq!(
        (config.passwd.groups[0].gid, config.passwd.groups[0].system),
        (Some(1005), true)
    );
    assert_eq!(node.unit("a.service").enabled, Some(true));
    assert!(node.unit("b.service").mask);
    assert_eq!(node.unit("docker.service").enabled, None);
    assert_eq!(
        config.networkd.units[0].dropins,
        [ignition_2::DropIn {
            name: "a.conf".to_owned(),
            contents: "[Network]\nDHCP=yes\n".to_owned()
        }]
    );
    assert_eq!(
        config.ignition.config.append[0].source,
        "https://example.com/more.ign"
    );
    assert_eq!(config.ignition.timeouts.http_total, Some(30));
    assert_eq!(
        config.ignition.security.tls.certificate_authorities.len(),
        1
    );
}

/// The sections of every target beside ct's.
#[test]
fn sections_of_every_target() {
    let node = one(&as_spec(&format!(
        "hostname: a.lab\nusers: [{{name: core, groups: [docker], ssh_authorized_keys: ['{SSH_KEY}']}}]\nnetwork:\n  interfaces: [{{name: eth0, dhcp: true}}, {{name: eth1, addresses: [10.1.0.2/24]}}]\n  ntp: {{servers: [ntp.nict.jp]}}\n  hosts: {{10.1.0.3: [b]}}\nsysctls: {{vm.max_map_count: 262144}}\nmodules: [br_netfilter]\n"
    )));
    let paths: Vec<_> = node.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/etc/hostname",
            "/etc/hosts",
            "/etc/modules-load.d/imgbuild.conf",
            "/etc/sysctl.d/90-imgbuild.conf",
            "/etc/systemd/timesyncd.conf.d/10-imgbuild.conf",
        ]
    );
    assert_eq!(node.text("/etc/hostname"), "a.lab");
    let units: Vec<_> = node
        .config
        .networkd
        .units
        .iter()
        .map(|unit| unit.name.as_str())
        .collect();
    assert_eq!(units, ["10-eth0.network", "10-eth1.network"]);
    let user = &node.config.passwd.users[0];
    assert_eq!((user.shell.as_str(), user.groups.len()), ("", 1));
    assert!(node.config.passwd.groups.is_empty(), "docker is there");
}

/// A file for ct may have no name for the node; then the file's own stands for it, and nothing is
/// written.
#[test]
fn a_name_is_not_needed() {
    let node = one(&as_spec("docker: {flags: ['-D']}\n"));
    assert!(node.files.is_empty());
}
