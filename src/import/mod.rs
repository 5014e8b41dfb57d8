//! Converts the configs of other tools to a node spec: Butane configs, Container Linux Configs (ct)
//! and Ignition configs of specification 2 and 3.
//!
//! `storage`, `systemd` and `passwd` of a node spec are Butane's, so most of a config is copied as
//! it is, with its comments. What has no equivalent in a node spec is left out and reported; the
//! schema of the node spec decides.

mod boot_device;
mod butane;
mod comments;
mod ct;
mod fit;
mod grub;
mod ignition;
mod ignition_v2;
mod item;
mod name;
mod target;
mod write;

use crate::diagnostic::{Diagnostic, Severity, SourceId, Span, codes};
use crate::facts::systems::SpecKeys;
use crate::names::Hostname;
use crate::spec::yaml::{Limits, Node, parse};

use item::{Item, Value};

/// The last minor version of Ignition's specification 2.
const V2_MINOR_MAX: u64 = 4;

/// Sections that identify a Container Linux Config.
const SECTIONS: [&str; 9] = [
    "etcd",
    "flannel",
    "docker",
    "locksmith",
    "update",
    "networkd",
    "systemd",
    "storage",
    "passwd",
];

/// Settings that other tools know and a node spec does not, and that a node cannot do without if
/// its config has them: they decide where data is and who can read it.
const NEEDED: [&str; 6] = [
    "boot_device",
    "grub",
    "storage.files.contents.remote",
    "storage.files.filesystem",
    "storage.filesystems.mount",
    "storage.luks.cex",
];

/// Settings that a config does not contain.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The node's name, overriding the one in the config.
    pub hostname: Option<Hostname>,
    /// The node's name if neither is set.
    pub fallback: Option<Hostname>,
    /// The target, overriding that of the config; needed if the config does not say it.
    pub target: Option<String>,
}

/// A node spec.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The spec, as YAML.
    pub text: String,
    /// What was left out, each as a warning with its location.
    pub left_out: Vec<Diagnostic>,
    /// The config does not contain the node's name, so the spec has a made-up one.
    pub made_up_name: Option<String>,
}

/// The kind of a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Butane,
    /// A Container Linux Config, for ct.
    Ct,
    /// An Ignition config of specification 3.
    Ignition,
    /// An Ignition config of specification 2 and this minor version.
    IgnitionV2(u64),
}

/// Converts `config`, which is stored as `source`, to a node spec. Errors are those of the text:
/// invalid YAML, or not a config.
pub fn import(
    config: &str,
    source: SourceId,
    options: &Options,
) -> Result<Imported, Vec<Diagnostic>> {
    let (tree, diagnostics) = parse(config, source, Limits::default());
    let Some(tree) = tree.filter(|_| diagnostics.is_empty()) else {
        return Err(diagnostics);
    };
    let kind = kind(&tree)?;
    let target = target::of(kind, &tree, options)?;
    let mut item = Item::from_node(&tree);
    let last_words = comments::attach(config, &tree, &mut item);
    let mut found = Findings::default();
    match kind {
        Kind::Butane => butane::to_spec(&mut item, target, &mut found),
        Kind::Ct => ct::to_spec(&mut item),
        Kind::IgnitionV2(minor) => ignition_v2::to_spec(&mut item, minor, &mut found),
        Kind::Ignition => ignition::to_spec(&mut item, target),
    }
    let schema = crate::spec::schema();
    let keys = target.facts().keys;
    // A node with ct's keys can take its name from the file itself.
    let named = if keys == SpecKeys::Ct {
        None
    } else {
        name::take(&mut item, options.hostname.is_some(), target, &mut found)
    };
    fit::to_schema(&mut item, &schema, keys, &mut found);
    let comments = named.as_ref().map(|(_, comments)| comments.join("\n"));
    let hostname = match (&options.hostname, named) {
        (Some(name), _) => Some(name.clone()),
        (None, named) => named.map(|(name, _)| name),
    };
    let needs_name = !target.facts().abilities.is_named_by_network;
    let made_up_name = (hostname.is_none() && needs_name).then(|| {
        let name = options.fallback.as_ref().map(ToString::to_string);
        name.unwrap_or_else(|| "node1".to_owned())
    });
    let hostname = hostname.map(|name| name.to_string());
    let mut text = "version: 1\n".to_owned();
    text.extend(["target: ", target.as_str(), "\n"]);
    for comment in comments.iter().filter(|comment| !comment.is_empty()) {
        text.push_str(comment);
        text.push('\n');
    }
    if let Some(name) = hostname.as_ref().or(made_up_name.as_ref()) {
        text.extend(["hostname: ", name, "\n"]);
    }
    text.push_str(&write::yaml(&item));
    for comment in last_words {
        text.push_str(&comment);
        text.push('\n');
    }
    found.0.sort_by_key(|diagnostic| diagnostic.span);
    if found.0.iter().any(|one| one.severity == Severity::Error) {
        return Err(found.0);
    }
    Ok(Imported {
        text,
        left_out: found.0,
        made_up_name,
    })
}

/// What was left out so far.
#[derive(Debug, Default)]
struct Findings(Vec<Diagnostic>);

impl Findings {
    fn left_out(&mut self, span: Span, message: String) {
        self.0
            .push(Diagnostic::warning(codes::NOT_IMPORTED, span, message));
    }

    /// Refuses the whole config because of what is at `span`.
    fn refused(&mut self, span: Span, message: String) {
        let diagnostic = Diagnostic::error(codes::NEEDED_SETTING, span, message);
        let help = "write it in the config in another way, or remove it there";
        self.0.push(diagnostic.help(help));
    }

    /// Leaves out the key at `path`, or refuses the config if the node would be another one
    /// without it.
    fn no_equivalent(&mut self, span: Span, path: &str) {
        let message = format!("a node spec has no equivalent of `{}`", path.escape_debug());
        let is_part = |of: &&str| {
            (path.strip_prefix(*of)).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if NEEDED.iter().any(is_part) {
            self.refused(span, message);
        } else {
            self.left_out(span, message);
        }
    }

    /// Reports the keys of `item`, which is at `path`, besides the `known` ones.
    fn unknown(&mut self, item: &Item, path: &str, known: &[&str]) {
        let Value::Map(entries) = &item.value else {
            return;
        };
        for (key, span, _) in entries {
            if !known.contains(&key.as_str()) {
                self.no_equivalent(*span, &format!("{path}.{key}"));
            }
        }
    }
}

/// Determines the kind of `tree` from its first keys.
fn kind(tree: &Node) -> Result<Kind, Vec<Diagnostic>> {
    let text = |node: &Node| match &node.value {
        crate::spec::yaml::Value::Scalar(scalar) => scalar.text.to_string(),
        _ => String::new(),
    };
    let wrong = |span, message: String, help: &str| {
        let diagnostic = Diagnostic::error(codes::NO_CONFIG, span, message);
        Err(vec![diagnostic.help(help)])
    };
    if tree.get("variant").is_some() {
        return Ok(Kind::Butane);
    }
    if let Some(version) = tree.get("ignition").and_then(|head| head.get("version")) {
        let shown = text(version);
        let mut numbers = shown.split('.').map(str::parse::<u64>);
        return match (numbers.next(), numbers.next()) {
            (Some(Ok(2)), Some(Ok(minor @ 0..=V2_MINOR_MAX))) => Ok(Kind::IgnitionV2(minor)),
            (Some(Ok(3)), _) => Ok(Kind::Ignition),
            _ => wrong(
                version.span,
                format!(
                    "`{}` is not a supported version of Ignition's specification",
                    shown.escape_debug()
                ),
                "supported versions: 2.0.0 to 2.4.0 and 3.0.0 to 3.6.0",
            ),
        };
    }
    if tree.get("version").is_some() {
        return wrong(
            tree.span,
            "this is already a node spec, or a Butane config without a variant".to_owned(),
            "a Butane config must have `variant:`",
        );
    }
    if SECTIONS.iter().any(|section| tree.get(section).is_some()) {
        return Ok(Kind::Ct);
    }
    wrong(
        tree.span,
        "not a config that imgbuild can import".to_owned(),
        "a Butane config has `variant:`, an Ignition config `ignition.version`, a Container Linux \
         Config sections such as `systemd:`",
    )
}
