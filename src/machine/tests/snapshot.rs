//! Snapshots: a machine moved to another engine goes on as if nothing had happened, and
//! no chunk is believed.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::drawing::{self, Dice};
use super::engine::{Frozen, MapEngine};
use super::model::Model;
use crate::base::ErrorKind;
use crate::base::limits::{SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNK_BYTES_MAX};
use crate::base::types::{LogIndex, Revision};
use crate::engine::conformance::disk::TestDisk;
use crate::engine::memory::MemoryEngine;
use crate::engine::redb::{RedbEngine, RedbOptions};
use crate::engine::{Engine, EngineError, Read, Replacement, Table, View};
use crate::machine::sessions::SessionLimits;
use crate::machine::state::State;
use crate::machine::{HistoryLimits, Machine, SnapshotReader, SnapshotWriter, codec, keys};

const SESSIONS: SessionLimits = SessionLimits {
    clients: 4,
    outcomes_per_client: 5,
    outcomes: 12,
    held_ms: 600,
    idle_ms: 2_500,
};

fn machine(kind: u64, disk: &TestDisk) -> Machine {
    let disk = Arc::new(disk.clone());
    let options = RedbOptions {
        cache_bytes: 1 << 20,
        rewrite_bytes_min: 0,
        rewrite_step_bytes: 500,
    };
    let engine: Box<dyn Engine> = match kind % 3 {
        0 => Box::new(MemoryEngine::open(disk, "/engine".into()).unwrap()),
        1 => Box::new(RedbEngine::open(disk, "/engine".into(), options).unwrap()),
        _ => Box::new(MapEngine::default()),
    };
    Machine::open_with(engine, HistoryLimits::default(), SESSIONS).unwrap()
}

fn chunks(view: Arc<dyn View>) -> Vec<Bytes> {
    let mut reader = SnapshotReader::new(view);
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next_chunk().unwrap() {
        chunks.push(chunk);
        assert_eq!(reader.is_done(), {
            let end = chunks.last().unwrap();
            end[6] == 2
        });
    }
    assert!(reader.is_done());
    chunks
}

/// Streams a machine into another one's engine, and has that one install it.
fn send(from: &Machine, to: &mut Machine) {
    let mut writer = SnapshotWriter::new(to.engine_mut().replace().unwrap());
    for chunk in chunks(from.view()) {
        writer.add(chunk).unwrap();
    }
    assert!(writer.is_complete());
    let state = writer.seal().unwrap();
    assert_eq!(state, *from.state());
    assert_eq!(to.engine().sealed(), Some(state.applied));
    to.install().unwrap();
}

/// Random entries; now and then the machine is sent into the engine of one that lags.
#[test]
fn a_machine_goes_on_in_another_engine() {
    let mut repeated = 0;
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let mut model = Model::new(SESSIONS);
        let disk = TestDisk::default();
        let mut leader = machine(seed, &TestDisk::default());
        let mut follower = machine(seed + 1, &disk);
        let mut lags = false;
        for index in 1..250 {
            let index = LogIndex(index);
            let entry = drawing::entry(&mut dice, &model);
            model.apply(&entry);
            let effects = leader.apply(index, &entry).unwrap();
            if lags && dice.roll(12) == 0 {
                send(&leader, &mut follower);
                lags = false;
                let floor = leader.state().revision.next();
                assert_eq!(follower.history().floor(), floor);
                if floor > Revision(2) {
                    let past = follower.get("", b"c", Some(Revision(1)));
                    assert_eq!(past.unwrap_err().kind(), ErrorKind::Compacted);
                }
                if dice.roll(2) == 0 && (seed + 1) % 3 != 2 {
                    drop(follower);
                    follower = machine(seed + 1, &disk);
                }
            } else if !lags {
                assert_eq!(
                    follower.apply(index, &entry).unwrap(),
                    effects,
                    "{entry:#?}"
                );
                repeated += effects
                    .replies
                    .iter()
                    .filter(|reply| reply.repeated)
                    .count();
                lags = dice.roll(30) == 0;
                if dice.roll(20) == 0 {
                    let covers = follower.state().applied;
                    follower.engine_mut().checkpoint(covers)().unwrap();
                }
            }
            if !lags {
                assert_eq!(
                    follower.state(),
                    leader.state(),
                    "seed {seed}, entry {index}"
                );
                let deadlines = [&leader, &follower].map(|it| it.next_deadline().unwrap());
                assert_eq!(deadlines[0], deadlines[1]);
                assert_eq!(chunks(follower.view()), chunks(leader.view()));
            }
        }
    }
    assert!(repeated > 20, "{repeated} requests were repeated");
}

/// Rows of every table and of every size, without a machine that could have made them.
fn some_rows() -> Frozen {
    let mut rows = Frozen::default();
    let mut put = |table, key: &str, value: Vec<u8>| {
        rows.0
            .insert((table, Bytes::from(key.to_owned())), value.into());
    };
    for number in 0..300 {
        put(
            Table::Data,
            &format!("key-{number:05}"),
            vec![7; number * 10],
        );
    }
    put(Table::Data, "large-1", vec![1; SNAPSHOT_CHUNK_BYTES]);
    put(Table::Data, "large-2", vec![2; 3 * SNAPSHOT_CHUNK_BYTES]);
    put(Table::Deadlines, "", Vec::new());
    put(Table::Locks, "deploy", b"alice".to_vec());
    let state = State {
        applied: LogIndex(42),
        hash: 4_711,
        revision: Revision(12),
        ..State::default()
    };
    let meta = [
        ("another", Bytes::from("row")),
        ("state", codec::encode_state(&state)),
    ];
    for (key, value) in meta {
        assert!(key == "another" || key.as_bytes() == keys::STATE);
        put(Table::Meta, key, value.to_vec());
    }
    rows
}

/// Keeps what it is given.
#[derive(Default, Clone)]
struct Kept(Arc<Mutex<(Frozen, Option<LogIndex>)>>);

impl Replacement for Kept {
    fn add(&mut self, rows: Vec<(Table, Bytes, Bytes)>) -> Result<(), EngineError> {
        let copied = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
        let rows = rows
            .iter()
            .map(|(table, key, value)| ((*table, copied(key)), copied(value)));
        self.0.lock().0.0.extend(rows);
        Ok(())
    }

    fn seal(self: Box<Self>, covers: LogIndex) -> Result<(), EngineError> {
        self.0.lock().1 = Some(covers);
        Ok(())
    }
}

fn writer() -> (Kept, SnapshotWriter) {
    let kept = Kept::default();
    (kept.clone(), SnapshotWriter::new(Box::new(kept)))
}

#[test]
fn chunks_are_even_the_same_each_time_and_go_on_anywhere() {
    let view: Arc<dyn View> = Arc::new(some_rows());
    let all = chunks(view.clone());
    assert_eq!(chunks(view.clone()), all);
    assert!(all.len() >= 6, "{} chunks", all.len());
    let larger = all
        .iter()
        .filter(|chunk| chunk.len() > SNAPSHOT_CHUNK_BYTES);
    assert_eq!(larger.count(), 2, "large rows travel alone");
    let mut reader = SnapshotReader::new(view);
    for number in [3, 0, all.len() - 1, 2, 2] {
        reader.skip_to(number as u64).unwrap();
        for chunk in &all[number..] {
            assert_eq!(reader.next_chunk().unwrap().as_ref(), Some(chunk));
        }
        assert_eq!(reader.next_chunk().unwrap(), None);
    }
    reader.skip_to(all.len() as u64).unwrap();
    assert_eq!(reader.next_chunk().unwrap(), None);
    let beyond = reader.skip_to(all.len() as u64 + 1).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::Invalid);

    let (kept, mut writer) = writer();
    for (number, chunk) in (0..).zip(all) {
        assert_eq!(writer.chunks(), number);
        writer.add(chunk).unwrap();
    }
    assert_eq!(writer.seal().unwrap().applied, LogIndex(42));
    assert_eq!(*kept.0.lock(), (some_rows(), Some(LogIndex(42))));

    let (kept, mut writer) = self::writer();
    let empty = chunks(Arc::new(Frozen::default()));
    assert_eq!(empty.len(), 1);
    writer.add(empty[0].clone()).unwrap();
    assert_eq!(writer.seal().unwrap(), State::default());
    assert_eq!(kept.0.lock().1, Some(LogIndex(0)));
}

fn assert_refused(writer: &mut SnapshotWriter, chunk: Bytes, what: &str) {
    let before = writer.chunks();
    let refused = writer.add(chunk).expect_err(what);
    assert_eq!(refused.kind(), ErrorKind::Invalid, "{what}: {refused}");
    assert_eq!(writer.chunks(), before, "{what}");
}

/// The checksum made to match: what lies behind it must hold, too.
fn signed(mut chunk: Vec<u8>) -> Bytes {
    let body = chunk.len() - 4;
    let crc = crc32c::crc32c(&chunk[..body]);
    chunk[body..].copy_from_slice(&crc.to_le_bytes());
    chunk.into()
}

#[test]
fn a_wrong_chunk_is_refused_and_the_right_one_taken_after_it() {
    let all = chunks(Arc::new(some_rows()));
    let end = all.len() - 1;
    let mut other = some_rows();
    let row = other
        .0
        .get_mut(&(Table::Meta, Bytes::from_static(keys::STATE)));
    *row.unwrap() = codec::encode_state(&State {
        applied: LogIndex(43),
        ..State::default()
    });
    let others = chunks(Arc::new(other));
    let (kept, mut writer) = writer();
    for (number, chunk) in all.iter().enumerate() {
        for at in (0..chunk.len()).step_by(chunk.len() / 97 + 1).chain(0..36) {
            let mut damaged = chunk.to_vec();
            damaged[at] ^= 1 << (at % 8);
            assert_refused(&mut writer, damaged.into(), "a flipped bit");
        }
        for length in [0, 1, 35, 36, chunk.len() / 2, chunk.len() - 1] {
            assert_refused(&mut writer, chunk.slice(..length), "a cut chunk");
        }
        for wrong in (0..all.len()).filter(|wrong| *wrong != number) {
            assert_refused(&mut writer, all[wrong].clone(), "a chunk out of order");
            let mut renumbered = all[wrong].to_vec();
            renumbered[8..16].copy_from_slice(&(number as u64).to_le_bytes());
            if wrong < number || wrong == end {
                assert_refused(&mut writer, signed(renumbered), "rows that came before");
            }
        }
        if number > 0 {
            assert_refused(
                &mut writer,
                others[number].clone(),
                "another snapshot's chunk",
            );
        }
        for (at, bytes) in [(4, 2_u16), (6, 3)] {
            let mut unknown = chunk.to_vec();
            unknown[at..at + 2].copy_from_slice(&bytes.to_le_bytes());
            assert_refused(&mut writer, signed(unknown), "a newer version or kind");
        }
        writer.add(chunk.clone()).unwrap();
        assert_refused(&mut writer, chunk.clone(), "a repeated chunk");
    }
    writer.seal().unwrap();
    assert_eq!(kept.0.lock().0, some_rows());
}

#[test]
fn a_snapshot_without_its_end_is_not_sealed() {
    let all = chunks(Arc::new(some_rows()));
    for count in 0..all.len() {
        let (kept, mut writer) = writer();
        for chunk in &all[..count] {
            writer.add(chunk.clone()).unwrap();
        }
        assert_eq!(writer.seal().unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(kept.0.lock().1, None);
    }
    // One chunk left out, and all behind it numbered so that nobody could tell.
    let (_, mut writer) = writer();
    for (number, chunk) in (0..).zip(all.iter().enumerate().filter(|(at, _)| *at != 1)) {
        let mut renumbered = chunk.1.to_vec();
        renumbered[8..16].copy_from_slice(&u64::to_le_bytes(number));
        if chunk.0 < all.len() - 1 {
            writer.add(signed(renumbered)).unwrap();
        } else {
            assert_refused(&mut writer, signed(renumbered), "an end that counts more");
        }
    }
    // The end of another state.
    let (_, mut writer) = self::writer();
    for chunk in &all[..all.len() - 1] {
        let mut other = chunk.to_vec();
        other[24] ^= 1;
        writer.add(signed(other)).unwrap();
    }
    let mut end = all[all.len() - 1].to_vec();
    end[24] ^= 1;
    assert_refused(&mut writer, signed(end), "a hash that is not the rows' own");
}

#[test]
fn no_length_is_believed() {
    let mut head = chunks(Arc::new(some_rows()))[0][..32].to_vec();
    let mut chunk = |payload: &[u8]| {
        head.truncate(32);
        head.extend_from_slice(payload);
        head.extend_from_slice(&[0; 4]);
        signed(head.clone())
    };
    let (_, mut writer) = writer();
    let lies: [&[u8]; 7] = [
        b"",
        b"\x01\x01\0",
        b"\x01\x01\0\0\0\0\0",
        b"\x01\xff\xff\xff\xff\xff\xffkey",
        b"\x01\0\0\xff\xff\xff\xffkey",
        b"\x00\x01\0\0\0\0\0k",
        b"\x07\x01\0\0\0\0\0k",
    ];
    for lie in lies {
        assert_refused(&mut writer, chunk(lie), &format!("{lie:?}"));
    }
    let row = [&b"\x01\x01\0\0\0\x04\0k"[..], &[7; 4 << 16]].concat();
    let two = [&row[..], b"\x01\x01\0\0\0\0\0l"].concat();
    assert_refused(&mut writer, chunk(&two), "a large chunk of two rows");
    let huge = vec![0; SNAPSHOT_CHUNK_BYTES_MAX - 35];
    assert_refused(&mut writer, chunk(&huge), "a chunk above the maximum");
    writer.add(chunk(&row)).unwrap();
}

#[test]
fn random_damage_never_panics() {
    let small = Frozen(
        some_rows()
            .0
            .into_iter()
            .filter(|(_, value)| value.len() < 60)
            .collect(),
    );
    let all = chunks(Arc::new(small));
    assert_eq!(all.len(), 2);
    let mut dice = Dice(7);
    let mut taken = 0;
    for _ in 0..4_000 {
        let (_, mut writer) = writer();
        for chunk in &all {
            let mut chunk = chunk.to_vec();
            for _ in 0..dice.roll(4) {
                let at = dice.roll(chunk.len() as u64) as usize;
                match dice.roll(4) {
                    0 => chunk[at] = dice.roll(256) as u8,
                    1 => chunk[at] = u8::MAX,
                    2 => drop(chunk.remove(at)),
                    _ => chunk.insert(at, dice.roll(256) as u8),
                }
            }
            taken += u32::from(writer.add(signed(chunk)).is_ok());
        }
        drop(writer.seal());
    }
    assert!((1_000..7_000).contains(&taken), "{taken}");
}

/// So many rows that are never all there.
struct Generated(u32);

impl Read for Generated {
    fn get(&self, _: Table, _: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(None)
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        _: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let first = start
            .first_chunk()
            .map_or(0, |number| u32::from_be_bytes(*number));
        let first = first + u32::from(start.len() > 4);
        let rows = if table == Table::Data { self.0 } else { 0 };
        for number in first..rows {
            if visit(&number.to_be_bytes(), &[7; 60]).is_break() {
                break;
            }
        }
        Ok(())
    }
    fn scan_back(
        &self,
        _: Table,
        _: &[u8],
        _: Option<&[u8]>,
        _: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        unreachable!("a snapshot goes up")
    }
}

impl View for Generated {}

/// Neither side holds more than the chunk that is under way, whatever the rows.
#[test]
fn many_rows_take_the_memory_of_one_chunk() {
    let mut reader = SnapshotReader::new(Arc::new(Generated(200_000)));
    let disk = TestDisk::default();
    let mut follower = machine(1, &disk);
    let (_, mut counting) = writer();
    let mut replacing = SnapshotWriter::new(follower.engine_mut().replace().unwrap());
    while let Some(chunk) = reader.next_chunk().unwrap() {
        assert!(chunk.len() <= SNAPSHOT_CHUNK_BYTES);
        counting.add(chunk.clone()).unwrap();
        // The first megabytes go into a real engine, too: it copies what it keeps.
        if counting.chunks() < 12 {
            replacing.add(chunk.clone()).unwrap();
        }
        assert!(
            chunk.is_unique(),
            "somebody holds chunk {}",
            counting.chunks()
        );
    }
    let chunks = counting.chunks();
    assert!(chunks > 50, "{chunks} chunks");
    counting.seal().unwrap();
}

#[test]
fn an_install_needs_a_snapshot_that_leads_on() {
    let mut leader = machine(2, &TestDisk::default());
    let mut follower = machine(0, &TestDisk::default());
    let mut dice = Dice(1);
    let mut model = Model::new(SESSIONS);
    for index in 1..20 {
        let entry = drawing::entry(&mut dice, &model);
        model.apply(&entry);
        leader.apply(LogIndex(index), &entry).unwrap();
    }
    let none = follower.install().unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Internal);
    send(&leader, &mut follower);
    let entry = drawing::entry(&mut dice, &model);
    follower.apply(LogIndex(20), &entry).unwrap();
    let ahead = *follower.state();
    let mut writer = SnapshotWriter::new(follower.engine_mut().replace().unwrap());
    for chunk in chunks(leader.view()) {
        writer.add(chunk).unwrap();
    }
    writer.seal().unwrap();
    assert!(follower.install().is_err(), "the machine went back");
    assert_eq!(*follower.state(), ahead);
    let entry = drawing::entry(&mut dice, &model);
    follower.apply(LogIndex(21), &entry).unwrap();
}
