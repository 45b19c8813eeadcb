//! The memory engine: what every engine must do, and what damage it must see.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::MemoryEngine;
use crate::base::types::LogIndex;
use crate::engine::conformance::conformance_tests;
use crate::engine::conformance::disk::TestDisk;
use crate::engine::{Batch, Engine, EngineError, Table};

fn open(disk: &TestDisk) -> Result<Box<dyn Engine>, EngineError> {
    let engine = MemoryEngine::open(Arc::new(disk.clone()), PathBuf::from("/engine"))?;
    Ok(Box::new(engine))
}

conformance_tests!(open);

fn checkpoint_path(covers: u64) -> PathBuf {
    Path::new("/engine").join(format!("checkpoint-{covers:020}.ckpt"))
}

/// A disk with a checkpoint of a few blocks that covers index 7.
fn written() -> (TestDisk, Vec<u8>) {
    let disk = TestDisk::default();
    let mut engine = open(&disk).unwrap();
    let mut batch = Batch::default();
    for number in 0..2_000_u32 {
        batch.put(Table::Data, number.to_be_bytes().to_vec(), vec![7; 80]);
    }
    batch.put(Table::Meta, &b"meta"[..], &b"row"[..]);
    engine.commit(batch).unwrap();
    engine.checkpoint(LogIndex(7))().unwrap();
    let bytes = disk.content(&checkpoint_path(7));
    (disk, bytes)
}

fn assert_refused(disk: &TestDisk, bytes: Vec<u8>, what: &str) {
    let path = checkpoint_path(7);
    let length = bytes.len() as u64;
    disk.overwrite(&path, bytes);
    match open(disk).map(|_| ()).unwrap_err() {
        EngineError::Corrupt {
            path: found,
            offset,
            ..
        } => {
            assert_eq!(found, path);
            assert!(
                offset <= length,
                "{what}: damage at {offset} of {length} bytes"
            );
        }
        other => panic!("{what}: {other}"),
    }
    assert!(
        disk.names().iter().any(|name| name.ends_with("7.ckpt")),
        "{what}: it was removed"
    );
}

#[test]
fn every_flipped_byte_is_seen() {
    let (disk, bytes) = written();
    assert!(
        bytes.len() > 2 * 65_536,
        "a checkpoint of more than one block"
    );
    let interesting = (0..200).chain((200..bytes.len() - 60).step_by(997));
    for at in interesting.chain(bytes.len() - 60..bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert_refused(&disk, damaged, &format!("byte {at} flipped"));
    }
}

#[test]
fn every_cut_is_seen() {
    let (disk, bytes) = written();
    for length in (0..100).chain((100..bytes.len()).step_by(1_009)) {
        assert_refused(
            &disk,
            bytes[..length].to_vec(),
            &format!("cut to {length} bytes"),
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_refused(&disk, longer, "a byte too many");
}

#[test]
fn lost_repeated_and_swapped_blocks_are_seen() {
    let (disk, bytes) = written();
    let block_bytes =
        |at: usize| 8 + u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
    let second = 24 + block_bytes(24);
    let third = second + block_bytes(second);
    let (head, first) = (&bytes[..24], &bytes[24..second]);
    let (middle, rest) = (&bytes[second..third], &bytes[third..]);
    assert_refused(&disk, [head, first, rest].concat(), "a block lost");
    assert_refused(
        &disk,
        [head, first, middle, middle, rest].concat(),
        "a block repeated",
    );
    assert_refused(
        &disk,
        [head, middle, first, rest].concat(),
        "blocks swapped",
    );
}

#[test]
fn a_length_is_checked_before_memory_is_taken() {
    let (disk, bytes) = written();
    for length in [0, u32::MAX, 1 << 30] {
        let mut damaged = bytes.clone();
        damaged[24..28].copy_from_slice(&length.to_le_bytes());
        assert_refused(&disk, damaged, &format!("a block of {length} bytes"));
    }
}

#[test]
fn a_row_longer_than_its_block_is_seen() {
    let (disk, mut bytes) = written();
    let length = u32::from_le_bytes(*bytes[24..].first_chunk().unwrap()) as usize;
    // The value's length of the first row, with a checksum that matches.
    bytes[32 + 3..32 + 7].copy_from_slice(&u32::MAX.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[24..28]), &bytes[32..32 + length]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    assert_refused(&disk, bytes, "a row that ends behind its block");
}

#[test]
fn a_checkpoint_under_another_name_is_refused() {
    let (disk, bytes) = written();
    disk.overwrite(&checkpoint_path(8), bytes);
    assert!(matches!(
        open(&disk).map(|_| ()).unwrap_err(),
        EngineError::Corrupt { .. }
    ));
}

#[test]
fn a_damaged_checkpoint_is_never_passed_over_for_an_older_one() {
    let (disk, mut bytes) = written();
    disk.overwrite(&checkpoint_path(3), bytes.clone());
    bytes[40] ^= 1;
    assert_refused(&disk, bytes, "the newest is damaged");
}

#[test]
fn a_newer_format_is_named() {
    let (disk, mut bytes) = written();
    bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..20]);
    bytes[20..24].copy_from_slice(&crc.to_le_bytes());
    disk.overwrite(&checkpoint_path(7), bytes);
    match open(&disk).map(|_| ()).unwrap_err() {
        EngineError::NewerFormat {
            found, supported, ..
        } => assert_eq!((found, supported), (2, 1)),
        other => panic!("{other}"),
    }
}

#[test]
fn leftovers_go_and_strangers_stay() {
    let (disk, _) = written();
    let unfinished = Path::new("/engine/checkpoint-00000000000000000009.tmp");
    disk.overwrite(unfinished, b"half".to_vec());
    disk.overwrite(Path::new("/engine/notes"), b"from alice".to_vec());
    open(&disk).unwrap();
    assert_eq!(
        disk.names(),
        ["checkpoint-00000000000000000007.ckpt", "notes"]
    );
}

#[test]
fn a_huge_value_survives() {
    let disk = TestDisk::default();
    let mut engine = open(&disk).unwrap();
    let mut batch = Batch::default();
    batch.put(Table::Data, &b"huge"[..], vec![9; 20 << 20]);
    batch.put(Table::Data, &b"small"[..], &b"value"[..]);
    engine.commit(batch).unwrap();
    engine.checkpoint(LogIndex(1))().unwrap();
    let engine = open(&disk).unwrap();
    let huge = engine.get(Table::Data, b"huge").unwrap().unwrap();
    assert!(huge.len() == 20 << 20 && huge.iter().all(|byte| *byte == 9));
    assert_eq!(
        engine.get(Table::Data, b"small").unwrap().as_deref(),
        Some(&b"value"[..])
    );
}

#[test]
#[should_panic(expected = "is covered already")]
fn a_checkpoint_never_goes_back() {
    let (disk, _) = written();
    drop(open(&disk).unwrap().checkpoint(LogIndex(6)));
}
