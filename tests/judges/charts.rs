//! Helm charts, with Helm itself as the judge, where it is on this machine: the chart that `helm
//! create` makes, with hooks, definitions and a chart that it depends on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild::diagnostic::SourceId;
use imgbuild::spec::json_of;
use imgbuild::spec::yaml::{Limits, parse_documents};
use serde_json::Value as Json;

use crate::helm::manifests;
use crate::skipped::skipped;

/// Helm on this machine; says so if there is none.
fn helm() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::var_os("IMGBUILD_HELM").map(PathBuf::from);
    let found = named.or_else(|| {
        let mut all = std::env::split_paths(&path).map(|folder| folder.join("helm"));
        all.find(|it| it.is_file())
    });
    if found.is_none() {
        skipped("charts: there is no Helm (no `helm` in PATH, and IMGBUILD_HELM is not set)");
    }
    found
}

/// A folder with the charts `web` and `db`, a spec, and what the spec's release is called.
struct Folder {
    folder: tempfile::TempDir,
    helm: PathBuf,
}

const HOOK: &str = "apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-NAME
  annotations: {helm.sh/hook: HOOK}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: a, image: 'registry.example/a:1'}]}
";

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.a.example}
spec:
  group: a.example
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
";

/// Says what a template can know of its cluster.
const CLUSTER: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: cluster}
data:
  version: {{ .Capabilities.KubeVersion.Version }}
  of-chart: '{{ .Capabilities.APIVersions.Has \"a.example/v1/Widget\" }}'
  of-release: '{{ .Capabilities.APIVersions.Has \"resource.k8s.io/v1/DeviceClass\" }}'
  of-manifests: '{{ .Capabilities.APIVersions.Has \"b.example/v1\" }}'
  looked-up: '{{ len (lookup \"v1\" \"Node\" \"\" \"\") }}'
";

impl Folder {
    fn new(helm: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let new = Self { folder, helm };
        new.ask(&["create", "web"]);
        new.ask(&["create", "db"]);
        new.write("web/crds/widgets.yaml", DEFINITION);
        new.write(
            "widgets.yaml",
            &DEFINITION.replace("a.example", "b.example"),
        );
        new.write("web/templates/cluster.yaml", CLUSTER);
        for (name, hook) in [
            ("before", "pre-install,pre-upgrade"),
            ("after", "post-install"),
            ("removed", "pre-delete"),
        ] {
            let text = HOOK
                .replace("NAME", name)
                .replace("HOOK", &format!("'{hook}'"));
            new.write(&format!("web/templates/{name}.yaml"), &text);
        }
        let chart = fs::read_to_string(new.path("web/Chart.yaml")).unwrap();
        new.write(
            "web/Chart.yaml",
            &format!("{chart}\ndependencies: [{{name: db, version: 0.1.0, repository: 'file://../db'}}]\n"),
        );
        new.ask(&["dependency", "build", "web"]);
        new.spec("web", "");
        new
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn spec(&self, chart: &str, more: &str) {
        self.write(
            "node.yaml",
            &format!(
                "version: 1\nhostname: kube1\n\
                 network: {{interfaces: [{{name: eth0, addresses: [10.0.0.1/24]}}]}}\netcd: {{}}\n\
                 kubernetes:\n  version: 1.36.2\n  role: single\n  manifests: [widgets.yaml]\n  charts:\n    \
                 - {{chart: {chart}, name: site, namespace: lab, values: {{replicaCount: 3{more}}}}}\n"
            ),
        );
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.helm)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.path("home"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "helm {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Whether the spec is right, and what imgbuild says of it.
    fn check(&self) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_imgbuild"))
            .args(["check", "node.yaml"])
            .current_dir(self.folder.path())
            .env("IMGBUILD_HELM", &self.helm)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    }
}

/// The objects of a text, each as JSON.
fn objects(text: &str) -> Vec<Json> {
    let (documents, found) = parse_documents(text, SourceId(0), Limits::default());
    assert!(found.is_empty(), "{found:?}");
    documents.iter().map(json_of).collect()
}

fn name(object: &Json) -> String {
    format!(
        "{} {}",
        object["kind"].as_str().unwrap(),
        object["metadata"]["name"].as_str().unwrap()
    )
}

#[test]
fn a_chart_becomes_what_helm_would_install() {
    let Some(helm) = helm() else {
        return;
    };
    let folder = Folder::new(helm);
    assert_eq!(folder.check(), (true, String::new()));
    let made = manifests(folder.folder.path(), &folder.helm);
    assert_eq!(
        made.keys().collect::<Vec<_>>(),
        [
            "50-000-widgets.yaml",
            "50-001-site-crds.yaml",
            "50-002-site.yaml"
        ]
    );
    let all: Vec<Json> = ["50-001-site-crds.yaml", "50-002-site.yaml"]
        .iter()
        .flat_map(|name| objects(&made[*name]))
        .collect();
    let names: Vec<_> = all.iter().map(name).collect();
    assert_eq!(
        [names[0].as_str(), names[1].as_str(), names[2].as_str()],
        [
            "CustomResourceDefinition widgets.a.example",
            "Namespace lab",
            "Job site-before"
        ]
    );
    assert_eq!(names.last().unwrap(), "Job site-after");
    // What Helm prints by itself, but for the hooks that an installation has not.
    folder.write("values.yaml", "replicaCount: 3\n");
    let printed = folder.ask(&[
        "template",
        "site",
        "web",
        "--namespace=lab",
        "--include-crds",
        "--skip-tests",
        "--kube-version=1.36.2",
        "--api-versions=b.example/v1,a.example/v1/Widget,resource.k8s.io/v1/DeviceClass",
        "--values=values.yaml",
    ]);
    let printed = objects(&printed);
    assert!(printed.len() > 8, "{printed:#?}");
    for mut object in printed {
        let name = name(&object);
        let found = all.iter().find(|it| self::name(it) == name);
        if name == "Job site-removed" {
            assert!(found.is_none());
            continue;
        }
        let found = found.unwrap_or_else(|| panic!("{name} is not among {names:?}"));
        if !name.starts_with("CustomResourceDefinition") {
            object["metadata"]["namespace"] = "lab".into();
        }
        assert_eq!(*found, object, "{name}");
    }
    let cluster = all
        .iter()
        .find(|it| name(it) == "ConfigMap cluster")
        .unwrap();
    assert_eq!(
        cluster["data"],
        serde_json::json!({
            "version": "v1.36.2", "of-chart": "true", "of-release": "true", "of-manifests": "true",
            "looked-up": "0"
        })
    );

    let archive = folder.ask(&["package", "web"]);
    assert!(archive.contains("web-0.1.0.tgz"), "{archive}");
    folder.spec("web-0.1.0.tgz", "");
    assert_eq!(manifests(folder.folder.path(), &folder.helm), made);
}

#[test]
fn what_helm_refuses_or_makes_anew_is_said() {
    let Some(helm) = helm() else {
        return;
    };
    let folder = Folder::new(helm);
    let config_map = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: made}}\ndata: {{a: '{{{{ {value} }}}}'}}\n"
        )
    };
    for (value, code, words) in [
        (
            "randAlphaNum 20",
            "E0559",
            "ConfigMap `made` of web/templates/made.yaml differs in `data.a`",
        ),
        (
            "now | date \"2006-01-02\"",
            "E0559",
            "ConfigMap `made` of web/templates/made.yaml differs in `data.a`",
        ),
        (
            "(genCA \"ca\" 365).Cert | b64enc",
            "E0559",
            "ConfigMap `made` of web/templates/made.yaml differs in `data.a`",
        ),
        ("required \"who is it?\" .Values.who", "E0548", "who is it?"),
        (
            ".Values.no.such.value",
            "E0548",
            "nil pointer evaluating interface {}.such",
        ),
        ("end", "E0548", "parse error at (web/templates/made.yaml:4)"),
    ] {
        folder.write("web/templates/made.yaml", &config_map(value));
        let (is_right, said) = folder.check();
        assert!(
            !is_right && said.contains(code) && said.contains(words),
            "{value}: {said}"
        );
    }
    folder.write(
        "web/templates/made.yaml",
        &config_map("derivePassword 1 \"long\" \"a\" \"b\" \"c\""),
    );
    assert_eq!(folder.check(), (true, String::new()));
    fs::remove_file(folder.path("web/templates/made.yaml")).unwrap();
    folder.write(
        "web/values.schema.json",
        r#"{"properties": {"replicaCount": {"type": "string"}}}"#,
    );
    let (is_right, said) = folder.check();
    assert!(
        !is_right && said.contains("replicaCount") && said.contains("E0548"),
        "{said}"
    );
    fs::remove_file(folder.path("web/values.schema.json")).unwrap();
    fs::remove_dir_all(folder.path("web/charts")).unwrap();
    let (is_right, said) = folder.check();
    assert!(
        !is_right && said.contains("run `helm dependency build web`"),
        "{said}"
    );
    assert!(Path::new(&folder.path("web/Chart.yaml")).exists());
}
