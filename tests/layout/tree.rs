//! The modules of a crate: what each defines, imports and names. Macros are read as tokens, since
//! what they expand to is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Item, UseTree, Visibility};

/// A path from the crate's root: `["spec", "Table"]`.
pub type Names = Vec<String>;

/// One module.
#[derive(Debug, Default)]
pub struct Module {
    pub file: PathBuf,
    /// Whether it stands inside another module's file.
    pub inline: bool,
    pub items: BTreeSet<String>,
    pub children: BTreeSet<String>,
    pub imports: Vec<Import>,
    /// Paths beside those of imports, as written: `crate::a::B`, `super::c`.
    pub mentions: Vec<Mention>,
}

/// One name of a `use`.
#[derive(Debug)]
pub struct Import {
    pub path: Names,
    /// What it is called here; `None`: everything of the path (`*`).
    pub name: Option<String>,
    pub public: bool,
    pub line: usize,
}

/// A path in code.
#[derive(Debug)]
pub struct Mention {
    pub path: Names,
    pub line: usize,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A module itself.
    Module(Names),
    /// An item, or what is below it, and the module that defines it.
    Item(Names, String),
    /// Another crate.
    External,
}

/// All modules by path; the root is the empty path.
#[derive(Debug, Default)]
pub struct Tree {
    pub modules: BTreeMap<Names, Module>,
    pub root: PathBuf,
}

impl Tree {
    /// Reads `lib.rs` in `root` and all modules that it leads to.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self {
            modules: BTreeMap::new(),
            root: root.to_owned(),
        };
        tree.read_file(Vec::new(), &root.join("lib.rs"))?;
        Ok(tree)
    }

    /// Modules below the root.
    pub fn rooms(&self) -> BTreeSet<&str> {
        let top = self.modules.keys().filter(|path| path.len() == 1);
        top.map(|path| path[0].as_str()).collect()
    }

    fn read_file(&mut self, path: Names, file: &Path) -> io::Result<()> {
        let text = fs::read_to_string(file)?;
        let parsed =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.add(path, file, false, &parsed.items)
    }

    fn add(&mut self, path: Names, file: &Path, inline: bool, items: &[Item]) -> io::Result<()> {
        let mut module = Module {
            file: file.to_owned(),
            inline,
            ..Module::default()
        };
        let mut inner = Vec::new();
        for item in items {
            match item {
                Item::Use(item) => {
                    let public = !matches!(item.vis, Visibility::Inherited);
                    let line = item.use_token.span.start().line;
                    imports(
                        &item.tree,
                        &mut Vec::new(),
                        (public, line),
                        &mut module.imports,
                    );
                }
                Item::Mod(child) => {
                    module.children.insert(child.ident.to_string());
                    inner.push(child);
                }
                other => {
                    module.items.extend(defined(other));
                    mentions(other.to_token_stream(), &mut module);
                }
            }
        }
        for child in inner {
            let below = joined(&path, &child.ident.to_string());
            match &child.content {
                Some((_, items)) => self.add(below, file, true, items)?,
                None => self.read_file(below, &file_of_child(file, &child.ident.to_string()))?,
            }
        }
        self.modules.insert(path, module);
        Ok(())
    }

    /// The path that `written` is in the module `at`, from the crate's root; `None`: it leads out
    /// of the crate.
    pub fn absolute(&self, at: &[String], written: &[String]) -> Option<Names> {
        let ups = written.iter().take_while(|name| *name == "super").count();
        let (base, rest) = match written.first()?.as_str() {
            "crate" | "$crate" => (&at[..0], &written[1..]),
            "self" => (at, &written[1..]),
            "super" => (at.get(..at.len().checked_sub(ups)?)?, &written[ups..]),
            first => {
                let module = self.modules.get(at)?;
                if !module.children.contains(first) && !module.items.contains(first) {
                    return None;
                }
                (at, written)
            }
        };
        Some([base, rest].concat())
    }

    /// What `path`, from the crate's root, leads to, through re-exports; `None`: nothing known.
    pub fn resolve(&self, path: &[String]) -> Option<Found> {
        self.resolve_in(path, &mut BTreeSet::new())
    }

    fn resolve_in(&self, path: &[String], seen: &mut BTreeSet<Names>) -> Option<Found> {
        let mut at: Names = Vec::new();
        for (index, name) in path.iter().enumerate() {
            let below = joined(&at, name);
            if self.modules.contains_key(&below) {
                at = below;
                continue;
            }
            let module = self.modules.get(&at)?;
            if module.items.contains(name) {
                return Some(Found::Item(at, name.clone()));
            }
            if !seen.insert(below) {
                return None;
            }
            let rest = &path[index + 1..];
            let named = module
                .imports
                .iter()
                .find(|it| it.name.as_ref() == Some(name));
            if let Some(import) = named {
                return match self.absolute(&at, &import.path) {
                    Some(absolute) => self.resolve_in(&[&absolute[..], rest].concat(), seen),
                    None => Some(Found::External),
                };
            }
            let globs = module.imports.iter().filter(|import| import.name.is_none());
            for import in globs {
                let Some(absolute) = self.absolute(&at, &import.path) else {
                    continue;
                };
                let behind = [&absolute[..], &path[index..]].concat();
                if let Some(Found::Item(module, item)) = self.resolve_in(&behind, seen) {
                    return Some(Found::Item(module, item));
                }
            }
            return None;
        }
        Some(Found::Module(at))
    }
}

/// `path` and one more name.
pub fn joined(path: &[String], name: &str) -> Names {
    let mut path = path.to_vec();
    path.push(name.to_owned());
    path
}

/// Where `mod name;` in `file` leads.
fn file_of_child(file: &Path, name: &str) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    let stem = file
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let folder = match stem {
        "mod" | "lib" | "main" => folder.to_owned(),
        stem => folder.join(stem),
    };
    let flat = folder.join(format!("{name}.rs"));
    if flat.exists() {
        flat
    } else {
        folder.join(name).join("mod.rs")
    }
}

fn imports(
    tree: &UseTree,
    path: &mut Names,
    (public, line): (bool, usize),
    into: &mut Vec<Import>,
) {
    let mut add = |path: Names, name: Option<String>| {
        into.push(Import {
            path,
            name,
            public,
            line,
        });
    };
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            imports(&inner.tree, path, (public, line), into);
            path.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                imports(tree, path, (public, line), into);
            }
        }
        UseTree::Glob(_) => add(path.clone(), None),
        UseTree::Name(name) if name.ident == "self" => add(path.clone(), path.last().cloned()),
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            add(joined(path, &name), Some(name));
        }
        UseTree::Rename(renamed) => {
            let name = Some(renamed.rename.to_string());
            let is_self = renamed.ident == "self";
            let from = if is_self {
                path.clone()
            } else {
                joined(path, &renamed.ident.to_string())
            };
            add(from, name);
        }
    }
}

/// The names that `item` brings into its module.
fn defined(item: &Item) -> Vec<String> {
    let ident = match item {
        Item::Const(it) => &it.ident,
        Item::Enum(it) => &it.ident,
        Item::Fn(it) => &it.sig.ident,
        Item::Static(it) => &it.ident,
        Item::Struct(it) => &it.ident,
        Item::Trait(it) => &it.ident,
        Item::Type(it) => &it.ident,
        Item::Macro(it) => {
            let tokens = it.mac.tokens.clone();
            let Some(ident) = &it.ident else {
                return defined_by_macro(tokens);
            };
            let mut names = constants_in(tokens);
            names.push(ident.to_string());
            return names;
        }
        _ => return Vec::new(),
    };
    vec![ident.to_string()]
}

/// What a call such as `record! { pub struct Name { … } }` or `text_leaf!(Name, …)` defines: what
/// follows such a keyword, the first name, and the constants of a table.
fn defined_by_macro(tokens: TokenStream) -> Vec<String> {
    let idents: Vec<String> = tokens
        .into_iter()
        .filter_map(|token| match token {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            _ => None,
        })
        .collect();
    let keyword = |word: &str| ["struct", "enum"].contains(&word);
    let declared = idents
        .windows(2)
        .filter(|pair| keyword(&pair[0]))
        .map(|pair| pair[1].clone());
    let is_constant = |word: &&String| word.chars().all(|c| !c.is_lowercase());
    let constants = idents.iter().filter(is_constant).cloned();
    declared
        .chain(constants)
        .chain(idents.first().cloned())
        .collect()
}

/// The constants that a macro's own text defines, at whatever depth.
fn constants_in(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut before = None;
    for token in tokens {
        match token {
            TokenTree::Group(group) => names.extend(constants_in(group.stream())),
            TokenTree::Ident(ident) => {
                if before.as_deref() == Some("const") {
                    names.push(ident.to_string());
                }
                before = Some(ident.to_string());
            }
            _ => {}
        }
    }
    names
}

/// Collects the paths in `tokens` that begin at the crate's root, here or above, and the imports
/// inside function bodies.
fn mentions(tokens: TokenStream, module: &mut Module) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let TokenTree::Group(group) = &tokens[at] {
            mentions(group.stream(), module);
            at += 1;
            continue;
        }
        let (path, next, globs) = path_at(&tokens, at);
        if path.len() < 2 {
            at += 1;
            continue;
        }
        let line = tokens[at].span().start().line;
        let preceded = at >= 2 && tokens[at - 2..at].iter().all(is_colon);
        if !preceded {
            for end in globs.unwrap_or_else(|| vec![Vec::new()]) {
                let path = [&path[..], &end[..]].concat();
                module.mentions.push(Mention { path, line });
            }
        }
        at = next;
    }
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
}

/// The path that begins at `tokens[at]`, where the next token is, and the names of a group
/// `{a, b}` at its end.
fn path_at(tokens: &[TokenTree], at: usize) -> (Names, usize, Option<Vec<Names>>) {
    let mut path = Vec::new();
    let mut next = at;
    while let Some(TokenTree::Ident(ident)) = tokens.get(next) {
        path.push(ident.to_string());
        next += 1;
        let colons = tokens.get(next..next + 2);
        if !colons.is_some_and(|pair| pair.iter().all(is_colon)) {
            return (path, next, None);
        }
        next += 2;
    }
    match tokens.get(next) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let names = (0..inner.len()).map(|at| path_at(&inner, at).0);
            let names = names
                .filter(|name| !name.is_empty() && *name != ["self"])
                .collect();
            (path, next + 1, Some(names))
        }
        _ => (path, next, None),
    }
}
