//! Inputs that are sound, made by the code that makes them: they follow the formats by
//! themselves.

mod files;
mod members;

use bytes::Bytes;
use dkv::base::time::MachineTime;
use dkv::check::dice::Dice;
use dkv::machine::codec;
use dkv::proto::v1;
use dkv::proto::v1::request_frame::Request;
use dkv::tls::issue::{Authority, new_request};
use prost::Message;

use self::members::member;
use crate::targets::{self, as_piece};

/// What is made for a target; the others have files.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "log_segment" => segments(),
        "log_records" => vec![dkv::wal::fuzzed::payload(&[targets::record(1, b"value")])],
        "entry_applied" => drawn(40).iter().map(|it| entry(it)).collect(),
        "snapshot_chunks" => drawn(20).iter().map(|it| snapshot(it)).collect(),
        "rows" => rows(),
        "requests" => requests(),
        "watch_requests" => watches(),
        "peer_frames" => members::frames(),
        "snapshot_frames" => members::snapshots(),
        "session_frames" => members::sessions(),
        "greetings" => members::greetings(),
        "join_tokens" => members::tokens(),
        "manifests" => files::manifests(),
        "checkpoint_files" => files::checkpoints(),
        "history_files" => files::histories(),
        "marks" => vec![dkv::server::fuzzed::cursor_behind(b"key").to_vec()],
        "certificates" => certificates(),
        // Bytes are choices there: any will do.
        "log_damaged" | "machine_played" | "watch_spans" | "group_log" => drawn(40),
        _ => Vec::new(),
    }
}

/// Bytes without a meaning.
fn drawn(count: u64) -> Vec<Vec<u8>> {
    let made = (0..count).map(|seed| {
        let mut dice = Dice::new(seed);
        let length = 8 + dice.index(200);
        (0..length).map(|_| dice.index(256) as u8).collect()
    });
    made.collect()
}

fn segments() -> Vec<Vec<u8>> {
    let payload = |number: u8| {
        let value = vec![number; usize::from(number) * 50];
        dkv::wal::fuzzed::payload(&[targets::record(u64::from(number), &value)])
    };
    let batches: Vec<_> = (1..=4).map(|it| (payload(it), u64::from(it) - 1)).collect();
    let whole = dkv::wal::fuzzed::segment(targets::NODE, &batches, 0);
    let empty = dkv::wal::fuzzed::segment(targets::NODE, &[], targets::SEGMENT);
    vec![whole, empty]
}

fn entry(choices: &[u8]) -> Vec<u8> {
    let entry = targets::entry(choices, MachineTime(1_000));
    codec::encode_entry(&entry).to_vec()
}

/// Chunks, each behind its length.
fn snapshot(choices: &[u8]) -> Vec<u8> {
    let chunks = snapshot_chunks(choices);
    chunks.iter().flat_map(|chunk| as_piece(chunk)).collect()
}

/// Without their checksums.
fn snapshot_chunks(choices: &[u8]) -> Vec<Vec<u8>> {
    let sealed = targets::snapshot_of(choices).into_iter();
    let opened = sealed.map(|chunk| chunk[..chunk.len() - 4].to_vec());
    opened.collect()
}

/// The rows of a machine, as they stand in a snapshot: a table, and any part of what follows.
fn rows() -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    for choices in drawn(6) {
        let all = snapshot(&choices);
        for at in (0..all.len()).step_by(23) {
            let end = all.len().min(at + 60);
            rows.push(all[at..end].to_vec());
        }
    }
    let record = [0, 0x0a, 1, b'v', 0x10, 1, 0x18, 2, 0x20, 1];
    rows.push(record.to_vec());
    rows.truncate(300);
    rows
}

fn frame(request: Request) -> Vec<u8> {
    let frame = v1::RequestFrame {
        id: 1,
        lane: 2,
        deadline_ms: 500,
        request: Some(request),
    };
    frame.encode_to_vec()
}

fn requests() -> Vec<Vec<u8>> {
    let key = Bytes::from_static(b"key");
    let id = v1::RequestId {
        client: vec![1; 16].into(),
        sequence: 1,
        ..Default::default()
    };
    let range = v1::KeyRange {
        start: key.clone(),
        end: Bytes::from_static(b"kez"),
    };
    let set = v1::SetOp {
        key: key.clone(),
        value: Bytes::from_static(b"value"),
        ..Default::default()
    };
    let write = v1::Op {
        op: Some(v1::op::Op::Set(set)),
    };
    let all = [
        Request::Set(v1::SetRequest {
            request_id: Some(id.clone()),
            key: key.clone(),
            value: Bytes::from_static(b"value"),
            ..Default::default()
        }),
        Request::Get(v1::GetRequest {
            key: key.clone(),
            ..Default::default()
        }),
        Request::Scan(v1::ScanRequest {
            range: Some(range),
            limit: 10,
            ..Default::default()
        }),
        Request::Txn(v1::TxnRequest {
            request_id: Some(id.clone()),
            then: vec![write],
            ..Default::default()
        }),
        Request::Acquire(v1::AcquireRequest {
            request_id: Some(id),
            name: key,
            owner: vec![2; 16].into(),
            ttl_ms: 1_000,
            ..Default::default()
        }),
    ];
    all.into_iter().map(frame).collect()
}

fn watches() -> Vec<Vec<u8>> {
    let whole = v1::WatchCreate {
        from_revision: 7,
        kinds: vec![1, 2],
        progress_ms: 1_000,
        ..Default::default()
    };
    vec![whole.encode_to_vec(), vec![]]
}

fn certificates() -> Vec<Vec<u8>> {
    let rng = dkv::base::host::SeededRng::new(1);
    let made = Authority::create("fuzz", 30, &rng).expect("an authority can be made");
    let (request, key) = new_request(&["node-1"]).expect("a request can be made");
    let pem = made.certificate_pem.clone();
    let der = pem_content(&pem);
    let both = format!("{pem}{}", made.key_pem);
    vec![
        pem.into_bytes(),
        both.into_bytes(),
        der,
        request,
        key.into_bytes(),
    ]
}

fn pem_content(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    let text: String = lines.collect();
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(text).expect("it is PEM")
}

#[test]
fn what_is_made_is_sound() {
    for seed in requests() {
        dkv::server::fuzzed::request(&seed).expect("it is a request");
    }
    for seed in watches() {
        dkv::server::fuzzed::watch(&seed).expect("it is a watch");
    }
    for choices in drawn(40) {
        codec::decode_entry(entry(&choices).into()).expect("it is an entry");
    }
    for (segment, batches) in segments().iter().zip([4, 0]) {
        assert_eq!(dkv::wal::fuzzed::walk(segment).unwrap().0, batches);
    }
    let made = certificates();
    dkv::tls::issue::hosts_of_request(&made[3]).expect("it is a request for a certificate");
}
