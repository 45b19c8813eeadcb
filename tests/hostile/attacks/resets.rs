//! Requests that are taken back before they are answered.

use std::io;

use tokio::io::AsyncWriteExt;

use super::frames::{END_STREAM, RST_STREAM, WINDOW_UPDATE, frame, stream};
use super::grpc;
use super::http2::begin;
use super::plan::Plan;
use super::wire::Wire;

/// Requests in one write.
const TOGETHER: u32 = 50;

/// `CANCEL`.
const CANCEL: [u8; 4] = 8_u32.to_be_bytes();

pub(super) async fn rapid(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let taken_back = |stream: u32| {
        let mut frames = grpc::call(stream, "/dkv.v1.Kv/Get", &[]);
        // An empty message, so that the request is whole.
        let message = grpc::framed(false, b"");
        frames.extend(grpc::data(stream, END_STREAM, &message));
        frames.extend(frame(RST_STREAM, 0, stream, &CANCEL));
        frames
    };
    over_and_over(wire, plan, taken_back).await
}

/// A window that grows by 0 is an error of the stream: the target takes it back.
pub(super) async fn made(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let made_wrong = |stream: u32| {
        let mut frames = grpc::call(stream, "/dkv.v1.Kv/Get", &[]);
        frames.extend(frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
        frames
    };
    over_and_over(wire, plan, made_wrong).await
}

/// As many streams as a connection can have.
async fn over_and_over(wire: Wire, plan: Plan, request: impl Fn(u32) -> Vec<u8>) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    let requests = async {
        for first in (0..u32::MAX / 4).step_by(TOGETHER as usize) {
            let numbers = first..first + TOGETHER;
            let frames: Vec<u8> = numbers.flat_map(|next| request(stream(next))).collect();
            writing.write_all(&frames).await?;
            plan.count_stroke();
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    reading.while_doing(requests).await
}
