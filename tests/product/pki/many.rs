//! The keys of many nodes at once.

use std::collections::BTreeSet;

use imgbuild::pki::{Access, KeyFolder, Keys};

use crate::member::now;
use crate::randomness::Counter;

/// What the kubelets of `nodes` present, each a certificate and its key, and what was told.
fn kubelets(
    access: Access,
    root: &std::path::Path,
    nodes: &[&str],
) -> (Vec<(String, String)>, Vec<String>) {
    let mut rng = Counter(7);
    let mut keys = Keys::new(
        KeyFolder::open(root, access).expect("opens"),
        now(),
        &mut rng,
    );
    keys.kubernetes_authority_certificate().expect("made");
    let made = keys
        .on_all_processors(nodes.to_vec(), |node, keys| {
            let pair = keys.kubelet_client(node)?;
            Ok((pair.certificate, pair.key))
        })
        .expect("made");
    if access == Access::Look && keys.are_incomplete() {
        let keeping = keys.keep_all().expect("can be written");
        keeping.expect("is as it was read").finish().expect("kept");
    }
    let told = keys.notices().iter().map(ToString::to_string).collect();
    (made, told)
}

#[test]
fn each_node_has_keys_of_its_own_the_same_in_every_run() {
    let names: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut runs = Vec::new();
    for access in [Access::Look, Access::Write] {
        let folder = tempfile::tempdir().expect("folder");
        let root = folder.path().join("keys");
        let (made, told) = kubelets(access, &root, &names);
        let different: BTreeSet<&str> = made.iter().map(|(_, key)| key.as_str()).collect();
        assert_eq!(different.len(), names.len());
        let said = told.iter().zip(["ca.crt", "n0/", "n1/", "n2/"]);
        for (told, file) in said {
            assert!(
                told.starts_with("created ") && told.contains(file),
                "{told}"
            );
        }
        assert_eq!(told.len(), 1 + names.len());

        // All that was made is kept, and made once.
        let (again, told) = kubelets(access, &root, &names);
        assert_eq!(again, made);
        assert_eq!(told, Vec::<String>::new());
        runs.push(made);
    }
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn the_first_error_is_told() {
    let folder = tempfile::tempdir().expect("folder");
    let folder = KeyFolder::open(folder.path().join("keys"), Access::Look).expect("opens");
    let mut rng = Counter(7);
    let mut keys = Keys::new(folder, now(), &mut rng);
    let outcome = keys.on_all_processors((0..9).collect(), |n: u8, _| {
        if n % 4 == 3 {
            anyhow::bail!("{n} is wrong")
        }
        Ok(n)
    });
    assert_eq!(outcome.expect_err("3 and 7 fail").to_string(), "3 is wrong");
}
