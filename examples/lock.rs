//! Holds a lock while it works, and writes with the lock's fence.
//!
//!     cargo run --example lock
//!
//! Start it in two shells: the second waits for the first. Revoke the lock under it (`dkv lock
//! revoke report --yes`), and its next write is refused.
#![allow(clippy::print_stdout, reason = "a program for the shell")]

use std::time::Duration;

use dkv::base::{ErrorKind, Result};
use dkv::client::{Client, ClientOptions, LockOptions, SetOptions};

#[tokio::main]
async fn main() -> Result<()> {
    let mut options = ClientOptions::default();
    if let Ok(endpoints) = std::env::var("DKV_ENDPOINTS") {
        options.endpoints = endpoints.split(',').map(str::to_owned).collect();
    }
    let client = Client::connect(options).await?;
    let wanted = LockOptions {
        ttl: Some(Duration::from_secs(10)),
        wait: Duration::from_secs(60),
    };
    let Some(guard) = client.lock("report", wanted).await? else {
        println!("somebody else kept the lock for a minute");
        return Ok(());
    };
    println!("the lock is held, fence {}", guard.token());

    for page in 1..=5 {
        let fenced = SetOptions {
            fence: Some(guard.fence()),
            ..SetOptions::default()
        };
        let key = format!("report:page:{page}");
        match client.set_with(key, format!("page {page}"), fenced).await {
            Ok(outcome) => println!("page {page} is revision {}", outcome.revision),
            Err(error) if error.kind() == ErrorKind::FenceStale => {
                println!("page {page} was refused, the lock is lost: {error}");
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        // The work between two writes. It ends at once when the lock may be lost.
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
            () = guard.lost() => {
                println!("the lock may be lost: stopping");
                return Ok(());
            }
        }
    }
    guard.release().await?;
    println!("the lock is released");
    Ok(())
}
