//! The handle for a cluster.

use std::time::Duration;

use tonic::transport::Channel;

use super::convert;
use super::types::{ClusterStatus, ShardSnapshot};
use crate::base::types::ShardId;
use crate::base::{Error, Result};
use crate::client::Client;
use crate::client::endpoint::{Endpoint, question};
use crate::client::error::from_status;
use crate::proto::v1;
use crate::proto::v1::cluster_client::ClusterClient;

/// What one member may take to answer: it is asked for what it has in memory.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The cluster that a client's endpoints belong to.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(super) client: Client,
}

impl Client {
    /// The cluster behind the endpoints. It opens connections of its own, one for each
    /// question.
    ///
    /// # Errors
    /// `Invalid` for a store in this process, which is in no cluster.
    pub fn cluster(&self) -> Result<Cluster> {
        if self.shared.resident.is_some() {
            return Err(Error::invalid(
                "the store is in this process, and in no cluster",
            ));
        }
        Ok(Cluster {
            client: self.clone(),
        })
    }
}

impl Cluster {
    /// How the first endpoint that answers sees its cluster.
    ///
    /// # Errors
    /// `Unavailable` if none can be reached.
    pub async fn status(&self) -> Result<ClusterStatus> {
        let mut reasons = Vec::new();
        for endpoint in self.endpoints() {
            match self.ask(&endpoint).await {
                Ok(status) => return Ok(status),
                Err(error) => reasons.push(error.message().to_owned()),
            }
        }
        Err(Error::unavailable(reasons.join("; ")))
    }

    /// How the node at `endpoint`, written as for [`ClientOptions`](crate::client::ClientOptions),
    /// sees its cluster.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be reached or does not answer.
    pub async fn status_of(&self, endpoint: &str) -> Result<ClusterStatus> {
        self.ask(&Endpoint::parse(endpoint)?).await
    }

    /// Has the node at `endpoint` make its state durable and let its log go: of `shard`, or
    /// of all.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be reached, `NotFound` for a shard it does not have.
    pub async fn snapshot(
        &self,
        endpoint: &str,
        shard: Option<ShardId>,
    ) -> Result<Vec<ShardSnapshot>> {
        let endpoint = Endpoint::parse(endpoint)?;
        let request = v1::SnapshotRequest {
            shard: shard.map_or(0, |shard| shard.0),
        };
        let asked = async {
            let mut node = connected(&endpoint, ANSWER_WITHIN).await?;
            let reply = node.snapshot(request).await;
            reply.map_err(|status| refusal(&status, &endpoint))
        };
        let reply = tokio::time::timeout(self.client.timeout, asked)
            .await
            .map_err(|_| {
                Error::timeout(format!(
                    "dkv at {endpoint} did not finish the snapshot in time; it goes on there"
                ))
            })??;
        Ok(convert::snapshots(reply.into_inner()))
    }

    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let nodes = self.client.shared.nodes.configured();
        nodes.iter().map(|node| node.endpoint.clone()).collect()
    }

    /// Asks one node. What goes wrong names the endpoint.
    pub(super) async fn ask(&self, endpoint: &Endpoint) -> Result<ClusterStatus> {
        let within = ANSWER_WITHIN.min(self.client.timeout);
        let asked = async {
            let mut node = connected(endpoint, within).await?;
            let reply = node.status(v1::ClusterStatusRequest {}).await;
            let reply = reply.map_err(|status| refusal(&status, endpoint))?;
            convert::status(reply.into_inner(), endpoint)
        };
        tokio::time::timeout(within, asked).await.map_err(|_| {
            Error::unavailable(format!("dkv at {endpoint} did not answer in {within:?}"))
        })?
    }
}

/// A connection for questions about the cluster.
pub(super) async fn connected(
    endpoint: &Endpoint,
    within: Duration,
) -> Result<ClusterClient<Channel>> {
    let channel = endpoint.connect(within).await.map_err(|why| {
        Error::unavailable(format!(
            "cannot reach dkv at {endpoint} ({}){}",
            why.reason,
            question(why.nobody_listens)
        ))
    })?;
    Ok(ClusterClient::new(channel))
}

pub(super) fn refusal(status: &tonic::Status, endpoint: &Endpoint) -> Error {
    if status.code() == tonic::Code::Unimplemented {
        return Error::invalid(format!(
            "the server at {endpoint} knows nothing of clusters: is it a dkv that is too old, or \
             its peer port?"
        ));
    }
    // As the library says that a request's own time was over.
    if status.code() == tonic::Code::Cancelled {
        return Error::timeout(format!("dkv at {endpoint} did not answer in time"));
    }
    from_status(status, endpoint)
}
