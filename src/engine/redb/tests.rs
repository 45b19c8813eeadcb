//! The redb engine: what every engine must do, as it is, while its file is being
//! written anew, and with damaged files.

use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::{RedbEngine, RedbOptions};
use crate::base::types::LogIndex;
use crate::engine::conformance::disk::TestDisk;
use crate::engine::conformance::{Open, conformance_tests};
use crate::engine::{
    Batch, CheckpointJob, Engine, EngineError, EngineStats, Read, Replacement, Table, View, Visit,
};

const OPTIONS: RedbOptions = RedbOptions {
    cache_bytes: 1 << 20,
    rewrite_bytes_min: u64::MAX,
    rewrite_step_bytes: 4 << 10,
};

fn open_with(disk: &TestDisk, options: RedbOptions) -> Result<RedbEngine, EngineError> {
    RedbEngine::open(Arc::new(disk.clone()), PathBuf::from("/engine"), options)
}

fn open(disk: &TestDisk) -> Result<Box<dyn Engine>, EngineError> {
    Ok(Box::new(open_with(disk, OPTIONS)?))
}

conformance_tests!(open);

/// An engine whose checkpoints also write the file anew, so many pieces at a time.
struct Rewriting {
    engine: RedbEngine,
    pieces: usize,
}

impl Rewriting {
    fn open(disk: &TestDisk, pieces: usize) -> Result<Box<dyn Engine>, EngineError> {
        let options = RedbOptions {
            rewrite_bytes_min: 0,
            ..OPTIONS
        };
        let engine = open_with(disk, options)?;
        Ok(Box::new(Self { engine, pieces }))
    }
}

impl Read for Rewriting {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.engine.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.engine.scan(table, start, end, visit)
    }

    fn scan_back(
        &self,
        table: Table,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), EngineError> {
        self.engine.scan_back(table, start, end, visit)
    }
}

impl Engine for Rewriting {
    fn commit(&mut self, batch: Batch) -> Result<(), EngineError> {
        self.engine.commit(batch)
    }

    fn view(&self) -> Arc<dyn View> {
        self.engine.view()
    }

    fn checkpoint(&mut self, covers: LogIndex) -> CheckpointJob {
        let job = self.engine.checkpoint(covers);
        let shared = self.engine.shared_for_tests();
        let pieces = self.pieces;
        Box::new(move || {
            let done = job()?;
            for _ in 0..pieces {
                match shared() {
                    Some(upkeep) => upkeep()?,
                    None => break,
                }
            }
            Ok(done)
        })
    }

    fn durable_index(&self) -> LogIndex {
        self.engine.durable_index()
    }

    fn stats(&self) -> EngineStats {
        self.engine.stats()
    }

    fn replace(&mut self) -> Result<Box<dyn Replacement>, EngineError> {
        self.engine.replace()
    }

    fn sealed(&self) -> Option<LogIndex> {
        self.engine.sealed()
    }

    fn switch(&mut self) -> Result<(), EngineError> {
        self.engine.switch()
    }
}

/// A piece or three after each checkpoint, so that checkpoints fall between pieces.
mod rewriting_by_and_by {
    use super::*;
    use crate::engine::conformance::behaves_like_maps as conforms;

    #[test]
    fn behaves_like_maps() {
        for pieces in [1, 3] {
            let open: Open<'_> = &|disk| Rewriting::open(disk, pieces);
            conforms(open);
        }
    }
}

/// All of it after each checkpoint, so that failures and power losses fall into it.
mod rewriting_at_once {
    use super::*;

    fn open(disk: &TestDisk) -> Result<Box<dyn Engine>, EngineError> {
        Rewriting::open(disk, usize::MAX)
    }

    conformance_tests!(
        open;
        behaves_like_maps,
        a_view_can_be_read_while_the_engine_changes,
        every_failing_operation_leaves_a_whole_state,
        power_loss_at_every_operation_leaves_a_whole_state,
    );
}

fn put(engine: &mut dyn Engine, numbers: std::ops::Range<u32>, value_bytes: usize) {
    let mut batch = Batch::default();
    for number in numbers {
        let key = number.to_be_bytes().to_vec();
        batch.put(Table::Data, key, vec![number as u8; value_bytes]);
    }
    engine.commit(batch).unwrap();
}

/// Once, a file kept the room of everything that had ever been in it.
#[test]
fn deleted_rows_give_their_room_back_to_the_disk() {
    let disk = TestDisk::default();
    let options = RedbOptions {
        rewrite_bytes_min: 64 << 10,
        ..OPTIONS
    };
    let mut engine = open_with(&disk, options).unwrap();
    put(&mut engine, 0..10_000, 200);
    engine.checkpoint(LogIndex(1))().unwrap();
    assert!(engine.upkeep().is_none(), "nothing is wasted yet");
    let full = engine.stats().disk_bytes;
    let mut batch = Batch::default();
    for number in 100..10_000_u32 {
        batch.delete(Table::Data, number.to_be_bytes().to_vec());
    }
    engine.commit(batch).unwrap();
    engine.checkpoint(LogIndex(2))().unwrap();
    let mut pieces = 0;
    while let Some(job) = engine.upkeep() {
        job().unwrap();
        pieces += 1;
    }
    assert!(pieces > 6, "{pieces} pieces");
    let packed = engine.stats().disk_bytes;
    assert!(packed < full / 4, "{packed} of {full} bytes are left");
    let rows = |engine: &RedbEngine| {
        let mut rows = 0;
        let scanned = engine.scan(Table::Data, &[], None, &mut |_, _| {
            rows += 1;
            ControlFlow::Continue(())
        });
        scanned.unwrap();
        rows
    };
    assert_eq!(rows(&engine), 100);
    drop(engine);
    let engine = open_with(&disk, OPTIONS).unwrap();
    assert_eq!((engine.durable_index(), rows(&engine)), (LogIndex(2), 100));
}

/// Once, a disk that filled up while a file was written anew stopped the node, if it did
/// so at the very end.
#[test]
fn no_room_for_writing_the_file_anew_leaves_it_as_it_was() {
    let options = RedbOptions {
        rewrite_bytes_min: 0,
        ..OPTIONS
    };
    let mut without_room = 0;
    for nth in 0.. {
        let disk = TestDisk::default();
        let mut engine = open_with(&disk, options).unwrap();
        put(&mut engine, 0..1_000, 20);
        engine.checkpoint(LogIndex(1))().unwrap();
        let first = engine.upkeep().expect("a fresh file is mostly empty");
        disk.fail(nth, io::ErrorKind::StorageFull);
        let mut next = Some(first);
        let mut ended = Ok(());
        while let Some(job) = next
            && !disk.has_failed()
            && ended.is_ok()
        {
            ended = job();
            next = engine.upkeep();
        }
        if !disk.has_failed() {
            break;
        }
        if disk.has_failed_to_keep() {
            // Not in the writing, but in what makes it last: that is a failed disk.
            continue;
        }
        if let Err(failure) = ended {
            panic!("operation {nth}: {failure}");
        }
        without_room += 1;
        put(&mut engine, 1_000..1_001, 20);
        engine.checkpoint(LogIndex(2))().unwrap();
        drop(engine);
        let engine = open_with(&disk, OPTIONS).unwrap();
        assert_eq!(engine.durable_index(), LogIndex(2));
        assert!(
            engine
                .get(Table::Data, &1_000_u32.to_be_bytes())
                .unwrap()
                .is_some()
        );
    }
    assert!(without_room > 10, "{without_room}");
}

/// A switch ends the writing anew of the file it replaces, and a piece of that which was
/// begun before does nothing after.
#[test]
fn a_switch_ends_the_rewriting_of_what_it_replaces() {
    let disk = TestDisk::default();
    let options = RedbOptions {
        rewrite_bytes_min: 0,
        ..OPTIONS
    };
    let mut engine = open_with(&disk, options).unwrap();
    put(&mut engine, 0..1_000, 20);
    engine.checkpoint(LogIndex(1))().unwrap();
    for _ in 0..2 {
        engine.upkeep().expect("a fresh file is mostly empty")().unwrap();
    }
    let unfinished = String::from("rows.redb.new");
    assert!(disk.names().contains(&unfinished));
    let late = engine.upkeep().expect("there is more to do");
    let mut replacement = engine.replace().unwrap();
    let row = (Table::Data, Bytes::from("key"), Bytes::from("new"));
    replacement.add(vec![row]).unwrap();
    replacement.seal(LogIndex(2)).unwrap();
    engine.switch().unwrap();
    assert!(!disk.names().contains(&unfinished));
    let operations = disk.operations();
    late().unwrap();
    assert_eq!(disk.operations(), operations, "a late piece wrote");
    while let Some(job) = engine.upkeep() {
        job().unwrap();
        engine.checkpoint(LogIndex(2))().unwrap();
        if !disk.names().contains(&unfinished) {
            break;
        }
    }
    drop(engine);
    let engine = open_with(&disk, options).unwrap();
    assert_eq!(
        engine.get(Table::Data, b"key").unwrap().as_deref(),
        Some(&b"new"[..])
    );
    assert_eq!(engine.get(Table::Data, &[0; 4]).unwrap(), None);
}

/// Once, the last reader of a file that had been replaced waited while redb wrote to it.
#[test]
fn nobody_writes_to_a_file_that_was_replaced() {
    let disk = TestDisk::default();
    let options = RedbOptions {
        rewrite_bytes_min: 0,
        ..OPTIONS
    };
    let mut engine = open_with(&disk, options).unwrap();
    put(&mut engine, 0..1_000, 20);
    engine.checkpoint(LogIndex(1))().unwrap();
    let view = engine.view();
    let rewritten = |engine: &RedbEngine| {
        let before = engine.stats().disk_bytes;
        engine.upkeep().expect("there is more to do")().unwrap();
        engine.stats().disk_bytes != before
    };
    while !rewritten(&engine) {}
    let operations = disk.operations();
    assert!(
        view.get(Table::Data, &7_u32.to_be_bytes())
            .unwrap()
            .is_some()
    );
    drop(view);
    assert_eq!(disk.operations(), operations);
}

/// A reader that is on its way when the file is closed to be opened again looks again; it
/// did not when it met the closed file before redb told of the failure.
#[test]
fn a_file_that_was_closed_is_no_failure_of_the_disk() {
    let disk = TestDisk::default();
    let mut engine = open_with(&disk, OPTIONS).unwrap();
    put(&mut engine, 0..10_000, 20);
    engine.checkpoint(LogIndex(1))().unwrap();
    drop(engine);
    let uncached = RedbOptions {
        cache_bytes: 0,
        ..OPTIONS
    };
    let engine = open_with(&disk, uncached).unwrap();
    let view = engine.view();
    drop(engine);
    let failure = view.get(Table::Data, &7_u32.to_be_bytes()).unwrap_err();
    assert!(matches!(failure, EngineError::Poisoned(_)), "{failure:?}");
}

/// Whatever one flipped byte does to a file, nothing else than what was written is read.
#[test]
fn a_damaged_file_never_gives_a_wrong_value() {
    let disk = TestDisk::default();
    let mut engine = open_with(&disk, OPTIONS).unwrap();
    put(&mut engine, 0..2_000, 100);
    engine.checkpoint(LogIndex(7))().unwrap();
    drop(engine);
    let path = Path::new("/engine/rows.redb");
    let content = disk.content(path);
    let (mut refused, mut panicked, mut harmless) = (0, 0, 0);
    for at in (0..content.len()).step_by(4_093) {
        let damaged = TestDisk::default();
        let mut bytes = content.clone();
        bytes[at] ^= 0x41;
        damaged.overwrite(path, bytes);
        match catch_unwind(AssertUnwindSafe(|| read_all(&damaged))) {
            Err(_) => panicked += 1,
            Ok(Err(_)) => refused += 1,
            Ok(Ok(2_000)) => harmless += 1,
            Ok(Ok(rows)) => panic!("byte {at}: {rows} rows are left, and nobody was told"),
        }
    }
    // redb asserts what it reads of its own pages: that ends a node, too.
    assert!(refused > 10 && harmless > 10 && panicked < refused);
}

fn read_all(disk: &TestDisk) -> Result<u32, EngineError> {
    let engine = open_with(disk, OPTIONS)?;
    let mut rows = 0;
    engine.scan(Table::Data, &[], None, &mut |key, value| {
        let number = u32::from_be_bytes(key.try_into().expect("a key of the test"));
        assert_eq!(value, vec![number as u8; 100], "a wrong value was read");
        rows += 1;
        ControlFlow::Continue(())
    })?;
    for number in 0..2_000_u32 {
        if engine.get(Table::Data, &number.to_be_bytes())?.is_none() {
            rows -= 1;
        }
    }
    Ok(rows)
}

#[test]
fn a_file_of_a_newer_dkv_is_refused() {
    let disk = TestDisk::default();
    let mut engine = open_with(&disk, OPTIONS).unwrap();
    put(&mut engine, 0..10, 100);
    engine.checkpoint(LogIndex(7))().unwrap();
    drop(engine);
    let path = Path::new("/engine/rows.redb");
    super::file::set_format_for_tests(&disk, path, 2);
    let Err(error) = open(&disk) else {
        panic!("it was opened");
    };
    assert!(
        matches!(
            error,
            EngineError::NewerFormat {
                found: 2,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
    disk.overwrite(path, vec![7; 10_000]);
    let Err(error) = open(&disk) else {
        panic!("it was opened");
    };
    assert!(matches!(error, EngineError::Damaged { .. }), "{error}");
}

/// Once, each piece of a long range's delete walked over all that the pieces before it
/// had deleted, and so did each look for the next deadline: a million keys took minutes.
#[test]
fn a_scan_does_not_walk_over_what_was_deleted_again_and_again() {
    let disk = TestDisk::default();
    let mut engine = open_with(&disk, OPTIONS).unwrap();
    put(&mut engine, 0..5_000, 10);
    engine.checkpoint(LogIndex(1))().unwrap();
    let key = |number: u32| number.to_be_bytes().to_vec();
    let first_from = |engine: &RedbEngine, start: &[u8]| {
        let mut first = None;
        let scanned = engine.scan(Table::Data, start, None, &mut |key, _| {
            first = Some(key.to_vec());
            ControlFlow::Break(())
        });
        scanned.unwrap();
        first
    };
    let start = key(10);
    for round in 0..40_u32 {
        let mut batch = Batch::default();
        for number in 0..100 {
            batch.delete(Table::Data, key(10 + round * 100 + number));
        }
        engine.commit(batch).unwrap();
        assert_eq!(first_from(&engine, &start), Some(key(110 + round * 100)));
        assert!(engine.walked_for_tests(&start) <= 1, "round {round}");
    }
    // What comes into the gap is seen, and what is before it was never in it.
    assert_eq!(first_from(&engine, &[]), Some(key(0)));
    put(&mut engine, 2_000..2_001, 10);
    assert_eq!(first_from(&engine, &start), Some(key(2_000)));
    assert_eq!(first_from(&engine, &key(2_001)), Some(key(4_010)));
    put(&mut engine, 12..13, 10);
    assert_eq!(first_from(&engine, &start), Some(key(12)));
    assert_eq!(first_from(&engine, &key(13)), Some(key(2_000)));
    let mut batch = Batch::default();
    for number in 10..5_000 {
        batch.delete(Table::Data, key(number));
    }
    engine.commit(batch).unwrap();
    assert_eq!(first_from(&engine, &start), None);
    assert!(engine.walked_for_tests(&start) <= 1);
    put(&mut engine, 4_999..5_000, 10);
    assert_eq!(first_from(&engine, &start), Some(key(4_999)));
}
