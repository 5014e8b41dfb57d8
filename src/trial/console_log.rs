//! What a machine's console showed: kept in a file for people, and in memory so that one can wait
//! for words, and tell when a boot was where.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Context as _;

use super::patience::{GLANCE, Wait};
use super::{Mark, Stop};
use crate::qemu::Interrupt;

/// A console's bytes so far. Copies show the same console.
#[derive(Debug, Clone)]
pub struct ConsoleLog {
    path: PathBuf,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Debug, Default)]
struct Seen {
    bytes: Vec<u8>,
    /// The places of a boot that were shown, each at its first time.
    marks: Vec<(Mark, Instant)>,
    /// Where the last line starts that may have a mark.
    line: usize,
}

impl ConsoleLog {
    /// An empty log in `folder`, which is created.
    pub fn in_folder(folder: &Path, name: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("creating the folder {}", folder.display()))?;
        Ok(Self {
            path: folder.join(format!("{name}.log")),
            seen: Arc::default(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The end that the machine writes to.
    pub fn writer(&self) -> anyhow::Result<impl Write + Send + use<>> {
        let file = File::create(&self.path)
            .with_context(|| format!("creating {}", self.path.display()))?;
        Ok(Writer {
            file,
            log: self.clone(),
        })
    }

    /// The bytes so far. A thread that failed while it held them has left them whole.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much has been shown, for [`ConsoleLog::wait_for`].
    pub fn length(&self) -> usize {
        self.seen().bytes.len()
    }

    /// Waits until the console shows `text` somewhere after its first `from` bytes, as long as
    /// `wait` has patience with `progress`.
    pub fn wait_for(
        &self,
        text: &str,
        from: usize,
        wait: &mut Wait,
        progress: impl Fn() -> u64,
        interrupt: &Interrupt,
    ) -> Result<(), Stop> {
        let mut seen = self.seen();
        let shows = |seen: &Seen| {
            let bytes = &seen.bytes[from.min(seen.bytes.len())..];
            String::from_utf8_lossy(bytes).contains(text)
        };
        while !shows(&seen) {
            let changed = self.seen.1.wait_timeout(seen, GLANCE);
            // Not held while the wait may end, or the machine is asked how far it is.
            drop(changed.unwrap_or_else(PoisonError::into_inner));
            if interrupt.came() {
                return Err(Stop::Interrupted);
            }
            wait.look(Instant::now(), progress())
                .map_err(Stop::Failed)?;
            seen = self.seen();
        }
        Ok(())
    }

    /// All that was shown, without what is not text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen().bytes).into_owned()
    }

    /// The last `lines` of it, without white space at their ends.
    pub fn end(&self, lines: usize) -> Vec<String> {
        let text = self.text();
        let all: Vec<&str> = text.lines().collect();
        let end = all[all.len().saturating_sub(lines)..].iter();
        end.map(|line| line.trim_end().to_owned()).collect()
    }

    /// The places of a boot that were shown, each with the time of the host at which it was first.
    pub fn marks(&self) -> Vec<(Mark, Instant)> {
        self.seen().marks.clone()
    }

    /// Seconds from the kernel's start to the marker, by the kernel's own time stamp before it;
    /// `None` where something else was printed in between.
    pub fn kernel_time_of_ready(&self) -> Option<f64> {
        let text = self.text();
        let mut lines = text.lines().map(str::trim_end);
        let line = lines.find(|line| line.ends_with(": ready"))?;
        let (before, _) = line.split_once("imgbuild: ")?;
        let (_, stamp) = before.trim_end().strip_suffix(']')?.rsplit_once('[')?;
        stamp.trim().parse().ok()
    }
}

impl Seen {
    /// Takes what was shown at `now`, and notes the places of a boot in it.
    fn take(&mut self, bytes: &[u8], now: Instant) {
        self.bytes.extend_from_slice(bytes);
        while let Some(length) = self.bytes[self.line..]
            .iter()
            .position(|byte| *byte == b'\n')
        {
            let end = self.line + length;
            let line = String::from_utf8_lossy(&self.bytes[self.line..end]);
            let mark = Mark::of_line(&line);
            self.line = end + 1;
            if let Some(mark) = mark
                && self.marks.iter().all(|(known, _)| *known != mark)
            {
                self.marks.push((mark, now));
            }
        }
    }
}

struct Writer {
    file: File,
    log: ConsoleLog,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        self.log.seen().take(bytes, Instant::now());
        self.log.seen.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What shows a failed test its console must not fail itself, however the test failed.
    #[test]
    fn a_console_outlives_a_thread_that_fails_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let console = ConsoleLog::in_folder(folder.path(), "machine").unwrap();
        let held = console.clone();
        let failed = std::thread::spawn(move || {
            let seen = held.seen();
            panic!("failed with {} bytes", seen.bytes.len());
        });
        assert!(failed.join().is_err());
        let mut writer = console.writer().unwrap();
        writer.write_all(b"still here").unwrap();
        assert_eq!(console.length(), 10);
        assert_eq!(fs::read(console.path()).unwrap(), b"still here");
    }

    /// A mark counts once its line is whole, however the bytes come, and only the first time.
    #[test]
    fn marks_are_noted_once() {
        let mut seen = Seen::default();
        let (first, second) = (Instant::now(), Instant::now());
        for piece in [
            "[ 0.0] Linux ver",
            "sion 6.12\r",
            "\n[ 1.0] Linux version 6.12",
        ] {
            seen.take(piece.as_bytes(), first);
        }
        seen.take(b"\n", second);
        assert_eq!(seen.marks, [(Mark::Kernel, first)]);
    }
}
