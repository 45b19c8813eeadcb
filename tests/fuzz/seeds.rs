//! Inputs that are sound, made by the code that makes them: they follow the formats by
//! themselves.

use bytes::Bytes;
use dkv::base::time::MachineTime;
use dkv::machine::codec;
use dkv::proto::v1;
use dkv::proto::v1::request_frame::Request;
use dkv::tls::issue::{Authority, new_request};
use prost::Message;

use crate::mutations::Dice;
use crate::targets;

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
        "peer_frames" => peers(),
        "certificates" => certificates(),
        // Bytes are choices there: any will do.
        "log_damaged" | "machine_played" | "watch_spans" => drawn(40),
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

/// Chunks, each behind its length and without its checksum.
fn snapshot(choices: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    for chunk in targets::snapshot_of(choices) {
        let chunk = &chunk[..chunk.len() - 4];
        let length = u16::try_from(chunk.len()).expect("the machine is small");
        sent.extend_from_slice(&length.to_le_bytes());
        sent.extend_from_slice(chunk);
    }
    sent
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

/// Frames by hand: their messages are the product's own. Appends of entries, votes, and every
/// other kind with the same fields in it.
fn peers() -> Vec<Vec<u8>> {
    let position = [field(1, Wire::Number(2)), field(2, Wire::Number(9))].concat();
    let vote = [
        field(1, Wire::Number(2)),
        field(2, Wire::Bytes(&[7; 16])),
        field(3, Wire::Number(1)),
    ];
    let vote = vote.concat();
    let entries = drawn(4).into_iter().flat_map(|choices| {
        let payload = field(3, Wire::Bytes(&entry(&choices)));
        let entry = [field(1, Wire::Number(2)), payload].concat();
        field(4, Wire::Bytes(&entry))
    });
    let append = [
        field(2, Wire::Bytes(&vote)),
        field(3, Wire::Bytes(&position)),
        entries.collect(),
        field(5, Wire::Bytes(&position)),
    ];
    let asked = [
        field(1, Wire::Bytes(&vote)),
        field(2, Wire::Bytes(&position)),
    ]
    .concat();
    let node = field(1, Wire::Bytes(&[7; 16]));
    let address = field(3, Wire::Bytes(b"127.0.0.1:63001"));
    let member = [node.clone(), field(2, Wire::Bytes(b"node-1")), address].concat();
    let configs = field(1, Wire::Bytes(&node));
    let membership = [configs, field(2, Wire::Bytes(&member))].concat();
    let membership = field(4, Wire::Bytes(&membership));
    let mut all = vec![membership, peer_frame(10, &append.concat())];
    all.extend((11..30).map(|kind| peer_frame(kind, &asked)));
    all
}

fn peer_frame(kind: u32, body: &[u8]) -> Vec<u8> {
    let group = field(1, Wire::Number(100));
    [
        group,
        field(2, Wire::Number(1)),
        field(kind, Wire::Bytes(body)),
    ]
    .concat()
}

#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// One field of a message.
fn field(number: u32, wire: Wire<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let tag = u64::from(number) << 3;
    match wire {
        Wire::Number(value) => {
            prost::encoding::encode_varint(tag, &mut bytes);
            prost::encoding::encode_varint(value, &mut bytes);
        }
        Wire::Bytes(content) => {
            prost::encoding::encode_varint(tag | 2, &mut bytes);
            prost::encoding::encode_varint(content.len() as u64, &mut bytes);
            bytes.extend_from_slice(content);
        }
    }
    bytes
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
    let read = |frame: &Vec<u8>| dkv::raft::fuzzed::frame(frame.clone().into());
    let frames = peers();
    read(&frames[1]).expect("it is an append");
    read(&frames[3]).expect("it is a vote");
    dkv::raft::fuzzed::entry(frames[0].clone().into()).expect("it is a membership");
    for choices in drawn(40) {
        codec::decode_entry(entry(&choices).into()).expect("it is an entry");
    }
    for (segment, batches) in segments().iter().zip([4, 0]) {
        assert_eq!(dkv::wal::fuzzed::walk(segment).unwrap().0, batches);
    }
    let made = certificates();
    dkv::tls::issue::hosts_of_request(&made[3]).expect("it is a request for a certificate");
}
