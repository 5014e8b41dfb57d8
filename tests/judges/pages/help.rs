//! `imgbuild help`.

use std::process::{Command, Output};

use imgbuild::pages::TOPICS;

fn imgbuild(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .output()
        .unwrap()
}

fn shown(arguments: &[&str]) -> String {
    let output = imgbuild(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn without_a_topic_all_are_listed() {
    let help = shown(&["help"]);
    assert!(help.starts_with(&shown(&["--help"])), "{help}");
    for topic in TOPICS {
        assert!(help.contains(topic.summary), "{}", topic.name);
    }
}

#[test]
fn a_topic_is_text_in_eighty_columns() {
    for topic in TOPICS {
        let page = shown(&["help", topic.name]);
        assert!(page.contains(&format!("{}\n\n", topic.title)), "{page}");
        assert!(!page.contains("]: "), "{page}");
        let text = topic.plain(80);
        assert!(page.ends_with(&text), "{}", topic.name);
        for line in text.lines().filter(|line| line.contains(' ')) {
            let columns = line.chars().count();
            assert!(
                columns <= 80 || !line.trim().contains(' '),
                "{}: {line}",
                topic.name
            );
        }
    }
}

#[test]
fn a_command_has_its_help() {
    for words in [&["check"][..], &["keys", "rotate"], &["base"], &["help"]] {
        let asked = [words, &["--help"]].concat();
        assert_eq!(
            shown(&[&["help"], words].concat()),
            shown(&asked),
            "{words:?}"
        );
    }
    // Of what is both, the command's help comes first.
    let both = shown(&["help", "keys"]);
    assert!(both.starts_with(&shown(&["keys", "--help"])), "{both}");
    assert!(both.contains("Keys and certificates\n\n  "), "{both}");
}

#[test]
fn an_unknown_topic_has_a_suggestion() {
    for (words, near) in [
        (&["kubernets"][..], Some("kubernetes")),
        (&["chekc"], Some("check")),
        (&["Flatcar"], Some("flatcar")),
        (&["keys", "rotat"], None),
        (&["xyz"], None),
    ] {
        let output = imgbuild(&[&["help"], words].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let suggestion = near.map(|near| format!("did you mean `{near}`?"));
        match suggestion {
            Some(suggestion) => assert!(said.contains(&suggestion), "{said}"),
            None => assert!(!said.contains("did you mean"), "{said}"),
        }
        assert!(said.contains(&words.join(" ")), "{said}");
    }
}
