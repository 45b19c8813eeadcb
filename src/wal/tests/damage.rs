//! Damage to what was durable is refused by file and offset; damage to free space
//! harms nobody.

use super::*;

/// A log of three segments, cleanly closed, and what it holds.
fn closed_log(sim: &Sim) -> Vec<Record> {
    let (wal, _) = sim.start();
    for index in 1..=30 {
        sim.write(&wal, vec![entry(1, index, 1000)]).unwrap();
    }
    wal.close();
    sim.spawn.run_until_idle();
    assert!(wal.status().finished);
    sim.power_loss();
    assert_eq!(sim.segments().len(), 3);
    let mut recovery = Wal::recover(&Sim::new(0).host, options(NODE)).unwrap();
    assert!(replay(&mut recovery).is_empty());
    (1..=30).map(|index| entry(1, index, 1000)).collect()
}

#[test]
fn every_flip_is_refused_or_harmless() {
    let lengths: Vec<(PathBuf, u64)> = {
        let sim = Sim::new(1);
        closed_log(&sim);
        sim.disk.files()
    };
    let (mut refused, mut harmless) = (0, 0);
    for (path, length) in lengths {
        for offset in (0..length).step_by(97) {
            let sim = Sim::new(1);
            let expected = closed_log(&sim);
            sim.disk.flip(&path, offset, 1 << (offset % 8));
            match sim.recover() {
                Ok(mut recovery) => {
                    harmless += 1;
                    let records = replay(&mut recovery);
                    assert_eq!(records, expected, "{} {offset}", path.display());
                }
                Err(WalError::Corrupt {
                    path: named,
                    offset: at,
                    ..
                }) => {
                    refused += 1;
                    assert_eq!(named, path);
                    assert!(at <= offset && offset < at + 4096, "{at} {offset}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(refused > 200 && harmless > 30, "{refused} {harmless}");
}

#[test]
fn the_last_synced_batch_is_guarded_by_the_next_header() {
    let sim = Sim::new(2);
    let (wal, _) = sim.start();
    for index in 1..=3 {
        sim.write(&wal, vec![entry(1, index, 500)]).unwrap();
    }
    // The batch after the damaged one is torn, but its header is there.
    append(&wal, vec![entry(1, 4, 5000)], Durability::None).unwrap();
    sim.spawn.run_until_idle();
    sim.spawn.crash();
    sim.disk.kill();
    let segment = &sim.segments()[0];
    let batch_bytes = 576;
    sim.disk.flip(segment, 4096 + 3 * batch_bytes + 3000, 1);
    sim.disk.flip(segment, 4096 + 2 * batch_bytes + 100, 1);
    let error = sim.recover().err().unwrap();
    let WalError::Corrupt { path, offset, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((path, *offset), (segment, 4096 + 2 * batch_bytes));
    let message = error.to_string();
    assert!(
        message.contains("damaged at byte 5248: the checksum of batch 3 is wrong"),
        "{message}"
    );
}

#[test]
fn a_torn_tail_is_cut_even_if_valid_batches_follow() {
    let sim = Sim::new(3);
    let (wal, _) = sim.start();
    sim.write(&wal, vec![entry(1, 1, 500)]).unwrap();
    for index in 2..=5 {
        append(&wal, vec![entry(1, index, 500)], Durability::None).unwrap();
        sim.spawn.run_until_idle();
    }
    sim.spawn.crash();
    sim.disk.kill();
    sim.disk.flip(&sim.segments()[0], 4096 + 2 * 576 + 100, 1);
    let (wal, records) = sim.start();
    assert_eq!(indexes(&records, 1), [1, 2]);
    // What follows the cut never comes back, whatever is written there.
    sim.write(&wal, vec![entry(1, 3, 500)]).unwrap();
    sim.power_loss();
    assert_eq!(indexes(&sim.start().1, 1), [1, 2, 3]);
}

#[test]
fn stale_bytes_of_recycled_segments_never_parse() {
    let sim = Sim::new(4);
    let (wal, _) = sim.start();
    for index in 1..=200 {
        sim.write(&wal, vec![entry(1, index, 1000)]).unwrap();
        wal.release(1, LogIndex(index - 1));
    }
    sim.power_loss();
    let found = indexes(&sim.start().1, 1);
    assert!(
        found.is_sorted_by(|before, after| before + 1 == *after),
        "{found:?}"
    );
    assert_eq!(found.last(), Some(&200));
    assert!(found[0] > 150, "{found:?}");
}

#[test]
fn a_missing_segment_another_node_and_a_newer_format_are_refused() {
    use super::super::format::{SEGMENT_HEADER_BYTES, SegmentHeader};
    use crate::base::host::{Disk, OpenMode};

    let sim = Sim::new(5);
    closed_log(&sim);
    let other = Wal::recover(&sim.host, options(NodeId([8; 16])))
        .err()
        .unwrap();
    assert!(
        matches!(other, WalError::OtherNode { found: NODE, .. }),
        "{other}"
    );
    assert!(other.to_string().contains(&NODE.to_string()));

    let newest = sim.segments().pop().unwrap();
    let file = sim.disk.open(&newest, OpenMode::ReadWrite).unwrap();
    let mut block = vec![0; SEGMENT_HEADER_BYTES];
    file.read_exact_at(&mut block, 0).unwrap();
    let original = block.clone();
    assert!(SegmentHeader::decode(&block).is_ok());
    block[12] = 9;
    block[8..12].fill(0);
    let crc = crc32c::crc32c(&block);
    block[8..12].copy_from_slice(&crc.to_le_bytes());
    file.write_all_at(&block, 0).unwrap();
    let newer = sim.recover().err().unwrap();
    assert!(newer.to_string().contains("upgrade dkv"), "{newer}");
    file.write_all_at(&original, 0).unwrap();

    let middle = &sim.segments()[1];
    sim.disk.remove(middle).unwrap();
    let missing = sim.recover().err().unwrap();
    assert!(missing.to_string().contains("missing"), "{missing}");
    assert!(missing.to_string().contains(&middle.display().to_string()));
}
