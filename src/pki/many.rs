//! Makes the keys of many nodes in parallel.

use anyhow::Result;
use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::keys::Keys;
use crate::processors::on_all_processors;

impl Keys<'_> {
    /// The results of `work` for each of `items`, in their order, computed on all processors. The
    /// error is the first in that order.
    ///
    /// Each item has a separate `Keys`, which shares the authorities of this one and what is on the
    /// disk, but nothing else that this one has made, and nothing with the others: `work` makes
    /// only what belongs to its item. Its random numbers are derived from this one's, so that the
    /// result does not depend on the number of processors.
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
