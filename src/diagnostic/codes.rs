//! Every code that a diagnostic can carry, with what `imgbuild explain` says about it.
//!
//! One table for all rooms, so that a code is never given twice: E00xx files and YAML, E01xx
//! structure and values, E02xx checks across fields, E03xx Ignition and Butane, E04xx keys, E05xx
//! Kubernetes, E06xx configs of other tools. A code is never reused for something else. The example
//! of an entry is a spec, or the lines of one that follow `version: 1` and `hostname: kube1`; a
//! test reads each and looks for its code. What needs more than one file, or bytes that YAML cannot
//! hold, has an empty example and a case of its own under `tests/wrong_specs/`.

use super::Code;

/// What `imgbuild explain` says about a code.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    pub code: Code,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// A paragraph, one line each as written in the table.
    pub text: &'static str,
    /// A spec that gets the code; empty where more than one plain file is needed.
    pub example: &'static str,
}

macro_rules! codes {
    ($(
        $(#[doc = $text:literal])+
        $name:ident = $code:literal: $title:literal, $example:literal;
    )+) => {
        $(
            #[doc = concat!($code, ": ", $title, ".")]
            pub const $name: Code = Code($code);
        )+

        /// All codes, in the order of their numbers.
        pub const TABLE: &[Explanation] = &[
            $(Explanation {
                code: $name,
                title: $title,
                text: concat!($($text, "\n"),+),
                example: $example,
            },)+
        ];
    };
}

codes! {
    // E00xx: files and YAML.
    /// The file does not exist, is a folder, or may not be read by you.
    UNREADABLE_FILE = "E0001": "a file cannot be read", "";
    /// A spec has at most 1 MiB, and a file that it names at most 64 MiB. Larger ones are refused
    /// before they are read. Let Ignition fetch large files on the node with `source:`.
    FILE_TOO_LARGE = "E0002": "a file is too large", "";
    /// YAML is read as UTF-8 only. Convert the file, for example with `iconv -t UTF-8`.
    NOT_UTF8 = "E0003": "a file is not UTF-8", "";
    /// The text is not YAML 1.2.
    YAML_SYNTAX = "E0004": "YAML syntax error", "users: [\n";
    /// Lists and maps are nested more than 64 deep, which no spec needs.
    TOO_DEEP = "E0005": "too deeply nested", "";
    /// A spec has at most 100,000 values and 8 MiB of text, with aliases and includes written out,
    /// at most 10,000 elements in a list, and at most 1000 includes. A small file full of aliases
    /// can stand for gigabytes (the "billion laughs" attack), so there are limits.
    TOO_MANY_VALUES = "E0006": "too many values", "";
    /// A key is written twice in one map. YAML forbids it, and which of the two was meant cannot be
    /// known.
    DUPLICATE_KEY = "E0007": "duplicate key", "sysctls: {vm.swappiness: 1, vm.swappiness: 2}\n";
    /// `*name` refers to the value that `&name` marked earlier in the same file.
    UNKNOWN_ALIAS = "E0008": "unknown alias", "users: *nobody\n";
    /// `<<` belongs to YAML 1.1. Use `include:` or `nodes:` to share settings, or alias whole
    /// values.
    MERGE_KEY = "E0009": "merge keys are not supported", "network:\n  <<: {}\n";
    /// A spec is one YAML document. Several nodes go under `nodes:`.
    SEVERAL_DOCUMENTS = "E0010": "more than one YAML document", "---\nversion: 1\n";
    /// A key is plain text, not a list, a map or nothing.
    KEY_NOT_TEXT = "E0011": "a key is not text", "sysctls:\n  [a, b]: 1\n";
    /// Only `!!str`, which makes text of what would be a number, is understood; types come from the
    /// spec's keys.
    UNKNOWN_TAG = "E0012": "unknown YAML tag", "users: !secret []\n";
    /// YAML text has no control characters other than tab and line breaks (YAML 1.2.2 §5.1).
    CONTROL_CHARACTER = "E0013": "control character", "";
    /// The file holds no value at all, only comments or white space.
    EMPTY_FILE = "E0014": "the file is empty", "";
    /// A file includes itself, directly or through others.
    INCLUDE_CYCLE = "E0015": "cycle of includes", "";
    /// Files that a spec names lie in the spec's folder or below it, after symbolic links are
    /// followed, so that a spec from elsewhere cannot put your private files into an image.
    OUTSIDE_PROJECT = "E0016": "a path leaves the project", "include: [../other.yaml]\n";
    /// Includes are nested more than 16 deep.
    INCLUDE_DEPTH = "E0017": "includes are nested too deeply", "";

    // E01xx: structure and values.
    /// The key is not one that can be written here. Keys are snake_case.
    UNKNOWN_KEY = "E0100": "unknown key", "user: []\n";
    /// A key that cannot be left out is not there.
    MISSING_KEY = "E0101": "missing key", "users: [{uid: 1000}]\n";
    /// The value is of another kind (text, number, true or false, list, map) than the key takes.
    WRONG_TYPE = "E0102": "wrong type", "users: core\n";
    /// The key is followed by nothing. Write `{}` or `[]` for an empty value, or leave the key out.
    /// In a node or an including file, `~` takes away what the shared part set.
    NO_VALUE = "E0103": "a key without a value", "etcd:\n";
    /// Of these keys only one may be written.
    CONFLICTING_KEYS = "E0104": "keys exclude each other", "users: [{name: a, password_hash: '*', password_file: pw}]\n";
    /// One of several keys has to be written.
    MISSING_ONE_OF = "E0105": "one of several keys is missing", "network: {interfaces: [{dhcp: true}]}\n";
    /// The value is not one of the words that the key takes.
    UNKNOWN_WORD = "E0106": "unknown word", "kernel: tiny\n";
    /// The number is out of the key's range.
    OUT_OF_RANGE = "E0107": "number out of range", "network: {interfaces: [{name: a, vlan: {id: 5000, parent: eth0}}]}\n";
    /// YAML 1.2 has `true` and `false` only; `yes`, `no`, `on` and `off` are text.
    NOT_A_BOOLEAN = "E0108": "not true or false", "etcd: {tls: yes}\n";
    /// A mode is written in octal with a leading 0, as in 0644. YAML 1.2 reads 644 and 420 as
    /// decimal numbers.
    BAD_MODE = "E0109": "not a file mode", "storage: {files: [{path: /a, mode: 644}]}\n";
    /// RFC 1123: labels of letters, digits and `-`, joined by dots; on Linux at most 64 characters
    /// in lower case.
    BAD_HOSTNAME = "E0110": "not a host name", "network: {hosts: {192.168.1.1: [kube_2]}}\n";
    /// As useradd(8) takes it: a lower-case letter or `_`, then letters, digits, `_` and `-`, at
    /// most 32 in all.
    BAD_USER_NAME = "E0111": "not a user or group name", "users: [{name: Core}]\n";
    /// Linux names interfaces with 1 to 15 characters without `/`, `:` and white space.
    BAD_INTERFACE_NAME = "E0112": "not an interface name", "network: {interfaces: [{name: 'eth 0', dhcp: true}]}\n";
    /// Six octets in hexadecimal, joined by `:` or `-`, not a multicast address.
    BAD_MAC = "E0113": "not a MAC address", "network: {interfaces: [{mac: '52:54', dhcp: true}]}\n";
    /// An IPv4 address in dotted-decimal notation or an IPv6 address as in RFC 4291.
    BAD_ADDRESS = "E0114": "not an IP address", "network: {interfaces: [{name: eth0, gateway: 192.168.1.256}]}\n";
    /// An address and the length of its network's prefix, as in 192.168.1.10/24.
    BAD_NETWORK = "E0115": "not an address with a prefix length", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10]}]}\n";
    /// Paths on the node are absolute and normal: no `.`, `..`, `//` and no `/` at the end.
    BAD_PATH = "E0116": "not a path on the node", "storage_device: sda\n";
    /// Paths to files beside the spec are relative.
    BAD_LOCAL_PATH = "E0117": "not a path of a local file", "include: [/etc/passwd]\n";
    /// A unit has one of systemd's types at its end and letters, digits and `:-_.\@` before
    /// (systemd.unit(5)).
    BAD_UNIT_NAME = "E0118": "not a unit name", "systemd: {units: [{name: a.servce}]}\n";
    /// A URL with a scheme that the key takes and a host.
    BAD_URL = "E0119": "not a URL", "etcd: {listen_client_urls: ['127.0.0.1:2379']}\n";
    /// A line as in authorized_keys(5): type, key in base64, comment. Never the private key.
    BAD_SSH_KEY = "E0120": "not an SSH public key", "users: [{name: core, ssh_authorized_keys: [ssh-ed25519]}]\n";
    /// A hash as crypt(5) makes it, `$6$…` from `openssl passwd -6`; `*` locks the password. Plain
    /// text is refused because the spec, and the image, are read by many: use `password_file:`.
    BAD_PASSWORD_HASH = "E0121": "not a password hash", "users: [{name: core, password_hash: hunter2}]\n";
    /// A number of bytes with a unit: 512MiB, 2GiB.
    BAD_SIZE = "E0122": "not a size", "swap: {zram: {size: big}}\n";
    /// A port from 1 to 65535, or a range of them: 8000-8010.
    BAD_PORT = "E0123": "not a port", "network: {firewall: {allow: [{port: 0, protocol: tcp}]}}\n";
    /// A key as sysctl(8) takes it, with dots: net.ipv4.ip_forward.
    BAD_SYSCTL = "E0124": "not a sysctl key", "sysctls: {'net ipv4': 1}\n";
    /// A name that one of the node's programs takes as part of a file name or a line of settings:
    /// letters, digits and a few marks, without white space.
    BAD_NAME = "E0125": "not a valid name", "modules: ['br netfilter']\n";
    /// One argument of the kernel's command line. White space only inside double quotes.
    BAD_KERNEL_ARGUMENT = "E0126": "not a kernel argument", "kernel_arguments: ['quiet splash']\n";
    /// A digest as Ignition takes it: sha256- or sha512- and the hexadecimal digits.
    BAD_DIGEST = "E0127": "not a digest", "storage: {files: [{path: /a, contents: {inline: a, verification: {hash: sha256-12}}}]}\n";
    /// A UUID or GUID of 32 hexadecimal digits in five groups (RFC 9562).
    BAD_UUID = "E0128": "not a UUID", "storage: {disks: [{device: /dev/vda, partitions: [{label: a, guid: '12'}]}]}\n";
    /// The version of the spec's own language; there is one so far.
    BAD_VERSION = "E0129": "unknown version of the spec", "version: 2\nhostname: kube1\n";
    /// Each of `nodes:` has a host name of its own; one beside `nodes:` would be everybody's.
    HOSTNAME_BESIDE_NODES = "E0132": "a host name beside `nodes`", "nodes: [{hostname: kube2}]\n";
    /// A certificate authority is one or more certificates in PEM.
    BAD_CERTIFICATE = "E0133": "not a certificate in PEM", "ca_certificates: [{name: site, inline: no certificate}]\n";
    /// The text holds a NUL or a line break where a single line is needed.
    NOT_ONE_LINE = "E0134": "not a single line", "network: {interfaces: [{name: eth0, search: [\"a\\nb\"]}]}\n";
    /// What a target cannot do is refused where it is asked for. The line under the marked key says
    /// why.
    NOT_FOR_TARGET = "E0135": "not for this target", "version: 1\ntarget: container-linux\nhostname: kube1\nswap: {zram: {size: 1GiB}}\n";
    /// Container Linux has sections and versions of its own. Its nodes make no cluster with nodes
    /// of other targets.
    TARGETS_DIFFER = "E0136": "targets that do not go together", "version: 1\nnodes: [{hostname: a}, {hostname: b, target: container-linux}]\n";
    /// Each target takes certain versions of Ignition's specification.
    BAD_IGNITION_VERSION = "E0137": "not a version of Ignition for this target", "version: 1\ntarget: container-linux\nhostname: kube1\nignition: {version: 3.3.0}\n";
    /// `{PRIVATE_IPV4}` and the like stand for what a cloud tells the node: which cloud,
    /// `platform:` says. Not every cloud tells everything.
    BAD_DYNAMIC_DATA = "E0138": "dynamic data that is not there", "version: 1\ntarget: container-linux\nhostname: kube1\netcd: {advertise_client_urls: 'http://{PRIVATE_IPV4}:2379'}\n";
    /// A value in one of ct's sections that ct, or the program that it is for, does not take.
    BAD_CT_VALUE = "E0139": "not what ct takes", "version: 1\ntarget: container-linux\nhostname: kube1\nlocksmith: {window_start: Thursday, window_length: 1h}\n";
    /// Kernel and initrd of a target are files by their path, or come from a URL of HTTP.
    BAD_BOOT_LOCATION = "E0140": "neither a path nor a URL to fetch from", "version: 1\ntarget: flatcar\nhostname: kube1\nbase: {kernel: {source: 'ftp://a/b'}, initrd: {source: i}}\n";
    /// A file from the network is taken only with a hash, and a signature says something only with
    /// the key of its maker.
    UNCHECKED_BOOT_FILE = "E0141": "a file to boot that nothing checks", "version: 1\ntarget: flatcar\nhostname: kube1\nbase: {kernel: {source: 'https://a/b'}, initrd: {source: i}}\n";
    /// Fedora CoreOS' live system comes as kernel, initrd and root file system. The last one is a
    /// further initrd, or the machine fetches it itself, in its own time and with less memory, from
    /// the URL that a kernel argument names.
    NO_ROOT_FILE_SYSTEM = "E0142": "a live system without its root file system", "version: 1\ntarget: fedora-coreos\nhostname: kube1\nbase: {kernel: {source: k}, initrd: {source: i}}\n";

    // E02xx: checks across fields.
    /// Each node of a cluster has a name of its own.
    DUPLICATE_HOSTNAME = "E0200": "two nodes with one name", "version: 1\nnodes: [{hostname: a}, {hostname: a}]\n";
    /// An IP address belongs to one interface of one node.
    DUPLICATE_ADDRESS = "E0201": "an address twice", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}, {name: eth1, addresses: [10.0.0.1/24]}]}\n";
    /// A MAC address belongs to one card of one machine.
    DUPLICATE_MAC = "E0202": "a MAC address twice", "network: {interfaces: [{mac: '52:54:00:00:00:01', dhcp: true}, {mac: '52:54:00:00:00:01'}]}\n";
    /// Each interface of a node has a name of its own.
    DUPLICATE_INTERFACE = "E0203": "an interface twice", "network: {interfaces: [{name: eth0, dhcp: true}, {name: eth0}]}\n";
    /// The loopback interface has 127.0.0.1 and ::1 on every node and takes no settings.
    LOOPBACK_INTERFACE = "E0204": "the loopback interface", "network: {interfaces: [{name: lo, addresses: [10.0.0.1/32]}]}\n";
    /// A bond, bridge, VLAN or masquerade rule names an interface that is not under `interfaces:`,
    /// nor named as the kernel or udev name cards (eth1, enp3s0).
    UNKNOWN_INTERFACE = "E0205": "unknown interface", "network: {interfaces: [{name: eth0}, {name: br0, dhcp: true, bridge: {members: [bond0]}}]}\n";
    /// An interface is a member of one bond or bridge at most.
    MEMBER_TWICE = "E0206": "a member of two links", "network: {interfaces: [{name: eth0}, {name: br0, bridge: {members: [eth0]}}, {name: br1, bridge: {members: [eth0]}}]}\n";
    /// A member of a bond or bridge has no addresses, routes or DHCP: the bond or bridge has them.
    MEMBER_WITH_ADDRESSES = "E0207": "a member with addresses", "network: {interfaces: [{name: eth0, dhcp: true}, {name: br0, bridge: {members: [eth0]}}]}\n";
    /// Bonds, bridges and VLANs lie on other interfaces, down to a card, never on themselves.
    INTERFACE_LOOP = "E0208": "an interface made of itself", "network: {interfaces: [{name: v1, vlan: {id: 1, parent: v2}}, {name: v2, vlan: {id: 2, parent: v1}}]}\n";
    /// A VLAN id is used once on each parent.
    DUPLICATE_VLAN = "E0209": "a VLAN twice", "network: {interfaces: [{name: eth0}, {name: a, vlan: {id: 5, parent: eth0}}, {name: b, vlan: {id: 5, parent: eth0}}]}\n";
    /// A frame of the VLAN has to fit into one of its parent.
    MTU_ABOVE_PARENT = "E0210": "an MTU above the parent's", "network: {interfaces: [{name: eth0, mtu: 1500}, {name: a, mtu: 9000, vlan: {id: 5, parent: eth0}}]}\n";
    /// IPv4 needs an MTU of 68 bytes (RFC 791), IPv6 one of 1280 (RFC 8200 §5). Linux takes up to
    /// 65536.
    BAD_MTU = "E0211": "not an MTU", "network: {interfaces: [{name: eth0, dhcp: true, mtu: 60}]}\n";
    /// A bond, bridge or VLAN is made by the node: it has a name, and no card whose MAC address
    /// could be asked for.
    LINK_BY_MAC = "E0212": "a made link by MAC address", "network: {interfaces: [{name: eth0}, {mac: '52:54:00:00:00:01', bridge: {members: [eth0]}}]}\n";
    /// A bond takes the options of systemd.netdev(5), section [Bond], under their names there or
    /// the kernel's.
    UNKNOWN_BOND_OPTION = "E0213": "unknown option of a bond", "network: {interfaces: [{name: eth0}, {name: bond0, dhcp: true, bond: {members: [eth0], options: {mimon: 100}}}]}\n";
    /// Loopback, multicast and unspecified addresses are no addresses of machines.
    UNUSABLE_ADDRESS = "E0214": "an address that no machine has", "network: {interfaces: [{name: eth0, addresses: [127.0.0.5/8]}]}\n";
    /// The first address of an IPv4 network names the network, the last is for broadcasts (RFC 1122
    /// §3.2.1.3).
    NOT_A_HOST_ADDRESS = "E0215": "a network's own address", "network: {interfaces: [{name: eth0, addresses: [192.168.1.0/24]}]}\n";
    /// A gateway is reached over the interface that it is written under, so it has an address of
    /// that interface's networks.
    GATEWAY_OUTSIDE_NETWORK = "E0216": "a gateway outside the network", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24], gateway: 192.168.2.1}]}\n";
    /// The gateway is the router, never the node.
    GATEWAY_IS_SELF = "E0217": "the gateway is the node itself", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24], gateway: 192.168.1.10}]}\n";
    /// The gateway of a route is reached over the interface that the route is written under.
    ROUTE_UNREACHABLE = "E0218": "a route whose gateway cannot be reached", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24], routes: [{destination: 10.45.0.0/16, gateway: 192.168.2.124}]}]}\n";
    /// IPv4 is routed over IPv4 gateways, IPv6 over IPv6 gateways.
    ROUTE_FAMILY = "E0219": "a gateway of the other family", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24], routes: [{destination: 'fd00::/8', gateway: 192.168.1.1}]}]}\n";
    /// Two routes of one interface to one network need different metrics.
    DUPLICATE_ROUTE = "E0220": "a route twice", "network: {interfaces: [{name: eth0, addresses: [10.0.0.2/24], routes: [{destination: 10.45.0.0/16, gateway: 10.0.0.1}, {destination: 10.45.0.0/16, gateway: 10.0.0.3}]}]}\n";
    /// A network is written with the address that names it: 10.45.0.0/16, not 10.45.0.7/16.
    HOST_BITS = "E0221": "a host's address for a network", "network: {firewall: {allow_from: [192.168.1.7/24]}}\n";
    /// The first address of `/etc/hosts` is used alone: a name has one of IPv4 and one of IPv6.
    HOST_WITH_TWO_ADDRESSES = "E0222": "a host with two addresses", "network: {hosts: {192.168.1.11: [kube2], 192.168.1.12: [kube2]}}\n";
    /// `hosts` gives the node's own name to an address that is not the node's.
    OWN_NAME_ELSEWHERE = "E0223": "the node's name elsewhere", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}], hosts: {192.168.1.99: [kube1]}}\n";
    /// imgbuild writes the arguments that start stage 0 and Ignition and find the root image.
    RESERVED_KERNEL_ARGUMENT = "E0224": "a kernel argument of imgbuild's", "kernel_arguments: [root=/dev/sda1]\n";
    /// A kernel parameter can be written with dots and with slashes; here it is written both ways.
    DUPLICATE_SYSCTL = "E0225": "a kernel parameter twice", "sysctls: {net.ipv4.ip_forward: 1, net/ipv4/ip_forward: 0}\n";
    /// A node that forwards nothing masquerades nothing.
    FORWARDING_OFF = "E0226": "masquerade without forwarding", "sysctls: {net.ipv4.ip_forward: 0}\nnetwork: {interfaces: [{name: eth0, dhcp: true}], firewall: {masquerade: {source: 10.244.0.0/16, interface: eth0}}}\n";
    /// Two rules open the same port to the same network.
    DUPLICATE_PORT = "E0227": "a port opened twice", "network: {firewall: {allow: [{port: 80}, {ports: [70-90]}]}}\n";
    /// imgbuild makes partitions of its own on the storage device: it is named as a whole.
    NOT_A_WHOLE_DISK = "E0228": "not a whole disk", "storage_device: /dev/sda1\n";
    /// Block devices lie below /dev.
    NOT_A_DEVICE = "E0229": "not a device", "storage_device: /srv/data\n";
    /// The storage device is used for something else as well.
    STORAGE_DEVICE_USED = "E0230": "the storage device is used twice", "storage_device: /dev/vda\nstorage: {disks: [{device: /dev/vda, wipe_table: true}]}\n";
    /// Swap has a device or partition of its own.
    SWAP_ON_USED_DEVICE = "E0231": "swap on a device in use", "storage_device: /dev/vda\nswap: {device: /dev/vda}\n";
    /// A disk has one entry with all its partitions, a device one file system.
    DUPLICATE_DEVICE = "E0232": "a device twice", "storage: {disks: [{device: /dev/vdb}, {device: /dev/vdb}]}\n";
    /// One file system is mounted at one place.
    DUPLICATE_MOUNT = "E0233": "a mount point twice", "storage: {filesystems: [{device: /dev/vdb, format: ext4, path: /srv}, {device: /dev/vdc, format: ext4, path: /srv}]}\n";
    /// imgbuild mounts something there itself, or the image lies there.
    RESERVED_MOUNT = "E0234": "a mount point of imgbuild's", "storage: {filesystems: [{device: /dev/vdb, format: ext4, path: /usr}]}\n";
    /// A path is one file, directory or link.
    DUPLICATE_PATH = "E0235": "a path twice", "storage: {files: [{path: /etc/a}], links: [{path: /etc/a, target: b}]}\n";
    /// Nothing lies below a file or a link.
    PATH_BELOW_FILE = "E0236": "a path below a file", "storage: {files: [{path: /etc/a}, {path: /etc/a/b}]}\n";
    /// A file system is mounted over the path after Ignition has written it.
    HIDDEN_PATH = "E0237": "a path that would not be seen", "storage: {files: [{path: /run/a}]}\n";
    /// A unit has one entry with all its drop-ins, each under a name of its own.
    DUPLICATE_UNIT = "E0238": "a unit twice", "systemd: {units: [{name: a.service, mask: true}, {name: a.service}]}\n";
    /// A masked unit never starts, so it is neither enabled nor given contents.
    MASKED_UNIT_IN_USE = "E0239": "a masked unit in use", "systemd: {units: [{name: a.service, mask: true, enabled: true}]}\n";
    /// A user has one entry, under `users:` or under `passwd:`, and a number of its own.
    DUPLICATE_USER = "E0240": "a user twice", "users: [{name: core}]\npasswd: {users: [{name: core}]}\n";
    /// A group has one entry.
    DUPLICATE_GROUP = "E0241": "a group twice", "passwd: {groups: [{name: lab}, {name: lab}]}\n";
    /// Each CA certificate has a name of its own.
    DUPLICATE_CERTIFICATE = "E0242": "a CA certificate twice", "";
    /// The first line of a password file is the password.
    BAD_PASSWORD_FILE = "E0243": "not a password file", "";
    /// etcd needs more than half of its members. Two go on when one is lost no better than one
    /// does, four no better than three: an even number only adds a machine that can fail. To grow a
    /// cluster that runs, set `initial_cluster_state: existing`.
    EVEN_ETCD = "E0244": "an even number of etcd members", "version: 1\nnodes: [{hostname: a, etcd: {}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, etcd: {}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// Each member of a cluster has a name of its own.
    DUPLICATE_MEMBER = "E0245": "two etcd members with one name", "version: 1\netcd: {name: m}\nnodes: [{hostname: a, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}, {hostname: c, network: {interfaces: [{name: e, addresses: [10.0.0.3/24]}]}}]\n";
    /// Members find each other by addresses that do not change. A node of a cluster of several has
    /// a static address, or says in `initial_advertise_peer_urls` how it is reached.
    ETCD_NEEDS_ADDRESS = "E0246": "an etcd member without an address", "version: 1\netcd: {}\nnodes: [{hostname: a}, {hostname: b}, {hostname: c}]\n";
    /// With TLS, which is the default, URLs start with https; without, with http.
    ETCD_SCHEME = "E0247": "http with TLS, or https without", "etcd: {listen_client_urls: ['http://127.0.0.1:2379']}\n";
    /// What a member advertises leads to this node: one of its addresses or names.
    ETCD_ADVERTISES_OTHER = "E0248": "etcd advertises another machine", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}\netcd: {advertise_client_urls: ['https://192.168.1.11:2379']}\n";
    /// 0.0.0.0 and :: stand for all addresses when listening; nobody can connect to them.
    ETCD_ADVERTISES_ANY = "E0249": "etcd advertises every address", "etcd: {advertise_client_urls: ['https://0.0.0.0:2379']}\n";
    /// Other members cannot reach this one on the loopback interface.
    ETCD_ADVERTISES_LOOPBACK = "E0250": "etcd advertises itself to itself", "etcd: {initial_advertise_peer_urls: ['https://127.0.0.1:2380'], initial_cluster: {kube1: 'https://127.0.0.1:2380', b: 'https://10.0.0.2:2380', c: 'https://10.0.0.3:2380'}}\n";
    /// etcd listens on addresses of the node, not on names.
    ETCD_LISTENS_ON_NAME = "E0251": "etcd listens on a name", "etcd: {listen_client_urls: ['https://kube1:2379']}\n";
    /// etcd can only listen on addresses that the node has.
    ETCD_LISTENS_ELSEWHERE = "E0252": "etcd listens on another machine's address", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}\netcd: {listen_client_urls: ['https://192.168.1.11:2379']}\n";
    /// Clients and peers are answered on different ports.
    ETCD_ONE_PORT = "E0253": "one port for clients and peers", "etcd: {listen_client_urls: ['https://127.0.0.1:2379'], listen_peer_urls: ['https://127.0.0.1:2379']}\n";
    /// `initial_cluster` names all first members, this one among them, by the URLs that they
    /// advertise.
    ETCD_CLUSTER_WITHOUT_SELF = "E0254": "a cluster without this member", "etcd: {initial_cluster: {other: 'https://10.0.0.2:2380'}}\n";
    /// What `initial_cluster` says of this member is what the member advertises to its peers.
    ETCD_CLUSTER_MISMATCH = "E0255": "two peer URLs for one member", "etcd: {initial_advertise_peer_urls: ['https://10.0.0.1:2380'], initial_cluster: {kube1: 'https://10.0.0.9:2380'}}\n";
    /// The members of one cluster agree on TLS, token and state, or they do not find together.
    ETCD_DISAGREE = "E0256": "etcd members that disagree", "version: 1\nnodes: [{hostname: a, etcd: {initial_cluster_token: x}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, etcd: {}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}, {hostname: c, etcd: {}, network: {interfaces: [{name: e, addresses: [10.0.0.3/24]}]}}]\n";
    /// The flag has a key of its own in the spec, or imgbuild decides it.
    ETCD_RESERVED_SETTING = "E0257": "an etcd setting with a key of its own", "etcd: {settings: {data-dir: /var/lib/etcd}}\n";
    /// etcd does not start with a flag that its version does not know. Debian 13 has 3.5; what an
    /// image has its tag tells.
    ETCD_UNKNOWN_SETTING = "E0258": "unknown etcd setting", "etcd: {settings: {heartbeat-intervall: 100}}\n";
    /// etcd's data lies in a folder that can be written and is etcd's alone.
    ETCD_BAD_DATA_DIR = "E0259": "not a folder for etcd's data", "etcd: {data_dir: /usr/lib/etcd}\n";
    /// Butane refuses the same: a mount unit needs to know where and what is mounted.
    BAD_MOUNT_UNIT = "E0260": "a mount unit without a mount", "storage: {filesystems: [{device: /dev/vdb, with_mount_unit: true}]}\n";
    /// Only fetched contents are decompressed, checked against a hash, or asked for with headers.
    NOT_FETCHED = "E0261": "settings of fetched contents", "storage: {files: [{path: /a, contents: {inline: a, compression: gzip}}]}\n";
    /// Each partition of a disk has a number and a label of its own.
    DUPLICATE_PARTITION = "E0262": "a partition twice", "storage: {disks: [{device: /dev/vdb, partitions: [{label: a, number: 1}, {label: b, number: 1}]}]}\n";
    /// systemd reads drop-ins whose names end in `.conf`, and no others (systemd.unit(5)).
    BAD_DROPIN_NAME = "E0263": "not a drop-in's name", "systemd: {units: [{name: a.service, dropins: [{name: 10-a, contents: \"[Service]\\n\"}]}]}\n";
    /// GRUB, ISOLINUX and iPXE parse the kernel's command line each in its own way: variables,
    /// quotes, comments. What stands there holds only what all of them leave alone.
    ALTERED_KERNEL_ARGUMENT = "E0264": "a kernel argument that boot loaders change", "kernel_arguments: ['console=$tty']\n";
    /// NetworkManager takes name servers, domains to search and routes of IPv4 on links that have
    /// IPv4, and the same of IPv6.
    NOT_ON_THIS_LINK = "E0265": "settings of an IP version that the link does not have", "version: 1\ntarget: fedora-coreos\nhostname: kube1\nnetwork: {interfaces: [{name: ens3, addresses: ['fd00::2/64'], dns: [10.0.0.1]}]}\n";

    // E03xx: Ignition and the units in it.
    /// imgbuild writes this itself, from another part of the spec. A file or link with `overwrite:
    /// true` is taken instead, with a warning; a unit is changed by a drop-in; a user or disk is
    /// written in one place.
    ALREADY_THERE = "E0300": "imgbuild writes it itself", "storage: {files: [{path: /etc/hostname, contents: {inline: a}}]}\n";
    /// A file, a link or a unit has nothing below it.
    BELOW_A_FILE = "E0301": "a path below a file", "storage: {files: [{path: /etc/hostname/a}]}\n";
    /// Ignition writes units to /etc/systemd/system, drop-ins to a folder there.
    UNIT_AND_FILE = "E0302": "a file where a unit is written", "storage: {files: [{path: /etc/systemd/system/a.service}]}\nsystemd: {units: [{name: a.service, contents: \"[Service]\\nExecStart=/bin/true\\n\"}]}\n";
    /// /usr is the image, the same on every node and read-only. /usr/local is not part of it.
    READ_ONLY_PATH = "E0303": "a path on the image", "storage: {files: [{path: /usr/bin/a}]}\n";
    /// Ignition's specification 3.3.0, the node's, has no set-user-ID, set-group-ID and sticky
    /// bits.
    SPECIAL_MODE = "E0304": "a mode that Ignition does not set", "storage: {files: [{path: /opt/a, mode: 04755}]}\n";
    /// Ignition fetches by data, http, https, tftp, s3, arn and gs. A `data:` URL is as in RFC
    /// 2397.
    BAD_SOURCE = "E0305": "not a source that Ignition reads", "storage: {files: [{path: /opt/a, contents: {source: 'data:;base64,a'}}]}\n";
    /// The hash is of the contents after they are unpacked. Ignition would stop the boot.
    WRONG_HASH = "E0306": "contents with another hash", "storage: {files: [{path: /opt/a, contents: {source: 'data:,a', verification: {hash: sha256-0000000000000000000000000000000000000000000000000000000000000000}}}]}\n";
    /// `compression: gzip` says that the source is compressed; it does not compress it.
    NOT_GZIP = "E0307": "not compressed", "storage: {files: [{path: /opt/a, contents: {source: 'data:,a', compression: gzip}}]}\n";
    /// Ignition refuses to replace a file by nothing.
    OVERWRITE_WITHOUT_CONTENTS = "E0308": "overwritten with nothing", "storage: {files: [{path: /opt/a, overwrite: true}]}\n";
    /// The path becomes part of a unit, where white space, quotes, `%`, `$` and `\` mean something.
    PATH_FOR_UNIT = "E0309": "a path that no unit can hold", "storage_device: '/dev/disk/by-id/a b'\n";
    /// A unit has sections, `[Name]`, with lines `Key=value` in them (systemd.syntax(7)).
    UNIT_SYNTAX = "E0310": "not a line of a unit", "systemd: {units: [{name: a.service, contents: \"ExecStart=/bin/true\\n\"}]}\n";
    /// systemd ignores a section that it does not know, or that belongs to another type of unit.
    UNKNOWN_SECTION = "E0311": "unknown section of a unit", "systemd: {units: [{name: a.service, contents: \"[Servce]\\nExecStart=/bin/true\\n\"}]}\n";
    /// systemd ignores a setting that it does not know, or that stands in the wrong section.
    UNKNOWN_SETTING = "E0312": "unknown setting of a unit", "systemd: {units: [{name: a.service, contents: \"[Service]\\nExecStrt=/bin/true\\n\"}]}\n";
    /// systemd reads the unit and then refuses to load it, or ignores the line.
    UNIT_REFUSED = "E0313": "a unit that systemd refuses", "systemd: {units: [{name: a.service, contents: \"[Service]\\nType=oneshot\\n\"}]}\n";
    /// Ignition checks partitions against each other before it writes any.
    BAD_PARTITION = "E0314": "partitions that cannot be", "storage: {disks: [{device: /dev/vdb, partitions: [{label: a, number: 1, start_mib: 1, size_mib: 100}, {label: b, number: 2, start_mib: 50, size_mib: 100}]}]}\n";
    /// Ignition checks an array before it makes it.
    BAD_ARRAY = "E0315": "an array that cannot be", "storage: {raid: [{name: a, level: raid0, devices: [/dev/vdb, /dev/vdc], spares: 1}]}\n";
    /// Ignition checks a file system's format and label before it makes it.
    BAD_FILESYSTEM = "E0316": "a file system that cannot be", "storage: {filesystems: [{device: /dev/vdb, format: xfs, label: longer-than-twelve}]}\n";
    /// Ignition checks an encrypted device before it makes it.
    BAD_ENCRYPTED_DEVICE = "E0317": "an encrypted device that cannot be", "storage: {luks: [{name: a}]}\n";
    /// What Container Linux' Ignition, which reads specification 2.x, would refuse at boot.
    REFUSED_BY_V2 = "E0318": "refused by Ignition 2.x", "target: container-linux\nstorage: {files: [{path: /a, filesystem: data}]}\n";

    // E05xx: Kubernetes.
    /// A release of Kubernetes has three numbers: 1.36.2.
    BAD_KUBE_VERSION = "E0500": "not a version of Kubernetes", "kubernetes: {version: '1.36', role: standalone}\n";
    /// What is written to the node differs between versions, so imgbuild makes those that it knows.
    UNKNOWN_KUBE_VERSION = "E0501": "an unknown version of Kubernetes", "kubernetes: {version: 1.20.0, role: standalone}\n";
    /// The endpoint is a host and a port, as in 192.168.1.10:6443.
    BAD_ENDPOINT = "E0502": "not an endpoint", "kubernetes: {version: 1.36.2, role: worker, endpoint: 'https://a'}\n";
    /// The API server keeps everything in etcd: a control plane needs a member, on its own node or
    /// on another of the file.
    NO_ETCD_FOR_API = "E0503": "a control plane without etcd", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\nkubernetes: {version: 1.36.2, role: single}\n";
    /// Whoever reads etcd reads every secret of the cluster, so the API server talks to it over TLS
    /// only.
    PLAIN_ETCD_FOR_API = "E0504": "a control plane with an open etcd", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {tls: false}\nkubernetes: {version: 1.36.2, role: single}\n";
    /// Certificates, other nodes and the API's own Service name a control plane by its address,
    /// which has to stay.
    NO_STATIC_ADDRESS = "E0505": "a node without an address that stays", "etcd: {}\nkubernetes: {version: 1.36.2, role: single}\n";
    /// Pods, services, containers of docker and machines each have networks of their own. Where two
    /// overlap, one of them cannot be reached.
    KUBE_NETWORKS_OVERLAP = "E0506": "networks that overlap", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, pod_network: 10.0.0.0/16}\n";
    /// With `bridge` each node has a part of the pod network: 256 addresses of IPv4, or 2^64 of
    /// IPv6.
    POD_NETWORK_TOO_SMALL = "E0507": "a pod network that is too small", "version: 1\nkubernetes: {version: 1.36.2, pod_network: 10.244.0.0/24}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: control-plane}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// The API server takes at most 20 bits of addresses for services, and the cluster's DNS needs
    /// the tenth of them.
    BAD_SERVICE_NETWORK_SIZE = "E0508": "a service network of the wrong size", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, service_network: 10.96.0.0/8}\n";
    /// A worker belongs to a control plane: one of the same file, or the one at `endpoint`.
    NO_CONTROL_PLANE = "E0509": "a worker without a control plane", "kubernetes: {version: 1.36.2, role: worker}\n";
    /// `single` is a cluster of one.
    SINGLE_AMONG_OTHERS = "E0510": "a cluster of one with several nodes", "version: 1\nkubernetes: {version: 1.36.2}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: single}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// What nodes of one cluster must agree on is the same for all of them.
    KUBE_DISAGREEMENT = "E0511": "nodes that disagree", "version: 1\nkubernetes: {version: 1.36.2}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: control-plane}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker, pod_network: 10.245.0.0/16}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// A kubelet may be up to three minors older than the API servers, and never newer.
    KUBE_SKEW = "E0512": "versions that do not go together", "version: 1\nnodes: [{hostname: a, etcd: {}, kubernetes: {version: 1.35.1, role: control-plane}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {version: 1.36.2, role: worker}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// A bootstrap token is six and sixteen digits and small letters with a dot between them, as
    /// `kubeadm token generate` makes it.
    BAD_BOOTSTRAP_TOKEN = "E0550": "not a bootstrap token", "kubernetes: {version: 1.36.2, role: worker, bootstrap_token: abc}\n";
    /// With a token a worker gets its certificate from a cluster that runs. A control plane is what
    /// makes it run, and a standalone node has none.
    TOKEN_FOR_NO_WORKER = "E0551": "a token for a node that is no worker", "etcd: {}\nnetwork: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\nkubernetes: {version: 1.36.2, role: single, join: token}\n";
    /// A token that imgbuild makes is known to the control planes that it builds; a cluster of
    /// another file has tokens of its own, which `kubeadm token create` makes.
    TOKEN_UNKNOWN_TO_CLUSTER = "E0552": "a token that the cluster does not know", "kubernetes: {version: 1.36.2, role: worker, endpoint: '10.0.0.1:6443', join: token}\n";
    /// Keys and values of labels are short words; a key may have a domain and a slash before it:
    /// topology.kubernetes.io/zone.
    BAD_LABEL = "E0513": "not a label", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {labels: {zone: 'a b'}}}\n";
    /// A taint is a key, perhaps a value, and an effect: gpu=true:NoSchedule.
    BAD_TAINT = "E0514": "not a taint", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {taints: [gpu]}}\n";
    /// Amounts of resources are written as Kubernetes does: 500m of a processor, 512Mi of memory.
    BAD_QUANTITY = "E0515": "not a quantity", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {reserved: {system: {memory: 512MiB}}}}\n";
    /// The API server lets a kubelet give its own node few labels of kubernetes.io
    /// (NodeRestriction), so that a broken-into node cannot attract pods. On a node with a control
    /// plane imgbuild sets the others with the administrator's rights.
    RESERVED_LABEL = "E0516": "a label that a kubelet may not set", "kubernetes: {version: 1.36.2, role: worker, endpoint: 10.0.0.1, kubelet: {labels: {node-role.kubernetes.io/db: ''}}}\n";
    /// A component stops at a flag that it does not know. Flags come and go with versions.
    UNKNOWN_FLAG = "E0517": "a flag that the version does not have", "kubernetes: {version: 1.36.2, role: standalone, extra_args: {kubelet: {register-schedulable: false}}}\n";
    /// The flag names a file, an address or a key that other parts of the node count on; the spec
    /// has a key of its own for it, or none on purpose.
    OWN_FLAG = "E0518": "a flag that imgbuild sets", "kubernetes: {version: 1.36.2, role: standalone, extra_args: {kubelet: {max-pods: 50}}}\n";
    /// A component stops at a feature gate that it does not know, and at one that cannot be changed
    /// any more.
    BAD_FEATURE_GATE = "E0519": "a feature gate that cannot be set", "kubernetes: {version: 1.36.2, role: standalone, feature_gates: {UserNamespaceSupport: true}}\n";
    /// The kubelet and kube-proxy take fields that they do not know for a mistake, or leave them
    /// out silently; imgbuild knows the fields of each version.
    BAD_CONFIG_FIELD = "E0520": "a wrong field of a configuration", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {config: {podsPerCores: 10}}}\n";
    /// The field is decided elsewhere in the spec, or is one that other parts of the node count on.
    OWN_CONFIG_FIELD = "E0521": "a field that imgbuild sets", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {config: {maxPods: 10}}}\n";
    /// The API server stops at an audit policy that it cannot read.
    BAD_AUDIT_POLICY = "E0522": "not an audit policy", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, audit: {policy: {apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: All}]}}}\n";
    /// The kubelet runs a static pod from its manifest alone: a Pod that refers to no other object
    /// of the API.
    BAD_STATIC_POD = "E0523": "not a static pod", "";
    /// The setting is one of the control plane, and no node of the file has one.
    NO_SUCH_ROLE = "E0524": "a setting without its component", "kubernetes: {version: 1.36.2, role: worker, endpoint: 10.0.0.1, extra_sans: [a.example]}\n";
    /// An etcd outside of the file is reached over TLS, with a certificate of its own clients; it
    /// is used instead of one in the file. flannel of docker's containers takes one without TLS as
    /// well, as `etcd_endpoints`.
    BAD_EXTERNAL_ETCD = "E0525": "an external etcd that cannot be used", "";
    /// Where the node has swap the kubelet is told so; where it has none, pods have none.
    SWAP_POLICY = "E0526": "a swap policy without swap", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {swap: limited}}\n";
    /// Clients refuse an API server whose certificate does not name what they reached it by.
    ENDPOINT_NOT_IN_CERTIFICATE = "E0527": "an endpoint that is in no certificate", "version: 1\nkubernetes: {version: 1.36.2}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: control-plane}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker, endpoint: api.example}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// Pods, services and the address of the API server are all of IPv4 or all of IPv6.
    KUBE_FAMILIES = "E0528": "networks of two families", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, pod_network: 'fd00:10::/48'}\n";
    /// A worker asks the API of its control plane over TLS, or, where the control plane opens it,
    /// on the insecure port. 127.0.0.1 is the worker itself.
    NO_API_TO_REACH = "E0529": "an API that cannot be reached", "version: 1\ntarget: container-linux\nhostname: kube1\nkubernetes: {version: 1.9.6, role: worker}\n";
    /// Each backend of flannel has settings of its own: `vxlan` a port, a VNI and direct routing,
    /// `wireguard` a port, `host-gw` none.
    NOT_OF_BACKEND = "E0530": "a setting of another backend", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, cni: {flannel: {backend: host-gw, vni: 2}}}\n";
    /// A manifest is a map with an `apiVersion` and a `kind`.
    NOT_AN_OBJECT = "E0531": "not an object of Kubernetes", "";
    /// The API that the manifest is written for is not there in this version: it was replaced or
    /// removed, or came later.
    API_GONE = "E0532": "an API that this version has not", "";
    /// The API server has a group of that name, and no such kind in it. Kinds of groups that
    /// Kubernetes itself has not are taken to be those of operators, and pass.
    UNKNOWN_API = "E0533": "an unknown kind", "";
    /// Most names are those of DNS (RFC 1123): letters of lower case, digits, `-` and `.`.
    BAD_OBJECT_NAME = "E0534": "not a name of an object", "";
    /// A label is `name: value` or `domain/name: value`, name and value up to 63 letters, digits,
    /// `-`, `_` and `.`.
    BAD_OBJECT_LABEL = "E0535": "not a label", "";
    /// The kind has no such field, and the API server refuses to apply what it does not know.
    UNKNOWN_FIELD = "E0536": "an unknown field", "";
    /// The value is of another type than the field. Numbers, `true`, and what YAML 1.1 takes for a
    /// boolean (`yes`, `off`), need quotes where text is meant.
    WRONG_FIELD_TYPE = "E0537": "a value of the wrong type", "";
    /// The API server refuses the object without the field.
    MISSING_FIELD = "E0538": "a field is missing", "";
    /// What tells the elements of a list from each other (a port's number, a variable's name) is
    /// there twice.
    ELEMENT_TWICE = "E0539": "the same twice in a list", "";
    /// The selector of a Deployment, or of another kind that makes pods, has to select the pods of
    /// its own template.
    SELECTOR_MISMATCH = "E0540": "a selector that selects nothing", "";
    /// A container mounts volumes of its pod by their names.
    UNKNOWN_VOLUME = "E0541": "an unknown volume", "";
    /// A probe or hook names a port of its own container, or says its number.
    UNKNOWN_PORT = "E0542": "an unknown port", "";
    /// Amounts are numbers with a suffix: `m` for thousandths, k, M, G, T for powers of 1000, Ki,
    /// Mi, Gi, Ti for powers of 1024.
    BAD_AMOUNT = "E0543": "not a quantity", "";
    /// What a container asks for is not more than it may have.
    REQUEST_OVER_LIMIT = "E0544": "a request over its limit", "";
    /// The type of the value is right, and the API server refuses the value itself.
    BAD_FIELD_VALUE = "E0545": "a value that the API server refuses", "";
    /// The field came later, or went before this version.
    FIELD_OF_ANOTHER_VERSION = "E0546": "a field that this version has not", "";
    /// An image is the path of an archive, layout or folder (it starts with `./`, `../` or `/`, or
    /// ends in `.tar`), or a name as pods have it: a registry's host, a repository in lower case,
    /// and a tag or a digest.
    BAD_IMAGE = "E0560": "not an image", "containerd: {images: ['https://registry.example/app:1']}\n";
    /// A registry goes by its host: a name or an address, and a port where it is not that of HTTPS.
    BAD_REGISTRY = "E0561": "not a registry", "containerd: {registries: {'https://docker.io': {}}}\n";
    /// A mirror is a URL: https, or http where nothing is secret, then the host, and perhaps what
    /// repositories start with there.
    BAD_REGISTRY_URL = "E0562": "not the URL of a mirror", "containerd: {registries: {docker.io: {mirrors: [mirror.example]}}}\n";
    /// Pods run by containerd, which the node has, or by CRI-O, whose programs lie in a folder with
    /// those of Kubernetes.
    NO_SUCH_RUNTIME = "E0563": "a container runtime that is not there", "kubernetes: {version: 1.36.2, role: standalone, runtime: docker}\n";
    /// `kubernetes.programs` and `kubernetes.artifacts.programs` say the same thing.
    PROGRAMS_TWICE = "E0564": "programs named twice", "kubernetes: {version: 1.36.2, role: standalone, programs: a, artifacts: {programs: b}}\n";
    /// With `pull` the node fetches programs from a site and images from registries; nothing comes
    /// from the machine that builds.
    NOT_OF_PULL = "E0565": "nothing for a node that pulls", "kubernetes: {version: 1.36.2, role: standalone, artifacts: {mode: pull, programs: ./bin}}\n";
    /// A node logs in to a registry with a user's name and a password from a file.
    BAD_REGISTRY_CREDENTIALS = "E0566": "half a login", "containerd: {registries: {docker.io: {username: a}}}\n";
    /// The file has to hold certificates in PEM.
    BAD_REGISTRY_CA = "E0567": "a registry's authority without a certificate", "";
    /// A runtime goes by a name of small letters and digits, and is one of two things: a program on
    /// the node that takes runc's arguments (`binary:`), or a shim of containerd's (`shim:`). Pods
    /// ask for it by its name, or get it as `default_runtime`.
    BAD_CONTAINER_RUNTIME = "E0568": "a runtime that cannot run containers", "containerd: {runtimes: {GPU: {binary: /opt/bin/nvidia-container-runtime}}}\n";
    /// `default_runtime` is `runc`, which every node has, or one of `runtimes`.
    UNKNOWN_CONTAINER_RUNTIME = "E0569": "an unknown runtime", "containerd: {default_runtime: nvidia}\nkubernetes: {version: 1.36.2, role: standalone}\n";

    // E0595 to E0599: CRI-O.
    /// A node with `runtime: cri-o` has CRI-O's programs from the folder of those of Kubernetes:
    /// crio, pinns and conmon, with crun or runc where Debian's runc is not to run the containers.
    /// All are in a release bundle of CRI-O, which is of the same minor as Kubernetes.
    NO_CRI_O = "E0595": "programs of CRI-O that are not there, or do not fit", "kubernetes: {version: 1.36.2, role: standalone, runtime: cri-o, artifacts: pull}\n";
    /// What `containerd:` says of images, registries and runtimes holds for CRI-O as well, but for
    /// what containerd alone has: shims, and the version of its settings.
    NOT_FOR_CRI_O = "E0596": "nothing that CRI-O can do", "containerd: {config_version: 2}\nkubernetes: {version: 1.36.2, role: standalone, runtime: cri-o}\n";

    // E057x: flannel of docker's containers.
    /// flannel asks etcd for the network and for the node's part of it. The etcd is one of the
    /// file's nodes, or one that is named as `external_etcd`, or, without TLS, as `etcd_endpoints`.
    FLANNEL_WITHOUT_ETCD = "E0570": "flannel without an etcd", "version: 1\ntarget: flatcar\nhostname: kube1\nflannel: {network: 10.244.0.0/16}\n";
    /// On a node of Kubernetes containers are those of pods, whose network is named under
    /// `kubernetes: {cni: …}`.
    FLANNEL_AND_KUBERNETES = "E0571": "two networks of containers", "version: 1\ntarget: flatcar\nhostname: kube1\netcd: {}\nflannel: {network: 10.245.0.0/16}\nkubernetes: {version: 1.36.2, role: standalone}\n";
    /// flannel gives each node a part of its network, of IPv4. It wants room for four parts, each
    /// of four addresses or more, and leaves the first one out.
    BAD_FLANNEL_NETWORK = "E0572": "a network that flannel cannot share out", "version: 1\ntarget: flatcar\nhostname: kube1\netcd: {}\nflannel: {network: 10.244.0.0/29}\n";

    // E058x: care of a cluster.
    /// When something is to happen again and again is said as systemd says it (systemd.time(7)), in
    /// UTC: `hourly`, `daily`, `Mon..Fri 03:30`, `*-*-01 12:00`, `*:0/15`.
    BAD_CALENDAR = "E0580": "not a calendar event", "etcd: {backup: {schedule: dayly}}\n";
    /// `etcd_backup` takes snapshots of the etcd members on the nodes of the file. There is none.
    NO_ETCD_TO_BACK_UP = "E0581": "no etcd to back up", "kubernetes: {version: 1.36.2, role: standalone, etcd_backup: {}}\n";
    /// A snapshot is what `etcdctl snapshot save` writes: a database with its checksum behind it.
    NOT_A_SNAPSHOT = "E0582": "not a snapshot of etcd", "";
    /// A member of several that starts from a snapshot and keeps its data in memory would start
    /// from it again at each restart, while the others went on: the cluster's members would
    /// disagree on what was written.
    RESTORE_IN_MEMORY = "E0583": "a snapshot restored at every start", "";
    /// `backup` under `etcd:` and `etcd_backup` under `kubernetes:` are the same.
    BACKUP_TWICE = "E0584": "a backup said twice", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {backup: {}}\nkubernetes: {version: 1.36.2, role: single, etcd_backup: {}}\n";
    /// A member of a cluster that runs already (`initial_cluster_state: existing`) gets its data
    /// from the others.
    RESTORE_INTO_RUNNING = "E0585": "a snapshot for a running cluster", "";
    /// All members of a cluster start from the same snapshot, or none does.
    RESTORES_DIFFER = "E0586": "members that start from different data", "";

    // E059x: etcd and kube-proxy in pods.
    /// A static pod is run by the node's kubelet, in kubeadm's form beside the API server: on nodes
    /// with the role `control-plane` or `single`. Elsewhere the system runs etcd, as a service.
    ETCD_POD_WITHOUT_CONTROL_PLANE = "E0590": "a pod of etcd without a control plane", "etcd: {static_pod: true}\n";
    /// etcd 3.5 and 3.6 take different flags, and neither starts with those of the other. The
    /// image's tag tells which it is: `3.6.8-0`, `v3.5.21`.
    ETCD_IMAGE_UNTOLD = "E0591": "an image that does not tell its etcd", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {static_pod: true, image: 'registry.example/etcd:latest'}\nkubernetes: {version: 1.36.2, role: single}\n";
    /// Each node runs its own kube-proxy unless the spec says `daemon_set: true`: the program that
    /// the node has, or with `pull` the image that it fetches.
    PROXY_IMAGE_WITHOUT_DAEMON_SET = "E0592": "an image for no DaemonSet", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, proxy: {image: upstream}}\n";

    // W01xx: structure and values.
    /// A pattern under `ssh_authorized_keys_local` matches no file, so that nobody may be able to
    /// log in.
    NO_SSH_KEY_FOUND = "W0100": "no SSH key found", "";
    /// ct, whose words these are, knows settings of etcd up to 3.3 and of flannel up to 0.7.
    NEWER_THAN_CT = "W0101": "newer than what ct knows", "version: 1\ntarget: container-linux\nhostname: kube1\netcd: {version: 3.4.0}\n";

    // W02xx: checks across fields.
    /// The same entry twice in a list does no harm, and is probably not what was meant.
    NAMED_TWICE = "W0200": "named twice", "modules: [br_netfilter, br-netfilter]\n";
    /// Linux takes one default route and keeps the other for when the first goes away.
    SEVERAL_DEFAULT_GATEWAYS = "W0201": "several default gateways", "network: {interfaces: [{name: eth0, addresses: [10.0.0.2/24], gateway: 10.0.0.1}, {name: eth1, addresses: [10.0.1.2/24], gateway: 10.0.1.1}]}\n";
    /// Linux sends to a network over one interface only, whatever address the packets have.
    OVERLAPPING_NETWORKS = "W0202": "two interfaces in one network", "network: {interfaces: [{name: eth0, addresses: [10.0.0.2/24]}, {name: eth1, addresses: [10.0.0.3/24]}]}\n";
    /// The port is one of those that the node's roles open to `allow_from`.
    ROLE_PORT_OPENED = "W0203": "a port that is open already", "network: {firewall: {allow: [{port: 22}]}}\n";
    /// Every user of the node can read the private key.
    READABLE_SECRET = "W0204": "a secret that every user can read", "storage: {files: [{path: /etc/a.key, contents: {inline: '-----BEGIN PRIVATE KEY-----'}}]}\n";
    /// A certificate that is trusted as an authority says that it is one: basicConstraints with
    /// CA:TRUE.
    NOT_AN_AUTHORITY = "W0205": "not a CA's certificate", "";
    /// Without TLS everyone who reaches the port reads and writes all data.
    PLAIN_ETCD = "W0206": "etcd without TLS", "etcd: {tls: false}\n";
    /// Without `storage_device` a member forgets everything when it restarts. One that comes back
    /// empty cannot take its place in a cluster of several again: it has to be removed and added by
    /// hand.
    ETCD_IN_MEMORY = "W0207": "a cluster in memory", "version: 1\netcd: {}\nnodes: [{hostname: a, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}, {hostname: c, network: {interfaces: [{name: e, addresses: [10.0.0.3/24]}]}}]\n";
    /// Every write waits for more than half of the members: etcd's authors advise seven at most.
    MANY_MEMBERS = "W0208": "many etcd members", "etcd: {initial_advertise_peer_urls: ['https://10.0.0.1:2380'], initial_cluster: {kube1: 'https://10.0.0.1:2380', b: 'https://10.0.0.2:2380', c: 'https://10.0.0.3:2380', d: 'https://10.0.0.4:2380', e: 'https://10.0.0.5:2380', f: 'https://10.0.0.6:2380', g: 'https://10.0.0.7:2380', h: 'https://10.0.0.8:2380', i: 'https://10.0.0.9:2380'}}\n";
    /// The kernel numbers cards (eth0, eth1) in the order in which it finds them, which with
    /// several cards can change from boot to boot. A card that is found by its MAC address keeps
    /// its place.
    KERNEL_NAMES = "W0209": "several cards by the kernel's names", "network: {interfaces: [{name: eth0, dhcp: true}, {name: eth1}]}\n";
    /// The target gives cards names by where they sit (enp1s0, ens3), so that no card has the
    /// kernel's name, unless its kernel is told to leave names alone. A card that is found by its
    /// MAC address can have any name.
    NO_SUCH_CARD = "W0210": "a name that no card has", "version: 1\ntarget: fedora-coreos\nhostname: kube1\nnetwork: {interfaces: [{name: eth0, dhcp: true}]}\n";

    // W03xx: Ignition and the units in it.
    /// `overwrite: true`, or `mask: true` for a unit, takes the place of what imgbuild writes
    /// itself.
    GENERATED_REPLACED = "W0300": "a generated file is replaced", "storage: {files: [{path: /etc/hostname, overwrite: true, contents: {inline: a}}]}\n";
    /// `enabled: true` does what the unit's `[Install]` section says. Without one nothing starts
    /// it.
    NEVER_STARTED = "W0301": "enabled, and started by nothing", "systemd: {units: [{name: a.service, enabled: true, contents: \"[Service]\\nExecStart=/bin/true\\n\"}]}\n";
    /// systemd 257 does not know the setting, and ignores it.
    UNHEARD_OF_SETTING = "W0302": "a setting that systemd ignores", "systemd: {units: [{name: a.service, contents: \"[Service]\\nExecStart=/bin/true\\nQuux=1\\n\"}]}\n";
    /// What comes over plain HTTP or TFTP can be changed on its way, and nothing would tell.
    UNVERIFIED_FETCH = "W0303": "fetched without a check", "storage: {files: [{path: /opt/a, contents: {source: 'http://example.com/a'}}]}\n";

    // W05xx: Kubernetes.
    /// The spec asks for something whose image is not in the node's own, so the node fetches it
    /// from the image's registry. Without a network it never starts.
    IMAGE_NOT_EMBEDDED = "W0530": "an image that is not embedded", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, dns: coredns}\n";
    /// Manifests are applied by nodes with a control plane. A worker alone, or a standalone node,
    /// leaves them where they are.
    MANIFESTS_UNAPPLIED = "W0531": "manifests that nobody applies", "";
    /// The file, or every file of the folder, is empty.
    NO_MANIFEST = "W0532": "no manifest", "";
    /// Alpha and beta APIs are there only where the API server's `runtime-config` asks for them
    /// (beta ones since 1.24).
    API_NOT_SERVED = "W0533": "an API that is not served by itself", "";
    /// Manifests are applied one after another, so of two objects of one name the later stays.
    OBJECT_TWICE = "W0534": "the same object twice", "";
    /// A file is applied once the one before it is. An object whose namespace is not there waits,
    /// and all files after it with it.
    UNKNOWN_NAMESPACE = "W0535": "an unknown namespace", "";
    /// kube-proxy's IPVS mode is deprecated since 1.35. The `nftables` mode, stable since 1.33,
    /// takes its place.
    IPVS_IS_DEPRECATED = "W0536": "a mode that is to go", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, proxy: {mode: ipvs}}\n";
    /// On the insecure port, nobody is asked who they are, and everybody may do everything: run
    /// programs as root on every node of the cluster, read every secret. Let only a network in that
    /// you trust as much as root, or leave `insecure_bind_address` out: the API is then served over
    /// TLS.
    OPEN_API = "W0537": "an API open to everybody", "version: 1\ntarget: container-linux\nhostname: kube1\nnetwork: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\nkubernetes: {version: 1.9.6, role: single, insecure_bind_address: 0.0.0.0}\n";
    /// What Kubernetes' reference lists for 1.9 is all that can be checked: flags that were
    /// deprecated by then are not in it. A component that is given a flag that it does not have
    /// ends at once.
    UNLISTED_FLAG = "W0539": "a flag that the reference does not list", "version: 1\ntarget: container-linux\nhostname: kube1\nnetwork: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\nkubernetes: {version: 1.9.6, role: single, extra_args: {scheduler: {bogus: 1}}}\n";

    // W058x: care of a cluster.
    /// Snapshots lie on the node, below /var/lib/imgbuild, which without `storage_device` is
    /// memory.
    BACKUP_IN_MEMORY = "W0580": "snapshots in memory", "etcd: {backup: {}}\n";

    // E06xx: configs of other tools.
    /// `imgbuild import` reads Butane configs, Ignition configs of spec 3, and Container Linux
    /// Configs.
    NO_CONFIG = "E0600": "nothing to import", "";
    /// A config of another tool says something that a node spec has no word for, or that the target
    /// does not have. It is left out of what is imported; a comment stands in its place.
    NOT_TAKEN_OVER = "W0600": "not taken over", "";
}

impl std::fmt::Display for Explanation {
    /// What `imgbuild explain` prints: title, paragraph, an example; ends in a line feed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}: {}\n", self.code.0, self.title)?;
        for line in self.text.lines() {
            writeln!(f, "{}", line.trim_start())?;
        }
        if !self.example.is_empty() {
            writeln!(f, "\nFor example:\n")?;
            for line in self.example.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

/// The entry of `code`, which may be written in lower case.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    TABLE
        .iter()
        .find(|entry| entry.code.0.eq_ignore_ascii_case(code))
}
