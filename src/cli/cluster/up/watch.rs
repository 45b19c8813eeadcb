//! Asks the nodes how they do, until they do as they should.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use crate::base::Result;
use crate::base::types::{NodeId, ShardId};
use crate::client::{Client, ClientOptions, Cluster, ClusterStatus, Role, TlsOptions};

/// One node is asked for so long: it is on this machine.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// The nodes as questions are asked of them.
pub(super) struct Watch {
    cluster: Cluster,
    endpoints: Vec<String>,
}

/// What the nodes said, in their order; `Err`: why not.
pub(super) struct Sight {
    pub(super) nodes: Vec<Result<ClusterStatus, String>>,
}

impl Watch {
    /// Of nodes at these endpoints, with the certificates in this directory.
    pub(super) async fn new(endpoints: Vec<String>, certs: Option<&Path>) -> Result<Self> {
        let client = Client::connect(ClientOptions {
            endpoints: endpoints.clone(),
            tls: certs.map(TlsOptions::in_dir),
            timeout: ANSWER_WITHIN,
            ..ClientOptions::default()
        });
        Ok(Self {
            cluster: client.await?.cluster()?,
            endpoints,
        })
    }

    /// Asks all of them at once.
    pub(super) async fn look(&self) -> Sight {
        let asked = self.endpoints.iter().map(async |endpoint| {
            let status = self.cluster.status_of(endpoint).await;
            status.map_err(|error| error.message().to_owned())
        });
        Sight {
            nodes: join_all(asked).await,
        }
    }
}

impl Sight {
    /// The shards that anybody has, ascending.
    pub(super) fn shards(&self) -> Vec<ShardId> {
        let answers = self.nodes.iter().flatten();
        let mut ids: Vec<ShardId> = answers
            .flat_map(|status| status.shards.iter().map(|it| it.shard))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The place of the node that says that it leads a shard, of the latest term.
    pub(super) fn leader(&self, shard: ShardId) -> Option<usize> {
        let leads = self.nodes.iter().enumerate().filter_map(|(place, status)| {
            let it = status.as_ref().ok()?.shard(shard)?;
            (it.role == Role::Leader).then_some((it.term, place))
        });
        leads.max().map(|(_, place)| place)
    }

    /// What a node is, for people.
    pub(super) fn role(&self, place: usize) -> String {
        let Ok(status) = &self.nodes[place] else {
            return "unreachable".to_owned();
        };
        let led = status.shards.iter().filter(|it| it.role == Role::Leader);
        let led: Vec<String> = led.map(|it| it.shard.to_string()).collect();
        match led.is_empty() {
            true => "follower".to_owned(),
            false => format!("leads {}", led.join(", ")),
        }
    }

    /// Why the cluster is not up: nothing, if all members see every shard led by the same
    /// one of them.
    pub(super) fn missing(&self, names: &[String]) -> Option<String> {
        for (name, status) in names.iter().zip(&self.nodes) {
            match status {
                Err(why) => return Some(format!("{name} does not answer: {why}")),
                Ok(status) if status.cluster.is_none() => {
                    return Some(format!("{name} is in no cluster yet"));
                }
                Ok(_) => {}
            }
        }
        let shards = self.shards();
        if shards.is_empty() {
            return Some("no node has a replicated shard".to_owned());
        }
        shards
            .into_iter()
            .find_map(|shard| self.unled(shard, names))
    }

    fn unled(&self, shard: ShardId, names: &[String]) -> Option<String> {
        let mut leader: Option<NodeId> = None;
        for (name, status) in names.iter().zip(self.nodes.iter().flatten()) {
            let Some(it) = status.shard(shard) else {
                return Some(format!("{name} does not have shard {shard} yet"));
            };
            if it.voters.len() < names.len() {
                return Some(format!(
                    "{name} does not know all voters of shard {shard} yet"
                ));
            }
            match (it.leader, leader) {
                (None, _) => return Some(format!("{name} knows no leader of shard {shard}")),
                (Some(sees), Some(known)) if sees != known => {
                    return Some(format!("shard {shard} is changing its leader"));
                }
                (sees, _) => leader = sees,
            }
        }
        None
    }
}
