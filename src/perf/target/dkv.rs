//! dkv, as any program asks it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::found::{Found, found_at};
use super::{Nodes, Promise, TargetAddress};
use crate::base::host::Host;
use crate::base::{Error, ErrorKind, Result, limits};
use crate::client::{
    Client, ClientOptions, Compare, Condition, Consistency, KeyRange, Op, ScanOptions, SetOptions,
    ShardDescription, Txn, Watch, WatchOptions,
};
use crate::perf::options::PerfOptions;

/// Logical clients that share one [`Client`]: half of the writes that it may have in
/// doubt at once.
const LANES_MAX: usize = limits::SESSION_OUTCOMES_MAX / 2;

/// The lease of a lock that a client which dies leaves behind.
const LOCK_TTL: Duration = Duration::from_secs(30);

/// A dkv, over as many connections to each node as were asked for.
pub(in crate::perf) struct Dkv {
    name: String,
    endpoints: Vec<String>,
    /// One for every [`LANES_MAX`] logical clients; never none.
    clients: Vec<Client>,
    consistency: Consistency,
}

/// A lane of its own on a shared connection.
pub(in crate::perf) struct DkvLane {
    client: Client,
    /// The watch on its own key; none before the first operation that needs it.
    watch: tokio::sync::Mutex<Option<Watch>>,
}

impl Dkv {
    pub(super) async fn connect(options: &PerfOptions) -> Result<Self> {
        let mut client = options.client.clone();
        let mut name = client.endpoints.join(" ");
        if let Some(address @ TargetAddress::Dkv(nodes)) = &options.target {
            client = nodes.options(&client);
            name = address.to_string();
        }
        // Checked before they are shared out.
        client.check()?;
        let count = options.threads.div_ceil(LANES_MAX).max(1);
        let mut clients = Vec::with_capacity(count);
        for number in 0..count {
            let share =
                client.connections / count + usize::from(number < client.connections % count);
            let connected = Client::connect(ClientOptions {
                connections: share.max(1),
                ..client.clone()
            });
            clients.push(connected.await?);
        }
        Ok(Self {
            name,
            endpoints: client.endpoints,
            clients,
            consistency: client.consistency,
        })
    }

    pub(super) fn lane(&self, client: usize) -> DkvLane {
        DkvLane {
            client: self.clients[client % self.clients.len()].with_lane(),
            watch: tokio::sync::Mutex::new(None),
        }
    }

    pub(super) fn name(&self) -> String {
        self.name.clone()
    }

    pub(super) async fn promise(&self) -> Result<Promise> {
        promise(&self.clients[0], self.consistency).await
    }

    pub(super) async fn explained(&self, error: Error) -> Error {
        explained(&self.endpoints, error).await
    }

    pub(super) async fn clear(&self, prefix: &str) -> Result<()> {
        let range = KeyRange::prefix(prefix.to_owned());
        self.clients[0].delete_range(range, None).await?;
        Ok(())
    }
}

/// What is known of nodes that are asked in another way than by this client.
pub(super) struct Asker {
    client: Client,
    consistency: Consistency,
    nonce: u128,
    acquisitions: AtomicU64,
}

impl Asker {
    /// Connects with the first question.
    pub(super) async fn connect(options: &PerfOptions, nodes: &Nodes) -> Result<Self> {
        let client = ClientOptions {
            connections: 1,
            ..nodes.options(&options.client)
        };
        options.client.check()?;
        Ok(Self {
            consistency: client.consistency,
            client: Client::connect(client).await?,
            nonce: u128::from_be_bytes(Host::system().rng.id()),
            acquisitions: AtomicU64::new(0),
        })
    }

    /// What the nodes promise, and in which way they are asked, in words.
    pub(super) async fn promise(&self, way: &str) -> Result<Promise> {
        let promise = promise(&self.client, self.consistency).await?;
        Ok(Promise {
            reads: format!("{}; {way}", promise.reads),
            ..promise
        })
    }

    /// The owner of one acquisition, whom nobody else is.
    pub(super) fn owner(&self) -> u128 {
        let number = self.acquisitions.fetch_add(1, Ordering::Relaxed);
        self.nonce.wrapping_add(number.into())
    }
}

async fn promise(client: &Client, consistency: Consistency) -> Result<Promise> {
    let description = client.describe().await?;
    let mut shards = description.shards.iter();
    // A node that lacks the shard passes requests on to one that has it.
    let shard = shards.find(|shard| shard.id == client.shard());
    Ok(Promise {
        acknowledged_when: shard.map_or_else(|| "unknown".to_owned(), acknowledged_when),
        reads: match consistency {
            Consistency::Linearizable => "linearizable",
            Consistency::Stale => "stale: may answer from the past",
        }
        .to_owned(),
    })
}

/// The error of a first call, or what is there instead of a dkv.
pub(super) async fn explained(endpoints: &[String], error: Error) -> Error {
    if !matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Internal
    ) {
        return error;
    }
    for endpoint in endpoints.iter().filter(|it| !it.starts_with("unix:")) {
        let address = endpoint.strip_prefix("http://").unwrap_or(endpoint);
        match found_at(address).await {
            // One that does not answer may be a dkv that is too busy; what speaks TLS was
            // spoken to by TLS, or the error says so.
            Found::Nothing | Found::Silent | Found::Dkv | Found::Tls => {}
            found => {
                return Error::unavailable(format!("{endpoint} is no dkv: there is {found}"));
            }
        }
    }
    error
}

fn acknowledged_when(shard: &ShardDescription) -> String {
    if shard.kind.contains("dstore") {
        return "a majority has it on disk (fdatasync)".to_owned();
    }
    match shard.durability.split_once(':') {
        // Locks wait for the disk in every durability.
        _ if shard.durability == "fsync" || shard.kind.starts_with("lockmgr") => {
            "on disk (fdatasync)".to_owned()
        }
        Some(("interval", every)) => format!("in memory, on disk within {every}"),
        _ => "in memory only".to_owned(),
    }
}

impl DkvLane {
    pub(super) async fn set(&self, key: &str, value: Bytes) -> Result<()> {
        self.client.set(bytes(key), value).await?;
        Ok(())
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let record = self.client.get(bytes(key)).await?;
        Ok(record.map(|record| record.value))
    }

    pub(super) async fn has(&self, key: &str) -> Result<bool> {
        self.client.has(bytes(key)).await
    }

    pub(super) async fn delete(&self, key: &str) -> Result<bool> {
        Ok(self.client.delete(bytes(key)).await?.deleted > 0)
    }

    pub(super) async fn scan(
        &self,
        prefix: &str,
        limit: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64> {
        let range = KeyRange::prefix(bytes(prefix));
        self.scan_range(range, limit, go_on).await
    }

    pub(super) async fn scan_from(&self, prefix: &str, start: &str, limit: u64) -> Result<u64> {
        let range = KeyRange {
            start: bytes(start),
            ..KeyRange::prefix(bytes(prefix))
        };
        self.scan_range(range, limit, &|| true).await
    }

    async fn scan_range(
        &self,
        range: KeyRange,
        limit: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64> {
        let mut scan = self.client.scan(ScanOptions {
            range,
            limit,
            ..ScanOptions::default()
        });
        let mut records = 0;
        while go_on() {
            let Some(page) = scan.next_page().await? else {
                break;
            };
            records += page.len() as u64;
        }
        Ok(records)
    }

    pub(super) async fn modify(&self, key: &str, value: Bytes) -> Result<bool> {
        let key = bytes(key);
        let condition = match self.client.get(key.clone()).await? {
            Some(record) => Condition::Revision(record.revision),
            None => Condition::Absent,
        };
        let options = SetOptions {
            condition: Some(condition),
            ..SetOptions::default()
        };
        Ok(self.client.set_with(key, value, options).await?.written)
    }

    /// The key must be the same each time.
    pub(super) async fn watch_cycle(&self, key: &str, value: Bytes) -> Result<()> {
        let mut kept = self.watch.lock().await;
        let watch = match &mut *kept {
            Some(watch) => watch,
            None => {
                let options = WatchOptions::key(bytes(key));
                kept.insert(self.client.watch(options).await?)
            }
        };
        let written = self.client.set(bytes(key), value).await?;
        while let Some(batch) = watch.next().await {
            let told = batch?.events.iter().any(|event| event.revision == written);
            if told {
                return Ok(());
            }
        }
        Err(Error::internal("the watch ended without a word"))
    }

    pub(super) async fn batch(&self, keys: &[String], value: Bytes) -> Result<()> {
        for outcome in self.client.batch(sets(keys, &value), None).await? {
            outcome?;
        }
        Ok(())
    }

    pub(super) async fn txn(&self, keys: &[String], value: Bytes) -> Result<bool> {
        let txn = Txn {
            compares: vec![Compare::exists(bytes(&keys[0]))],
            then: sets(keys, &value),
            ..Txn::default()
        };
        Ok(self.client.txn(txn).await?.succeeded)
    }

    pub(super) async fn lock_cycle(&self, name: &str) -> Result<()> {
        let (name, owner) = (bytes(name), self.client.mint_owner());
        let granted = self
            .client
            .acquire(name.clone(), owner, Some(LOCK_TTL), Duration::ZERO);
        if granted.await?.is_none() {
            return Err(held());
        }
        if self.client.release(name, owner).await? {
            return Ok(());
        }
        Err(held())
    }
}

fn sets(keys: &[String], value: &Bytes) -> Vec<Op> {
    let set = |key: &String| Op::set(bytes(key), value.clone());
    keys.iter().map(set).collect()
}

pub(super) fn held() -> Error {
    Error::new(ErrorKind::Conflict, "somebody else holds the lock")
}

pub(super) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::types::{NodeId, Revision, ShardId};

    #[test]
    fn what_a_confirmed_write_survives_is_said_in_words() {
        for (kind, durability, words) in [
            ("lstore", "fsync", "on disk (fdatasync)"),
            ("lockmgr(lstore)", "none", "on disk (fdatasync)"),
            ("lstore", "interval:50ms", "in memory, on disk within 50ms"),
            ("lstore", "none", "in memory only"),
            ("dstore", "fsync", "a majority has it on disk (fdatasync)"),
            (
                "lockmgr(dstore)",
                "",
                "a majority has it on disk (fdatasync)",
            ),
        ] {
            let shard = ShardDescription {
                id: ShardId(100),
                kind: kind.to_owned(),
                engine: "memory".to_owned(),
                durability: durability.to_owned(),
                identity: NodeId([1; 16]),
                revision: Revision(0),
                applied_index: 0,
                state_hash: 0,
                keys: 0,
                locks: 0,
                sessions: 0,
                history_floor: Revision(0),
            };
            assert_eq!(acknowledged_when(&shard), words, "{kind} {durability}");
        }
    }
}
