//! One session among others.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use http_body_util::Full;
use prost::Message;
use tokio::sync::watch;
use tonic::Streaming;
use tonic::codec::Codec;

use crate::base::limits;
use crate::proto::codec::BoundedCodec;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::{GetRequest, Replies, RequestFrame, Requests};
use crate::server::session::Session;
use crate::server::tests::member::in_simulated_time;
use crate::server::tests::world::World;

const MESSAGES: u64 = 100;
const FRAMES: u64 = 16;

/// What a client sent: messages of gets, as gRPC frames them.
fn gets() -> Bytes {
    let mut sent = Vec::new();
    for message in 0..MESSAGES {
        let frames = (0..FRAMES).map(|frame| RequestFrame {
            id: message * FRAMES + frame + 1,
            request: Some(Request::Get(GetRequest {
                key: "a".into(),
                ..GetRequest::default()
            })),
            ..RequestFrame::default()
        });
        let message = Requests {
            frames: frames.collect(),
        };
        sent.push(0);
        sent.extend((message.encoded_len() as u32).to_be_bytes());
        sent.extend(message.encode_to_vec());
    }
    sent.into()
}

/// A client that had sent thousands of requests had them all answered before anybody else had
/// the thread.
#[test]
fn what_a_client_sent_at_once_is_taken_in_pieces() {
    in_simulated_time(async {
        let mut world = World::new(8);
        let node = world.open().unwrap();
        let decoder = BoundedCodec::<Replies, Requests>::default().decoder();
        let inbound = Streaming::new_request(decoder, Full::new(gets()), None, None);
        let (_goes_on, stopping) = watch::channel(false);
        let mut session = Session::new(node.service.clone(), inbound, None, stopping);
        let (mut answered, mut in_a_turn, mut turns) = (0, 0, 0);
        loop {
            let mut next = pin!(session.next());
            let replies = poll_fn(|context| {
                let polled = next.as_mut().poll(context);
                if polled.is_pending() {
                    (in_a_turn, turns) = (0, turns + 1);
                }
                polled
            });
            let Some(replies) = replies.await else {
                break;
            };
            let frames = replies.unwrap().frames.len();
            (answered, in_a_turn) = (answered + frames, in_a_turn + frames);
            let most = limits::TURN_FRAMES + FRAMES as usize;
            assert!(in_a_turn <= most, "{in_a_turn} in one turn");
        }
        assert_eq!(answered as u64, MESSAGES * FRAMES);
        assert!(turns >= 6, "{turns}");
    });
}
