//! What a release of Kubernetes has, asked of its own programs.
//!
//! Nothing of a release is served by its programs as data, but they say it in passing: flags and
//! feature gates in their help, what they do not know in their complaints. Each is started with
//! something that ends it before it does anything, such as a setting that it refuses. Only for the
//! kinds of its APIs does the API server run, for itself on this machine's loopback, with an etcd
//! of its own.

mod apis;
mod config;
mod flags;
mod gates;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::facts::kubernetes::learned::Learned;
use crate::facts::kubernetes::tables::{Component, ConfigKind};
use crate::facts::kubernetes::version::KubeVersion;
use crate::pki::CryptoRng;
use crate::progress::Progress;

use crate::subprocess::Program;

/// What is learned beyond the five programs, and of what.
#[derive(Debug, Clone, Default)]
pub struct Helpers {
    /// etcd, which the API server needs to start; `None`: the kinds of APIs are not learned.
    pub etcd: Option<PathBuf>,
}

/// What was learned.
#[derive(Debug)]
pub struct Lesson {
    pub learned: Learned,
    /// What could not be asked for want of a program, for people.
    pub left_out: Vec<String>,
}

/// Asks the programs in `folder`. kubectl and etcd are needed for the kinds of APIs, kubeadm for
/// the tags of images; what is missing is left out.
pub fn learn(
    folder: &Path,
    helpers: &Helpers,
    rng: &mut dyn CryptoRng,
    progress: &dyn Progress,
) -> Result<Lesson> {
    let program = |name: &str| Program::find(folder, name);
    let mut programs = Vec::new();
    for component in Component::ALL {
        programs.push((component, program(component.as_str())?));
    }
    let version = version_of(&programs)?;
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    let mut left_out = Vec::new();
    let mut add = |name: &str, lines: Vec<String>| {
        let mut text = lines.join("\n");
        if !lines.is_empty() {
            text.push('\n');
        }
        sections.insert(name.to_owned(), text);
    };

    let mut lines = Vec::new();
    for (component, program) in &programs {
        progress.start(&format!("asking {component} for its flags"), None);
        lines.push(format!("[{component}]"));
        lines.extend(flags::of(*component, program)?);
    }
    add("flags", lines);
    let (_, api_server) = &programs[0];
    progress.start("asking for feature gates", None);
    let helps = programs.iter().map(|(_, program)| program.help());
    let helps = helps.collect::<Result<Vec<_>>>()?;
    add("feature gates", gates::of(api_server, &helps, version)?);
    add("admission plugins", flags::admission_plugins(&helps[0])?);
    for (kind, at) in [(ConfigKind::Proxy, 3), (ConfigKind::Kubelet, 4)] {
        progress.start(&format!("asking for the fields of {}", kind.as_str()), None);
        add(kind.as_str(), config::fields(kind, &programs[at].1)?);
    }
    match program("kubeadm") {
        Ok(kubeadm) => add("images", images(&kubeadm, version)?),
        Err(_) => left_out.push("the tags of images, which kubeadm knows".to_owned()),
    }
    match (program("kubectl"), &helpers.etcd) {
        (Ok(kubectl), Some(etcd)) => {
            progress.start("asking the API server for its APIs", None);
            let etcd = Program::new(etcd);
            add("APIs", apis::of(api_server, &kubectl, &etcd, rng)?);
        }
        (Err(_), _) => left_out.push("the kinds of APIs, for which kubectl is needed".to_owned()),
        (_, None) => left_out.push("the kinds of APIs, for which etcd is needed".to_owned()),
    }
    progress.finish();
    Ok(Lesson {
        learned: Learned::new(version, sections),
        left_out,
    })
}

/// The version of all the programs, which must be one.
fn version_of(programs: &[(Component, Program)]) -> Result<KubeVersion> {
    let mut first: Option<(Component, KubeVersion)> = None;
    for (component, program) in programs {
        let said = program.ask(&["--version"])?;
        let text = said.text();
        let word = text.trim().rsplit(' ').next().unwrap_or_default();
        // `v1.36.2`, or with what a distribution adds: `v1.36.2+k3s1`.
        let number = word.split(['-', '+']).next().unwrap_or_default();
        let version = number.parse::<KubeVersion>().with_context(|| {
            format!(
                "{component} says that its version is `{}`",
                said.text().trim()
            )
        })?;
        match first {
            None => first = Some((*component, version)),
            Some((other, theirs)) => anyhow::ensure!(
                theirs == version,
                "{other} is of {theirs}, and {component} of {version}: put the programs of one release into a folder"
            ),
        }
    }
    Ok(first.context("no programs")?.1)
}

/// Lines of the section `images`.
fn images(kubeadm: &Program, version: KubeVersion) -> Result<Vec<String>> {
    let wanted = format!("v{version}");
    let listing = ["config", "images", "list", "--kubernetes-version", &wanted];
    let said = kubeadm.ask(&listing)?.text();
    let mut found = Vec::new();
    for name in ["coredns", "etcd", "pause"] {
        let tag = said.lines().find_map(|line| {
            let (repository, tag) = line.rsplit_once(':')?;
            (repository.rsplit('/').next() == Some(name)).then_some(tag)
        });
        let tag = tag.with_context(|| format!("kubeadm lists no image of {name}: {said}"))?;
        found.push(format!("{name} {tag}"));
    }
    Ok(found)
}
