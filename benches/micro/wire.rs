//! The messages of a session, without the frames of gRPC and HTTP/2 around them.

use bytes::{Bytes, BytesMut};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use dkv::proto::v1;
use dkv::proto::v1::reply_frame::Reply;
use dkv::proto::v1::request_frame::Request;
use prost::Message;

use crate::draw::{Key, Keys, value};

/// Frames in a message.
const FRAMES: usize = 64;

/// A set as `Client::set` sends it.
fn request(key: &Key, place: u64) -> v1::RequestFrame {
    let set = v1::SetRequest {
        target: Some(v1::Target {
            shard: 100,
            ..Default::default()
        }),
        request_id: Some(v1::RequestId {
            client: Bytes::from_static(&[7; 16]),
            sequence: 1_000_000 + place,
            acked_below: 1_000_000,
            attempt: 0,
        }),
        key: Bytes::copy_from_slice(key),
        value: value(key),
        ..Default::default()
    };
    v1::RequestFrame {
        id: 1_000_000 + place,
        lane: place,
        deadline_ms: 10_000,
        request: Some(Request::Set(set)),
    }
}

/// What a node on its own answers to it.
fn reply(place: u64) -> v1::ReplyFrame {
    let header = v1::Header {
        node: Bytes::from_static(&[1; 16]),
        shard: 100,
        identity: Bytes::from_static(&[1; 16]),
        revision: 1_000_000 + place,
        local: true,
        ..Default::default()
    };
    v1::ReplyFrame {
        id: 1_000_000 + place,
        reply: Some(Reply::Set(v1::SetReply {
            header: Some(header),
            written: true,
            ..Default::default()
        })),
    }
}

/// Decodes a message of 64 sets, as a node gets it. Keys and values share the memory of what
/// came. An item is a frame.
#[divan::bench]
fn requests_decode(bencher: Bencher) {
    let mut keys = Keys::present();
    let frames = (0..FRAMES as u64).map(|place| request(&keys.next(), place));
    let requests = v1::Requests {
        frames: frames.collect(),
    };
    let bytes = Bytes::from(requests.encode_to_vec());
    let read = v1::Requests::decode(bytes.clone());
    assert_eq!(read, Ok(requests));
    bencher
        .counter(ItemsCount::new(FRAMES))
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| bytes.clone())
        .bench_local_values(v1::Requests::decode);
}

/// Encodes a message of 64 replies to sets, into a buffer that is used again. An item is a
/// frame.
#[divan::bench]
fn replies_encode(bencher: Bencher) {
    let replies = v1::Replies {
        frames: (0..FRAMES as u64).map(reply).collect(),
    };
    let mut buffer = BytesMut::new();
    let mut encode = || {
        buffer.clear();
        let encoded = replies.encode(&mut buffer);
        encoded.expect("the buffer grows");
        buffer.len()
    };
    let length = encode();
    assert_eq!(length, replies.encoded_len());
    bencher
        .counter(ItemsCount::new(FRAMES))
        .counter(BytesCount::new(length))
        .bench_local(&mut encode);
    assert_eq!(v1::Replies::decode(buffer.freeze()), Ok(replies));
}
