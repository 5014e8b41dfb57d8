//! The program `helm`: found, and asked for the objects of a chart.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result};

use super::differences::first_difference;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::kubernetes::version::KubeVersion;
use crate::manifests::Kinds;
use crate::spec::{ChartFiles, KubernetesChart};
use crate::subprocess::{Program, Said};
use crate::text::beginning;

/// The environment variable that names the program.
pub const HELM_VARIABLE: &str = "IMGBUILD_HELM";

/// A proxy that refuses every connection, as nothing listens at this port: what a chart fetches
/// while it is rendered would not be the same tomorrow.
const CLOSED_PROXY: &str = "http://127.0.0.1:9";

/// Time zones whose dates always differ, by 26 hours: a chart that has the date in it is noticed.
const TIME_ZONES: [&str; 2] = ["Etc/GMT+12", "Etc/GMT-14"];

/// The longest excerpt of what Helm says, in characters.
const EXCERPT: usize = 400;

/// Where Helm is on this machine.
#[derive(Debug, Clone)]
pub struct Helm {
    program: Result<PathBuf, String>,
    /// Where it finds programs itself.
    path: OsString,
}

/// A chart, and all that its objects depend on.
pub(super) struct Rendering<'a> {
    pub chart: &'a KubernetesChart,
    pub files: &'a ChartFiles,
    /// The files of values.
    pub values: Vec<&'a [u8]>,
    pub version: KubeVersion,
    /// What the cluster has.
    pub kinds: Vec<Kinds>,
}

impl Helm {
    /// The program that the environment names, or the first `helm` in `PATH`.
    pub fn from_host(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = variable("PATH").unwrap_or_default();
        let named = variable(HELM_VARIABLE).filter(|name| !name.is_empty());
        let program = match named {
            Some(named) => match std::path::absolute(&named) {
                Ok(file) if is_executable(&file) => Ok(file),
                _ => Err(format!(
                    "{HELM_VARIABLE} names {}, which is not a program",
                    named.display()
                )),
            },
            None => std::env::split_paths(&path)
                .map(|folder| folder.join("helm"))
                .find(|file| file.is_absolute() && is_executable(file))
                .ok_or_else(|| "there is no `helm` in PATH".to_owned()),
        };
        Self { program, path }
    }

    /// Returns the objects of a chart as Helm prints them. They are made twice, and must be the
    /// same.
    pub(super) fn render(&self, rendering: &Rendering) -> Result<String, Box<Diagnostic>> {
        let chart = rendering.chart;
        let (name, span) = (chart.chart.as_str(), chart.chart.span);
        let program = self.program.as_ref().map_err(|why| {
            Diagnostic::error(codes::NO_HELM, span, format!("`{name}` needs Helm: {why}")).help(
                format!("install Helm 3 or 4, or name its program by {HELM_VARIABLE}"),
            )
        })?;
        let failed = |why: &str| {
            Box::new(
                Diagnostic::error(
                    codes::CHART_NOT_RENDERED,
                    span,
                    format!("Helm cannot render `{name}`"),
                )
                .label(excerpt(why)),
            )
        };
        let [first, second] = thread::scope(|scope| {
            TIME_ZONES
                .map(|zone| {
                    let mut program = (Program::new(program))
                        .variable("TZ", zone)
                        .variable("HTTP_PROXY", CLOSED_PROXY)
                        .variable("HTTPS_PROXY", CLOSED_PROXY);
                    if !self.path.is_empty() {
                        program = program.variable("PATH", &self.path);
                    }
                    scope.spawn(move || rendering.ask(&program))
                })
                .map(|asking| match asking.join() {
                    Ok(said) => said,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        });
        let first = first.map_err(|error| failed(&format!("{error:#}")))?;
        let second = second.map_err(|error| failed(&format!("{error:#}")))?;
        for said in [&first, &second] {
            if !said.is_success {
                let why = complaint(&said.err);
                let help = help_for(&why, chart);
                return Err(Box::new(failed(&why).help(help)));
            }
        }
        match first_difference(&first.out, &second.out) {
            None => Ok(first.out),
            Some(difference) => Err(Box::new(
                Diagnostic::error(
                    codes::CHART_DIFFERS,
                    span,
                    format!("`{name}` renders differently each time"),
                )
                .label(difference)
                .help(
                    "set the chart's value for it: a password, a date, a Secret that exists, or who \
                     makes certificates",
                ),
            )),
        }
    }
}

impl Rendering<'_> {
    /// Runs `helm template` on copies in a folder that is its home, so that neither settings of the
    /// user nor files outside of the chart have a part in it.
    fn ask(&self, program: &Program) -> Result<Said> {
        let home = tempfile::tempdir().context("making a folder")?;
        let folder = home.path();
        let chart = self.place(folder)?;
        let mut arguments = vec![
            "template".to_owned(),
            self.chart.name.as_str().to_owned(),
            chart.clone(),
            format!("--namespace={}", self.chart.namespace().as_str()),
            format!("--kube-version={}", self.version),
            "--include-crds".to_owned(),
            "--skip-tests".to_owned(),
            format!("--api-versions={}", self.api_versions()),
        ];
        for (index, values) in self.values.iter().enumerate() {
            arguments.push(values_file(
                folder,
                &format!("values-{index}.yaml"),
                values,
            )?);
        }
        if let Some(values) = &self.chart.values {
            let json = values.to_json().to_string();
            arguments.push(values_file(folder, "values.json", json.as_bytes())?);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut said = program.ask_in(folder, &arguments)?;
        said.err = (said.err)
            .replace(&chart, self.chart.chart.as_str())
            .replace(&format!("{}/", folder.display()), "");
        Ok(said)
    }

    /// Copies the chart into `folder`, and returns its path.
    fn place(&self, folder: &Path) -> Result<String> {
        let write = |path: &Path, bytes: &[u8]| {
            fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
        };
        let path = match self.files {
            ChartFiles::Archive(bytes) => {
                let path = folder.join("chart.tgz");
                write(&path, bytes)?;
                path
            }
            ChartFiles::Folder(files) => {
                let top = folder.join("chart");
                for (inner, bytes) in files {
                    let path = top.join(inner);
                    if let Some(folder) = path.parent() {
                        fs::create_dir_all(folder)
                            .with_context(|| format!("making {}", folder.display()))?;
                    }
                    write(&path, bytes)?;
                }
                top
            }
        };
        Ok(path.display().to_string())
    }

    /// `apps/v1,apps/v1/Deployment,…`: what templates can ask for by `.Capabilities.APIVersions`.
    fn api_versions(&self) -> String {
        let mut all = Vec::new();
        for (api, kinds) in self.kinds.iter().flatten() {
            all.push(api.clone());
            all.extend(kinds.iter().map(|kind| format!("{api}/{kind}")));
        }
        all.join(",")
    }
}

fn values_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<String> {
    let path = folder.join(name);
    fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
    Ok(format!("--values={}", path.display()))
}

/// What Helm complains of: the words after its last `Error:`, without its advice, in one line.
fn complaint(said: &str) -> String {
    let from = said.rfind("Error: ").map_or(0, |at| at + "Error: ".len());
    let lines = said[from..].lines().map(str::trim);
    let lines: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("Use --debug"))
        .collect();
    if lines.is_empty() {
        return "it failed without a word".to_owned();
    }
    lines.join(" ")
}

fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    beginning(&line, EXCERPT)
}

fn help_for(why: &str, chart: &KubernetesChart) -> String {
    let path = chart.chart.as_str();
    if why.contains("missing in charts/ directory") {
        format!("run `helm dependency build {path}`")
    } else if why.contains(CLOSED_PROXY.trim_start_matches("http://")) {
        "charts are rendered without a network: put what it fetches into the chart".to_owned()
    } else {
        format!(
            "`helm template {} {path} --debug` with these values shows more",
            chart.name.as_str()
        )
    }
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}
