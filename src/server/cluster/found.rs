//! The identity of a cluster: founded together, joined, or known from before.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Book, Waiting};
use crate::base::host::Host;
use crate::base::types::{ClusterId, NodeId, ShardId};
use crate::base::{Error, ErrorKind, Result};
use crate::proto::{peer, storage};
use crate::raft::Member;
use crate::server::manifest::Manifest;
use crate::server::peer::{Myself, hello};
use crate::server::settings::{EngineKind, ServeConfig, ShardKind, WantedShard};

/// How long one question may take, and how long a node waits before it asks again.
const ASK_WITHIN: Duration = Duration::from_secs(2);
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// How often a node that wants to join asks again while its name is a member's: one that was
/// removed just now is still known to members that have not heard of it.
const TAKEN_ASKS: u32 = 15;

/// What of a stranger's word is repeated, characters: the longest name that a member may have.
const WORD_CHARS_MAX: usize = 255;

/// What this node must remember of its cluster before it opens its shards.
pub(in crate::server) struct Settled {
    pub(in crate::server) cluster: ClusterId,
    /// Whom it founds the cluster with; empty if another does.
    pub(in crate::server) founders: BTreeMap<NodeId, Member>,
    /// The shards of a cluster that is joined.
    pub(in crate::server) shards: Vec<WantedShard>,
}

/// Finds out which cluster this node belongs to, and waits for the others as long as
/// that takes. `None`: it is known already, or none is asked for.
///
/// # Errors
/// `Invalid` when the addresses are others' or the cluster knows this member under
/// another UUID: what to do is in the message.
pub(in crate::server) async fn settle(
    host: &Host,
    config: &ServeConfig,
    manifest: &Manifest,
    book: &Book,
    waiting: &Waiting,
) -> Result<Option<Settled>> {
    let myself = book.myself();
    let cluster = &config.cluster;
    if manifest.cluster.is_some() {
        return Ok(None);
    }
    if let Some(address) = &cluster.join {
        return join(address, book, waiting).await.map(Some);
    }
    let replicated = manifest.shards.iter().find(|it| it.kind.is_replicated());
    let Some(shard) = replicated else {
        return Ok(None);
    };
    if cluster.members.is_empty() {
        return Err(Error::invalid(format!(
            "shard {} is a {}, and this data directory belongs to no cluster yet: name the members \
             that found one together, like --cluster-members node-1=host:63001,... or a member \
             of the cluster to join, like --join host:63001",
            shard.id, shard.kind
        )));
    }
    let founding = Founding {
        host,
        listed: &cluster.members,
        myself,
        me: book.me(),
    };
    founding.run(book, waiting).await.map(Some)
}

/// The first start of a cluster: every node asks until it knows all of them; the one
/// with the smallest name founds.
struct Founding<'a> {
    host: &'a Host,
    listed: &'a [(String, String)],
    myself: &'a Myself,
    me: &'a Member,
}

impl Founding<'_> {
    async fn run(&self, book: &Book, waiting: &Waiting) -> Result<Settled> {
        let smallest = self.listed.iter().map(|(name, _)| name).min();
        let founds = smallest.is_some_and(|name| name == self.myself.name());
        let mut known = BTreeMap::from([(self.myself.node(), self.me.clone())]);
        loop {
            let (mut missing, mut last) = (Vec::new(), String::new());
            for (name, address) in self.others() {
                match self.ask(name, address).await? {
                    Asked::Silent(why) => {
                        missing.push(format!("{name} at {address}"));
                        last = why;
                    }
                    Asked::Fresh(node, member) => {
                        self.check_distinct(&known, node, name)?;
                        known.insert(node, member);
                    }
                    Asked::InCluster(cluster, members) => {
                        book.learn(members);
                        return Ok(Settled {
                            cluster,
                            founders: BTreeMap::new(),
                            shards: Vec::new(),
                        });
                    }
                }
            }
            if missing.is_empty() && founds && known.len() == self.listed.len() {
                let cluster = ClusterId::from_random(self.host.rng.id());
                tracing::info!(%cluster, members = known.len(), "founding the cluster");
                book.learn(known.clone());
                return Ok(Settled {
                    cluster,
                    founders: known,
                    shards: Vec::new(),
                });
            }
            waiting.for_others(match missing.is_empty() {
                true => format!(
                    "waiting for {} to found the cluster",
                    smallest.map_or("", |it| it)
                ),
                false => format!(
                    "waiting for {}: a cluster is founded once all its members have met ({last})",
                    missing.join(", ")
                ),
            });
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    fn others(&self) -> impl Iterator<Item = &(String, String)> {
        let me = self.myself.name();
        self.listed.iter().filter(move |(name, _)| name != me)
    }

    fn check_distinct(
        &self,
        known: &BTreeMap<NodeId, Member>,
        node: NodeId,
        name: &str,
    ) -> Result<()> {
        match known.get(&node) {
            Some(other) if other.name != name => Err(Error::invalid(format!(
                "{name} and {} have the same identity {node}: one data directory is a copy of the \
                 other; empty one of them",
                other.name
            ))),
            _ => Ok(()),
        }
    }

    async fn ask(&self, name: &str, address: &str) -> Result<Asked> {
        let reply = match hello(self.myself, address, None, ASK_WITHIN).await {
            Ok(reply) => reply,
            Err(error) if error.kind() == ErrorKind::Invalid => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "a member does not answer yet");
                return Ok(Asked::Silent(error.to_string()));
            }
        };
        let greeting = Greeting::read(reply)?;
        if greeting.name != name {
            return Err(Error::invalid(format!(
                "{address} is {}, not {name}, as --cluster-members says: correct the list",
                greeting.name
            )));
        }
        let Some(cluster) = greeting.cluster else {
            let known = greeting.members.get(&greeting.node);
            let member = Member {
                name: name.to_owned(),
                peer_address: address.to_owned(),
                client_address: known.map_or_else(String::new, |it| it.client_address.clone()),
                wants_vote: true,
                leaving: false,
            };
            return Ok(Asked::Fresh(greeting.node, member));
        };
        if greeting.members.is_empty() {
            // It has started only just, and does not know yet itself.
            let why = format!("{} has only just started", greeting.name);
            return Ok(Asked::Silent(why));
        }
        greeting.check_place(self.myself, cluster)?;
        Ok(Asked::InCluster(cluster, greeting.members))
    }
}

/// What a listed member is.
enum Asked {
    /// Nothing is known of it yet, and why.
    Silent(String),
    Fresh(NodeId, Member),
    InCluster(ClusterId, BTreeMap<NodeId, Member>),
}

/// A reply to a hello, read.
pub(super) struct Greeting {
    node: NodeId,
    pub(super) name: String,
    pub(super) cluster: Option<ClusterId>,
    pub(super) members: BTreeMap<NodeId, Member>,
    pub(super) shards: Vec<storage::Shard>,
}

impl Greeting {
    pub(super) fn read(reply: peer::HelloReply) -> Result<Self> {
        let from = reply.from.unwrap_or_default();
        let odd = |what: &str| Error::invalid(format!("a peer's answer has an odd {what}"));
        let node = from.node[..].try_into().map_err(|_| odd("node id"))?;
        let cluster = match &from.cluster[..] {
            [] => None,
            id => Some(ClusterId(id.try_into().map_err(|_| odd("cluster id"))?)),
        };
        Ok(Self {
            node: NodeId(node),
            name: shown(&from.name),
            cluster,
            members: reply
                .members
                .into_iter()
                .map(Member::read)
                .collect::<Result<_>>()?,
            shards: reply.shards,
        })
    }

    /// This node has its place in the cluster of the other one.
    fn check_place(&self, myself: &Myself, cluster: ClusterId) -> Result<()> {
        let name = myself.name();
        let known = self.members.iter().find(|(_, member)| member.name == name);
        match known {
            Some((node, _)) if *node == myself.node() => Ok(()),
            Some((node, _)) => Err(was_another(name, *node)),
            None => Err(Error::invalid(format!(
                "{} is in the cluster {cluster} already, and that has no {name}: start this node \
                 with --join instead of --cluster-members",
                self.name
            ))),
        }
    }
}

fn was_another(name: &str, node: NodeId) -> Error {
    Error::invalid(format!(
        "{name} was {node} in this cluster; remove it (dkv cluster remove {name}) and start this \
         one with --join, or put its data directory back"
    ))
}

/// The name that a node wants to join with is a member's.
pub(super) fn taken(name: &str, node: NodeId) -> Error {
    Error::invalid(format!(
        "{name} is {node} in this cluster: choose another --node-id, or remove that one first \
         (dkv cluster remove {name})"
    ))
}

/// Asks the cluster behind `address` who it is and what it keeps.
async fn join(address: &str, book: &Book, waiting: &Waiting) -> Result<Settled> {
    let myself = book.myself();
    let mut taken_asks = 0;
    loop {
        let greeting = match hello(myself, address, None, ASK_WITHIN).await {
            Ok(reply) => Ok(Greeting::read(reply)?),
            Err(error) if error.kind() == ErrorKind::Invalid => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "the cluster does not answer yet");
                Err(error)
            }
        };
        let why = match &greeting {
            Ok(greeting) => format!("{} at {address} is in no cluster yet", greeting.name),
            Err(error) => error.to_string(),
        };
        if let Ok(greeting) = greeting
            && let Some(cluster) = greeting.cluster
        {
            let name = myself.name();
            let known = greeting.members.iter().find(|(_, it)| it.name == name);
            if let Some((node, _)) = known.filter(|(node, _)| **node != myself.node()) {
                taken_asks += 1;
                if taken_asks > TAKEN_ASKS {
                    return Err(taken(name, *node));
                }
                waiting.for_others(format!("{name} is still a member there: asking again, for it may have been removed just now"));
                tokio::time::sleep(ASK_AGAIN).await;
                continue;
            }
            // Whoever gets entries must know where to send its answers.
            book.learn(greeting.members);
            return Ok(Settled {
                cluster,
                founders: BTreeMap::new(),
                shards: wanted(greeting.shards)?,
            });
        }
        waiting.for_others(format!(
            "waiting for a member of the cluster to join: {why} (--join)"
        ));
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// A stranger's word, for messages: it is cut, and cannot break a line of the log.
fn shown(word: &str) -> String {
    let word: String = word.chars().take(WORD_CHARS_MAX).collect();
    word.escape_debug().to_string()
}

pub(super) fn wanted(shards: Vec<storage::Shard>) -> Result<Vec<WantedShard>> {
    let shard = |shard: storage::Shard| {
        let kind = ShardKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == shard.r#type);
        let engine = EngineKind::ALL
            .into_iter()
            .find(|engine| engine.as_str() == shard.engine);
        match (kind, engine) {
            (Some(kind), Some(engine)) => Ok(WantedShard {
                id: ShardId(shard.id),
                kind,
                engine: Some(engine),
            }),
            _ => Err(Error::invalid(format!(
                "the cluster has a shard {}={}/{}, which this dkv does not know: upgrade it",
                shard.id,
                shown(&shard.r#type),
                shown(&shard.engine)
            ))),
        }
    };
    shards.into_iter().map(shard).collect()
}
