//! The families of the shards.

use super::page::{Family, Page};
use crate::server::service::{Service, Shard};
use crate::store::{ShardStatus, WatchFigures};

/// What a shard was like when the page was asked for.
struct Seen<'a> {
    shard: &'a Shard,
    id: String,
    status: ShardStatus,
    watches: WatchFigures,
}

pub(super) fn write(page: &mut Page, service: &Service) {
    let seen: Vec<Seen<'_>> = service
        .shards()
        .map(|shard| Seen {
            shard,
            id: shard.id.to_string(),
            status: shard.store.status(),
            watches: shard.store.watch_figures(),
        })
        .collect();
    let mut info = page.gauge("dkv_shard_info", "1 for each shard, with what it is.");
    for one in &seen {
        let labels = [
            ("shard", one.id.as_str()),
            ("type", one.shard.kind.as_str()),
            ("engine", one.shard.engine.as_str()),
            ("durability", one.shard.durability.as_str()),
        ];
        info = info.value(&labels, 1);
    }
    write_state(page, &seen);
    write_history(page, &seen);
    write_watches(page, &seen);
    write_checkpoints(page, &seen);
    write_engines(page, &seen);
}

/// One number of each shard.
fn each(mut family: Family<'_>, seen: &[Seen<'_>], number: fn(&ShardStatus) -> u64) {
    for one in seen {
        family = family.value(&[("shard", &one.id)], number(&one.status));
    }
}

fn write_state(page: &mut Page, seen: &[Seen<'_>]) {
    let keys = page.gauge("dkv_shard_keys", "Keys, softly expired ones included.");
    each(keys, seen, |status| status.keys);
    let locks = page.gauge("dkv_shard_locks_held", "Locks that are held.");
    each(locks, seen, |status| status.locks);
    let clients = page.gauge(
        "dkv_shard_remembered_clients",
        "Clients whose writes are remembered, so that none is applied twice.",
    );
    each(clients, seen, |status| status.sessions);
    let revision = page.gauge("dkv_shard_revision", "The revision of the last change.");
    each(revision, seen, |status| status.revision.0);
    let applied = page.gauge("dkv_shard_applied_index", "The last log entry applied.");
    each(applied, seen, |status| status.applied.0);
    let inflight = page.gauge(
        "dkv_shard_inflight_bytes",
        "Writes that were taken and are not applied yet.",
    );
    each(inflight, seen, |status| status.inflight_bytes);
    let pinned = page.gauge(
        "dkv_shard_pinned_segments",
        "Segments of the log that cannot go because of the shard.",
    );
    each(pinned, seen, |status| status.pinned_segments);
    let read_only = page.gauge(
        "dkv_shard_read_only",
        "1 while writes are refused because the disk of the engine is full.",
    );
    each(read_only, seen, |status| {
        u64::from(status.read_only.is_some())
    });
}

fn write_watches(page: &mut Page, seen: &[Seen<'_>]) {
    let write = |mut family: Family<'_>, number: fn(&WatchFigures) -> u64| {
        for one in seen {
            family = family.value(&[("shard", &one.id)], number(&one.watches));
        }
    };
    let watchers = page.gauge("dkv_watch_watchers", "Watches that are open.");
    write(watchers, |watches| watches.watchers);
    let behind = page.gauge(
        "dkv_watch_watchers_behind",
        "Watches that read the history right now, to catch up.",
    );
    write(behind, |watches| watches.behind);
    let told = page.counter(
        "dkv_watch_events_total",
        "Events that were told to watches.",
    );
    write(told, |watches| watches.told);
    let slow = page.counter(
        "dkv_watch_fell_behind_total",
        "Times that more happened to a watch than is kept for it, so that it read the history.",
    );
    write(slow, |watches| watches.fell_behind);
    let compacted = page.counter(
        "dkv_watch_compacted_total",
        "Watches that ended because the history they needed was gone.",
    );
    write(compacted, |watches| watches.compacted);
}

fn write_history(page: &mut Page, seen: &[Seen<'_>]) {
    let bytes = page.gauge(
        "dkv_shard_history_bytes",
        "What the history of changes takes in memory, about.",
    );
    each(bytes, seen, |status| status.history_bytes);
    let events = page.gauge("dkv_shard_history_events", "Changes in the history.");
    each(events, seen, |status| status.history_events);
    let floor = page.gauge(
        "dkv_shard_history_floor",
        "The first revision whose changes are all in the history.",
    );
    each(floor, seen, |status| status.history_floor.0);
}

fn write_checkpoints(page: &mut Page, seen: &[Seen<'_>]) {
    let mut took = page.histogram(
        "dkv_shard_checkpoint_duration_seconds",
        "How long each checkpoint took, from the frozen state to the durable one.",
    );
    for one in seen {
        took = took.times(&[("shard", &one.id)], &one.status.checkpoint_us);
    }
    let made = page.counter("dkv_shard_checkpoints_total", "Checkpoints written.");
    each(made, seen, |status| status.checkpoint_us.count());
    let refused = page.counter(
        "dkv_shard_checkpoints_refused_total",
        "Checkpoints that found no room on the disk.",
    );
    each(refused, seen, |status| status.checkpoints_refused);
    let bytes = page.counter(
        "dkv_shard_checkpoint_bytes_total",
        "Bytes that checkpoints wrote whole; an engine that writes changes only counts none.",
    );
    each(bytes, seen, |status| status.checkpoint_bytes);
    let durable = page.gauge(
        "dkv_shard_durable_index",
        "The last log entry that a checkpoint covers.",
    );
    each(durable, seen, |status| status.durable.0);
    let commands = page.gauge(
        "dkv_shard_uncovered_commands",
        "Commands that no checkpoint covers: a restart applies them again.",
    );
    each(commands, seen, |status| status.uncovered_commands);
    let bytes = page.gauge("dkv_shard_uncovered_bytes", "The size of these commands.");
    each(bytes, seen, |status| status.uncovered_bytes);
}

fn write_engines(page: &mut Page, seen: &[Seen<'_>]) {
    let disk = page.gauge("dkv_shard_engine_disk_bytes", "The engine's files.");
    each(disk, seen, |status| status.engine.disk_bytes);
    let rows = page.gauge(
        "dkv_shard_engine_unflushed_rows",
        "Changed rows that an engine on disk holds in memory only.",
    );
    each(rows, seen, |status| status.engine.unflushed_rows);
    let bytes = page.gauge(
        "dkv_shard_engine_unflushed_bytes",
        "The memory those rows take.",
    );
    each(bytes, seen, |status| status.engine.unflushed_bytes);
}
