//! Many keys at once: those of the leaves of a node, and those of many nodes.

use std::path::PathBuf;

use anyhow::Result;
use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::keys::{Authority, Keys};
use super::profile::Profile;
use crate::plan::KeyPair;
use crate::processors::on_all_processors;

impl Keys<'_> {
    /// What `work` gives for each of `items`, in their order; done on all processors. The error is the first in that order.
    ///
    /// Each item has keys of its own. They know the authorities that these know, and what is on the disk; else nothing that these have
    /// made, and nothing of each other: `work` makes what is its item's alone. Their randomness follows from that of these keys, so
    /// that the same is made however many processors there are.
    pub fn on_all_processors<I: Send, T: Send>(
        &mut self,
        items: Vec<I>,
        work: impl Fn(I, &mut Keys) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let items: Vec<_> = (items.into_iter())
            .map(|item| {
                let mut seed = [0; 32];
                self.rng.fill_bytes(&mut seed);
                (item, seed, self.folder.branch())
            })
            .collect();
        let (now, algorithm, authorities) = (self.now, self.algorithm, &self.authorities);
        let one = |(item, seed, folder)| {
            let mut rng = ChaCha20Rng::from_seed(seed);
            let mut keys = Keys {
                folder,
                now,
                rng: &mut rng,
                algorithm,
                notices: Vec::new(),
                authorities: authorities.clone(),
                is_branch: true,
            };
            let result = work(item, &mut keys);
            (result, keys.folder, keys.notices)
        };
        let done = if self.is_branch {
            // The others are busy with other branches.
            items.into_iter().map(one).collect()
        } else {
            on_all_processors(items, one)
        };
        let mut results = Vec::with_capacity(done.len());
        let mut folders = Vec::with_capacity(done.len());
        for (result, folder, notices) in done {
            folders.push(folder);
            self.notices.extend(notices);
            results.push(result);
        }
        self.folder.join(folders)?;
        results.into_iter().collect()
    }

    /// The certificates `wanted` and their keys, in their order, as [`Keys::leaf`] gives each; made on all processors.
    pub(super) fn leaves<const N: usize>(
        &mut self,
        wanted: [(PathBuf, Profile, &Authority); N],
    ) -> Result<[KeyPair; N]> {
        let is_there = |stem: &PathBuf| self.folder.path(stem.with_extension("crt")).exists();
        let made: Vec<KeyPair> = if wanted.iter().all(|(stem, ..)| is_there(stem)) {
            // To read them takes less time than threads take to start.
            let read = wanted.into_iter().map(|(stem, profile, authority)| {
                self.leaf(&stem, &profile, authority).map(KeyPair::from)
            });
            read.collect::<Result<_>>()?
        } else {
            // What was made for another node of the cluster is not on the disk.
            let known = wanted.map(|leaf| (self.folder.held_back(&leaf.0), leaf));
            self.on_all_processors(known.into(), |(known, leaf), keys| {
                let (stem, profile, authority) = leaf;
                keys.folder.hold_back(known);
                keys.leaf(&stem, &profile, authority).map(KeyPair::from)
            })?
        };
        let Ok(made) = made.try_into() else {
            unreachable!("one is made for each that is wanted");
        };
        Ok(made)
    }
}
