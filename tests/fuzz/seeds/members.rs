//! What members say, and those who want to be one. Their messages are the product's own: they are
//! made by hand.

use super::{certificates, drawn, entry, requests, snapshot_chunks};
use crate::targets::{SIGNING_REQUEST, Wire, as_piece, field};

/// Appends of entries, votes, and every other kind with the same fields in it.
pub(super) fn frames() -> Vec<Vec<u8>> {
    let entries = drawn(4).into_iter().flat_map(|choices| {
        let payload = field(3, Wire::Bytes(&entry(&choices)));
        let entry = [field(1, Wire::Number(2)), payload].concat();
        field(4, Wire::Bytes(&entry))
    });
    let append = [
        field(2, Wire::Bytes(&vote())),
        field(3, Wire::Bytes(&position())),
        entries.collect(),
        field(5, Wire::Bytes(&position())),
    ];
    let asked = [
        field(1, Wire::Bytes(&vote())),
        field(2, Wire::Bytes(&position())),
    ]
    .concat();
    let membership = field(4, Wire::Bytes(&membership()));
    let mut all = vec![membership, frame(10, &append.concat())];
    all.extend((11..31).map(|kind| frame(kind, &asked)));
    all
}

/// Snapshots of machines, from their opening to their end.
pub(super) fn snapshots() -> Vec<Vec<u8>> {
    let stored = [
        field(1, Wire::Bytes(&position())),
        field(2, Wire::Bytes(&membership())),
    ];
    let open = [
        field(1, Wire::Bytes(&vote())),
        field(2, Wire::Bytes(&position())),
        field(3, Wire::Bytes(&stored.concat())),
    ];
    let open = as_piece(&frame(20, &open.concat()));
    let whole = drawn(12).into_iter().map(|choices| {
        let chunks = snapshot_chunks(&choices);
        let mut sent = open.clone();
        for (number, bytes) in (0_u64..).zip(&chunks) {
            let is_last = number + 1 == chunks.len() as u64;
            let chunk = [
                field(1, Wire::Bytes(&position())),
                field(2, Wire::Number(number)),
                field(3, Wire::Bytes(bytes)),
                field(4, Wire::Number(u64::from(is_last))),
                field(5, Wire::Bytes(&vote())),
            ];
            sent.extend(as_piece(&frame(21, &chunk.concat())));
        }
        sent
    });
    whole.collect()
}

fn position() -> Vec<u8> {
    [field(1, Wire::Number(2)), field(2, Wire::Number(9))].concat()
}

fn vote() -> Vec<u8> {
    [
        field(1, Wire::Number(2)),
        field(2, Wire::Bytes(&[7; 16])),
        field(3, Wire::Number(1)),
    ]
    .concat()
}

fn membership() -> Vec<u8> {
    let configs = field(1, Wire::Bytes(&[7; 16]));
    [
        field(1, Wire::Bytes(&configs)),
        field(2, Wire::Bytes(&member())),
    ]
    .concat()
}

pub(super) fn member() -> Vec<u8> {
    [
        field(1, Wire::Bytes(&[7; 16])),
        field(2, Wire::Bytes(b"node-1")),
        field(3, Wire::Bytes(b"127.0.0.1:63001")),
    ]
    .concat()
}

fn frame(kind: u32, body: &[u8]) -> Vec<u8> {
    let group = field(1, Wire::Number(100));
    [
        group,
        field(2, Wire::Number(1)),
        field(kind, Wire::Bytes(body)),
    ]
    .concat()
}

/// The first message of a link, the questions of a stranger, and the answer to one.
pub(super) fn greetings() -> Vec<Vec<u8>> {
    let identity = [
        field(1, Wire::Bytes(&[7; 16])),
        field(2, Wire::Bytes(b"node-7")),
        field(3, Wire::Bytes(&[7; 16])),
    ]
    .concat();
    let from = field(1, Wire::Bytes(&identity));
    let hello = [&from[..], &field(2, Wire::Bytes(&[1; 16]))].concat();
    let link = [&hello[..], &field(4, Wire::Number(5))].concat();
    let shard = [
        field(1, Wire::Number(100)),
        field(2, Wire::Bytes(b"dstore")),
        field(3, Wire::Bytes(b"redb")),
    ];
    let reply = [
        from.clone(),
        field(2, Wire::Bytes(b"1.0.0")),
        field(3, Wire::Bytes(&member())),
        field(4, Wire::Bytes(&shard.concat())),
    ];
    // Of a node that knows shards which this one does not.
    let strange = field(2, Wire::Bytes(&[b'\n'; 5_000]));
    let newer = [from.clone(), field(4, Wire::Bytes(&strange))];
    let join = [from, field(2, Wire::Bytes(&member()))];
    vec![
        field(1, Wire::Bytes(&link)),
        hello,
        reply.concat(),
        join.concat(),
        newer.concat(),
    ]
}

/// A token, what is asked with it, and what may be answered.
pub(super) fn tokens() -> Vec<Vec<u8>> {
    let pem = &certificates()[0];
    let reply = [field(1, Wire::Bytes(pem)), field(2, Wire::Bytes(pem))];
    vec![
        dkv::server::fuzzed::a_token().into_bytes(),
        dkv::server::fuzzed::enroll_request(SIGNING_REQUEST),
        reply.concat(),
    ]
}

/// Messages of a session, each behind what gRPC puts before it.
pub(super) fn sessions() -> Vec<Vec<u8>> {
    let message = |frames: &[Vec<u8>]| {
        let frames = frames.iter().map(|frame| field(1, Wire::Bytes(frame)));
        let message: Vec<u8> = frames.flatten().collect();
        let length = u32::try_from(message.len()).expect("requests are small");
        [&[0][..], &length.to_be_bytes(), &message].concat()
    };
    let requests = requests();
    let each: Vec<u8> = requests.chunks(1).flat_map(message).collect();
    vec![message(&requests), each]
}

#[test]
fn what_members_say_is_sound() {
    use dkv::raft::fuzzed::{entry, frame};
    use dkv::server::fuzzed::{enrolled, hello, hello_reply, join_request, link, token};
    let read = |frame_bytes: &Vec<u8>| frame(frame_bytes.clone().into());
    let all = frames();
    read(&all[1]).expect("it is an append");
    read(&all[3]).expect("it is a vote");
    entry(all[0].clone().into()).expect("it is a membership");
    for snapshot in snapshots() {
        for piece in crate::targets::pieces(&snapshot) {
            dkv::raft::fuzzed::piece(piece.to_vec().into()).expect("it is of a snapshot");
        }
    }
    let said = greetings();
    link(said[0].clone().into()).expect("it opens a link");
    hello(said[1].clone().into()).expect("it is a question");
    hello_reply(said[2].clone().into()).expect("it is the answer");
    join_request(said[3].clone().into()).expect("it asks for a place");
    let tokens = tokens();
    token(std::str::from_utf8(&tokens[0]).unwrap()).expect("it is a token");
    enrolled(tokens[1].clone().into()).expect("it is asked with the token");
}
