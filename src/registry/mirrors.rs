//! Mirrors that are used in place of registries, such as those of a closed network.

use std::str::FromStr;

/// Mirrors of registries, in the order of the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors(Vec<Mirror>);

/// One `FROM=TO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The mirrored registry: `registry.k8s.io`.
    pub from: String,
    pub to: Place,
}

/// The location of a registry: its host, whether it uses TLS, and the prefix of its repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// With its port, if any.
    pub host: String,
    pub plain: bool,
    /// Without leading and trailing slashes; may be empty.
    pub prefix: String,
}

impl Mirrors {
    pub fn new(all: impl IntoIterator<Item = Mirror>) -> Self {
        Self(all.into_iter().collect())
    }

    /// The location to use for `registry`: its first mirror, or the registry itself.
    pub fn place(&self, registry: &str) -> Place {
        match self.0.iter().find(|mirror| mirror.from == registry) {
            Some(mirror) => mirror.to.clone(),
            None => Place {
                host: registry.to_owned(),
                plain: super::http::is_loopback(registry),
                prefix: String::new(),
            },
        }
    }
}

impl FromStr for Mirror {
    type Err = String;

    /// `registry.k8s.io=mirror.example:5000`, `docker.io=http://10.0.0.1:5000/hub`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text
            .split_once('=')
            .ok_or("a mirror is written as FROM=TO, as in registry.k8s.io=mirror.example:5000")?;
        if from.is_empty() || from.contains('/') {
            return Err(format!("`{from}` is not a registry's host name"));
        }
        Ok(Self {
            from: from.to_owned(),
            to: to.parse()?,
        })
    }
}

impl FromStr for Place {
    type Err = String;

    /// A host, optionally with a port, a scheme (default: `https://`) and a path.
    fn from_str(text: &str) -> Result<Self, String> {
        let (plain, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(true), rest),
            Some(("https", rest)) => (Some(false), rest),
            Some((scheme, _)) => return Err(format!("`{scheme}` is neither http nor https")),
            None => (None, text),
        };
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
        if host.is_empty() || !host.bytes().all(allowed) {
            return Err(format!("`{text}` has no host"));
        }
        Ok(Self {
            host: host.to_owned(),
            plain: plain.unwrap_or_else(|| super::http::is_loopback(host)),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (text, want) in [
            ("a=b.example", Some(("b.example", false, ""))),
            (
                "a=b.example:5000/k8s/",
                Some(("b.example:5000", false, "k8s")),
            ),
            ("a=http://b", Some(("b", true, ""))),
            ("a=127.0.0.1:5000", Some(("127.0.0.1:5000", true, ""))),
            (
                "a=https://localhost:5000",
                Some(("localhost:5000", false, "")),
            ),
            ("a=[::1]:5000", Some(("[::1]:5000", true, ""))),
            ("a", None),
            ("=b", None),
            ("a=", None),
            ("a/x=b", None),
            ("a=ftp://b", None),
            ("a=b c", None),
        ] {
            let got = text.parse::<Mirror>().ok().map(|m| m.to);
            let got = got
                .as_ref()
                .map(|p| (p.host.as_str(), p.plain, p.prefix.as_str()));
            assert_eq!(got, want, "{text}");
        }
    }
}
