//! The arguments of `imgbuild kubernetes`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum KubernetesCommand {
    /// Learn what a release of Kubernetes has from its programs, for releases newer than imgbuild
    #[command(
        long_about = "Learn what a release of Kubernetes has from its programs: flags, feature gates, admission plugins, fields of the \
            kubelet's and kube-proxy's configuration, the kinds of its APIs, the tags of its images. The result is a text file. Beside \
            a spec, it takes the place of imgbuild's own tables for that release.\n\n\
            The programs are started, with arguments that end them at once; they change nothing. Only the API server runs for a few \
            seconds, for itself on the loopback interface with an etcd of its own, to list its APIs.",
        after_help = "Example:\n  \
            imgbuild kubernetes learn programs/      writes kubernetes-1.37.txt into the current folder"
    )]
    Learn(Learn),
}

#[derive(Debug, Args)]
pub struct Learn {
    /// The folder of kubelet, kube-apiserver, kube-controller-manager, kube-scheduler and
    /// kube-proxy of one release, for this machine's architecture; kubectl and kubeadm, if they
    /// are there, know more
    #[arg(value_name = "DIR")]
    pub programs: PathBuf,
    /// Write to this file [default: `kubernetes-1.MINOR.txt` in the current folder]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// etcd, which the API server needs to list its APIs [default: `etcd` in DIR or in PATH]
    #[arg(long, value_name = "FILE")]
    pub etcd: Option<PathBuf>,
}
