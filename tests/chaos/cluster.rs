//! The nodes of a run, and the links between them.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dkv::proto::v1;

use crate::PATIENCE;
use crate::fake_clock::FakeClock;
use crate::inject::Injection;
use crate::links::Links;
use crate::node::{self, Node, Port};
use crate::settings::Settings;
use crate::small_disk::SmallDisk;
use crate::wire;

/// The shard everything is about.
pub(crate) const SHARD: u32 = 100;

/// A shard whose keys nobody records: for what the checkers would have to explain.
pub(crate) const ASIDE: u32 = 300;

/// Waits for what must come about.
///
/// # Errors
/// Says what does not.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Result<(), String> {
    let began = Instant::now();
    while !is_so().await {
        if began.elapsed() > PATIENCE {
            return Err(format!("this does not come about: {what}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Arguments without these flags and their values.
fn without(arguments: &[String], flags: &[&str]) -> Vec<String> {
    let mut left = arguments.iter();
    let mut kept = Vec::new();
    while let Some(argument) = left.next() {
        match flags.contains(&argument.as_str()) {
            true => drop(left.next()),
            false => kept.push(argument.clone()),
        }
    }
    kept
}

#[derive(Debug)]
pub(crate) struct Cluster {
    /// What befalls nodes until all is healed: gone before they are.
    pub(crate) injections: Vec<Injection>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Links,
    /// Where members reach each other, by node.
    peers: Vec<String>,
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
        settings.save();
        let mut cluster = if settings.nodes == 1 {
            Self::alone(settings, folder)
        } else {
            Self::replicated(settings, folder).await
        };
        for node in &mut cluster.nodes {
            if settings.fakes_clocks {
                node.clock = FakeClock::new(&node.folder);
            }
            if let Some(bytes) = settings.disk_bytes {
                let disk = SmallDisk::mount(&node.folder.join("data"), bytes);
                node.disk = disk.inspect_err(|why| eprintln!("{why}")).ok();
            }
        }
        cluster.nodes.iter_mut().for_each(Node::start);
        for node in &mut cluster.nodes {
            node.wait_ready().expect("a new node becomes ready");
        }
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
            injections: Vec::new(),
            peers: Vec::new(),
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
            injections: Vec::new(),
            peers: peers.to_vec(),
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
        for at in 0..self.nodes.len() {
            let node = &self.nodes[at];
            if !node.runs() || node.is_paused() {
                continue;
            }
            let leader = self.leader_seen_by(at).await;
            if leader.is_some() {
                return leader;
            }
        }
        None
    }

    /// The node that leads the shard, as far as this one knows.
    pub(crate) async fn leader_seen_by(&self, at: usize) -> Option<usize> {
        let status = wire::status(&self.nodes[at].address).await.ok()?;
        let group = status.groups.iter().find(|group| group.shard == SHARD);
        let leader = group.map(|group| &group.leader);
        let member = status.members.iter().find(|it| Some(&it.node) == leader)?;
        self.nodes.iter().position(|it| it.name == member.name)
    }

    /// How often a leader was voted for: the newest term that any node knows.
    pub(crate) async fn term(&self) -> u64 {
        let mut term = 0;
        for node in &self.nodes {
            let status = wire::status(&node.address).await;
            let groups = status.into_iter().flat_map(|status| status.groups);
            let group = groups.into_iter().find(|group| group.shard == SHARD);
            term = term.max(group.map_or(0, |group| group.term));
        }
        term
    }

    /// Makes a member of a node again that has lost its disk: takes the old one out, and lets the
    /// new one join.
    ///
    /// # Errors
    /// Says what was refused.
    pub(crate) async fn replace(&mut self, at: usize) -> Result<(), String> {
        let members = self.nodes.len();
        let other = (at + 1) % members;
        let name = self.nodes[at].name.clone();
        let asked = self.nodes[other].address.clone();
        until("the lost member is removed", async || {
            let mut remove = node::dkv();
            remove.args(["cluster", "remove", &name, "--yes", "--endpoints", &asked]);
            remove.stdout(Stdio::null()).stderr(Stdio::null());
            remove.status().is_ok_and(|it| it.success())
        })
        .await?;
        // At once: a member that has not heard of that yet knows the name still.
        let node = &mut self.nodes[at];
        let settled = node.arguments.clone();
        let founding = ["--shards", "--cluster-members"];
        node.arguments = without(&settled, &founding);
        let joined = ["--join", &self.peers[other]].map(str::to_owned);
        node.arguments.extend(joined);
        node.start();
        node.wait_ready()?;
        until("the new member is a voter", async || {
            let status = wire::status(&asked).await;
            status.is_ok_and(|status| {
                let votes = |group: &v1::GroupStatus| {
                    !group.joint && group.learners.is_empty() && group.voters.len() == members
                };
                let is_in = status.members.iter().any(|it| it.name == name && it.voter);
                is_in && status.groups.iter().all(votes)
            })
        })
        .await?;
        // Its own words are those of a member from now on: so it dials the others where it did.
        let node = &mut self.nodes[at];
        node.terminate();
        node.arguments = settled;
        node.start();
        node.wait_ready()
    }

    /// Starts what does not run, lets go what is held, and opens every link.
    ///
    /// # Errors
    /// If a node does not become ready.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        self.injections.clear();
        self.links.heal();
        for node in &mut self.nodes {
            if node.is_paused() {
                node.resume();
            }
            if let Some(clock) = &node.clock {
                clock.jump_to(0);
            }
            if !node.runs() {
                node.start();
            }
        }
        self.nodes.iter_mut().try_for_each(Node::wait_ready)
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

    /// Copies what is on disks that will be gone to where everything is kept.
    pub(crate) fn keep(&mut self) {
        for node in &mut self.nodes {
            node.kill();
            if node.disk.is_some() {
                let mut copy = std::process::Command::new("cp");
                copy.arg("-r").arg(node.data());
                let copied = copy.arg(node.folder.join("data-kept")).status();
                copied.expect("cp can be started");
            }
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
