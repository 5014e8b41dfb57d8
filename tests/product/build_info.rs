//! What a program tells of the modules that it was built of.

use imgbuild::extensions::build_info::minor_of;

use crate::go_program::with_section;

#[test]
fn versions_of_modules() {
    let program = |section: &[u8], text: &[u8]| with_section(b"\x7fELF\x02\x01", section, text);
    let list = b"\xff Go buildinf:\x08\x02path\texample\ndep\tk8s.io/api\tv0.35.1\th1:x\ndep\tk8s.io/cri-api\tv0.36.3\th1:x\n";
    let replaced = b"dep\tk8s.io/cri-api\tv0.0.0\n=>\tk8s.io/cri-api\tv0.34.1\th1:x\n";
    let whole = program(b".go.buildinfo", list);
    for (name, bytes, want) in [
        ("a list", whole.clone(), Some(36)),
        (
            "a replaced module",
            program(b".go.buildinfo", replaced),
            Some(34),
        ),
        (
            "another list",
            program(b".go.buildinfo", b"dep\ta\tv1.2.3\n"),
            None,
        ),
        ("another section", program(b".go.buildinfx", list), None),
        ("half a file", whole[..whole.len() / 2].to_vec(), None),
        ("no program", b"#!/bin/sh\n".to_vec(), None),
        ("nothing", Vec::new(), None),
    ] {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        std::io::Write::write_all(&mut file, &bytes).expect("written");
        assert_eq!(minor_of(file.path(), "k8s.io/cri-api"), want, "{name}");
    }
}
