//! `imgbuild kubeconfig`

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;

use crate::diagnostic::Sources;
use crate::node::Cluster;
use crate::node::container_linux::HyperkubeTls;
use crate::pack::output::Output;
use crate::pki::{Access, Kubeconfig};

use super::args::KubeconfigOf;
use super::keys::control_plane;
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::SpecFile;

/// Prints the administrator's kubeconfig, or writes it into a file that nobody else can read.
pub fn run(
    command: &KubeconfigOf,
    sources: &mut Sources,
    messages: Messages,
) -> Result<(), Failure> {
    let server = command.server.as_deref().map(server_of).transpose()?;
    let file = SpecFile::new(&command.of.spec, command.of.keys.as_deref());
    // A kubeconfig whose keys are not kept would be useless: missing keys are made and kept.
    let cluster = file.decide(Access::Write, sources, messages)?;
    let text = if let Some((outside, tls)) = hyperkube(&cluster) {
        Kubeconfig {
            cluster: &cluster.name,
            server: server.as_deref().unwrap_or(&outside),
            certificate_authority: &tls.authority,
            user: "kubernetes-admin",
            client: &tls.admin,
        }
        .to_yaml()
    } else {
        let plane = control_plane(&cluster, &file.path)?;
        Kubeconfig {
            cluster: &cluster.name,
            server: server.as_deref().unwrap_or(&plane.outside),
            certificate_authority: &plane.keys.trusted_authorities,
            user: "kubernetes-admin",
            client: &plane.keys.admin,
        }
        .to_yaml()
    };
    match &command.output {
        None => {
            let mut out = std::io::stdout();
            out.write_all(text.as_bytes())
                .and_then(|()| out.flush())
                .context("writing to standard output")?;
        }
        Some(path) => {
            let mut out = Output::create(path, true)?;
            out.file()
                .write_all(text.as_bytes())
                .with_context(|| format!("writing {}", path.display()))?;
            out.commit()?;
        }
    }
    Ok(())
}

/// The API of Kubernetes 1.9 over TLS, where a node of `cluster` serves it: its URL and its keys.
fn hyperkube(cluster: &Cluster) -> Option<(String, &HyperkubeTls)> {
    cluster.nodes.iter().find_map(|node| {
        let own = node.container_linux.as_ref()?;
        let api = own.kubernetes.as_ref()?.api.as_ref()?;
        let address = SocketAddr::new(api.advertise, api.secure_port?);
        Some((
            format!("https://{address}"),
            api.keys.as_ref()?.tls.as_ref()?,
        ))
    })
}

/// `https://`, a host and perhaps a port and a path: what a kubeconfig accepts, without characters
/// that YAML or a URL would interpret.
fn server_of(text: &str) -> Result<String, Failure> {
    let wrong = |why: &str| {
        Failure::Usage(format!(
            "`{text}` is not a server URL: {why}; write it as in https://192.168.1.10:6443"
        ))
    };
    let rest = match text.split_once("://") {
        Some(("https", rest)) => rest,
        Some(_) => return Err(wrong("the API is served over https only")),
        None => text,
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]/~".contains(&b);
    if rest.is_empty() || rest.starts_with(['/', ':']) {
        return Err(wrong("it has no host"));
    }
    if !rest.bytes().all(plain) || rest.ends_with(':') {
        return Err(wrong("it is not a URL"));
    }
    Ok(format!("https://{rest}"))
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
            assert_eq!(server_of(text).ok().as_deref(), want, "{text}");
        }
    }
}
