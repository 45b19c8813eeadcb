//! The log on a real disk, with its own thread.

use std::sync::mpsc;
use std::time::Duration;

use super::*;

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
