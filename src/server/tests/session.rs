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
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::{GetRequest, Replies, RequestFrame, Requests};
use crate::server::session::Session;
use crate::server::tests::member::in_simulated_time;
use crate::server::tests::world::World;

/// What a client sent: messages of so many gets each, as gRPC frames them.
fn gets(messages: u64, each: u64) -> Streaming<Requests> {
    let mut sent = Vec::new();
    for message in 0..messages {
        let frames = (0..each).map(|frame| RequestFrame {
            id: message * each + frame + 1,
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
    let decoder = BoundedCodec::<Replies, Requests>::default().decoder();
    Streaming::new_request(decoder, Full::new(Bytes::from(sent)), None, None)
}

/// A client that had sent thousands of requests had them all answered before anybody else had
/// the thread.
#[test]
fn what_a_client_sent_at_once_is_taken_in_pieces() {
    in_simulated_time(async {
        let mut world = World::new(8);
        let node = world.open().unwrap();
        let (_goes_on, stopping) = watch::channel(false);
        let mut session = Session::new(node.service.clone(), gets(100, 16), None, stopping);
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
            assert!(in_a_turn <= limits::TURN_FRAMES, "{in_a_turn} in one turn");
        }
        assert_eq!(answered, 100 * 16);
        assert!(turns >= 6, "{turns}");
    });
}

/// A node that stopped went on with all that one message had brought, and nothing that the
/// session had begun was looked at meanwhile.
#[test]
fn a_long_message_does_not_keep_a_session_from_the_rest_of_its_work() {
    in_simulated_time(async {
        let mut world = World::new(8);
        let node = world.open().unwrap();
        let (stop, stopping) = watch::channel(false);
        let mut session = Session::new(node.service.clone(), gets(1, 4_000), None, stopping);
        let first = session.next().await.unwrap().unwrap().frames;
        assert!(first.len() <= limits::TURN_FRAMES, "{}", first.len());
        stop.send(true).unwrap();
        let (mut answered, mut refused) = (first.len(), 0);
        while let Some(replies) = session.next().await {
            for frame in replies.unwrap().frames {
                let is_refused = matches!(frame.reply, Some(Reply::Error(_)));
                refused += usize::from(is_refused);
                answered += usize::from(!is_refused);
            }
        }
        assert_eq!(answered + refused, 4_000);
        assert!(answered <= 2 * limits::TURN_FRAMES, "{answered} answered");
    });
}
