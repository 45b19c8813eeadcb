//! Replacements on a disk that fails, fills up, or loses power.

use std::io;

use super::Open;
use super::disk::TestDisk;
use super::replace::{NEW, OLD, Prepared, bring, prepare, put};
use crate::base::types::LogIndex;
use crate::engine::{Batch, EngineError, Table};

/// How far an attempt came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nothing,
    Sealed,
    Switched,
}

/// Brings the new rows and switches to them, up to the first failure.
fn attempt(prepared: &mut Prepared) -> (Reached, Result<(), EngineError>) {
    let engine = &mut *prepared.engine;
    if let Err(failure) = bring(engine, &prepared.new, NEW) {
        return (Reached::Nothing, Err(failure));
    }
    match engine.switch() {
        Ok(()) => (Reached::Switched, Ok(())),
        Err(failure) => (Reached::Sealed, Err(failure)),
    }
}

fn operations_of_an_attempt(open: Open<'_>) -> u64 {
    let mut prepared = prepare(open);
    let before = prepared.disk.operations();
    attempt(&mut prepared).1.unwrap();
    let operations = prepared.disk.operations() - before;
    assert!(operations > 8, "{operations} operations test nothing");
    operations
}

/// Asserts that a reopened engine has its old rows, with or without a whole replacement,
/// or the new ones, and no less than what was reached. Tells which.
fn assert_whole(open: Open<'_>, disk: &TestDisk, prepared: &Prepared, reached: Reached) -> Reached {
    let mut engine = open(disk).unwrap();
    let found = match (engine.durable_index(), engine.sealed()) {
        (OLD, None) => Reached::Nothing,
        (OLD, Some(NEW)) => Reached::Sealed,
        (NEW, None) => Reached::Switched,
        other => panic!("neither old nor new: {other:?}"),
    };
    assert!(found >= reached, "{found:?} is left of {reached:?}");
    if found == Reached::Switched {
        prepared.new.assert_is(&*engine);
    } else {
        prepared.old.assert_is(&*engine);
    }
    if found == Reached::Nothing {
        bring(&mut *engine, &prepared.new, NEW).unwrap();
    }
    if found != Reached::Switched {
        engine.switch().unwrap();
    }
    drop(engine);
    let engine = open(disk).unwrap();
    assert_eq!((engine.durable_index(), engine.sealed()), (NEW, None));
    prepared.new.assert_is(&*engine);
    found
}

/// Whichever operation fails: the engine stops, and reopening gives a whole state.
pub(crate) fn every_failing_operation_of_a_replacement_leaves_a_whole_state(open: Open<'_>) {
    for nth in 0..operations_of_an_attempt(open) {
        let mut prepared = prepare(open);
        prepared.disk.fail(nth, io::ErrorKind::Other);
        let (reached, attempted) = attempt(&mut prepared);
        assert!(prepared.disk.has_failed());
        let failure = attempted.unwrap_err();
        assert!(
            matches!(failure, EngineError::Io { .. }),
            "operation {nth}: {failure}"
        );
        let engine = &mut *prepared.engine;
        let stopped = [
            engine.commit(Batch::default()),
            engine.get(Table::Data, b"key").map(drop),
            engine.checkpoint(NEW)().map(drop),
            engine.replace().map(drop),
            engine.switch(),
        ];
        for stopped in stopped {
            let stopped = stopped.unwrap_err();
            assert!(
                matches!(stopped, EngineError::Poisoned(_)),
                "operation {nth}: {stopped}"
            );
        }
        for disk in prepared.disk.after_power_loss() {
            assert_whole(open, &disk, &prepared, reached);
        }
        assert_whole(open, &prepared.disk, &prepared, reached);
    }
}

/// Power may go after any operation, and take of what is not durable whatever it likes.
pub(crate) fn power_loss_at_every_operation_of_a_replacement_leaves_a_whole_state(open: Open<'_>) {
    let mut found = Vec::new();
    for nth in 0..operations_of_an_attempt(open) {
        let mut prepared = prepare(open);
        // The failure stands for the moment at which power goes: nothing comes after it.
        prepared.disk.fail(nth, io::ErrorKind::Other);
        let (reached, _) = attempt(&mut prepared);
        for disk in prepared.disk.after_power_loss() {
            let engine = open(&disk).unwrap();
            // And again while the leftovers are being cleaned up.
            for disk in disk.after_power_loss() {
                found.push(assert_whole(open, &disk, &prepared, reached));
            }
            drop(engine);
        }
    }
    for reached in [Reached::Nothing, Reached::Sealed, Reached::Switched] {
        assert!(
            found.contains(&reached),
            "no loss of power left {reached:?}"
        );
    }
    let mut prepared = prepare(open);
    attempt(&mut prepared).1.unwrap();
    for disk in prepared.disk.after_power_loss() {
        assert_whole(open, &disk, &prepared, Reached::Switched);
    }
}

/// Without room the replacement says so, leaves nothing behind, and the engine goes on.
pub(crate) fn no_room_for_a_replacement_leaves_the_engine_as_it_was(open: Open<'_>) {
    let mut without_room = 0;
    for nth in 0..operations_of_an_attempt(open) {
        let mut prepared = prepare(open);
        let names = prepared.disk.names();
        prepared.disk.fail(nth, io::ErrorKind::StorageFull);
        let (reached, attempted) = attempt(&mut prepared);
        let failure = attempted.unwrap_err();
        let out_of_space = matches!(failure, EngineError::OutOfSpace { .. });
        if !out_of_space {
            // Not in the writing, but in what makes it last: that is a failed disk. A
            // switch writes nothing that could want room.
            let kept = prepared.disk.has_failed_to_keep() || reached == Reached::Sealed;
            let removing =
                matches!(&failure, EngineError::Io { path, .. } if path.ends_with("incoming.new"));
            assert!(kept || removing, "operation {nth}: {failure}");
            continue;
        }
        without_room += 1;
        assert_eq!(
            prepared.disk.names(),
            names,
            "operation {nth} left something behind"
        );
        assert_goes_on(open, prepared);
    }
    assert!(without_room >= 3, "{without_room} operations found no room");

    let mut prepared = prepare(open);
    let names = prepared.disk.names();
    let mut replacement = prepared.engine.replace().unwrap();
    prepared.disk.set_free_bytes(Some(1_000));
    let before = prepared.disk.operations();
    let mut pieces = prepared.new.pieces(80).into_iter();
    let failure = pieces
        .find_map(|piece| replacement.add(piece).err())
        .unwrap();
    assert!(
        matches!(
            failure,
            EngineError::OutOfSpace {
                needed: 5_000..,
                ..
            }
        ),
        "{failure}"
    );
    assert_eq!(
        prepared.disk.operations(),
        before + 1,
        "only the file's end"
    );
    assert_eq!(prepared.disk.names(), names);
    prepared.disk.set_free_bytes(None);
    assert_goes_on(open, prepared);
}

fn assert_goes_on(open: Open<'_>, mut prepared: Prepared) {
    let engine = &mut *prepared.engine;
    assert_eq!((engine.durable_index(), engine.sealed()), (OLD, None));
    prepared.now.assert_is(engine);
    put(engine, &mut prepared.now, 4, 0..10);
    engine.checkpoint(LogIndex(20))().unwrap();
    prepared.now.assert_is(engine);
    attempt(&mut prepared).1.unwrap();
    prepared.new.assert_is(&*prepared.engine);
    drop(prepared.engine);
    prepared.new.assert_is(&*open(&prepared.disk).unwrap());
}
