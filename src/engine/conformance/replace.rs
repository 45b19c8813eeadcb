//! Replacements: rows that take the place of an engine's own.

use bytes::Bytes;

use super::Open;
use super::disk::TestDisk;
use super::model::Model;
use crate::base::types::LogIndex;
use crate::engine::{Batch, Engine, EngineError, Replacement, Table};

/// What the engine is durable up to, ...
pub(super) const OLD: LogIndex = LogIndex(10);
/// ... and what the replacement reaches to.
pub(super) const NEW: LogIndex = LogIndex(30);

/// An engine with a checkpoint, and with rows above it in memory.
pub(super) struct Prepared {
    pub(super) disk: TestDisk,
    pub(super) engine: Box<dyn Engine>,
    /// Its rows at the checkpoint.
    pub(super) old: Model,
    /// Its rows now.
    pub(super) now: Model,
    /// The rows that are to come.
    pub(super) new: Model,
}

pub(super) fn prepare(open: Open<'_>) -> Prepared {
    let disk = TestDisk::default();
    let mut engine = open(&disk).unwrap();
    let mut old = Model::default();
    put(&mut *engine, &mut old, 1, 0..60);
    engine.checkpoint(OLD)().unwrap();
    let mut now = old.clone();
    put(&mut *engine, &mut now, 2, 40..70);
    let mut new = Model::default();
    let mut batch = Batch::default();
    for number in 20..120_u32 {
        batch.put(Table::Data, number.to_be_bytes().to_vec(), vec![3; 60]);
    }
    batch.put(Table::Locks, &b"deploy"[..], &b"alice"[..]);
    batch.put(Table::Meta, &b"state"[..], &b"new"[..]);
    batch.put(Table::Meta, &b"stated"[..], &b""[..]);
    new.commit(&batch);
    Prepared {
        disk,
        engine,
        old,
        now,
        new,
    }
}

/// Writes some rows, and removes one of the first.
pub(super) fn put(
    engine: &mut dyn Engine,
    model: &mut Model,
    round: u8,
    numbers: std::ops::Range<u32>,
) {
    let mut batch = Batch::default();
    batch.delete(Table::Data, u32::from(round).to_be_bytes().to_vec());
    for number in numbers {
        batch.put(Table::Data, number.to_be_bytes().to_vec(), vec![round; 60]);
    }
    batch.put(Table::Sessions, &b"bob"[..], vec![round]);
    model.commit(&batch);
    engine.commit(batch).unwrap();
}

/// Brings rows and seals them.
pub(super) fn bring(
    engine: &mut dyn Engine,
    rows: &Model,
    covers: LogIndex,
) -> Result<(), EngineError> {
    let mut replacement = engine.replace()?;
    add_all(&mut *replacement, rows)?;
    replacement.seal(covers)
}

fn add_all(replacement: &mut dyn Replacement, rows: &Model) -> Result<(), EngineError> {
    rows.pieces(17)
        .into_iter()
        .try_for_each(|piece| replacement.add(piece))
}

/// Asserts what an engine covers and has, that reopening gives the same, and that it works
/// on from there.
fn assert_is_and_goes_on(open: Open<'_>, disk: &TestDisk, covers: LogIndex, rows: &Model) {
    let mut rows = rows.clone();
    for round in 0..2_u8 {
        let mut engine = open(disk).unwrap();
        assert_eq!(engine.durable_index().0, covers.0 + u64::from(round));
        rows.assert_is(&*engine);
        assert_eq!(engine.sealed(), None);
        put(&mut *engine, &mut rows, round, 0..10);
        rows.assert_is(&*engine);
        engine.checkpoint(LogIndex(covers.0 + u64::from(round) + 1))().unwrap();
        rows.assert_is(&*engine);
    }
}

/// Nothing changes before the switch; then all of it does, and stays.
pub(crate) fn a_sealed_replacement_takes_the_place_of_all_rows(open: Open<'_>) {
    let mut prepared = prepare(open);
    let engine = &mut *prepared.engine;
    assert_eq!(engine.sealed(), None);
    let mut replacement = engine.replace().unwrap();
    add_all(&mut *replacement, &prepared.new).unwrap();
    prepared.now.assert_is(engine);
    replacement.seal(NEW).unwrap();
    assert_eq!((engine.sealed(), engine.durable_index()), (Some(NEW), OLD));
    prepared.now.assert_is(engine);
    let view = engine.view();
    engine.switch().unwrap();
    assert_eq!((engine.sealed(), engine.durable_index()), (None, NEW));
    prepared.new.assert_is(engine);
    prepared.new.assert_is(&*engine.view());
    prepared.now.assert_is(&*view);
    let stats = engine.stats();
    assert_eq!((stats.unflushed_rows, stats.unflushed_bytes), (0, 0));
    assert!(stats.disk_bytes > 100 * 60, "{stats:?}");
    drop(view);
    drop(prepared.engine);
    assert_is_and_goes_on(open, &prepared.disk, NEW, &prepared.new);

    // An engine that never had a row, and a replacement without any.
    let disk = TestDisk::default();
    let mut engine = open(&disk).unwrap();
    bring(&mut *engine, &prepared.new, NEW).unwrap();
    engine.switch().unwrap();
    prepared.new.assert_is(&*engine);
    bring(&mut *engine, &Model::default(), NEW).unwrap();
    engine.switch().unwrap();
    drop(engine);
    assert_is_and_goes_on(open, &disk, NEW, &Model::default());
}

/// What is sealed waits over restarts and checkpoints; what is not is gone.
pub(crate) fn only_a_sealed_replacement_survives_a_restart(open: Open<'_>) {
    let mut prepared = prepare(open);
    let names = prepared.disk.names();
    let mut unfinished = prepared.engine.replace().unwrap();
    add_all(&mut *unfinished, &prepared.new).unwrap();
    drop(prepared.engine);
    let mut engine = open(&prepared.disk).unwrap();
    assert_eq!(prepared.disk.names(), names);
    assert_eq!(engine.sealed(), None);
    // Nor does it come to life in an engine that was opened later.
    let mut current = engine.replace().unwrap();
    assert_refused(unfinished.add(Vec::new()));
    assert_refused(unfinished.seal(LogIndex(20)));
    add_all(&mut *current, &prepared.new).unwrap();
    current.seal(NEW).unwrap();
    for _ in 0..2 {
        drop(engine);
        engine = open(&prepared.disk).unwrap();
        assert_eq!((engine.sealed(), engine.durable_index()), (Some(NEW), OLD));
        prepared.old.assert_is(&*engine);
        engine.checkpoint(OLD)().unwrap();
    }
    engine.switch().unwrap();
    drop(engine);
    assert_is_and_goes_on(open, &prepared.disk, NEW, &prepared.new);
}

/// A checkpoint's job that was made before must not bring back what was replaced.
pub(crate) fn a_job_from_before_a_switch_does_nothing(open: Open<'_>) {
    let mut prepared = prepare(open);
    let engine = &mut *prepared.engine;
    bring(engine, &prepared.new, NEW).unwrap();
    let upkeep = engine.upkeep();
    let first = engine.checkpoint(LogIndex(20));
    let second = engine.checkpoint(LogIndex(21));
    engine.switch().unwrap();
    let operations = prepared.disk.operations();
    for job in [first, second] {
        assert_eq!(job().unwrap().covers, NEW);
    }
    if let Some(upkeep) = upkeep {
        upkeep().unwrap();
    }
    assert_eq!(prepared.disk.operations(), operations, "a late job wrote");
    assert_eq!(engine.durable_index(), NEW);
    prepared.new.assert_is(engine);
    drop(prepared.engine);
    assert_is_and_goes_on(open, &prepared.disk, NEW, &prepared.new);
}

/// The older one can do nothing any more, and a sealed one is gone.
pub(crate) fn a_newer_replacement_overtakes_an_older_one(open: Open<'_>) {
    let mut prepared = prepare(open);
    let engine = &mut *prepared.engine;
    let names = prepared.disk.names();
    bring(engine, &prepared.old, LogIndex(20)).unwrap();
    let mut older = engine.replace().unwrap();
    assert_eq!(engine.sealed(), None);
    add_all(&mut *older, &prepared.old).unwrap();
    let oldest = engine.replace().unwrap();
    let mut newer = engine.replace().unwrap();
    drop(oldest);
    assert_refused(older.add(prepared.new.pieces(10).remove(0)));
    assert_refused(older.seal(LogIndex(25)));
    assert_eq!(engine.sealed(), None);
    add_all(&mut *newer, &prepared.new).unwrap();
    newer.seal(NEW).unwrap();
    engine.switch().unwrap();
    prepared.new.assert_is(engine);
    // Who gives up leaves nothing behind.
    let given_up = engine.replace().unwrap();
    drop(given_up);
    drop(prepared.engine);
    assert_eq!(prepared.disk.names().len(), names.len());
    assert_is_and_goes_on(open, &prepared.disk, NEW, &prepared.new);
}

/// Rows out of order, a switch to nothing, a switch backwards: none of it stops an engine.
pub(crate) fn a_replacement_is_refused_what_does_not_fit(open: Open<'_>) {
    let mut prepared = prepare(open);
    let engine = &mut *prepared.engine;
    assert_refused(engine.switch());
    let row = |table, key: &'static str| (table, Bytes::from(key), Bytes::from("value"));
    let disorders = [
        [row(Table::Data, "b"), row(Table::Data, "a")],
        [row(Table::Data, "a"), row(Table::Data, "a")],
        [row(Table::Locks, "a"), row(Table::Data, "b")],
    ];
    for [first, second] in disorders {
        let mut replacement = engine.replace().unwrap();
        assert_refused(replacement.add(vec![first.clone(), second.clone()]));
        assert_refused(replacement.add(vec![first.clone()]));
        let mut replacement = engine.replace().unwrap();
        replacement.add(vec![first]).unwrap();
        assert_refused(replacement.add(vec![second]));
        assert_refused(replacement.seal(NEW));
        assert_eq!(engine.sealed(), None);
    }
    bring(engine, &prepared.new, LogIndex(OLD.0 - 1)).unwrap();
    assert_refused(engine.switch());
    prepared.now.assert_is(engine);
    bring(engine, &prepared.new, OLD).unwrap();
    engine.switch().unwrap();
    drop(prepared.engine);
    assert_is_and_goes_on(open, &prepared.disk, OLD, &prepared.new);
}

/// Another thread brings rows while the engine's owner goes on.
pub(crate) fn a_replacement_works_beside_the_engine(open: Open<'_>) {
    let mut prepared = prepare(open);
    let engine = &mut *prepared.engine;
    let mut replacement = engine.replace().unwrap();
    let new = &prepared.new;
    std::thread::scope(|scope| {
        let bringing = scope.spawn(move || {
            add_all(&mut *replacement, new).unwrap();
            replacement.seal(NEW).unwrap();
        });
        for round in 3..20 {
            put(engine, &mut prepared.now, round, 0..100);
            engine.checkpoint(LogIndex(u64::from(round) + 8))().unwrap();
            prepared.now.assert_is(engine);
        }
        bringing.join().unwrap();
    });
    engine.switch().unwrap();
    prepared.new.assert_is(engine);
    drop(prepared.engine);
    assert_is_and_goes_on(open, &prepared.disk, NEW, &prepared.new);
}

fn assert_refused(result: Result<(), EngineError>) {
    let refused = result.unwrap_err();
    assert!(matches!(refused, EngineError::Refused(_)), "{refused}");
}
