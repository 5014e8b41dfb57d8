//! `imgbuild run`: machines whose consoles are on this terminal.

use std::io::{IsTerminal, Write};

use super::args::{Run, disk_image, forward};
use super::console::{Prefixed, Terminal};
use super::messages::Messages;
use super::outcome::Failure;
use crate::ops::Session;
use crate::ops::run::{self, Machines, RunOptions, RunningMachines, SSH};
use crate::qemu::watch::{Outcome, Until};
use crate::qemu::{Interrupt, Machine};

/// Boots what was built, or builds and boots a spec, and waits.
pub fn run(wanted: &Run, session: &mut Session<'_>, messages: Messages) -> Result<(), Failure> {
    let machines = run::machines(&options(wanted)?, session)?;
    let interrupt = Interrupt::from_signals()?;
    for machine in &machines.machines {
        tell_ports(machine, messages);
    }
    let running = start(&machines)?;
    let terminal = connect(wanted, &running, &machines, &interrupt, messages)?;
    let outcome = running.wait(wanted.exit_when, wanted.timeout, &interrupt);
    drop(terminal);
    drop(running);
    match outcome {
        Outcome::Reached => {
            if wanted.exit_when == Until::Ready {
                let machines = machines.machines.iter();
                let names: Vec<_> = machines.map(|machine| machine.name.as_str()).collect();
                messages.note(&format!("{}: ready", names.join(", ")));
            }
            Ok(())
        }
        Outcome::Interrupted if wanted.exit_when == Until::PoweredOff => Ok(()),
        other => Err(anyhow::anyhow!("{other}").into()),
    }
}

fn options(wanted: &Run) -> Result<RunOptions, Failure> {
    let publish = wanted.publish.iter().map(|text| forward(text));
    let disks = wanted.disk.iter().map(|text| disk_image(text));
    Ok(RunOptions {
        what: wanted.what.clone(),
        node: wanted.node.clone(),
        firmware: wanted.computer.firmware(),
        medium: wanted.computer.medium,
        fw_cfg: wanted.fw_cfg,
        memory: wanted.computer.memory,
        cpus: wanted.computer.cpus,
        accel: wanted.computer.accel,
        publish: publish.collect::<Result<_, _>>().map_err(Failure::Usage)?,
        disks: disks.collect::<Result<_, _>>().map_err(Failure::Usage)?,
        until: wanted.exit_when,
        keys: wanted.source.keys.clone(),
        fetch: wanted.source.base.options()?,
    })
}

fn tell_ports(machine: &Machine, messages: Messages) {
    for forward in &machine.network.forwards {
        let hint = if forward.guest == SSH {
            format!("  (ssh -p {} USER@127.0.0.1)", forward.host)
        } else {
            String::new()
        };
        messages.note(&format!(
            "{}: port {} is 127.0.0.1:{}{hint}",
            machine.name, forward.guest, forward.host
        ));
    }
}

/// Starts them. The lines of several are told apart by names.
fn start(machines: &Machines) -> Result<RunningMachines, Failure> {
    let are_many = machines.machines.len() > 1;
    let console = |machine: &Machine| -> Box<dyn Write + Send> {
        if are_many {
            Box::new(Prefixed::new(&machine.name, std::io::stdout()))
        } else {
            Box::new(std::io::stdout())
        }
    };
    Ok(machines.start(console)?)
}

/// Makes this terminal the console of the only machine, unless the machine is waited for.
fn connect(
    wanted: &Run,
    running: &RunningMachines,
    machines: &Machines,
    interrupt: &Interrupt,
    messages: Messages,
) -> Result<Option<Terminal>, Failure> {
    let is_wanted = machines.machines.len() == 1
        && std::io::stdin().is_terminal()
        && wanted.exit_when == Until::PoweredOff;
    match running.keyboard().filter(|_| is_wanted) {
        Some(keyboard) => {
            messages.note("this terminal is now the node's console; Ctrl-] stops the machine");
            Ok(Some(Terminal::connect(keyboard, interrupt.clone())?))
        }
        None => Ok(None),
    }
}
