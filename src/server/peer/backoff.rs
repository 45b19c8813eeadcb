//! How long to wait before a peer is called again.

use std::sync::Arc;
use std::time::Duration;

use crate::base::host::Rng;

const FIRST_MS: u64 = 20;
const LAST_MS: u64 = 1_000;

/// Doubles from 20 ms to 1 s, each drawn from its upper half, so that peers which lost
/// the same node do not come back in step.
pub(super) struct Backoff {
    rng: Arc<dyn Rng>,
    next_ms: u64,
}

impl Backoff {
    pub(super) fn new(rng: Arc<dyn Rng>) -> Self {
        Self {
            rng,
            next_ms: FIRST_MS,
        }
    }

    /// The next pause.
    pub(super) fn pause(&mut self) -> Duration {
        let half_ms = self.next_ms / 2;
        let pause_ms = half_ms + self.rng.below(half_ms + 1);
        self.next_ms = (2 * self.next_ms).min(LAST_MS);
        Duration::from_millis(pause_ms)
    }

    /// A link that was held for `held` is over. One that ends as soon as it begins is no
    /// success: it must not be tried fifty times a second.
    pub(super) fn held(&mut self, held: Duration) {
        if held >= Duration::from_millis(LAST_MS) {
            self.next_ms = FIRST_MS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::SeededRng;

    #[test]
    fn pauses_double_up_to_a_second_and_start_anew_after_a_success() {
        let mut backoff = Backoff::new(Arc::new(SeededRng::new(7)));
        let mut pauses = Vec::new();
        for most_ms in [20, 40, 80, 160, 320, 640, 1_000, 1_000] {
            let pause_ms = u64::try_from(backoff.pause().as_millis()).unwrap();
            assert!((most_ms / 2..=most_ms).contains(&pause_ms), "{pause_ms}");
            pauses.push(pause_ms);
        }
        assert_ne!(pauses[6], pauses[7], "they must not be in step");
        backoff.held(Duration::from_millis(LAST_MS - 1));
        assert!(backoff.pause() >= Duration::from_millis(LAST_MS / 2));
        backoff.held(Duration::from_millis(LAST_MS));
        assert!(backoff.pause() <= Duration::from_millis(FIRST_MS));
    }
}
