//! What a machine's console showed: kept in `target/boot-logs/` for people, and in memory so that a
//! test can wait for words.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A console's bytes so far. Copies show the same console.
#[derive(Clone)]
pub struct ConsoleLog {
    path: PathBuf,
    seen: Arc<(Mutex<Vec<u8>>, Condvar)>,
}

impl ConsoleLog {
    /// An empty log in `target/boot-logs/NAME.log`.
    pub fn new(name: &str) -> Self {
        // Cargo's folder for integration tests is target/tmp.
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .unwrap()
            .join("boot-logs");
        fs::create_dir_all(&folder).unwrap();
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

    /// How much has been shown, for [`ConsoleLog::wait_for`].
    pub fn length(&self) -> usize {
        self.seen.0.lock().unwrap().len()
    }

    /// Waits until the console shows `text` somewhere after its first `from` bytes.
    pub fn wait_for(&self, text: &str, from: usize, patience: Duration) {
        let deadline = Instant::now() + patience;
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().unwrap();
        while !String::from_utf8_lossy(&seen[from.min(seen.len())..]).contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the console does not show `{text}`");
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// All that was shown, without what is not text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap()).into_owned()
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

    /// Prints where the log is and its last lines.
    pub fn print_end(&self) {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        println!("--- the end of {}:", self.path.display());
        for line in &lines[lines.len().saturating_sub(60)..] {
            println!("{}", line.trim_end());
        }
        println!("---");
    }
}

struct Writer {
    file: File,
    log: ConsoleLog,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        let (seen, changed) = &*self.log.seen;
        seen.lock().unwrap().extend_from_slice(bytes);
        changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
