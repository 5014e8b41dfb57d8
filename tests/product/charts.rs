//! Helm charts with a stand-in for Helm: what it is asked, and what becomes of what it prints.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use imgbuild::diagnostic::Sources;
use imgbuild::ops::{self, Environment, Session, SpecFile};
use imgbuild::progress::Silent;
use imgbuild::{plan, spec};

use crate::helm::{manifests, printing, stand_in};
use crate::pod_networks;
use crate::specs::check::{lines, write};

/// A folder with a spec, a chart `web`, and Helm.
struct Folder(tempfile::TempDir);

impl Folder {
    /// `kubernetes` is what the spec has below that key beside the usual.
    fn new(kubernetes: &str, helm: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        folder.write("node.yaml", &spec_of("single", kubernetes));
        folder.write(
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        );
        folder.write("web/helm.sh", helm);
        stand_in(&folder.path().join("bin"));
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        write(self.path(), name, text);
    }

    fn session(&self, variables: &[(&str, &Path)]) -> Session<'static> {
        let mut environment = Environment::from_process();
        environment.home = Some(self.path().to_owned());
        environment.variables = variables
            .iter()
            .map(|(name, value)| (OsString::from(name), value.as_os_str().to_owned()))
            .collect();
        Session::new(environment, &Silent)
    }

    /// All that is wrong with the spec.
    fn found_with(&self, variables: &[(&str, &Path)]) -> Vec<String> {
        let mut session = self.session(variables);
        let spec = SpecFile::new(self.path().join("node.yaml"));
        let report = ops::check(&spec, &mut session).expect("a folder that can be used");
        lines(&report.findings, &session.sources, self.path())
    }

    fn found(&self) -> Vec<String> {
        self.found_with(&[("IMGBUILD_HELM", &self.path().join("bin/helm"))])
    }

    /// The user's manifests on the node, by the names of their files.
    fn manifests(&self) -> BTreeMap<String, String> {
        manifests(self.path(), &self.path().join("bin/helm"))
    }

    /// What Helm was asked last, with `HOME` for its folder.
    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.path().join("bin/arguments")).expect("it was asked");
        let chart = asked.lines().nth(2).expect("a chart");
        let home = chart.rsplit_once('/').expect("an absolute path").0;
        asked.lines().map(|it| it.replace(home, "HOME")).collect()
    }
}

fn spec_of(role: &str, kubernetes: &str) -> String {
    format!(
        "version: 1\nhostname: kube1\n\
         network: {{interfaces: [{{name: eth0, addresses: [10.0.0.1/24]}}]}}\n{}\
         kubernetes:\n  version: 1.36.2\n  role: {role}\n{kubernetes}",
        if role == "single" { "etcd: {}\n" } else { "" }
    )
}

const WEB: &str = "  charts: [{chart: web, name: site}]\n";

/// An object as Helm prints it.
fn object(template: &str, kind: &str, name: &str, more: &str) -> String {
    format!(
        "---\n# Source: web/templates/{template}.yaml\napiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n{more}"
    )
}

#[test]
fn helm_is_asked_for_what_the_spec_says() {
    let charts = "  manifests: [widgets.yaml]
  charts:
    - chart: ./web
      name: site
      namespace: kube-system
      values_files: [common.yaml, more/site.yaml]
      values: {replicas: 2, image: {tag: '1.10'}, debug: ~}
";
    // What is not equal to what is wanted is a complaint of Helm's.
    let helm = "\
fail() { echo \"Error: $1\" >&2; exit 1; }
[ \"$HOME\" = \"$PWD\" ] && [ -z \"$KUBECONFIG$HELM_PLUGINS$XDG_CACHE_HOME\" ] || fail environment
[ \"$(cat \"$HOME/values-0.yaml\")\" = 'a: 1' ] || fail first
[ \"$(cat \"$HOME/values-1.yaml\")\" = 'b: 2' ] || fail second
[ \"$(cat \"$HOME/values.json\")\" = '{\"replicas\":2,\"image\":{\"tag\":\"1.10\"},\"debug\":null}' ] || fail values
[ \"$(cat \"$3/linked/file\")\" = linked ] || fail link
case $HTTPS_PROXY in http://127.0.0.1:*) ;; *) fail proxy ;; esac
printf -- '---\\napiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n'
";
    let folder = Folder::new(charts, helm);
    folder.write("common.yaml", "a: 1\n");
    folder.write("more/site.yaml", "b: 2\n");
    folder.write("elsewhere/file", "linked");
    symlink("../elsewhere", folder.path().join("web/linked")).expect("a link");
    folder.write(
        "widgets.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.a.example}\n\
         spec:\n  group: a.example\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets}\n  versions:\n  \
         - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n  \
         - {name: v0, served: false, storage: false, schema: {openAPIV3Schema: {type: object}}}\n",
    );
    let helm = folder.path().join("bin/helm");
    let kubeconfig = folder.path().join("kubeconfig");
    let variables = [
        ("IMGBUILD_HELM", &*helm),
        ("KUBECONFIG", &*kubeconfig),
        ("HELM_PLUGINS", &*kubeconfig),
        ("PATH", Path::new("/usr/bin:/bin")),
    ];
    assert_eq!(folder.found_with(&variables), [""; 0]);
    let asked = folder.asked();
    let (apis, others): (Vec<_>, Vec<_>) =
        (asked.iter().map(String::as_str)).partition(|it| it.starts_with("--api-versions="));
    assert_eq!(
        others,
        [
            "template",
            "site",
            "HOME/chart",
            "--namespace=kube-system",
            "--kube-version=1.36.2",
            "--include-crds",
            "--skip-tests",
            "--values=HOME/values-0.yaml",
            "--values=HOME/values-1.yaml",
            "--values=HOME/values.json",
        ]
    );
    let apis: Vec<_> = apis[0]["--api-versions=".len()..].split(',').collect();
    for (api, is_there) in [
        ("apps/v1", true),
        ("apps/v1/Deployment", true),
        ("v1/Pod", true),
        ("resource.k8s.io/v1", true),
        // Not served by default.
        ("resource.k8s.io/v1beta1", false),
        // Of 1.37.
        ("lifecycle.k8s.io/v1alpha1/EvictionRequest", false),
        ("a.example/v1/Widget", true),
        ("a.example/v0", false),
    ] {
        assert_eq!(apis.contains(&api), is_there, "{api}");
    }
}

#[test]
fn objects_become_manifests() {
    let hook = |hooks: &str, weight: &str| {
        format!("  annotations: {{helm.sh/hook: '{hooks}', helm.sh/hook-weight: '{weight}'}}\n")
    };
    let definition = "---\n# Source: web/crds/all.yaml\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
                      metadata: {name: widgets.a.example}\nspec:\n  group: a.example\n  scope: Cluster\n  \
                      names: {kind: Widget, plural: widgets}\n  versions:\n  \
                      - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n";
    let rendered = [
        definition.to_owned(),
        object("a", "ConfigMap", "plain", ""),
        object("a", "ConfigMap", "elsewhere", "  namespace: default\n"),
        "---\n# Source: web/templates/b.yaml\n# Nothing here.\n".to_owned(),
        "---\n# Source: web/templates/c.yaml\napiVersion: a.example/v1\nkind: Widget\nmetadata: {name: w}\n".to_owned(),
        object("h", "ConfigMap", "later", &hook("post-install,post-upgrade", "5")),
        object("h", "ConfigMap", "sooner", &hook("post-install", "-1")),
        object("h", "ConfigMap", "second", &hook("pre-install", "10")),
        object("h", "ConfigMap", "first", &hook("pre-upgrade, pre-install", "9")),
        object("h", "ConfigMap", "removed", &hook("pre-delete", "0")),
        object("h", "ConfigMap", "upgraded", &hook("post-upgrade", "0")),
        object("h", "ConfigMap", "tested", &hook("test", "0")),
    ]
    .concat();
    let charts = "  charts:\n    - {chart: web, name: site, namespace: lab}\n    - {chart: web, name: other, namespace: lab, values: {a: 1}}\n";
    let folder = Folder::new(
        charts,
        &format!(
            "[ \"$2\" = site ] || {{ {} exit; }}\n{}",
            printing(&object("o", "ConfigMap", "other", "")),
            printing(&rendered)
        ),
    );
    let manifests = folder.manifests();
    let names: Vec<_> = manifests.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "50-000-site-crds.yaml",
            "50-001-site.yaml",
            "50-002-other.yaml"
        ]
    );
    assert_eq!(manifests["50-000-site-crds.yaml"], definition);
    // The namespace is there by then.
    assert_eq!(
        manifests["50-002-other.yaml"],
        object("o", "ConfigMap", "other", "")
            .replace("metadata:\n", "metadata:\n  namespace: lab\n")
    );
    let lab = |text: String| text.replace("metadata:\n", "metadata:\n  namespace: lab\n");
    let wanted = [
        "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: lab\n".to_owned(),
        lab(object("h", "ConfigMap", "first", &hook("pre-upgrade, pre-install", "9"))),
        lab(object("h", "ConfigMap", "second", &hook("pre-install", "10"))),
        lab(object("a", "ConfigMap", "plain", "")),
        object("a", "ConfigMap", "elsewhere", "  namespace: default\n"),
        "---\n# Source: web/templates/c.yaml\napiVersion: a.example/v1\nkind: Widget\nmetadata: {name: w}\n".to_owned(),
        lab(object("h", "ConfigMap", "sooner", &hook("post-install", "-1"))),
        lab(object("h", "ConfigMap", "later", &hook("post-install,post-upgrade", "5"))),
    ];
    assert_eq!(manifests["50-001-site.yaml"], wanted.concat());
}

#[test]
fn a_chart_may_be_an_archive_and_its_namespace_may_be_there() {
    let folder = Folder::new(
        "  manifests: [lab.yaml]\n  charts: [{chart: web-1.0.0.tgz, name: site, namespace: lab}]\n",
        "",
    );
    folder.write(
        "lab.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: lab}\n",
    );
    folder.write("web-1.0.0.tgz", &object("a", "ConfigMap", "a", ""));
    let manifests = folder.manifests();
    let wanted =
        object("a", "ConfigMap", "a", "").replace("metadata:\n", "metadata:\n  namespace: lab\n");
    assert_eq!(manifests["50-001-site.yaml"], wanted);
    assert_eq!(manifests.len(), 2);
}

/// A mistake: its name, what the spec has for Kubernetes, what Helm does, and what is said; nothing
/// of that: something of the template.
type Mistake<'a> = (&'a str, &'a str, &'a str, &'a [&'a str]);

fn all_are_named(mistakes: &[Mistake]) {
    for (name, kubernetes, helm, wanted) in mistakes {
        let found = Folder::new(kubernetes, helm).found();
        if wanted.is_empty() {
            let of_template = |it: &String| it.starts_with("web/templates/a.yaml (rendered):");
            assert!(found.iter().any(of_template), "{name}: {found:#?}");
        } else {
            assert_eq!(found, *wanted, "{name}");
        }
    }
}

#[test]
fn mistakes_of_a_chart_are_named() {
    let config_map = object("a", "ConfigMap", "a", "");
    let differing = printing(&object(
        "a",
        "Secret",
        "a",
        "stringData: {password: WORD}\n",
    ));
    all_are_named(&[
        (
            "Helm complains",
            WEB,
            "echo 'Error: execution error at (web/templates/a.yaml:1:3): say who' >&2; echo >&2; echo 'Use --debug' >&2; exit 1",
            &[
                "node.yaml:8:20: error[E0548]: Helm cannot render `web`",
                "    ^ execution error at (web/templates/a.yaml:1:3): say who",
                "    help: `helm template site web --debug` with these values shows more",
            ],
        ),
        (
            "Helm fails without a word",
            WEB,
            "exit 3",
            &[
                "node.yaml:8:20: error[E0548]: Helm cannot render `web`",
                "    ^ it failed without a word",
                "    help: `helm template site web --debug` with these values shows more",
            ],
        ),
        (
            "a chart that it depends on is missing",
            WEB,
            "echo \"Error: found in Chart.yaml, but missing in charts/ directory: db\" >&2; exit 1",
            &[
                "node.yaml:8:20: error[E0548]: Helm cannot render `web`",
                "    ^ found in Chart.yaml, but missing in charts/ directory: db",
                "    help: run `helm dependency build web`",
            ],
        ),
        (
            "the chart renders nothing",
            WEB,
            "echo '---'",
            &["node.yaml:8:20: warning[W0532]: `web` renders no object"],
        ),
        (
            "what Helm prints is no object",
            WEB,
            "echo nothing to see",
            &[
                "web (rendered):1:1: error[E0531]: a manifest must be a map, got text",
                "    node.yaml:8:20: rendered from this chart",
            ],
        ),
        (
            "what Helm prints is no YAML",
            WEB,
            "echo '---'; echo '# Source: web/templates/a.yaml'; echo 'a: ['",
            &[],
        ),
        (
            "a password is generated",
            WEB,
            &differing.replace("WORD", "$TZ").replace("'EOF'", "EOF"),
            &[
                "node.yaml:8:20: error[E0559]: `web` renders differently each time",
                "    ^ Secret `a` of web/templates/a.yaml differs in `stringData.password`",
                "    help: set the chart's value for it: a password, a date, a Secret that exists, or who makes certificates",
            ],
        ),
        (
            "an object is wrong",
            WEB,
            &printing(&config_map.replace("v1", "v2")),
            &[
                "web/templates/a.yaml (rendered):3:7: error[E0533]: there is no ConfigMap in v2",
                "    node.yaml:8:20: rendered from this chart",
                "    help: ConfigMap is in v1",
            ],
        ),
    ]);
}

#[test]
fn mistakes_of_a_spec_are_named() {
    let config_map = object("a", "ConfigMap", "a", "");
    all_are_named(&[
        (
            "two releases of a name",
            "  charts:\n    - {chart: web, name: site}\n    - {chart: web, name: site}\n",
            &printing(&config_map),
            &[
                "node.yaml:10:26: error[E0594]: a second release in namespace `default` is named `site`",
                "    node.yaml:9:26: the first one",
                "    help: choose another name or namespace",
                "web/templates/a.yaml (rendered):6:9: warning[W0534]: a second ConfigMap is named `a`",
                "    web/templates/a.yaml (rendered):6:9: the first one",
                "    node.yaml:10:15: rendered from this chart",
                "    help: remove one: the second replaces the first",
            ],
        ),
        (
            "a chart without Chart.yaml",
            "  charts: [{chart: bin, name: site}]\n",
            "",
            &["node.yaml:8:20: error[E0001]: cannot read `bin`: it has no Chart.yaml"],
        ),
        (
            "a chart outside of the project",
            "  charts: [{chart: ../web, name: site}]\n",
            "",
            &[
                "node.yaml:8:20: error[E0016]: `../web` is outside the spec's folder",
                "    ^ points outside the project",
                "    help: move the file next to the spec, or the spec to a folder above the file",
            ],
        ),
        (
            "a file of values that is missing",
            "  charts: [{chart: web, name: site, values_files: [no.yaml]}]\n",
            "",
            &["node.yaml:8:52: error[E0001]: cannot read `no.yaml`: no such file"],
        ),
    ]);
}

#[test]
fn helm_has_to_be_there() {
    let folder = Folder::new(
        "  charts:\n    - {chart: web, name: site}\n    - {chart: web, name: other}\n",
        &printing(&object("a", "ConfigMap", "a", "")),
    );
    let bin = folder.path().join("bin");
    let shown = |why: &str| {
        vec![
            format!("node.yaml:9:15: error[E0549]: `web` needs Helm: {why}"),
            "    help: install Helm 3 or 4, or name its program by IMGBUILD_HELM".to_owned(),
        ]
    };
    assert_eq!(
        folder.found_with(&[("PATH", Path::new("/nowhere"))]),
        shown("there is no `helm` in PATH")
    );
    assert_eq!(
        folder.found_with(&[
            ("PATH", &bin),
            ("IMGBUILD_HELM", Path::new("/nowhere/helm"))
        ]),
        shown("IMGBUILD_HELM names /nowhere/helm, which is not a program")
    );
    // The stand-in's shell needs what else is in `PATH`.
    let path = format!("/nowhere:{}:/usr/bin:/bin", bin.display());
    let found = folder.found_with(&[("PATH", Path::new(&path))]);
    assert!(
        found[0].contains("W0534") && !found.concat().contains("error"),
        "{found:#?}"
    );
}

#[test]
fn only_control_planes_apply_charts() {
    let folder = Folder::new(WEB, "exit 1");
    let endpoint = format!("  endpoint: 10.0.0.2\n{WEB}");
    for (role, kubernetes, help) in [
        (
            "worker",
            &*endpoint,
            "control plane nodes do, and this file has none",
        ),
        (
            "standalone",
            WEB,
            "its kubelet runs the static pods in /etc/kubernetes/manifests: write them there with `storage:`",
        ),
    ] {
        folder.write("node.yaml", &spec_of(role, kubernetes));
        let found = folder.found_with(&[]);
        let at = found
            .iter()
            .position(|it| it.contains("W0531"))
            .expect("a warning");
        assert!(
            found[at].ends_with(&format!("a `{role}` node does not apply charts")),
            "{found:#?}"
        );
        assert_eq!(found[at + 1].trim(), format!("help: {help}"));
        assert!(!found.concat().contains("E0548"), "{found:#?}");
    }
    // A spec whose charts nobody rendered is not built without them.
    folder.write("node.yaml", &spec_of("single", WEB));
    let mut sources = Sources::default();
    let loaded = spec::load(&folder.path().join("node.yaml"), None, &mut sources).expect("a spec");
    let found = plan::decide(&loaded, &sources).expect_err("it is not rendered");
    assert_eq!(
        lines(&found, &sources, folder.path()),
        ["node.yaml:8:20: error[E0548]: `web` was not rendered"]
    );
}

#[test]
fn a_pod_network_may_be_a_chart() {
    let cni = "  cni: {kind: cilium, charts: [{chart: web, name: cilium, namespace: kube-system}]}\n  proxy: {mode: none}\n";
    let folder = Folder::new(cni, &printing(&format!("---\n{}", pod_networks::CILIUM)));
    let manifests = folder.manifests();
    assert_eq!(manifests.keys().collect::<Vec<_>>(), ["20-000-cilium.yaml"]);
    let folder = Folder::new(
        cni,
        &printing(&format!(
            "---\n{}",
            pod_networks::CILIUM.replace("10.244.0.0/16", "10.0.0.0/8")
        )),
    );
    let found = folder.found();
    assert!(
        found[0].starts_with("web (rendered):6:") && found[0].contains("E0556"),
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .any(|it| it.contains("rendered from this chart")),
        "{found:#?}"
    );
}
