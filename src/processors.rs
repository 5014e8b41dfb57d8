//! Runs work on many items in parallel.

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;

/// The number of processors available to this process. Cached, since querying it reads a dozen
/// files of control groups.
static PROCESSORS: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// The results of `work` for each of `items`, in their order, computed by as many threads as there
/// are processors, including this one.
pub fn on_all_processors<I: Send, T: Send>(
    items: impl IntoIterator<Item = I, IntoIter: ExactSizeIterator>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let mut items = items.into_iter();
    let share = items.len().div_ceil(*PROCESSORS).max(1);
    if share >= items.len() {
        return items.map(work).collect();
    }
    thread::scope(|scope| {
        let work = &work;
        let mut working = Vec::with_capacity(*PROCESSORS);
        while items.len() > share {
            let share: Vec<I> = items.by_ref().take(share).collect();
            working.push(scope.spawn(move || share.into_iter().map(work).collect::<Vec<T>>()));
        }
        let own: Vec<T> = items.map(work).collect();
        (working.into_iter())
            .flat_map(|thread| thread.join().expect("work panics only because of a bug"))
            .chain(own)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept() {
        for count in [0, 1, 2, 3, 100] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(
                on_all_processors(&items, |item| item * 2),
                (0..count).map(|n| n * 2).collect::<Vec<_>>()
            );
        }
    }
}
