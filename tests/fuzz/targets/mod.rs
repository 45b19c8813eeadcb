//! The targets. Each is a function of bytes, and panics when something is wrong.

mod choices;
mod disk;
mod files;
mod machine;
mod made;
mod members;
mod message;
mod people;
mod served;
mod sessions;
mod trust;
mod watches;
mod wire;

pub(crate) use disk::{log_damaged, log_records, log_segment, rows};
pub(crate) use files::{checkpoint_files, history_files, manifests};
pub(crate) use machine::{entry_applied, machine_played, snapshot_chunks};
pub(crate) use members::{greetings, group_log, join_tokens, snapshot_frames};
pub(crate) use people::{histories, import_csv, import_json, marks, settings, shell, transactions};
pub(crate) use served::served_bytes;
pub(crate) use sessions::session_frames;
pub(crate) use trust::certificates;
pub(crate) use watches::watch_spans;
pub(crate) use wire::{peer_frames, requests, watch_requests};

/// For the corpus.
#[allow(unused_imports, reason = "only one of the two drivers makes a corpus")]
pub(crate) use made::{
    NODE, SEGMENT, SIGNING_REQUEST, Wire, as_piece, entry, event, field, pieces, record,
    snapshot_of,
};

/// One of them.
#[allow(dead_code, reason = "only one of the two drivers has a list")]
pub(crate) struct Target {
    /// As in a command line.
    pub(crate) name: &'static str,
    /// It panics when something is wrong.
    pub(crate) run: fn(&[u8]),
    /// How often it is run with every commit: a second or two.
    pub(crate) executions: u64,
}

const fn target(name: &'static str, run: fn(&[u8]), executions: u64) -> Target {
    Target {
        name,
        run,
        executions,
    }
}

/// All of them.
#[allow(dead_code, reason = "only one of the two drivers has a list")]
pub(crate) const ALL: &[Target] = &[
    target("log_segment", log_segment, 2_000),
    target("log_damaged", log_damaged, 600),
    target("log_records", log_records, 20_000),
    target("rows", rows, 50_000),
    target("entry_applied", entry_applied, 15_000),
    target("machine_played", machine_played, 1_000),
    target("snapshot_chunks", snapshot_chunks, 20_000),
    target("snapshot_frames", snapshot_frames, 20_000),
    target("group_log", group_log, 20_000),
    target("manifests", manifests, 20_000),
    target("checkpoint_files", checkpoint_files, 10_000),
    target("history_files", history_files, 5_000),
    target("requests", requests, 50_000),
    target("watch_requests", watch_requests, 10_000),
    target("session_frames", session_frames, 10_000),
    target("peer_frames", peer_frames, 50_000),
    target("greetings", greetings, 20_000),
    target("join_tokens", join_tokens, 10_000),
    target("watch_spans", watch_spans, 1_500),
    target("settings", settings, 50_000),
    target("import_csv", import_csv, 10_000),
    target("import_json", import_json, 50_000),
    target("shell", shell, 5_000),
    target("transactions", transactions, 40_000),
    target("marks", marks, 20_000),
    target("histories", histories, 2_000),
    target("certificates", certificates, 3_000),
    target("served_bytes", served_bytes, 1_500),
];
