//! Refusals: what an outcome that no reply can tell is to the caller.

use bytes::Bytes;

use crate::base::{Error, ErrorKind, Result, limits};
use crate::kv::KvCommand;
use crate::machine::{Applied, Command, Fence, Op, OutcomeKind, query};
use crate::server::service::Answer;

/// What a command's refusal must name; nothing else of it is kept until the outcome.
#[derive(Default)]
pub(super) struct Subject {
    fence: Option<Fence>,
    bucket: String,
    about: About,
}

#[derive(Default)]
enum About {
    #[default]
    Nothing,
    /// A key that is added to.
    Number(Bytes),
    Transaction,
    /// A bucket that is to be made, or changed.
    Bucket,
}

impl Subject {
    pub(super) fn of(command: &Command) -> Self {
        let (bucket, about) = match &command.op {
            Op::Kv { bucket, command } => {
                let about = match command {
                    KvCommand::Incr(incr) => About::Number(incr.key.clone()),
                    _ => About::Nothing,
                };
                (bucket.clone(), about)
            }
            Op::Transaction { bucket, .. } => (bucket.clone(), About::Transaction),
            Op::Bucket { name, .. } => (name.clone(), About::Bucket),
            Op::Lock { .. } | Op::Sweep => (String::new(), About::Nothing),
        };
        Self {
            fence: command.fence.clone(),
            bucket,
            about,
        }
    }

    fn not_added(&self, at: u64, why: &str) -> Error {
        Error::invalid(match &self.about {
            About::Number(key) => format!("the value of `{}` {why}", key.escape_ascii()),
            _ => format!("operation {}: the value of its key {why}", at + 1),
        })
    }

    fn quota_exceeded(&self, bytes: u64) -> Error {
        let bucket = &self.bucket;
        Error::no_room(format!(
            "the write would take bucket `{bucket}` beyond its quota of bytes or keys ({bytes} bytes \
             are in it): \
             delete keys, or raise it with `dkv bucket update {bucket}`"
        ))
    }

    fn bucket_differs(&self) -> Error {
        let bucket = &self.bucket;
        let message = format!(
            "bucket `{bucket}` is there with other settings (`dkv bucket list` shows them): \
             change them with `dkv bucket update {bucket}`; whether it keeps history is fixed"
        );
        Error::new(ErrorKind::Conflict, message)
    }

    fn stale_fence(&self, fence_now: u64) -> Error {
        let now = match fence_now {
            0 => "nobody holds the lock now".to_owned(),
            fence => format!("it is {fence} now"),
        };
        let given = self.fence.as_ref().map_or_else(String::new, |fence| {
            let name = fence.name.escape_ascii();
            format!(" {} of the lock `{name}`", fence.token)
        });
        let message = format!("stale fence{given}: {now}; stop, the lock was lost");
        Error::new(ErrorKind::FenceStale, message)
    }
}

/// What became of each command of a batch.
pub(super) fn settle_batch(replies: Vec<Applied>, subjects: &[Subject]) -> Answer {
    let last = replies.last().map(|applied| applied.outcome.revision);
    let settled = replies
        .into_iter()
        .zip(subjects)
        .map(|(applied, subject)| settle(applied, subject));
    Answer::Batch(settled.collect(), last.unwrap_or_default())
}

/// Turns the refusals among outcomes into errors.
///
/// # Errors
/// `FenceStale`, `LimitExceeded`, `NotFound`, `Invalid`, `Conflict` or `Timeout`.
pub(super) fn settle(applied: Applied, subject: &Subject) -> Result<Applied> {
    match applied.outcome.kind {
        OutcomeKind::FenceStale => Err(subject.stale_fence(applied.outcome.count)),
        OutcomeKind::QueueFull => Err(Error::too_busy(format!(
            "{} callers wait for this lock already, the most there can be: try later",
            limits::LOCK_WAITERS_MAX
        ))),
        OutcomeKind::NoSuchBucket => Err(query::no_such_bucket(&subject.bucket)),
        OutcomeKind::NotInteger => Err(subject.not_added(
            applied.outcome.count,
            "is not a 64-bit integer in decimal text: nothing was done",
        )),
        OutcomeKind::Overflow => Err(subject.not_added(
            applied.outcome.count,
            "would leave the range of 64-bit integers: nothing was done",
        )),
        OutcomeKind::QuotaExceeded => Err(subject.quota_exceeded(applied.outcome.count)),
        OutcomeKind::TooManyKeys => Err(Error::limit_exceeded(format!(
            "the ranges of the transaction have more than {} keys: narrow them",
            limits::COMMAND_KEYS_MAX
        ))),
        OutcomeKind::TooManyBytes => Err(Error::limit_exceeded(format!(
            "what the transaction looks at and replaces takes more than {} bytes: split it",
            limits::REQUEST_BYTES_MAX
        ))),
        OutcomeKind::BucketDiffers => Err(subject.bucket_differs()),
        OutcomeKind::BucketDropping => Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "bucket `{0}` is being dropped: wait, or finish it with `dkv bucket drop {0}`",
                subject.bucket
            ),
        )),
        OutcomeKind::BucketsFull => Err(Error::no_room(format!(
            "the shard has {} buckets, the most it can have: drop one first",
            limits::BUCKETS_MAX
        ))),
        OutcomeKind::OutcomeUnknown => Err(Error::timeout(
            "this request is too old to tell whether it was applied: read, then decide",
        )),
        OutcomeKind::OtherRequest => Err(Error::new(
            ErrorKind::Conflict,
            "this request id (over REST the Idempotency-Key) came before, with another request: \
             nothing was done now; a new request takes the next sequence",
        )),
        OutcomeKind::SessionsFull => Err(Error::too_busy(format!(
            "{} clients wrote to this shard within the last {} s, the most it can keep apart: \
             nothing was done; ask again later, or let fewer clients write more each",
            limits::SESSIONS_MAX,
            limits::SESSION_HELD_MS / 1_000
        ))),
        _ => Ok(applied),
    }
}

#[cfg(test)]
mod tests;
