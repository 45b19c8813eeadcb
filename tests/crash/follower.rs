//! Opens the disk of a member whose others are not there, and says what is wrong with it: what it
//! told them must be in its log, and what it has applied must be what there was.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dkv::base::host::Host;
use dkv::base::types::{NodeId, ShardId};
use dkv::machine::ScanQuery;
use dkv::raft::{Lane, Peer, PeerTransport};
use dkv::server::service::{Answer, Query, Shard};
use dkv::server::{Node, simulated};
use tokio::runtime::Runtime;

use crate::place::Place;
use crate::promise::Kept;
use crate::small;
use crate::tale::{State, Tale};
use crate::wishes::SHARDS;

/// Nobody stands for election while the disk is looked at.
const ELECTION: Duration = Duration::from_secs(3_600);
/// How long a group may take to say what it found.
const SOON: Duration = Duration::from_secs(5);
/// More than there are.
const LIMIT: usize = 1_000;

/// A network that carries nothing.
struct Nobody;

impl PeerTransport for Nobody {
    fn send(&self, _to: NodeId, _lane: Lane, _frame: Bytes) {}

    fn reaches(&self, _to: NodeId, _lane: Lane) -> bool {
        false
    }

    fn receive_with(&self, _peer: Arc<dyn Peer>) {}
}

/// Opens the member in `data` and compares it with what it told. Says how many promises it was
/// compared with: of each shard its last entry, and its vote.
///
/// # Errors
/// What is wrong.
pub(crate) fn judge(
    data: &Path,
    (engine, place): (&str, &Place),
    tale: &Tale,
    kept: &BTreeMap<u32, Kept>,
) -> Result<u64, String> {
    let mut config = small::config(data, engine, Some(place));
    config.cluster.election_timeout = ELECTION;
    let runtime = Runtime::new().expect("a runtime can be made");
    let nobody: Arc<dyn PeerTransport> = Arc::new(Nobody);
    runtime.block_on(async {
        let started = Box::pin(simulated::start(&Host::system(), &config, &nobody)).await;
        let node = started.map_err(|refused| format!("it does not start: {refused}"))?;
        let judged = look(&node, tale, kept).await;
        node.leave_groups().await;
        let closed = tokio::task::spawn_blocking(move || node.close().synced).await;
        let closed = closed.expect("a node that is closed does not panic");
        let stopped = closed.map_err(|failed| format!("it does not stop: {failed}"));
        judged.and_then(|compared| stopped.map(|()| compared))
    })
}

async fn look(node: &Node, tale: &Tale, kept: &BTreeMap<u32, Kept>) -> Result<u64, String> {
    let mut compared = 0;
    for id in SHARDS {
        let shard = node.service.shard(ShardId(id));
        let shard = shard.map_err(|failed| failed.to_string())?;
        if let Some(kept) = kept.get(&id) {
            compared += has_kept(shard, kept).await?;
        }
        is_what_it_was(node, shard, tale)?;
    }
    Ok(compared)
}

/// A group says what it found a moment after it was started.
async fn has_kept(shard: &Shard, kept: &Kept) -> Result<u64, String> {
    let until = Instant::now() + SOON;
    loop {
        match compare(shard, kept) {
            Err(_) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(2)).await,
            compared => return compared,
        }
    }
}

fn compare(shard: &Shard, kept: &Kept) -> Result<u64, String> {
    let (id, mut compared) = (shard.id, 0);
    let store = shard.store.replicated().expect("it is replicated");
    let ballot = store.group().ballot();
    if ballot.term < kept.term {
        return Err(format!(
            "shard {id} went back to term {} from {}",
            ballot.term, kept.term
        ));
    }
    // Once somebody was elected, it is that one whom it remembers.
    let is_open = ballot.term == kept.term && !ballot.is_decided;
    if let Some(voted) = kept.voted.as_deref().filter(|_| is_open) {
        compared += 1;
        if voted != ballot.for_whom.0 {
            return Err(format!(
                "shard {id} voted in term {} for {voted:?}, and now for {}",
                kept.term, ballot.for_whom
            ));
        }
    }
    let (term, index) = kept.last;
    let last = store.group_status().last.0;
    // Another leader of a later term may have put others in the place of the last entries.
    let follows_another = ballot.term > term && ballot.is_decided && !ballot.is_elected;
    if index > 0 && !follows_another {
        compared += 1;
        if last < index {
            return Err(format!(
                "shard {id} lost entries of its log: it ends with {last}, and has told that it has {index}"
            ));
        }
    }
    Ok(compared)
}

/// What is applied is what there was at its revision.
fn is_what_it_was(node: &Node, shard: &Shard, tale: &Tale) -> Result<(), String> {
    let id = shard.id.0;
    // It may be applying what its log has.
    let (state, revision) = loop {
        let before = shard.store.status().revision;
        let state = state(node, shard).map_err(|failed| failed.to_string())?;
        if shard.store.status().revision == before {
            break (state, before.0);
        }
    };
    match tale.at(id, revision) {
        None => Err(format!(
            "shard {id} is at revision {revision}, which nobody made"
        )),
        Some(expected) if expected != state => Err(format!(
            "shard {id} at revision {revision} is not what it was then: {}",
            crate::judge::difference(&expected, &state)
        )),
        Some(_) => Ok(()),
    }
}

fn state(node: &Node, shard: &Shard) -> dkv::base::Result<State> {
    let mut state = State::default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Answer::Page(page, _) = node.service.read(shard, everything())? {
        for (key, record) in page.records {
            let value = record.value.unwrap_or_default();
            let value = (record.revision.0, text(&value));
            state.keys.insert(text(&key), value);
        }
    }
    let locks = Query::Locks {
        prefix: Bytes::new(),
        after: Bytes::new(),
        limit: LIMIT,
    };
    if let Answer::Locks(locks, ..) = node.service.read(shard, locks)? {
        for (name, lock) in locks {
            state.locks.insert(text(&name), lock.fence.0);
        }
    }
    Ok(state)
}

fn everything() -> Query {
    Query::Scan {
        query: Box::new(ScanQuery {
            bucket: String::new(),
            start: Bytes::new(),
            end: None,
            after: None,
            reverse: false,
            limit: LIMIT,
            bytes_max: usize::MAX,
            keys_max: LIMIT,
            keys_only: false,
            count_only: false,
            include_expired: false,
            at: None,
        }),
        at: None,
    }
}
