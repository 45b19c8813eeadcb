//! A full disk: refused before anything is written, and over by itself.

use super::*;

/// Fills the disk up to what the log has.
fn freeze_capacity(sim: &Sim) {
    let used = sim.disk.files().iter().map(|(_, bytes)| bytes).sum();
    sim.disk.set_capacity_bytes(Some(used));
}

/// Writes until refused. The last index written.
fn fill(sim: &Sim, wal: &Wal, from: u64) -> (u64, WalError) {
    for index in from.. {
        if let Err(error) = sim.write(wal, vec![entry(1, index, 1000)]) {
            return (index - 1, error);
        }
    }
    unreachable!("a bounded disk fills up")
}

#[test]
fn a_full_disk_makes_the_log_read_only_until_there_is_room() {
    let sim = Sim::new(1);
    let (wal, _) = sim.start();
    sim.spawn.run_until_idle();
    freeze_capacity(&sim);
    let (last, error) = fill(&sim, &wal, 1);
    let WalError::ReadOnly { path, needed_bytes } = &error else {
        panic!("{error}");
    };
    assert!(path.starts_with(DIR));
    assert_eq!(*needed_bytes, SEGMENT_BYTES);
    assert!(wal.status().read_only.unwrap().contains("free 16384 bytes"));
    assert!(last > 10, "the current segment was filled: {last}");

    // A vote or a purge position is still taken, while it fits.
    sim.write(&wal, vec![state(1, "vote")]).unwrap();

    sim.disk.set_capacity_bytes(None);
    sim.spawn.run_until_idle();
    assert!(wal.status().read_only.is_some(), "not tried again at once");
    sim.clock.advance_ms(1_001);
    sim.spawn.run_until_idle();
    assert_eq!(wal.status().read_only, None);
    sim.write(&wal, vec![entry(1, last + 1, 1000)]).unwrap();
    assert_eq!(wal.status().poisoned, None);
    sim.power_loss();
    let (_, records) = sim.start();
    assert_eq!(indexes(&records, 1), (1..=last + 1).collect::<Vec<_>>());
}

#[test]
fn a_release_ends_read_only_without_new_space() {
    let sim = Sim::new(2);
    let (wal, _) = sim.start();
    sim.spawn.run_until_idle();
    freeze_capacity(&sim);
    let (last, _) = fill(&sim, &wal, 1);
    wal.release(1, LogIndex(last));
    sim.spawn.run_until_idle();
    assert_eq!(wal.status().read_only, None);
    sim.write(&wal, vec![entry(1, last + 1, 1000)]).unwrap();
}

#[test]
fn a_start_on_a_full_disk_is_read_only_or_says_what_it_needs() {
    let sim = Sim::new(3);
    let (wal, _) = sim.start();
    sim.spawn.run_until_idle();
    freeze_capacity(&sim);
    let (last, _) = fill(&sim, &wal, 1);
    drop(wal);
    sim.power_loss();
    freeze_capacity(&sim);
    let full = sim.recover().err().unwrap();
    let WalError::OutOfSpace { needed_bytes, .. } = full else {
        panic!("{full}");
    };
    let used: u64 = sim.disk.files().iter().map(|(_, bytes)| bytes).sum();
    sim.disk.set_capacity_bytes(Some(used + needed_bytes));
    let (wal, records) = sim.start();
    assert_eq!(indexes(&records, 1).last(), Some(&last));
    sim.spawn.run_until_idle();
    assert!(wal.status().read_only.is_some());
    sim.disk.set_capacity_bytes(None);
    sim.clock.advance_ms(1_001);
    sim.spawn.run_until_idle();
    sim.write(&wal, vec![entry(1, last + 1, 1000)]).unwrap();
}

#[test]
fn entries_leave_room_for_votes() {
    let sim = Sim::new(4);
    let (wal, _) = sim.start();
    sim.spawn.run_until_idle();
    freeze_capacity(&sim);
    let vote = || append(&wal, vec![state(1, "vote")], Durability::Fsync);
    let mut last = 0;
    for entries_wait_for in ["the writer", "room on the disk"] {
        // Small ones fill it to the last byte they can have.
        while let Ok(_taken) = append(&wal, vec![entry(1, last + 1, 30)], Durability::None) {
            last += 1;
        }
        let voted: Vec<Outcome> = (0..4).map(|_| vote().expect(entries_wait_for)).collect();
        sim.spawn.run_until_idle();
        let is_told = |outcome: &Outcome| *outcome.lock() == Some(Ok(()));
        assert!(voted.iter().all(is_told), "{entries_wait_for}");
    }
    assert!(wal.status().read_only.is_some());
    let votes = (0..1_000).take_while(|_| vote().is_ok()).count();
    assert!(
        (1..1_000).contains(&votes),
        "what they have is bounded: {votes}"
    );
    sim.spawn.run_until_idle();
    assert_eq!(wal.status().poisoned, None);
    // A purge that was taken in time makes room for all.
    wal.release(1, LogIndex(last));
    sim.spawn.run_until_idle();
    assert_eq!(wal.status().read_only, None);
    vote().unwrap();
}

#[test]
fn a_start_on_a_full_disk_leaves_room_for_votes_if_there_is_any() {
    let sim = Sim::new(5);
    let (wal, _) = sim.start();
    sim.spawn.run_until_idle();
    freeze_capacity(&sim);
    fill(&sim, &wal, 1);
    drop(wal);
    sim.power_loss();
    let used: u64 = sim.disk.files().iter().map(|(_, bytes)| bytes).sum();
    sim.disk
        .set_capacity_bytes(Some(used + SEGMENT_BYTES - 4096));
    let (wal, _) = sim.start();
    freeze_capacity(&sim);
    sim.spawn.run_until_idle();
    assert!(wal.status().read_only.is_some());
    sim.write(&wal, vec![state(1, "vote")]).unwrap();
    let refused = sim.write(&wal, vec![entry(1, 99, 1)]).unwrap_err();
    assert!(matches!(refused, WalError::ReadOnly { .. }), "{refused}");
}

#[test]
fn what_is_queued_never_exceeds_what_is_allocated() {
    for seed in 0..20 {
        let sim = Sim::new(seed);
        let (wal, _) = sim.start();
        sim.spawn.run_until_idle();
        freeze_capacity(&sim);
        let mut outcomes = Vec::new();
        for index in 1..200 {
            let bytes = sim.host.rng.below(3000) as usize;
            match append(&wal, vec![entry(1, index, bytes)], Durability::Fsync) {
                Ok(outcome) => outcomes.push(outcome),
                Err(WalError::QueueFull { .. } | WalError::ReadOnly { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            if sim.host.rng.below(10) == 0 {
                sim.spawn.poll_one();
            }
        }
        sim.spawn.run_until_idle();
        assert!(outcomes.len() > 5);
        for outcome in outcomes {
            assert_eq!(*outcome.lock(), Some(Ok(())));
        }
    }
}
