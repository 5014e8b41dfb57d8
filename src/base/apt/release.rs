//! What a mirror's signed indexes say of themselves (Debian Repository Format, "Release" files):
//! which suite they are of, how old they are, and until when they are to be believed.
//!
//! apt checks that the archive signed them, which holds for those of other suites and of last year
//! too. A mirror could withhold security updates with those.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result, ensure};
use x509_cert::der::DateTime;

/// The longest index of a suite that is read, in bytes. Debian's largest has 250 kB.
const RELEASE_MAX: u64 = 16 << 20;

/// A suite as it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The archive's base URI.
    pub uri: &'a str,
    /// Its name, which is its codename too: `trixie-security`.
    pub suite: &'a str,
    /// The date of the index that it was last resolved with.
    pub known: Option<DateTime>,
}

/// The signed index of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    suite: String,
    codename: String,
    pub date: DateTime,
    /// `None`: for ever, as that of a suite which only point releases change.
    valid_until: Option<DateTime>,
}

impl Release {
    /// Reads the index of `suite` that apt has put into `lists`, after it checked its signature.
    pub fn read(lists: &Path, suite: &str) -> Result<Self> {
        let reading = || format!("reading {}", lists.display());
        let endings = ["InRelease", "Release"].map(|name| format!("_dists_{suite}_{name}"));
        let mut found = Vec::new();
        for entry in fs::read_dir(lists).with_context(reading)? {
            let entry = entry.with_context(reading)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(entry.path());
            }
        }
        ensure!(
            found.len() == 1,
            "apt has {} indexes of {suite} in {}",
            found.len(),
            lists.display()
        );
        let path = &found[0];
        let reading = || format!("reading {}", path.display());
        let length = fs::metadata(path).with_context(reading)?.len();
        ensure!(length <= RELEASE_MAX, "{} is too long", path.display());
        fs::read_to_string(path)
            .with_context(reading)?
            .parse()
            .with_context(reading)
    }

    /// What is wrong with it as an answer to `wanted` at the time `now`; nothing if it can be used.
    /// With `allow_old` neither its age nor its end counts.
    pub fn objection(&self, wanted: Wanted<'_>, now: DateTime, allow_old: bool) -> Option<String> {
        let Wanted { uri, suite, known } = wanted;
        let kind = |name: &str| name.split_once('-').map(|(_, kind)| kind.to_owned());
        if self.codename != suite || kind(&self.suite) != kind(suite) {
            return Some(format!(
                "{uri}/dists/{suite} is not {suite}: its signed index is that of {} (suite {}). Use another mirror",
                self.codename, self.suite
            ));
        }
        if allow_old {
            return None;
        }
        let hint = "use a mirror that is up to date, or accept a snapshot of the archive with `--allow-old-indexes`";
        if let Some(known) = known.filter(|known| self.date < *known) {
            return Some(format!(
                "the index of {suite} on {uri} is older ({}) than the one that imgbuild.lock was made with ({known}), and lacks updates: {hint}",
                self.date
            ));
        }
        let end = self.valid_until.filter(|end| *end < now)?;
        Some(format!(
            "the index of {suite} on {uri} is of {} and expired at {end}, so updates may be missing: {hint}",
            self.date
        ))
    }
}

impl FromStr for Release {
    type Err = anyhow::Error;

    /// From an `InRelease`, signed within itself (RFC 9580 §7), or a `Release`.
    fn from_str(text: &str) -> Result<Self> {
        let text = match text.strip_prefix("-----BEGIN PGP SIGNED MESSAGE-----") {
            // Headers of the armor end with an empty line.
            Some(signed) => {
                let (_, signed) = signed.split_once("\n\n").context("nothing is signed")?;
                let end = "\n-----BEGIN PGP SIGNATURE-----";
                signed.split_once(end).context("it has no signature")?.0
            }
            None => text,
        };
        let field = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim())
        };
        let needed = |name: &str| field(name).with_context(|| format!("it has no `{name}`"));
        let time = |name: &str, text: &str| {
            date(text).with_context(|| format!("`{name}: {text}` is not a date"))
        };
        let valid_until = field("Valid-Until");
        Ok(Self {
            suite: needed("Suite")?.to_owned(),
            codename: needed("Codename")?.to_owned(),
            date: time("Date", needed("Date")?)?,
            valid_until: valid_until
                .map(|text| time("Valid-Until", text))
                .transpose()?,
        })
    }
}

/// A time as in `Sun, 29 Nov 2026 00:53:14 UTC`.
fn date(text: &str) -> Option<DateTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, text) = text.split_once(", ")?;
    let [day, month, year, time, zone] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        return None;
    };
    if !matches!(zone, "UTC" | "GMT" | "Z" | "+0000") {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    DateTime::new(
        year.parse().ok()?,
        u8::try_from(month).ok()?,
        day.parse().ok()?,
        hour.parse().ok()?,
        minute.parse().ok()?,
        second.parse().ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\nSuite: stable-security\nCodename: trixie-security\n\
        Date: Sun, 29 Nov 2026 00:53:14 UTC\nValid-Until: Sun, 06 Dec 2026 00:53:14 UTC\nSHA256:\n 00 1 main/Codename: x\n\
        -----BEGIN PGP SIGNATURE-----\nSuite: other\n";

    fn time(text: &str) -> DateTime {
        text.parse().expect("a time")
    }

    #[test]
    fn signed_indexes_are_read() {
        let release: Release = SIGNED.parse().expect("well formed");
        assert_eq!(release.suite, "stable-security");
        assert_eq!(release.codename, "trixie-security");
        assert_eq!(release.date, time("2026-11-29T00:53:14Z"));
        assert_eq!(release.valid_until, Some(time("2026-12-06T00:53:14Z")));
        let plain: Release =
            "Codename: trixie\nSuite: stable\nDate: Sat,  1 Aug 2026 09:15:44 GMT\n"
                .parse()
                .expect("well formed");
        assert_eq!(plain.date, time("2026-08-01T09:15:44Z"));
        assert_eq!(plain.valid_until, None);
        for (name, wrong) in [
            ("no date", SIGNED.replace("Date: ", "Data: ")),
            ("another calendar", SIGNED.replace("29 Nov", "31 Nov")),
            ("another zone", SIGNED.replace("53:14 UTC", "53:14 CET")),
            (
                "no end of what is signed",
                SIGNED.replace("BEGIN PGP SIGNATURE", ""),
            ),
            ("only a signature", SIGNED.replace("SHA512\n\n", "SHA512\n")),
        ] {
            assert!(wrong.parse::<Release>().is_err(), "{name}");
        }
    }

    #[test]
    fn objections() {
        let release: Release = SIGNED.parse().expect("well formed");
        let wanted = |suite, known: Option<&str>| Wanted {
            uri: "http://m.example/debian-security",
            suite,
            known: known.map(time),
        };
        let now = "2026-12-01T00:00:00Z";
        let security = "trixie-security";
        let late = "2026-12-06T00:53:15Z";
        for (name, suite, known, now, old, expected) in [
            ("good", security, None, now, false, None),
            (
                "the last second",
                security,
                None,
                "2026-12-06T00:53:14Z",
                false,
                None,
            ),
            (
                "expired",
                security,
                None,
                late,
                false,
                Some("expired at 2026-12-06T00:53:14Z"),
            ),
            ("a snapshot", security, None, late, true, None),
            (
                "the same as before",
                security,
                Some("2026-11-29T00:53:14Z"),
                now,
                false,
                None,
            ),
            (
                "older than before",
                security,
                Some("2026-11-29T00:53:15Z"),
                now,
                false,
                Some("is older (2026-11-29"),
            ),
            (
                "older on purpose",
                security,
                Some("2026-11-30T00:00:00Z"),
                now,
                true,
                None,
            ),
            (
                "updates",
                "trixie-updates",
                None,
                now,
                true,
                Some("is that of trixie-security"),
            ),
            (
                "the release itself",
                "trixie",
                None,
                now,
                false,
                Some("is not trixie:"),
            ),
            (
                "the next release",
                "forky-security",
                None,
                now,
                false,
                Some("is not forky-security"),
            ),
        ] {
            let found = release.objection(wanted(suite, known), time(now), old);
            match expected {
                Some(words) => assert!(
                    found.as_ref().is_some_and(|it| it.contains(words)),
                    "{name}: {found:?}"
                ),
                None => assert_eq!(found, None, "{name}"),
            }
        }
        let named: Release = SIGNED
            .replace("stable-security", "stable-updates")
            .parse()
            .expect("well formed");
        assert!(
            named
                .objection(wanted(security, None), time(now), true)
                .is_some()
        );
    }
}
