//! Kills the leader of a cluster under load, again and again, and tells how long nothing was
//! written. Used by `bench/failover.sh`.
//!
//!     failover-load FOLDER ROUNDS CLIENTS
//!
//! FOLDER is a copy of `examples/cluster` whose nodes run; `DKV_ENDPOINTS` names them. Prints
//! `ROUND NODE FIRST_MS ALL_MS` for each kill: the time from the signal to the answer of the
//! first write that began after it, and until every client had such an answer. Then it checks
//! that every confirmed write is there.
#![allow(clippy::print_stdout, reason = "a program for the shell")]
#![allow(
    clippy::disallowed_methods,
    reason = "it measures processes from outside: real clocks and files are its business"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dkv::base::types::ShardId;
use dkv::base::{Error, Result};
use dkv::client::{Client, ClientOptions};
use rustix::process::{Pid, Signal, kill_process};

/// Between two kills the cluster carries load for so long.
const CALM: Duration = Duration::from_secs(2);

/// Nothing that is measured here takes longer.
const LONGEST: Duration = Duration::from_secs(60);

struct Shared {
    began: Instant,
    stop: AtomicBool,
    /// When the leader was last killed, microseconds since `began`; 0: not yet.
    killed_us: AtomicU64,
    errors: AtomicU64,
}

/// What one client has seen.
#[derive(Default)]
struct Seen {
    /// The last number that was confirmed.
    confirmed: AtomicU64,
    /// When the first write that began after the kill of that moment was answered: the
    /// moment, and the answer's.
    kill_us: AtomicU64,
    answered_us: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<usize>().ok());
    let (Some(folder), Some(rounds), Some(clients)) = (words.first(), number(1), number(2)) else {
        return Err(Error::invalid("failover-load FOLDER ROUNDS CLIENTS"));
    };
    let client = client(LONGEST).await?;
    let shared = Arc::new(Shared {
        began: Instant::now(),
        stop: AtomicBool::new(false),
        killed_us: AtomicU64::new(0),
        errors: AtomicU64::new(0),
    });
    let seen: Vec<Arc<Seen>> = (0..clients).map(|_| Arc::default()).collect();
    let mut writers = tokio::task::JoinSet::new();
    for (place, seen) in seen.iter().enumerate() {
        let client = client.with_lane();
        writers.spawn(write(client, place, shared.clone(), seen.clone()));
    }
    for round in 1..=rounds {
        tokio::time::sleep(CALM).await;
        let leader = leader().await?;
        let killed_us = kill(Path::new(folder), &leader, &shared)?;
        let (first, all) = recovered(&seen, killed_us).await?;
        println!("{round} {leader} {} {}", first / 1_000, all / 1_000);
        restart(Path::new(folder)).await?;
    }
    shared.stop.store(true, Ordering::SeqCst);
    while writers.join_next().await.is_some() {}
    check(&client, &seen).await?;
    let errors = shared.errors.load(Ordering::SeqCst);
    println!("every confirmed write is there; {errors} writes had an error");
    Ok(())
}

async fn client(timeout: Duration) -> Result<Client> {
    let endpoints = std::env::var("DKV_ENDPOINTS")
        .map_err(|_| Error::invalid("DKV_ENDPOINTS must name the nodes of the cluster"))?;
    Client::connect(ClientOptions {
        endpoints: endpoints.split(',').map(str::to_owned).collect(),
        timeout,
        ..ClientOptions::default()
    })
    .await
}

/// Writes 1, 2, 3, … to a key of its own.
async fn write(client: Client, place: usize, shared: Arc<Shared>, seen: Arc<Seen>) {
    let mut next = 1_u64;
    while !shared.stop.load(Ordering::SeqCst) {
        let kill_us = shared.killed_us.load(Ordering::SeqCst);
        let written = client.set(format!("failover:{place}"), next.to_string());
        match written.await {
            Ok(_) => {
                seen.confirmed.store(next, Ordering::SeqCst);
                if seen.kill_us.load(Ordering::SeqCst) != kill_us {
                    seen.answered_us.store(us(&shared), Ordering::SeqCst);
                    seen.kill_us.store(kill_us, Ordering::SeqCst);
                }
            }
            Err(_) => drop(shared.errors.fetch_add(1, Ordering::SeqCst)),
        }
        next += 1;
    }
}

fn us(shared: &Shared) -> u64 {
    shared.began.elapsed().as_micros() as u64
}

/// The name of the node that leads the shard.
async fn leader() -> Result<String> {
    let until = Instant::now() + LONGEST;
    let cluster = client(Duration::from_secs(2)).await?.cluster()?;
    while Instant::now() < until {
        let status = cluster.status().await?;
        let shard = status.shards.iter().find(|it| it.shard == ShardId(100));
        let leader = shard.and_then(|it| it.leader);
        let member = status.members.iter().find(|it| Some(it.node) == leader);
        if let Some(member) = member {
            return Ok(member.name.clone());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Error::unavailable("nobody leads"))
}

fn kill(folder: &Path, node: &str, shared: &Shared) -> Result<u64> {
    let file = folder.join(format!("data/{node}.pid"));
    let pid = std::fs::read_to_string(&file).unwrap_or_default();
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| Error::invalid(format!("no process id in {}", file.display())))?;
    kill_process(pid, Signal::KILL)
        .map_err(|error| Error::internal(format!("{node} cannot be killed: {error}")))?;
    let killed_us = us(shared);
    shared.killed_us.store(killed_us, Ordering::SeqCst);
    Ok(killed_us)
}

/// When the first client wrote again, and the last, since the kill, microseconds.
async fn recovered(seen: &[Arc<Seen>], killed_us: u64) -> Result<(u64, u64)> {
    let until = Instant::now() + LONGEST;
    while Instant::now() < until {
        let wrote = |seen: &&Arc<Seen>| seen.kill_us.load(Ordering::SeqCst) == killed_us;
        if seen.iter().all(|one| wrote(&one)) {
            let answers = seen
                .iter()
                .map(|one| one.answered_us.load(Ordering::SeqCst));
            let since = |at: Option<u64>| at.unwrap_or(killed_us).saturating_sub(killed_us);
            return Ok((since(answers.clone().min()), since(answers.max())));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(Error::unavailable(
        "some client could not write for a minute",
    ))
}

/// Brings back the node that was killed, and waits until the cluster is whole.
async fn restart(folder: &Path) -> Result<()> {
    let script = folder.join("start.sh");
    let ran = tokio::task::spawn_blocking(move || Command::new(script).output()).await;
    match ran {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(Error::internal(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
        Ok(Err(error)) => Err(Error::internal(format!("start.sh cannot be run: {error}"))),
        Err(error) => Err(Error::internal(error.to_string())),
    }
}

/// A write that was confirmed is there; a later one, whose outcome is unknown, may be.
async fn check(client: &Client, seen: &[Arc<Seen>]) -> Result<()> {
    for (place, seen) in seen.iter().enumerate() {
        let confirmed = seen.confirmed.load(Ordering::SeqCst);
        let found = client.get(format!("failover:{place}")).await?;
        let found = found.and_then(|it| String::from_utf8_lossy(&it.value).parse::<u64>().ok());
        if found.unwrap_or(0) < confirmed {
            return Err(Error::corrupt(format!(
                "client {place} was told that {confirmed} was written, and {found:?} is there"
            )));
        }
    }
    Ok(())
}
