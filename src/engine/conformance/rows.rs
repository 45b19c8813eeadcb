//! Rows: batches, reads, views and checkpoints without faults.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Open;
use super::disk::TestDisk;
use super::model::Model;
use super::replace::bring;
use crate::base::types::LogIndex;
use crate::engine::{Batch, Engine, EngineError, Op, Read, Table, View};

#[derive(Debug, Clone)]
enum Step {
    Commit(Batch),
    Scan(Table, Bytes, Option<Bytes>, usize),
    View,
    Checkpoint,
    /// Takes a checkpoint whose job runs only after the next commit.
    LateCheckpoint(Batch),
    /// Brings and seals a replacement that reaches so much farther than what is there.
    Replace(Batch, u64),
    /// Switches to what is sealed; a checkpoint and upkeep from before run only then.
    Switch,
    Reopen,
}

/// A new engine is empty and covers index 0.
pub(crate) fn an_empty_engine_covers_nothing(open: Open<'_>) {
    let disk = TestDisk::default();
    let engine = open(&disk).unwrap();
    assert_eq!(engine.durable_index(), LogIndex(0));
    Model::default().assert_is(&*engine);
    Model::default().assert_is(&*engine.view());
}

/// Within a batch, the order of operations counts; tables are apart.
pub(crate) fn the_last_operation_of_a_batch_wins(open: Open<'_>) {
    let disk = TestDisk::default();
    let mut engine = open(&disk).unwrap();
    let mut batch = Batch::default();
    batch.put(Table::Data, &b"twice"[..], &b"first"[..]);
    batch.put(Table::Data, &b"twice"[..], &b"second"[..]);
    batch.put(Table::Data, &b"gone"[..], &b"value"[..]);
    batch.delete(Table::Data, &b"gone"[..]);
    batch.delete(Table::Data, &b"back"[..]);
    batch.put(Table::Data, &b"back"[..], &b""[..]);
    batch.put(Table::Locks, &b"gone"[..], &b"another table"[..]);
    engine.commit(batch).unwrap();
    assert_eq!(
        engine.get(Table::Data, b"twice").unwrap().as_deref(),
        Some(&b"second"[..])
    );
    assert_eq!(engine.get(Table::Data, b"gone").unwrap(), None);
    assert_eq!(
        engine.get(Table::Data, b"back").unwrap().as_deref(),
        Some(&b""[..])
    );
    let other = engine.get(Table::Locks, b"gone").unwrap();
    assert_eq!(other.as_deref(), Some(&b"another table"[..]));
}

/// Random batches, scans, views, checkpoints and restarts give what maps give.
pub(crate) fn behaves_like_maps(open: Open<'_>) {
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let steps = proptest::collection::vec(step(), 1..40);
    let run = TestRunner::new(config).run(&steps, |steps| {
        run(open, steps);
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A view is frozen, and other threads read it while the engine goes on.
pub(crate) fn a_view_can_be_read_while_the_engine_changes(open: Open<'_>) {
    let disk = TestDisk::default();
    let mut engine = open(&disk).unwrap();
    let batch_of = |round: u32| {
        let mut batch = Batch::default();
        for number in 0..500_u32 {
            batch.put(
                Table::Data,
                number.to_be_bytes().to_vec(),
                round.to_be_bytes().to_vec(),
            );
        }
        batch
    };
    let mut model = Model::default();
    model.commit(&batch_of(0));
    engine.commit(batch_of(0)).unwrap();
    let view = engine.view();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| (0..20).for_each(|_| model.assert_is(&*view)));
        for round in 1..20 {
            engine.commit(batch_of(round)).unwrap();
        }
        reader.join().unwrap();
    });
    engine.checkpoint(LogIndex(20))().unwrap();
    model.assert_is(&*view);
}

fn run(open: Open<'_>, steps: Vec<Step>) {
    let disk = TestDisk::default();
    let mut engine = open(&disk).unwrap();
    let mut model = Model::default();
    let mut durable = (LogIndex(0), Model::default());
    let mut index = LogIndex(0);
    let mut sealed: Option<(LogIndex, Model)> = None;
    let mut views: Vec<(Arc<dyn View>, Model)> = Vec::new();
    for step in steps {
        match step {
            Step::Commit(batch) => commit(&mut *engine, &mut model, &mut index, batch),
            Step::Scan(table, start, end, limit) => {
                for read in [&*engine as &dyn Read, &*engine.view()] {
                    model.assert_scan(read, table, &start, end.as_deref(), limit);
                    model.assert_scan_back(read, table, &start, end.as_deref(), limit);
                    model.assert_scan_back(read, table, &[], None, usize::MAX);
                }
            }
            Step::View => views.push((engine.view(), model.clone())),
            Step::Checkpoint => {
                let done = engine.checkpoint(index)().unwrap();
                assert_eq!(done.covers, index);
                durable = (index, model.clone());
            }
            Step::LateCheckpoint(batch) => {
                let job = engine.checkpoint(index);
                let frozen = (index, model.clone());
                commit(&mut *engine, &mut model, &mut index, batch);
                assert_eq!(engine.durable_index(), durable.0);
                job().unwrap();
                durable = frozen;
            }
            Step::Replace(batch, farther) => {
                let covers = LogIndex(index.0 + farther);
                sealed = Some((covers, replace(&mut *engine, &batch, covers)));
            }
            Step::Switch => {
                let late = engine.checkpoint(index);
                let upkeep = engine.upkeep();
                match sealed.take_if(|(covers, _)| *covers >= durable.0) {
                    Some(replacement) => {
                        engine.switch().unwrap();
                        (index, model) = replacement.clone();
                        durable = replacement;
                    }
                    None => {
                        let refused = engine.switch().unwrap_err();
                        assert!(matches!(refused, EngineError::Refused(_)), "{refused}");
                        durable = (index, model.clone());
                    }
                }
                late().unwrap();
                upkeep.map_or(Ok(()), |job| job()).unwrap();
            }
            Step::Reopen => {
                for (view, model) in views.drain(..) {
                    model.assert_is(&*view);
                }
                drop(engine);
                engine = open(&disk).unwrap();
                (index, model) = durable.clone();
            }
        }
        assert_eq!(engine.durable_index(), durable.0);
        assert_eq!(engine.sealed(), sealed.as_ref().map(|(covers, _)| *covers));
        model.assert_is(&*engine);
    }
    for (view, model) in views {
        model.assert_is(&*view);
    }
}

fn replace(engine: &mut dyn Engine, batch: &Batch, covers: LogIndex) -> Model {
    let mut new = Model::default();
    new.commit(batch);
    bring(engine, &new, covers).unwrap();
    new
}

fn commit(engine: &mut dyn Engine, model: &mut Model, index: &mut LogIndex, batch: Batch) {
    model.commit(&batch);
    engine.commit(batch).unwrap();
    *index = index.next();
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => batch().prop_map(Step::Commit),
        4 => (table(), key(), proptest::option::of(key()), 1..50_usize)
            .prop_map(|(table, start, end, limit)| Step::Scan(table, start, end, limit)),
        1 => Just(Step::View),
        1 => Just(Step::Checkpoint),
        1 => batch().prop_map(Step::LateCheckpoint),
        1 => (batch(), 0..4_u64).prop_map(|(batch, farther)| Step::Replace(batch, farther)),
        1 => Just(Step::Switch),
        1 => Just(Step::Reopen),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let op = prop_oneof![
        3 => (table(), key(), value()).prop_map(|(table, key, value)| Op::Put(table, key, value)),
        1 => (table(), key()).prop_map(|(table, key)| Op::Delete(table, key)),
    ];
    proptest::collection::vec(op, 0..60).prop_map(|ops| Batch { ops })
}

/// Mostly the first table, so that its tree grows.
fn table() -> impl Strategy<Value = Table> {
    prop_oneof![
        4 => Just(Table::Data),
        1 => proptest::sample::select(&Table::ALL[..]),
    ]
}

fn key() -> impl Strategy<Value = Bytes> {
    let short = proptest::collection::vec(0..4_u8, 0..5).prop_map(Bytes::from);
    let numbered = (0..300_u32).prop_map(|number| Bytes::from(format!("key:{number:06}")));
    let long = (0..4_u8).prop_map(|byte| Bytes::from(vec![byte; 4_000]));
    prop_oneof![4 => short, 8 => numbered, 1 => long]
}

fn value() -> impl Strategy<Value = Bytes> {
    let bytes = prop_oneof![10 => 0..150_usize, 2 => 900..5_000_usize, 1 => 60_000..140_000_usize];
    (bytes, any::<u8>()).prop_map(|(bytes, byte)| Bytes::from(vec![byte; bytes]))
}
