//! `ignition:`, except for its version: what Ignition fetches besides, and how.

use ignition_config::v3_4;
use serde_json::Value;

use super::Decider;
use super::files::remote;
use super::users::origin;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::systems::Target;
use crate::formats::json;
use crate::node::fragment::{Contents, Fragment};
use crate::spec::{self, Line, Resource};

/// The part in messages.
const PART: &str = "ignition";

impl Decider<'_> {
    pub(super) fn ignition_section(
        &mut self,
        section: &spec::IgnitionSection,
        target: Target,
        sections: &mut Fragment,
    ) {
        if let Some(configs) = &section.config {
            for merged in &configs.merge {
                let config = self.other_config(merged, target);
                sections
                    .head
                    .merged
                    .extend(config.map(|config| (config, origin(PART, merged.span))));
            }
            if let Some(replacing) = &configs.replace {
                let config = self.other_config(replacing, target);
                sections.head.replacing =
                    config.map(|config| (config, origin(PART, replacing.span)));
            }
        }
        let tls = section.security.as_ref().and_then(|it| it.tls.as_ref());
        for authority in tls.iter().flat_map(|tls| &tls.certificate_authorities) {
            let fetched = self.fetched(authority);
            sections
                .ignition_cas
                .extend(fetched.map(|(fetched, _)| (fetched, origin(PART, authority.span))));
        }
        sections.head.timeouts = section.timeouts.as_ref().map(|timeouts| v3_4::Timeouts {
            http_response_headers: timeouts.http_response_headers.map(|it| it.value.into()),
            http_total: timeouts.http_total.map(|it| it.value.into()),
        });
        sections.ignition_proxy =
            (section.proxy.as_ref()).map(|written| (proxy(written), origin(PART, written.span)));
    }

    /// Returns what Ignition fetches, and the bytes if the spec has them.
    fn fetched(&mut self, written: &Resource) -> Option<(v3_4::Resource, Option<Vec<u8>>)> {
        Some(match self.contents(written)? {
            Contents::Inline(bytes) => (crate::data_url::resource(&bytes), Some(bytes)),
            Contents::Remote(_) => (remote(written), None),
        })
    }

    /// Returns another config, which has to be one if the spec has it.
    fn other_config(&mut self, written: &Resource, target: Target) -> Option<v3_4::Resource> {
        let Some((resource, bytes)) = self.fetched(written) else {
            let is_empty = written.inline.is_none() && written.local.is_none();
            if is_empty {
                self.not_a_config(
                    written.span,
                    "it has neither `inline`, `local` nor `source`",
                );
            }
            return None;
        };
        if let Some(why) = bytes.and_then(|bytes| why_not_a_config(&bytes, target)) {
            let inline = written.inline.as_ref().map(|inline| inline.span);
            let local = written.local.as_ref().map(|local| local.span);
            self.not_a_config(inline.or(local).unwrap_or(written.span), &why);
            return None;
        }
        Some(resource)
    }

    fn not_a_config(&mut self, span: Span, why: &str) {
        self.found.push(
            Diagnostic::error(
                codes::NOT_AN_IGNITION_CONFIG,
                span,
                "not an Ignition config",
            )
            .label(why)
            .help("build it with `imgbuild SPEC -o NAME.ign`, or with Butane"),
        );
    }
}

/// Returns why Ignition would not read `bytes` as a config.
fn why_not_a_config(bytes: &[u8], target: Target) -> Option<String> {
    let config: Value = match json::parse(bytes) {
        Ok(config) => config,
        Err(why) => return Some(format!("it is not JSON: {why}")),
    };
    let Some(version) = config["ignition"]["version"].as_str() else {
        return Some("it has no `ignition.version`".to_owned());
    };
    let newest = target.facts().ignition.iter().max()?.as_str();
    let number = |version: &str| -> Option<[u64; 3]> {
        let parts: Vec<_> = version
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?;
        parts.try_into().ok()
    };
    let is_known =
        number(version).is_some_and(|version| version[0] == 3 && Some(version) <= number(newest));
    (!is_known).then(|| {
        format!(
            "its version is {}; {} supports 3.0.0 to {newest}",
            version.escape_debug(),
            target.facts().title
        )
    })
}

fn proxy(written: &spec::IgnitionProxy) -> v3_4::Proxy {
    let line = |line: &Option<Located<Line>>| line.as_ref().map(|line| line.as_str().to_owned());
    let without = written.no_proxy.iter();
    let without: Vec<_> = without.map(|host| host.as_str().to_owned()).collect();
    v3_4::Proxy {
        http_proxy: line(&written.http_proxy),
        https_proxy: line(&written.https_proxy),
        no_proxy: (!without.is_empty()).then_some(without),
    }
}
