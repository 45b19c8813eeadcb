//! The families of replicated shards.

use std::collections::BTreeMap;

use super::labels::fate_label;
use super::names::Names;
use super::page::{Family, Page};
use crate::base::types::{LogIndex, NodeId};
use crate::server::service::Service;
use crate::store::{Fate, GroupStatus, ReplicatedFigures, Role, SnapshotFigures};

/// What a group was like when the page was asked for.
pub(super) struct Seen {
    shard: String,
    is_led: bool,
    pub(super) status: GroupStatus,
    figures: ReplicatedFigures,
    snapshots: SnapshotFigures,
}

/// Looks at every replicated shard once.
pub(super) fn look(service: &Service) -> Vec<Seen> {
    let seen = service.shards().filter_map(|shard| {
        let replicated = shard.store.replicated()?;
        Some(Seen {
            shard: shard.id.to_string(),
            is_led: replicated.leadership().is_led(),
            status: replicated.group_status(),
            figures: replicated.figures(),
            snapshots: replicated.group().snapshots(),
        })
    });
    seen.collect()
}

pub(super) fn write(page: &mut Page, seen: &[Seen], names: &Names) {
    write_leadership(page, seen);
    write_positions(page, seen);
    write_proposals(page, seen);
    write_reads(page, seen);
    write_agreement(page, seen);
    write_snapshots(page, seen);
    write_peers(page, seen, names);
}

/// One number of each group.
fn each(mut family: Family<'_>, seen: &[Seen], number: fn(&Seen) -> u64) {
    for one in seen {
        family = family.value(&[("shard", &one.shard)], number(one));
    }
}

/// One number of each group and fate.
fn each_fate(
    mut family: Family<'_>,
    seen: &[Seen],
    numbers: fn(&ReplicatedFigures) -> &[u64; Fate::ALL.len()],
) {
    for one in seen {
        for fate in Fate::ALL {
            let labels = [("shard", one.shard.as_str()), ("outcome", fate_label(fate))];
            family = family.value(&labels, numbers(&one.figures)[fate as usize]);
        }
    }
}

fn write_leadership(page: &mut Page, seen: &[Seen]) {
    let leads = page.gauge(
        "dkv_raft_is_leader",
        "1 while this node leads the shard's group.",
    );
    each(leads, seen, |one| {
        u64::from(one.status.role == Role::Leader)
    });
    let is_led = page.gauge(
        "dkv_raft_has_leader",
        "1 while a leader is known and heard; at the leader, while a quorum answers.",
    );
    each(is_led, seen, |one| u64::from(one.is_led));
    let term = page.gauge("dkv_raft_term", "The latest term this node has heard of.");
    each(term, seen, |one| one.status.term);
    let changes = page.counter(
        "dkv_raft_leader_changes_total",
        "Leaders seen: another node, or the same in a later term.",
    );
    each(changes, seen, |one| one.figures.leader_changes);
    let voters = page.gauge("dkv_raft_voters", "Members that vote.");
    each(voters, seen, |one| one.status.voters.len() as u64);
    let members = page.gauge("dkv_raft_members", "Members, learners included.");
    each(members, seen, |one| one.status.members.len() as u64);
}

fn write_positions(page: &mut Page, seen: &[Seen]) {
    let last = page.gauge("dkv_raft_last_index", "The last entry of this node's log.");
    each(last, seen, |one| one.status.last.0);
    let committed = page.gauge(
        "dkv_raft_committed_index",
        "The last entry that this node knows to be committed.",
    );
    each(committed, seen, |one| one.status.committed.0);
    let snapshot = page.gauge(
        "dkv_raft_snapshot_index",
        "The last entry that a member can be given as a snapshot.",
    );
    each(snapshot, seen, |one| one.status.snapshot.0);
    let purged = page.gauge(
        "dkv_raft_purged_index",
        "The last entry that is gone from this node's log.",
    );
    each(purged, seen, |one| one.status.purged.0);
}

fn write_proposals(page: &mut Page, seen: &[Seen]) {
    let entries = page.counter(
        "dkv_raft_entries_total",
        "Entries that this node proposed as the leader, by what became of them.",
    );
    each_fate(entries, seen, |figures| &figures.entries);
    let commands = page.counter("dkv_raft_commands_total", "The commands in these entries.");
    each_fate(commands, seen, |figures| &figures.commands);
    let forwarded = page.counter(
        "dkv_raft_forwarded_commands_total",
        "Commands that this node gave to the leader; each try counts.",
    );
    each_fate(forwarded, seen, |figures| &figures.forwarded);
    let mut took = page.histogram(
        "dkv_raft_append_duration_seconds",
        "From the proposal of an entry at the leader to its being applied there.",
    );
    for one in seen {
        took = took.times(&[("shard", &one.shard)], &one.figures.append_us);
    }
}

fn write_reads(page: &mut Page, seen: &[Seen]) {
    let mut reads = page.histogram(
        "dkv_raft_read_round_reads",
        "Reads that each round of asking a quorum, or the leader, confirmed.",
    );
    for one in seen {
        reads = reads.numbers(&[("shard", &one.shard)], &one.figures.round_reads);
    }
    let failed = page.counter(
        "dkv_raft_read_rounds_failed_total",
        "Rounds that confirmed nothing; their reads are tried again while there is time.",
    );
    each(failed, seen, |one| one.figures.rounds_failed);
}

fn write_agreement(page: &mut Page, seen: &[Seen]) {
    let checks = page.counter(
        "dkv_raft_state_hash_checks_total",
        "At the leader: comparisons of its state with that of other members.",
    );
    each(checks, seen, |one| one.figures.state_checks);
    let mismatches = page.counter(
        "dkv_raft_state_hash_mismatches_total",
        "At the leader: comparisons in which a member was in another state.",
    );
    each(mismatches, seen, |one| one.figures.state_mismatches);
}

fn write_snapshots(page: &mut Page, seen: &[Seen]) {
    let sent = page.counter(
        "dkv_raft_snapshot_sent_total",
        "Snapshots that this node sent, and a member installed.",
    );
    each(sent, seen, |one| one.snapshots.sent);
    let bytes = page.counter(
        "dkv_raft_snapshot_sent_bytes_total",
        "Bytes of snapshots that this node sent, whatever became of them.",
    );
    each(bytes, seen, |one| one.snapshots.sent_bytes);
    let installed = page.counter(
        "dkv_raft_snapshot_installed_total",
        "Snapshots that this node received whole and handed to its group.",
    );
    each(installed, seen, |one| one.snapshots.installed);
    let bytes = page.counter(
        "dkv_raft_snapshot_received_bytes_total",
        "Bytes of snapshots that this node took in, whatever became of them.",
    );
    each(bytes, seen, |one| one.snapshots.received_bytes);
}

/// What only a leader knows of the others.
fn write_peers(page: &mut Page, seen: &[Seen], names: &Names) {
    let mut lag = page.gauge(
        "dkv_raft_peer_lag_entries",
        "At the leader: entries of its log that a member does not have yet.",
    );
    for one in seen {
        for (peer, matched) in others(&one.status.matched, one) {
            let labels = [("shard", one.shard.as_str()), ("peer", names.of(*peer))];
            lag = lag.value(&labels, lag_of(one.status.last, *matched));
        }
    }
    let mut silence = page.gauge(
        "dkv_raft_peer_silence_seconds",
        "At the leader: since a member answered; without a sample it never has.",
    );
    for one in seen {
        for (peer, answered) in others(&one.status.answered, one) {
            let Some(ago) = answered else { continue };
            let labels = [("shard", one.shard.as_str()), ("peer", names.of(*peer))];
            let us = u64::try_from(ago.as_micros()).unwrap_or(u64::MAX);
            silence = silence.micros(&labels, us);
        }
    }
}

/// The leader itself is among the members it keeps account of.
fn others<'a, T>(
    of: &'a BTreeMap<NodeId, T>,
    one: &Seen,
) -> impl Iterator<Item = (&'a NodeId, &'a T)> {
    let me = one
        .status
        .leader
        .filter(|_| one.status.role == Role::Leader);
    of.iter().filter(move |(node, _)| Some(**node) != me)
}

/// A member may have more than the leader's log at the moment it was looked at.
fn lag_of(last: LogIndex, matched: LogIndex) -> u64 {
    last.0.saturating_sub(matched.0)
}
