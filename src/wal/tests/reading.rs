//! Reading entries back: what was written, or nothing; whatever happens meanwhile.

use super::meddling::MeddlingDisk;
use super::*;

const ALL: usize = usize::MAX;

fn read(wal: &Wal, from: u64, to: u64, bytes_max: usize) -> Vec<u64> {
    let records = wal.read(1, LogIndex(from), LogIndex(to), bytes_max);
    let records = records.unwrap();
    for record in &records {
        let bytes = record.payload.len();
        assert_eq!(*record, entry(1, record.index.0, bytes));
    }
    records.iter().map(|record| record.index.0).collect()
}

#[test]
fn a_range_is_read_in_order_and_within_bytes() {
    let sim = Sim::new(1);
    let (wal, _) = sim.start();
    for index in 1..=40 {
        let others = [entry(2, index, 10), state(1, "vote"), entry(7, index, 10)];
        let records = others.into_iter().chain([entry(1, index, 1000)]);
        sim.write(&wal, records.collect()).unwrap();
    }
    assert!(wal.status().segments > 2);
    assert_eq!(read(&wal, 0, u64::MAX, ALL), (1..=40).collect::<Vec<_>>());
    assert_eq!(read(&wal, 5, 8, ALL), [5, 6, 7]);
    assert_eq!(read(&wal, 39, 99, ALL), [39, 40], "an absent end");
    assert!(read(&wal, 41, 99, ALL).is_empty(), "all of it absent");
    assert!(read(&wal, 8, 5, ALL).is_empty(), "nothing was asked for");
    assert_eq!(read(&wal, 5, 40, 0), [5], "always one");
    assert_eq!(read(&wal, 5, 40, 2999), [5, 6]);
    assert_eq!(read(&wal, 5, 40, 3000), [5, 6, 7]);
    wal.release(1, LogIndex(9));
    assert_eq!(read(&wal, 5, 12, ALL), [10, 11], "an absent beginning");
    let refused = wal.read(7, LogIndex(1), LogIndex(2), ALL).unwrap_err();
    assert!(refused.to_string().contains("group 7 was not opened"));
}

#[test]
fn only_what_is_written_is_read() {
    let sim = Sim::new(2);
    let (wal, _) = sim.start();
    append(&wal, vec![entry(1, 1, 10)], Durability::None).unwrap();
    assert!(read(&wal, 0, 9, ALL).is_empty());
    sim.spawn.run_until_idle();
    assert_eq!(read(&wal, 0, 9, ALL), [1], "told, though not durable");
    append(&wal, vec![entry(1, 2, 10)], Durability::Fsync).unwrap();
    sim.disk.fail_after(1, std::io::ErrorKind::Other);
    sim.spawn.run_until_idle();
    let refused = wal.read(1, LogIndex(1), LogIndex(3), ALL).unwrap_err();
    assert!(matches!(refused, WalError::Poisoned(_)), "{refused}");
}

/// Entries of 1000 bytes are what `entry` makes; what voids and replaces has 900.
#[test]
fn positions_follow_truncations_purges_and_a_repaired_tail() {
    let sim = Sim::new(3);
    let (wal, _) = sim.start();
    for index in 0..20 {
        sim.write(&wal, vec![entry(1, index, 1000)]).unwrap();
    }
    let check = |wal: &Wal, first: u64, last: u64| {
        assert_eq!(read(wal, 0, 99, ALL), (first..=last).collect::<Vec<_>>());
        let records = wal.read(1, LogIndex(0), LogIndex(99), ALL).unwrap();
        let replaced = records.iter().filter(|record| record.payload.len() == 900);
        assert_eq!(replaced.count() as u64, last - 14);
    };
    let truncated = vec![
        record(1, RecordKind::Truncate, 15, ""),
        entry(1, 15, 900),
        entry(1, 16, 900),
    ];
    sim.write(&wal, truncated).unwrap();
    check(&wal, 0, 16);
    sim.write(&wal, vec![record(1, RecordKind::Purge, 3, "")])
        .unwrap();
    check(&wal, 4, 16);
    for index in 17..=18 {
        append(
            &wal,
            vec![state(1, "vote"), entry(1, index, 900)],
            Durability::None,
        )
        .unwrap();
        sim.spawn.run_until_idle();
    }
    check(&wal, 4, 18);
    for _ in 0..2 {
        sim.spawn.crash();
        sim.disk.kill();
        let recovery = sim.recover().unwrap();
        assert_eq!(recovery.state(1), Some(&state(1, "vote")));
        assert_eq!(recovery.state(2), None);
        check(&recovery.start(), 4, 18);
    }
}

#[test]
fn an_index_that_was_left_out_is_told() {
    let sim = Sim::new(4);
    let (wal, _) = sim.start();
    sim.write(&wal, vec![entry(1, 1, 10), entry(1, 2, 10)])
        .unwrap();
    sim.write(&wal, vec![entry(1, 5, 10)]).unwrap();
    assert_eq!(read(&wal, 1, 3, ALL), [1, 2]);
    assert_eq!(read(&wal, 3, 9, ALL), [5]);
    let hole = wal.read(1, LogIndex(1), LogIndex(9), ALL).unwrap_err();
    let message = "the log of group 1 goes on at entry 5 after entry 2";
    assert_eq!(hole.to_string(), message);
    // A purge says that it is meant.
    sim.write(
        &wal,
        vec![record(1, RecordKind::Purge, 8, ""), entry(1, 9, 10)],
    )
    .unwrap();
    assert_eq!(read(&wal, 0, 99, ALL), [9]);
}

#[test]
fn damage_is_told_by_file_and_offset() {
    for (offset, what) in [
        (3, "no batch header"),
        (30, "no batch header"),
        (500, "the checksum of batch 3 is wrong"),
    ] {
        let sim = Sim::new(5);
        let (wal, _) = sim.start();
        for index in 1..=5 {
            sim.write(&wal, vec![entry(1, index, 500)]).unwrap();
        }
        let segment = &sim.segments()[0];
        let batch = 4096 + 2 * 576;
        sim.disk.flip(segment, batch + offset, 4);
        assert_eq!(read(&wal, 1, 3, ALL), [1, 2]);
        assert_eq!(read(&wal, 4, 9, ALL), [4, 5]);
        let error = wal.read(1, LogIndex(1), LogIndex(9), ALL).unwrap_err();
        let WalError::Corrupt { path, offset, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((path, *offset), (segment, batch));
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// A log on a disk that lets a test act in the middle of a read.
fn meddled(sim: &Sim) -> (Wal, MeddlingDisk) {
    let disk = MeddlingDisk::new(sim.disk.clone());
    let host = Host {
        disk: Arc::new(disk.clone()),
        ..sim.host.clone()
    };
    let wal = Wal::recover(&host, options(NODE)).unwrap().start();
    (wal, disk)
}

#[test]
fn a_segment_that_is_recycled_and_written_again_under_a_read_is_not_taken_for_another() {
    let mut whole = 0;
    for operation in 0..11 {
        let sim = Sim::new(6);
        let (wal, disk) = meddled(&sim);
        let sim = Arc::new(sim);
        for index in 1..=25 {
            sim.write(&wal, vec![entry(1, index, 1000)]).unwrap();
        }
        let before = sim.segments();
        let (meddler, machine) = (wal.clone(), sim.clone());
        disk.at_read(operation, move || {
            meddler.release(1, LogIndex(20));
            for index in 26..=60 {
                machine
                    .write(&meddler, vec![entry(1, index, 1000)])
                    .unwrap();
                meddler.release(1, LogIndex(index - 5));
            }
        });
        let found = read(&wal, 1, 6, ALL);
        assert!(!sim.segments().contains(&before[0]), "it was recycled");
        match found[..] {
            [] => {}
            [1, 2, 3, 4, 5] => whole += 1,
            ref other => panic!("{other:?}"),
        }
    }
    assert!(whole < 4, "the segment went before it was read: {whole}");
}

#[test]
fn an_answer_is_never_from_before_and_after_a_truncation() {
    const ENTRIES: u64 = 3_000;
    for (operation, old) in [(0, 500), (1, 500), (25, 500), (50, ENTRIES)] {
        let sim = Sim::new(7);
        let (wal, disk) = meddled(&sim);
        let sim = Arc::new(sim);
        for first in (0..ENTRIES).step_by(100) {
            let entries = first..first + 100;
            sim.write(&wal, entries.map(|index| entry(1, index, 1)).collect())
                .unwrap();
        }
        let (meddler, machine) = (wal.clone(), sim.clone());
        disk.at_read(operation, move || {
            let truncate = record(1, RecordKind::Truncate, 500, "");
            machine.write(&meddler, vec![truncate]).unwrap();
            for first in (500..ENTRIES).step_by(100) {
                let entries = first..first + 100;
                let entries = entries.map(|index| entry(1, index, 2));
                machine.write(&meddler, entries.collect()).unwrap();
            }
        });
        let records = wal.read(1, LogIndex(0), LogIndex(ENTRIES), ALL).unwrap();
        let found = records.iter().filter(|record| record.payload.len() == 1);
        assert_eq!(records.len() as u64, ENTRIES);
        assert_eq!(
            found.count() as u64,
            old,
            "as it was before, or as it is now"
        );
    }
}
