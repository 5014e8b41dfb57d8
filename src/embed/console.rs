//! Consoles as coreos-installer takes them: those that both GRUB and the kernel can use.

use anyhow::Result;

use super::refused;

/// Consoles without a line's settings.
const GRAPHICAL: [&str; 3] = ["tty0", "hvc0", "ttysclp0"];
/// Names of serial lines, to which a number belongs.
const SERIAL: [&str; 2] = ["ttyS", "ttyAMA"];

/// Refuses a console that coreos-installer does not take: `tty0`, `hvc0`, `ttysclp0`, or a serial
/// line with, perhaps, its speed, parity and bits as in `ttyS0,115200n8`.
pub(super) fn check(console: &str) -> Result<()> {
    if GRAPHICAL.contains(&console) || is_serial(console) {
        return Ok(());
    }
    refused(format!(
        "`{}` is no console of an installed system: it is tty0, hvc0, ttysclp0, or a serial line as in ttyS0,115200n8",
        console.escape_debug()
    ))
}

fn is_serial(console: &str) -> bool {
    let (name, settings) = match console.split_once(',') {
        Some((name, settings)) => (name, Some(settings)),
        None => (console, None),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let known = SERIAL
        .iter()
        .any(|line| name.strip_prefix(line).is_some_and(is_number));
    known
        && settings.is_none_or(|settings| {
            let end = settings.find(|c: char| !c.is_ascii_digit());
            let (speed, rest) = settings.split_at(end.unwrap_or(settings.len()));
            // Data bits stand behind a parity only.
            let is_rest = rest.is_empty()
                || rest
                    .strip_prefix(['n', 'o', 'e'])
                    .is_some_and(|bits| ["", "7", "8"].contains(&bits));
            is_number(speed) && is_rest
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles() {
        for console in [
            "tty0",
            "hvc0",
            "ttysclp0",
            "ttyS0",
            "ttyS10",
            "ttyAMA0",
            "ttyS0,115200",
            "ttyS0,115200n",
            "ttyS1,9600e7",
            "ttyAMA0,115200n8",
        ] {
            assert!(check(console).is_ok(), "{console}");
        }
        for console in [
            "",
            "tty1",
            "ttyS",
            "ttyS0,",
            "ttyS0,n8",
            "ttyS0,115200x8",
            "ttyS0,115200n9",
            "ttyS0,115200n8r",
            "ttyS0,115200 8",
            "tty0,115200",
            "ttyUSB0",
        ] {
            assert!(check(console).is_err(), "{console}");
        }
    }
}
