//! What is wrong with a cluster, in sentences.
//!
//! Healthy means: every member answers, writes nothing off and has room; every shard has a leader
//! that all agree on, and that everybody answers; nobody lags far behind; no change of the members
//! is under way; members with the same applied index have the same state.

use std::collections::BTreeMap;
use std::time::Duration;

use super::types::{ClusterOverview, ClusterShard, MemberView, Role};
use crate::base::types::{LogIndex, NodeId, ShardId};

/// Entries a member may be behind.
const LAG_MAX: u64 = 10_000;

/// How long a member may leave its leader without an answer: several elections.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// A cluster whose founder ended in the middle of it.
const NOBODY: &str = "no members are known yet: the node that founds the cluster must run, and it \
                      is the one with the smallest name";

impl ClusterOverview {
    /// One sentence for each thing that is wrong, the worst first; none: it is healthy.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for shard in self.shard_ids() {
            complaints.extend(self.diverged(shard));
        }
        if self.members.is_empty() {
            complaints.push(NOBODY.to_owned());
        }
        complaints.extend(self.quorum());
        complaints.extend(self.out());
        complaints.extend(self.on_the_move());
        for shard in self.shard_ids() {
            complaints.extend(self.leadership(shard));
            complaints.extend(self.pending(shard));
            complaints.extend(self.lagging(shard));
        }
        complaints.extend(self.members.iter().filter_map(|it| self.cut_off(it)));
        for view in &self.members {
            let Ok(status) = &view.status else { continue };
            let name = &view.member.name;
            if let Some(why) = &status.read_only_because {
                complaints.push(format!("{name} refuses writes: {why}"));
            }
            if status.cluster != Some(self.cluster) {
                complaints.push(format!("{name} is not in this cluster (yet)"));
            }
        }
        complaints
    }

    /// Whether those that answer can decide, if not all do.
    fn quorum(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for view in &self.members {
            if let Err(why) = &view.status {
                complaints.push(format!("{} cannot be asked: {why}", view.member.name));
            }
        }
        if complaints.is_empty() {
            return complaints;
        }
        let voters = self.members.iter().filter(|view| view.member.voter);
        let (all, up) = voters.fold((0, 0), |(all, up), view| {
            (all + 1, up + usize::from(view.status.is_ok()))
        });
        let verdict = if up > all / 2 {
            // Which shard has no leader is a complaint of its own.
            let is_led = self.shard_ids().iter().all(|it| self.leader(*it).is_some());
            let go_on = if is_led {
                ": reads and writes go on"
            } else {
                ""
            };
            format!("{up} of {all} voters answer, which is a majority{go_on}")
        } else {
            format!("{up} of {all} voters answer, and a majority is needed: nothing can be written")
        };
        complaints.insert(0, verdict);
        complaints
    }

    /// Nodes that were asked and are no members: what they were asked for is not theirs.
    fn out(&self) -> impl Iterator<Item = String> {
        let any_members = !self.members.is_empty();
        let outsiders = self.outsiders.iter().filter(move |_| any_members);
        outsiders.map(|it| {
            let (name, endpoint) = (&it.name, &it.endpoint);
            match it.cluster == Some(self.cluster) {
                true => format!(
                    "{name}, which answers at {endpoint}, is no member any more: it was taken out; \
                     stop it, and to come back let it start with an empty data directory and --join"
                ),
                false => {
                    format!("{name}, which answers at {endpoint}, is not in this cluster (yet)")
                }
            }
        })
    }

    /// Members that are on their way in or out.
    fn on_the_move(&self) -> impl Iterator<Item = String> {
        self.members.iter().filter_map(|view| {
            let member = &view.member;
            let name = &member.name;
            if member.leaving {
                return Some(format!("{name} is being taken out"));
            }
            (member.wants_vote && !member.voter)
                .then(|| format!("{name} has no vote yet: it is to catch up first"))
        })
    }

    /// Every member's view of a shard, with the member's name.
    fn views(&self, shard: ShardId) -> impl Iterator<Item = (&str, &ClusterShard)> {
        self.members.iter().filter_map(move |view| {
            let it = view.status.as_ref().ok()?.shard(shard)?;
            Some((view.member.name.as_str(), it))
        })
    }

    fn leadership(&self, shard: ShardId) -> Option<String> {
        let Some(leader) = self.leader(shard) else {
            let known = self.views(shard).find_map(|(_, it)| it.leader);
            return Some(match known {
                Some(node) => format!(
                    "shard {shard} has no leader that answers: {} led it last",
                    self.name_of(node)
                ),
                None => format!("shard {shard} has no leader"),
            });
        };
        let leads = leader.member.node;
        let other = self.views(shard).find(|(_, it)| it.leader != Some(leads));
        other.map(|(name, it)| {
            let sees = match it.leader {
                Some(node) => format!("takes {} for it", self.name_of(node)),
                None => "knows of none".to_owned(),
            };
            let leader = &leader.member.name;
            format!("shard {shard} is led by {leader}, but {name} {sees}")
        })
    }

    fn pending(&self, shard: ShardId) -> Option<String> {
        let is_joint = self.views(shard).any(|(_, it)| it.joint);
        let mut voters: Vec<NodeId> = self.members_that_vote().collect();
        voters.sort_unstable();
        let differs = |it: &ClusterShard| {
            let mut known = it.voters.clone();
            known.sort_unstable();
            it.role == Role::Leader && known != voters
        };
        (is_joint || self.views(shard).any(|(_, it)| differs(it)))
            .then(|| format!("shard {shard} has a change of its members under way"))
    }

    fn members_that_vote(&self) -> impl Iterator<Item = NodeId> {
        let voters = self.members.iter().filter(|view| view.member.voter);
        voters.map(|view| view.member.node)
    }

    fn lagging(&self, shard: ShardId) -> Vec<String> {
        let committed = self.committed(shard);
        let lags = self.views(shard).filter_map(|(name, it)| {
            let lag = committed.0.saturating_sub(it.applied_index.0);
            (lag > LAG_MAX).then(|| format!("{name} is {lag} entries behind in shard {shard}"))
        });
        lags.collect()
    }

    /// A member that answers whoever asks for the cluster's health, but not its leader: they
    /// cannot reach each other, or one does not let the other in. Once, for the first shard.
    fn cut_off(&self, view: &MemberView) -> Option<String> {
        // Who does not answer here either has its complaint.
        view.status.as_ref().ok()?;
        self.shard_ids().into_iter().find_map(|shard| {
            let leader = self.leader(shard)?;
            let seen = leader.status.as_ref().ok()?.shard(shard)?;
            let peer = seen.peers.iter().find(|it| it.node == view.member.node)?;
            let how_long = match peer.answered_ago {
                Some(ago) if ago <= SILENCE_MAX => return None,
                Some(ago) => format!("for {} s", ago.as_secs()),
                None => "yet".to_owned(),
            };
            let (name, leader) = (&view.member.name, &leader.member.name);
            Some(format!(
                "{name} has not answered {leader}, which leads shard {shard}, {how_long}: the logs \
                 of both say why"
            ))
        })
    }

    /// Members that applied the same entries and have not the same state.
    fn diverged(&self, shard: ShardId) -> Option<String> {
        let mut seen: BTreeMap<LogIndex, (&str, u64)> = BTreeMap::new();
        for (name, it) in self.views(shard) {
            let (other, hash) = *seen
                .entry(it.applied_index)
                .or_insert((name, it.state_hash));
            if hash != it.state_hash {
                return Some(format!(
                    "{other} and {name} have DIFFERENT states of shard {shard} at entry {}: this is \
                     a defect of dkv; keep both data directories, and report it",
                    it.applied_index
                ));
            }
        }
        None
    }
}
