//! What a machine's console showed: kept in `target/test-logs/consoles/` for people, and in memory
//! so that a test can wait for words.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::patience::{GLANCE, Wait};

/// A console's bytes so far. Copies show the same console.
#[derive(Clone)]
pub struct ConsoleLog {
    path: PathBuf,
    seen: Arc<(Mutex<Vec<u8>>, Condvar)>,
}

impl ConsoleLog {
    /// An empty log in `target/test-logs/consoles/NAME.log`.
    pub fn new(name: &str) -> Self {
        // Cargo's folder for integration tests is target/tmp.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        Self::in_folder(&target.join("test-logs/consoles"), name)
    }

    /// An empty log in `folder`.
    pub fn in_folder(folder: &Path, name: &str) -> Self {
        fs::create_dir_all(folder).unwrap();
        Self {
            path: folder.join(format!("{name}.log")),
            seen: Arc::default(),
        }
    }

    /// The end that the machine writes to.
    pub fn writer(&self) -> impl Write + Send + 'static {
        Writer {
            file: File::create(&self.path).unwrap(),
            log: self.clone(),
        }
    }

    /// The bytes so far. A test that failed while it held them has left them whole, and what shows
    /// a failed test its console must not fail itself: within a destructor that would abort the
    /// whole program, and no test behind it would run.
    fn seen(&self) -> MutexGuard<'_, Vec<u8>> {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much has been shown, for [`ConsoleLog::wait_for`].
    pub fn length(&self) -> usize {
        self.seen().len()
    }

    /// Waits until the console shows `text` somewhere after its first `from` bytes, as long as
    /// `wait` has patience with `progress`.
    pub fn wait_for(&self, text: &str, from: usize, wait: &mut Wait, progress: impl Fn() -> u64) {
        let mut seen = self.seen();
        while !String::from_utf8_lossy(&seen[from.min(seen.len())..]).contains(text) {
            let changed = self.seen.1.wait_timeout(seen, GLANCE);
            // Not held while the test may fail, or the machine is asked how far it is.
            drop(changed.unwrap_or_else(PoisonError::into_inner));
            wait.check(progress());
            seen = self.seen();
        }
    }

    /// All that was shown, without what is not text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen()).into_owned()
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

    /// Fails as a test would that fails while it looks at the bytes.
    #[cfg(test)]
    pub fn fail_with_it_held(&self) {
        let seen = self.seen();
        panic!("failed with {} bytes", seen.len());
    }

    /// Prints the last lines of the log and where it is.
    fn print_end(&self) {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        println!("--- the end of the console:");
        for line in &lines[lines.len().saturating_sub(60)..] {
            println!("{}", line.trim_end());
        }
        // `cargo xtask test` looks for this line.
        println!("log: {}", self.path.display());
    }
}

/// Shows a console when the test that owns it fails.
pub struct ShownOnFailure(pub ConsoleLog);

impl Drop for ShownOnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.print_end();
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
        self.log.seen().extend_from_slice(bytes);
        self.log.seen.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
