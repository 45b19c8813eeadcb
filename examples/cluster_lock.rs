//! A job that must not run twice, against a cluster: it takes a lock, writes with the lock's
//! fence, and goes on when the cluster changes its leader under it.
//!
//!     examples/cluster/start.sh
//!     export DKV_ENDPOINTS=127.0.0.1:18081,127.0.0.1:18082,127.0.0.1:18083
//!     cargo run --example cluster_lock -- 20
//!
//! Meanwhile kill the leader (`dkv cluster status` names it) with `kill -9`: a step takes a
//! second longer, and none is lost or done twice.
#![allow(clippy::print_stdout, reason = "a program for the shell")]

use std::time::Duration;

use dkv::base::{Error, ErrorKind, Result};
use dkv::client::{Client, ClientOptions, LockGuard, LockOptions, SetOptions};

/// Longer than an election takes, so that the lock outlives one.
const LEASE: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> Result<()> {
    let steps = match std::env::args().nth(1).map(|steps| steps.parse()) {
        None => 10,
        Some(Ok(steps)) => steps,
        Some(Err(_)) => return Err(Error::invalid("the argument is the number of steps")),
    };
    let endpoints = std::env::var("DKV_ENDPOINTS")
        .map_err(|_| Error::invalid("DKV_ENDPOINTS must name the nodes of a cluster"))?;
    let options = ClientOptions {
        endpoints: endpoints.split(',').map(str::to_owned).collect(),
        // A call may meet an election, and is repeated until it is over.
        timeout: Duration::from_secs(30),
        ..ClientOptions::default()
    };
    let client = Client::connect(options).await?;
    let wanted = LockOptions {
        ttl: Some(LEASE),
        wait: Duration::from_secs(60),
    };
    let Some(guard) = client.lock("nightly", wanted).await? else {
        println!("somebody else kept the lock for a minute");
        return Ok(());
    };
    println!("the lock is held, fence {}", guard.token());
    match work(&client, &guard, steps).await {
        Ok(()) => {}
        // Somebody else has the lock, and does the job: whatever we wrote, they saw.
        Err(error) if error.kind() == ErrorKind::FenceStale => {
            println!("stopping, the lock is lost: {error}");
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    guard.release().await?;
    println!("done, the lock is released");
    Ok(())
}

/// Goes on where the last run stopped: what is done is kept with each step.
async fn work(client: &Client, guard: &LockGuard, steps: u64) -> Result<()> {
    let done = client.get("nightly:done").await?;
    let done = done.and_then(|record| String::from_utf8_lossy(&record.value).parse().ok());
    let first = done.unwrap_or(0) + 1;
    for step in first..first + steps {
        let fenced = SetOptions {
            fence: Some(guard.fence()),
            ..SetOptions::default()
        };
        let written = client
            .set_with("nightly:done", step.to_string(), fenced)
            .await?;
        println!("step {step} is revision {}", written.revision);
        // The work of a step. It ends at once when the lock may be lost.
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
            () = guard.lost() => return Err(Error::new(ErrorKind::FenceStale, "its lease is over")),
        }
    }
    Ok(())
}
