//! Every code that a diagnostic can carry, with what `imgbuild explain` says about it.
//!
//! One table for all rooms, so that a code is never given twice: E00xx files and YAML, E01xx structure and values, E02xx
//! checks across fields, E03xx Ignition and Butane, E04xx keys. A code is never reused for something else. The example of
//! an entry is a spec, or the lines of one that follow `version: 1` and `hostname: kube1`; a test reads each and looks for
//! its code. What needs more than one file, or bytes that YAML cannot hold, has an empty example and a case of its own
//! under `tests/wrong_specs/`.

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
    /// A spec has at most 1 MiB, and a file that it names at most 64 MiB. Larger ones are refused before they are read. Let
    /// Ignition fetch large files on the node with `source:`.
    FILE_TOO_LARGE = "E0002": "a file is too large", "";
    /// YAML is read as UTF-8 only. Convert the file, for example with `iconv -t UTF-8`.
    NOT_UTF8 = "E0003": "a file is not UTF-8", "";
    /// The text is not YAML 1.2.
    YAML_SYNTAX = "E0004": "YAML syntax error", "users: [\n";
    /// Lists and maps are nested more than 64 deep, which no spec needs.
    TOO_DEEP = "E0005": "too deeply nested", "";
    /// With its aliases written out the file has more than 100,000 values or 8 MiB of text. A small file full of aliases can
    /// stand for gigabytes (the "billion laughs" attack), so there is a limit.
    TOO_MANY_VALUES = "E0006": "too many values", "";
    /// A key is written twice in one map. YAML forbids it, and which of the two was meant cannot be known.
    DUPLICATE_KEY = "E0007": "duplicate key", "sysctls: {vm.swappiness: 1, vm.swappiness: 2}\n";
    /// `*name` refers to the value that `&name` marked earlier in the same file.
    UNKNOWN_ALIAS = "E0008": "unknown alias", "users: *nobody\n";
    /// `<<` belongs to YAML 1.1. Use `include:` or `nodes:` to share settings, or alias whole values.
    MERGE_KEY = "E0009": "merge keys are not supported", "network:\n  <<: {}\n";
    /// A spec is one YAML document. Several nodes go under `nodes:`.
    SEVERAL_DOCUMENTS = "E0010": "more than one YAML document", "---\nversion: 1\n";
    /// A key is plain text, not a list, a map or nothing.
    KEY_NOT_TEXT = "E0011": "a key is not text", "sysctls:\n  [a, b]: 1\n";
    /// Only `!!str`, which makes text of what would be a number, is understood; types come from the spec's keys.
    UNKNOWN_TAG = "E0012": "unknown YAML tag", "users: !secret []\n";
    /// YAML text has no control characters other than tab and line breaks (YAML 1.2.2 §5.1).
    CONTROL_CHARACTER = "E0013": "control character", "";
    /// The file holds no value at all, only comments or white space.
    EMPTY_FILE = "E0014": "the file is empty", "";
    /// A file includes itself, directly or through others.
    INCLUDE_CYCLE = "E0015": "cycle of includes", "";
    /// Files that a spec names lie in the spec's folder or below it, after symbolic links are followed, so that a spec from
    /// elsewhere cannot put your private files into an image.
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
    /// The key is followed by nothing. Write `{}` or `[]` for an empty value, or leave the key out. In a node or an including
    /// file, `~` takes away what the shared part set.
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
    /// A mode is written in octal with a leading 0, as in 0644. YAML 1.2 reads 644 and 420 as decimal numbers.
    BAD_MODE = "E0109": "not a file mode", "storage: {files: [{path: /a, mode: 644}]}\n";
    /// RFC 1123: labels of letters, digits and `-`, joined by dots; on Linux at most 64 characters in lower case.
    BAD_HOSTNAME = "E0110": "not a host name", "network: {hosts: {192.168.1.1: [kube_2]}}\n";
    /// As useradd(8) takes it: a lower-case letter or `_`, then letters, digits, `_` and `-`, at most 32 in all.
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
    /// A unit has one of systemd's types at its end and letters, digits and `:-_.\@` before (systemd.unit(5)).
    BAD_UNIT_NAME = "E0118": "not a unit name", "systemd: {units: [{name: a.servce}]}\n";
    /// A URL with a scheme that the key takes and a host.
    BAD_URL = "E0119": "not a URL", "etcd: {listen_client_urls: ['127.0.0.1:2379']}\n";
    /// A line as in authorized_keys(5): type, key in base64, comment. Never the private key.
    BAD_SSH_KEY = "E0120": "not an SSH public key", "users: [{name: core, ssh_authorized_keys: [ssh-ed25519]}]\n";
    /// A hash as crypt(5) makes it, `$6$…` from `openssl passwd -6`; `*` locks the password. Plain text is refused because the
    /// spec, and the image, are read by many: use `password_file:`.
    BAD_PASSWORD_HASH = "E0121": "not a password hash", "users: [{name: core, password_hash: hunter2}]\n";
    /// A number of bytes with a unit: 512MiB, 2GiB.
    BAD_SIZE = "E0122": "not a size", "swap: {zram: {size: big}}\n";
    /// A port from 1 to 65535, or a range of them: 8000-8010.
    BAD_PORT = "E0123": "not a port", "network: {firewall: {allow: [{port: 0, protocol: tcp}]}}\n";
    /// A key as sysctl(8) takes it, with dots: net.ipv4.ip_forward.
    BAD_SYSCTL = "E0124": "not a sysctl key", "sysctls: {'net ipv4': 1}\n";
    /// A name that one of the node's programs takes as part of a file name or a line of settings: letters, digits and a few
    /// marks, without white space.
    BAD_NAME = "E0125": "not a valid name", "modules: ['br netfilter']\n";
    /// One argument of the kernel's command line. White space only inside double quotes.
    BAD_KERNEL_ARGUMENT = "E0126": "not a kernel argument", "kernel_arguments: ['quiet splash']\n";
    /// A digest as Ignition takes it: sha256- or sha512- and the hexadecimal digits.
    BAD_DIGEST = "E0127": "not a digest", "storage: {files: [{path: /a, contents: {inline: a, verification: {hash: sha256-12}}}]}\n";
    /// A UUID or GUID of 32 hexadecimal digits in five groups (RFC 9562).
    BAD_UUID = "E0128": "not a UUID", "storage: {disks: [{device: /dev/vda, partitions: [{label: a, guid: '12'}]}]}\n";
    /// The version of the spec's own language; there is one so far.
    BAD_VERSION = "E0129": "unknown version of the spec", "version: 2\nhostname: kube1\n";
    /// `kubernetes:` is read by the next version of imgbuild.
    KUBERNETES_NOT_YET = "E0130": "Kubernetes comes with the next version", "kubernetes: {role: single}\n";
    /// The target is planned, and not yet built.
    TARGET_NOT_YET = "E0131": "target not supported yet", "target: flatcar\n";
    /// Each of `nodes:` has a host name of its own; one beside `nodes:` would be everybody's.
    HOSTNAME_BESIDE_NODES = "E0132": "a host name beside `nodes`", "nodes: [{hostname: kube2}]\n";
    /// A certificate authority is one or more certificates in PEM.
    BAD_CERTIFICATE = "E0133": "not a certificate in PEM", "ca_certificates: [{name: site, inline: no certificate}]\n";
    /// The text holds a NUL or a line break where a single line is needed.
    NOT_ONE_LINE = "E0134": "not a single line", "network: {interfaces: [{name: eth0, search: [\"a\\nb\"]}]}\n";

    // W01xx: structure and values.
    /// A pattern under `ssh_authorized_keys_local` matches no file, so that nobody may be able to log in.
    NO_SSH_KEY_FOUND = "W0100": "no SSH key found", "";

    // E03xx: Ignition and the units in it.
    /// imgbuild writes this itself, from another part of the spec. A file or link with `overwrite: true` is taken instead, with a
    /// warning; a unit is changed by a drop-in; a user or disk is written in one place.
    ALREADY_THERE = "E0300": "imgbuild writes it itself", "storage: {files: [{path: /etc/hostname, contents: {inline: a}}]}\n";
    /// A file, a link or a unit has nothing below it.
    BELOW_A_FILE = "E0301": "a path below a file", "storage: {files: [{path: /etc/hostname/a}]}\n";
    /// Ignition writes units to /etc/systemd/system, drop-ins to a folder there.
    UNIT_AND_FILE = "E0302": "a file where a unit is written", "storage: {files: [{path: /etc/systemd/system/a.service}]}\nsystemd: {units: [{name: a.service, contents: \"[Service]\\nExecStart=/bin/true\\n\"}]}\n";
    /// /usr is the image, the same on every node and read-only. /usr/local is not part of it.
    READ_ONLY_PATH = "E0303": "a path on the image", "storage: {files: [{path: /usr/bin/a}]}\n";
    /// Ignition's specification 3.3.0, the node's, has no set-user-ID, set-group-ID and sticky bits.
    SPECIAL_MODE = "E0304": "a mode that Ignition does not set", "storage: {files: [{path: /opt/a, mode: 04755}]}\n";
    /// Ignition fetches by data, http, https, tftp, s3, arn and gs. A `data:` URL is as in RFC 2397.
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

    // W03xx: Ignition and the units in it.
    /// `overwrite: true`, or `mask: true` for a unit, takes the place of what imgbuild writes itself.
    GENERATED_REPLACED = "W0300": "a generated file is replaced", "storage: {files: [{path: /etc/hostname, overwrite: true, contents: {inline: a}}]}\n";
    /// `enabled: true` does what the unit's `[Install]` section says. Without one nothing starts it.
    NEVER_STARTED = "W0301": "enabled, and started by nothing", "systemd: {units: [{name: a.service, enabled: true, contents: \"[Service]\\nExecStart=/bin/true\\n\"}]}\n";
    /// systemd 257 does not know the setting, and ignores it.
    UNHEARD_OF_SETTING = "W0302": "a setting that systemd ignores", "systemd: {units: [{name: a.service, contents: \"[Service]\\nExecStart=/bin/true\\nQuux=1\\n\"}]}\n";
    /// What comes over plain HTTP or TFTP can be changed on its way, and nothing would tell.
    UNVERIFIED_FETCH = "W0303": "fetched without a check", "storage: {files: [{path: /opt/a, contents: {source: 'http://example.com/a'}}]}\n";
    /// The kernel's names of cards, eth0 and eth1, follow the order in which it finds them, which may change.
    CARDS_BY_ORDER = "W0304": "cards by their order", "network: {interfaces: [{name: eth0, dhcp: true}, {name: eth1, dhcp: true}]}\n";
}

/// The entry of `code`, which may be written in lower case.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    TABLE
        .iter()
        .find(|entry| entry.code.0.eq_ignore_ascii_case(code))
}
