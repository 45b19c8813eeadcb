//! One attack, from the calm before it to the calm after it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use dkv::base::{Error, Result};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::assault::{Assault, start};
use crate::attacks::{Plan, prepare};
use crate::figures::{Figures, forget_peak};
use crate::fresh::Fresh;
use crate::load::{Load, Phase};
use crate::nodes::{self, Node};
use crate::row::Row;
use crate::words::Settings;

/// Between two looks at the node.
const BEAT: Duration = Duration::from_millis(20);

/// Nothing is kept of the first calls: connections are opened, and keys written.
const WARM_UP: Duration = Duration::from_secs(2);

/// Attacks the leader, and gives the row of the table.
pub(crate) async fn measure(settings: &Settings) -> Result<Row> {
    let nodes = nodes::read(&settings.nodes).await?;
    let [attacked, other, ..] = &nodes[..] else {
        return Err(Error::invalid("a cluster has two nodes at least"));
    };
    let (sink, target) = target(settings, attacked).await?;
    let pid = sink.as_ref().and_then(Child::id).unwrap_or(attacked.pid);
    if let Some(core) = settings.core {
        give(core, pid).await?;
    }
    prepared(settings, attacked).await?;
    let warming = (Phase::default(), settings.rate / 2);
    let warm = Load::begin(attacked, warming.1, &warming.0).await?;
    sleep(WARM_UP).await;
    drop(warm);
    let phase = Phase::default();
    let near = Load::begin(attacked, settings.rate / 2, &phase).await?;
    let far = Load::begin(other, settings.rate / 2, &phase).await?;
    let fresh = Fresh::begin(attacked, &phase);
    sleep(settings.length / 2).await;

    let terms = nodes::terms(other).await?;
    let before = Figures::of(attacked.pid);
    forget_peak(attacked.pid);
    phase.next();
    let began = Instant::now();
    let assault = Assault::begin(settings, target)?;
    let (descriptors, is_stopped) = watch(settings, attacked).await;
    let during = Figures::of(attacked.pid);
    let lasted = began.elapsed();
    let (tally, attacker_cpu_ms) = assault.end().await?;
    phase.next();
    sleep(settings.length / 2).await;
    // Who still waits is told within this.
    let after = Figures::of(attacked.pid);
    sleep(Duration::from_secs(3)).await;
    drop(sink);
    Ok(Row {
        settings: settings.clone(),
        tally,
        attacker_cpu_ms,
        lasted,
        before,
        during,
        descriptors,
        after,
        is_stopped,
        near: near.seen,
        far: far.seen,
        fresh: fresh.seen,
        elections: nodes::terms(other).await.ok().map(|now| now - terms),
    })
}

/// What is attacked, and the process if it is none of the nodes.
async fn target(settings: &Settings, attacked: &Node) -> Result<(Option<Child>, SocketAddr)> {
    if !settings.control {
        let port = match settings.peer {
            true => attacked.peer,
            false => attacked.endpoint,
        };
        return Ok((None, port));
    }
    let (sink, mut said) = start(&["sink".to_owned()])?;
    let line = said.next_line().await.ok().flatten();
    let target = line.and_then(|line| line.parse().ok());
    let target = target.ok_or_else(|| Error::internal("the sink does not say where it is"))?;
    Ok((Some(sink), target))
}

/// Has all threads of a process run on that core, where nothing else runs: as if it had a
/// machine of its own.
async fn give(core: u16, pid: u32) -> Result<()> {
    let (core, pid) = (core.to_string(), pid.to_string());
    let given = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &core, &pid])
        .stdout(Stdio::null())
        .status();
    match given.await {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Error::unavailable("taskset could not give it that core")),
    }
}

/// What the attack reads is written to the node, whichever port is attacked.
async fn prepared(settings: &Settings, attacked: &Node) -> Result<()> {
    let (plan, _stop) = Plan::new(attacked.endpoint, 1);
    prepare(settings.attack, &plan)
        .await
        .map_err(|error| Error::unavailable(error.to_string()).with_source(error))
}

/// Waits for the end of the attack: the most descriptors there were, and whether it must end
/// early.
async fn watch(settings: &Settings, attacked: &Node) -> (usize, bool) {
    let began = Instant::now();
    let mut descriptors = 0;
    while began.elapsed() < settings.length {
        let now = Figures::of(attacked.pid);
        descriptors = descriptors.max(now.descriptors);
        if now.resident_bytes > settings.bytes_max {
            return (descriptors, true);
        }
        sleep(BEAT).await;
    }
    (descriptors, false)
}
