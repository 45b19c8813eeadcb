//! The engines: rows of 16-byte keys and 64-byte values, 100,000 of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use dkv::base::host::SystemDisk;
use dkv::base::limits::{ENGINE_CACHE_BYTES, ENGINE_REWRITE_BYTES_MIN, ENGINE_REWRITE_STEP_BYTES};
use dkv::base::types::LogIndex;
use dkv::engine::memory::MemoryEngine;
use dkv::engine::redb::{RedbEngine, RedbOptions};
use dkv::engine::{Batch, Engine, Table};
use tempfile::TempDir;

use crate::draw::{Key, Keys, VALUE_BYTES, value};

/// Rows that one scan visits.
const SCANNED: usize = 1_000;

/// Where the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the engine `memory`.
    Memory,
    /// In the engine `redb`: all in its file, whose pages fit the cache; none is newer.
    RedbFile,
    /// In the engine `redb`: all in its file, and all written again since.
    RedbLayer,
}

const PLACES: [Place; 3] = [Place::Memory, Place::RedbFile, Place::RedbLayer];

/// Where a commit finds as many rows as it leaves behind: in a layer that does not have
/// them yet, each would cost less than the one before.
const STEADY_PLACES: [Place; 2] = [Place::Memory, Place::RedbLayer];

struct Rows {
    engine: Box<dyn Engine>,
    keys: Keys,
    _folder: TempDir,
}

impl Rows {
    fn at(place: Place) -> Self {
        let folder = crate::folder();
        let (disk, dir) = (Arc::new(SystemDisk), folder.path().join("engine"));
        let options = RedbOptions {
            cache_bytes: ENGINE_CACHE_BYTES,
            rewrite_bytes_min: ENGINE_REWRITE_BYTES_MIN,
            rewrite_step_bytes: ENGINE_REWRITE_STEP_BYTES,
        };
        let engine: Box<dyn Engine> = match place {
            Place::Memory => Box::new(MemoryEngine::open(disk, dir).expect("it is new")),
            Place::RedbFile | Place::RedbLayer => {
                Box::new(RedbEngine::open(disk, dir, options).expect("it is new"))
            }
        };
        let mut rows = Self {
            engine,
            keys: Keys::present(),
            _folder: folder,
        };
        rows.put_all();
        if place != Place::Memory {
            let written = rows.engine.checkpoint(LogIndex(1));
            written().expect("the file can be written");
            assert_eq!(rows.engine.stats().unflushed_rows, 0);
        }
        if place == Place::RedbLayer {
            rows.put_all();
            let unflushed = rows.engine.stats().unflushed_rows;
            assert_eq!(unflushed, rows.keys.all.len() as u64);
        }
        rows
    }

    fn put_all(&mut self) {
        for keys in self.keys.all.chunks(64) {
            let written = self.engine.commit(batch(keys));
            written.expect("the engine takes rows");
        }
    }

    fn get(&self, key: &Key) -> Option<Bytes> {
        let found = self.engine.get(Table::Data, key);
        found.expect("the engine can be read")
    }

    /// Visits rows from `start` on; gives their number, and the bytes of their values.
    fn scan(&self, start: &Key) -> (usize, usize) {
        let (mut rows, mut bytes) = (0, 0);
        let mut visit = |key: &[u8], value: &[u8]| {
            black_box(key);
            rows += 1;
            bytes += value.len();
            if rows < SCANNED {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let done = self.engine.scan(Table::Data, start, None, &mut visit);
        done.expect("the engine can be read");
        (rows, bytes)
    }
}

fn batch(keys: &[Key]) -> Batch {
    let mut batch = Batch::default();
    for key in keys {
        batch.put(Table::Data, Bytes::copy_from_slice(key), value(key));
    }
    batch
}

/// Reads one row that is there. An item is a row.
#[divan::bench(args = PLACES, sample_size = 100)]
fn get_present(bencher: Bencher, place: Place) {
    let mut rows = Rows::at(place);
    let key = rows.keys.next();
    assert_eq!(rows.get(&key), Some(value(&key)));
    let mut keys = Keys::present();
    bencher
        .counter(ItemsCount::new(1_u32))
        .with_inputs(|| keys.next())
        .bench_local_refs(|key| rows.get(key));
}

/// Looks for one row that is not there. An item is a row.
#[divan::bench(args = PLACES, sample_size = 100)]
fn get_absent(bencher: Bencher, place: Place) {
    let rows = Rows::at(place);
    let mut keys = Keys::absent();
    assert_eq!(rows.get(&keys.next()), None);
    bencher
        .counter(ItemsCount::new(1_u32))
        .with_inputs(|| keys.next())
        .bench_local_refs(|key| rows.get(key));
}

/// Commits a batch that overwrites so many rows. An item is a row.
#[divan::bench(consts = [1, 64], args = STEADY_PLACES, sample_size = 16)]
fn commit<const ROWS: usize>(bencher: Bencher, place: Place) {
    let mut rows = Rows::at(place);
    let mut keys = Keys::present();
    let (changed, other) = (keys.next(), value(&keys.next()));
    let mut change = Batch::default();
    change.put(Table::Data, changed.to_vec(), other.clone());
    rows.engine.commit(change).expect("the engine takes rows");
    assert_eq!(rows.get(&changed), Some(other));
    bencher
        .counter(ItemsCount::new(ROWS))
        .with_inputs(|| batch(&std::array::from_fn::<Key, ROWS, _>(|_| keys.next())))
        .bench_local_values(|batch| {
            let committed = rows.engine.commit(batch);
            committed.expect("the engine takes rows");
        });
    assert_eq!(
        rows.get(&keys.next()).map(|value| value.len()),
        Some(VALUE_BYTES)
    );
}

/// Visits 1,000 rows in order, from a random one on. An item is a row.
#[divan::bench(args = PLACES)]
fn scan(bencher: Bencher, place: Place) {
    let rows = Rows::at(place);
    let mut in_order = rows.keys.all.clone();
    in_order.sort_unstable();
    in_order.truncate(in_order.len() - SCANNED);
    let mut starts = Keys::of(in_order);
    let whole = (SCANNED, SCANNED * VALUE_BYTES);
    assert_eq!(rows.scan(&starts.next()), whole);
    bencher
        .counter(ItemsCount::new(SCANNED))
        .with_inputs(|| starts.next())
        .bench_local_refs(|start| rows.scan(start));
}
