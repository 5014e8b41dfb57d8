//! ct's dynamic data: `{PRIVATE_IPV4}` and the like, which a node learns from its cloud when it
//! boots (coreos/container-linux-config-transpiler, `doc/dynamic-data.md`).

use crate::diagnostic::{Diagnostic, Located, codes};
use crate::spec::CtPlatform;

/// The names that a spec writes.
const FIELDS: [&str; 5] = [
    "HOSTNAME",
    "PRIVATE_IPV4",
    "PUBLIC_IPV4",
    "PRIVATE_IPV6",
    "PUBLIC_IPV6",
];

/// The variables that coreos-metadata writes on `platform`, in the order of [`FIELDS`]; empty where
/// it has none.
fn variables(platform: CtPlatform) -> [&'static str; 5] {
    match platform {
        CtPlatform::Azure => [
            "",
            "COREOS_AZURE_IPV4_DYNAMIC",
            "COREOS_AZURE_IPV4_VIRTUAL",
            "",
            "",
        ],
        CtPlatform::DigitalOcean => [
            "COREOS_DIGITALOCEAN_HOSTNAME",
            "COREOS_DIGITALOCEAN_IPV4_PRIVATE_0",
            "COREOS_DIGITALOCEAN_IPV4_PUBLIC_0",
            "COREOS_DIGITALOCEAN_IPV6_PRIVATE_0",
            "COREOS_DIGITALOCEAN_IPV6_PUBLIC_0",
        ],
        CtPlatform::Ec2 => [
            "COREOS_EC2_HOSTNAME",
            "COREOS_EC2_IPV4_LOCAL",
            "COREOS_EC2_IPV4_PUBLIC",
            "",
            "",
        ],
        CtPlatform::Gce => [
            "COREOS_GCE_HOSTNAME",
            "COREOS_GCE_IP_LOCAL_0",
            "COREOS_GCE_IP_EXTERNAL_0",
            "",
            "",
        ],
        CtPlatform::Packet => [
            "COREOS_PACKET_HOSTNAME",
            "COREOS_PACKET_IPV4_PRIVATE_0",
            "COREOS_PACKET_IPV4_PUBLIC_0",
            "",
            "COREOS_PACKET_IPV6_PUBLIC_0",
        ],
        CtPlatform::OpenstackMetadata => [
            "COREOS_OPENSTACK_HOSTNAME",
            "COREOS_OPENSTACK_IPV4_LOCAL",
            "COREOS_OPENSTACK_IPV4_PUBLIC",
            "",
            "",
        ],
        CtPlatform::VagrantVirtualbox => [
            "COREOS_VAGRANT_VIRTUALBOX_HOSTNAME",
            "COREOS_VAGRANT_VIRTUALBOX_PRIVATE_IPV4",
            "",
            "",
            "",
        ],
        CtPlatform::CloudstackConfigdrive => ["CLOUDSTACK_LOCAL_HOSTNAME", "", "", "", ""],
        CtPlatform::Custom => [
            "COREOS_CUSTOM_HOSTNAME",
            "COREOS_CUSTOM_PRIVATE_IPV4",
            "COREOS_CUSTOM_PUBLIC_IPV4",
            "COREOS_CUSTOM_PRIVATE_IPV6",
            "COREOS_CUSTOM_PUBLIC_IPV6",
        ],
    }
}

/// Whether `text` has any.
pub(super) fn is_in(text: &str) -> bool {
    text.contains(['{', '}'])
}

/// `text` with each `{NAME}` as the variable of `platform` that holds it.
pub(super) fn replaced(
    text: &Located<&str>,
    platform: Option<Located<CtPlatform>>,
    found: &mut Vec<Diagnostic>,
) -> String {
    let Some(platform) = platform else {
        found.push(
            Diagnostic::error(
                codes::BAD_DYNAMIC_DATA,
                text.span,
                "dynamic data, and no platform that it could come from",
            )
            .help(format!(
                "add `platform:`, one of {}",
                CtPlatform::WORDS.join(", ")
            )),
        );
        return text.value.to_owned();
    };
    let variables = variables(platform.value);
    let mut whole = String::new();
    let mut rest = text.value;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        whole.push_str(before);
        let at = FIELDS.iter().position(|field| *field == name);
        match at.map(|at| variables[at]) {
            Some(variable) if !variable.is_empty() => {
                whole.push_str("${");
                whole.push_str(variable);
                whole.push('}');
            }
            _ => {
                let known = FIELDS.iter().zip(variables).filter(|(_, v)| !v.is_empty());
                let known: Vec<_> = known.map(|(field, _)| format!("{{{field}}}")).collect();
                found.push(
                    Diagnostic::error(
                        codes::BAD_DYNAMIC_DATA,
                        text.span,
                        format!(
                            "`{{{name}}}` is nothing that {} tells",
                            platform.value.as_str()
                        ),
                    )
                    .related(platform.span, "the platform")
                    .help(format!("it tells {}", known.join(", "))),
                );
            }
        }
        rest = behind;
    }
    whole.push_str(rest);
    whole
}
