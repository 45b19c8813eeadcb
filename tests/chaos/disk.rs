//! Disks that are full, and what a node says of them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use dkv::base::types::ShardId;
use dkv::client::{Client, ClientOptions};

use crate::cluster::{ASIDE, Cluster, until};
use crate::inject::Defect;
use crate::node::Node;

/// A value, of which a few fill a segment of the log.
const LARGE_BYTES: usize = 4 << 20;

/// A client of the shard whose keys nobody records.
pub(crate) async fn aside(addresses: Vec<String>) -> Client {
    let options = ClientOptions {
        endpoints: addresses,
        shard: ShardId(ASIDE),
        // What is large takes its time on a machine that has much to do.
        timeout: Duration::from_secs(30),
        retries: 0,
        ..ClientOptions::default()
    };
    let client = Client::connect(options).await;
    client.expect("the options are sound")
}

/// Asks a node to write something, whatever comes of it.
pub(crate) async fn write_aside(address: &str) {
    let client = aside(vec![address.to_owned()]).await;
    let _written = client.set("small", "alice").await;
}

/// Leaves the node no room for another segment of its log, and fills the one it has, until it
/// says that it takes no writes.
///
/// # Errors
/// If it never does.
pub(crate) async fn exhaust(cluster: &mut Cluster, node: usize) -> Result<(), String> {
    let full = cluster.nodes[node].inject(Defect::NoRoom)?;
    cluster.injections.push(full);
    fill_log(cluster, node).await
}

/// Fills the segment of the node's log, until there is no room for another one.
///
/// # Errors
/// If that never comes about.
pub(crate) async fn fill_log(cluster: &Cluster, node: usize) -> Result<(), String> {
    let address = &cluster.nodes[node].address;
    let client = aside(vec![address.clone()]).await;
    let value = vec![b'v'; LARGE_BYTES];
    until("it says that its disk is full", async || {
        let _written = client.set("large", value.clone()).await;
        is_full(address).await == Some(true)
    })
    .await
}

/// Waits until the node takes writes again, by itself.
///
/// # Errors
/// If it never does.
pub(crate) async fn recovers(node: &Node) -> Result<(), String> {
    until("there is room, so it takes writes", async || {
        is_full(&node.address).await == Some(false)
    })
    .await
}

/// Whether a node says that it refuses writes for want of room, if it says anything.
pub(crate) async fn is_full(address: &str) -> Option<bool> {
    let figures = page(address, "/metrics").await?;
    let mut lines = figures.lines();
    let told = lines.find_map(|line| line.strip_prefix("dkv_log_read_only "))?;
    Some(told.trim() == "1")
}

/// What a node answers over plain HTTP.
pub(crate) async fn page(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut said = Vec::new();
    let read = stream.read_to_end(&mut said);
    tokio::time::timeout(Duration::from_secs(5), read)
        .await
        .ok()?
        .ok()?;
    Some(String::from_utf8_lossy(&said).into_owned())
}
