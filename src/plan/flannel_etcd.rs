//! The etcd that flannel for docker containers uses.

use super::Decider;
use super::etcd::Draft as EtcdDraft;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::pki::bundles::EtcdClient;
use crate::spec::{self, EtcdUrl};

/// The etcd that flannel on a node uses.
pub(super) struct FlannelEtcd {
    pub endpoints: Vec<String>,
    pub tls: Option<EtcdClient>,
    /// Whether nodes in the file run it.
    pub of_file: bool,
}

impl Decider<'_> {
    /// Returns the etcd for a node whose own member is `own`, if it has one: what the spec sets,
    /// else that member, else all members in the file.
    pub(super) fn flannel_etcd(
        &mut self,
        written: &spec::Flannel,
        own: Option<&EtcdDraft>,
        etcd: &[Option<EtcdDraft>],
    ) -> Option<FlannelEtcd> {
        if let Some(external) = &written.external_etcd {
            let etcd = self.external_etcd(external)?;
            return Some(FlannelEtcd {
                endpoints: etcd.endpoints,
                tls: Some(etcd.keys),
                of_file: false,
            });
        }
        if !written.etcd_endpoints.is_empty() {
            return self.flannel_endpoints(written, own, etcd);
        }
        let endpoints = match own {
            Some(own) => vec![own.member.own_endpoint()],
            None => etcd
                .iter()
                .flatten()
                .flat_map(|etcd| etcd.member.advertise_client_urls.clone())
                .collect(),
        };
        if endpoints.is_empty() {
            self.found.push(
                Diagnostic::error(
                    codes::FLANNEL_WITHOUT_ETCD,
                    written.span,
                    "flannel keeps its subnets in etcd, and no node in this file runs etcd",
                )
                .help("add `etcd: {}` to a node, or specify your own as `external_etcd:`"),
            );
            return None;
        }
        Some(FlannelEtcd {
            endpoints,
            tls: None,
            of_file: true,
        })
    }

    /// Returns the endpoints that the spec sets: either all members in the file or none.
    fn flannel_endpoints(
        &mut self,
        written: &spec::Flannel,
        own: Option<&EtcdDraft>,
        etcd: &[Option<EtcdDraft>],
    ) -> Option<FlannelEtcd> {
        let mut urls: Vec<(&String, bool)> = Vec::new();
        for draft in etcd.iter().flatten() {
            urls.extend(
                draft
                    .member
                    .advertise_client_urls
                    .iter()
                    .map(|url| (url, draft.tls)),
            );
        }
        if let Some(own) = own {
            urls.extend(
                own.member
                    .listen_client_urls
                    .iter()
                    .map(|url| (url, own.tls)),
            );
        }
        let known: Vec<(EtcdUrl, bool)> = urls
            .into_iter()
            .filter_map(|(url, tls)| Some((EtcdUrl::parse(url).ok()?, tls)))
            .collect();
        let mut right = true;
        let mut wrong = |at: &Located<EtcdUrl>, message: String, help: &str| {
            right = false;
            let error = Diagnostic::error(codes::BAD_EXTERNAL_ETCD, at.span, message);
            self.found.push(error.help(help));
        };
        let mut of_file = None;
        for url in &written.etcd_endpoints {
            let member =
                (known.iter()).find(|(own, _)| own.host == url.host && own.port == url.port);
            match member {
                Some((_, tls)) if *tls != url.https => {
                    let talks = if *tls { "https" } else { "http" };
                    wrong(
                        url,
                        format!(
                            "the etcd member in this file at `{}` uses {talks}",
                            url.as_str()
                        ),
                        "remove `etcd_endpoints`: flannel already knows the members in this file",
                    );
                }
                None if url.https => wrong(
                    url,
                    format!(
                        "flannel has no keys for `{}`, which is not a member in this file",
                        url.as_str()
                    ),
                    "specify it with its keys: `external_etcd: {endpoints: […], ca: …, cert: …, \
                     key: …}`",
                ),
                _ if *of_file.get_or_insert(member.is_some()) != member.is_some() => wrong(
                    url,
                    "some endpoints are members in this file, others are not".to_owned(),
                    "list the endpoints of one cluster only",
                ),
                _ => {}
            }
        }
        let of_file = of_file?;
        right.then(|| FlannelEtcd {
            endpoints: (written.etcd_endpoints.iter())
                .map(|url| url.as_str().to_owned())
                .collect(),
            tls: None,
            of_file,
        })
    }
}
