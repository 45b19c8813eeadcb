//! A queue of jobs in one's own process: no server, no port, no runtime.
//!
//!     cargo run --example embedded
//!     cargo run --example embedded -- DIRECTORY
//!
//! Three workers share a store. Who holds the lock of a job does it, under a lease that ends
//! if its worker dies, and writes the result with the lock's fence; results are kept for a
//! minute. With a directory the jobs outlive the program: stop it (Ctrl-C) and start it again.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for the shell, with threads of its own"
)]

use std::time::Duration;

use dkv::base::{ErrorKind, Result};
use dkv::client::{Client, Condition, LockOptions, Record, ScanOptions, SetOptions};
use dkv::embedded::{LocalStore, block_on};

const JOBS: usize = 9;

fn main() -> Result<()> {
    let store = match std::env::args_os().nth(1) {
        Some(directory) => block_on(LocalStore::open(directory))?,
        None => block_on(LocalStore::in_memory())?,
    };
    block_on(submit(&store))?;
    let workers = ["alice", "bob", "carol"].map(|name| {
        let store = store.clone();
        std::thread::spawn(move || work(&store, name))
    });
    for worker in workers {
        worker.join().expect("a worker does not panic")?;
    }
    println!("results:");
    for Record { key, value, .. } in block_on(store.scan(ScanOptions::prefix("result:")).collect())?
    {
        println!("  {} by {}", key.escape_ascii(), value.escape_ascii());
    }
    block_on(store.close())
}

/// Adds the jobs that are not there. It takes a client, and so it takes a store.
async fn submit(client: &Client) -> Result<()> {
    for number in 1..=JOBS {
        let new = SetOptions {
            condition: Some(Condition::Absent),
            ..SetOptions::default()
        };
        let name = format!("job:{number}");
        client
            .set_with(name, format!("count to {number}"), new)
            .await?;
    }
    Ok(())
}

/// Does jobs until there are none left.
fn work(store: &LocalStore, worker: &str) -> Result<()> {
    loop {
        let jobs = block_on(store.scan(ScanOptions::prefix("job:")).collect())?;
        if jobs.is_empty() {
            return Ok(());
        }
        for job in jobs {
            block_on(do_job(store, worker, &job))?;
        }
    }
}

/// Does one job, unless somebody else does it.
async fn do_job(store: &Client, worker: &str, job: &Record) -> Result<()> {
    let lease = LockOptions {
        ttl: Some(Duration::from_secs(5)),
        ..LockOptions::default()
    };
    let Some(guard) = store.lock(job.key.clone(), lease).await? else {
        return Ok(());
    };
    if !store.has(job.key.clone()).await? {
        // Done between the look at the list and the lock.
        return guard.release().await.map(drop);
    }
    // The work. It may take longer than the lease, which the guard renews.
    std::thread::sleep(Duration::from_millis(50));
    let fenced = SetOptions {
        delete_in: Some(Duration::from_secs(60)),
        fence: Some(guard.fence()),
        ..SetOptions::default()
    };
    let result = format!("result:{}", job.key.escape_ascii());
    let written = store.set_with(result, worker.to_owned(), fenced).await;
    match written {
        Ok(_) => {}
        // Another worker has the job by now: its result counts.
        Err(error) if error.kind() == ErrorKind::FenceStale => return Ok(()),
        Err(error) => return Err(error),
    }
    println!("{worker} did {}", job.key.escape_ascii());
    store
        .delete_with(job.key.clone(), Some(guard.fence()))
        .await?;
    guard.release().await.map(drop)
}
