//! What must hold at every moment, looked at from above.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dkv::base::types::{LogIndex, NodeId, Revision};
use dkv::raft::Role;
use dkv::store::WatchFigures;

use crate::annals::Annals;
use crate::machine::{Glimpse, Machine};
use crate::members::steady;
use crate::rules::{self, Rules, Voter};
use crate::stage::{Event, Stage};

/// Steps between two looks at whole logs.
const LOGS_EVERY: u64 = 20;

/// The term and a checksum of an entry.
type Entry = (u64, u32);

/// See the module.
pub(crate) struct Onlooker {
    stage: Arc<Stage>,
    pub(crate) annals: Annals,
    rules: Rules,
    voters_max: usize,
    looks: u64,
    /// Who led each term.
    leaders: BTreeMap<u64, String>,
    /// The state after each entry that somebody was seen at.
    hashes: BTreeMap<LogIndex, u64>,
    /// What is committed, for good.
    committed: BTreeMap<LogIndex, Entry>,
    seen: BTreeMap<String, Seen>,
    /// All members and those that vote, as the last leader had them.
    members: (BTreeSet<NodeId>, BTreeSet<NodeId>),
}

/// A node as it was at the last look.
#[derive(Default)]
struct Seen {
    life: u64,
    applied: LogIndex,
    committed: LogIndex,
    durable: LogIndex,
    state_checks: u64,
    purged: LogIndex,
    revision: Revision,
    watches: WatchFigures,
    is_read_only: bool,
    log: BTreeMap<LogIndex, Entry>,
}

impl Onlooker {
    pub(crate) fn new(stage: &Arc<Stage>) -> Self {
        Self {
            stage: stage.clone(),
            annals: Annals::new(stage),
            rules: Rules::new(stage),
            voters_max: 0,
            looks: 0,
            leaders: BTreeMap::new(),
            hashes: BTreeMap::new(),
            committed: BTreeMap::new(),
            seen: BTreeMap::new(),
            members: Default::default(),
        }
    }

    /// Who led last.
    pub(crate) fn leader(&self) -> Option<&str> {
        self.leaders.values().next_back().map(String::as_str)
    }

    /// Voters that there were at most.
    pub(crate) fn voters_max(&self) -> usize {
        self.voters_max
    }

    pub(crate) fn look(&mut self, machines: &[Arc<Machine>]) {
        self.looks += 1;
        let mut logs = Vec::new();
        let mut leader: Option<Glimpse> = None;
        for machine in machines {
            let Some(glimpse) = machine.look() else {
                continue;
            };
            self.annals.look(&machine.name, &glimpse);
            if let Some(why) = &glimpse.fatal {
                machine.note_fatal(why);
                continue;
            }
            self.look_at(&machine.name, &glimpse);
            self.rules.look(&machine.name, &glimpse);
            if self.looks.is_multiple_of(LOGS_EVERY) {
                let (purged, log) = glimpse.handle.entries();
                self.look_at_log(&machine.name, &glimpse, purged, &log);
                logs.push((machine, purged, log));
                let term = |it: &Glimpse| (it.group.role == Role::Leader).then_some(it.group.term);
                if term(&glimpse) > leader.as_ref().and_then(term) {
                    leader = Some(glimpse);
                }
            }
        }
        for (at, (machine, _, log)) in logs.iter().enumerate() {
            for (other, _, other_log) in &logs[at + 1..] {
                self.match_logs((&machine.name, log), (&other.name, other_log));
            }
        }
        let voters = logs.iter().map(|(machine, gone, log)| Voter {
            node: machine.node(),
            gone: *gone,
            log,
        });
        let voters: Vec<_> = voters.collect();
        let missing = leader.and_then(|it| rules::missing_quorum(&it, &voters, &self.committed));
        missing.iter().for_each(|it| self.stage.is_wrong(it));
    }

    fn look_at(&mut self, name: &str, glimpse: &Glimpse) {
        let group = &glimpse.group;
        if group.role == Role::Leader {
            let leader = self.leaders.entry(group.term).or_insert_with(|| {
                self.stage.count(Event::Election);
                self.stage.note(format!("{name} leads term {}", group.term));
                name.to_owned()
            });
            if leader != name {
                let wrong = format!("{leader} and {name} lead term {}", group.term);
                self.stage.is_wrong(wrong);
            }
        }
        if self.leader() == Some(name) && group.role == Role::Leader {
            self.look_at_members(glimpse);
        }
        let seen = self.seen.entry(name.to_owned()).or_default();
        let is_new_life = seen.life != glimpse.life;
        if is_new_life {
            *seen = Seen {
                life: glimpse.life,
                ..Seen::default()
            };
        }
        let (applied, hash) = (glimpse.shard.applied, glimpse.shard.state_hash);
        if applied < seen.applied {
            let before = seen.applied;
            let wrong = format!("{name} went back from entry {before} to {applied}");
            self.stage.is_wrong(wrong);
        }
        if !is_new_life {
            // Rows come without history; one that is merely short is not ahead of what was there.
            let is_installed = glimpse.shard.history_floor > seen.revision.next();
            if is_installed {
                self.stage.count(Event::Install);
                self.stage.note(format!("{name} took in all rows"));
            }
            let is_purged = glimpse.group.purged > seen.purged && !is_installed;
            self.stage.count_many(Event::Purge, u64::from(is_purged));
            let is_news = glimpse.read_only.is_some() && !seen.is_read_only;
            self.stage.count_many(Event::ReadOnly, u64::from(is_news));
        }
        seen.purged = glimpse.group.purged;
        seen.revision = glimpse.shard.revision;
        seen.is_read_only = glimpse.read_only.is_some();
        if applied > seen.applied {
            self.stage
                .note(format!("{name} is at {applied} with {hash:016x}"));
        }
        seen.applied = applied;
        let is_first = is_new_life || glimpse.shard.durable == seen.durable;
        self.stage
            .count_many(Event::Checkpoint, u64::from(!is_first));
        seen.durable = glimpse.shard.durable;
        let checks = std::mem::replace(&mut seen.state_checks, glimpse.state_checks);
        self.stage
            .count_many(Event::StateCompared, glimpse.state_checks - checks);
        let was = std::mem::replace(&mut seen.watches, glimpse.watches);
        let fell_behind = glimpse.watches.fell_behind - was.fell_behind;
        self.stage.count_many(Event::FellBehind, fell_behind);
        let known = *self.hashes.entry(applied).or_insert(hash);
        if known != hash {
            let wrong = format!("{name} is in another state than others after entry {applied}");
            self.stage.is_wrong(wrong);
        }
    }

    /// Counts how the members change, as a leader has them.
    fn look_at_members(&mut self, glimpse: &Glimpse) {
        let all: BTreeSet<NodeId> = glimpse.group.members.keys().copied().collect();
        let voters = glimpse.group.voters.clone();
        if glimpse.group.joint {
            return;
        }
        let (was, voted) = std::mem::replace(&mut self.members, (all.clone(), voters.clone()));
        let count = |event, times: usize| self.stage.count_many(event, times as u64);
        if voters != voted {
            self.voters_max = self.voters_max.max(voters.len());
            count(Event::OneVoter, usize::from(voters.len() == 1));
            count(Event::FiveVoters, usize::from(voters.len() >= 5));
        }
        if was.is_empty() {
            return;
        }
        count(Event::Added, all.difference(&was).count());
        count(Event::Removed, was.difference(&all).count());
        count(Event::Promoted, voters.difference(&voted).count());
    }

    fn look_at_log(
        &mut self,
        name: &str,
        glimpse: &Glimpse,
        purged: LogIndex,
        log: &BTreeMap<LogIndex, Entry>,
    ) {
        let seen = self.seen.get_mut(name).expect("it was just looked at");
        let overwritten = log
            .iter()
            .filter(|(index, entry)| seen.log.get(index).is_some_and(|was| was != *entry))
            .count();
        self.stage
            .count_many(Event::Overwritten, overwritten as u64);
        seen.log.clone_from(log);
        // A snapshot is known to be committed before its rows take the place of the log.
        let committed = glimpse.group.committed.min(glimpse.shard.applied);
        let from = std::mem::replace(&mut seen.committed, committed).next();
        for (index, entry) in log.range(from..=committed.max(from)) {
            if *index > committed {
                break;
            }
            let known = *self.committed.entry(*index).or_insert(*entry);
            if known != *entry {
                let wrong = format!("{name} has another committed entry {index}");
                self.stage.is_wrong(wrong);
            }
        }
        if glimpse.group.role == Role::Leader {
            self.check_leader(name, glimpse, purged, log);
        }
    }

    /// A leader has everything that was committed in terms before its own.
    fn check_leader(
        &self,
        name: &str,
        glimpse: &Glimpse,
        purged: LogIndex,
        log: &BTreeMap<LogIndex, Entry>,
    ) {
        let here = purged.next();
        let earlier = self.committed.range(here..);
        let missing = earlier
            .filter(|(_, (term, _))| *term < glimpse.group.term)
            .find(|(index, entry)| log.get(index) != Some(entry));
        if let Some((index, _)) = missing {
            let wrong = format!(
                "{name} leads term {} without the committed entry {index}",
                glimpse.group.term
            );
            self.stage.is_wrong(wrong);
        }
    }

    /// If two logs have an entry of the same position and term, everything before is the same.
    fn match_logs(
        &self,
        (name, log): (&str, &BTreeMap<LogIndex, Entry>),
        (other, other_log): (&str, &BTreeMap<LogIndex, Entry>),
    ) {
        let mut must_match = false;
        for (index, entry) in log.iter().rev() {
            let Some(theirs) = other_log.get(index) else {
                continue;
            };
            must_match |= theirs.0 == entry.0;
            if must_match && theirs != entry {
                let wrong = format!("the logs of {name} and {other} differ at entry {index}");
                self.stage.is_wrong(wrong);
                return;
            }
        }
    }

    /// True once all members have applied the same, and have room.
    pub(crate) fn is_settled(&self, machines: &[Arc<Machine>]) -> bool {
        let members = steady(machines).unwrap_or_default();
        let glimpses: Option<Vec<Glimpse>> = members.iter().map(|it| it.look()).collect();
        let Some(glimpses) = glimpses.filter(|it| !it.is_empty()) else {
            return false;
        };
        let first = &glimpses[0];
        glimpses.iter().all(|glimpse| {
            glimpse.shard.applied == first.shard.applied
                && glimpse.group.last == first.group.last
                && glimpse.group.last == glimpse.shard.applied
                && !glimpse.is_log_full
        })
    }
}
