//! Transactions that read first, and are committed only if nothing they read has changed
//! since: optimistic concurrency control with a validated read set (Kung and Robinson,
//! "On optimistic methods for concurrency control", 1981).
//!
//! Invariant: everything one try reads is of one revision, and a commit succeeds only if
//! all of it would be read again: committed transactions are serializable.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Compare, Op, Relation, Txn};
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result};
use crate::client::types::{Fence, KeyRange, Record};
use crate::client::{At, Client, Consistency, ScanOptions, SetOptions};

/// How a transaction is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionOptions {
    /// At most so often in all, at least 1.
    pub attempts: u32,
    /// The lock that must still be held when it is committed.
    pub fence: Option<Fence>,
}

impl Default for TransactionOptions {
    fn default() -> Self {
        Self {
            attempts: 16,
            fence: None,
        }
    }
}

/// One try of a transaction: reads see one revision and what was written here; writes
/// wait for the commit. Clones are the same try; what they do once it is committed is lost.
#[derive(Clone)]
pub struct Transaction {
    client: Client,
    seen: Arc<Mutex<Seen>>,
}

/// What a try has read and is to write.
#[derive(Default)]
struct Seen {
    /// The revision that everything is read at, once something was.
    revision: Option<Revision>,
    /// What was read; `None`: it was not there.
    reads: BTreeMap<Bytes, Option<Record>>,
    /// Ranges that were read, with how many keys they had.
    ranges: Vec<(KeyRange, u64)>,
    writes: BTreeMap<Bytes, Write>,
}

#[derive(Debug, Clone)]
enum Write {
    Set(Bytes, Op),
    Delete,
}

/// The longest pause before another try, ms.
const PAUSE_MS_MAX: u64 = 500;

impl Client {
    /// Runs `work` until what it read is still so when it is committed, with 16 tries.
    /// It may run more than once: it should do nothing but read and write here.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// client.set("account:alice", "100").await?;
    /// client
    ///     .transaction(|tx| async move {
    ///         let balance = tx.number("account:alice").await?;
    ///         tx.set("account:alice", (balance - 30).to_string());
    ///         tx.set("account:bob", "30");
    ///         Ok(())
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Conflict` if others were faster each time; those of `work`, which ends the
    /// transaction without a change; those of [`Client::txn`].
    pub async fn transaction<T, F: Future<Output = Result<T>>>(
        &self,
        work: impl FnMut(Transaction) -> F,
    ) -> Result<T> {
        self.transaction_with(TransactionOptions::default(), work)
            .await
    }

    /// The same, tried as `options` say.
    ///
    /// # Errors
    /// As [`Client::transaction`].
    pub async fn transaction_with<T, F: Future<Output = Result<T>>>(
        &self,
        options: TransactionOptions,
        mut work: impl FnMut(Transaction) -> F,
    ) -> Result<T> {
        let attempts = options.attempts.max(1);
        for attempt in 0..attempts {
            if attempt > 0 {
                self.pause(attempt).await;
            }
            let fresh = self.with_consistency(Consistency::Linearizable);
            let transaction = Transaction {
                client: fresh,
                seen: Arc::default(),
            };
            let done = match work(transaction.clone()).await {
                Ok(done) => done,
                // What it had begun to read is gone by now: the next try reads later.
                Err(gone) if gone.kind() == ErrorKind::Compacted => continue,
                Err(error) => return Err(error),
            };
            if transaction.commit(options.fence.clone()).await? {
                return Ok(done);
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "what the transaction read was changed by others before it could be committed, \
                 {attempts} times: nothing was done"
            ),
        ))
    }

    /// Longer with each try, and never the same for two clients.
    async fn pause(&self, attempt: u32) {
        let longest_ms = (2 << attempt.min(10)).min(PAUSE_MS_MAX);
        let pause_ms = self.shared.host.rng.below(longest_ms) + 1;
        let pause = Duration::from_millis(pause_ms);
        match self.background() {
            Some(background) => {
                let _timers = background.enter();
                let sleep = tokio::time::sleep(pause);
                drop(_timers);
                sleep.await;
            }
            None => tokio::time::sleep(pause).await,
        }
    }
}

impl Transaction {
    /// The value of a key; `None` if it is not there, or expired. It is what was written
    /// here, if something was.
    ///
    /// # Errors
    /// As [`Client::get_at`].
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<Bytes>> {
        let key = key.into();
        match self.seen.lock().writes.get(&key) {
            Some(Write::Set(value, _)) => return Ok(Some(value.clone())),
            Some(Write::Delete) => return Ok(None),
            None => {}
        }
        let record = self.record(key).await?;
        Ok(record.map(|record| record.value))
    }

    /// The record of a key as it is stored, whatever was written here.
    ///
    /// # Errors
    /// As [`Client::get_at`].
    pub async fn record(&self, key: impl Into<Bytes>) -> Result<Option<Record>> {
        let key = key.into();
        if let Some(record) = self.seen.lock().reads.get(&key) {
            return Ok(record.clone());
        }
        let read_at = self.revision();
        let record = match read_at {
            Some(revision) => {
                let past = self.client.get_at(key.clone(), At::Revision(revision));
                past.await?.value
            }
            None => {
                let now = self.client.get_dated(key.clone()).await?;
                self.read_first(now.revision)?;
                now.value
            }
        };
        self.seen.lock().reads.insert(key, record.clone());
        Ok(record)
    }

    /// The number a key has as decimal text; 0 if it is not there.
    ///
    /// # Errors
    /// As [`Client::get_at`]; `Invalid` if it is no 64-bit integer.
    pub async fn number(&self, key: impl Into<Bytes>) -> Result<i64> {
        let key = key.into();
        let Some(value) = self.get(key.clone()).await? else {
            return Ok(0);
        };
        let text = std::str::from_utf8(&value).ok();
        text.and_then(|text| text.parse().ok()).ok_or_else(|| {
            Error::invalid(format!(
                "the value of `{}` is not a 64-bit integer in decimal text",
                key.escape_ascii()
            ))
        })
    }

    /// The live keys of a range with their values, in order. At most 10,000 keys can be
    /// committed.
    ///
    /// # Errors
    /// As [`Client::get_at`].
    pub async fn scan(&self, range: KeyRange) -> Result<Vec<(Bytes, Bytes)>> {
        let read_at = self.revision();
        let options = ScanOptions {
            range: range.clone(),
            include_expired: true,
            at: read_at.map(At::Revision),
            ..ScanOptions::default()
        };
        let mut scan = self.client.scan(options);
        let mut count = 0;
        let mut found = BTreeMap::new();
        while let Some(page) = scan.next_page().await? {
            count += page.len() as u64;
            let live = page.into_iter().filter(|record| !record.expired);
            found.extend(live.map(|record| (record.key, record.value)));
        }
        if let (None, Some(revision)) = (read_at, scan.revision()) {
            self.read_first(revision)?;
        }
        let mut seen = self.seen.lock();
        for (key, write) in &seen.writes {
            let is_in = *key >= range.start && (range.end.is_empty() || *key < range.end);
            match write {
                Write::Set(value, _) if is_in => drop(found.insert(key.clone(), value.clone())),
                Write::Delete if is_in => drop(found.remove(key)),
                _ => {}
            }
        }
        seen.ranges.push((range, count));
        Ok(found.into_iter().collect())
    }

    /// Sets a key, without timers, when the transaction is committed.
    pub fn set(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        let (key, value) = (key.into(), value.into());
        let op = Op::set(key.clone(), value.clone());
        self.seen.lock().writes.insert(key, Write::Set(value, op));
    }

    /// Sets a key as `options` say, but for conditions and fences.
    ///
    /// # Errors
    /// `Invalid` for timers that cannot be, for conditions and for fences.
    pub fn set_with(
        &self,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
        options: &SetOptions,
    ) -> Result<()> {
        if options.condition.is_some() || options.return_previous {
            return Err(Error::invalid(
                "a set in a transaction has no condition and returns nothing: read the key first",
            ));
        }
        let (key, value) = (key.into(), value.into());
        let op = Op::set_with(key.clone(), value.clone(), options)?;
        self.seen.lock().writes.insert(key, Write::Set(value, op));
        Ok(())
    }

    /// Removes a key when the transaction is committed.
    pub fn delete(&self, key: impl Into<Bytes>) {
        self.seen.lock().writes.insert(key.into(), Write::Delete);
    }

    /// The revision that everything is read at; `None` before the first read.
    pub fn revision(&self) -> Option<Revision> {
        self.seen.lock().revision
    }

    /// Notes the revision of the first read.
    fn read_first(&self, revision: Revision) -> Result<()> {
        let mut seen = self.seen.lock();
        // Two first reads at once may have seen two revisions: one of them is of no use.
        if seen.revision.is_some_and(|known| known != revision) {
            let message = "two first reads of a transaction, at once, saw two revisions";
            return Err(Error::new(ErrorKind::Compacted, message));
        }
        seen.revision = Some(revision);
        Ok(())
    }

    /// False if somebody else was faster.
    async fn commit(self, fence: Option<Fence>) -> Result<bool> {
        let seen = std::mem::take(&mut *self.seen.lock());
        if seen.writes.is_empty() && fence.is_none() {
            // Everything was read at one revision: that is when it took place.
            return Ok(true);
        }
        let compares = seen.compares();
        let then = seen.writes.into_iter().map(|(key, write)| match write {
            Write::Set(_, op) => op,
            Write::Delete => Op::delete(key),
        });
        let txn = Txn {
            compares,
            then: then.collect(),
            otherwise: Vec::new(),
            fence,
        };
        Ok(self.client.txn(txn).await?.succeeded)
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen.lock();
        f.debug_struct("Transaction")
            .field("revision", &seen.revision)
            .field("reads", &seen.reads.len())
            .field("ranges", &seen.ranges.len())
            .field("writes", &seen.writes.len())
            .finish_non_exhaustive()
    }
}

impl Seen {
    /// What was read is still so: a record has its revision, and what was not there was
    /// not changed since. Whether a range has other keys is told by their number and age.
    fn compares(&self) -> Vec<Compare> {
        let Some(read_at) = self.revision else {
            return Vec::new();
        };
        let since = Relation::LessOrEqual;
        let keys = self.reads.iter().map(|(key, record)| match record {
            Some(record) => Compare::revision(key.clone(), Relation::Equal, record.revision),
            None => Compare::revision(key.clone(), since, read_at),
        });
        let ranges = self.ranges.iter().flat_map(|(range, count)| {
            [
                Compare::every_revision(range, since, read_at),
                Compare::count(range, Relation::Equal, *count),
            ]
        });
        keys.chain(ranges).collect()
    }
}
