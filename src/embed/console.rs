//! Consoles that coreos-installer accepts: those that both GRUB and the kernel support.

use anyhow::Result;

use super::refused;

/// Consoles without line settings.
const GRAPHICAL: [&str; 3] = ["tty0", "hvc0", "ttysclp0"];
/// Names of serial ports, followed by a number.
const SERIAL: [&str; 2] = ["ttyS", "ttyAMA"];

/// Refuses a console that coreos-installer does not accept. It accepts `tty0`, `hvc0`, `ttysclp0`,
/// and a serial port, optionally with speed, parity and bits as in `ttyS0,115200n8`.
pub(super) fn check(console: &str) -> Result<()> {
    if GRAPHICAL.contains(&console) || is_serial(console) {
        return Ok(());
    }
    refused(format!(
        "`{}` is not a valid console of an installed system: expected tty0, hvc0, ttysclp0, or a serial port as in ttyS0,115200n8",
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
            // Data bits can only follow a parity.
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
