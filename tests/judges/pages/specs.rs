//! The specs of pages, before `imgbuild check`.

use std::fmt::Write as _;
use std::fs;

use imgbuild::diagnostic::SourceId;
use imgbuild::trial::ChecksFile;

use super::folder::{Folder, said, wrapper};
use super::page::{pages, words};

#[test]
fn specs_are_right() {
    let folder = Folder::new();
    let mut wrong = String::new();
    let mut checked = 0;
    for page in pages() {
        for code in page.code() {
            let (language, pairs) = words(&code);
            if language != "yaml" {
                continue;
            }
            let place = page.place(&code);
            if let Some((_, node)) = pairs.iter().find(|(key, _)| *key == "checks") {
                let (file, mut found) = ChecksFile::read(&code.text, SourceId(0));
                found.extend(file.into_iter().flat_map(|file| file.findings(&[*node])));
                assert!(found.is_empty(), "{place}: {found:?}");
                continue;
            }
            let fragment = pairs.iter().find(|(key, _)| *key == "fragment");
            let text = match fragment {
                Some((_, name)) => {
                    let around = fs::read_to_string(wrapper(name));
                    folder.write(
                        "wrapper.yaml",
                        &around.unwrap_or_else(|_| panic!("{place}: {name}")),
                    );
                    format!("include: [wrapper.yaml]\n{}", code.text)
                }
                None => code.text.clone(),
            };
            folder.write("page.yaml", &text);
            let output = folder.run("imgbuild", &["check", "page.yaml"]);
            let complaint = said(&output);
            if !output.status.success() || complaint.contains("warning") {
                let _ = writeln!(wrong, "{place}:\n{complaint}");
            }
            checked += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(checked > 30, "pages have only {checked} specs");
}
