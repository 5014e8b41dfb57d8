//! The layout of the product's code: which room may import which, how large rooms are, and what
//! only one room does. The rooms and their floors are in [`floors`].

mod arrows;
mod floors;
mod habits;
mod made_up;
mod tree;

use tree::Tree;

/// The product's own code.
fn product() -> Tree {
    Tree::read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("readable")
}

#[test]
fn every_room_has_a_floor() {
    let tree = product();
    let missing: Vec<_> = (tree.rooms().into_iter())
        .filter(|room| floors::floor_of(room).is_none())
        .collect();
    assert!(
        missing.is_empty(),
        "not in tests/layout/floors.rs: {missing:?}"
    );
    let gone: Vec<_> = (floors::rooms())
        .filter(|room| !tree.rooms().contains(*room))
        .collect();
    assert!(
        gone.is_empty(),
        "in tests/layout/floors.rs, but not in src: {gone:?}"
    );
}

#[test]
fn arrows_go_down() {
    let wrong = arrows::upward(&product());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_import_each_other_in_no_ring() {
    let rings = arrows::rings(&product());
    assert!(rings.is_empty(), "\n{}", rings.join("\n"));
}

#[test]
fn every_path_is_understood() {
    let unknown = arrows::unknown(&product());
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
}
