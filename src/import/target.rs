//! Which system a config is for: what it says itself, or what its user says.

use super::{Kind, Options};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::facts::systems::{SpecKeys, TABLE, Target};
use crate::spec::NodeKind;
use crate::spec::yaml::{Node, Value};

/// Returns the target of a config of `kind`: the one of `options`, else its own. A config that is
/// for no system that imgbuild knows needs the one of `options`.
pub(super) fn of(kind: Kind, tree: &Node, options: &Options) -> Result<Target, Vec<Diagnostic>> {
    let span = tree.span;
    let own = own(kind, tree);
    let Some(name) = &options.target else {
        return own.map_err(|(place, what)| {
            vec![
                Diagnostic::error(codes::NO_TARGET, place, what).help(format!(
                    "choose the node's system: `--target {}`",
                    modern_targets().join("`, `--target ")
                )),
            ]
        });
    };
    let Some(facts) = TABLE.iter().find(|facts| facts.name == name) else {
        return refused(
            span,
            format!("imgbuild has no target `{}`", name.escape_debug()),
            format!("targets: {}", names().join(", ")),
        );
    };
    check(kind, facts.target, span)?;
    Ok(facts.target)
}

fn names() -> Vec<&'static str> {
    TABLE.iter().map(|facts| facts.name).collect()
}

/// Targets whose Ignition has specification 3.
fn modern_targets() -> Vec<&'static str> {
    let modern = TABLE.iter().filter(|facts| is_modern(facts.target));
    modern.map(|facts| facts.name).collect()
}

/// Returns the target whose nodes have ct's keys.
fn of_ct() -> Target {
    NodeKind::with(SpecKeys::Ct).target().target
}

fn is_modern(target: Target) -> bool {
    target.facts().keys == SpecKeys::Own
}

fn refused<T>(span: Span, message: String, help: String) -> Result<T, Vec<Diagnostic>> {
    let diagnostic = Diagnostic::error(codes::NO_CONFIG, span, message);
    Err(vec![diagnostic.help(help)])
}

/// Keys of specification 2 belong to one target, which has no others.
fn check(kind: Kind, target: Target, span: Span) -> Result<(), Vec<Diagnostic>> {
    let only = of_ct();
    match kind {
        Kind::IgnitionV2(_) if target != only => refused(
            span,
            format!(
                "a config of Ignition's specification 2 can only become a node with target \
                 `{only}`"
            ),
            "remove --target".to_owned(),
        ),
        Kind::Butane | Kind::Ignition if target == only => refused(
            span,
            format!(
                "only a Container Linux Config or a config of Ignition's specification 2 can \
                 become a node with target `{only}`"
            ),
            format!("targets: {}", modern_targets().join(", ")),
        ),
        _ => Ok(()),
    }
}

/// Returns the target that a config says, or where and why it says none.
fn own(kind: Kind, tree: &Node) -> Result<Target, (Span, String)> {
    match kind {
        Kind::IgnitionV2(_) | Kind::Ct => Ok(of_ct()),
        Kind::Ignition => Err((
            tree.span,
            "an Ignition config does not say for which system it is".to_owned(),
        )),
        Kind::Butane => {
            let variant = tree.get("variant");
            let name = variant.map_or("", |variant| match &variant.value {
                Value::Scalar(scalar) => &*scalar.text,
                _ => "",
            });
            match name {
                "fcos" => Ok(Target::FedoraCoreos),
                "flatcar" => Ok(Target::Flatcar),
                other => Err((
                    variant.map_or(tree.span, |variant| variant.span),
                    format!(
                        "imgbuild has no target for variant `{}`",
                        other.escape_debug()
                    ),
                )),
            }
        }
    }
}
