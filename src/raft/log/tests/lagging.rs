//! Members that lag behind what is kept in memory.

use bytes::Bytes;
use futures_util::TryStreamExt;
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;

use super::{Log, Sim, append, entry, in_simulated_time, parts};

const RECENT_BYTES_MAX: usize = 20_000;

fn payload(index: u64) -> Bytes {
    let bytes = 900 + (index as usize * 37) % 200;
    Bytes::from(vec![index as u8; bytes])
}

/// A log of 300 entries of some 1000 bytes, a new term with each hundred.
async fn long_log(sim: &Sim) -> Log {
    let mut log = sim.start().unwrap();
    for index in 0..300 {
        let one = vec![entry(1 + index / 100, index, payload(index))];
        let told = sim.drive(append(&mut log, one)).await.unwrap();
        sim.drive(told).await.unwrap().unwrap();
    }
    log
}

async fn check(log: &mut Log, first: u64) {
    let (kept_first, kept_bytes) = {
        let state = log.shared.state.lock();
        let kept_first = state.entries.recent_first();
        let kept = (kept_first..300).filter_map(|index| state.entries.recent(index));
        (kept_first, kept.map(Bytes::len).sum::<usize>())
    };
    assert!(
        kept_bytes <= RECENT_BYTES_MAX && kept_first > 250,
        "{kept_first}"
    );
    let mut next = first;
    let mut pieces = 0;
    while next < 300 {
        let piece = log.limited_get_log_entries(next, 300).await.unwrap();
        assert!(!piece.is_empty());
        for entry in piece {
            assert_eq!(entry.log_id.index(), next);
            assert_eq!(parts(&entry), (1 + next / 100, payload(next)));
            next += 1;
        }
        pieces += 1;
    }
    assert_eq!(pieces, 1, "300 KB are one piece");
    let all = log.try_get_log_entries(..).await.unwrap();
    assert_eq!(all.len() as u64, 300 - first);
    let some = log.try_get_log_entries(270..290).await.unwrap();
    assert_eq!(some.len(), 20, "both from the file and from memory");
    let stream = log.entries_stream(first..).await;
    let streamed: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(streamed, all);
}

#[test]
fn older_entries_are_read_back_also_after_a_restart() {
    in_simulated_time(async {
        let sim = Sim::new(1, RECENT_BYTES_MAX);
        let mut log = long_log(&sim).await;
        check(&mut log, 0).await;
        let upto = crate::raft::types::LogId::new_term_index(1, 49);
        sim.drive(log.purge(upto)).await.unwrap();
        check(&mut log, 50).await;
        sim.spawn.crash();
        sim.disk.crash();
        let mut log = sim.start().unwrap();
        check(&mut log, 50).await;
    });
}

#[test]
fn a_piece_ends_at_a_megabyte_and_has_one_entry_at_least() {
    in_simulated_time(async {
        let log = super::running_log(0);
        let mut log = log.clone();
        for index in 0..300_u64 {
            let one = vec![entry(1, index, Bytes::from(vec![1; 5_000]))];
            let told = append(&mut log, one).await.unwrap();
            told.await.unwrap().unwrap();
        }
        let piece = log.limited_get_log_entries(0, 300).await.unwrap();
        let bytes: usize = piece.iter().map(|entry| parts(entry).1.len()).sum();
        assert!(bytes <= 1 << 20 && bytes > 1_000_000, "{bytes}");
        let all = log.try_get_log_entries(0..300).await.unwrap();
        assert_eq!(all.len(), 300, "the whole range, whatever it takes");
    });
}

/// Damage in the middle of what is read back is an error, and no shorter answer.
#[test]
fn a_damaged_entry_is_an_error() {
    in_simulated_time(async {
        let sim = Sim::new(2, RECENT_BYTES_MAX);
        let mut log = long_log(&sim).await;
        let files = sim.disk.files().into_iter().map(|(path, _)| path);
        let segments: Vec<_> = files
            .filter(|path| !path.to_string_lossy().contains("spare"))
            .collect();
        sim.disk.flip(&segments[2], 9_000, 0x40);
        let error = log.try_get_log_entries(..).await.unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
    });
}
