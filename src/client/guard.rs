//! A lock held for as long as a guard lives.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Client;
use super::call::ms;
use super::convert::wire_ms;
use super::types::Fence;
use crate::base::host::Clock;
use crate::base::types::{FenceToken, OwnerId};
use crate::base::{ErrorKind, Result};

/// How to take a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockOptions {
    /// The lease, renewed while the guard lives; `None`: until released, even if this
    /// process dies.
    pub ttl: Option<Duration>,
    /// How long to queue; zero: try once.
    pub wait: Duration,
}

impl Default for LockOptions {
    fn default() -> Self {
        Self {
            ttl: Some(Duration::from_secs(30)),
            wait: Duration::ZERO,
        }
    }
}

/// Without a lease nothing needs renewing; asking so often notices a revocation.
const CHECK_MS: u64 = 10_000;

/// The longest nap of the renewing task: the timer stands still while the machine is
/// suspended, the lease does not.
const NAP_MS: u64 = 1_000;

/// Lease over margin: rates of two machines' clocks differ by less than 1 %.
const LEASE_MARGIN: u64 = 100;

/// The least margin, ms: the server and the client each read a clock in whole
/// milliseconds, and each may be wrong by nearly one.
const LEASE_MARGIN_MS_MIN: u64 = 2;

/// A held lock. It is renewed in the background; dropping the guard releases it
/// without waiting for the answer.
///
/// A paused process may not know that it lost the lock: give [`LockGuard::fence`] with
/// the writes that the lock protects, and the shard refuses stale ones.
pub struct LockGuard {
    lease: Arc<Lease>,
    lost: watch::Receiver<bool>,
    renewing: JoinHandle<()>,
    released: bool,
}

/// The lock of one guard.
struct Lease {
    client: Client,
    name: Bytes,
    owner: OwnerId,
    ttl: Option<Duration>,
    token: FenceToken,
}

impl Client {
    /// Takes a lock and keeps it, or `None` if somebody else holds it. The lease is
    /// renewed after each third of it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::{LockOptions, SetOptions};
    ///
    /// if let Some(guard) = client.lock("jobs", LockOptions::default()).await? {
    ///     let fence = Some(guard.fence());
    ///     client
    ///         .set_with("job:1", "done by alice", SetOptions { fence, ..SetOptions::default() })
    ///         .await?;
    ///     guard.release().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::acquire`]. Whatever an error or a dropped call leaves is released in
    /// the background.
    pub async fn lock(
        &self,
        name: impl Into<Bytes>,
        options: LockOptions,
    ) -> Result<Option<LockGuard>> {
        let name = name.into();
        wire_ms(options.ttl, "ttl")?;
        let give_up_ms = self.now_ms().saturating_add(ms(options.wait));
        let mut wait = options.wait;
        loop {
            let mut attempt = Unclaimed {
                client: self.unordered(),
                name: name.clone(),
                owner: self.mint_owner(),
                armed: true,
            };
            let sent_ms = self.now_ms();
            let granted = self
                .acquire(name.clone(), attempt.owner, options.ttl, wait)
                .await
                // Any other error is sure: there is nothing to release.
                .inspect_err(|error| attempt.armed = error.kind() == ErrorKind::Timeout)?;
            let Some(token) = granted else {
                attempt.armed = false;
                return Ok(None);
            };
            let lease = Lease {
                client: attempt.client.clone(),
                name: name.clone(),
                owner: attempt.owner,
                ttl: options.ttl,
                token,
            };
            // After a wait nobody knows here when the lease began: renewed at once, it
            // begins anew.
            let lease_until_ms = if options.wait.is_zero() {
                Some(lease.until_ms(sent_ms))
            } else {
                lease.renew_once().await?
            };
            attempt.armed = false;
            if let Some(lease_until_ms) = lease_until_ms {
                return Ok(Some(LockGuard::hold(lease, lease_until_ms)));
            }
            // Granted, and gone before it could be handed out.
            wait = Duration::from_millis(give_up_ms.saturating_sub(self.now_ms()));
            if wait.is_zero() {
                return Ok(None);
            }
        }
    }
}

impl LockGuard {
    fn hold(lease: Lease, lease_until_ms: u64) -> Self {
        let lease = Arc::new(lease);
        let (lose, lost) = watch::channel(false);
        let background = lease.client.background();
        let background = background.expect("a call was answered, so that something runs tasks");
        let renewing = background.spawn({
            let lease = Arc::clone(&lease);
            async move {
                lease.keep(lease_until_ms).await;
                lose.send_replace(true);
            }
        });
        Self {
            lease,
            lost,
            renewing,
            released: false,
        }
    }

    /// What to give with the writes this lock protects.
    pub fn fence(&self) -> Fence {
        Fence::new(self.lease.name.clone(), self.lease.token)
    }

    /// The token of the grant: larger than any before it.
    pub fn token(&self) -> FenceToken {
        self.lease.token
    }

    /// The owner id minted for this acquisition.
    pub fn owner(&self) -> OwnerId {
        self.lease.owner
    }

    /// Resolves when the lock is lost: somebody revoked it, or it could not be renewed.
    /// Then no later than the lease ends, counted from when the last successful renewal
    /// was sent. Never resolves before that. May be awaited many times.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // An error: the renewing task is gone, and nothing renews any more.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// True once [`LockGuard::lost`] would resolve at once.
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Gives the lock up. False if somebody else holds it by now.
    ///
    /// # Errors
    /// As [`Client::release`]; the lock is then free when its lease ends.
    pub async fn release(mut self) -> Result<bool> {
        self.renewing.abort();
        let lease = Arc::clone(&self.lease);
        let released = lease.client.release(lease.name.clone(), lease.owner).await;
        // Set only now: if this call is dropped, the guard still releases.
        self.released = true;
        released
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.renewing.abort();
        if !self.released {
            release_later(&self.lease.client, &self.lease.name, self.lease.owner);
        }
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("name", &self.lease.name)
            .field("owner", &self.lease.owner)
            .field("token", &self.lease.token)
            .field("lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}

impl Lease {
    /// When the lease ends at the latest, if it was asked for at `sent_ms`.
    fn until_ms(&self, sent_ms: u64) -> u64 {
        self.ttl.map_or(u64::MAX, |ttl| {
            let ttl_ms = ms(ttl);
            let margin_ms = (ttl_ms / LEASE_MARGIN).max(LEASE_MARGIN_MS_MIN);
            sent_ms.saturating_add(ttl_ms.saturating_sub(margin_ms))
        })
    }

    /// How long after the last renewal the next is due.
    fn renew_after_ms(&self) -> u64 {
        self.ttl.map_or(CHECK_MS, |ttl| (ms(ttl) / 3).max(1))
    }

    /// Renews. Returns the new end of the lease; `None`: the lock is somebody else's.
    async fn renew_once(&self) -> Result<Option<u64>> {
        let sent_ms = self.client.now_ms();
        let name = self.name.clone();
        let token = self.client.renew(name, self.owner, self.ttl).await?;
        Ok((token == Some(self.token)).then(|| self.until_ms(sent_ms)))
    }

    /// Renews until the lock is lost.
    async fn keep(&self, mut lease_until_ms: u64) {
        let clock = Arc::clone(&self.client.shared.host.clock);
        let mut due_ms = clock.boot_ms() + self.renew_after_ms();
        while sleep_until(&*clock, due_ms.min(lease_until_ms)).await < lease_until_ms {
            let left_ms = lease_until_ms.saturating_sub(clock.boot_ms());
            // A try that hangs must leave time for another before the lease ends.
            let within_ms = left_ms.min(self.renew_after_ms().max(CHECK_MS / 100));
            let renewal = tokio::time::timeout(Duration::from_millis(within_ms), self.renew_once());
            match renewal.await {
                Ok(Ok(Some(until_ms))) => {
                    lease_until_ms = until_ms;
                    due_ms = clock.boot_ms() + self.renew_after_ms();
                }
                Ok(Ok(None)) => return,
                // Failed, or hung: soon again, the lease is still running.
                Ok(Err(_)) | Err(_) => due_ms = clock.boot_ms() + self.renew_after_ms() / 10 + 1,
            }
        }
    }
}

/// Sleeps in naps until the boot clock says so; returns what it says.
async fn sleep_until(clock: &dyn Clock, until_ms: u64) -> u64 {
    loop {
        let now_ms = clock.boot_ms();
        if now_ms >= until_ms {
            return now_ms;
        }
        let nap_ms = (until_ms - now_ms).min(NAP_MS);
        tokio::time::sleep(Duration::from_millis(nap_ms)).await;
    }
}

/// An acquisition that may have been granted without anybody knowing.
struct Unclaimed {
    client: Client,
    name: Bytes,
    owner: OwnerId,
    armed: bool,
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if self.armed {
            release_later(&self.client, &self.name, self.owner);
        }
    }
}

/// Releases in the background, as well as it can: the lease ends in any case.
fn release_later(client: &Client, name: &Bytes, owner: OwnerId) {
    let Some(background) = client.background() else {
        return;
    };
    let (client, name) = (client.clone(), name.clone());
    background.spawn(async move {
        let _ = client.release(name, owner).await;
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientOptions;

    /// One hundredth of a short lease is no millisecond, but both clocks are read in
    /// whole ones: the server's lease could end before the guard knew.
    #[tokio::test]
    async fn a_short_lease_ended_before_its_guard_knew() {
        let client = Client::connect(ClientOptions::default()).await.unwrap();
        for (ttl_ms, kept_ms) in [
            (1, 0),
            (2, 0),
            (3, 1),
            (50, 48),
            (199, 197),
            (200, 198),
            (1_000, 990),
            (30_000, 29_700),
        ] {
            let lease = Lease {
                client: client.clone(),
                name: Bytes::from_static(b"jobs"),
                owner: client.mint_owner(),
                ttl: Some(Duration::from_millis(ttl_ms)),
                token: FenceToken(1),
            };
            assert_eq!(lease.until_ms(1_000), 1_000 + kept_ms, "{ttl_ms} ms");
        }
    }
}
