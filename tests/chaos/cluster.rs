//! The nodes of a run, and the links between them.

use std::path::Path;
use std::time::{Duration, Instant};

use dkv::proto::v1;

use crate::PATIENCE;
use crate::links::Links;
use crate::node::{Node, Port};
use crate::settings::Settings;
use crate::wire;

/// The shard everything is about.
pub(crate) const SHARD: u32 = 100;

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Links,
    _ports: Vec<Port>,
}

/// How far a node is with a shard, and what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) shard: u32,
    pub(crate) applied_index: u64,
    pub(crate) revision: u64,
    pub(crate) state_hash: u64,
}

impl Cluster {
    /// Starts the nodes in folders of their own, and waits until they are ready.
    pub(crate) async fn start(settings: &Settings) -> Self {
        let folder = &settings.folder;
        let _none = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).expect("the folder of a run can be made");
        let mut cluster = if settings.nodes == 1 {
            Self::alone(settings, folder)
        } else {
            Self::replicated(settings, folder).await
        };
        cluster.nodes.iter_mut().for_each(Node::start);
        cluster.nodes.iter_mut().for_each(Node::wait_ready);
        cluster
    }

    fn alone(settings: &Settings, folder: &Path) -> Self {
        let port = Port::claim();
        let address = format!("127.0.0.1:{}", port.number);
        let arguments = settings.arguments.clone();
        let node = Node::new("node-1".to_owned(), address, arguments, folder);
        Self {
            nodes: vec![node],
            links: Links::default(),
            _ports: vec![port],
        }
    }

    async fn replicated(settings: &Settings, folder: &Path) -> Self {
        let ports: Vec<Port> = (0..2 * settings.nodes).map(|_| Port::claim()).collect();
        let addresses: Vec<String> = ports
            .iter()
            .map(|port| format!("127.0.0.1:{}", port.number))
            .collect();
        let (clients, peers) = addresses.split_at(settings.nodes);
        let links = Links::between(peers).await;
        let name = |at: usize| format!("node-{}", at + 1);
        let node = |at: usize| {
            let dialed = |to: usize| match to == at {
                true => &peers[at],
                false => links.address(at, to),
            };
            let members: Vec<String> = (0..settings.nodes)
                .map(|to| format!("{}={}", name(to), dialed(to)))
                .collect();
            let mut arguments = settings.arguments.clone();
            let members = members.join(",");
            for (flag, value) in [
                ("--node-id", name(at).as_str()),
                ("--peer-listen", &peers[at]),
                ("--cluster-members", &members),
            ] {
                arguments.extend([flag.to_owned(), value.to_owned()]);
            }
            Node::new(name(at), clients[at].clone(), arguments, folder)
        };
        let nodes = (0..settings.nodes).map(node).collect();
        Self {
            nodes,
            links,
            _ports: ports,
        }
    }

    /// Where clients reach the nodes.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let addresses = self.nodes.iter().map(|node| node.address.clone());
        addresses.collect()
    }

    /// The node that leads the shard, as far as one that can be asked knows.
    pub(crate) async fn leader(&self) -> Option<usize> {
        if self.nodes.len() == 1 {
            return Some(0);
        }
        for node in self.nodes.iter().filter(|it| it.runs() && !it.is_paused()) {
            let Ok(status) = wire::status(&node.address).await else {
                continue;
            };
            let group = status.groups.iter().find(|group| group.shard == SHARD);
            let leader = group.map(|group| &group.leader);
            let member = status.members.iter().find(|it| Some(&it.node) == leader);
            let position = member.and_then(|it| self.nodes.iter().position(|n| n.name == it.name));
            if position.is_some() {
                return position;
            }
        }
        None
    }

    /// Starts what does not run, lets go what is held, and opens every link.
    pub(crate) fn heal(&mut self) {
        self.links.heal();
        for node in &mut self.nodes {
            if node.is_paused() {
                node.resume();
            }
            if !node.runs() {
                node.start();
            }
        }
        for node in &mut self.nodes {
            node.wait_ready();
        }
    }

    /// Waits until all nodes are equally far, and as far as they were known to be, with the same
    /// states. Once nobody writes, and all is healed, they must be. (A node that starts anew
    /// knows what is in its log, and learns only from a leader how much of it is committed.)
    ///
    /// # Errors
    /// Says where they differ: at the same position of the log, or for ever.
    pub(crate) async fn converge(&self, known: &[Progress]) -> Result<Vec<Progress>, String> {
        let began = Instant::now();
        loop {
            let mut all = Vec::new();
            for node in &self.nodes {
                all.push(self.progress(node).await.unwrap_or_default());
            }
            if let Some(difference) = self.differ(&all) {
                return Err(difference);
            }
            let is_equal = !all[0].is_empty() && all.iter().all(|it| *it == all[0]);
            let mut pairs = all[0].iter().zip(known);
            let is_far = pairs.all(|(now, known)| now.applied_index >= known.applied_index);
            if is_equal && is_far {
                return Ok(all.swap_remove(0));
            }
            if began.elapsed() > PATIENCE {
                let message = format!("the nodes do not get as far as {known:?}: {all:?}");
                return Err(message);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn differ(&self, all: &[Vec<Progress>]) -> Option<String> {
        for (at, one) in all.iter().enumerate() {
            for (other_at, other) in all.iter().enumerate().skip(at + 1) {
                let mut pairs = one.iter().zip(other);
                let unequal = pairs.find(|(one, other)| {
                    one.shard == other.shard
                        && one.applied_index == other.applied_index
                        && one != other
                });
                if let Some((one, other)) = unequal {
                    let (name, other_name) = (&self.nodes[at].name, &self.nodes[other_at].name);
                    return Some(format!(
                        "{name} and {other_name} have other states at the same position: {one:?} \
                         and {other:?}"
                    ));
                }
            }
        }
        None
    }

    async fn progress(&self, node: &Node) -> Option<Vec<Progress>> {
        let described = wire::describe(&node.address).await.ok()?;
        let is_replicated = |shard: &&v1::ShardDescription| {
            self.nodes.len() == 1 || shard.r#type.contains("dstore")
        };
        let shards = described.shards.iter().filter(is_replicated);
        let progress = shards.map(|shard| Progress {
            shard: shard.id,
            applied_index: shard.applied_index,
            revision: shard.revision,
            state_hash: shard.state_hash,
        });
        Some(progress.collect())
    }
}
