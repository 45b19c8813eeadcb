//! Keys and values.

use std::time::Duration;

use bytes::Bytes;

use super::Client;
use super::call::{Answer, Attempt, Effect};
use super::convert::{record, wire_condition, wire_fence, wire_ms, wire_range};
use super::freshness::Dated;
use super::types::{
    Changed, Counted, Deleted, Fence, IncrOptions, KeyRange, Record, SetOptions, SetOutcome,
};
use crate::base::Result;
use crate::base::types::Revision;
use crate::proto::v1;
use crate::proto::v1::delete_request::What;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

impl Client {
    /// Sets a key, without timers. Returns the revision of the write.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// let revision = client.set("user:1", "alice").await?;
    /// let record = client.get("user:1").await?.expect("it was just set");
    /// assert_eq!((record.value.as_ref(), record.revision), (&b"alice"[..], revision));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of every write: `Unavailable` (nothing was applied), `Timeout` (the
    /// outcome is unknown), `Invalid`, `NotFound` (shard or bucket), `LimitExceeded`.
    pub async fn set(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<Revision> {
        let outcome = self.set_with(key, value, SetOptions::default()).await?;
        Ok(outcome.revision)
    }

    /// Sets a key as `options` say. A condition that does not hold is an answer, not
    /// an error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use std::time::Duration;
    /// use dkv::client::{Condition, SetOptions};
    ///
    /// let options = SetOptions {
    ///     delete_in: Some(Duration::from_secs(30)),
    ///     condition: Some(Condition::Absent),
    ///     ..SetOptions::default()
    /// };
    /// let outcome = client.set_with("session:bob", "token", options).await?;
    /// assert!(outcome.written);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::set`]; `FenceStale` if the lock of the fence was lost.
    pub async fn set_with(
        &self,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
        options: SetOptions,
    ) -> Result<SetOutcome> {
        let (key, value) = (key.into(), value.into());
        let expire_in_ms = wire_ms(options.expire_in, "expire_in")?;
        let delete_in_ms = wire_ms(options.delete_in, "delete_in")?;
        let build = |attempt: Attempt| {
            Request::Set(v1::SetRequest {
                target: self.target(),
                request_id: attempt.request_id,
                fence: options.fence.as_ref().map(wire_fence),
                key: key.clone(),
                value: value.clone(),
                expire_in_ms,
                delete_in_ms,
                keep_timers: options.keep_timers,
                condition: options.condition.as_ref().map(wire_condition),
                return_previous: options.return_previous,
            })
        };
        let answer = self.write(build).await?;
        let Reply::Set(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(SetOutcome {
            written: reply.written,
            revision: answer.revision,
            previous: reply.previous.map(record),
            previous_unavailable: reply.previous_unavailable,
        })
    }

    /// The value and metadata of a key; `None` if it is not there, or expired.
    ///
    /// # Errors
    /// Those of every read: `Unavailable`, `Timeout`, `Invalid`, `NotFound` (shard or
    /// bucket).
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<Record>> {
        Ok(self.get_dated(key).await?.value)
    }

    /// The same, with how fresh it is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # use dkv::client::{Client, ClientOptions};
    /// # let server = dkv::server::Ephemeral::start().await?;
    /// # let client = Client::connect(ClientOptions::to(server.endpoint())).await?;
    /// use dkv::client::Consistency;
    ///
    /// let relaxed = client.with_consistency(Consistency::Stale);
    /// let read = relaxed.get_dated("user:1").await?;
    /// if read.freshness.is_stale() {
    ///     println!("as of revision {}: {:?}", read.revision, read.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn get_dated(&self, key: impl Into<Bytes>) -> Result<Dated<Option<Record>>> {
        self.get_when(key.into(), None).await
    }

    /// True for a live key and for one that is expired but not yet deleted.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn has(&self, key: impl Into<Bytes>) -> Result<bool> {
        Ok(self.has_dated(key).await?.value)
    }

    /// The same, with how fresh it is.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn has_dated(&self, key: impl Into<Bytes>) -> Result<Dated<bool>> {
        let key = key.into();
        let build = |_| {
            Request::Has(v1::HasRequest {
                target: self.read_target(),
                key: key.clone(),
            })
        };
        let answer = self.read(build).await?;
        let (revision, freshness) = (answer.revision, answer.freshness);
        let Reply::Has(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(Answer::dated(revision, freshness, reply.found))
    }

    /// Removes a key. A missing key is no error: `deleted` is 0.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn delete(&self, key: impl Into<Bytes>) -> Result<Deleted> {
        self.delete_with(key, None).await
    }

    /// Removes a key, if the lock of `fence` is still held.
    ///
    /// # Errors
    /// As [`Client::set_with`].
    pub async fn delete_with(
        &self,
        key: impl Into<Bytes>,
        fence: Option<Fence>,
    ) -> Result<Deleted> {
        self.delete_what(&What::Key(key.into()), fence.as_ref())
            .await
    }

    /// Removes a range in pieces of at most 10,000 keys; each piece is atomic, the
    /// whole is not.
    ///
    /// # Errors
    /// As [`Client::set_with`]; pieces before the error stay removed.
    pub async fn delete_range(&self, range: KeyRange, fence: Option<Fence>) -> Result<Deleted> {
        self.delete_what(&What::Range(wire_range(&range)), fence.as_ref())
            .await
    }

    async fn delete_what(&self, what: &What, fence: Option<&Fence>) -> Result<Deleted> {
        let build = |attempt: Attempt| {
            Request::Delete(v1::DeleteRequest {
                target: self.target(),
                request_id: attempt.request_id,
                fence: fence.map(wire_fence),
                what: Some(what.clone()),
            })
        };
        let answer = self.write(build).await?;
        let Reply::Delete(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(Deleted {
            deleted: reply.deleted,
            revision: answer.revision,
        })
    }

    /// Expires a key now: the value is gone, the key remains.
    ///
    /// # Errors
    /// As [`Client::set_with`].
    pub async fn expire(&self, key: impl Into<Bytes>, fence: Option<Fence>) -> Result<Changed> {
        let key = key.into();
        let build = |attempt: Attempt| {
            Request::Expire(v1::ExpireRequest {
                target: self.target(),
                request_id: attempt.request_id,
                fence: fence.as_ref().map(wire_fence),
                key: key.clone(),
            })
        };
        let answer = self.write(build).await?;
        let Reply::Expire(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(Changed {
            changed: reply.expired,
            revision: answer.revision,
        })
    }

    /// Replaces both timers of a live key; the value stays. `None` clears one.
    ///
    /// # Errors
    /// As [`Client::set_with`].
    pub async fn touch(
        &self,
        key: impl Into<Bytes>,
        expire_in: Option<Duration>,
        delete_in: Option<Duration>,
        fence: Option<Fence>,
    ) -> Result<Changed> {
        let key = key.into();
        let expire_in_ms = wire_ms(expire_in, "expire_in")?;
        let delete_in_ms = wire_ms(delete_in, "delete_in")?;
        let build = |attempt: Attempt| {
            Request::Touch(v1::TouchRequest {
                target: self.target(),
                request_id: attempt.request_id,
                fence: fence.as_ref().map(wire_fence),
                key: key.clone(),
                expire_in_ms,
                delete_in_ms,
            })
        };
        let answer = self.write(build).await?;
        let Reply::Touch(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(Changed {
            changed: reply.touched,
            revision: answer.revision,
        })
    }

    /// Clears both timers of a live key.
    ///
    /// # Errors
    /// As [`Client::set_with`].
    pub async fn persist(&self, key: impl Into<Bytes>, fence: Option<Fence>) -> Result<Changed> {
        let key = key.into();
        let build = |attempt: Attempt| {
            Request::Persist(v1::PersistRequest {
                target: self.target(),
                request_id: attempt.request_id,
                fence: fence.as_ref().map(wire_fence),
                key: key.clone(),
            })
        };
        let answer = self.write(build).await?;
        let Reply::Persist(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(Changed {
            changed: reply.persisted,
            revision: answer.revision,
        })
    }

    /// Adds to the number that a key has as decimal text, and gives the sum. A key that is
    /// not there, or is expired, counts as 0 and begins without timers.
    ///
    /// # Errors
    /// As [`Client::set_with`]; `Invalid` if the value is not a 64-bit integer, or the sum
    /// would be none.
    pub async fn incr(&self, key: impl Into<Bytes>, by: i64) -> Result<i64> {
        let counted = self.incr_with(key, by, IncrOptions::default()).await?;
        Ok(counted.value)
    }

    /// The same, as `options` say.
    ///
    /// # Errors
    /// As [`Client::incr`].
    pub async fn incr_with(
        &self,
        key: impl Into<Bytes>,
        by: i64,
        options: IncrOptions,
    ) -> Result<Counted> {
        let key = key.into();
        let expire_in_ms = wire_ms(options.expire_in, "expire_in")?;
        let delete_in_ms = wire_ms(options.delete_in, "delete_in")?;
        let build = |attempt: Attempt| {
            Request::Incr(v1::IncrRequest {
                target: self.target(),
                request_id: attempt.request_id,
                fence: options.fence.as_ref().map(wire_fence),
                key: key.clone(),
                by,
                expire_in_ms,
                delete_in_ms,
            })
        };
        let answer = self.write(build).await?;
        let Reply::Incr(reply) = answer.reply else {
            return Err(answer.mismatched());
        };
        Ok(Counted {
            value: reply.value,
            revision: answer.revision,
        })
    }

    pub(super) async fn read(&self, build: impl Fn(Attempt) -> Request) -> Result<Answer> {
        self.call(Effect::Read, Duration::ZERO, build).await
    }

    pub(super) async fn write(&self, build: impl Fn(Attempt) -> Request) -> Result<Answer> {
        self.call(Effect::Write, Duration::ZERO, build).await
    }
}
