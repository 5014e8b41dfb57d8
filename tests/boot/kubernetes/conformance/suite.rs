//! The suite: which of its tests are run, and how.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::report::{self, Outcome};

/// All conformance tests, but for those that need the cluster for themselves.
const FOCUS: &str = r"--ginkgo.focus=\[Conformance\]";
const SKIP: &str = r"--ginkgo.skip=\[Serial\]";

/// Tests that need an image which is another program than agnhost, busybox, pause, and the DNS
/// tools of Debian: part of their names, and the image.
const WANTING: [(&str, &str); 9] = [
    (
        "Aggregator Should be able to support the 1.17 Sample API Server",
        "sample-apiserver",
    ),
    ("Update Demo should create and stop", "nautilus"),
    ("Update Demo should scale", "nautilus"),
    (
        "ImageVolume should succeed with pod and pull policy",
        "kitten",
    ),
    (
        "should not allow privilege escalation when false",
        "nonewprivs",
    ),
    (
        "ReplicationController should test the lifecycle of a ReplicationController",
        "nginx",
    ),
    (
        "should create Endpoints for Pods matching a Service",
        "nginx",
    ),
    (
        "should create Endpoints and EndpointSlices for Pods matching",
        "nginx",
    ),
    // It compares what the shell says.
    (
        "should not write to root filesystem",
        "busybox with its own shell",
    ),
];

/// Asks for two nodes, and nothing else.
const TWO_NODES: &str = "should have at least two untainted nodes";

/// How many tests a process of the suite gets. One that is stopped loses as many at most.
const BATCH: usize = 8;

/// Tests by the part of the system that they are about, those that ask most of a node first.
const ORDER: [&str; 4] = ["[sig-network]", "[sig-node]", "[sig-storage]", "[sig-apps]"];

/// A test that fails is tried again: those that count seconds may fail on an emulated node.
const TRIES: usize = 2;

/// Ends the name of a folder of reports while its process runs.
const UNFINISHED: &str = "part";

/// A run of the suite against a cluster.
pub struct Suite {
    /// Has `e2e.test` and `kubectl`.
    pub programs: PathBuf,
    /// The administrator's.
    pub kubeconfig: PathBuf,
    /// Where reports are kept; those that are there already count.
    pub folder: PathBuf,
    /// How many nodes run pods.
    pub nodes: usize,
    /// How many processes of the suite run at once: tests wait for half of their time.
    pub processes: usize,
}

/// All conformance tests that need no machine for themselves, and why those that are not run are
/// not.
pub struct Plan {
    pub run: Vec<String>,
    pub left_out: Vec<(String, String)>,
}

impl Suite {
    /// Asks the suite for its tests.
    pub fn plan(&self) -> Plan {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(self.programs.join("e2e.test"));
        command.arg("--ginkgo.dry-run");
        command.args([FOCUS, SKIP]);
        command.arg(format!("--report-dir={}", folder.path().display()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut all: Vec<String> = report::take(&folder.path().join("junit_01.xml"))
            .into_iter()
            .map(|it| it.name)
            .collect();
        all.sort_by_key(|name| {
            let rank = ORDER.iter().position(|part| name.starts_with(part));
            (rank.unwrap_or(ORDER.len()), name.clone())
        });
        let only = std::env::var("IMGBUILD_CONFORMANCE_ONLY").unwrap_or_default();
        let mut plan = Plan {
            run: Vec::new(),
            left_out: Vec::new(),
        };
        for name in all {
            let why = self.left_out(&name);
            if let Some(why) = why {
                plan.left_out.push((name, why));
            } else if only.split('|').any(|part| name.contains(part)) {
                plan.run.push(name);
            } else {
                plan.left_out
                    .push((name, "IMGBUILD_CONFORMANCE_ONLY asks for others".to_owned()));
            }
        }
        plan
    }

    /// Why a test is not run.
    fn left_out(&self, name: &str) -> Option<String> {
        let is_in = |part: &&str| name.contains(part);
        if let Some((_, image)) = WANTING.iter().find(|(part, _)| is_in(part)) {
            return Some(format!("needs the image {image}"));
        }
        (self.nodes < 2 && is_in(&TWO_NODES)).then(|| "needs two nodes".to_owned())
    }

    /// Runs what `plan` says and has not passed yet. `summary.txt` is written after each process.
    pub fn run(&self, plan: &Plan) -> Summary {
        let mut summary = self.read(plan);
        loop {
            let (fresh, failed): (Vec<&str>, Vec<&str>) = plan
                .run
                .iter()
                .map(String::as_str)
                .filter(|name| summary.is_due(name))
                .partition(|name| summary.tries(name) == 0);
            // What failed goes alone.
            let mut batches = if fresh.is_empty() {
                failed.chunks(1).take(1)
            } else {
                fresh.chunks(BATCH).take(fresh.len())
            };
            if batches.len() == 0 {
                return summary;
            }
            let (before, first) = (summary.ran(), summary.reports);
            let next = Mutex::new((first, &mut batches));
            std::thread::scope(|scope| {
                for _ in 0..self.processes {
                    scope.spawn(|| {
                        while let Some((number, batch)) = taken(&next) {
                            self.process(batch, &self.folder.join(format!("{number:04}")));
                            let _alone = next.lock();
                            println!("{}", self.read(plan).line());
                        }
                    });
                }
            });
            summary = self.read(plan);
            assert!(summary.ran() > before, "no test ran");
        }
    }

    /// Runs tests of these names, with the report and all that is said in the folder `whole`,
    /// which has that name once it is whole.
    fn process(&self, names: &[&str], whole: &Path) {
        let reports = whole.with_extension(UNFINISHED);
        fs::create_dir_all(&reports).unwrap();
        let focus: Vec<String> = (names.iter())
            .map(|name| format!("{}$", escaped(name)))
            .collect();
        let log = fs::File::create(reports.join("log")).unwrap();
        // Whether tests failed is in the report.
        Command::new(self.programs.join("e2e.test"))
            .args(["--provider=skeleton", "--ginkgo.no-color", "--ginkgo.v"])
            .args(["--ginkgo.silence-skips", "--ginkgo.timeout=9h"])
            .arg(format!("--ginkgo.focus={}", focus.join("|")))
            .arg(format!("--report-dir={}", reports.display()))
            .arg(format!("--kubeconfig={}", self.kubeconfig.display()))
            .arg(format!(
                "--kubectl-path={}",
                self.programs.join("kubectl").display()
            ))
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .status()
            .unwrap();
        fs::rename(reports, whole).unwrap();
    }

    /// What all reports of the folder say.
    fn read(&self, plan: &Plan) -> Summary {
        let mut folders: Vec<PathBuf> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir() && path.extension().is_none())
            .collect();
        folders.sort();
        let mut outcomes: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
        for folder in &folders {
            let ran = report::take(&folder.join("junit_01.xml"));
            // Another run may have been asked for others.
            for outcome in ran.into_iter().filter(|it| plan.run.contains(&it.name)) {
                let of_test = outcomes.entry(outcome.name.clone()).or_default();
                of_test.push(outcome);
            }
        }
        let summary = Summary {
            outcomes,
            reports: folders.len(),
            planned: plan.run.len(),
        };
        fs::write(self.folder.join("summary.txt"), summary.text(plan)).unwrap();
        summary
    }
}

/// The next batch, with the number of its reports.
fn taken<'a, T>(next: &Mutex<(usize, &mut T)>) -> Option<(usize, &'a [&'a str])>
where
    T: Iterator<Item = &'a [&'a str]>,
{
    let mut next = next.lock().unwrap();
    let batch = next.1.next()?;
    let number = next.0;
    next.0 += 1;
    Some((number, batch))
}

/// `name` as a regular expression (Go, package regexp/syntax) that only it matches.
fn escaped(name: &str) -> String {
    let mut pattern = String::new();
    for character in name.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// What ran so far.
pub struct Summary {
    /// By the tests' names, each try.
    outcomes: BTreeMap<String, Vec<Outcome>>,
    reports: usize,
    planned: usize,
}

impl Summary {
    fn tries(&self, name: &str) -> usize {
        self.outcomes.get(name).map_or(0, Vec::len)
    }

    fn has_passed(&self, name: &str) -> bool {
        let tries = self.outcomes.get(name);
        tries.is_some_and(|tries| tries.iter().any(|it| it.passed))
    }

    fn is_due(&self, name: &str) -> bool {
        !self.has_passed(name) && self.tries(name) < TRIES
    }

    fn ran(&self) -> usize {
        self.outcomes.values().map(Vec::len).sum()
    }

    /// The tests that failed every time, and what they said last.
    pub fn failed(&self) -> Vec<(&str, &str)> {
        let failed = self
            .outcomes
            .iter()
            .filter(|(name, _)| !self.has_passed(name));
        failed
            .map(|(name, tries)| {
                let why = tries.last().map_or("", |it| it.why.as_str());
                (name.as_str(), why)
            })
            .collect()
    }

    fn line(&self) -> String {
        let tests = self.outcomes.len();
        let failed = self.failed().len();
        let seconds: f64 = self.outcomes.values().flatten().map(|it| it.seconds).sum();
        format!(
            "{} of {} passed, {failed} failed, {:.0} s a test",
            tests - failed,
            self.planned,
            seconds / f64::from(u32::try_from(self.ran().max(1)).unwrap())
        )
    }

    /// For people.
    fn text(&self, plan: &Plan) -> String {
        let mut text = format!("{}\n\n", self.line());
        for (name, tries) in &self.outcomes {
            for outcome in tries {
                let word = if outcome.passed { "passed" } else { "FAILED" };
                writeln!(text, "{word} {:6.1} s  {name}", outcome.seconds).unwrap();
                for line in outcome.why.lines().take(12) {
                    writeln!(text, "            {line}").unwrap();
                }
            }
        }
        for name in plan.run.iter().filter(|name| self.tries(name) == 0) {
            writeln!(text, "to run           {name}").unwrap();
        }
        for (name, why) in &plan.left_out {
            writeln!(text, "not run          {name}: {why}").unwrap();
        }
        text
    }
}
