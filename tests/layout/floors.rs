//! The floors of the house. A room imports rooms on lower floors, and no others.

/// Floors from the top, each with its rooms: a module of `src/lib.rs` is a room.
pub const FLOORS: &[&[&str]] = &[
    // Arguments and words.
    &["cli"],
    // The use cases; and the pages that `imgbuild help` shows.
    &["ops", "pages"],
    &["verify"],
    &["diff", "embed", "learn", "trial"],
    // From a spec to decided nodes; back from artifacts; machines that run them.
    &["plan", "read", "qemu"],
    // What is wrong between decided values; what a node is made of; how it is written; Helm.
    &["check", "parts", "ignition", "pack", "registry", "charts"],
    // The decided model; the base; what judges Kubernetes' objects; other tools' configs.
    &["node", "base", "manifests", "import"],
    // What users write and what is pinned.
    &["spec", "lock", "extensions"],
    // What is kept on this machine; tables; images of containers; keys; other programs.
    &["cache", "facts", "oci", "pki", "subprocess"],
    // What knows nothing of nodes.
    &[
        "data_url",
        "diagnostic",
        "formats",
        "names",
        "processors",
        "progress",
        "secrets",
        "text",
        "words",
    ],
];

/// All rooms.
pub fn rooms() -> impl Iterator<Item = &'static str> {
    FLOORS.iter().flat_map(|floor| floor.iter().copied())
}

/// The floor of `room`, counted from 1 at the bottom. `None`: it has none.
pub fn floor_of(room: &str) -> Option<usize> {
    let from_top = FLOORS.iter().position(|floor| floor.contains(&room))?;
    Some(FLOORS.len() - from_top)
}
