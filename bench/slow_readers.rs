//! Clients that ask for much and read nothing. Used by `bench/scale.sh`.
//!
//!     slow-readers COUNT session|scan
//!
//! `DKV_ENDPOINTS` names the node. Writes some large values; then each client has a connection
//! of its own, asks for a gigabyte or more, over a session or with scans, and holds the streams
//! of answers without reading them. Prints `stuck COUNT` once all have asked all they can, and
//! holds on until its input ends.
#![allow(clippy::print_stdout, reason = "a program for the shell")]

use std::any::Any;
use std::time::Duration;

use bytes::Bytes;
use dkv::base::{Error, Result};
use dkv::client::{Client, ClientOptions};
use dkv::proto::v1::kv_client::KvClient;
use dkv::proto::v1::request_frame::Request;
use dkv::proto::v1::session_client::SessionClient;
use dkv::proto::v1::{GetRequest, KeyRange, RequestFrame, Requests, ScanRequest};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::channel;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

/// What is asked for: so many values of so many bytes ...
const VALUES: u64 = 16;
const VALUE_BYTES: usize = 1 << 20;

/// ... each so often over a session, which asks for 4 GB in all ...
const GETS: u64 = 4_096;

/// ... or all of them by so many scans at once: as many as one connection may have.
const SCANS: usize = 100;

/// A node that takes nothing for so long has stopped reading.
const PATIENCE: Duration = Duration::from_secs(2);

/// Streams of answers that nobody reads, and what keeps them open.
type Unread = Box<dyn Any + Send>;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let usage = || Error::invalid("slow-readers COUNT session|scan");
    let count = words.first().and_then(|word| word.parse::<usize>().ok());
    let kind = words.get(1).map(String::as_str);
    let (Some(count), Some(kind @ ("session" | "scan"))) = (count, kind) else {
        return Err(usage());
    };
    let endpoint = std::env::var("DKV_ENDPOINTS")
        .map_err(|_| Error::invalid("DKV_ENDPOINTS must name the node"))?;
    write_values(&endpoint).await?;
    let mut asking = JoinSet::new();
    for _ in 0..count {
        let url = format!("http://{endpoint}");
        match kind {
            "session" => asking.spawn(never_read_session(url)),
            _ => asking.spawn(never_read_scans(url)),
        };
    }
    let mut unread = Vec::with_capacity(count);
    while let Some(asked) = asking.join_next().await {
        unread.push(asked.map_err(|error| Error::internal(error.to_string()))??);
    }
    println!("stuck {}", unread.len());
    let mut input = Vec::new();
    // Whoever started it closes its input, or is gone.
    drop(tokio::io::stdin().read_to_end(&mut input).await);
    Ok(())
}

async fn write_values(endpoint: &str) -> Result<()> {
    let client = Client::connect(ClientOptions::to(endpoint)).await?;
    let value = Bytes::from(vec![b'v'; VALUE_BYTES]);
    for number in 0..VALUES {
        client.set(key(number), value.clone()).await?;
    }
    Ok(())
}

fn key(number: u64) -> String {
    format!("slow:{number:02}")
}

/// Opens a session and asks until the node takes no more.
async fn never_read_session(url: String) -> Result<Unread> {
    let mut client = SessionClient::connect(url)
        .await
        .map_err(|error| unreachable(&error))?;
    let (sender, receiver) = channel(4);
    let opened = client.open(ReceiverStream::new(receiver)).await;
    let replies = opened.map_err(refused)?.into_inner();
    for id in 1..=GETS {
        let get = GetRequest {
            key: key(id % VALUES).into(),
            ..GetRequest::default()
        };
        let frame = RequestFrame {
            id,
            request: Some(Request::Get(get)),
            ..RequestFrame::default()
        };
        let requests = Requests {
            frames: vec![frame],
        };
        let sent = tokio::time::timeout(PATIENCE, sender.send(requests)).await;
        if sent.is_err() {
            break;
        }
    }
    Ok(Box::new((replies, sender)))
}

/// Begins scans of all values until the node answers no more.
async fn never_read_scans(url: String) -> Result<Unread> {
    let client = KvClient::connect(url)
        .await
        .map_err(|error| unreachable(&error))?;
    let mut pages = Vec::with_capacity(SCANS);
    for _ in 0..SCANS {
        let scan = ScanRequest {
            range: Some(KeyRange {
                start: "slow:".into(),
                end: "slow;".into(),
            }),
            ..ScanRequest::default()
        };
        let mut client = client.clone();
        let begun = tokio::time::timeout(PATIENCE, client.scan(scan)).await;
        let Ok(begun) = begun else { break };
        pages.push(begun.map_err(refused)?.into_inner());
    }
    Ok(Box::new(pages))
}

fn unreachable(error: &tonic::transport::Error) -> Error {
    Error::unavailable(format!("the node cannot be reached: {error}"))
}

fn refused(status: tonic::Status) -> Error {
    Error::unavailable(format!("the node refused: {}", status.message())).with_source(status)
}
