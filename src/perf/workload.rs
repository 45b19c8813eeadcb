//! What one logical client does: which operation next, and on which key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::draw::Draw;
use super::options::{PerfOptions, Sizes};
use super::spread::{Sampler, Spread};
use super::target::Lane;
use super::test::Test;
use crate::base::host::Rng;
use crate::base::{Error, ErrorKind, Result};

/// What the large values of a run may take on the server together, bytes.
const LARGE_BYTES_MAX: u64 = 256 << 20;

/// Records that a scan of YCSB's E reads, at most.
const YCSB_SCAN_RECORDS_MAX: u64 = 100;

/// How often a read with a following set is repeated while others change the key.
const MODIFY_TRIES_MAX: u32 = 1_000;

/// Keys that one request of `batch` sets, and ...
pub(super) const BATCH_KEYS: u64 = 10;

/// ... one of `txn`.
const TXN_KEYS: u64 = 5;

/// Keys from this number on are never written: a run has a billion at most, and nobody
/// adds eight times as many.
const MISSING: u64 = 9_000_000_000;

/// The keys and values of a run, shared by its logical clients.
pub(super) struct Material {
    prefix: String,
    keys: u64,
    threads: u64,
    /// Keys that were added to the first `keys`: begun, and confirmed.
    added: AtomicU64,
    confirmed: AtomicU64,
    sampler: Sampler,
    ycsb_sampler: Sampler,
    large_sampler: Sampler,
    sizes: Sizes,
    /// As long as the longest; shorter ones are its beginning.
    value: Bytes,
    large_value: Bytes,
}

/// One call to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Get,
    GetNew,
    Set,
    SetLarge,
    Add,
    Modify,
    Has,
    HasNot,
    Delete,
    ScanAll,
    ScanSome,
    Batch,
    Txn,
    Lock,
    Watch,
}

impl Material {
    pub(super) fn new(options: &PerfOptions, prefix: String, rng: &dyn Rng) -> Self {
        // Random, so that nothing on the way can compress it.
        let random = |bytes: usize| {
            let mut value = vec![0; bytes];
            rng.fill(&mut value);
            Bytes::from(value)
        };
        let large = options.tests.contains(&Test::SetLarge);
        let spread = options.spread.unwrap_or(Spread::Uniform);
        let large_keys = large_keys(options.keys, options.large_value_bytes);
        Self {
            prefix,
            keys: options.keys,
            threads: options.threads as u64,
            added: AtomicU64::new(0),
            confirmed: AtomicU64::new(0),
            sampler: Sampler::new(spread, options.keys),
            ycsb_sampler: Sampler::new(options.spread.unwrap_or(Spread::YCSB), options.keys),
            large_sampler: Sampler::new(spread, large_keys),
            sizes: options.value_bytes,
            value: random(options.value_bytes.most()),
            large_value: random(if large { options.large_value_bytes } else { 0 }),
        }
    }

    /// Everything this run writes begins with it.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn keys(&self) -> u64 {
        self.keys
    }

    fn value(&self, draw: &Draw) -> Bytes {
        let range = self.sizes.most() - self.sizes.least();
        if range == 0 {
            return self.value.clone();
        }
        let longer = draw.below(range as u64 + 1);
        let longer = usize::try_from(longer).expect("at most the range, a usize");
        self.value.slice(..self.sizes.least() + longer)
    }
}

/// How many keys large values are set on: all, as far as they fit.
fn large_keys(keys: u64, large_value_bytes: usize) -> u64 {
    let fit = LARGE_BYTES_MAX / (large_value_bytes as u64).max(1);
    keys.min(fit).max(1)
}

/// One of the clients that ask at once.
pub(super) struct LogicalClient {
    number: usize,
    lane: Lane,
    draw: Draw,
    material: Arc<Material>,
    /// The key of the call under way, begins with the prefix: one allocation for all.
    key: String,
}

impl LogicalClient {
    pub(super) fn new(number: usize, seed: u64, lane: Lane, material: Arc<Material>) -> Self {
        Self {
            number,
            lane,
            draw: Draw::new(seed, number),
            key: material.prefix.clone(),
            material,
        }
    }

    /// The number it was given.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Writes a key that later tests read.
    pub(super) async fn load(&mut self, key: u64) -> Result<()> {
        self.name_key("", key);
        self.lane
            .set(&self.key, self.material.value(&self.draw))
            .await
    }

    /// One call of `test`, the one that begins operation `number`. Returns how many
    /// operations it was: a scan reads at most `keys_max`, and ends early unless `go_on`.
    pub(super) async fn operate(
        &mut self,
        test: Test,
        number: u64,
        keys_max: u64,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64> {
        let operation = operation(test, &self.draw);
        match operation {
            Operation::ScanAll => {
                let prefix = &self.material.prefix;
                return self.lane.scan(prefix, keys_max, go_on).await;
            }
            Operation::Add => self.add().await?,
            Operation::ScanSome => self.scan_some(test).await?,
            Operation::Batch => return self.batch(keys_max).await,
            Operation::Txn => self.txn().await?,
            _ => {
                self.choose_key(test, operation, number);
                self.on_key(operation).await?;
            }
        }
        Ok(1)
    }

    async fn on_key(&self, operation: Operation) -> Result<()> {
        let (lane, key) = (&self.lane, &self.key);
        match operation {
            Operation::Get | Operation::GetNew => lane.get(key).await.map(drop),
            Operation::Set => lane.set(key, self.material.value(&self.draw)).await,
            Operation::SetLarge => lane.set(key, self.material.large_value.clone()).await,
            Operation::Modify => self.modify().await,
            Operation::Has | Operation::HasNot => lane.has(key).await.map(drop),
            Operation::Delete => lane.delete(key).await.map(drop),
            Operation::Lock => lane.lock_cycle(key).await,
            Operation::Watch => lane.watch_cycle(key, self.material.value(&self.draw)).await,
            Operation::Add
            | Operation::ScanAll
            | Operation::ScanSome
            | Operation::Batch
            | Operation::Txn => unreachable!("these choose their keys themselves"),
        }
    }

    /// Reads and sets until nobody came in between.
    async fn modify(&self) -> Result<()> {
        for _ in 0..MODIFY_TRIES_MAX {
            let value = self.material.value(&self.draw);
            if self.lane.modify(&self.key, value).await? {
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("the key was changed by others {MODIFY_TRIES_MAX} times in a row"),
        ))
    }

    async fn add(&mut self) -> Result<()> {
        let number = self.material.added.fetch_add(1, Ordering::Relaxed);
        self.name_key("", self.material.keys + number);
        let value = self.material.value(&self.draw);
        self.lane.set(&self.key, value).await?;
        self.material.confirmed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn scan_some(&mut self, test: Test) -> Result<()> {
        self.choose_key(test, Operation::ScanSome, 0);
        let limit = 1 + self.draw.below(YCSB_SCAN_RECORDS_MAX);
        let prefix = &self.material.prefix;
        self.lane.scan_from(prefix, &self.key, limit).await?;
        Ok(())
    }

    /// How many keys it set.
    async fn batch(&mut self, keys_max: u64) -> Result<u64> {
        let keys = self.neighbours(BATCH_KEYS.min(keys_max));
        let value = self.material.value(&self.draw);
        self.lane.batch(&keys, value).await?;
        Ok(keys.len() as u64)
    }

    async fn txn(&mut self) -> Result<()> {
        let keys = self.neighbours(TXN_KEYS);
        let value = self.material.value(&self.draw);
        self.lane.txn(&keys, value).await
    }

    /// A key drawn at random and those behind it, each once.
    fn neighbours(&mut self, count: u64) -> Vec<String> {
        let keys = self.material.keys;
        let first = self.material.sampler.key(&self.draw);
        let numbers = (0..count.min(keys)).map(|at| (first + at) % keys);
        numbers
            .map(|number| {
                self.name_key("", number);
                self.key.clone()
            })
            .collect()
    }

    fn choose_key(&mut self, test: Test, operation: Operation, number: u64) {
        let material = &self.material;
        let (infix, key) = match operation {
            // It visits each key once.
            Operation::Delete if test == Test::Delete => ("", number % material.keys),
            Operation::SetLarge => ("", material.large_sampler.key(&self.draw)),
            Operation::HasNot => ("", MISSING + material.sampler.key(&self.draw)),
            Operation::Lock => ("lock:", self.own_lock()),
            Operation::Watch => ("watch:", self.number as u64),
            Operation::GetNew => {
                // The newest is the favourite. Of keys that are added at once one may
                // be confirmed before one of a lower number, which is then not there.
                let newest = material.keys + material.confirmed.load(Ordering::Relaxed) - 1;
                ("", newest - material.ycsb_sampler.rank(&self.draw))
            }
            _ if test.is_ycsb() => ("", material.ycsb_sampler.key(&self.draw)),
            _ => ("", material.sampler.key(&self.draw)),
        };
        self.name_key(infix, key);
    }

    /// The number of a lock that no other logical client takes.
    fn own_lock(&self) -> u64 {
        let threads = self.material.threads;
        let own = (self.material.keys / threads).max(1);
        self.number as u64 + threads * self.draw.below(own)
    }

    /// Keys of one kind have one length, so that all operations weigh the same.
    fn name_key(&mut self, infix: &str, number: u64) {
        let mut digits = [b'0'; 10];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        self.key.truncate(self.material.prefix.len());
        self.key.push_str(infix);
        self.key
            .push_str(str::from_utf8(&digits).expect("digits are text"));
    }
}

/// Draws what `test` does next.
fn operation(test: Test, draw: &Draw) -> Operation {
    let percent = |percent: u64, one: Operation, other: Operation| {
        if draw.below(100) < percent {
            one
        } else {
            other
        }
    };
    match test {
        Test::Set => Operation::Set,
        Test::SetLarge => Operation::SetLarge,
        Test::Get | Test::YcsbC => Operation::Get,
        Test::Has => Operation::Has,
        Test::HasNot => Operation::HasNot,
        Test::Scan => Operation::ScanAll,
        Test::Batch => Operation::Batch,
        Test::Txn => Operation::Txn,
        Test::Lock => Operation::Lock,
        Test::Watch => Operation::Watch,
        Test::Delete => Operation::Delete,
        Test::Mixed => match draw.below(8) {
            0..4 => Operation::Get,
            4..6 => Operation::Set,
            6 => Operation::Has,
            _ => Operation::Delete,
        },
        Test::YcsbA => percent(50, Operation::Get, Operation::Set),
        Test::YcsbB => percent(95, Operation::Get, Operation::Set),
        Test::YcsbD => percent(95, Operation::GetNew, Operation::Add),
        Test::YcsbE => percent(95, Operation::ScanSome, Operation::Add),
        Test::YcsbF => percent(50, Operation::Get, Operation::Modify),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_have_the_shares_that_are_documented() {
        let draw = Draw::new(3, 1);
        for (test, of, share) in [
            (Test::Mixed, Operation::Delete, 0.125),
            (Test::Mixed, Operation::Get, 0.5),
            (Test::YcsbA, Operation::Set, 0.5),
            (Test::YcsbB, Operation::Set, 0.05),
            (Test::YcsbC, Operation::Get, 1.0),
            (Test::YcsbD, Operation::Add, 0.05),
            (Test::YcsbD, Operation::GetNew, 0.95),
            (Test::YcsbE, Operation::ScanSome, 0.95),
            (Test::YcsbE, Operation::Add, 0.05),
            (Test::YcsbF, Operation::Modify, 0.5),
        ] {
            let drawn = (0..20_000).filter(|_| operation(test, &draw) == of);
            let seen = drawn.count() as f64 / 20_000.0;
            assert!((seen - share).abs() < 0.02, "{test} {of:?}: {seen}");
        }
    }
}
