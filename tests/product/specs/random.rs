//! No bytes, and no slip in a good spec, make a panic; and every place that is told lies in the
//! text. `PROPTEST_CASES=100000` tries longer.

use std::fs;
use std::path::Path;

use imgbuild::diagnostic::{Rendering, Sources, json_lines, render};
use imgbuild::spec::assemble;
use imgbuild::spec::yaml::{Limits, parse};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Reads `text` as a spec and shows whatever is wrong with it.
fn read(text: &str) {
    let mut sources = Sources::default();
    let source = sources.add("node.yaml", text);
    let (tree, mut diagnostics) = parse(text, source, Limits::default());
    if let Some(tree) = tree {
        diagnostics.extend(assemble(&tree).diagnostics);
    }
    for diagnostic in &diagnostics {
        let places = diagnostic.related.iter().map(|(span, _)| span);
        for span in diagnostic.span.iter().chain(places) {
            assert!(
                span.start <= span.end && span.end as usize <= text.len(),
                "{span:?}"
            );
            assert!(text.is_char_boundary(span.start as usize), "{span:?}");
        }
        assert!(!diagnostic.message.contains('\n'), "{}", diagnostic.message);
        render(diagnostic, &sources, Rendering::default());
    }
    json_lines(&diagnostics, &sources);
}

fn full_node() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/full-node.yaml");
    fs::read_to_string(path).expect("an example")
}

/// What a slip may put into a spec.
const SLIPS: &[&str] = &[
    "\t",
    "\n",
    " ",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!str ",
    "!x ",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "#",
    "~",
    "<<: ",
    "0",
    "-1",
    "0x1f",
    "1e9",
    "yes",
    "null",
    "ü",
    "\u{feff}",
    "\0",
    "%",
    "---\n",
    "...\n",
    "? ",
    ", ",
    "99999999999999999999",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_text(text in "\\PC{0,200}") {
        read(&text);
    }

    #[test]
    fn random_yaml_marks(parts in vec(select(SLIPS), 0..60)) {
        read(&parts.concat());
    }

    #[test]
    fn slips_in_a_good_spec(slips in vec((any::<Index>(), 0_usize..12, select(SLIPS)), 1..6)) {
        let mut text = full_node();
        for (at, cut, slip) in slips {
            let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let from = at.index(boundaries.len());
            let to = (from + cut).min(boundaries.len() - 1);
            text.replace_range(boundaries[from]..boundaries[to], slip);
        }
        read(&text);
    }

    #[test]
    fn lines_of_a_good_spec_in_any_order(order in vec(any::<Index>(), 0..80)) {
        let text = full_node();
        let lines: Vec<&str> = text.lines().collect();
        let mixed: Vec<&str> = order.iter().map(|at| lines[at.index(lines.len())]).collect();
        read(&mixed.join("\n"));
    }
}
