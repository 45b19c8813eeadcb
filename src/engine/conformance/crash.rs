//! Checkpoints on a disk that fails, fills up, or loses power.

use std::io;

use super::Open;
use super::disk::TestDisk;
use super::model::Model;
use crate::base::types::LogIndex;
use crate::engine::{Batch, Engine, EngineError, Table};

const OLD: LogIndex = LogIndex(10);
const NEW: LogIndex = LogIndex(20);

/// An engine with a finished checkpoint of one state, and another state committed.
struct Prepared {
    disk: TestDisk,
    engine: Box<dyn Engine>,
    old: Model,
    new: Model,
}

fn prepare(open: Open<'_>) -> Prepared {
    let disk = TestDisk::default();
    let mut engine = open(&disk).unwrap();
    let mut model = Model::default();
    commit(&mut *engine, &mut model, 1, 0..2_000);
    engine.checkpoint(OLD)().unwrap();
    let old = model.clone();
    commit(&mut *engine, &mut model, 2, 1_000..3_000);
    Prepared {
        disk,
        engine,
        old,
        new: model,
    }
}

fn commit(engine: &mut dyn Engine, model: &mut Model, round: u8, numbers: std::ops::Range<u32>) {
    let mut batch = Batch::default();
    for number in numbers {
        batch.put(Table::Data, number.to_be_bytes().to_vec(), vec![round; 100]);
        batch.delete(Table::Data, (number / 2).to_be_bytes().to_vec());
    }
    model.commit(&batch);
    engine.commit(batch).unwrap();
}

fn operations_of_a_checkpoint(open: Open<'_>) -> u64 {
    let mut prepared = prepare(open);
    let before = prepared.disk.operations();
    prepared.engine.checkpoint(NEW)().unwrap();
    prepared.disk.operations() - before
}

/// Asserts that a reopened engine has the old state or the new, whole, with its index,
/// and that it can write a checkpoint again.
fn assert_whole(open: Open<'_>, disk: &TestDisk, prepared: &Prepared, at_least: LogIndex) {
    let mut engine = open(disk).unwrap();
    let durable = engine.durable_index();
    assert!(
        durable >= at_least,
        "index {durable} is left, {at_least} was durable"
    );
    let expected = if durable == NEW {
        &prepared.new
    } else {
        &prepared.old
    };
    assert!(durable == NEW || durable == OLD);
    expected.assert_is(&*engine);
    engine.checkpoint(NEW)().unwrap();
    drop(engine);
    let engine = open(disk).unwrap();
    assert_eq!(engine.durable_index(), NEW);
    expected.assert_is(&*engine);
}

/// Whichever operation fails: the engine stops, and reopening gives a whole state.
pub(crate) fn every_failing_operation_leaves_a_whole_state(open: Open<'_>) {
    let operations = operations_of_a_checkpoint(open);
    assert!(
        operations > 5,
        "a checkpoint of {operations} operations tests nothing"
    );
    for nth in 0..operations {
        let mut prepared = prepare(open);
        prepared.disk.fail(nth, io::ErrorKind::Other);
        let failure = prepared.engine.checkpoint(NEW)().unwrap_err();
        assert!(prepared.disk.has_failed());
        assert!(
            matches!(failure, EngineError::Io { .. }),
            "operation {nth}: {failure}"
        );
        assert_poisoned(&mut *prepared.engine);
        let durable = prepared.engine.durable_index();
        for disk in prepared.disk.after_power_loss() {
            assert_whole(open, &disk, &prepared, durable);
        }
        assert_whole(open, &prepared.disk, &prepared, durable);
    }
}

/// Power may go after any operation, and take of what is not durable whatever it likes.
pub(crate) fn power_loss_at_every_operation_leaves_a_whole_state(open: Open<'_>) {
    let operations = operations_of_a_checkpoint(open);
    for nth in 0..operations {
        let mut prepared = prepare(open);
        // The failure stands for the moment at which power goes: nothing comes after it.
        prepared.disk.fail(nth, io::ErrorKind::Other);
        let _ = prepared.engine.checkpoint(NEW)();
        for disk in prepared.disk.after_power_loss() {
            let engine = open(&disk).unwrap();
            // And again while the leftovers are being cleaned up.
            for disk in disk.after_power_loss() {
                assert_whole(open, &disk, &prepared, OLD);
            }
            drop(engine);
        }
    }
    let mut prepared = prepare(open);
    prepared.engine.checkpoint(NEW)().unwrap();
    for disk in prepared.disk.after_power_loss() {
        assert_whole(open, &disk, &prepared, NEW);
    }
}

/// Without room the checkpoint says so, leaves nothing behind, and the engine goes on.
pub(crate) fn no_room_leaves_the_engine_as_it_was(open: Open<'_>) {
    let operations = operations_of_a_checkpoint(open);
    let mut without_room = 0;
    for nth in 0..operations {
        let mut prepared = prepare(open);
        let names = prepared.disk.names();
        prepared.disk.fail(nth, io::ErrorKind::StorageFull);
        let failure = prepared.engine.checkpoint(NEW)().unwrap_err();
        if !matches!(failure, EngineError::OutOfSpace { .. }) {
            // Not in the writing, but in what makes it last: that is a failed disk.
            assert_poisoned(&mut *prepared.engine);
            continue;
        }
        without_room += 1;
        assert_eq!(
            prepared.disk.names(),
            names,
            "operation {nth} left something behind"
        );
        assert_goes_on(prepared);
    }
    assert!(
        without_room >= 3,
        "only {without_room} of {operations} operations found no room"
    );
    let mut prepared = prepare(open);
    prepared.disk.set_free_bytes(Some(10_000));
    let before = prepared.disk.operations();
    let failure = prepared.engine.checkpoint(NEW)().unwrap_err();
    let EngineError::OutOfSpace { needed, .. } = failure else {
        panic!("{failure}")
    };
    assert!(needed > 100_000, "{needed} bytes for 1,500 rows of 100");
    assert_eq!(
        prepared.disk.operations(),
        before,
        "a full disk is left alone"
    );
    prepared.disk.set_free_bytes(None);
    assert_goes_on(prepared);
}

fn assert_goes_on(mut prepared: Prepared) {
    assert_eq!(prepared.engine.durable_index(), OLD);
    prepared.new.assert_is(&*prepared.engine);
    commit(&mut *prepared.engine, &mut prepared.new, 3, 0..100);
    let done = prepared.engine.checkpoint(NEW)().unwrap();
    assert_eq!(done.covers, NEW);
    assert_eq!(prepared.engine.durable_index(), NEW);
}

fn assert_poisoned(engine: &mut dyn Engine) {
    let is_poisoned = |error| matches!(error, EngineError::Poisoned(_));
    assert!(is_poisoned(engine.get(Table::Data, b"key").unwrap_err()));
    assert!(is_poisoned(engine.commit(Batch::default()).unwrap_err()));
    assert!(is_poisoned(
        engine.view().get(Table::Data, b"key").unwrap_err()
    ));
    assert!(is_poisoned(engine.checkpoint(NEW)().unwrap_err()));
    let scanned = engine.scan(Table::Data, &[], None, &mut |_, _| panic!("a row"));
    assert!(is_poisoned(scanned.unwrap_err()));
}
