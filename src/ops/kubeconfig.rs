//! The kubeconfig of a cluster's administrator.

use std::str::FromStr;

use crate::node::Node;
use crate::pki::{Access, Kubeconfig};

use super::keys::no_control_plane;
use super::{Result, Session, SpecFile};

/// The URL of an API server: `https://`, a host and perhaps a port and a path, without what YAML or
/// a URL would read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// With its `https://`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerUrl {
    type Err = String;

    /// The `https://` may be left out.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            Err(format!(
                "`{text}` is not a server URL: {why}; write it as in https://192.168.1.10:6443"
            ))
        };
        let rest = match text.split_once("://") {
            Some(("https", rest)) => rest,
            Some(_) => return wrong("the API is served over https only"),
            None => text,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]/~".contains(&b);
        if rest.is_empty() || rest.starts_with(['/', ':']) {
            return wrong("it has no host");
        }
        if !rest.bytes().all(plain) || rest.ends_with(':') {
            return wrong("it is not a URL");
        }
        Ok(Self(format!("https://{rest}")))
    }
}

/// The administrator's kubeconfig of the cluster of `spec`, as YAML; it holds a private key.
/// `server` is how its user reaches the API; `None`: the spec's endpoint, else the first control
/// plane.
///
/// Keys that are missing are made and kept: with others, the kubeconfig would be of no use.
pub fn kubeconfig(
    spec: &SpecFile,
    server: Option<&ServerUrl>,
    session: &mut Session<'_>,
) -> Result<String> {
    let cluster = spec.decide(Access::Write, session)?;
    let administration = (cluster.nodes.iter())
        .find_map(Node::administration)
        .ok_or_else(|| no_control_plane(&spec.path))?;
    let kubeconfig = Kubeconfig {
        cluster: &cluster.name,
        server: server.map_or(&administration.server, ServerUrl::as_str),
        certificate_authority: administration.authorities,
        user: "kubernetes-admin",
        client: administration.client,
    };
    Ok(kubeconfig.to_yaml())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers() {
        for (text, want) in [
            ("https://10.0.0.1:6443", Some("https://10.0.0.1:6443")),
            ("api.lab:6443", Some("https://api.lab:6443")),
            ("https://[fd00::10]:6443", Some("https://[fd00::10]:6443")),
            ("http://10.0.0.1", None),
            ("https://", None),
            ("https:///a", None),
            ("https://a b", None),
            ("https://a\nb", None),
            ("https://a:", None),
        ] {
            let server = text.parse::<ServerUrl>().ok();
            assert_eq!(server.as_ref().map(ServerUrl::as_str), want, "{text}");
        }
    }
}
