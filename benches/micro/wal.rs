//! The log, on the disk of the build, with its own thread.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use dkv::base::host::{Disk, Host, OpenMode, SystemDisk};
use dkv::base::limits::WAL_SEGMENT_BYTES;
use dkv::base::types::{LogIndex, NodeId};
use dkv::wal::{Append, Durability, Record, RecordKind, Wal, WalOptions};
use tempfile::TempDir;

const GROUP: u32 = 100;
/// The payload of a record: a set of a short value, as an entry of its own.
const RECORD_BYTES: usize = 200;
/// Records of a log that is recovered.
const RECOVERED: u64 = 10_000;
/// Records that its appends had each.
const RECOVERED_TOGETHER: usize = 64;

const DURABILITIES: [Durability; 3] = [
    Durability::Fsync,
    Durability::IntervalMs(50),
    Durability::None,
];

struct Log {
    wal: Wal,
    /// Of the next record.
    next: u64,
    /// Goes when the log has ended.
    _folder: TempDir,
}

impl Log {
    fn empty() -> Self {
        let folder = crate::folder();
        let recovery = Wal::recover(&Host::system(), options(&folder));
        Self {
            wal: recovery.expect("it is new").start(),
            next: 1,
            _folder: folder,
        }
    }

    /// The next records. All before them are let go, so that their segments are used again.
    fn records(&mut self, count: u64) -> Vec<Record> {
        self.wal.release(GROUP, LogIndex(self.next - 1));
        let indexes = self.next..self.next + count;
        self.next += count;
        indexes.map(record).collect()
    }

    /// Returns when the log says that it is done.
    fn append(&self, records: Vec<Record>, durability: Durability) {
        append(&self.wal, records, durability);
    }
}

impl Drop for Log {
    /// The writer goes on for a moment, and its directory must not go first.
    fn drop(&mut self) {
        finish(&self.wal);
    }
}

fn options(folder: &TempDir) -> WalOptions {
    WalOptions {
        dir: folder.path().join("wal"),
        node: NodeId([1; 16]),
        segment_bytes: WAL_SEGMENT_BYTES,
        indexed: BTreeSet::new(),
    }
}

fn record(index: u64) -> Record {
    Record {
        group: GROUP,
        kind: RecordKind::Entry,
        index: LogIndex(index),
        payload: Bytes::from(vec![index as u8; RECORD_BYTES]),
    }
}

fn append(wal: &Wal, records: Vec<Record>, durability: Durability) {
    let (told, tells) = sync_channel(1);
    let queued = wal.append(Append {
        records,
        durability,
        done: Box::new(move |done| told.send(done).expect("somebody waits for it")),
    });
    queued.expect("the log takes records");
    let done = tells.recv().expect("the writer answers");
    done.expect("the disk takes records");
}

fn finish(wal: &Wal) {
    let (told, tells) = sync_channel(1);
    wal.finish(Box::new(move |done| {
        told.send(done).expect("somebody waits for it");
    }));
    let done = tells.recv().expect("the writer answers");
    done.expect("the disk takes records");
    while !wal.status().finished {
        std::thread::yield_now();
    }
}

/// One append of so many records by a single caller, who waits until the log says that it is
/// done: with `Fsync` when the disk has it, else when the system has it. Two threads hand over
/// to each other. An item is a record, and bytes are payload.
#[divan::bench(consts = [1, 64], args = DURABILITIES, sample_size = 1)]
fn append_and_wait<const RECORDS: u64>(bencher: Bencher, durability: Durability) {
    let mut log = Log::empty();
    let records = log.records(RECORDS);
    let before = log.wal.status();
    log.append(records, durability);
    let after = log.wal.status();
    assert_eq!(after.batches, before.batches + 1);
    assert!(after.appended_bytes > before.appended_bytes + RECORDS * RECORD_BYTES as u64);
    assert!(durability != Durability::Fsync || after.fsyncs > before.fsyncs);
    let log = RefCell::new(log);
    bencher
        .counter(ItemsCount::new(RECORDS))
        .counter(BytesCount::new(RECORDS * RECORD_BYTES as u64))
        .with_inputs(|| log.borrow_mut().records(RECORDS))
        .bench_local_values(|records| log.borrow().append(records, durability));
}

/// The files of a log, as it left them.
struct Left {
    dir: PathBuf,
    files: Vec<LeftFile>,
}

struct LeftFile {
    path: PathBuf,
    length: u64,
    /// Up to where only zeros follow.
    content: Vec<u8>,
}

impl Left {
    fn by(wal: &Wal, dir: PathBuf) -> Self {
        finish(wal);
        let names = SystemDisk.list(&dir).expect("the log is there");
        let read = |name: String| {
            let path = dir.join(name);
            let file = SystemDisk.open(&path, OpenMode::Read);
            let file = file.expect("the file is there");
            let length = file.len().expect("the file is there");
            let mut content = vec![0; usize::try_from(length).expect("a segment is small")];
            file.read_exact_at(&mut content, 0)
                .expect("the file can be read");
            let end = content.iter().rposition(|byte| *byte != 0);
            content.truncate(end.map_or(0, |last| last + 1));
            LeftFile {
                path,
                length,
                content,
            }
        };
        let files = names.into_iter().map(read).collect();
        Self { dir, files }
    }

    /// Undoes what a recovery did, durably: the next one must not wait for that.
    fn restore(&self) {
        self.try_to_restore().expect("the disk takes the log again");
    }

    fn try_to_restore(&self) -> io::Result<()> {
        for name in SystemDisk.list(&self.dir)? {
            SystemDisk.remove(&self.dir.join(name))?;
        }
        for left in &self.files {
            let file = SystemDisk.open(&left.path, OpenMode::CreateNew)?;
            file.allocate(left.length)?;
            file.write_all_at(&left.content, 0)?;
            file.sync_data()?;
        }
        SystemDisk.sync_dir(&self.dir)
    }
}

/// Recovers a log of 10,000 records, written 64 at a time in one segment, and visits them all:
/// reads and judges the segment, its empty end included, writes the last batch again into a
/// spare one, and makes that durable. The system has what was written in its cache. An item is a
/// record, and bytes are payload.
#[divan::bench(sample_size = 1)]
fn recover(bencher: Bencher) {
    let folder = crate::folder();
    let (host, options) = (Host::system(), options(&folder));
    let recovery = Wal::recover(&host, options.clone());
    let wal = recovery.expect("it is new").start();
    for first in (1..=RECOVERED).step_by(RECOVERED_TOGETHER) {
        let end = (first + RECOVERED_TOGETHER as u64).min(RECOVERED + 1);
        append(&wal, (first..end).map(record).collect(), Durability::Fsync);
    }
    let left = Left::by(&wal, options.dir.clone());
    assert_eq!(left.files.len(), 2, "a segment and a spare one");
    let recover = || {
        let recovery = Wal::recover(&host, options.clone());
        let mut recovery = recovery.expect("the log is whole");
        let (mut count, mut bytes) = (0, 0);
        let visited = recovery.replay(&mut |record| {
            count += 1;
            bytes += record.payload.len() as u64;
            assert_eq!(record.index, LogIndex(count));
            Ok(())
        });
        visited.expect("the log is whole");
        (count, bytes)
    };
    let whole = (RECOVERED, RECOVERED * RECORD_BYTES as u64);
    for _ in 0..2 {
        left.restore();
        assert_eq!(recover(), whole);
    }
    bencher
        .counter(ItemsCount::new(whole.0))
        .counter(BytesCount::new(whole.1))
        .with_inputs(|| left.restore())
        .bench_local_values(|()| recover());
    assert_eq!(recover(), whole);
}
