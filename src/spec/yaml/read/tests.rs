use std::fmt::Write;

use super::*;
use crate::diagnostic::Sources;
use crate::spec::yaml::Kind;

fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    parse(text, SourceId(0), Limits::default())
}

/// `place code` of each diagnostic.
fn mistakes(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let source = sources.add("a.yaml", text);
    parse(text, source, Limits::default())
        .1
        .iter()
        .map(|d| format!("{} {}", sources.place(d.span.expect("placed")), d.code.0))
        .collect()
}

fn leaves<'n>(node: &'n Node, all: &mut Vec<(&'n str, Span)>) {
    match &node.value {
        Value::Scalar(scalar) => all.push((&scalar.text, node.span)),
        Value::List(items) => items.iter().for_each(|item| leaves(item, all)),
        Value::Map(entries) => {
            for entry in entries {
                all.push((&entry.key.value, entry.key.span));
                leaves(&entry.value, all);
            }
        }
    }
}

#[test]
fn spans_hold_the_text() {
    for text in [
        "a: b\nlist:\n  - c\n  - {d: e}\n",
        "\u{feff}a: b\r\nlist:\r\n  - c\r\n  - {d: e, ü: ö}\r\nz: end\r\n",
        "ä: [ö, ü]\nkey with space: value with  two\n",
        "# ☃ comment\n'x': 1\n",
    ] {
        let (tree, diagnostics) = read(text);
        assert_eq!(diagnostics, [], "{text:?}");
        let tree = tree.expect("a tree");
        let mut all = Vec::new();
        leaves(&tree, &mut all);
        for (leaf, span) in all {
            let shown = &text[span.start as usize..span.end as usize];
            assert_eq!(shown.trim_matches('\''), leaf, "{text:?}");
        }
    }
}

#[test]
fn merge_keys_add_what_a_map_does_not_have() {
    let text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 5\n";
    let (tree, diagnostics) = read(text);
    assert_eq!(diagnostics, []);
    let tree = tree.expect("a tree");
    let mut all = Vec::new();
    leaves(tree.get("c").expect("there"), &mut all);
    let found: Vec<_> = all.iter().map(|(leaf, _)| *leaf).collect();
    assert_eq!(found, ["x", "5", "y", "2", "z", "4"]);
}

#[test]
fn spans_of_collections() {
    let text = "a:\n  b: 1\n  c: [2,\n    3]\n\nd:\n  - e\n  - f: g\n\n# end\n";
    let (tree, _) = read(text);
    let tree = tree.expect("a tree");
    let shown = |key: &str| {
        let span = tree.get(key).expect("there").span;
        &text[span.start as usize..span.end as usize]
    };
    assert_eq!(shown("a"), "b: 1\n  c: [2,\n    3]");
    assert_eq!(shown("d"), "- e\n  - f: g");
}

#[test]
fn mistakes_have_places() {
    for (name, text, expected) in [
        (
            "duplicate",
            "a: 1\nb: 2\na: 3\na: 4\n",
            vec!["a.yaml:3:1 E0007", "a.yaml:4:1 E0007"],
        ),
        ("merge key", "a:\n  <<: {}\n", vec![]),
        (
            "merge key of text",
            "a:\n  <<: b\n",
            vec!["a.yaml:2:7 E0009"],
        ),
        ("quoted merge key", "a:\n  '<<': {}\n", vec![]),
        (
            "two documents",
            "a: 1\n---\nb: 2\n",
            vec!["a.yaml:2:1 E0010"],
        ),
        ("one explicit document", "---\na: 1\n...\n", vec![]),
        ("list as key", "[a]: 1\nb: 2\n", vec!["a.yaml:1:1 E0011"]),
        ("null as key", "~: 1\n", vec!["a.yaml:1:1 E0011"]),
        ("tag", "a: !secret b\n", vec!["a.yaml:1:4 E0012"]),
        ("text tag", "a: !!str 1\n", vec![]),
        ("NUL", "a: b\nc: \0\n", vec!["a.yaml:2:4 E0013"]),
        ("escape", "a: \u{1b}\n", vec!["a.yaml:1:4 E0013"]),
        ("empty", "", vec!["a.yaml:1:1 E0014"]),
        ("comments", "# a\n", vec!["a.yaml:1:1 E0014"]),
        ("unknown alias", "a: *b\n", vec!["a.yaml:1:4 E0008"]),
        ("alias of itself", "a: &a [*a]\n", vec!["a.yaml:1:8 E0008"]),
        ("tab", "a:\n\tb: 1\n", vec!["a.yaml:2:2 E0004"]),
        (
            "tab after a value",
            "a: 1\n\tb: 1\n",
            vec!["a.yaml:2:1 E0004"],
        ),
        (
            "tab in a list",
            "a:\n  - b: 1\n\n \t  c: 1\n",
            vec!["a.yaml:4:2 E0004"],
        ),
    ] {
        assert_eq!(mistakes(text), expected, "{name}");
    }
}

#[test]
fn bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        writeln!(laughs, "a{level}: &a{level} [{before}]").expect("a string");
    }
    let mut long = format!("a: &a {}\nb:\n", "x".repeat(900_000));
    long.push_str(&"- *a\n".repeat(20));
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..100 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).expect("a string");
    }
    for (name, text, code) in [
        ("billion laughs", laughs, "E0006"),
        ("repeated text", long, "E0006"),
        ("deep aliases", chain, "E0005"),
        ("deep flow", "[".repeat(100_000), "E0005"),
        ("deep maps", "{a: ".repeat(100_000), "E0005"),
        (
            "deep block",
            (0..2000).fold(String::new(), |t, i| format!("{t}{}a:\n", " ".repeat(i))),
            "E0005",
        ),
        (
            "many values",
            format!("[{}]", "a,".repeat(200_000)),
            "E0006",
        ),
    ] {
        let (tree, diagnostics) = read(&text);
        assert!(tree.is_none(), "{name}");
        assert_eq!(diagnostics[0].code.0, code, "{name}");
    }
}

#[test]
fn kinds_follow_the_core_schema() {
    use super::super::Kind::{Boolean, Null, Number, Text};
    for (text, kind) in [
        ("", Null),
        ("~", Null),
        ("null", Null),
        ("true", Boolean),
        ("yes", Text),
        ("12", Number),
        ("-1.5e3", Number),
        (".5", Number),
        ("0o17", Number),
        ("0x1f", Number),
        (".inf", Number),
        ("inf", Text),
        ("1.2.3", Text),
        ("52:54:00:12:34:56", Text),
        ("1_000", Text),
        (".", Text),
    ] {
        let scalar = Scalar {
            text: text.into(),
            plain: true,
        };
        assert_eq!(scalar.kind(), kind, "{text}");
    }
}

/// The leaves of the documents of a stream.
fn stream(text: &str) -> Vec<String> {
    let (documents, mistakes) = parse_documents(text, SourceId(0), Limits::default());
    assert!(mistakes.is_empty(), "{text}: {mistakes:#?}");
    let mut all = Vec::new();
    for document in &documents {
        leaves(document, &mut all);
    }
    // Each is where its text is, quotes and tags apart.
    for (leaf, span) in &all {
        let there = &text[span.start as usize..span.end as usize];
        let first = leaf
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        assert!(there.contains(first), "{there:?} for {leaf:?} in {text:?}");
    }
    all.into_iter().map(|(leaf, _)| leaf.to_owned()).collect()
}

#[test]
fn streams_are_read_as_kubernetes_reads_them() {
    for (text, want) in [
        ("k:\n  a: [\n  x,\n  \"y\"\n  ]\nz: é\n", "k a x y z é"),
        ("- a: {\nb: 1,\nc: [1\n, 2]}\n- x\n", "a b 1 c 1 2 x"),
        (
            "k:\n  - a: [x,\nb]\n  - c: [\n\"z\"\n,\n]\n  - d\n",
            "k a x b c z d",
        ),
        (
            "k:\n  ä: '{\n    it''s: 1\n  }'\n  z: end\n",
            "k ä {_it's:_1_} z end",
        ),
        (
            "k:\n  a: \"b\\\"\n c\n\"\n  d: 'e\n\tf'\n",
            "k a b\"_c_ d e_f",
        ),
        (
            "a: \"it\\'s \\\\' \\\"\\'\"\nb: 'c\\'\n",
            "a it's_\\'_\"' b c\\",
        ),
        (
            "{\"a\":1}\n{\"b\":2} {\"c\":[{}]}{\"d\":4}\n",
            "a 1 b 2 c d 4",
        ),
        (" \n{\"é\":1}{\"d\":4}\n", "é 1 d 4"),
        (
            "a: !!int \"5\"\nb: !!bool true\nc: !!map {d: !!seq [e]}\n",
            "a 5 b true c d e",
        ),
    ] {
        let leaves: Vec<String> = stream(text).iter().map(|l| l.replace(' ', "_")).collect();
        assert_eq!(leaves.join(" "), want, "{text:?}");
    }
    let (documents, _) = parse_documents("a: !!int \"5\"\n", SourceId(0), Limits::default());
    let value = documents[0].get("a").expect("a value");
    assert!(matches!(&value.value, Value::Scalar(s) if s.kind() == Kind::Number));
}

#[test]
fn leniency_ends_at_mistakes() {
    for text in [
        "k:\n  a: [\n  x,\n  \"y\"\n",
        "k:\n  a: '{\n  }\n",
        "a: \"\\z\"\n",
        "{\"a\":1} b\n",
        "a: 1\n{\"b\":2}\n",
        "k:\n\ta: 1\n",
        "a: !other 5\n",
    ] {
        let (_, mistakes) = parse_documents(text, SourceId(0), Limits::default());
        assert_eq!(mistakes.len(), 1, "{text:?}: {mistakes:#?}");
    }
    // A spec is YAML 1.2.
    for text in ["k:\n  a: '{\n  }'\n", "a: \"it\\'s\"\n", "a: !!int 5\n"] {
        assert_eq!(mistakes(text).len(), 1, "{text:?}");
    }
}
