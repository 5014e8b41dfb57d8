//! The keys of many nodes at once.

use anyhow::Result;
use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::keys::Keys;
use crate::processors::on_all_processors;

impl Keys<'_> {
    /// What `work` gives for each of `items`, in their order; done on all processors. The error is
    /// the first in that order.
    ///
    /// Each item has keys of its own. They know the authorities that these know, and what is on the
    /// disk; else nothing that these have made, and nothing of each other: `work` makes what is its
    /// item's alone. Their randomness follows from that of these keys, so that the same is made
    /// however many processors there are.
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
        let done = on_all_processors(items, |(item, seed, folder)| {
            let mut rng = ChaCha20Rng::from_seed(seed);
            let mut keys = Keys {
                folder,
                now,
                rng: &mut rng,
                algorithm,
                notices: Vec::new(),
                authorities: authorities.clone(),
            };
            let result = work(item, &mut keys);
            (result, keys.folder, keys.notices)
        });
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
}
