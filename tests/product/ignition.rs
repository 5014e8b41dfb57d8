//! Configs as people read them; Ignition itself judges them in `tests/judges/ignition.rs`.

use std::fmt::Write;

use imgbuild::ignition;
use imgbuild::node::Node;

use crate::nodes;

fn compile(node: &Node) -> ignition::Compiled {
    ignition::compile(node, imgbuild::parts::all(node)).expect("the node is right")
}

#[test]
fn a_config_reads_well() {
    let json = ignition::to_json_pretty(&compile(&nodes::bare()).config);
    insta::assert_snapshot!("bare", String::from_utf8(json).expect("text"));
}

#[test]
fn each_thing_is_traced_to_what_asked_for_it() {
    let node = nodes::full();
    let things = ignition::trace(&imgbuild::parts::all(&node));
    let mut text = String::new();
    for (what, origin) in things {
        let line = origin.span.map_or("every node".to_owned(), |span| {
            format!("line {}", span.start)
        });
        let _ = writeln!(text, "{what}: {}, {line}", origin.part);
    }
    insta::assert_snapshot!("trace", text);
}

#[test]
fn the_same_node_gives_the_same_bytes() {
    let json = |node: &Node| ignition::to_json(&compile(node).config);
    assert_eq!(json(&nodes::full()), json(&nodes::full()));
}

/// What Ignition has for its own fetches is what the node's links are to be.
#[test]
fn the_network_for_fetches_is_the_nodes() {
    let compiled = compile(&nodes::small());
    let names: Vec<_> = compiled
        .network
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["10-eth0.network"]);
}
