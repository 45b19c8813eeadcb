//! Locks, one call each. [`Client::lock`] is the comfortable way.

use std::time::Duration;

use bytes::Bytes;

use super::Client;
use super::call::{Answer, Attempt, Effect};
use super::convert::{self, wire_ms};
use super::freshness::{Dated, Freshness};
use super::types::LockInfo;
use crate::base::Result;
use crate::base::types::{FenceToken, OwnerId};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

impl Client {
    /// A fresh owner id, for one acquisition.
    pub fn mint_owner(&self) -> OwnerId {
        OwnerId(self.shared.host.rng.id())
    }

    /// Takes a lock, or queues for it for `wait` (zero: tries once). `ttl` is the
    /// lease; `None`: until released. Returns the fence of the grant, or `None` if
    /// somebody else holds the lock. `wait` is added to the client's timeout.
    ///
    /// The owner is fresh for each acquisition. Repeating the call with the same owner
    /// keeps the place in the queue, or returns the same fence; whoever drops the call
    /// gives up the place with [`Client::release`].
    ///
    /// # Errors
    /// As [`Client::set`]. After `Timeout` the lock may be held by `owner`: release it,
    /// or call again.
    pub async fn acquire(
        &self,
        name: impl Into<Bytes>,
        owner: OwnerId,
        ttl: Option<Duration>,
        wait: Duration,
    ) -> Result<Option<FenceToken>> {
        let name = name.into();
        let ttl_ms = wire_ms(ttl, "ttl")?;
        wire_ms(Some(wait).filter(|wait| !wait.is_zero()), "wait")?;
        let effect = if wait.is_zero() {
            Effect::Write
        } else {
            Effect::Wait
        };
        let build = |attempt: Attempt| {
            Request::Acquire(v1::AcquireRequest {
                target: self.target(),
                request_id: attempt.request_id,
                name: name.clone(),
                owner: wire_owner(owner),
                ttl_ms,
                wait_ms: attempt.wait_ms,
            })
        };
        let answer = self.call(effect, wait, build).await?;
        let Reply::Acquire(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        convert::fence(reply.acquired, reply.fence, &answer.from)
    }

    /// Extends the lease of the holder to `ttl` from now (`None`: until released).
    /// Returns its fence, or `None` if `owner` does not hold the lock any more.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn renew(
        &self,
        name: impl Into<Bytes>,
        owner: OwnerId,
        ttl: Option<Duration>,
    ) -> Result<Option<FenceToken>> {
        let name = name.into();
        let ttl_ms = wire_ms(ttl, "ttl")?;
        let build = |attempt: Attempt| {
            Request::Renew(v1::RenewRequest {
                target: self.target(),
                request_id: attempt.request_id,
                name: name.clone(),
                owner: wire_owner(owner),
                ttl_ms,
            })
        };
        let answer = self.write(build).await?;
        let Reply::Renew(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        convert::fence(reply.renewed, reply.fence, &answer.from)
    }

    /// Gives a lock up, or the place in its queue. False if somebody else holds it, and
    /// goes on holding it; a lock that nobody holds counts as released.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn release(&self, name: impl Into<Bytes>, owner: OwnerId) -> Result<bool> {
        let name = name.into();
        let build = |attempt: Attempt| {
            Request::Release(v1::ReleaseRequest {
                target: self.target(),
                request_id: attempt.request_id,
                name: name.clone(),
                owner: wire_owner(owner),
            })
        };
        let answer = self.write(build).await?;
        let Reply::Release(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(reply.released)
    }

    /// Who holds a lock; `None`: nobody.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn lock_info(&self, name: impl Into<Bytes>) -> Result<Option<LockInfo>> {
        Ok(self.lock_info_dated(name).await?.value)
    }

    /// The same, with how fresh it is.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn lock_info_dated(&self, name: impl Into<Bytes>) -> Result<Dated<Option<LockInfo>>> {
        let name = name.into();
        let build = |_| {
            Request::Info(v1::InfoRequest {
                target: self.read_target(),
                name: name.clone(),
            })
        };
        let answer = self.read(build).await?;
        let (revision, freshness) = (answer.revision, answer.freshness);
        let Reply::Info(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        let from = &answer.from;
        let info = reply.lock.map(|info| convert::lock_info(info, from));
        Ok(Answer::dated(revision, freshness, info.transpose()?))
    }

    /// The held locks whose names begin with `prefix`, in name order, page by page.
    pub fn lock_list(&self, prefix: impl Into<Bytes>) -> LockList {
        LockList {
            client: self.settled(),
            prefix: prefix.into(),
            after: Bytes::new(),
            finished: false,
            freshness: Freshness::Current,
        }
    }

    /// An operator's forced release. False if nobody held the lock.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn revoke(&self, name: impl Into<Bytes>) -> Result<bool> {
        let name = name.into();
        let build = |attempt: Attempt| {
            Request::Revoke(v1::RevokeRequest {
                target: self.target(),
                request_id: attempt.request_id,
                name: name.clone(),
            })
        };
        let answer = self.write(build).await?;
        let Reply::Revoke(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(reply.revoked)
    }
}

/// A list of locks under way; each page is as of its own moment.
#[derive(Debug)]
pub struct LockList {
    client: Client,
    prefix: Bytes,
    after: Bytes,
    finished: bool,
    freshness: Freshness,
}

impl LockList {
    /// The next locks in name order; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// As [`Client::get`]. The page can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<LockInfo>>> {
        if self.finished {
            return Ok(None);
        }
        let build = |_| {
            Request::List(v1::ListRequest {
                target: self.client.read_target(),
                prefix: self.prefix.clone(),
                limit: 0,
                after: self.after.clone(),
            })
        };
        let answer = self.client.read(build).await?;
        self.freshness = self.freshness.or_older(answer.freshness);
        let Reply::List(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        let from = &answer.from;
        let locks = reply.locks.into_iter();
        let locks: Vec<_> = locks
            .map(|info| convert::lock_info(info, from))
            .collect::<Result<_>>()?;
        match locks.last() {
            Some(last) if reply.more => self.after = last.name.clone(),
            // More, after no name at all, would be asked for for ever.
            _ => self.finished = true,
        }
        Ok(Some(locks))
    }

    /// How fresh the pages so far are: as the oldest of them.
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }
}

fn wire_owner(owner: OwnerId) -> Bytes {
    Bytes::copy_from_slice(&owner.0)
}
