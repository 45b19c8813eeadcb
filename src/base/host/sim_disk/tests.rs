//! What a power loss may take, and what it may not.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::SimDisk;
use crate::base::host::{Disk, OpenMode, SeededRng};

const DIR: &str = "/data";

fn disk(seed: u64) -> SimDisk {
    let disk = SimDisk::new(Arc::new(SeededRng::new(seed)));
    disk.create_dir_all(Path::new(DIR)).unwrap();
    disk
}

fn path(name: &str) -> std::path::PathBuf {
    Path::new(DIR).join(name)
}

fn content(disk: &SimDisk, name: &str) -> Vec<u8> {
    let file = disk.open(&path(name), OpenMode::Read).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn synced_content_survives_and_the_rest_is_torn_in_every_way() {
    let (mut none, mut some, mut all) = (0, 0, 0);
    for seed in 0..200 {
        let disk = disk(seed);
        let file = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
        file.write_all_at(&[1; 1000], 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(Path::new(DIR)).unwrap();
        file.write_all_at(&[2; 3000], 1000).unwrap();
        disk.crash();
        let kept = content(&disk, "a");
        assert!(kept[..1000].iter().all(|byte| *byte == 1));
        match kept.iter().filter(|byte| **byte == 2).count() {
            0 => none += 1,
            3000 => all += 1,
            _ => some += 1,
        }
        assert!(file.len().is_err(), "handles of an earlier life fail");
    }
    assert!(none > 10 && some > 10 && all > 10, "{none} {some} {all}");
}

#[test]
fn names_are_durable_only_after_sync_dir() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..50 {
        let disk = disk(seed);
        drop(disk.open(&path("a"), OpenMode::CreateNew).unwrap());
        disk.sync_dir(Path::new(DIR)).unwrap();
        disk.rename(&path("a"), &path("b")).unwrap();
        disk.crash();
        let names = disk.list(Path::new(DIR)).unwrap();
        assert_eq!(names.len(), 1, "a rename is atomic: {names:?}");
        if names == ["b"] { kept += 1 } else { lost += 1 }
    }
    assert!(kept > 5 && lost > 5, "{kept} {lost}");
}

#[test]
fn a_killed_process_loses_nothing_but_its_locks() {
    let disk = disk(1);
    let file = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
    file.write_all_at(b"alice", 0).unwrap();
    let lock = disk.lock(&path("lock")).unwrap();
    let refused = disk.lock(&path("lock")).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    disk.kill();
    assert_eq!(content(&disk, "a"), b"alice");
    let again = disk.lock(&path("lock")).unwrap();
    drop(lock);
    assert!(
        disk.lock(&path("lock")).is_err(),
        "an old lock frees nothing"
    );
    drop(again);
    assert!(disk.lock(&path("lock")).is_ok());
}

#[test]
fn planned_failures_and_a_full_disk() {
    let disk = disk(1);
    let file = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
    disk.fail_after(1, ErrorKind::PermissionDenied);
    file.write_all_at(&[0; 10], 0).unwrap();
    let failed = file.write_all_at(&[0; 10], 0).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::PermissionDenied);
    file.write_all_at(&[0; 10], 0).unwrap();

    disk.set_capacity_bytes(Some(100));
    assert_eq!(disk.free_bytes(Path::new(DIR)).unwrap(), 90);
    let full = file.allocate(101).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    file.allocate(100).unwrap();
    file.write_all_at(&[1; 100], 0).unwrap();

    disk.halt_after(0);
    assert!(file.sync_data().is_err() && disk.list(Path::new(DIR)).is_err());
    disk.crash();
    assert!(disk.list(Path::new(DIR)).is_ok());
}

#[test]
fn flips_show_after_a_crash() {
    let disk = disk(1);
    let file = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
    file.write_all_at(&[7; 4], 0).unwrap();
    disk.flip(&path("a"), 2, 0x01);
    file.sync_data().unwrap();
    disk.sync_dir(Path::new(DIR)).unwrap();
    disk.crash();
    assert_eq!(content(&disk, "a"), [7, 7, 6, 7]);
}

#[test]
fn what_a_failed_sync_was_to_keep_no_later_sync_keeps() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..200 {
        let disk = disk(seed);
        let file = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
        disk.sync_dir(Path::new(DIR)).unwrap();
        disk.fail_write_after(1);
        file.write_all_at(b"alice", 0).unwrap();
        assert!(!disk.has_failed_write());
        file.sync_data().unwrap_err();
        assert!(disk.has_failed_write());
        assert_eq!(content(&disk, "a"), b"alice", "a reader sees no difference");
        file.write_all_at(b"bob", 5).unwrap();
        file.sync_data().unwrap();
        if seed % 2 == 0 {
            disk.crash();
        } else {
            disk.kill();
        }
        assert!(!disk.has_failed_write());
        let content = content(&disk, "a");
        assert_eq!(&content[5..], b"bob");
        match &content[..5] == b"alice" {
            true => kept += 1,
            false => lost += 1,
        }
    }
    assert!(kept > 5 && lost > 5, "{kept} {lost}");
}
