//! The log under crashes at every operation, recovery included.

use std::io::ErrorKind;

use super::model::{GROUPS, Model};
use super::*;

const STEPS: u32 = 120;

/// Lives until the machine stops after `operations`, or to the end. True if it stopped.
fn live_until(sim: &Sim, model: &mut Model, operations: u64) -> bool {
    let before = sim.disk.operations();
    sim.disk.halt_after(operations);
    if let Ok(recovery) = sim.recover() {
        let wal = recovery.start();
        model.live(sim, &wal, STEPS);
        sim.spawn.run_until_idle();
        model.check_outcomes();
    }
    sim.disk.operations() > before + operations
}

/// Recovers twice: the second time must find what the first made of it.
fn check_recovery(sim: &Sim, model: &mut Model) {
    let first = replay(&mut sim.recover().unwrap());
    model.check(&first);
    sim.power_loss();
    let mut recovery = sim.recover().unwrap();
    let second = replay(&mut recovery);
    model.check(&second);
    assert_eq!(super::indexes(&first, 0), super::indexes(&second, 0));
    for group in 0..GROUPS {
        let mut states = second.iter().filter(|record| record.group == group);
        let latest = states.rfind(|record| record.kind == RecordKind::State);
        assert_eq!(recovery.state(group), latest, "known before a replay");
    }
    model.read_all(&recovery.start());
    sim.spawn.crash();
}

#[test]
fn power_loss_after_every_operation_takes_nothing_that_was_durable() {
    let (mut cut, mut stops, mut dropped, mut voided, mut read) = (0, 0, 0, 0, 0);
    for seed in 0..6 {
        let mut operations = 0;
        loop {
            let sim = Sim::new(seed * 1_000 + operations);
            let mut model = Model::default();
            let stopped = live_until(&sim, &mut model, operations);
            sim.power_loss();
            check_recovery(&sim, &mut model);
            cut += model.seen.cut_by_crash;
            dropped += model.seen.dropped_by_log;
            voided += model.seen.voided;
            read += model.seen.read;
            stops += 1;
            if !stopped {
                break;
            }
            operations += 1;
        }
    }
    assert!(
        stops > 300 && cut > 50 && dropped > 1_000 && voided > 1_000 && read > 10_000,
        "the test must bite: {stops} {cut} {dropped} {voided} {read}"
    );
}

#[test]
fn many_lives_with_power_losses_and_kills() {
    let (mut voided, mut purged, mut read) = (0, 0, 0);
    for seed in 0..40 {
        let sim = Sim::new(seed);
        let mut model = Model::default();
        for _life in 0..8 {
            let (wal, replayed) = sim.start();
            model.check(&replayed);
            model.read_all(&wal);
            model.live(&sim, &wal, 60);
            sim.spawn.crash();
            model.check_outcomes();
            match sim.host.rng.below(3) {
                0 => sim.disk.kill(),
                1 => sim.disk.crash(),
                _ => {
                    let operations = sim.host.rng.below(30);
                    sim.disk.kill();
                    sim.disk.halt_after(operations);
                    drop(sim.recover());
                    sim.disk.crash();
                }
            }
        }
        check_recovery(&sim, &mut model);
        let seen = &model.seen;
        assert!(seen.most_segments > 3, "the test must bite: {seen:?}");
        assert_eq!(seen.failed_reads, 0, "no disk has failed");
        voided += seen.voided;
        purged += seen.purged;
        read += seen.read;
    }
    assert!(
        voided > 2_000 && purged > 500 && read > 10_000,
        "the test must bite: {voided} {purged} {read}"
    );
}

#[test]
fn a_second_crash_at_every_operation_of_recovery() {
    let mut pairs = 0;
    for seed in 0..8 {
        for first in [30, 60, 90] {
            for second in 0.. {
                let sim = Sim::new(seed);
                let mut model = Model::default();
                live_until(&sim, &mut model, first);
                if seed % 2 == 0 {
                    sim.power_loss();
                } else {
                    sim.spawn.crash();
                    sim.disk.kill();
                }
                sim.disk.halt_after(second);
                let recovered = sim.recover().is_ok();
                sim.power_loss();
                check_recovery(&sim, &mut model);
                pairs += 1;
                if recovered {
                    break;
                }
            }
        }
    }
    assert!(pairs > 200, "the test must bite: {pairs}");
}

/// A process was killed between giving a new segment its name and making that name
/// durable. The next start saw the segment, went on after it in another one, and lost
/// power in turn: only the second name survived, and the log had a hole.
#[test]
fn a_segment_seen_after_a_kill_is_durable_before_the_next_one() {
    /// A machine that stopped just before the second segment's name was durable.
    fn stopped(seed: u64) -> Sim {
        for operations in 0.. {
            let sim = Sim::new(seed);
            sim.disk.halt_after(operations);
            if let Ok(recovery) = sim.recover() {
                let wal = recovery.start();
                for index in 1..=20 {
                    drop(append(&wal, vec![entry(1, index, 1000)], Durability::Fsync));
                    sim.spawn.run_until_idle();
                }
            }
            if sim.segments().len() == 2 {
                sim.spawn.crash();
                sim.disk.kill();
                return sim;
            }
        }
        unreachable!("a log that is written to gets a second segment")
    }
    for seed in 0..20 {
        for operations in 0.. {
            let sim = stopped(seed);
            sim.disk.halt_after(operations);
            let recovered = sim.recover().is_ok();
            sim.power_loss();
            let (_, records) = sim.start();
            let found = indexes(&records, 1);
            assert!(
                found.len() > 10 && found.is_sorted_by(|a, b| a + 1 == *b),
                "{found:?}"
            );
            if recovered {
                break;
            }
        }
    }
}

#[test]
fn a_failed_operation_poisons_or_is_survived() {
    let mut poisoned = 0;
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        for operations in 0..150 {
            let sim = Sim::new(operations);
            let mut model = Model::default();
            let (wal, _) = sim.start();
            sim.disk.fail_after(operations, kind);
            model.live(&sim, &wal, STEPS);
            sim.spawn.run_until_idle();
            model.check_outcomes();
            if wal.status().poisoned.is_some() {
                poisoned += 1;
                let refused = append(&wal, vec![entry(0, 1_000, 1)], Durability::None);
                assert!(matches!(refused, Err(WalError::Poisoned(_))));
                let told = Outcome::default();
                let tell = told.clone();
                wal.sync(Box::new(move |result| *tell.lock() = Some(result)));
                assert!(matches!(*told.lock(), Some(Err(WalError::Poisoned(_)))));
            }
            sim.power_loss();
            check_recovery(&sim, &mut model);
        }
    }
    assert!(poisoned > 100, "the test must bite: {poisoned}");
}

#[test]
fn segments_are_bounded_under_load_with_release() {
    let sim = Sim::new(3);
    let (wal, _) = sim.start();
    for index in 1..=600 {
        sim.write(&wal, vec![entry(1, index, 1000), state(2, "idle")])
            .unwrap();
        wal.release(1, LogIndex(index.saturating_sub(20)));
        assert!(wal.status().segments <= 4, "{:?}", wal.status());
        assert!(sim.disk.files().len() <= 6, "{:?}", sim.disk.files());
    }
    assert!(wal.pinning(4).is_empty());
    assert!(wal.pinned_segments(1) <= 3);
    assert_eq!(wal.pinned_segments(2), 0, "an idle group pins nothing");
    sim.power_loss();
    let (_, records) = sim.start();
    let indexes = indexes(&records, 1);
    assert_eq!(indexes.last(), Some(&600));
    assert!(indexes[0] > 500 && indexes[0] <= 580, "{indexes:?}");
    assert!(records.contains(&state(2, "idle")));
}
