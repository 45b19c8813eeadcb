//! Load for etcd, the same as `dkv perf` gives dkv: closed loops over a few connections.
//! Used by `bench/vs-etcd-cluster.sh`.
//!
//!     etcd-load ENDPOINT,... set|get CLIENTS SECONDS VALUE_BYTES KEYS
//!
//! Clients take turns over all endpoints, four connections to each; the first endpoint given should be the
//! leader's, and with `ETCD_LOAD_LEADER_ONLY=1` all go there, as dkv's do. Prints `TEST ERRORS
//! OPS/S P50_US P99_US`.
#![allow(clippy::print_stdout, reason = "a program for the shell")]
#![allow(
    clippy::disallowed_methods,
    reason = "it measures another program from outside: real clocks are its business"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// The longest time that is told apart, microseconds: a minute.
const LONGEST_US: u64 = 60_000_000;

/// `etcdserverpb.PutRequest`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// `etcdserverpb.PutResponse`: that it came is all that matters.
#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

/// `etcdserverpb.RangeRequest`, as far as it is used: one key, linearizable by default.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
}

/// `etcdserverpb.RangeResponse`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    kvs: Vec<KeyValue>,
}

/// `mvccpb.KeyValue`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
struct KeyValue {
    #[prost(bytes = "bytes", tag = "5")]
    value: Bytes,
}

/// Connections to each endpoint, as many as `dkv perf` opens.
const CONNECTIONS: usize = 4;

#[derive(Clone)]
struct Plan {
    is_set: bool,
    keys: u64,
    value: Bytes,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [endpoints, test, clients, seconds, value_bytes, keys] = &words[..] else {
        return Err("etcd-load ENDPOINT,... set|get CLIENTS SECONDS VALUE_BYTES KEYS".into());
    };
    let plan = Plan {
        is_set: match test.as_str() {
            "set" => true,
            "get" => false,
            _ => return Err("the test is set or get".into()),
        },
        keys: keys.parse::<u64>()?.max(1),
        value: vec![b'v'; value_bytes.parse()?].into(),
    };
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        for endpoint in endpoints.split(',') {
            let endpoint = Endpoint::from_shared(format!("http://{endpoint}"))?.tcp_nodelay(true);
            channels.push(endpoint.connect().await?);
            if std::env::var_os("ETCD_LOAD_LEADER_ONLY").is_some() {
                break;
            }
        }
    }
    let (clients, seconds): (usize, u64) = (clients.parse()?, seconds.parse()?);
    if !plan.is_set {
        prepare(&channels, &plan).await?;
    }
    // As `dkv perf` does: a second to warm up, then what counts.
    measure(&channels, &plan, clients, Duration::from_secs(1)).await?;
    let within = Duration::from_secs(seconds.max(1));
    let (took, errors, seconds) = measure(&channels, &plan, clients, within).await?;
    println!(
        "{test} {errors} {:.0} {} {}",
        took.len() as f64 / seconds,
        took.value_at_quantile(0.5),
        took.value_at_quantile(0.99)
    );
    Ok(())
}

/// Writes every key that will be read.
async fn prepare(channels: &[Channel], plan: &Plan) -> Result<(), Failure> {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let mut grpc = Grpc::new(channels[writer % channels.len()].clone());
        let plan = plan.clone();
        writers.spawn(async move {
            for number in (writer as u64..plan.keys).step_by(64) {
                put(&mut grpc, number, &plan).await?;
            }
            Ok::<(), tonic::Status>(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(())
}

async fn measure(
    channels: &[Channel],
    plan: &Plan,
    clients: usize,
    within: Duration,
) -> Result<(Histogram<u64>, u64, f64), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for client in 0..clients {
        let grpc = Grpc::new(channels[client % channels.len()].clone());
        running.spawn(closed_loop(grpc, plan.clone(), client as u64, stop.clone()));
    }
    tokio::time::sleep(within).await;
    stop.store(true, Ordering::Relaxed);
    let (mut all, mut errors) = (Histogram::new_with_bounds(1, LONGEST_US, 3)?, 0);
    while let Some(ended) = running.join_next().await {
        let (took, failed) = ended?;
        all.add(&took)?;
        errors += failed;
    }
    Ok((all, errors, began.elapsed().as_secs_f64()))
}

async fn closed_loop(
    mut grpc: Grpc<Channel>,
    plan: Plan,
    client: u64,
    stop: Arc<AtomicBool>,
) -> (Histogram<u64>, u64) {
    let mut took = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("three digits are possible");
    let mut errors = 0;
    // A generator of its own for each client (splitmix64): keys are drawn evenly.
    let mut state = client.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while !stop.load(Ordering::Relaxed) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (mixed ^ (mixed >> 27)) % plan.keys;
        let began = Instant::now();
        let done = match plan.is_set {
            true => put(&mut grpc, number, &plan).await,
            false => get(&mut grpc, number).await,
        };
        match done {
            Ok(()) => took.saturating_record(began.elapsed().as_micros() as u64),
            Err(_) => errors += 1,
        }
    }
    (took, errors)
}

fn key(number: u64) -> Bytes {
    format!("load:{number:012}").into()
}

async fn put(grpc: &mut Grpc<Channel>, number: u64, plan: &Plan) -> Result<(), tonic::Status> {
    let request = PutRequest {
        key: key(number),
        value: plan.value.clone(),
    };
    let path = PathAndQuery::from_static("/etcdserverpb.KV/Put");
    let _put: PutResponse = call(grpc, request, path).await?;
    Ok(())
}

async fn get(grpc: &mut Grpc<Channel>, number: u64) -> Result<(), tonic::Status> {
    let request = RangeRequest { key: key(number) };
    let path = PathAndQuery::from_static("/etcdserverpb.KV/Range");
    let found: RangeResponse = call(grpc, request, path).await?;
    match found.kvs.first() {
        Some(found) if !found.value.is_empty() => Ok(()),
        _ => Err(tonic::Status::not_found("a key that was written is gone")),
    }
}

async fn call<Q, A>(
    grpc: &mut Grpc<Channel>,
    request: Q,
    path: PathAndQuery,
) -> Result<A, tonic::Status>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let ready = grpc.ready().await;
    ready.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<Q, A>::default();
    let answer = grpc
        .unary(tonic::Request::new(request), path, codec)
        .await?;
    Ok(answer.into_inner())
}
