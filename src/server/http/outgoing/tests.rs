//! What waits for whoever asked, is weighed, and keeps its place.

use futures_util::FutureExt;
use http_body_util::{BodyExt, StreamBody};
use prost::Message;
use tonic::codec::{Codec as _, EncodeBody, SingleMessageCompressionOverride};

use super::*;
use crate::proto::codec::BoundedCodec;
use crate::proto::v1::{GetReply, Record};
use crate::server::http::{Messages, uncopied};
use crate::server::port::{Bounds, Connections};

const LONG: usize = 40 << 20;

fn stream_of(lengths: &[usize]) -> Response<Body> {
    let frame = |length: &usize| Ok::<_, Status>(Frame::data(vec![7; *length].into()));
    let frames: Vec<_> = lengths.iter().map(frame).collect();
    Response::new(Body::new(StreamBody::new(futures_util::stream::iter(
        frames,
    ))))
}

async fn data(body: &mut Body) -> Option<Bytes> {
    let frame = BodyExt::frame(body).await?;
    Some(frame.unwrap().into_data().unwrap())
}

#[tokio::test]
async fn a_stream_goes_on_when_what_it_gave_has_left() {
    let allowance = Connections::new(Bounds::of_all(1)).allow().outgoing;
    let mut body = weighed(stream_of(&[LONG, LONG, LONG]), &allowance, true).into_body();
    let (first, second) = (data(&mut body).await, data(&mut body).await);
    assert!(first.is_some() && second.is_some());
    let mut third = Box::pin(data(&mut body));
    let early = (&mut third).now_or_never();
    assert!(early.is_none(), "80 of 64 MiB are held");
    drop(first);
    let third = third.now_or_never().unwrap();
    assert_eq!(third.as_ref().unwrap().len(), LONG);
    drop((second, third));
    let rest = limits::CONNECTION_BYTES_MAX - 1;
    assert!(allowance.take(rest).is_ok());
}

#[tokio::test]
async fn one_message_is_weighed_once_and_held_to_its_last_byte() {
    let allowance = Connections::new(Bounds::of_all(1)).allow().outgoing;
    let mut response = stream_of(&[LONG]);
    let weight: Weight = Arc::new(allowance.take(LONG).unwrap());
    response.extensions_mut().insert(weight);
    let mut body = weighed(response, &allowance, false).into_body();
    let mut bytes = data(&mut body).await.unwrap();
    drop(body);
    let rest = bytes.split_off(LONG - 1);
    drop(bytes);
    assert!(allowance.take(LONG).is_err(), "a byte is left");
    drop(rest);
    assert!(allowance.take(LONG).is_ok());
}

fn got(bytes: usize) -> GetReply {
    let record = Record {
        value: vec![7; bytes].into(),
        ..Record::default()
    };
    GetReply {
        record: Some(record),
        ..GetReply::default()
    }
}

/// What the encoder of gRPC makes of messages.
fn encoded(messages: Messages<GetReply>) -> Body {
    let encoder = BoundedCodec::<GetReply, GetReply>::default().encoder();
    let compressed = SingleMessageCompressionOverride::Disable;
    Body::new(EncodeBody::new_server(
        encoder, messages, None, compressed, None,
    ))
}

/// The messages of a whole body, in the order of their fields as everybody encodes them.
async fn messages<T: Message + Default>(body: &mut Body) -> Vec<T> {
    let mut all = Vec::new();
    let mut is_over = false;
    while let Some(frame) = BodyExt::frame(body).await {
        assert!(!is_over, "trailers come last");
        match frame.unwrap().into_data() {
            Ok(more) => all.extend_from_slice(&more),
            Err(trailers) => is_over = trailers.is_trailers(),
        }
    }
    assert!(is_over, "a stream of gRPC ends with trailers");
    let mut rest = &all[..];
    let mut messages = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let (message, behind) = behind.split_at(length as usize);
        messages.push(T::decode(message).unwrap());
        rest = behind;
    }
    messages
}

#[tokio::test]
async fn large_messages_of_a_stream_keep_their_places() {
    let allowance = Connections::new(Bounds::of_all(1)).allow().outgoing;
    let all = [got(3), got(1 << 20), got(1 << 18), got(0), got(1 << 17)];
    let said = futures_util::stream::iter(all.clone().map(Ok));
    let (_, messages_of, extensions) = uncopied(said).into_parts();
    let mut response = Response::new(encoded(messages_of));
    *response.extensions_mut() = extensions;
    let mut body = weighed(response, &allowance, true).into_body();
    assert_eq!(messages::<GetReply>(&mut body).await, all);
}

#[tokio::test]
async fn a_large_answer_goes_in_the_place_of_what_the_encoder_has() {
    let allowance = Connections::new(Bounds::of_all(1)).allow().outgoing;
    let held: Weight = Arc::new(allowance.take(1 << 20).unwrap());
    let placeholder = futures_util::stream::iter([Ok(GetReply::default())]);
    let mut response = Response::new(encoded(Box::pin(placeholder)));
    response.extensions_mut().insert(held);
    response
        .extensions_mut()
        .insert(Ahead::instead(got(1 << 20)));
    let mut body = weighed(response, &allowance, false).into_body();
    assert_eq!(messages::<GetReply>(&mut body).await, [got(1 << 20)]);
}

/// A stream that nobody read held one large value after the other, and only their heads counted.
#[tokio::test]
async fn a_large_message_is_held_whole_from_its_first_piece() {
    let allowance = Connections::new(Bounds::of_all(1)).allow().outgoing;
    let said = futures_util::stream::iter([Ok(got(LONG)), Ok(got(LONG))]);
    let (_, messages_of, extensions) = uncopied(said).into_parts();
    let mut response = Response::new(encoded(messages_of));
    *response.extensions_mut() = extensions;
    let mut body = weighed(response, &allowance, true).into_body();
    let head = data(&mut body).await.unwrap();
    assert!(head.len() < 100, "what is not read is not copied");
    let rest = limits::CONNECTION_BYTES_MAX - LONG;
    assert!(allowance.take(rest).is_err(), "its value waits behind it");
    let value = data(&mut body).await.unwrap();
    assert_eq!(value.len(), LONG);
    drop((head, value));
    assert!(allowance.take(rest).is_ok());
}
