//! Questions over SSH, by the program `ssh` (Debian package `openssh-client`): it knows the user's
//! agent, keys and their passphrases.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// Who asks, and with which keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    /// Files of private keys; without any, those of the agent and of `~/.ssh`.
    pub keys: Vec<PathBuf>,
}

/// The way to one node: a port of this machine that leads to its SSH, and a connection that stays
/// open for all questions, each of which would take seconds for one of its own.
#[derive(Debug)]
pub(super) struct Ssh {
    login: Login,
    port: u16,
    /// Where the open connection's socket is: a short path, as sockets want.
    connection: tempfile::TempDir,
}

impl Ssh {
    /// A way by `port` of the loopback address.
    pub fn new(login: Login, port: u16) -> anyhow::Result<Self> {
        let connection = tempfile::Builder::new()
            .prefix("imgbuild-ssh-")
            .tempdir()
            .context("creating a folder for the SSH connection")?;
        Ok(Self {
            login,
            port,
            connection,
        })
    }

    /// Who asks, for messages.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// Whether the connection is open.
    pub fn is_connected(&self) -> bool {
        self.socket().exists() && self.tell("check")
    }

    /// Starts to open the connection; the program ends at once where that works. Its complaints are
    /// on its standard error, unless it goes on in the background with that open.
    pub fn connect(&self) -> anyhow::Result<Child> {
        let mut ssh = self.command();
        // In the background with nothing of ours open, or whoever reads our output would wait for
        // it.
        ssh.args(["-o", "ControlMaster=yes", "-N", "-f"])
            .arg(self.destination())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        start(&mut ssh)
    }

    /// Ends the connection, if it is open.
    pub fn disconnect(&self) {
        // Without a connection there is nothing to end.
        if self.socket().exists() {
            self.tell("exit");
        }
    }

    /// Tells the program that holds the connection something, and whether it did it.
    fn tell(&self, what: &str) -> bool {
        let mut ssh = self.command();
        ssh.args(["-O", what])
            .arg(self.destination())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        ssh.status().is_ok_and(|status| status.success())
    }

    fn socket(&self) -> PathBuf {
        self.connection.path().join("ssh")
    }

    /// Starts `script` in the user's shell on the node.
    pub fn ask(&self, script: &str) -> anyhow::Result<Child> {
        let mut ssh = self.command();
        ssh.arg(self.destination())
            .arg(script)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        start(&mut ssh)
    }

    fn destination(&self) -> String {
        format!("{}@127.0.0.1", self.login.user)
    }

    /// `ssh` with all but what to do.
    fn command(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-o", "LogLevel=ERROR"]);
        for key in &self.login.keys {
            command.arg("-i").arg(key);
        }
        if !self.login.keys.is_empty() {
            command.args(["-o", "IdentitiesOnly=yes"]);
        }
        command
            // A node makes its host keys when it first boots; the port leads to nobody else.
            .args(["-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o"])
            .arg(format!("ControlPath={}", self.socket().display()))
            .args(["-p", &self.port.to_string()]);
        command
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        self.disconnect();
    }
}

fn start(ssh: &mut Command) -> anyhow::Result<Child> {
    ssh.spawn()
        .context("starting ssh (Debian package `openssh-client`)")
}
