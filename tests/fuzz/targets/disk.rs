//! What the disk keeps: segments of the log, records in them, rows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use dkv::base::host::sim_disk::SimDisk;
use dkv::base::host::{Disk, Host, ManualClock, OpenMode, SeededRng, SimSpawn};
use dkv::base::types::{LogIndex, NodeId};
use dkv::wal::{Record, RecordKind, Wal, WalError, WalOptions, fuzzed};

use super::choices::Choices;

pub(crate) const NODE: NodeId = NodeId([7; 16]);
/// Bytes of a segment, at least.
pub(crate) const SEGMENT: usize = 16 << 10;
const DIR: &str = "/wal";

/// A segment of any bytes is opened: what the log takes from it, it takes again at the next
/// start.
pub(crate) fn log_segment(data: &[u8]) {
    // Whether there are batches does not matter.
    let _ = fuzzed::walk(data);
    let machine = Machine::with(data);
    if let Ok(first) = machine.open() {
        let second = machine
            .open()
            .expect("what could be opened can be opened again");
        assert_eq!(first, second);
    }
}

/// A sound segment is damaged. What was durable is there, or the log is refused; of the rest a
/// part from the beginning is there.
pub(crate) fn log_damaged(data: &[u8]) {
    let mut choices = Choices(data);
    let count = 1 + usize::from(choices.below(6));
    let synced = u64::from(choices.below(4)).min(count as u64 - 1);
    let payloads: Vec<(Vec<u8>, u64)> = (1..=count as u64)
        .map(|number| {
            let records: Vec<Record> = (0..=choices.below(2))
                .map(|_| record(number, &choices.value()))
                .collect();
            (fuzzed::payload(&records), synced.min(number - 1))
        })
        .collect();
    let mut segment = fuzzed::segment(NODE, &payloads, SEGMENT);
    let whole = Machine::with(&segment).open().expect("it is sound");
    for _ in 0..=choices.below(3) {
        let at = usize::from(choices.byte()) << 8 | usize::from(choices.byte());
        let mask = choices.byte();
        if let Some(byte) = segment.get_mut(at) {
            *byte ^= mask;
        }
    }
    let Ok(kept) = Machine::with(&segment).open() else {
        return;
    };
    assert!(whole.starts_with(&kept), "{whole:?} became {kept:?}");
    let durable = payloads.iter().take(usize::try_from(synced).unwrap_or(0));
    let durable: usize = durable
        .map(|(payload, _)| fuzzed::records(payload).0.len())
        .sum();
    // The claim itself may have been damaged: then nothing says that it was durable.
    let claims = fuzzed::walk(&segment).map_or(0, |(sound, ahead)| (sound as u64).max(ahead));
    if claims > synced {
        assert!(kept.len() >= durable, "{durable} of {whole:?} were durable");
    }
}

/// A payload of any bytes, and of sound records, is taken apart and put together again.
pub(crate) fn log_records(data: &[u8]) {
    let (records, bytes) = fuzzed::records(data);
    assert_eq!(fuzzed::payload(&records), data[..bytes]);
    let mut choices = Choices(data);
    let mut made = Vec::new();
    while !choices.is_empty() && made.len() < 64 {
        made.push(record(choices.number(), &choices.value()));
    }
    assert_eq!(fuzzed::records(&fuzzed::payload(&made)).0, made);
}

/// The key or value of a row of any bytes.
pub(crate) fn rows(data: &[u8]) {
    let Some((table, row)) = data.split_first() else {
        return;
    };
    let row = Bytes::copy_from_slice(row);
    dkv::machine::fuzzed::key(&row);
    // What is refused is refused; what is read is compared there.
    let _ = dkv::machine::fuzzed::value(*table, row.clone());
    if let Ok(event) = dkv::machine::codec::decode_event(row) {
        let mut again = Vec::new();
        dkv::machine::codec::put_event(&event, &mut again);
        let read = dkv::machine::codec::decode_event(again.into());
        assert_eq!(read.expect("it was just written"), event);
    }
}

pub(crate) fn record(index: u64, payload: &Bytes) -> Record {
    Record {
        group: 100,
        kind: RecordKind::Entry,
        index: LogIndex(index),
        payload: payload.clone(),
    }
}

/// A simulated machine with one segment on its disk.
struct Machine {
    host: Host,
}

impl Machine {
    fn with(segment: &[u8]) -> Self {
        let rng = Arc::new(SeededRng::new(1));
        let disk = SimDisk::new(rng.clone());
        let host = Host {
            clock: Arc::new(ManualClock::default()),
            disk: Arc::new(disk.clone()),
            spawn: Arc::new(SimSpawn::new(rng.clone())),
            rng,
        };
        let path = Path::new(DIR).join("0000000000000001.wal");
        disk.create_dir_all(Path::new(DIR)).expect("it has room");
        let file = disk.open(&path, OpenMode::CreateNew).expect("it is new");
        file.write_all_at(segment, 0).expect("it has room");
        Self { host }
    }

    fn open(&self) -> Result<Vec<Record>, WalError> {
        let options = WalOptions {
            dir: PathBuf::from(DIR),
            node: NODE,
            segment_bytes: SEGMENT as u64,
            indexed: BTreeSet::from([100]),
        };
        let mut recovery = Wal::recover(&self.host, options)?;
        let mut records = Vec::new();
        let replayed = recovery.replay(&mut |record| {
            records.push(record);
            Ok(())
        });
        replayed.expect("what recovery has judged can be read");
        Ok(records)
    }
}
