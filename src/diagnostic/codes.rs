//! Every code that a diagnostic can have, with the explanation that `imgbuild explain` prints.
//!
//! One table for all rooms, so that no code is assigned twice: E00xx files and YAML, E01xx
//! structure and values, E02xx checks across fields, E03xx Ignition and its units, E05xx
//! Kubernetes, E06xx configs of other tools, E07xx checks of `imgbuild test`. Errors come first,
//! then warnings (W…), both in the order of their numbers. A code is never reused for something
//! else. The example of an entry is a spec, or the lines of one that follow `version: 1` and
//! `hostname: kube1`, and of E07xx a checks file; a test checks each and expects its code. What
//! needs more than one file, or bytes that YAML cannot contain, has an empty example and its own
//! case in `tests/wrong_specs/`.

use super::Code;

/// The explanation of a code, which `imgbuild explain` prints.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    pub code: Code,
    /// A heading in the field's terms, unique in the table.
    pub title: &'static str,
    /// A paragraph, with the line breaks of the table.
    pub text: &'static str,
    /// A spec that causes the diagnostic; empty if it takes more than one plain file.
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

        /// All codes: errors before warnings, each in numeric order.
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
    /// The file does not exist, is a folder, or you have no permission to read it.
    UNREADABLE_FILE = "E0001": "Unreadable file", "";
    /// A spec can have at most 1 MiB, and a file that it refers to at most 64 MiB. Larger ones are
    /// rejected before they are read. To get large files onto the node, let Ignition fetch them
    /// with `source:`.
    FILE_TOO_LARGE = "E0002": "File too large", "";
    /// YAML must be UTF-8. Convert the file, for example with `iconv -t UTF-8`.
    NOT_UTF8 = "E0003": "File is not UTF-8", "";
    /// The text is not valid YAML 1.2.
    YAML_SYNTAX = "E0004": "YAML syntax error", "users: [\n";
    /// Lists and maps are nested more than 64 levels deep, which no spec needs.
    TOO_DEEP = "E0005": "Nesting too deep", "";
    /// A spec can have at most 100,000 values and 8 MiB of text after expanding aliases and
    /// includes, at most 10,000 items in a list, and at most 1000 includes. The limits exist
    /// because a small file full of aliases can expand to gigabytes (the "billion laughs" attack).
    TOO_MANY_VALUES = "E0006": "Too many values", "";
    /// A map contains the same key twice. YAML forbids this, and it is unclear which of the two is
    /// meant.
    DUPLICATE_KEY = "E0007": "Duplicate key", "sysctls: {vm.swappiness: 1, vm.swappiness: 2}\n";
    /// `*name` refers to a value that `&name` marks earlier in the same file.
    UNKNOWN_ALIAS = "E0008": "Unknown YAML alias", "users: *nobody\n";
    /// `<<` adds the entries of a map, or of a list of maps, to the map that it is in. Entries of
    /// the map itself take precedence.
    MERGE_KEY = "E0009": "Invalid YAML merge key", "network:\n  <<: 1\n";
    /// A spec is a single YAML document. To define several nodes, list them under `nodes:`.
    SEVERAL_DOCUMENTS = "E0010": "Several YAML documents", "---\nversion: 1\n";
    /// A key must be text, not a list, a map or null.
    KEY_NOT_TEXT = "E0011": "Key is not text", "sysctls:\n  [a, b]: 1\n";
    /// The only supported tag is `!!str`, which turns what would be a number into text. Other types
    /// follow from the spec's keys.
    UNKNOWN_TAG = "E0012": "Unknown YAML tag", "users: !secret []\n";
    /// YAML text cannot contain control characters other than tabs and line breaks (YAML 1.2.2
    /// §5.1).
    CONTROL_CHARACTER = "E0013": "Control character in YAML", "";
    /// The file contains no value, only comments or white space.
    EMPTY_FILE = "E0014": "Empty file", "";
    /// A file includes itself, directly or through others.
    INCLUDE_CYCLE = "E0015": "Include cycle", "";
    /// Files that a spec refers to must be in the spec's folder or below it, after following
    /// symbolic links. This keeps a spec from another author from putting your private files into
    /// an image.
    OUTSIDE_PROJECT = "E0016": "Path outside the project", "include: [../other.yaml]\n";
    /// Includes are nested more than 16 levels deep.
    INCLUDE_DEPTH = "E0017": "Includes nested too deeply", "";

    // E01xx: structure and values.
    /// The key is not supported at this place. Keys are written in snake_case.
    UNKNOWN_KEY = "E0100": "Unknown key", "user: []\n";
    /// A required key is missing.
    MISSING_KEY = "E0101": "Missing key", "users: [{uid: 1000}]\n";
    /// The value has another type (text, number, true or false, list, map) than the key expects.
    WRONG_TYPE = "E0102": "Wrong type", "users: core\n";
    /// The key has no value. Write `{}` or `[]` for an empty value, or remove the key. In a node or
    /// an including file, `~` removes what the shared part sets.
    NO_VALUE = "E0103": "Key without a value", "etcd:\n";
    /// Only one of these keys can be set.
    CONFLICTING_KEYS = "E0104": "Mutually exclusive keys", "users: [{name: a, password_hash: '*', password_file: pw}]\n";
    /// One of several keys must be set.
    MISSING_ONE_OF = "E0105": "None of several required keys", "network: {interfaces: [{dhcp: true}]}\n";
    /// The value is not one of the words that the key accepts.
    UNKNOWN_WORD = "E0106": "Unknown word", "kernel: tiny\n";
    /// The number is outside the range that the key accepts.
    OUT_OF_RANGE = "E0107": "Number out of range", "network: {interfaces: [{name: a, vlan: {id: 5000, parent: eth0}}]}\n";
    /// YAML 1.2 has only `true` and `false`; `yes`, `no`, `on` and `off` are text.
    NOT_A_BOOLEAN = "E0108": "Invalid boolean", "etcd: {tls: yes}\n";
    /// Write a mode in octal with a leading 0, like 0644. YAML 1.2 reads 644 and 420 as decimal
    /// numbers.
    BAD_MODE = "E0109": "Invalid file mode", "storage: {files: [{path: /a, mode: 644}]}\n";
    /// A host name consists of labels of letters, digits and `-`, joined by dots (RFC 1123). On
    /// Linux it has at most 64 characters, in lowercase.
    BAD_HOSTNAME = "E0110": "Invalid host name", "network: {hosts: {192.168.1.1: [kube_2]}}\n";
    /// A name must start with a lowercase letter or `_`, followed by lowercase letters, digits, `_`
    /// and `-`, at most 32 characters in total, as useradd(8) requires.
    BAD_USER_NAME = "E0111": "Invalid user or group name", "users: [{name: core user}]\n";
    /// A Linux interface name has 1 to 15 characters, without `/`, `:` and white space.
    BAD_INTERFACE_NAME = "E0112": "Invalid interface name", "network: {interfaces: [{name: 'eth 0', dhcp: true}]}\n";
    /// A MAC address is six hexadecimal octets, joined by `:` or `-`, and not a multicast address.
    BAD_MAC = "E0113": "Invalid MAC address", "network: {interfaces: [{mac: '52:54', dhcp: true}]}\n";
    /// Write an IPv4 address in dotted-decimal notation or an IPv6 address (RFC 4291).
    BAD_ADDRESS = "E0114": "Invalid IP address", "network: {interfaces: [{name: eth0, gateway: 192.168.1.256}]}\n";
    /// Write an address and the length of its network's prefix, like 192.168.1.10/24.
    BAD_NETWORK = "E0115": "Invalid address with prefix length", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10]}]}\n";
    /// Paths on the node must be absolute and normalized: no `.`, `..` or `//`, and no `/` at the
    /// end.
    BAD_PATH = "E0116": "Invalid path on the node", "storage_device: sda\n";
    /// Paths of files next to the spec must be relative.
    BAD_LOCAL_PATH = "E0117": "Invalid local path", "include: [/etc/passwd]\n";
    /// A unit name ends in one of systemd's unit types; the part before it consists of letters,
    /// digits and `:-_.\@` (systemd.unit(5)).
    BAD_UNIT_NAME = "E0118": "Invalid unit name", "systemd: {units: [{name: a.servce}]}\n";
    /// The URL must have a host and a scheme that the key accepts.
    BAD_URL = "E0119": "Invalid URL", "etcd: {listen_client_urls: ['127.0.0.1:2379']}\n";
    /// Write a line as in authorized_keys(5): type, base64 key, comment. Never use the private key.
    BAD_SSH_KEY = "E0120": "Invalid SSH public key", "users: [{name: core, ssh_authorized_keys: [ssh-ed25519]}]\n";
    /// Use a crypt(5) hash, such as `$6$…` from `openssl passwd -6`; `*` locks the password. Plain
    /// text is rejected because specs and images are read by many: use `password_file:` instead.
    BAD_PASSWORD_HASH = "E0121": "Invalid password hash", "users: [{name: core, password_hash: hunter2}]\n";
    /// Write a number of bytes with a unit, like 512MiB or 2GiB.
    BAD_SIZE = "E0122": "Invalid size", "swap: {zram: {size: big}}\n";
    /// Write a port from 1 to 65535, or a range like 8000-8010.
    BAD_PORT = "E0123": "Invalid port", "network: {firewall: {allow: [{port: 0, protocol: tcp}]}}\n";
    /// Write a key as sysctl(8) expects it, with dots, like net.ipv4.ip_forward.
    BAD_SYSCTL = "E0124": "Invalid sysctl key", "sysctls: {'net ipv4': 1}\n";
    /// The name becomes part of a file name or a configuration line of a program on the node. It
    /// can contain letters, digits and a few other characters, but no white space.
    BAD_NAME = "E0125": "Invalid name", "modules: ['br netfilter']\n";
    /// Each list item is one kernel argument. White space is allowed only inside double quotes.
    BAD_KERNEL_ARGUMENT = "E0126": "Invalid kernel argument", "kernel_arguments: ['quiet splash']\n";
    /// Write a digest as Ignition expects it: `sha256-` or `sha512-`, followed by the hexadecimal
    /// digits.
    BAD_DIGEST = "E0127": "Invalid digest", "storage: {files: [{path: /a, contents: {inline: a, verification: {hash: sha256-12}}}]}\n";
    /// A UUID or GUID has 32 hexadecimal digits in five groups (RFC 9562).
    BAD_UUID = "E0128": "Invalid UUID", "storage: {disks: [{device: /dev/vda, partitions: [{label: a, guid: '12'}]}]}\n";
    /// `version` is the version of the spec format, and 1 is the only one.
    BAD_VERSION = "E0129": "Unknown spec version", "version: 2\nhostname: kube1\n";
    /// Each node under `nodes:` needs its own host name; one at the top level would apply to all of
    /// them.
    HOSTNAME_BESIDE_NODES = "E0132": "Host name next to `nodes`", "nodes: [{hostname: kube2}]\n";
    /// A certificate authority is given as one or more PEM certificates.
    BAD_CERTIFICATE = "E0133": "Invalid PEM certificate", "ca_certificates: [{name: site, inline: no certificate}]\n";
    /// The text contains a NUL or a line break, but a single line is required.
    NOT_ONE_LINE = "E0134": "Text is not a single line", "network: {interfaces: [{name: eth0, search: [\"a\\nb\"]}]}\n";
    /// The target does not support this setting. The label under the marked key says why.
    NOT_FOR_TARGET = "E0135": "Not supported on the target", "version: 1\ntarget: container-linux\nhostname: kube1\nswap: {zram: {size: 1GiB}}\n";
    /// Container Linux has its own sections and versions. Its nodes cannot form a cluster with
    /// nodes of other targets.
    TARGETS_DIFFER = "E0136": "Incompatible targets", "version: 1\nnodes: [{hostname: a}, {hostname: b, target: container-linux}]\n";
    /// Each target supports certain versions of Ignition's specification.
    BAD_IGNITION_VERSION = "E0137": "Ignition version not supported on the target", "version: 1\ntarget: container-linux\nhostname: kube1\nignition: {version: 3.3.0}\n";
    /// Values such as `{PRIVATE_IPV4}` are provided by a cloud when the node boots; `platform:`
    /// selects the cloud. Not every cloud provides every value.
    BAD_DYNAMIC_DATA = "E0138": "Unavailable dynamic data", "version: 1\ntarget: container-linux\nhostname: kube1\netcd: {advertise_client_urls: 'http://{PRIVATE_IPV4}:2379'}\n";
    /// A value in one of ct's sections is not accepted by ct, or by the program that it configures.
    BAD_CT_VALUE = "E0139": "Invalid ct value", "version: 1\ntarget: container-linux\nhostname: kube1\nlocksmith: {window_start: Thursday, window_length: 1h}\n";
    /// A target's kernel and initrd are specified as a file path or an HTTP or HTTPS URL.
    BAD_BOOT_LOCATION = "E0140": "Invalid boot file location", "version: 1\ntarget: flatcar\nhostname: kube1\nbase: {kernel: {source: 'ftp://a/b'}, initrd: {source: i}}\n";
    /// A file from the network requires a hash. A signature requires the signer's public key.
    UNCHECKED_BOOT_FILE = "E0141": "Unverified boot file", "version: 1\ntarget: flatcar\nhostname: kube1\nbase: {kernel: {source: 'https://a/b'}, initrd: {source: i}}\n";
    /// The live system of Fedora CoreOS consists of kernel, initrd and root file system. Either
    /// imgbuild adds the root file system as a further initrd, or the machine downloads it at boot,
    /// which takes less memory, from the URL in a kernel argument.
    NO_ROOT_FILE_SYSTEM = "E0142": "Live system without a root file system", "version: 1\ntarget: fedora-coreos\nhostname: kube1\nbase: {kernel: {source: k}, initrd: {source: i}}\n";
    /// Debian's packages have names of lower-case letters, digits, `+`, `-` and `.`.
    BAD_PACKAGE_NAME = "E0143": "Invalid package name", "firmware: [Firmware-AST]\n";
    /// `firmware: none` leaves out all firmware and microcode, so it stands alone.
    FIRMWARE_BESIDE_NONE = "E0144": "Firmware and no firmware", "firmware: [none, wifi]\n";
    /// A range is written as its first and its last address, joined by `-`.
    BAD_ADDRESS_RANGE = "E0150": "Invalid range of addresses", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24], dhcp_server: {range: 10.0.0.9}}]}\n";
    /// Routing tables have numbers from 1 on. The kernel uses 253, 254 and 255 itself.
    BAD_ROUTING_TABLE = "E0151": "Invalid routing table", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24], rules: [{from: 10.0.0.0/24, table: 254}]}]}\n";
    /// WireGuard's keys are 32 bytes in Base64, as `wg genkey` and `wg pubkey` print them.
    BAD_WIREGUARD_KEY = "E0152": "Invalid WireGuard key", "network: {interfaces: [{name: wg0, addresses: [10.9.0.1/24], wireguard: {private_key_file: a, peers: [{public_key: b, allowed_ips: [10.9.0.2/32]}]}}]}\n";

    // E02xx: checks across fields.
    /// Each node of a cluster needs its own name.
    DUPLICATE_HOSTNAME = "E0200": "Duplicate node name", "version: 1\nnodes: [{hostname: a}, {hostname: a}]\n";
    /// An IP address belongs to one interface of one node.
    DUPLICATE_ADDRESS = "E0201": "Duplicate IP address", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}, {name: eth1, addresses: [10.0.0.1/24]}]}\n";
    /// A MAC address belongs to one card of one machine.
    DUPLICATE_MAC = "E0202": "Duplicate MAC address", "network: {interfaces: [{mac: '52:54:00:00:00:01', dhcp: true}, {mac: '52:54:00:00:00:01'}]}\n";
    /// Each interface of a node needs its own name.
    DUPLICATE_INTERFACE = "E0203": "Duplicate interface", "network: {interfaces: [{name: eth0, dhcp: true}, {name: eth0}]}\n";
    /// The loopback interface has 127.0.0.1 and ::1 on every node and cannot be configured.
    LOOPBACK_INTERFACE = "E0204": "Settings for the loopback interface", "network: {interfaces: [{name: lo, addresses: [10.0.0.1/32]}]}\n";
    /// A bond, bridge, VLAN or masquerade rule refers to an interface that is not under
    /// `interfaces:` and is not a name that the kernel or udev gives to cards (eth1, enp3s0).
    UNKNOWN_INTERFACE = "E0205": "Unknown interface", "network: {interfaces: [{name: eth0}, {name: br0, dhcp: true, bridge: {members: [bond0]}}]}\n";
    /// An interface can be a member of at most one bond or bridge.
    MEMBER_TWICE = "E0206": "Member of two links", "network: {interfaces: [{name: eth0}, {name: br0, bridge: {members: [eth0]}}, {name: br1, bridge: {members: [eth0]}}]}\n";
    /// A member of a bond or bridge cannot have addresses, routes or DHCP: the bond or bridge has
    /// them.
    MEMBER_WITH_ADDRESSES = "E0207": "Member with addresses", "network: {interfaces: [{name: eth0, dhcp: true}, {name: br0, bridge: {members: [eth0]}}]}\n";
    /// Bonds, bridges and VLANs are built on other interfaces, down to a card, and never on
    /// themselves.
    INTERFACE_LOOP = "E0208": "Interface loop", "network: {interfaces: [{name: v1, vlan: {id: 1, parent: v2}}, {name: v2, vlan: {id: 2, parent: v1}}]}\n";
    /// A VLAN ID can be used only once on each parent.
    DUPLICATE_VLAN = "E0209": "Duplicate VLAN", "network: {interfaces: [{name: eth0}, {name: a, vlan: {id: 5, parent: eth0}}, {name: b, vlan: {id: 5, parent: eth0}}]}\n";
    /// A VLAN's frames must fit into those of its parent, so its MTU cannot be larger.
    MTU_ABOVE_PARENT = "E0210": "MTU exceeds the parent's", "network: {interfaces: [{name: eth0, mtu: 1500}, {name: a, mtu: 9000, vlan: {id: 5, parent: eth0}}]}\n";
    /// IPv4 requires an MTU of at least 68 bytes (RFC 791), IPv6 at least 1280 (RFC 8200 §5). Linux
    /// accepts at most 65536.
    BAD_MTU = "E0211": "Invalid MTU", "network: {interfaces: [{name: eth0, dhcp: true, mtu: 60}]}\n";
    /// The node creates bonds, bridges and VLANs itself, so they need a name, and there is no card
    /// whose MAC address could be matched.
    LINK_BY_MAC = "E0212": "Bond, bridge or VLAN matched by MAC address", "network: {interfaces: [{name: eth0}, {mac: '52:54:00:00:00:01', bridge: {members: [eth0]}}]}\n";
    /// Bond options use the names in systemd.netdev(5), section [Bond], or the kernel's names.
    UNKNOWN_BOND_OPTION = "E0213": "Unknown bond option", "network: {interfaces: [{name: eth0}, {name: bond0, dhcp: true, bond: {members: [eth0], options: {mimon: 100}}}]}\n";
    /// Loopback, multicast and unspecified addresses cannot be assigned to a machine.
    UNUSABLE_ADDRESS = "E0214": "Unusable address", "network: {interfaces: [{name: eth0, addresses: [127.0.0.5/8]}]}\n";
    /// The first address of an IPv4 network identifies the network, and the last is for broadcasts
    /// (RFC 1122 §3.2.1.3).
    NOT_A_HOST_ADDRESS = "E0215": "Network or broadcast address", "network: {interfaces: [{name: eth0, addresses: [192.168.1.0/24]}]}\n";
    /// A gateway must be reachable over the interface that it is set on, so its address must be in
    /// one of the interface's networks.
    GATEWAY_OUTSIDE_NETWORK = "E0216": "Gateway outside the network", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24], gateway: 192.168.2.1}]}\n";
    /// The gateway must be the router, not the node.
    GATEWAY_IS_SELF = "E0217": "Gateway is the node itself", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24], gateway: 192.168.1.10}]}\n";
    /// The gateway of a route must be reachable over the interface that the route is set on.
    ROUTE_UNREACHABLE = "E0218": "Unreachable route gateway", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24], routes: [{destination: 10.45.0.0/16, gateway: 192.168.2.124}]}]}\n";
    /// IPv4 routes need IPv4 gateways, IPv6 routes need IPv6 gateways.
    ROUTE_FAMILY = "E0219": "Gateway of another address family", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24], routes: [{destination: 'fd00::/8', gateway: 192.168.1.1}]}]}\n";
    /// Two routes to the same network on one interface need different metrics.
    DUPLICATE_ROUTE = "E0220": "Duplicate route", "network: {interfaces: [{name: eth0, addresses: [10.0.0.2/24], routes: [{destination: 10.45.0.0/16, gateway: 10.0.0.1}, {destination: 10.45.0.0/16, gateway: 10.0.0.3}]}]}\n";
    /// Write a network with its own address and no host bits: 10.45.0.0/16, not 10.45.0.7/16.
    HOST_BITS = "E0221": "Host bits set in a network", "network: {firewall: {allow_from: [192.168.1.7/24]}}\n";
    /// Only the first entry for a name in `/etc/hosts` is used, so a name can have one IPv4 and one
    /// IPv6 address.
    HOST_WITH_TWO_ADDRESSES = "E0222": "Host with two addresses", "network: {hosts: {192.168.1.11: [kube2], 192.168.1.12: [kube2]}}\n";
    /// `hosts` maps the node's own name to an address that is not the node's.
    OWN_NAME_ELSEWHERE = "E0223": "Node's name at another address", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}], hosts: {192.168.1.99: [kube1]}}\n";
    /// imgbuild sets the arguments that start stage 0 and Ignition and locate the root image.
    RESERVED_KERNEL_ARGUMENT = "E0224": "Reserved kernel argument", "kernel_arguments: [root=/dev/sda1]\n";
    /// A kernel parameter can be written with dots or with slashes; here it is written in both
    /// forms.
    DUPLICATE_SYSCTL = "E0225": "Duplicate kernel parameter", "sysctls: {net.ipv4.ip_forward: 1, net/ipv4/ip_forward: 0}\n";
    /// Masquerading requires IP forwarding.
    FORWARDING_OFF = "E0226": "Masquerading without forwarding", "sysctls: {net.ipv4.ip_forward: 0}\nnetwork: {interfaces: [{name: eth0, dhcp: true}], firewall: {masquerade: {source: 10.244.0.0/16, interface: eth0}}}\n";
    /// Two rules open the same port to the same network.
    DUPLICATE_PORT = "E0227": "Port opened twice", "network: {firewall: {allow: [{port: 80}, {ports: [70-90]}]}}\n";
    /// imgbuild creates its own partitions on the storage device, so the whole disk must be
    /// specified.
    NOT_A_WHOLE_DISK = "E0228": "Not a whole disk", "storage_device: /dev/sda1\n";
    /// Block devices are below /dev.
    NOT_A_DEVICE = "E0229": "Not a block device", "storage_device: /srv/data\n";
    /// The storage device is used for something else as well.
    STORAGE_DEVICE_USED = "E0230": "Storage device used twice", "storage_device: /dev/vda\nstorage: {disks: [{device: /dev/vda, wipe_table: true}]}\n";
    /// Swap requires a separate device or partition.
    SWAP_ON_USED_DEVICE = "E0231": "Swap on a device in use", "storage_device: /dev/vda\nswap: {device: /dev/vda}\n";
    /// Each disk must have a single entry with all its partitions, and each device a single file
    /// system.
    DUPLICATE_DEVICE = "E0232": "Duplicate device", "storage: {disks: [{device: /dev/vdb}, {device: /dev/vdb}]}\n";
    /// Only one file system can be mounted at a path.
    DUPLICATE_MOUNT = "E0233": "Duplicate mount point", "storage: {filesystems: [{device: /dev/vdb, format: ext4, path: /srv}, {device: /dev/vdc, format: ext4, path: /srv}]}\n";
    /// imgbuild mounts a file system there, or the path is part of the image.
    RESERVED_MOUNT = "E0234": "Reserved mount point", "storage: {filesystems: [{device: /dev/vdb, format: ext4, path: /usr}]}\n";
    /// A path can be only one file, directory or link.
    DUPLICATE_PATH = "E0235": "Duplicate path", "storage: {files: [{path: /etc/a}], links: [{path: /etc/a, target: b}]}\n";
    /// Nothing can be below a file or a link.
    PATH_BELOW_FILE = "E0236": "Path below a file of the spec", "storage: {files: [{path: /etc/a}, {path: /etc/a/b}]}\n";
    /// A file system is mounted over the path after Ignition has written it.
    HIDDEN_PATH = "E0237": "Path hidden by a mount", "storage: {files: [{path: /run/a}]}\n";
    /// A unit must have a single entry with all its drop-ins, each with its own name.
    DUPLICATE_UNIT = "E0238": "Duplicate unit", "systemd: {units: [{name: a.service, mask: true}, {name: a.service}]}\n";
    /// A masked unit never starts, so it cannot be enabled or have contents.
    MASKED_UNIT_IN_USE = "E0239": "Masked unit in use", "systemd: {units: [{name: a.service, mask: true, enabled: true}]}\n";
    /// A user must have a single entry, under `users:` or under `passwd:`, and a unique UID.
    DUPLICATE_USER = "E0240": "Duplicate user", "users: [{name: core}]\npasswd: {users: [{name: core}]}\n";
    /// A group must have a single entry.
    DUPLICATE_GROUP = "E0241": "Duplicate group", "passwd: {groups: [{name: lab}, {name: lab}]}\n";
    /// Each CA certificate needs its own name.
    DUPLICATE_CERTIFICATE = "E0242": "Duplicate CA certificate", "";
    /// The password is the first line of a password file, which must contain nothing else.
    BAD_PASSWORD_FILE = "E0243": "Invalid password file", "";
    /// etcd needs more than half of its members. Two members survive no loss, like a single one,
    /// and four survive one loss, like three: an even number only adds a machine that can fail. To
    /// add members to a running cluster, set `initial_cluster_state: existing`.
    EVEN_ETCD = "E0244": "Even number of etcd members", "version: 1\nnodes: [{hostname: a, etcd: {}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, etcd: {}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// Each member of a cluster needs its own name.
    DUPLICATE_MEMBER = "E0245": "Duplicate etcd member name", "version: 1\netcd: {name: m}\nnodes: [{hostname: a, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}, {hostname: c, network: {interfaces: [{name: e, addresses: [10.0.0.3/24]}]}}]\n";
    /// Members find each other at addresses that do not change. Each node of a cluster with several
    /// members needs a static address, or `initial_advertise_peer_urls`.
    ETCD_NEEDS_ADDRESS = "E0246": "etcd member without a static address", "version: 1\netcd: {}\nnodes: [{hostname: a}, {hostname: b}, {hostname: c}]\n";
    /// URLs must start with https if TLS is used, which is the default, and with http otherwise.
    ETCD_SCHEME = "E0247": "etcd URL scheme does not match TLS", "etcd: {listen_client_urls: ['http://127.0.0.1:2379']}\n";
    /// The URLs that a member advertises must use an address or name of this node.
    ETCD_ADVERTISES_OTHER = "E0248": "etcd advertises another machine", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}\netcd: {advertise_client_urls: ['https://192.168.1.11:2379']}\n";
    /// 0.0.0.0 and :: mean all addresses when listening; no one can connect to them.
    ETCD_ADVERTISES_ANY = "E0249": "etcd advertises the unspecified address", "etcd: {advertise_client_urls: ['https://0.0.0.0:2379']}\n";
    /// Other members cannot reach this one over the loopback interface.
    ETCD_ADVERTISES_LOOPBACK = "E0250": "etcd advertises a loopback address", "etcd: {initial_advertise_peer_urls: ['https://127.0.0.1:2380'], initial_cluster: {kube1: 'https://127.0.0.1:2380', b: 'https://10.0.0.2:2380', c: 'https://10.0.0.3:2380'}}\n";
    /// etcd listens on addresses of the node, not on names.
    ETCD_LISTENS_ON_NAME = "E0251": "etcd listens on a name", "etcd: {listen_client_urls: ['https://kube1:2379']}\n";
    /// etcd can listen only on addresses that the node has.
    ETCD_LISTENS_ELSEWHERE = "E0252": "etcd listens on another machine's address", "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}\netcd: {listen_client_urls: ['https://192.168.1.11:2379']}\n";
    /// Clients and peers need different ports.
    ETCD_ONE_PORT = "E0253": "Same port for etcd clients and peers", "etcd: {listen_client_urls: ['https://127.0.0.1:2379'], listen_peer_urls: ['https://127.0.0.1:2379']}\n";
    /// `initial_cluster` lists all initial members, including this one, with the URLs that they
    /// advertise.
    ETCD_CLUSTER_WITHOUT_SELF = "E0254": "etcd cluster without this member", "etcd: {initial_cluster: {other: 'https://10.0.0.2:2380'}}\n";
    /// The URLs of this member in `initial_cluster` must be those that it advertises to its peers.
    ETCD_CLUSTER_MISMATCH = "E0255": "Conflicting etcd peer URLs", "etcd: {initial_advertise_peer_urls: ['https://10.0.0.1:2380'], initial_cluster: {kube1: 'https://10.0.0.9:2380'}}\n";
    /// The members of one cluster must agree on TLS, token and state, or they cannot form the
    /// cluster.
    ETCD_DISAGREE = "E0256": "etcd members disagree", "version: 1\nnodes: [{hostname: a, etcd: {initial_cluster_token: x}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, etcd: {}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}, {hostname: c, etcd: {}, network: {interfaces: [{name: e, addresses: [10.0.0.3/24]}]}}]\n";
    /// The flag has its own key in the spec, or imgbuild sets it.
    ETCD_RESERVED_SETTING = "E0257": "Reserved etcd setting", "etcd: {settings: {data-dir: /var/lib/etcd}}\n";
    /// etcd does not start with a flag that its version does not know. Debian 13 has version 3.5;
    /// the version in an image follows from its tag.
    ETCD_UNKNOWN_SETTING = "E0258": "Unknown etcd setting", "etcd: {settings: {heartbeat-intervall: 100}}\n";
    /// etcd's data must be in a writable folder that nothing else uses.
    ETCD_BAD_DATA_DIR = "E0259": "Invalid etcd data directory", "etcd: {data_dir: /usr/lib/etcd}\n";
    /// A mount unit needs a file system format and a mount point. Butane has the same rule.
    BAD_MOUNT_UNIT = "E0260": "Incomplete mount unit", "storage: {filesystems: [{device: /dev/vdb, with_mount_unit: true}]}\n";
    /// Only fetched contents can have compression, a hash or HTTP headers.
    NOT_FETCHED = "E0261": "Fetch settings without a source", "storage: {files: [{path: /a, contents: {inline: a, compression: gzip}}]}\n";
    /// Each partition of a disk needs its own number and label.
    DUPLICATE_PARTITION = "E0262": "Duplicate partition", "storage: {disks: [{device: /dev/vdb, partitions: [{label: a, number: 1}, {label: b, number: 1}]}]}\n";
    /// systemd reads only drop-ins whose names end in `.conf` (systemd.unit(5)).
    BAD_DROPIN_NAME = "E0263": "Invalid drop-in name", "systemd: {units: [{name: a.service, dropins: [{name: 10-a, contents: \"[Service]\\n\"}]}]}\n";
    /// GRUB, ISOLINUX and iPXE parse the kernel command line differently: variables, quotes,
    /// comments. An argument can contain only characters that all of them leave unchanged.
    ALTERED_KERNEL_ARGUMENT = "E0264": "Kernel argument changed by boot loaders", "kernel_arguments: ['console=$tty']\n";
    /// NetworkManager accepts IPv4 name servers, search domains and routes only on links that have
    /// IPv4, and likewise for IPv6.
    NOT_ON_THIS_LINK = "E0265": "Setting for an IP version that the link lacks", "version: 1\ntarget: fedora-coreos\nhostname: kube1\nnetwork: {interfaces: [{name: ens3, addresses: ['fd00::2/64'], dns: [10.0.0.1]}]}\n";
    /// systemd-networkd ignores a setting of a bond whose value it does not understand. It takes
    /// times without a unit for seconds.
    BAD_BOND_VALUE = "E0266": "Invalid value of a bond option", "network: {interfaces: [{name: lan0}, {name: bond0, dhcp: true, bond: {members: [lan0], options: {MIIMonitorSec: 100}}}]}\n";
    /// The link of a DHCP server needs an address in the network that it gives addresses of, and a
    /// static one: a server cannot ask another.
    DHCP_SERVER_ADDRESS = "E0280": "DHCP server without a static address", "network: {interfaces: [{name: eth0, dhcp: true, dhcp_server: {}}]}\n";
    /// A DHCP server gives addresses of its link's network to others: neither its own address, nor
    /// that of the network or for broadcasts, nor one address to two machines.
    BAD_LEASE = "E0281": "Address that the DHCP server cannot give", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24], dhcp_server: {leases: {'52:54:00:00:00:01': 10.0.1.5}}}]}\n";
    /// The address families of a rule's two networks differ, so that it never applies.
    RULE_FAMILY = "E0282": "Routing rule of two address families", "network: {interfaces: [{name: eth0, addresses: [10.0.0.2/24], rules: [{from: 10.0.0.0/24, to: 'fd00::/8', table: 100}]}]}\n";
    /// WireGuard knows a peer by its public key, and an address leads to one peer.
    DUPLICATE_PEER = "E0283": "Duplicate WireGuard peer", "";
    /// Two VRFs with one table would be one.
    DUPLICATE_TABLE = "E0284": "Routing table of two VRFs", "network: {interfaces: [{name: eth0}, {name: eth1}, {name: a, vrf: {table: 100, members: [eth0]}}, {name: b, vrf: {table: 100, members: [eth1]}}]}\n";
    /// The programs that create a target's links lack this: NetworkManager has no DHCP server with
    /// fixed leases; Container Linux' systemd 241 has none either, and no WireGuard in its kernel.
    NOT_OF_THIS_TARGET = "E0285": "Link that the target cannot have", "version: 1\ntarget: fedora-coreos\nhostname: kube1\nnetwork: {interfaces: [{name: ens3, addresses: [10.0.0.1/24], dhcp_server: {}}]}\n";

    // E03xx: Ignition and the units in it.
    /// imgbuild creates this itself, from another part of the spec. To replace a file or link, set
    /// `overwrite: true`, which gives a warning; to change a unit, use a drop-in; define a user or
    /// disk in one place only.
    ALREADY_DEFINED = "E0300": "Already defined by imgbuild", "storage: {files: [{path: /etc/hostname, contents: {inline: a}}]}\n";
    /// A file, a link or a unit cannot contain anything.
    BELOW_A_FILE = "E0301": "Path below a file", "storage: {files: [{path: /etc/hostname/a}]}\n";
    /// Ignition writes units to /etc/systemd/system, and their drop-ins to folders there.
    UNIT_AND_FILE = "E0302": "File in place of a unit", "storage: {files: [{path: /etc/systemd/system/a.service}]}\nsystemd: {units: [{name: a.service, contents: \"[Service]\\nExecStart=/bin/true\\n\"}]}\n";
    /// /usr is the image, read-only and the same on every node. /usr/local is not part of it. On
    /// Fedora CoreOS, nothing can be added to / either.
    READ_ONLY_PATH = "E0303": "Path on the read-only image", "storage: {files: [{path: /usr/bin/a}]}\n";
    /// Ignition's specification 3.3.0, which the node uses, does not support the set-user-ID,
    /// set-group-ID and sticky bits.
    SPECIAL_MODE = "E0304": "Unsupported mode bits", "storage: {files: [{path: /opt/a, mode: 04755}]}\n";
    /// Ignition supports the schemes data, http, https, tftp, s3 and gs, and arn from 3.4.0 on. A
    /// `data:` URL must follow RFC 2397.
    BAD_SOURCE = "E0305": "Invalid source", "storage: {files: [{path: /opt/a, contents: {source: 'data:;base64,a'}}]}\n";
    /// The hash is that of the decompressed contents. If it differs, Ignition stops the boot.
    WRONG_HASH = "E0306": "Hash mismatch", "storage: {files: [{path: /opt/a, contents: {source: 'data:,a', verification: {hash: sha256-0000000000000000000000000000000000000000000000000000000000000000}}}]}\n";
    /// `compression: gzip` means that the source is compressed; it does not compress it.
    NOT_GZIP = "E0307": "Contents are not gzip", "storage: {files: [{path: /opt/a, contents: {source: 'data:,a', compression: gzip}}]}\n";
    /// `overwrite: true` requires contents to replace the file with.
    OVERWRITE_WITHOUT_CONTENTS = "E0308": "Overwrite without contents", "storage: {files: [{path: /opt/a, overwrite: true}]}\n";
    /// The path becomes part of a unit, where white space, quotes, `%`, `$` and `\` have a special
    /// meaning.
    PATH_FOR_UNIT = "E0309": "Path not allowed in a unit", "storage_device: '/dev/disk/by-id/a b'\n";
    /// A unit consists of sections, `[Name]`, with lines `Key=value` in them (systemd.syntax(7)).
    UNIT_SYNTAX = "E0310": "Unit syntax error", "systemd: {units: [{name: a.service, contents: \"ExecStart=/bin/true\\n\"}]}\n";
    /// systemd ignores sections that it does not know, or that belong to another unit type.
    UNKNOWN_SECTION = "E0311": "Unknown unit section", "systemd: {units: [{name: a.service, contents: \"[Servce]\\nExecStart=/bin/true\\n\"}]}\n";
    /// systemd ignores settings that it does not know, or that are in the wrong section.
    UNKNOWN_SETTING = "E0312": "Unknown unit setting", "systemd: {units: [{name: a.service, contents: \"[Service]\\nExecStrt=/bin/true\\n\"}]}\n";
    /// systemd would refuse to load the unit, or ignore the line.
    UNIT_REFUSED = "E0313": "Unit rejected by systemd", "systemd: {units: [{name: a.service, contents: \"[Service]\\nType=oneshot\\n\"}]}\n";
    /// Ignition checks all partitions of a disk before it writes any.
    BAD_PARTITION = "E0314": "Invalid partitions", "storage: {disks: [{device: /dev/vdb, partitions: [{label: a, number: 1, start_mib: 1, size_mib: 100}, {label: b, number: 2, start_mib: 50, size_mib: 100}]}]}\n";
    /// Ignition checks a RAID array before it creates it.
    BAD_ARRAY = "E0315": "Invalid RAID array", "storage: {raid: [{name: a, level: raid0, devices: [/dev/vdb, /dev/vdc], spares: 1}]}\n";
    /// Ignition checks the format and label of a file system before it creates it.
    BAD_FILESYSTEM = "E0316": "Invalid file system", "storage: {filesystems: [{device: /dev/vdb, format: xfs, label: longer-than-twelve}]}\n";
    /// Ignition checks an encrypted device before it creates it.
    BAD_ENCRYPTED_DEVICE = "E0317": "Invalid encrypted device", "storage: {luks: [{name: a, key_file: {inline: key}}]}\n";
    /// Container Linux' Ignition, which reads specification 2.x, would reject this at boot.
    REFUSED_BY_V2 = "E0318": "Rejected by Ignition 2.x", "target: container-linux\nstorage: {files: [{path: /a, filesystem: data}]}\n";
    /// The node runs Ignition at every boot. It keeps partitions, file systems and encrypted
    /// volumes that an earlier boot created, whatever `wipe_…` says; but what is wiped and then
    /// left empty could not be told from foreign data, and would be wiped again and again.
    WIPED_AT_EVERY_BOOT = "E0319": "Wiped at every boot", "storage: {disks: [{device: /dev/vdb, wipe_table: true}]}\n";
    /// Without `key_file`, Ignition generates a random key and writes it to the node's root, which
    /// is in memory: the next boot could not open the volume. Let the image contain the key, or
    /// let the node fetch it at each boot: `key_file: {source: …}`.
    KEY_LOST_AT_NEXT_BOOT = "E0320": "Key lost at the next boot", "storage: {luks: [{name: data, device: /dev/vdb}]}\n";
    /// The base has a file, directory or link at this path, and Ignition replaces it only if told
    /// so: otherwise it would stop the boot.
    BASE_HAS_IT = "E0321": "Already part of the base", "storage: {files: [{path: /etc/motd, contents: {inline: a}}]}\n";
    /// Ignition creates groups and users with groupadd and useradd, which reject names and numbers
    /// that exist, and groups that do not exist yet. Ignition would stop the boot.
    BAD_ACCOUNT = "E0322": "Conflicting user or group", "users: [{name: core, uid: 33}]\n";
    /// Ignition merges configs of specification 3 in JSON, of the versions that the target
    /// supports. Anything else stops the boot.
    NOT_AN_IGNITION_CONFIG = "E0323": "Not an Ignition config", "ignition: {config: {merge: [{inline: 'variant: fcos'}]}}\n";
    /// Ignition rejects a config that sends an HTTP header twice.
    DUPLICATE_HEADER = "E0324": "Duplicate HTTP header", "storage: {files: [{path: /opt/a, contents: {source: 'https://example.com/a', http_headers: [{name: Accept, value: a}, {name: Accept, value: b}]}}]}\n";

    // E05xx: Kubernetes, its etcd, networks and images.
    /// A Kubernetes release has three numbers, like 1.36.2.
    BAD_KUBE_VERSION = "E0500": "Invalid Kubernetes version", "kubernetes: {version: '1.36', role: standalone}\n";
    /// What imgbuild writes to the node depends on the Kubernetes version. Older ones than it knows
    /// are not supported.
    UNKNOWN_KUBE_VERSION = "E0501": "Unsupported Kubernetes version", "kubernetes: {version: 1.20.0, role: standalone}\n";
    /// An endpoint is a host and a port, like 192.168.1.10:6443.
    BAD_ENDPOINT = "E0502": "Invalid endpoint", "kubernetes: {version: 1.36.2, role: worker, endpoint: 'https://a'}\n";
    /// The API server stores everything in etcd: a control plane needs an etcd member, on its own
    /// node or on another node in the file.
    NO_ETCD_FOR_API = "E0503": "Control plane without etcd", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\nkubernetes: {version: 1.36.2, role: single}\n";
    /// Anyone who reads etcd reads every secret of the cluster, so the API server connects to it
    /// only over TLS.
    PLAIN_ETCD_FOR_API = "E0504": "Control plane with etcd without TLS", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {tls: false}\nkubernetes: {version: 1.36.2, role: single}\n";
    /// Certificates, other nodes and the API's own Service refer to a control plane by its address,
    /// which therefore cannot change.
    NO_STATIC_ADDRESS = "E0505": "Control plane without a static address", "etcd: {}\nkubernetes: {version: 1.36.2, role: single}\n";
    /// Pods, services, docker containers and machines need separate networks. If two overlap, one
    /// of them is unreachable.
    KUBE_NETWORKS_OVERLAP = "E0506": "Overlapping networks", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, pod_network: 10.0.0.0/16}\n";
    /// Each node takes a part of the pod network, 256 IPv4 addresses or 2^64 IPv6 addresses, and
    /// each of its pods takes one of them.
    POD_NETWORK_TOO_SMALL = "E0507": "Pod network too small", "version: 1\nkubernetes: {version: 1.36.2, pod_network: 10.244.0.0/24}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: control-plane}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// The API server accepts at most 20 bits for service addresses, and the cluster's DNS service
    /// needs the tenth address.
    BAD_SERVICE_NETWORK_SIZE = "E0508": "Invalid service network size", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, service_network: 10.96.0.0/8}\n";
    /// A worker needs a control plane: one in the same file, or the one at `endpoint`.
    NO_CONTROL_PLANE = "E0509": "Worker without a control plane", "kubernetes: {version: 1.36.2, role: worker}\n";
    /// The role `single` is for a cluster that consists of one node.
    SINGLE_AMONG_OTHERS = "E0510": "Role `single` in a cluster of several nodes", "version: 1\nkubernetes: {version: 1.36.2}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: single}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// Some settings must be the same on all nodes of a cluster.
    KUBE_DISAGREEMENT = "E0511": "Cluster nodes disagree", "version: 1\nkubernetes: {version: 1.36.2}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: control-plane}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker, pod_network: 10.245.0.0/16}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// A kubelet can be up to three minor versions older than the API servers, and never newer.
    KUBE_SKEW = "E0512": "Unsupported version skew", "version: 1\nnodes: [{hostname: a, etcd: {}, kubernetes: {version: 1.35.1, role: control-plane}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {version: 1.36.2, role: worker}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// Label keys and values are short words; a key can have a domain and a slash before it, like
    /// topology.kubernetes.io/zone.
    BAD_LABEL = "E0513": "Invalid node label", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {labels: {zone: 'a b'}}}\n";
    /// A taint is a key, an optional value, and an effect, like gpu=true:NoSchedule.
    BAD_TAINT = "E0514": "Invalid taint", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {taints: [gpu]}}\n";
    /// Resource quantities are written as in Kubernetes: 500m of a CPU, 512Mi of memory.
    BAD_QUANTITY = "E0515": "Invalid quantity", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {reserved: {system: {memory: 512MiB}}}}\n";
    /// The API server allows a kubelet only a few kubernetes.io labels on its own node
    /// (NodeRestriction), so that a compromised node cannot attract pods. On a control plane node,
    /// imgbuild sets the others with administrator rights.
    RESERVED_LABEL = "E0516": "Label reserved by Kubernetes", "kubernetes: {version: 1.36.2, role: worker, endpoint: 10.0.0.1, kubelet: {labels: {node-role.kubernetes.io/db: ''}}}\n";
    /// A component does not start with an unknown flag, and flags differ between versions.
    UNKNOWN_FLAG = "E0517": "Unknown flag", "kubernetes: {version: 1.36.2, role: standalone, extra_args: {kubelet: {register-schedulable: false}}}\n";
    /// The flag sets a file, an address or a key that other parts of the node depend on. The spec
    /// has its own key for it, or deliberately none.
    RESERVED_FLAG = "E0518": "Reserved flag", "kubernetes: {version: 1.36.2, role: standalone, extra_args: {kubelet: {max-pods: 50}}}\n";
    /// A component does not start with an unknown feature gate, or with one that is locked to
    /// another value.
    BAD_FEATURE_GATE = "E0519": "Invalid feature gate", "kubernetes: {version: 1.36.2, role: standalone, feature_gates: {UserNamespaceSupport: true}}\n";
    /// The kubelet and kube-proxy reject unknown fields or silently ignore them. imgbuild knows the
    /// fields of each version.
    BAD_CONFIG_FIELD = "E0520": "Invalid configuration field", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {config: {podsPerCores: 10}}}\n";
    /// The field is set elsewhere in the spec, or other parts of the node depend on it.
    RESERVED_CONFIG_FIELD = "E0521": "Reserved configuration field", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {config: {maxPods: 10}}}\n";
    /// The API server does not start with an audit policy that it cannot read.
    BAD_AUDIT_POLICY = "E0522": "Invalid audit policy", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, audit: {policy: {apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: All}]}}}\n";
    /// The kubelet runs a static pod from its manifest alone, so the Pod cannot refer to other API
    /// objects.
    BAD_STATIC_POD = "E0523": "Invalid static pod", "";
    /// The setting applies to a component of the control plane, and no node in the file has one.
    NO_SUCH_ROLE = "E0524": "Setting without its component", "kubernetes: {version: 1.36.2, role: worker, endpoint: 10.0.0.1, extra_sans: [a.example]}\n";
    /// An external etcd must be reached over TLS, with a client certificate, and replaces an etcd
    /// in the file. flannel for docker containers can also use one without TLS, as
    /// `etcd_endpoints`.
    BAD_EXTERNAL_ETCD = "E0525": "Invalid external etcd", "";
    /// The kubelet's swap policy requires that the node has swap space.
    SWAP_POLICY = "E0526": "Swap policy without swap", "kubernetes: {version: 1.36.2, role: standalone, kubelet: {swap: limited}}\n";
    /// Clients reject an API server whose certificate does not cover the name or address that they
    /// connected to.
    ENDPOINT_NOT_IN_CERTIFICATE = "E0527": "Endpoint not in the certificate", "version: 1\nkubernetes: {version: 1.36.2}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: control-plane}, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker, endpoint: api.example}, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}]\n";
    /// Pods, services and the API server's address must all be IPv4 or all IPv6.
    KUBE_FAMILIES = "E0528": "Mixed address families", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, pod_network: 'fd00:10::/48'}\n";
    /// A worker connects to the API of its control plane over TLS, or over the insecure port if the
    /// control plane opens it. 127.0.0.1 is the worker itself.
    NO_API_TO_REACH = "E0529": "Worker without a reachable API", "version: 1\ntarget: container-linux\nhostname: kube1\nkubernetes: {version: 1.9.6, role: worker}\n";
    /// Each flannel backend has its own settings: `vxlan` a port, a VNI and direct routing,
    /// `wireguard` a port, `host-gw` none.
    NOT_OF_BACKEND = "E0530": "Setting of another flannel backend", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, cni: {flannel: {backend: host-gw, vni: 2}}}\n";
    /// A manifest must be a map with an `apiVersion` and a `kind`.
    NOT_AN_OBJECT = "E0531": "Not a Kubernetes object", "";
    /// This Kubernetes version does not have the API of the manifest: it was replaced or removed,
    /// or was added later.
    API_NOT_AVAILABLE = "E0532": "API not available in this version", "";
    /// The API group is one of Kubernetes, but it has no such kind. Kinds of groups that Kubernetes
    /// itself does not have are assumed to belong to operators, and are accepted.
    UNKNOWN_API = "E0533": "Unknown API or kind", "";
    /// Most names must be DNS names (RFC 1123): lowercase letters, digits, `-` and `.`.
    BAD_OBJECT_NAME = "E0534": "Invalid object name", "";
    /// A label is `name: value` or `domain/name: value`. Name and value have at most 63 letters,
    /// digits, `-`, `_` and `.`.
    BAD_OBJECT_LABEL = "E0535": "Invalid label or annotation", "";
    /// The kind has no such field, and the API server rejects unknown fields.
    UNKNOWN_FIELD = "E0536": "Unknown manifest field", "";
    /// The value has another type than the field. Numbers, `true`, and what YAML 1.1 reads as a
    /// boolean (`yes`, `off`) must be quoted where text is expected.
    WRONG_FIELD_TYPE = "E0537": "Wrong type in a manifest", "";
    /// The API server rejects the object without this field.
    MISSING_FIELD = "E0538": "Missing manifest field", "";
    /// The list contains two elements with the same key, such as a port number or a variable name.
    ELEMENT_TWICE = "E0539": "Duplicate list element", "";
    /// The selector of a Deployment, or of another kind that creates pods, must select the pods of
    /// its own template.
    SELECTOR_MISMATCH = "E0540": "Selector does not match the template", "";
    /// A container can mount only the volumes of its pod, by name.
    UNKNOWN_VOLUME = "E0541": "Unknown volume", "";
    /// A probe or hook must use a named port of its own container, or a port number.
    UNKNOWN_PORT = "E0542": "Unknown container port", "";
    /// Amounts are numbers with an optional suffix: `m` for thousandths, k, M, G, T for powers of
    /// 1000, Ki, Mi, Gi, Ti for powers of 1024.
    BAD_AMOUNT = "E0543": "Invalid resource amount", "";
    /// A container cannot request more than its limit.
    REQUEST_OVER_LIMIT = "E0544": "Request exceeds its limit", "";
    /// The value has the right type, but the API server rejects it.
    BAD_FIELD_VALUE = "E0545": "Invalid field value", "";
    /// The field was added after this version, or removed before it.
    FIELD_OF_ANOTHER_VERSION = "E0546": "Field not available in this version", "";
    /// `imgbuild kubernetes learn` writes what a release of Kubernetes has into a file beside the
    /// spec. It was changed, or is of another release.
    BAD_LEARNED_TABLE = "E0547": "Invalid table of a Kubernetes release", "";
    /// Helm cannot make objects of a chart with these values: a value is missing or wrong, a chart
    /// that it depends on is not in its folder `charts`, or a template has a mistake.
    CHART_NOT_RENDERED = "E0548": "Chart cannot be rendered", "";
    /// Charts are rendered by the program `helm` of this machine, version 3 or 4, which is looked
    /// for in `PATH`. `IMGBUILD_HELM` names another one.
    NO_HELM = "E0549": "Helm not found", "";
    /// A bootstrap token has 6 and 16 lowercase letters and digits, joined by a dot, as `kubeadm
    /// token generate` creates it.
    BAD_BOOTSTRAP_TOKEN = "E0550": "Invalid bootstrap token", "kubernetes: {version: 1.36.2, role: worker, bootstrap_token: abc}\n";
    /// With a token, a worker gets its certificate from a running cluster. A control plane is what
    /// makes the cluster run, and a standalone node has no cluster.
    TOKEN_FOR_NON_WORKER = "E0551": "Token for a node that is not a worker", "etcd: {}\nnetwork: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\nkubernetes: {version: 1.36.2, role: single, join: token}\n";
    /// A generated token is known only to the control planes that imgbuild builds from the same
    /// file. A cluster outside the file has its own tokens, created with `kubeadm token create`.
    TOKEN_UNKNOWN_TO_CLUSTER = "E0552": "Token unknown to the cluster", "kubernetes: {version: 1.36.2, role: worker, endpoint: '10.0.0.1:6443', join: token}\n";
    /// How long something is valid is a number of minutes (`m`), hours (`h`) or days (`d`), with at
    /// most four digits.
    BAD_LIFETIME = "E0553": "Invalid lifetime", "kubernetes: {version: 1.36.2, role: worker, endpoint: '10.0.0.1:6443', bootstrap_token_ttl: 1 day}\n";
    /// imgbuild knows when it has made a token, and can give it an end. The lifetime of a token in
    /// the spec is set where it was made: `kubeadm token create --ttl`.
    LIFETIME_OF_GIVEN_TOKEN = "E0554": "Lifetime of a given token", "kubernetes: {version: 1.36.2, role: worker, endpoint: '10.0.0.1:6443', bootstrap_token: abcdef.0123456789abcdef, bootstrap_token_ttl: 24h}\n";
    /// With `mode: none`, no kube-proxy runs on the nodes, as a static pod or as a DaemonSet.
    PROXY_IS_OFF = "E0555": "kube-proxy settings without kube-proxy", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, cni: none, proxy: {mode: none, daemon_set: true}}\n";
    /// The manifests of a pod network say from which network pods get their addresses. kube-proxy,
    /// the controller manager and the packet filter of the nodes know `pod_network`, which must be
    /// the same or contain it.
    PODS_OUTSIDE = "E0556": "Pods outside of the pod network", "";
    /// Without kube-proxy, the pod network has to lead connections to services to their pods.
    /// Cilium does so with kube-proxy-replacement, Calico with eBPF, kube-router with
    /// --run-service-proxy.
    SERVICES_UNLED = "E0557": "Services without kube-proxy", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, proxy: {mode: none}}\n";
    /// The kernel drops packets that come by another link than answers would leave by: with 1
    /// always, with 2 only if no link leads back. Calico's agent does not start where 2 is set for
    /// all links, and Cilium's packets do not arrive with 1 or 2.
    SOURCE_CHECK = "E0558": "Source check that breaks the pod network", "";
    /// The same spec gives the same node, but the chart generates something each time: a password,
    /// a certificate, a date. Most charts have a value for it, such as the name of a Secret that
    /// exists, or let a Job in the cluster or cert-manager make it.
    CHART_DIFFERS = "E0559": "Chart renders differently each time", "";
    /// An image is the path of an archive, OCI layout or folder (starting with `./`, `../` or `/`,
    /// or ending in `.tar`), or an image name as in a pod: a registry host, a repository in
    /// lowercase, and a tag or a digest.
    BAD_IMAGE = "E0560": "Invalid image", "containerd: {images: ['https://registry.example/app:1']}\n";
    /// A registry is identified by its host: a name or an address, with a port unless it is the
    /// HTTPS port.
    BAD_REGISTRY = "E0561": "Invalid registry", "containerd: {registries: {'https://docker.io': {}}}\n";
    /// A mirror is a URL: https, or http if nothing is secret, then the host, and optionally a
    /// prefix for repositories.
    BAD_REGISTRY_URL = "E0562": "Invalid mirror URL", "containerd: {registries: {docker.io: {mirrors: [mirror.example]}}}\n";
    /// Pods are run by containerd, which is part of the node, or by CRI-O, whose programs come from
    /// the folder of the Kubernetes programs.
    NO_SUCH_RUNTIME = "E0563": "Unsupported container runtime", "kubernetes: {version: 1.36.2, role: standalone, runtime: docker}\n";
    /// `kubernetes.programs` and `kubernetes.artifacts.programs` are the same setting.
    PROGRAMS_TWICE = "E0564": "Programs specified twice", "kubernetes: {version: 1.36.2, role: standalone, programs: a, artifacts: {programs: b}}\n";
    /// With `pull`, the node downloads its programs from a site and pulls its images from
    /// registries; nothing comes from the build machine.
    NOT_OF_PULL = "E0565": "Not supported with `pull`", "kubernetes: {version: 1.36.2, role: standalone, artifacts: {mode: pull, programs: ./bin}}\n";
    /// To log in to a registry, a node needs a user name and a password file.
    BAD_REGISTRY_CREDENTIALS = "E0566": "Incomplete registry credentials", "containerd: {registries: {docker.io: {username: a}}}\n";
    /// The file must contain PEM certificates.
    BAD_REGISTRY_CA = "E0567": "Invalid registry CA", "";
    /// A runtime has a name of lowercase letters and digits, and is one of two things: a program on
    /// the node that takes runc's arguments (`binary:`), or a containerd shim (`shim:`). Pods
    /// select it by name, or get it as `default_runtime`.
    BAD_CONTAINER_RUNTIME = "E0568": "Invalid container runtime", "containerd: {runtimes: {GPU: {binary: /opt/bin/nvidia-container-runtime}}}\n";
    /// `default_runtime` must be `runc`, which every node has, or one of `runtimes`.
    UNKNOWN_CONTAINER_RUNTIME = "E0569": "Unknown container runtime", "containerd: {default_runtime: nvidia}\nkubernetes: {version: 1.36.2, role: standalone}\n";
    /// flannel reads the network, and the node's subnet of it, from etcd. The etcd runs on nodes in
    /// the file, or is specified as `external_etcd`, or, without TLS, as `etcd_endpoints`.
    FLANNEL_WITHOUT_ETCD = "E0570": "flannel without etcd", "version: 1\ntarget: flatcar\nhostname: kube1\nflannel: {network: 10.244.0.0/16}\n";
    /// On a Kubernetes node, containers belong to pods, whose network is set under `kubernetes:
    /// {cni: …}`.
    FLANNEL_AND_KUBERNETES = "E0571": "Two container networks", "version: 1\ntarget: flatcar\nhostname: kube1\netcd: {}\nflannel: {network: 10.245.0.0/16}\nkubernetes: {version: 1.36.2, role: standalone}\n";
    /// flannel assigns each node a subnet of its IPv4 network. It requires room for four subnets of
    /// at least four addresses each, and does not use the first one.
    BAD_FLANNEL_NETWORK = "E0572": "Invalid flannel network", "version: 1\ntarget: flatcar\nhostname: kube1\netcd: {}\nflannel: {network: 10.244.0.0/29}\n";
    /// Write a repeated time as a systemd calendar event (systemd.time(7)), in UTC: `hourly`,
    /// `daily`, `Mon..Fri 03:30`, `*-*-01 12:00`, `*:0/15`.
    BAD_CALENDAR = "E0580": "Invalid calendar event", "etcd: {backup: {schedule: dayly}}\n";
    /// `etcd_backup` takes snapshots of the etcd members on the nodes in the file, but there is
    /// none.
    NO_ETCD_TO_BACK_UP = "E0581": "Backup without etcd", "kubernetes: {version: 1.36.2, role: standalone, etcd_backup: {}}\n";
    /// A snapshot is what `etcdctl snapshot save` writes: a database followed by its checksum.
    NOT_A_SNAPSHOT = "E0582": "Invalid etcd snapshot", "";
    /// A member of several that starts from a snapshot and keeps its data in memory would load the
    /// snapshot again at each restart, while the others went on: the members of the cluster would
    /// no longer agree on its data.
    RESTORE_IN_MEMORY = "E0583": "Snapshot restored at every start", "";
    /// `backup` under `etcd:` and `etcd_backup` under `kubernetes:` are the same setting.
    BACKUP_TWICE = "E0584": "Duplicate backup settings", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {backup: {}}\nkubernetes: {version: 1.36.2, role: single, etcd_backup: {}}\n";
    /// A member of a cluster that is already running (`initial_cluster_state: existing`) gets its
    /// data from the other members.
    RESTORE_INTO_RUNNING = "E0585": "Snapshot for a running cluster", "";
    /// All members of a cluster must start from the same snapshot, or none.
    RESTORES_DIFFER = "E0586": "Members restore different data", "";
    /// A static pod is run by the kubelet, next to the API server as with kubeadm, on nodes with
    /// the role `control-plane` or `single`. On other nodes, etcd runs as a service.
    ETCD_POD_WITHOUT_CONTROL_PLANE = "E0590": "etcd pod without a control plane", "etcd: {static_pod: true}\n";
    /// etcd 3.5, 3.6 and 3.7 take different flags, and none starts with those that it lacks. The
    /// image tag must contain the version, like `3.6.8-0` or `v3.5.21`.
    ETCD_VERSION_UNKNOWN = "E0591": "etcd version not in the image tag", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {static_pod: true, image: 'registry.example/etcd:latest'}\nkubernetes: {version: 1.36.2, role: single}\n";
    /// Unless the spec sets `daemon_set: true`, each node runs its own kube-proxy: the program on
    /// the node, or with `pull` the image that it pulls.
    PROXY_IMAGE_WITHOUT_DAEMON_SET = "E0592": "kube-proxy image without a DaemonSet", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, proxy: {image: upstream}}\n";
    /// A program does not start with a flag whose value it cannot read, or that is outside of what
    /// it accepts: words, numbers and their bounds, durations in Go's notation (`1m30s`).
    BAD_FLAG_VALUE = "E0593": "Invalid value of a flag", "etcd: {settings: {log-level: verbose}}\n";
    /// A release has a name with at most 53 lower-case letters, digits, hyphens and dots, and a
    /// namespace one with at most 63 lower-case letters, digits and hyphens. A namespace has one
    /// release of a name.
    BAD_RELEASE = "E0594": "Invalid release of a chart", "kubernetes: {version: 1.36.2, role: standalone, charts: [{chart: ./web, name: My Web}]}\n";
    /// A node with `runtime: cri-o` takes CRI-O's programs from the folder of the Kubernetes
    /// programs: crio, pinns and conmon, with crun or runc unless Debian's runc is to run the
    /// containers. A CRI-O release bundle contains all of them; its minor version must be that of
    /// Kubernetes.
    NO_CRI_O = "E0595": "CRI-O programs missing or incompatible", "kubernetes: {version: 1.36.2, role: standalone, runtime: cri-o, artifacts: pull}\n";
    /// The settings of `containerd:` for images, registries and runtimes also apply to CRI-O,
    /// except those that only containerd has: shims and the configuration version.
    NOT_FOR_CRI_O = "E0596": "Setting not supported by CRI-O", "containerd: {config_version: 2}\nkubernetes: {version: 1.36.2, role: standalone, runtime: cri-o}\n";
    /// The address that control planes share must be free, in the network of a named link of each
    /// of them, and outside of the networks of pods and services. One of them adds it to that link
    /// while it holds it.
    BAD_SHARED_ADDRESS = "E0597": "Invalid shared address", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, endpoint: {vip: 10.0.0.1}}\n";

    // E06xx: configs of other tools.
    /// `imgbuild import` reads Butane configs, Ignition configs of specification 3 or 2, and
    /// Container Linux Configs.
    NO_CONFIG = "E0600": "Nothing to import", "";
    /// An Ignition config of specification 3 does not say for which system it is, and neither do
    /// Butane's variants for systems that imgbuild does not know. `--target` says it.
    NO_TARGET = "E0601": "Import without a target", "";
    /// A node without this setting would be another one: not encrypted, without its disks, or
    /// without half of its config. So nothing is imported.
    NEEDED_SETTING = "E0602": "Setting that cannot be left out", "";

    // E07xx: checks of `imgbuild test`.
    /// A check names a node that the artifact does not have. Nodes are named by their host names.
    NODE_NOT_IN_ARTIFACT = "E0700": "Node not in the artifact", "version: 1\nchecks: [{node: kube9, port: 22}]\n";
    /// What a command or a file must be (`is`, `has`, `like`) says nothing of a unit, a port or a
    /// pod; `exit_status` belongs to a command, and `from` to a port.
    MEANINGLESS_IN_CHECK = "E0701": "Key without a meaning in a check", "version: 1\nchecks: [{port: 22, has: SSH}]\n";
    /// A pod is named with its namespace.
    BAD_POD_NAME = "E0702": "Invalid name of a pod", "version: 1\nchecks: [{pod: coredns}]\n";
    /// A time is a number of seconds (`s`), minutes (`m`) or hours (`h`), with at most five digits.
    BAD_TIME = "E0703": "Invalid time", "version: 1\ntimeout: 10 minutes\nchecks: []\n";

    // W01xx: structure and values.
    /// A pattern under `ssh_authorized_keys_local` matches no file, so it may be impossible to log
    /// in.
    NO_SSH_KEY_FOUND = "W0100": "No SSH key found", "";
    /// ct, whose settings these are, supports etcd up to 3.3 and flannel up to 0.7.
    NEWER_THAN_CT = "W0101": "Version newer than ct", "version: 1\ntarget: container-linux\nhostname: kube1\netcd: {version: 3.4.0}\n";
    /// A computer finds the password behind an MD5 hash within hours. Other targets refuse such
    /// hashes.
    WEAK_PASSWORD_HASH = "W0102": "Weak password hash", "version: 1\ntarget: container-linux\npasswd: {users: [{name: core, password_hash: $1$saltsalt$4px9i58NU2Z2/vZOUlGjq.}]}\n";

    // W02xx: checks across fields.
    /// A list contains the same item twice. This is harmless, but probably a mistake.
    NAMED_TWICE = "W0200": "Listed twice", "modules: [br_netfilter, br-netfilter]\n";
    /// Linux uses one default route and keeps the other one for when the first is removed.
    SEVERAL_DEFAULT_GATEWAYS = "W0201": "Several default gateways", "network: {interfaces: [{name: eth0, addresses: [10.0.0.2/24], gateway: 10.0.0.1}, {name: eth1, addresses: [10.0.1.2/24], gateway: 10.0.1.1}]}\n";
    /// Linux sends to a network over one interface only, regardless of the source address.
    OVERLAPPING_NETWORKS = "W0202": "Interfaces in overlapping networks", "network: {interfaces: [{name: eth0, addresses: [10.0.0.2/24]}, {name: eth1, addresses: [10.0.0.3/24]}]}\n";
    /// The node's role already opens the port to `allow_from`.
    ROLE_PORT_OPENED = "W0203": "Port already open", "network: {firewall: {allow: [{port: 22}]}}\n";
    /// Every user on the node can read the private key or token.
    READABLE_SECRET = "W0204": "Readable secret", "storage: {files: [{path: /etc/a.key, contents: {inline: '-----BEGIN PRIVATE KEY-----'}}]}\n";
    /// A certificate that is trusted as an authority must be marked as one: basicConstraints with
    /// CA:TRUE.
    NOT_AN_AUTHORITY = "W0205": "Not a CA certificate", "";
    /// Without TLS, anyone who reaches the port can read and write all data.
    PLAIN_ETCD = "W0206": "etcd without TLS", "etcd: {tls: false}\n";
    /// Without `storage_device`, a member loses all data when it restarts. In a cluster of several,
    /// an empty member cannot rejoin: it must be removed and added again by hand.
    ETCD_IN_MEMORY = "W0207": "etcd cluster in memory", "version: 1\netcd: {}\nnodes: [{hostname: a, network: {interfaces: [{name: e, addresses: [10.0.0.1/24]}]}}, {hostname: b, network: {interfaces: [{name: e, addresses: [10.0.0.2/24]}]}}, {hostname: c, network: {interfaces: [{name: e, addresses: [10.0.0.3/24]}]}}]\n";
    /// Every write waits for more than half of the members: etcd's documentation recommends seven
    /// at most.
    MANY_MEMBERS = "W0208": "Many etcd members", "etcd: {initial_advertise_peer_urls: ['https://10.0.0.1:2380'], initial_cluster: {kube1: 'https://10.0.0.1:2380', b: 'https://10.0.0.2:2380', c: 'https://10.0.0.3:2380', d: 'https://10.0.0.4:2380', e: 'https://10.0.0.5:2380', f: 'https://10.0.0.6:2380', g: 'https://10.0.0.7:2380', h: 'https://10.0.0.8:2380', i: 'https://10.0.0.9:2380'}}\n";
    /// The kernel numbers cards (eth0, eth1) in the order in which it finds them, which can change
    /// between boots if there are several. A card that is matched by its MAC address keeps its
    /// settings.
    KERNEL_NAMES = "W0209": "Unstable interface names", "network: {interfaces: [{name: eth0, dhcp: true}, {name: eth1}]}\n";
    /// The target names cards by their location (enp1s0, ens3), so no card has a name of the
    /// kernel, unless a kernel argument keeps those names. A card that is matched by its MAC
    /// address can have any name.
    NO_SUCH_CARD = "W0210": "Interface name not used by the target", "version: 1\ntarget: fedora-coreos\nhostname: kube1\nnetwork: {interfaces: [{name: eth0, dhcp: true}]}\n";
    /// None of the systems contains this shell, and the spec does not write it to the node either.
    /// Nobody could log in: sshd and login refuse users whose shell does not exist.
    NO_SUCH_SHELL = "W0211": "Login shell missing", "users: [{name: core, shell: /bin/zsh}]\n";
    /// What machines fetch when they boot from a network has their private keys, and neither TFTP
    /// nor iPXE's HTTP hides them: whoever is on that network, or may ask the server, reads them.
    /// Boot such nodes on a network of their own, or from media.
    KEYS_IN_THE_CLEAR = "W0212": "Private keys on the network", "";

    // W03xx: Ignition and the units in it.
    /// `overwrite: true`, or `mask: true` for a unit, replaces what imgbuild writes itself.
    GENERATED_REPLACED = "W0300": "Generated file replaced", "storage: {files: [{path: /etc/hostname, overwrite: true, contents: {inline: a}}]}\n";
    /// `enabled: true` applies the unit's `[Install]` section. Without one, nothing starts the
    /// unit.
    NEVER_STARTED = "W0301": "Enabled unit that nothing starts", "systemd: {units: [{name: a.service, enabled: true, contents: \"[Service]\\nExecStart=/bin/true\\n\"}]}\n";
    /// systemd 257 does not know the setting and ignores it.
    IGNORED_SETTING = "W0302": "Setting ignored by systemd", "systemd: {units: [{name: a.service, contents: \"[Service]\\nExecStart=/bin/true\\nQuux=1\\n\"}]}\n";
    /// Data that is fetched over plain HTTP or TFTP can be modified on its way unnoticed.
    UNVERIFIED_FETCH = "W0303": "Unverified download", "storage: {files: [{path: /opt/a, contents: {source: 'http://example.com/a'}}]}\n";
    /// With `replace`, Ignition takes another config instead of this one: nothing that the spec
    /// says reaches the node.
    CONFIG_REPLACED = "W0304": "Config without effect", "ignition: {config: {replace: {source: 'https://files.example/node.ign'}}}\n";
    /// Programs read only some of the files in their folders of settings: those whose names end in
    /// `.conf`, for example. They skip others without a message.
    IGNORED_FILE = "W0305": "File that its program does not read", "storage: {files: [{path: /etc/sysctl.d/99-site, contents: {inline: 'vm.swappiness = 10'}}]}\n";
    /// A unit runs a file of the spec that the kernel cannot start: without a mode for execution,
    /// or without a line that names its interpreter.
    NOT_RUNNABLE = "W0306": "Program that cannot be run", "storage: {files: [{path: /opt/a, contents: {inline: '#!/bin/sh'}}]}\nsystemd: {units: [{name: a.service, contents: \"[Service]\\nExecStart=/opt/a\\n\"}]}\n";
    /// Settings of a drop-in add to those of the unit. A service has one command, except with
    /// `Type=oneshot`: systemd refuses to start one that has two.
    SECOND_COMMAND = "W0307": "Second command of a service", "systemd: {units: [{name: ssh.service, dropins: [{name: a.conf, contents: \"[Service]\\nExecStart=/bin/true\\n\"}]}]}\n";

    // W05xx: Kubernetes, its etcd and images.
    /// Manifests are applied by nodes with a control plane. A worker alone, or a standalone node,
    /// does not apply them.
    MANIFESTS_UNAPPLIED = "W0531": "Manifests not applied", "";
    /// The file, or every file of the folder, is empty.
    NO_MANIFEST = "W0532": "No manifest", "";
    /// The API server serves alpha and beta APIs only if its `runtime-config` enables them (beta
    /// APIs since 1.24).
    API_NOT_SERVED = "W0533": "API not served by default", "";
    /// Manifests are applied in order, so of two objects with the same name the later one stays.
    OBJECT_TWICE = "W0534": "Duplicate object", "";
    /// Each file is applied after the one before it. An object whose namespace does not exist
    /// waits, and so do all files after it.
    UNKNOWN_NAMESPACE = "W0535": "Unknown namespace", "";
    /// kube-proxy's IPVS mode is deprecated since 1.35. The `nftables` mode, stable since 1.33,
    /// replaces it.
    IPVS_IS_DEPRECATED = "W0536": "Deprecated proxy mode", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, proxy: {mode: ipvs}}\n";
    /// The insecure port has no authentication: anyone can do everything, such as run programs as
    /// root on every node of the cluster and read every secret. Allow access only from networks
    /// that you trust as much as root, or remove `insecure_bind_address`: the API is then served
    /// over TLS.
    OPEN_API = "W0537": "Unauthenticated API", "version: 1\ntarget: container-linux\nhostname: kube1\nnetwork: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\nkubernetes: {version: 1.9.6, role: single, insecure_bind_address: 0.0.0.0}\n";
    /// The flags are checked against the Kubernetes 1.9 reference, which leaves out flags that were
    /// deprecated by then. A component exits at once if it is given an unknown flag.
    UNLISTED_FLAG = "W0539": "Flag not in the reference", "version: 1\ntarget: container-linux\nhostname: kube1\nnetwork: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\nkubernetes: {version: 1.9.6, role: single, extra_args: {scheduler: {bogus: 1}}}\n";
    /// A node that comes with its certificates has them signed before its address is known. What
    /// reaches kubelets by address, such as metrics-server, cannot verify such a certificate; the
    /// API server reaches them nevertheless.
    KUBELET_WITHOUT_ADDRESS = "W0540": "Kubelet certificate without an address", "version: 1\nkubernetes: {version: 1.36.2}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: control-plane}, network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker}}]\n";
    /// The API server admits a pod only if its service account, priority class and runtime class
    /// exist. A workload's controller tries again; a pod of its own is applied again by the node
    /// until they do.
    UNKNOWN_REFERENCE = "W0541": "Unknown object of a pod", "";
    /// The API server accepts the volume, but its driver is no longer part of Kubernetes, and the
    /// pod never starts.
    REMOVED_VOLUME_DRIVER = "W0542": "Removed volume driver", "";
    /// A worker keeps the certificate that it got for its token below `/var/lib/kubelet`. In
    /// memory, it is gone after a restart, and a token that has expired gets no other one.
    TOKEN_EXPIRES = "W0543": "Worker that cannot join again", "version: 1\nkubernetes: {version: 1.36.2, bootstrap_token_ttl: 24h}\nnodes: [{hostname: a, etcd: {}, kubernetes: {role: control-plane}, network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}}, {hostname: b, kubernetes: {role: worker, join: token}, network: {interfaces: [{name: eth0, addresses: [10.0.0.2/24]}]}}]\n";
    /// imgbuild has tables of what each release of Kubernetes takes: flags, feature gates, APIs. A
    /// release that came out later is built as the newest one of the tables.
    NEWER_KUBE_VERSION = "W0547": "Newer Kubernetes than known", "kubernetes: {version: 1.99.0, role: standalone}\n";
    /// The pod network does the work of kube-proxy, which runs too: which of the two leads a
    /// connection to its pod is left to chance.
    TWO_PROXIES = "W0548": "Pod network and kube-proxy do the same", "";
    /// Pods reach the API server at the first address of the service network. The agent of a pod
    /// network that replaces kube-proxy makes this address work, and must know another one.
    API_SERVER_UNKNOWN = "W0549": "Pod network that cannot reach the API server", "";
    /// `kind` says what the manifests of `cni` install, so that nodes get the modules, kernel
    /// parameters and open ports that the network needs.
    OTHER_NETWORK_INSTALLED = "W0550": "Kind of pod network differs from its manifests", "";
    /// Snapshots are stored on the node below /var/lib/imgbuild, which is in memory without
    /// `storage_device`.
    BACKUP_IN_MEMORY = "W0580": "Snapshots in memory", "etcd: {backup: {}}\n";
    /// Volumes of pods lie on the node below /var/lib/imgbuild, which is in memory without
    /// `storage_device`.
    VOLUMES_IN_MEMORY = "W0581": "Volumes in memory", "network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\netcd: {}\nkubernetes: {version: 1.36.2, role: single, storage: local-path}\n";

    // W06xx: configs of other tools.
    /// The config of another tool contains a setting that has no equivalent in a node spec, or that
    /// the target does not support. It is not imported; a comment marks its place.
    NOT_IMPORTED = "W0600": "Setting not imported", "";
}

impl std::fmt::Display for Explanation {
    /// Writes title, paragraph and example, ending in a line feed.
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

/// Returns the entry of `code`, which may be in lowercase.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    TABLE
        .iter()
        .find(|entry| entry.code.0.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TABLE;

    #[test]
    fn codes_are_in_numeric_order() {
        for pair in TABLE.windows(2) {
            let (one, next) = (pair[0].code.0, pair[1].code.0);
            assert!(one < next, "{next} is listed after {one}");
        }
    }

    #[test]
    fn titles_are_unique_headings() {
        let mut seen = BTreeSet::new();
        for entry in TABLE {
            let (code, title) = (entry.code.0, entry.title);
            assert!(
                seen.insert(title.to_lowercase()),
                "{code}: {title:?} is used twice"
            );
            // A name that is written in lowercase (etcd, ct) stays so.
            let is_heading = title.starts_with(|first: char| first.is_ascii_uppercase())
                || ["etcd ", "flannel ", "kube-proxy "]
                    .iter()
                    .any(|name| title.starts_with(name));
            assert!(
                is_heading && !title.ends_with('.'),
                "{code}: {title:?} is not a heading"
            );
        }
    }
}
