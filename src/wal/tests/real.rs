//! The log on a real disk, with its own thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::base::host::Rng;

const PATIENCE: Duration = Duration::from_secs(30);

fn open(dir: &Path) -> (Wal, Vec<Record>) {
    let options = WalOptions {
        dir: dir.join("wal"),
        node: NODE,
        segment_bytes: 1 << 20,
        indexed: (0..4).collect(),
    };
    let mut recovery = Wal::recover(&Host::system(), options).unwrap();
    let records = replay(&mut recovery);
    (recovery.start(), records)
}

fn close(wal: &Wal) {
    let (told, tells) = mpsc::channel();
    wal.sync(Box::new(move |result| told.send(result).unwrap()));
    tells.recv_timeout(PATIENCE).unwrap().unwrap();
    wal.close();
    while !wal.status().finished {
        std::thread::yield_now();
    }
}

#[test]
fn records_come_back_from_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, records) = open(dir.path());
    assert_eq!(records, []);
    let (told, tells) = mpsc::channel();
    for index in 1..=400 {
        let told = told.clone();
        let durability = match index % 3 {
            0 => Durability::None,
            1 => Durability::IntervalMs(5),
            _ => Durability::Fsync,
        };
        let append = Append {
            records: vec![entry(1, index, 10_000)],
            durability,
            done: Box::new(move |result| told.send((index, result)).unwrap()),
        };
        wal.append(append).unwrap();
        let (done, result) = tells.recv_timeout(PATIENCE).unwrap();
        assert_eq!((done, result), (index, Ok(())));
        wal.release(1, LogIndex(index.saturating_sub(150)));
    }
    let status = wal.status();
    assert!(status.segments <= 4 && status.fsyncs > 0, "{status:?}");
    close(&wal);
    for _ in 0..2 {
        let (wal, records) = open(dir.path());
        let found = indexes(&records, 1);
        assert!(
            found[0] <= 251 && found.is_sorted_by(|a, b| a + 1 == *b),
            "{found:?}"
        );
        assert_eq!(found.last(), Some(&400));
        assert!(records.iter().all(|record| record.payload.len() == 10_000));
        close(&wal);
    }
}

#[test]
fn many_threads_share_batches_and_keep_their_order() {
    const THREADS: u32 = 4;
    const APPENDS: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let (wal, _) = open(dir.path());
    std::thread::scope(|scope| {
        for group in 0..THREADS {
            let wal = wal.clone();
            scope.spawn(move || {
                let (told, tells) = mpsc::channel();
                for index in 1..=APPENDS {
                    let told = told.clone();
                    wal.append(Append {
                        records: vec![entry(group, index, 100)],
                        durability: Durability::Fsync,
                        done: Box::new(move |result| told.send((index, result)).unwrap()),
                    })
                    .unwrap();
                }
                for index in 1..=APPENDS {
                    let (done, result) = tells.recv_timeout(PATIENCE).unwrap();
                    assert_eq!((done, result), (index, Ok(())));
                }
            });
        }
    });
    let status = wal.status();
    assert!(status.batches < u64::from(THREADS) * APPENDS, "{status:?}");
    close(&wal);
    let (_, records) = open(dir.path());
    for group in 0..THREADS {
        assert_eq!(indexes(&records, group), (1..=APPENDS).collect::<Vec<_>>());
    }
}

/// Each entry names itself and the one it was written behind.
fn link(index: u64, write: u64, behind: u64) -> Record {
    let numbers = [index, write, behind].map(u64::to_le_bytes).concat();
    record(1, RecordKind::Entry, index, numbers.repeat(20))
}

fn numbers(record: &Record) -> [u64; 3] {
    let number = |at: usize| {
        let bytes = record.payload[at * 8..][..8].try_into().unwrap();
        u64::from_le_bytes(bytes)
    };
    [number(0), number(1), number(2)]
}

/// Reads random ranges until `stop`. How many entries that was.
fn read_ranges(wal: &Wal, seed: u64, newest: &AtomicU64, stop: &AtomicBool) -> usize {
    let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(seed));
    let mut count = 0;
    while !stop.load(Ordering::SeqCst) {
        let newest = newest.load(Ordering::SeqCst);
        let from = newest.saturating_sub(rng.below(200));
        let to = LogIndex(from + rng.below(200));
        let records = wal.read(1, LogIndex(from), to, 1 << 16).unwrap();
        for pair in records.windows(2) {
            let ([before, write, _], [index, _, behind]) = (numbers(&pair[0]), numbers(&pair[1]));
            assert_eq!((before + 1, write), (index, behind), "they belong together");
        }
        for record in &records {
            let [index, write, behind] = numbers(record);
            assert_eq!(*record, link(index, write, behind));
            assert_eq!(record.index.0, index);
        }
        count += records.len();
    }
    count
}

/// Appends, truncates and releases while others read. The segments are small, so that they
/// are recycled all the time.
#[test]
fn readers_beside_the_writer_see_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let options = WalOptions {
        dir: dir.path().join("wal"),
        node: NODE,
        segment_bytes: SEGMENT_BYTES,
        indexed: [1].into(),
    };
    let wal = Wal::recover(&Host::system(), options).unwrap().start();
    let (newest, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let read = std::thread::scope(|scope| {
        let (wal, newest, stop) = (&wal, &newest, &stop);
        let readers = [1, 2].map(|seed| scope.spawn(move || read_ranges(wal, seed, newest, stop)));
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(3));
        let mut writes = vec![0];
        for write in 1..4_000 {
            let mut records = Vec::new();
            if rng.below(10) == 0 {
                let kept = writes.len() - (rng.below(8) as usize).min(writes.len() / 8);
                writes.truncate(kept);
                records.push(record(1, RecordKind::Truncate, kept as u64, ""));
            }
            records.push(link(writes.len() as u64, write, *writes.last().unwrap()));
            writes.push(write);
            let (told, tells) = mpsc::channel();
            wal.append(Append {
                records,
                durability: Durability::None,
                done: Box::new(move |result| told.send(result).unwrap()),
            })
            .unwrap();
            tells.recv_timeout(PATIENCE).unwrap().unwrap();
            newest.store(writes.len() as u64, Ordering::SeqCst);
            if let Some(old) = writes.len().checked_sub(100) {
                wal.release(1, LogIndex(old as u64));
            }
        }
        stop.store(true, Ordering::SeqCst);
        readers.map(|reader| reader.join().unwrap())
    });
    assert!(read.iter().sum::<usize>() > 1_000, "{read:?}");
    close(&wal);
}
