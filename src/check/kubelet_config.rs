//! Fields of `KubeletConfiguration` that need one another: without the other one, the kubelet ends
//! at each start (`pkg/kubelet/apis/config/validation`, `pkg/kubelet/eviction`,
//! `pkg/kubelet/cm`).

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::FreeMap;
use crate::spec::yaml::{Node, Value};

/// Reports the fields of `written` that lack another one. `reserves_cpu` is whether
/// `kubelet.reserved` reserves processors.
pub(crate) fn kubelet_config(written: &FreeMap, reserves_cpu: bool, found: &mut Vec<Diagnostic>) {
    let tree = &written.tree;
    let mut missing = |span: Span, message: &str, help: &str| {
        let error = Diagnostic::error(codes::BAD_CONFIG_FIELD, span, message);
        found.push(error.help(help));
    };
    let has = |name: &str| tree.get(name).is_some_and(is_set);
    if let Some(policy) = tree.get("cpuManagerPolicy")
        && text(policy) == Some("static")
        && !reserves_cpu
        && !has("reservedSystemCPUs")
    {
        missing(
            policy.span,
            "`cpuManagerPolicy: static` needs processors that are reserved for the system",
            "set `kubelet.reserved: {system: {cpu: 500m}}`, or `reservedSystemCPUs` in `config:`",
        );
    }
    if let Some(policy) = tree.get("memoryManagerPolicy")
        && text(policy) == Some("Static")
        && !has("reservedMemory")
    {
        missing(
            policy.span,
            "`memoryManagerPolicy: Static` needs `reservedMemory`",
            "reserve what `kubelet.reserved` and the eviction threshold add up to",
        );
    }
    if let Some(pulls) = tree.get("maxParallelImagePulls")
        && text(pulls).is_some_and(|pulls| pulls.parse::<u32>().is_ok_and(|pulls| pulls > 1))
        && tree.get("serializeImagePulls").and_then(text) == Some("true")
    {
        missing(
            pulls.span,
            "`maxParallelImagePulls` above 1 contradicts `serializeImagePulls: true`",
            "remove `serializeImagePulls`",
        );
    }
    for (enforced, cgroup) in [
        ("kube-reserved", "kubeReservedCgroup"),
        ("system-reserved", "systemReservedCgroup"),
    ] {
        for word in tree.get("enforceNodeAllocatable").map_or(&[][..], items) {
            let is_enforced = text(word)
                .and_then(|word| word.strip_prefix(enforced))
                .is_some_and(|rest| matches!(rest, "" | "-compressible"));
            if is_enforced && !has(cgroup) {
                missing(
                    word.span,
                    &format!("`{enforced}` can only be enforced on a control group"),
                    &format!("name it: `{cgroup}: /…`"),
                );
            }
        }
    }
    if let Some(Value::Map(soft)) = tree.get("evictionSoft").map(|node| &node.value) {
        let periods = tree.get("evictionSoftGracePeriod");
        for signal in soft {
            let name = &*signal.key.value;
            if periods.and_then(|periods| periods.get(name)).is_none() {
                missing(
                    signal.key.span,
                    &format!("`evictionSoft` has `{name}` without its grace period"),
                    &format!("add `evictionSoftGracePeriod: {{{name}: 1m30s}}`"),
                );
            }
        }
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

/// Whether it is more than an empty text or list.
fn is_set(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => !scalar.text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(_) => true,
    }
}
