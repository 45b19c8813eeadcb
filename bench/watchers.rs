//! Watches, idle and busy, and what they cost. Used by `bench/watch.sh`.
//!
//!     watchers idle COUNT
//!     watchers fan-out COUNT SECONDS WRITERS
//!     watchers stalled COUNT
//!
//! `DKV_ENDPOINTS` names the node. `idle` opens COUNT watches, each on a key that nobody
//! writes; `stalled` opens COUNT on everything and never looks at them. Both print `open COUNT`
//! and hold on until their input ends. `fan-out` opens COUNT watches on one prefix, lets WRITERS
//! clients set keys below it for SECONDS, and prints how many events a second were told and
//! how long after the set was begun.
#![allow(clippy::print_stdout, reason = "a program for the shell")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dkv::base::{Error, Result};
use dkv::client::{Client, ClientOptions, Watch, WatchOptions};
use hdrhistogram::Histogram;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

const PREFIX: &str = "watched:";

/// Keys that are written; which one does not matter to who watches the prefix.
const KEYS: u64 = 1_000;

const VALUE_BYTES: usize = 64;

/// How long a look at a watch takes if nothing comes, and ...
const LOOK: Duration = Duration::from_millis(20);

/// ... how many of them may be in vain after the last set: ten seconds.
const QUIET_LOOKS_MAX: u64 = 500;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let endpoint = std::env::var("DKV_ENDPOINTS")
        .map_err(|_| Error::invalid("DKV_ENDPOINTS must name the node"))?;
    let client = Client::connect(ClientOptions {
        connections: 2,
        ..ClientOptions::to(&endpoint)
    });
    let client = client.await?;
    match &words[..] {
        ["idle", count] => hold(idle(&client, number(count)?).await?).await,
        ["stalled", count] => hold(watches_on_all(&client, number(count)?).await?).await,
        ["fan-out", count, seconds, writers] => {
            let length = Duration::from_secs(number(seconds)?);
            fan_out(&client, number(count)?, length, number(writers)?).await?;
        }
        _ => {
            return Err(Error::invalid(
                "watchers idle COUNT | stalled COUNT | fan-out COUNT SECONDS WRITERS",
            ));
        }
    }
    Ok(())
}

fn number(word: &str) -> Result<u64> {
    word.parse()
        .map_err(|_| Error::invalid(format!("`{word}` is not a number")))
}

async fn idle(client: &Client, count: u64) -> Result<Vec<Watch>> {
    let mut watches = Vec::new();
    for number in 0..count {
        let key = format!("idle:{number:010}");
        watches.push(client.watch(WatchOptions::key(key)).await?);
    }
    Ok(watches)
}

async fn watches_on_all(client: &Client, count: u64) -> Result<Vec<Watch>> {
    let mut watches = Vec::new();
    for _ in 0..count {
        watches.push(client.watch(WatchOptions::prefix("")).await?);
    }
    Ok(watches)
}

/// Keeps them until whoever started this closes its input, or is gone.
async fn hold(watches: Vec<Watch>) {
    println!("open {}", watches.len());
    let mut input = Vec::new();
    drop(tokio::io::stdin().read_to_end(&mut input).await);
}

async fn fan_out(client: &Client, count: u64, length: Duration, writers: u64) -> Result<()> {
    let began = Instant::now();
    let written = Arc::new(AtomicU64::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut watching = JoinSet::new();
    for _ in 0..count {
        let watch = client.watch(WatchOptions::prefix(PREFIX)).await?;
        let (written, is_over) = (Arc::clone(&written), Arc::clone(&is_over));
        watching.spawn(look(watch, began, written, is_over));
    }
    let mut writing = JoinSet::new();
    let written_from = Instant::now();
    let until = written_from + length;
    for writer in 0..writers {
        let (client, written) = (client.with_lane(), Arc::clone(&written));
        writing.spawn(write(client, writer, began, until, written));
    }
    while let Some(ended) = writing.join_next().await {
        ended.map_err(|error| Error::internal(error.to_string()))??;
    }
    is_over.store(true, Ordering::SeqCst);
    let (mut told, mut late_us) = (0, histogram());
    while let Some(ended) = watching.join_next().await {
        let (events, latencies) = ended.map_err(|error| Error::internal(error.to_string()))??;
        told += events;
        late_us
            .add(&latencies)
            .expect("histograms of one kind can be added");
    }
    let sets = written.load(Ordering::SeqCst);
    if told != sets * count {
        return Err(Error::internal(format!(
            "{sets} sets and {count} watches, but {told} events were told"
        )));
    }
    // Until the last was told: what piled up meanwhile is no throughput.
    let seconds = written_from.elapsed().as_secs_f64();
    println!(
        "watches={count} sets_per_s={:.0} events_per_s={:.0} p50_us={} p99_us={} max_us={}",
        sets as f64 / seconds,
        told as f64 / seconds,
        late_us.value_at_quantile(0.5),
        late_us.value_at_quantile(0.99),
        late_us.max()
    );
    Ok(())
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

/// Sets keys to the moment at which it began to.
async fn write(
    client: Client,
    writer: u64,
    began: Instant,
    until: Instant,
    written: Arc<AtomicU64>,
) -> Result<()> {
    let mut turn = writer;
    while Instant::now() < until {
        let key = format!("{PREFIX}{:04}", turn % KEYS);
        let mut value = vec![b'v'; VALUE_BYTES];
        value[..8].copy_from_slice(&elapsed_us(began).to_be_bytes());
        client.set(key, value).await?;
        written.fetch_add(1, Ordering::SeqCst);
        turn += 7;
    }
    Ok(())
}

/// Counts events until all sets were told.
async fn look(
    mut watch: Watch,
    began: Instant,
    written: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
) -> Result<(u64, Histogram<u64>)> {
    let (mut events, mut late_us) = (0, histogram());
    let mut quiet_looks = 0;
    loop {
        let is_last = is_over.load(Ordering::SeqCst);
        if is_last && (events >= written.load(Ordering::SeqCst) || quiet_looks > QUIET_LOOKS_MAX) {
            return Ok((events, late_us));
        }
        let batch = match tokio::time::timeout(LOOK, watch.next()).await {
            Ok(Some(batch)) => batch?,
            Ok(None) => return Err(Error::internal("a watch ended without a word")),
            Err(_) => {
                quiet_looks += u64::from(is_last);
                continue;
            }
        };
        let now_us = elapsed_us(began);
        for event in batch.events {
            events += 1;
            let value = event.record.map_or_else(Bytes::new, |record| record.value);
            let begun_us = value
                .first_chunk()
                .map_or(now_us, |at| u64::from_be_bytes(*at));
            late_us
                .record(now_us.saturating_sub(begun_us))
                .expect("the histogram grows as it must");
        }
    }
}

fn elapsed_us(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}
