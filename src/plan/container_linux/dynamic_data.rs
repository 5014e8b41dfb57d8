//! ct's dynamic data: values such as `{PRIVATE_IPV4}`, which a node gets from its cloud when it
//! boots (coreos/container-linux-config-transpiler, `doc/dynamic-data.md`).

use crate::diagnostic::{Diagnostic, Located, codes};
use crate::spec::CtPlatform;

/// The names in a spec.
const FIELDS: [&str; 5] = [
    "HOSTNAME",
    "PRIVATE_IPV4",
    "PUBLIC_IPV4",
    "PRIVATE_IPV6",
    "PUBLIC_IPV6",
];

/// The variables that coreos-metadata writes on `platform`, in the order of [`FIELDS`]; empty if it
/// has none.
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

/// Returns whether `text` contains any.
pub(super) fn is_in(text: &str) -> bool {
    text.contains(['{', '}'])
}

/// Returns `text` with each `{NAME}` replaced by the variable of `platform`.
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
                "dynamic data requires a platform",
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
        let Some((name, rest_after)) = after.split_once('}') else {
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
                            "`{{{name}}}` is not provided by {}",
                            platform.value.as_str()
                        ),
                    )
                    .related(platform.span, "the platform")
                    .help(format!("it provides {}", known.join(", "))),
                );
            }
        }
        rest = rest_after;
    }
    whole.push_str(rest);
    whole
}
