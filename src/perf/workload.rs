//! What one logical client does: which key next, and which operation.

use bytes::Bytes;

use super::options::{PerfOptions, Test};
use super::target::Lane;
use crate::base::Result;
use crate::base::host::{Rng, SeededRng};

/// The keys and values of a run, shared by its logical clients.
pub(super) struct Material {
    prefix: String,
    keys: u64,
    large_keys: u64,
    value: Bytes,
    large_value: Bytes,
}

/// What the large values of a run may take on the server together, bytes.
const LARGE_BYTES_MAX: u64 = 256 << 20;

impl Material {
    pub(super) fn new(options: &PerfOptions, prefix: String, rng: &dyn Rng) -> Self {
        // Random, so that nothing on the way can compress it.
        let random = |bytes: usize| {
            let mut value = vec![0; bytes];
            rng.fill(&mut value);
            Bytes::from(value)
        };
        let large = options.tests.contains(&Test::SetLarge);
        Self {
            prefix,
            keys: options.keys,
            large_keys: large_keys(options.keys, options.large_value_bytes),
            value: random(options.value_bytes),
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

    /// All keys have one length, so that all operations weigh the same.
    fn key(&self, number: u64) -> String {
        format!("{}{number:010}", self.prefix)
    }

    fn missing(&self, number: u64) -> String {
        format!("{}x{number:09}", self.prefix)
    }

    /// Writes a key that later tests read.
    pub(super) async fn load(&self, lane: &Lane, number: u64) -> Result<()> {
        lane.set(&self.key(number), self.value.clone()).await
    }

    /// One operation of `test` on the key that `number` draws.
    pub(super) async fn operate(
        &self,
        test: Test,
        lane: &Lane,
        draw: &Draw,
        number: u64,
    ) -> Result<()> {
        // `delete` visits each key once; the others draw one.
        let key = match test {
            Test::Delete => self.key(number % self.keys),
            Test::HasNot => self.missing(draw.below(self.keys)),
            Test::SetLarge => self.key(draw.below(self.large_keys)),
            _ => self.key(draw.below(self.keys)),
        };
        match test {
            Test::Set => lane.set(&key, self.value.clone()).await?,
            Test::SetLarge => lane.set(&key, self.large_value.clone()).await?,
            Test::Get => drop(lane.get(&key).await?),
            Test::Has | Test::HasNot => drop(lane.has(&key).await?),
            Test::Delete => drop(lane.delete(&key).await?),
            Test::Mixed => match draw.below(8) {
                0..4 => drop(lane.get(&key).await?),
                4..6 => lane.set(&key, self.value.clone()).await?,
                6 => drop(lane.has(&key).await?),
                _ => drop(lane.delete(&key).await?),
            },
        }
        Ok(())
    }
}

/// How many keys large values are set on: all, as far as they fit.
fn large_keys(keys: u64, large_value_bytes: usize) -> u64 {
    let fit = LARGE_BYTES_MAX / (large_value_bytes as u64).max(1);
    keys.min(fit).max(1)
}

/// Random numbers of one logical client.
pub(super) struct Draw(SeededRng);

impl Draw {
    pub(super) fn new(seed: u64, client: usize) -> Self {
        // SplitMix64 turns neighbouring seeds into unrelated streams only after its
        // first step, so the client's number is spread over all bits here.
        let spread = (client as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(SeededRng::new(
            seed.rotate_left(32) ^ spread.rotate_left(17),
        ))
    }

    fn below(&self, bound: u64) -> u64 {
        self.0.below(bound)
    }
}
