//! Tests of the log: what a crash may take, and what it may not.

mod crash;
mod damage;
mod format;
mod meddling;
mod model;
mod reading;
mod real;
mod space;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Append, Durability, Record, RecordKind, Recovery, Wal, WalError, WalOptions};
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Host, ManualClock, SeededRng, SimSpawn};
use crate::base::types::{LogIndex, NodeId};

const DIR: &str = "/data/wal";
const NODE: NodeId = NodeId([7; 16]);
const SEGMENT_BYTES: u64 = 16 << 10;

/// A simulated machine.
struct Sim {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    spawn: SimSpawn,
    host: Host,
}

impl Sim {
    fn new(seed: u64) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let disk = SimDisk::new(rng.clone());
        let clock = Arc::new(ManualClock::default());
        let spawn = SimSpawn::new(rng.clone());
        let host = Host {
            clock: clock.clone(),
            rng,
            disk: Arc::new(disk.clone()),
            spawn: Arc::new(spawn.clone()),
        };
        Self {
            disk,
            clock,
            spawn,
            host,
        }
    }

    fn recover(&self) -> Result<Recovery, WalError> {
        Wal::recover(&self.host, options(NODE))
    }

    /// Recovers, replays and starts.
    fn start(&self) -> (Wal, Vec<Record>) {
        let mut recovery = self.recover().unwrap();
        let records = replay(&mut recovery);
        (recovery.start(), records)
    }

    fn power_loss(&self) {
        self.spawn.crash();
        self.disk.crash();
    }

    /// Appends and lets the writer work.
    fn write(&self, wal: &Wal, records: Vec<Record>) -> Result<(), WalError> {
        let outcome = append(wal, records, Durability::Fsync)?;
        self.spawn.run_until_idle();
        let outcome = outcome.lock().take();
        outcome.expect("an idle writer has answered")
    }

    /// The segments, oldest first.
    fn segments(&self) -> Vec<PathBuf> {
        let files = self.disk.files().into_iter().map(|(path, _)| path);
        files
            .filter(|path| !path.to_string_lossy().contains("spare"))
            .collect()
    }
}

fn options(node: NodeId) -> WalOptions {
    WalOptions {
        dir: Path::new(DIR).to_owned(),
        node,
        segment_bytes: SEGMENT_BYTES,
        indexed: (0..4).collect(),
    }
}

type Outcome = Arc<Mutex<Option<Result<(), WalError>>>>;

fn append(wal: &Wal, records: Vec<Record>, durability: Durability) -> Result<Outcome, WalError> {
    let outcome = Outcome::default();
    let told = outcome.clone();
    wal.append(Append {
        records,
        durability,
        done: Box::new(move |result| *told.lock() = Some(result)),
    })?;
    Ok(outcome)
}

fn replay(recovery: &mut Recovery) -> Vec<Record> {
    let mut records = Vec::new();
    let mut visit = |record| {
        records.push(record);
        Ok(())
    };
    recovery.replay(&mut visit).unwrap();
    records
}

fn record(group: u32, kind: RecordKind, index: u64, payload: impl Into<Bytes>) -> Record {
    Record {
        group,
        kind,
        index: LogIndex(index),
        payload: payload.into(),
    }
}

fn entry(group: u32, index: u64, bytes: usize) -> Record {
    let payload = vec![index as u8; bytes];
    record(group, RecordKind::Entry, index, payload)
}

fn state(group: u32, payload: &'static str) -> Record {
    record(group, RecordKind::State, 0, payload)
}

fn indexes(records: &[Record], group: u32) -> Vec<u64> {
    let entries = records.iter().filter(|r| r.kind == RecordKind::Entry);
    entries
        .filter(|record| record.group == group)
        .map(|record| record.index.0)
        .collect()
}
