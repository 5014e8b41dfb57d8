//! How a text is known to contain a secret: one list, for everything that warns of secrets or hides
//! them.

/// Texts that only secrets contain: private keys in PEM (RFC 7468) or OpenSSH's format, and the
/// client keys and bearer tokens of kubeconfigs, which are YAML or JSON, and WireGuard's keys in
/// its own files, networkd's and `NetworkManager`'s (flags of programs may end in the words of the
/// last, so that these begin a line).
const MARKS: [&str; 11] = [
    "PRIVATE KEY-----",
    "client-key-data:",
    "client-key-data\":",
    "token:",
    "token\":",
    "PrivateKey=",
    "PrivateKey =",
    "PresharedKey=",
    "PresharedKey =",
    "\nprivate-key=",
    "\npreshared-key=",
];

/// Keys that end in a mark and are no secrets: etcd's token names a cluster and protects nothing.
const EXEMPT: [&str; 1] = ["initial-cluster-token:"];

/// Returns whether `bytes` contain a private key or a token.
pub fn has_secret(bytes: &[u8]) -> bool {
    MARKS.iter().any(|mark| {
        bytes
            .windows(mark.len())
            .enumerate()
            .filter(|(_, window)| *window == mark.as_bytes())
            .any(|(start, _)| !is_exempt(&bytes[..start + mark.len()]))
    })
}

/// Returns whether the mark that `text` ends in is the end of an exempt key.
fn is_exempt(text: &[u8]) -> bool {
    EXEMPT.iter().any(|key| text.ends_with(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::has_secret;

    #[test]
    fn secrets_are_known_by_their_marks() {
        for (text, expected) in [
            ("-----BEGIN PRIVATE KEY-----\nMC4C\n", true),
            ("-----BEGIN EC PRIVATE KEY-----\n", true),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", true),
            ("users:\n- user:\n    client-key-data: LS0t\n", true),
            (
                "users:\n- user:\n    token: abcdef.0123456789abcdef\n",
                true,
            ),
            (r#"{"users":[{"user":{"token":"abc"}}]}"#, true),
            (r#"{"user": {"client-key-data": "LS0t"}}"#, true),
            ("[Interface]\nPrivateKey = abc=\n", true),
            ("[WireGuardPeer]\nPresharedKey=abc=\n", true),
            ("[wireguard]\nprivate-key=abc=\n", true),
            ("[wireguard-peer.abc=]\npreshared-key=abc=\n", true),
            ("ExecStart=/usr/bin/a --tls-private-key=/etc/a.key\n", false),
            ("initial-cluster-token: lab\ntoken: abc\n", true),
            ("initial-cluster-token: lab\n", false),
            ("-----BEGIN CERTIFICATE-----\n", false),
            ("-----BEGIN PUBLIC KEY-----\n", false),
            ("", false),
        ] {
            assert_eq!(has_secret(text.as_bytes()), expected, "{text:?}");
        }
    }
}
