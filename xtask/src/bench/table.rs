//! The figures as people read them.

use std::time::Duration;

use super::measure::Measured;

/// Sections of lines, ours first, the peers with their ratio to it.
#[derive(Default)]
pub struct Table {
    lines: Vec<String>,
    notes: Vec<String>,
    ours: Option<Measured>,
}

impl Table {
    /// Begins a comparison.
    pub fn section(&mut self, what: &str) {
        println!("measuring: {what}");
        self.lines.push(format!("\n{what}"));
        self.ours = None;
    }

    /// imgbuild's figures in this section.
    pub fn ours(&mut self, measured: &Measured) {
        self.lines.push(line("imgbuild", measured, ""));
        self.ours = Some(*measured);
    }

    /// Figures of our own for something else than the peers do.
    pub fn also(&mut self, name: &str, measured: &Measured) {
        self.lines.push(line(name, measured, ""));
    }

    /// A peer's figures; where it is not installed, those `known` of it, if any.
    pub fn peer(&mut self, name: &str, measured: Option<Measured>, known: &str) {
        let Some(peer) = measured else {
            let missing = if known.is_empty() {
                "not installed".to_owned()
            } else {
                format!("not installed; measured once: {known}")
            };
            self.lines.push(format!("  {name:40} {missing}"));
            return;
        };
        let ratio = self.ours.map_or(String::new(), |ours| {
            let ratio = ours.time.as_secs_f64() / peer.time.as_secs_f64();
            let memory = match (ours.memory, peer.memory) {
                (Some(ours), Some(peer)) if peer > 0 => {
                    let whole = |kib| f64::from(u32::try_from(kib).unwrap_or(u32::MAX));
                    format!(", {:.2} of its memory", whole(ours) / whole(peer))
                }
                _ => String::new(),
            };
            format!("  imgbuild takes {ratio:.2} of its time{memory}")
        });
        self.lines.push(line(name, &peer, &ratio));
    }

    /// A peer that is not run here, with figures that were measured once.
    pub fn known(&mut self, name: &str, figures: &str) {
        self.lines
            .push(format!("  {name:40} measured once: {figures}"));
    }

    /// Something to know beside the figures.
    pub fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    pub fn print(&self) {
        println!("\n  {:40} {:>12} {:>12}", "median", "time", "peak memory");
        for line in &self.lines {
            println!("{line}");
        }
        println!();
        for note in &self.notes {
            println!("note: {note}");
        }
    }
}

fn line(name: &str, measured: &Measured, more: &str) -> String {
    let memory = measured.memory.map_or("?".to_owned(), |kib| {
        format!(
            "{:.1} MiB",
            f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
        )
    });
    format!(
        "  {name:40} {:>12} {memory:>12}{more}",
        shown(measured.time)
    )
}

fn shown(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}
