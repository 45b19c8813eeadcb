//! Lengths that are lies: far more is announced than comes, or nothing says when it ends.

use std::io;

use tokio::io::{AsyncWriteExt, split};

use super::frames::stream;
use super::grpc;
use super::http1::{drain, head};
use super::http2::begin;
use super::plan::Plan;
use super::wire::Wire;

/// Calls on one connection.
const CALLS: u32 = 50;

pub(super) async fn message(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    for next in 0..CALLS {
        let path = match next % 2 {
            0 => "/dkv.v1.Kv/Set",
            _ => "/dkv.v1.Session/Open",
        };
        let mut frames = grpc::call(stream(next), path, &[]);
        let mut begun = vec![0, 0xFF, 0xFF, 0xFF, 0xFF];
        begun.resize(1_000, b'v');
        frames.extend(grpc::data(stream(next), 0, &begun));
        writing.write_all(&frames).await?;
    }
    plan.count_stroke();
    reading.stay(writing).await
}

pub(super) async fn body(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    // The largest that fits into 63 bits and one more, into 64 bits, and one that fits nowhere.
    let length = match number % 3 {
        0 => "9223372036854775808",
        1 => "18446744073709551615",
        _ => "99999999999999999999999999",
    };
    let more = format!("Content-Length: {length}\r\n\r\n");
    pour(wire, plan, head("PUT", "/v1/keys/huge", &more), b"v").await
}

pub(super) async fn chunks(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let head = head(
        "PUT",
        "/v1/keys/endless",
        "Transfer-Encoding: chunked\r\n\r\n",
    );
    match number % 3 {
        // Large chunks, one-byte chunks, and a size that does not end.
        0 => {
            let chunk = format!("4000\r\n{}\r\n", "v".repeat(0x4000));
            pour(wire, plan, head, chunk.as_bytes()).await
        }
        1 => pour(wire, plan, head, "1;x=y\r\nv\r\n".repeat(100).as_bytes()).await,
        _ => pour(wire, plan, head, &[b'0'; 1_000]).await,
    }
}

async fn pour(wire: Wire, plan: Plan, head: String, piece: &[u8]) -> io::Result<()> {
    let (reading, mut writing) = split(wire);
    let pouring = async {
        writing.write_all(head.as_bytes()).await?;
        loop {
            writing.write_all(piece).await?;
            plan.count_stroke();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = drain(reading, plan.clone()) => ended,
        ended = pouring => ended,
    }
}
