//! Streams of messages: watches by the thousand, and sessions that read nothing.

use std::io;

use dkv::proto::v1::request_frame::Request;
use dkv::proto::v1::{
    GetRequest, RequestFrame, Requests, WatchCreate, WatchRequest, watch_create, watch_request,
};
use prost::Message;
use tokio::io::AsyncWriteExt;

use super::driver::key;
use super::frames::{INITIAL_WINDOW, stream};
use super::grpc;
use super::http2::begin;
use super::plan::Plan;
use super::wire::Wire;

/// Gets of one session, of 1 MiB each.
const GETS: u64 = 4_096;

/// In one message.
const GETS_TOGETHER: u64 = 16;

/// Streams of watches on one connection, and watches on each.
const STREAMS: u32 = 10;
const WATCHES: u64 = 1_000;

pub(super) async fn hungry_sessions(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[(INITIAL_WINDOW, 0)]).await?;
    let stream = stream(0);
    let asking = async {
        let open = grpc::call(stream, "/dkv.v1.Session/Open", &[]);
        writing.write_all(&open).await?;
        plan.count_stroke();
        for first in (0..GETS).step_by(GETS_TOGETHER as usize) {
            let frames = (first..first + GETS_TOGETHER).map(|id| gets(id, number));
            let requests = Requests {
                frames: frames.collect(),
            };
            let message = grpc::framed(false, &requests.encode_to_vec());
            writing.write_all(&grpc::data(stream, 0, &message)).await?;
        }
        std::future::pending().await
    };
    reading.while_doing(asking).await
}

fn gets(id: u64, number: usize) -> RequestFrame {
    let get = GetRequest {
        key: key(number + id as usize).into(),
        ..GetRequest::default()
    };
    RequestFrame {
        id: id + 1,
        request: Some(Request::Get(get)),
        ..RequestFrame::default()
    }
}

pub(super) async fn watches(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    for next in 0..STREAMS {
        let open = grpc::call(stream(next), "/dkv.v1.Kv/Watch", &[]);
        writing.write_all(&open).await?;
        let mut messages = Vec::new();
        for id in 1..=WATCHES {
            let wanted = created(id, format!("watched:{number}:{next}:{id}"));
            messages.extend(grpc::framed(false, &wanted.encode_to_vec()));
        }
        writing
            .write_all(&grpc::data(stream(next), 0, &messages))
            .await?;
    }
    plan.count_stroke();
    reading.stay(writing).await
}

fn created(watch_id: u64, key: String) -> WatchRequest {
    let create = WatchCreate {
        watch_id,
        what: Some(watch_create::What::Key(key.into())),
        ..WatchCreate::default()
    };
    WatchRequest {
        request: Some(watch_request::Request::Create(create)),
    }
}
