//! The attack, as a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;

use dkv::base::{Error, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::attacks::{Attack, Plan, Tally, run};
use crate::figures::Figures;
use crate::words::{Settings, number};

/// Attacks until its input ends, and prints what became of it.
pub(crate) async fn attack(
    attack: &str,
    target: &str,
    connections: &str,
    addresses: &str,
) -> Result<()> {
    let attack = Attack::named(attack).ok_or_else(|| Error::invalid("no such attack"))?;
    let target = target
        .parse()
        .map_err(|_| Error::invalid("no such target"))?;
    let (mut plan, stop) = Plan::new(target, number(Some(&connections))?);
    plan.addresses = number(Some(&addresses))?;
    tokio::spawn(async move {
        drop(tokio::io::stdin().read_to_end(&mut Vec::new()).await);
        stop.stop();
    });
    let Tally {
        opened,
        refused,
        cut,
        answered,
        struck,
    } = run(attack, &plan).await;
    let cpu_ms = Figures::of(std::process::id()).cpu_ms;
    println!("{opened} {refused} {cut} {answered} {struck} {cpu_ms}");
    Ok(())
}

/// An attack that runs.
pub(crate) struct Assault {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Assault {
    pub(crate) fn begin(settings: &Settings, target: SocketAddr) -> Result<Self> {
        let words = [
            "assault".to_owned(),
            settings.attack.name().to_owned(),
            target.to_string(),
            settings.connections.to_string(),
            settings.addresses.to_string(),
        ];
        let (child, said) = start(&words)?;
        Ok(Self { child, said })
    }

    /// Ends it; what became of it, and the processor time it took, ms.
    pub(crate) async fn end(mut self) -> Result<(Tally, u64)> {
        drop(self.child.stdin.take());
        let line = self.said.next_line().await.ok().flatten();
        let line = line.unwrap_or_default();
        let numbers: Vec<u64> = line
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [opened, refused, cut, answered, struck, cpu_ms] = numbers[..] else {
            return Err(Error::internal(format!("the attack ended with `{line}`")));
        };
        let tally = Tally {
            opened,
            refused,
            cut,
            answered,
            struck,
        };
        Ok((tally, cpu_ms))
    }
}

/// Starts this program once more, to run when nobody else wants to (`SCHED_IDLE`): whoever has
/// the lowest priority still keeps others waiting until its slice is over. It ends with its input.
pub(crate) fn start(words: &[String]) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let failed = |error: std::io::Error| {
        Error::internal(format!("the attack cannot be started: {error}")).with_source(error)
    };
    let mut child = Command::new("chrt")
        .args(["--idle", "0"])
        .arg(std::env::current_exe().map_err(failed)?)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let said = child.stdout.take().expect("it was asked to be piped");
    Ok((child, BufReader::new(said).lines()))
}
