//! Files of a data directory: its manifest, checkpoints, the history beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use dkv::base::host::sim_disk::SimDisk;
use dkv::base::host::{Disk, OpenMode, SeededRng};
use dkv::base::types::Revision;
use dkv::engine::memory::MemoryEngine;
use dkv::machine::{Event, HistoryLimits, Machine};
use dkv::server::fuzzed;
use dkv::store::history_file::HistoryFiles;
use xxhash_rust::xxh3::xxh3_64;

use super::machine::chunks;
use super::message::pieces;
use super::wire::said_why;

const DIR: &str = "/shard";
/// What the checkpoint covers, by its name.
const COVERS: u64 = 7;
/// Bytes of a row before its key.
const ROW_HEAD: usize = 7;

fn disk_with(files: &[(String, Vec<u8>)]) -> Arc<SimDisk> {
    let disk = SimDisk::new(Arc::new(SeededRng::new(1)));
    disk.create_dir_all(Path::new(DIR)).expect("it has room");
    for (name, content) in files {
        // Of two files of one name the first is there.
        if let Ok(file) = disk.open(&Path::new(DIR).join(name), OpenMode::CreateNew) {
            file.write_all_at(content, 0).expect("it has room");
        }
    }
    Arc::new(disk)
}

/// A manifest of any bytes, and one of any content.
pub(crate) fn manifests(data: &[u8]) {
    said_why(fuzzed::manifest(data));
    said_why(fuzzed::manifest(&sealed_manifest(data)));
}

fn sealed_manifest(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("an input is small");
    let crc = crc32c::crc32c(message);
    let head = [&length.to_le_bytes()[..], &crc.to_le_bytes()].concat();
    [b"DKVMANI\x01", &head[..], message].concat()
}

/// A checkpoint of any bytes, or of any rows: what a machine can begin with it can begin with
/// again.
pub(crate) fn checkpoint_files(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else {
        return;
    };
    let content = match how % 4 {
        0 => rest.to_vec(),
        _ => sealed_checkpoint(rest),
    };
    let name = format!("checkpoint-{COVERS:020}.ckpt");
    let disk = disk_with(&[(name, content)]);
    if let Some(first) = rows(&disk) {
        assert_eq!(rows(&disk), Some(first));
    }
}

/// Everything that a shard has after a start, as a snapshot of it.
fn rows(disk: &Arc<SimDisk>) -> Option<Vec<Bytes>> {
    let engine = MemoryEngine::open(disk.clone(), PathBuf::from(DIR)).ok()?;
    let machine = Machine::open(Box::new(engine), HistoryLimits::default()).ok()?;
    Some(chunks(&machine))
}

/// A checkpoint whose checksums and totals hold: each piece is a block of rows.
fn sealed_checkpoint(data: &[u8]) -> Vec<u8> {
    let mut file = b"dkvckpt\n\x01\0\0\0".to_vec();
    file.extend_from_slice(&COVERS.to_le_bytes());
    file.extend_from_slice(&crc32c::crc32c(&file).to_le_bytes());
    let (mut count, mut blocks) = (0_u64, 0_u64);
    for block in pieces(data) {
        let length = u32::try_from(block.len()).expect("a piece is short");
        let length = length.to_le_bytes();
        let crc = crc32c::crc32c_append(crc32c::crc32c(&length), block);
        file.extend_from_slice(&[&length[..], &crc.to_le_bytes(), block].concat());
        count += rows_in(block);
        blocks += 1;
    }
    let mut footer = b"dkvckend".to_vec();
    for number in [count, blocks, xxh3_64(&file)] {
        footer.extend_from_slice(&number.to_le_bytes());
    }
    let crc = crc32c::crc32c(&footer);
    [&file[..], &footer, &crc.to_le_bytes()].concat()
}

fn rows_in(mut block: &[u8]) -> u64 {
    let mut rows = 0;
    while let Some((head, behind)) = block.split_first_chunk::<ROW_HEAD>() {
        let key = usize::from(u16::from_le_bytes([head[1], head[2]]));
        let value = u32::from_le_bytes([head[3], head[4], head[5], head[6]]) as usize;
        let Some(behind) = behind.get(key.saturating_add(value)..) else {
            break;
        };
        rows += 1;
        block = behind;
    }
    rows
}

/// Files of history, each of events whose checksums hold, or of any bytes: some of it is known, or
/// none, and after the next start the same.
pub(crate) fn history_files(data: &[u8]) {
    let Some((upto, rest)) = data.split_first() else {
        return;
    };
    let upto = Revision(u64::from(*upto));
    let files: Vec<_> = pieces(rest).filter_map(history_file).collect();
    let disk = disk_with(&files);
    let first = history(&disk, upto);
    let (floor, events) = &first;
    assert!(*floor <= upto.next(), "{floor} after {upto}");
    assert!(events.iter().all(|it| it.revision <= upto), "{events:?}");
    assert_eq!(history(&disk, upto), first);
}

fn history(disk: &Arc<SimDisk>, upto: Revision) -> (Revision, Vec<Arc<Event>>) {
    let opened = HistoryFiles::open(disk.clone(), PathBuf::from(DIR), upto);
    let (_, loaded) = opened.expect("what is damaged is dropped");
    (loaded.floor, loaded.events)
}

/// The name says which revisions it has, the first byte whether checksums are put in.
fn history_file(piece: &[u8]) -> Option<(String, Vec<u8>)> {
    let ([how, from, through], content) = piece.split_first_chunk()?;
    let name = format!("history-{from:020}-{through:020}.events");
    if how % 4 == 0 {
        return Some((name, content.to_vec()));
    }
    let mut file = b"DKVHIST1".to_vec();
    for event in pieces(content) {
        let length = u32::try_from(event.len()).expect("a piece is short");
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&crc32c::crc32c(event).to_le_bytes());
        file.extend_from_slice(event);
    }
    Some((name, file))
}
