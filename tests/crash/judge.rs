//! Opens the disk of a lone node and says what is wrong with it.

use std::collections::BTreeMap;
use std::path::Path;

use dkv::LocalStore;
use dkv::base::Result;
use dkv::base::types::{OwnerId, ShardId};
use dkv::client::{Client, Description, ScanOptions};
use dkv::embedded::{LocalStoreOptions, block_on};
use std::time::Duration;

use crate::small::{SEGMENT, VALUE};
use crate::tale::{Promised, State, Tale};
use crate::wishes::SHARDS;

/// Opens the node in `data` and compares it with what it promised.
///
/// # Errors
/// What is wrong.
pub(crate) fn judge(
    data: &Path,
    tale: &Tale,
    promised: &Promised,
) -> std::result::Result<(), String> {
    let options = LocalStoreOptions {
        wal_segment_bytes: SEGMENT,
        value_bytes_max: VALUE,
        ..LocalStoreOptions::default()
    };
    let store = block_on(LocalStore::open_with(data, options));
    let store = store.map_err(|refused| format!("it does not start: {refused}"))?;
    let judged = block_on(look(&store, tale, promised));
    let closed = block_on(store.close());
    judged
        .map_err(|failed| format!("it does not answer: {failed}"))?
        .and_then(|()| closed.map_err(|failed| format!("it does not stop: {failed}")))
}

type Verdict = std::result::Result<(), String>;

/// What is wrong with what the node has that this client asks.
pub(crate) async fn look(store: &Client, tale: &Tale, promised: &Promised) -> Result<Verdict> {
    let mut before = 0;
    for shard in SHARDS {
        let client = store.with_shard(ShardId(shard));
        let state = state(&client, shard == SHARDS[0]).await?;
        // Afterwards: a replicated shard applies the end of its log once it has a leader, for whom
        // what was asked has waited.
        let revision = revision(&store.describe().await?, shard);
        if shard == SHARDS[0] {
            before = revision;
        }
        if let Err(wrong) = compare(shard, revision, &state, tale, promised) {
            return Ok(Err(wrong));
        }
        let fences = fences(&client, shard, promised).await?;
        if fences.is_err() {
            return Ok(fences);
        }
    }
    goes_on(store, before).await
}

fn revision(described: &Description, shard: u32) -> u64 {
    let of = described.shards.iter().find(|it| it.id == ShardId(shard));
    of.map_or(0, |it| it.revision.0)
}

/// All that a shard has.
async fn state(client: &Client, has_keys: bool) -> Result<State> {
    let mut state = State::default();
    if has_keys {
        for record in client.scan(ScanOptions::default()).collect().await? {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let value = (record.revision.0, text(&record.value));
            state.keys.insert(text(&record.key), value);
        }
    }
    let mut list = client.lock_list("");
    while let Some(locks) = list.next_page().await? {
        for lock in locks {
            let name = String::from_utf8_lossy(&lock.name).into_owned();
            state.locks.insert(name, lock.fence.0);
        }
    }
    Ok(state)
}

/// What is there must be exactly what there was at its revision, and that not one from before
/// the last answer.
fn compare(shard: u32, revision: u64, state: &State, tale: &Tale, promised: &Promised) -> Verdict {
    let least = promised.revisions.get(&shard).copied().unwrap_or(0);
    if revision < least {
        return Err(format!(
            "shard {shard} lost what was answered: it is at revision {revision}, and {least} was told"
        ));
    }
    let Some(expected) = tale.at(shard, revision) else {
        return Err(format!(
            "shard {shard} is at revision {revision}, which nobody made"
        ));
    };
    if *state == expected {
        return Ok(());
    }
    Err(format!(
        "shard {shard} at revision {revision} is not what it was then: {}",
        difference(&expected, state)
    ))
}

/// What of it is another than it was.
pub(crate) fn difference(expected: &State, state: &State) -> String {
    let keys = differing(&expected.keys, &state.keys);
    keys + &differing(&expected.locks, &state.locks)
}

fn differing<V: PartialEq + std::fmt::Debug>(
    expected: &BTreeMap<String, V>,
    found: &BTreeMap<String, V>,
) -> String {
    let mut names: Vec<&String> = expected.keys().chain(found.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differs = names
        .into_iter()
        .filter(|name| expected.get(*name) != found.get(*name));
    let short = |value: Option<&V>| {
        let text = format!("{value:?}");
        text.chars().take(80).collect::<String>()
    };
    let each = differs.map(|name| {
        let (was, is) = (short(expected.get(name)), short(found.get(name)));
        format!("`{name}` was {was} and is {is}; ")
    });
    each.collect()
}

/// No lock that is free is given under a number that somebody has heard already.
async fn fences(client: &Client, shard: u32, promised: &Promised) -> Result<Verdict> {
    for ((_, lock), least) in promised.fences.iter().filter(|((of, _), _)| *of == shard) {
        let (owner, wait) = (OwnerId([7; 16]), Duration::ZERO);
        let taken = client.acquire(lock.clone(), owner, None, wait).await?;
        if let Some(fence) = taken.filter(|fence| fence.0 <= *least) {
            let wrong = format!("lock `{lock}` has fence {} after {least}", fence.0);
            return Ok(Err(wrong));
        }
    }
    Ok(Ok(()))
}

/// What was recovered takes new writes.
async fn goes_on(store: &Client, before: u64) -> Result<Verdict> {
    let revision = store.set("after", "the power loss").await?;
    let found = store.get("after").await?;
    let is_there = found.is_some_and(|it| it.value == "the power loss" && it.revision == revision);
    Ok(if is_there && revision.0 > before {
        Ok(())
    } else {
        Err(format!(
            "a new write got revision {} after {before}, or is gone",
            revision.0
        ))
    })
}
