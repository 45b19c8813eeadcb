//! The nodes of the cluster: who leads it, and how often that changed.

use std::net::SocketAddr;
use std::path::Path;

use dkv::base::{Error, Result};
use dkv::client::{Client, ClientOptions, ClusterStatus};
use serde_json::Value;

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) endpoint: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) pid: u32,
}

/// The nodes, the leader first.
pub(crate) async fn read(file: &Path) -> Result<Vec<Node>> {
    let bad = || Error::invalid(format!("{} names no nodes", file.display()));
    let text = std::fs::read_to_string(file).map_err(|_| bad())?;
    let told: Value = serde_json::from_str(&text).map_err(|_| bad())?;
    let nodes = told["nodes"].as_array().ok_or_else(bad)?;
    let mut nodes = nodes
        .iter()
        .map(|node| {
            Some(Node {
                name: node["name"].as_str()?.to_owned(),
                endpoint: node["endpoint"].as_str()?.parse().ok()?,
                peer: node["peer"].as_str()?.parse().ok()?,
                pid: u32::try_from(node["pid"].as_u64()?).ok()?,
            })
        })
        .collect::<Option<Vec<Node>>>()
        .ok_or_else(bad)?;
    let status = status(nodes.first().ok_or_else(bad)?).await?;
    let leader = status.shards.first().and_then(|shard| shard.leader);
    let leader = status.members.iter().find(|it| Some(it.node) == leader);
    let leader = leader.ok_or_else(|| Error::unavailable("nobody leads"))?;
    nodes.sort_by_key(|node| node.name != leader.name);
    Ok(nodes)
}

async fn status(node: &Node) -> Result<ClusterStatus> {
    let client = Client::connect(ClientOptions::to(node.endpoint.to_string())).await?;
    client.cluster()?.status().await
}

/// The terms of all shards, added up: how much more it is later says how often somebody stood
/// for election.
pub(crate) async fn terms(node: &Node) -> Result<u64> {
    let status = status(node).await?;
    Ok(status.shards.iter().map(|shard| shard.term).sum())
}
