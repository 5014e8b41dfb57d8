//! ct's sections for services, as lines of their units and files.

use super::super::Decider;
use super::dynamic_data;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::node::container_linux::{Wrapped, WrappedFlannel};
use crate::spec::{self, CtPlatform, CtValue, CtWrapped};

/// Returns `text` in double quotes, as ct writes it: its quotes and backslashes are escaped with a
/// backslash.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

impl Decider<'_> {
    /// A program with its flags.
    pub(super) fn wrapped(
        &mut self,
        written: &CtWrapped,
        platform: Option<Located<CtPlatform>>,
    ) -> Wrapped {
        let mut has_dynamic_data = false;
        let mut arguments = Vec::new();
        for (flag, value) in &written.flags {
            let value = match &value.value {
                CtValue::Plain(text) => text.clone(),
                CtValue::Text(text) if dynamic_data::is_in(text) => {
                    has_dynamic_data = true;
                    let text = Located::new(text.as_str(), value.span);
                    quoted(&dynamic_data::replaced(&text, platform, &mut self.found))
                }
                CtValue::Text(text) => quoted(text),
            };
            arguments.push(format!("--{flag}={value}"));
        }
        Wrapped {
            version: written.version.as_ref().map(|version| version.text.clone()),
            arguments,
            has_dynamic_data,
            span: written.span,
        }
    }

    /// Returns flannel, and what is stored in etcd for it.
    pub(super) fn wrapped_flannel(
        &mut self,
        written: &CtWrapped,
        platform: Option<Located<CtPlatform>>,
    ) -> WrappedFlannel {
        let text_of = |wanted: &str| {
            written
                .flags
                .iter()
                .find_map(|(flag, value)| match &value.value {
                    CtValue::Text(text) if *flag == wanted => Some(text.as_str()),
                    _ => None,
                })
        };
        let network_config = written.network_config.as_ref().map(|config| {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(config);
            if !parsed.is_ok_and(|json| json.is_object()) {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_CT_VALUE,
                        config.span,
                        "the flannel network configuration is not a JSON object",
                    )
                    .help(r#"write it like '{"Network": "10.1.0.0/16"}'"#),
                );
            }
            let manager = written
                .flags
                .iter()
                .find(|(flag, _)| *flag == "kube-subnet-mgr");
            if let Some((_, manager)) = manager
                && manager.value == CtValue::Plain("true".to_owned())
            {
                self.found.push(
                    Diagnostic::error(
                        codes::CONFLICTING_KEYS,
                        config.span,
                        "`network_config` and `kube_subnet_mgr` are mutually exclusive",
                    )
                    .related(manager.span, "flannel reads the network from Kubernetes")
                    .help("keep one of them"),
                );
            }
            let mut words = Vec::new();
            for (flag, argument) in [
                ("etcd-endpoints", "endpoints"),
                ("etcd-cafile", "ca-file"),
                ("etcd-certfile", "cert-file"),
                ("etcd-keyfile", "key-file"),
            ] {
                if let Some(text) = text_of(flag) {
                    words.push(format!("--{argument}={}", quoted(text)));
                }
            }
            words.push(format!("set /coreos.com/network/config {}", quoted(config)));
            words.join(" ")
        });
        WrappedFlannel {
            wrapped: self.wrapped(written, platform),
            network_config,
        }
    }

    /// Returns the lines of `/etc/coreos/update.conf`, from `update:` and `locksmith:`.
    pub(super) fn update(
        &mut self,
        written: &spec::ContainerLinux,
    ) -> Option<Located<Vec<String>>> {
        let mut lines = Vec::new();
        if let Some(update) = &written.update {
            if let Some(group) = &update.group {
                let group_name = group.as_str().to_ascii_lowercase();
                let known = ["stable", "beta", "alpha"].contains(&group_name.as_str());
                if !known && update.server.is_none() {
                    self.found.push(
                        Diagnostic::error(
                            codes::BAD_CT_VALUE,
                            group.span,
                            format!("`{}` is not a CoreOS channel", group.as_str()),
                        )
                        .help("use stable, beta or alpha, or set your own `server:`"),
                    );
                }
                lines.push(format!("GROUP={group_name}"));
            }
            if let Some(server) = &update.server {
                lines.push(format!("SERVER={}", server.as_str()));
            }
        }
        if let Some(locksmith) = &written.locksmith {
            let start = locksmith.window_start.as_ref();
            let length = locksmith.window_length.as_ref();
            if let Some(span) = match (start, length) {
                (Some(start), None) => Some(start.span),
                (None, Some(length)) => Some(length.span),
                _ => None,
            } {
                self.found.push(
                    Diagnostic::error(codes::BAD_CT_VALUE, span, "incomplete reboot window")
                        .help("set both `window_start` and `window_length`"),
                );
            }
            let line =
                |value: &Option<Located<spec::Line>>| value.as_ref().map(|v| v.as_str().to_owned());
            let settings = [
                (
                    "REBOOT_STRATEGY",
                    locksmith.reboot_strategy.map(|s| s.as_str().to_owned()),
                ),
                (
                    "LOCKSMITHD_REBOOT_WINDOW_START",
                    start.map(|s| s.value.0.clone()),
                ),
                (
                    "LOCKSMITHD_REBOOT_WINDOW_LENGTH",
                    length.map(|s| s.value.0.clone()),
                ),
                ("LOCKSMITHD_GROUP", line(&locksmith.group)),
                ("LOCKSMITHD_ENDPOINT", line(&locksmith.etcd_endpoints)),
                ("LOCKSMITHD_ETCD_CAFILE", line(&locksmith.etcd_cafile)),
                ("LOCKSMITHD_ETCD_CERTFILE", line(&locksmith.etcd_certfile)),
                ("LOCKSMITHD_ETCD_KEYFILE", line(&locksmith.etcd_keyfile)),
            ];
            for (name, value) in settings {
                lines.extend(value.map(|value| format!("{name}={}", quoted(&value))));
            }
        }
        let update = written.update.as_ref().map(|update| update.span);
        let span = update.or(written.locksmith.as_ref().map(|locksmith| locksmith.span))?;
        (!lines.is_empty()).then(|| Located::new(lines, span))
    }
}

/// docker's flags.
pub(super) fn docker(written: &spec::ContainerLinux) -> Option<Located<Vec<String>>> {
    let docker = written.docker.as_ref()?;
    let flags = docker.flags.iter().map(|flag| flag.as_str().to_owned());
    Some(Located::new(flags.collect(), docker.span))
}

/// Sets the address of the metadata service, which two platforms require.
pub(super) fn metadata_provider(
    platform: Option<Located<CtPlatform>>,
) -> Option<Located<&'static str>> {
    let platform = platform?;
    let is_told = matches!(
        platform.value,
        CtPlatform::OpenstackMetadata | CtPlatform::CloudstackConfigdrive
    );
    is_told.then(|| Located::new(platform.value.as_str(), platform.span))
}
