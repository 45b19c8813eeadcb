//! Files of a data directory.

use super::{drawn, member};
use crate::targets::{self, Wire, as_piece, field};

/// Bytes of a snapshot's chunk before its rows.
const CHUNK_HEAD: usize = 32;

pub(super) fn manifests() -> Vec<Vec<u8>> {
    let shard = |id: u64, kind: &str, engine: &str| {
        let words = [(2, kind), (3, engine)].map(|(at, it)| field(at, Wire::Bytes(it.as_bytes())));
        let shard = [field(1, Wire::Number(id)), words.concat()].concat();
        field(3, Wire::Bytes(&shard))
    };
    let alone = [
        field(1, Wire::Bytes(&[7; 16])),
        shard(100, "lstore", "redb"),
        shard(200, "lockmgr(lstore)", "memory"),
        field(4, Wire::Number(1)),
    ];
    let founder = [
        field(1, Wire::Bytes(&[7; 16])),
        field(2, Wire::Bytes(b"node-1")),
        shard(100, "dstore", "redb"),
        field(5, Wire::Bytes(&[9; 16])),
        field(6, Wire::Bytes(&member())),
    ];
    vec![alone.concat(), founder.concat()]
}

/// The rows of machines, in one block each, and in two.
pub(super) fn checkpoints() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for choices in drawn(8) {
        let chunks = targets::snapshot_of(&choices);
        let (first, end) = (&chunks[0], chunks[0].len() - 4);
        let rows = &first[CHUNK_HEAD..end];
        files.push([&[1][..], &as_piece(rows)].concat());
        files.push([vec![1], as_piece(rows), as_piece(rows)].concat());
    }
    files
}

/// Five revisions, the last of which changed two keys: all of them in a file, and each in its own.
pub(super) fn histories() -> Vec<Vec<u8>> {
    let of = |revision: u8| {
        let subs = 0..if revision == 5 { 2 } else { 1 };
        subs.map(move |sub| targets::event(u64::from(revision), sub))
    };
    let whole = history(1, 5, (1..=5).flat_map(of));
    let each: Vec<u8> = (1..=5).flat_map(|it| history(it, it, of(it))).collect();
    let files = [5, 3].into_iter().flat_map(|upto| {
        let begin = [upto];
        [[&begin[..], &whole].concat(), [&begin[..], &each].concat()]
    });
    files.collect()
}

fn history(from: u8, through: u8, events: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let events: Vec<Vec<u8>> = events.map(|event| as_piece(&event)).collect();
    as_piece(&[vec![1, from, through], events.concat()].concat())
}
