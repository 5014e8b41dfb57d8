//! The pages, and what holds for their text.

use std::fs;
use std::path::{Path, PathBuf};

use imgbuild::pages::TOPICS;
use imgbuild::pages::markdown::{Block, Code, Inline, parse};

/// The most bytes of the README: a page that is read in five minutes.
const README_MAX: usize = 8_000;

/// The most columns of code in a topic, which terminals of 80 show indented.
const CODE_COLUMNS_MAX: usize = 76;

/// A page of the project.
pub struct Page {
    /// From the project's folder.
    pub path: String,
    pub text: String,
}

impl Page {
    fn read(path: String) -> Self {
        let text = fs::read_to_string(project().join(&path)).unwrap();
        Self { path, text }
    }

    /// The code blocks, those in lists too.
    pub fn code(&self) -> Vec<Code> {
        let mut found = Vec::new();
        collect(&parse(&self.text), &mut found);
        found
    }

    /// `README.md:12`
    pub fn place(&self, code: &Code) -> String {
        format!("{}:{}", self.path, code.line)
    }
}

/// The project's folder.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages whose blocks are tested.
pub fn pages() -> Vec<Page> {
    let topics = TOPICS
        .iter()
        .map(|topic| format!("src/pages/{}.md", topic.name));
    let readme = std::iter::once("README.md".to_owned());
    readme.chain(topics).map(Page::read).collect()
}

/// The words after a block's language, as keys and values; an error for what is not one.
pub fn words(code: &Code) -> (&str, Vec<(&str, &str)>) {
    let mut words = code.info.split_whitespace();
    let language = words.next().unwrap_or_default();
    let pairs = words.map(|word| word.split_once(':').expect("KEY:VALUE after the language"));
    (language, pairs.collect())
}

fn collect(blocks: &[Block], found: &mut Vec<Code>) {
    for block in blocks {
        match block {
            Block::Code(code) => found.push(code.clone()),
            Block::Bullets(items) | Block::Numbers(items) => {
                for item in items {
                    collect(item, found);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn the_readme_is_short() {
    let length = Page::read("README.md".to_owned()).text.len();
    assert!(length <= README_MAX, "{length} bytes");
}

#[test]
fn every_block_says_what_it_is() {
    for page in pages() {
        for code in page.code() {
            let place = page.place(&code);
            let (language, pairs) = words(&code);
            let keys: &[&str] = match language {
                "sh" => &["needs"],
                "yaml" => &["fragment", "file", "checks"],
                other => panic!("{place}: `{other}` is neither `sh` nor `yaml`"),
            };
            for (key, _) in pairs {
                assert!(keys.contains(&key), "{place}: {key}");
            }
        }
    }
}

#[test]
fn topics_are_whole() {
    let mut names: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    let readme = Page::read("README.md".to_owned()).text;
    for topic in TOPICS {
        let name = topic.name;
        let first = topic.text.lines().next();
        assert_eq!(first, Some(format!("# {}", topic.title).as_str()), "{name}");
        assert!(!topic.summary.ends_with('.'), "{name}");
        assert!(
            readme.contains(&format!("[{name}](src/pages/{name}.md)")),
            "the README does not lead to {name}"
        );
        let page = Page::read(format!("src/pages/{name}.md"));
        for code in page.code() {
            let widest = code.text.lines().map(|line| line.chars().count()).max();
            assert!(
                widest <= Some(CODE_COLUMNS_MAX),
                "{}: code is wider than {CODE_COLUMNS_MAX} columns",
                page.place(&code)
            );
        }
    }
    names.sort_unstable();
    let mut files: Vec<String> = fs::read_dir(project().join("src/pages"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort_unstable();
    assert_eq!(files, names, "pages in src/pages, and rows of the table");
}

/// Marks that reach the reader were meant to be something else.
#[test]
fn nothing_is_left_of_markdown() {
    for page in pages() {
        walk(&parse(&page.text), &mut |inline| {
            if let Inline::Text(text) | Inline::Strong(text) | Inline::Emphasis(text) = inline {
                let left = ["`", "**", "](", "[", "]"]
                    .iter()
                    .find(|it| text.contains(*it));
                assert!(left.is_none(), "{}: {text:?}", page.path);
            }
        });
    }
}

#[test]
fn links_lead_to_files() {
    let others = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];
    let others = others.map(|path| Page::read(path.to_owned()));
    for page in pages().into_iter().chain(others) {
        let folder = project().join(&page.path).parent().map(PathBuf::from);
        walk(&parse(&page.text), &mut |inline| {
            let Inline::Link { target, .. } = inline else {
                return;
            };
            if let Some(anchor) = target.strip_prefix('#') {
                let is_there = headings(&page.text).any(|heading| heading == anchor);
                assert!(is_there, "{}: {target}", page.path);
            } else if !target.starts_with("https://") {
                let path = folder.as_ref().unwrap().join(target);
                assert!(path.exists(), "{}: {target}", page.path);
            }
        });
    }
}

/// What links within a page call its headings.
fn headings(page: &str) -> impl Iterator<Item = String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || "-_".contains(*c);
        words.replace(' ', "-").chars().filter(kept).collect()
    })
}

fn walk(blocks: &[Block], visit: &mut impl FnMut(&Inline)) {
    for block in blocks {
        match block {
            Block::Heading(_, words) | Block::Paragraph(words) => {
                words.iter().for_each(&mut *visit);
            }
            Block::Bullets(items) | Block::Numbers(items) => {
                for item in items {
                    walk(item, visit);
                }
            }
            Block::Table(table) => {
                let cells = table.head.iter().chain(table.rows.iter().flatten());
                cells.flatten().for_each(&mut *visit);
            }
            Block::Code(_) => {}
        }
    }
}
