//! The writer: what it groups, what it waits for, what it refuses.

use super::*;

#[test]
fn what_waits_together_is_one_batch_and_one_sync() {
    let sim = Sim::new(1);
    let (wal, _) = sim.start();
    let outcomes: Vec<Outcome> = (1..=10)
        .map(|index| append(&wal, vec![entry(index, 1, 50)], Durability::Fsync).unwrap())
        .collect();
    sim.spawn.run_until_idle();
    assert!(
        outcomes
            .iter()
            .all(|outcome| *outcome.lock() == Some(Ok(())))
    );
    let status = wal.status();
    assert_eq!((status.batches, status.fsyncs), (1, 1));
}

/// Appends `count` entries; each tells its number, and whether it is in the log.
fn append_telling(wal: &Wal, count: u32) -> Arc<Mutex<Vec<(u32, bool)>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..count {
        let tell = told.clone();
        let done = Box::new(move |result: Result<(), WalError>| {
            tell.lock().push((number, result.is_ok()));
        });
        if number % 5 == 4 {
            wal.sync(done);
            continue;
        }
        let durability = match number % 2 {
            0 => Durability::None,
            _ => Durability::Fsync,
        };
        let append = Append {
            records: vec![entry(1, u64::from(number) + 1, 900)],
            durability,
            done,
        };
        wal.append(append).unwrap();
    }
    told
}

#[test]
fn outcomes_come_in_the_order_of_acceptance() {
    let sim = Sim::new(10);
    let (wal, _) = sim.start();
    sim.spawn.run_until_idle();
    let told = append_telling(&wal, 20);
    sim.spawn.run_until_idle();
    let in_order = |ok: bool| (0..20).map(|number| (number, ok)).collect::<Vec<_>>();
    assert_eq!(*told.lock(), in_order(true));

    let told = append_telling(&wal, 20);
    sim.disk.fail_after(0, std::io::ErrorKind::Other);
    sim.spawn.run_until_idle();
    assert_eq!(*told.lock(), in_order(false), "failures too");
    let reason = wal.status().poisoned.unwrap();
    assert!(reason.contains(".wal: write: "), "{reason}");
}

#[test]
fn intervals_and_syncs_reach_the_disk_when_promised() {
    let sim = Sim::new(2);
    let (wal, _) = sim.start();
    let outcome = append(&wal, vec![entry(1, 1, 50)], Durability::IntervalMs(50)).unwrap();
    sim.spawn.run_until_idle();
    assert_eq!(*outcome.lock(), Some(Ok(())), "told before the disk has it");
    assert_eq!(wal.status().fsyncs, 0);
    sim.clock.advance_ms(50);
    // Under load too: the queue is not empty when the interval ends.
    append(&wal, vec![entry(1, 2, 50)], Durability::None).unwrap();
    sim.spawn.run_until_idle();
    assert_eq!(wal.status().fsyncs, 1);
    let told = Outcome::default();
    let tell = told.clone();
    wal.sync(Box::new(move |result| *tell.lock() = Some(result)));
    assert_eq!(*told.lock(), None);
    sim.spawn.run_until_idle();
    assert_eq!(*told.lock(), Some(Ok(())));
    assert_eq!(wal.status().fsyncs, 2);
    sim.power_loss();
    assert_eq!(indexes(&sim.start().1, 1), [1, 2]);
}

#[test]
fn a_closed_log_finishes_what_it_accepted() {
    let sim = Sim::new(3);
    let (wal, _) = sim.start();
    let outcome = append(&wal, vec![entry(1, 1, 50)], Durability::None).unwrap();
    wal.close();
    let refused = append(&wal, vec![entry(1, 2, 50)], Durability::None);
    assert!(matches!(refused, Err(WalError::Closed)));
    sim.spawn.run_until_idle();
    assert_eq!(*outcome.lock(), Some(Ok(())));
    assert!(wal.status().finished);
    let read = wal.read(1, LogIndex(0), LogIndex(9), 99).unwrap();
    assert_eq!(indexes(&read, 1), [1], "it can still be read");
    sim.power_loss();
    assert_eq!(indexes(&sim.start().1, 1), [1]);
}

#[test]
fn nothing_is_accepted_behind_the_end_of_a_finished_log() {
    let sim = Sim::new(1);
    let (wal, _) = sim.start();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = |what: &'static str| {
        let told = told.clone();
        Box::new(move |result: Result<(), WalError>| told.lock().push((what, result.is_ok())))
    };
    let accepted = Append {
        records: vec![entry(1, 1, 10)],
        durability: Durability::None,
        done: tell("accepted"),
    };
    wal.append(accepted).unwrap();
    wal.finish(tell("finished"));
    let late = append(&wal, vec![entry(1, 2, 10)], Durability::Fsync);
    assert!(matches!(late, Err(WalError::Closed)));
    wal.finish(tell("finished again"));
    sim.spawn.run_until_idle();
    let in_order = [
        ("finished again", false),
        ("accepted", true),
        ("finished", true),
    ];
    assert_eq!(*told.lock(), in_order);
    assert!(wal.status().finished);
    sim.power_loss();
    assert_eq!(indexes(&sim.start().1, 1), [1]);
}

#[test]
fn what_is_too_large_is_refused() {
    let sim = Sim::new(4);
    let (wal, _) = sim.start();
    let most = wal.append_bytes_max() as usize - 17;
    sim.write(&wal, vec![entry(1, 1, most)]).unwrap();
    let refused = sim.write(&wal, vec![entry(1, 2, most + 1)]).unwrap_err();
    assert!(matches!(refused, WalError::TooLarge { .. }), "{refused}");
    let states = |bytes| vec![record(9, RecordKind::State, 0, vec![1; bytes])];
    let refused = sim.write(&wal, states(3000)).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("the state of all groups of 3017 bytes"),
        "{refused}"
    );
    sim.write(&wal, states(1900)).unwrap();
}

#[test]
fn truncations_and_purges_unpin() {
    let sim = Sim::new(5);
    let (wal, _) = sim.start();
    for index in 1..=40 {
        sim.write(&wal, vec![entry(1, index, 1000)]).unwrap();
    }
    let pinned = wal.pinned_segments(1);
    assert!(pinned >= 3, "{pinned}");
    assert_eq!(wal.pinning(pinned - 1), [1]);
    assert!(wal.pinning(pinned).is_empty());
    // Entries after 20 are void, so that releasing 20 frees all of them.
    sim.write(&wal, vec![record(1, RecordKind::Truncate, 21, "")])
        .unwrap();
    sim.write(&wal, vec![record(1, RecordKind::Purge, 20, "")])
        .unwrap();
    assert_eq!(wal.pinned_segments(1), 0);
    assert_eq!(wal.status().segments, 1);
    sim.power_loss();
    let (wal, _) = sim.start();
    assert_eq!(
        wal.pinned_segments(1),
        0,
        "a purge is a release that is replayed"
    );
}

/// A Raft log begins at 0, and nothing was released.
#[test]
fn entry_0_is_kept_until_it_is_released() {
    let sim = Sim::new(11);
    let (wal, _) = sim.start();
    sim.write(&wal, vec![entry(1, 0, 10)]).unwrap();
    for index in 1..=40 {
        sim.write(&wal, vec![entry(2, index, 1000)]).unwrap();
        wal.release(2, LogIndex(index));
    }
    assert!(wal.status().segments > 2);
    assert_eq!(wal.pinning(2), [1]);
    sim.power_loss();
    let (wal, records) = sim.start();
    assert_eq!(indexes(&records, 1), [0]);
    sim.write(&wal, vec![record(1, RecordKind::Truncate, 0, "")])
        .unwrap();
    assert_eq!(wal.pinned_segments(1), 0, "void");
    sim.write(&wal, vec![entry(1, 0, 10)]).unwrap();
    assert_eq!(wal.pinned_segments(1), 1);
    sim.write(&wal, vec![record(1, RecordKind::Purge, 0, "")])
        .unwrap();
    assert_eq!(wal.pinned_segments(1), 0, "purged");
}

#[test]
fn small_states_ride_along() {
    let sim = Sim::new(12);
    let (wal, _) = sim.start();
    for index in 1..=3 {
        for _ in 0..50 {
            append(&wal, vec![state(1, "committed")], Durability::None).unwrap();
        }
        sim.write(&wal, vec![entry(1, index, 10)]).unwrap();
    }
    let status = wal.status();
    assert_eq!((status.batches, status.fsyncs), (3, 3), "none of their own");
    append(&wal, vec![state(1, "committed")], Durability::None).unwrap();
    sim.spawn.run_until_idle();
    assert_eq!(wal.status().fsyncs, 3);
}

#[test]
fn states_outlive_their_segments_and_the_latest_wins() {
    let sim = Sim::new(6);
    let (wal, _) = sim.start();
    sim.write(&wal, vec![state(2, "first"), state(2, "second")])
        .unwrap();
    for index in 1..=100 {
        sim.write(&wal, vec![entry(1, index, 1000)]).unwrap();
        wal.release(1, LogIndex(index));
    }
    for _ in 0..3 {
        sim.power_loss();
        let (_, records) = sim.start();
        let states: Vec<&Record> = records.iter().filter(|record| record.group == 2).collect();
        assert!(!states.is_empty() && states.iter().all(|found| **found == state(2, "second")));
    }
}

#[test]
fn a_writer_that_is_gone_accepts_nothing() {
    let sim = Sim::new(7);
    let (wal, _) = sim.start();
    let outcome = append(&wal, vec![entry(1, 1, 50)], Durability::Fsync).unwrap();
    sim.spawn.crash();
    assert_eq!(*outcome.lock(), None);
    let refused = append(&wal, vec![entry(1, 2, 50)], Durability::Fsync);
    assert!(matches!(refused, Err(WalError::Poisoned(_))));
}

#[test]
fn many_restarts_leave_little_behind() {
    let sim = Sim::new(8);
    for index in 1..=20 {
        let (wal, records) = sim.start();
        assert_eq!(indexes(&records, 1), (1..index).collect::<Vec<_>>());
        sim.write(&wal, vec![entry(1, index, 100)]).unwrap();
        drop(wal);
        sim.power_loss();
    }
    let bytes: u64 = sim.disk.files().iter().map(|(_, bytes)| bytes).sum();
    assert!(bytes < 20 * 5_000 + 3 * SEGMENT_BYTES, "{bytes}");
}

#[test]
fn options_that_make_no_log_are_refused() {
    for segment_bytes in [0, 4096, (16 << 10) + 1, 2 << 30] {
        let sim = Sim::new(9);
        let options = WalOptions {
            segment_bytes,
            ..options(NODE)
        };
        let refused = Wal::recover(&sim.host, options).err().unwrap();
        assert!(matches!(refused, WalError::Options(_)), "{refused}");
    }
}
