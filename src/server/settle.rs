//! Refusals: what an outcome that no reply can tell is to the caller.

use crate::base::{Error, ErrorKind, Result, limits};
use crate::machine::{Applied, Command, Fence, Op, OutcomeKind};

/// What a command's refusal must name; nothing else of it is kept until the outcome.
#[derive(Default)]
pub(super) struct Subject {
    fence: Option<Fence>,
    bucket: String,
}

impl Subject {
    pub(super) fn of(command: &Command) -> Self {
        let bucket = match &command.op {
            Op::Kv { bucket, .. } => bucket.clone(),
            Op::Lock { .. } | Op::Sweep => String::new(),
        };
        Self {
            fence: command.fence.clone(),
            bucket,
        }
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

fn no_such_bucket(bucket: &str) -> String {
    format!(
        "there is no bucket `{bucket}` in this shard; this build cannot make buckets yet: leave \
         the bucket away"
    )
}

/// Turns the refusals among outcomes into errors.
///
/// # Errors
/// `FenceStale`, `LimitExceeded`, `NotFound` or `Timeout`.
pub(super) fn settle(applied: Applied, subject: &Subject) -> Result<Applied> {
    match applied.outcome.kind {
        OutcomeKind::FenceStale => Err(subject.stale_fence(applied.outcome.count)),
        OutcomeKind::QueueFull => Err(Error::limit_exceeded(format!(
            "{} callers wait for this lock already, the most there can be: try later",
            limits::LOCK_WAITERS_MAX
        ))),
        OutcomeKind::NoSuchBucket => Err(Error::new(
            ErrorKind::NotFound,
            no_such_bucket(&subject.bucket),
        )),
        OutcomeKind::OutcomeUnknown => Err(Error::timeout(
            "this request is too old to tell whether it was applied: read, then decide",
        )),
        OutcomeKind::SessionsFull => Err(Error::limit_exceeded(format!(
            "{} clients wrote to this shard within the last {} s, the most it can keep apart: \
             nothing was done; ask again later, or let fewer clients write more each",
            limits::SESSIONS_MAX,
            limits::SESSION_HELD_MS / 1_000
        ))),
        _ => Ok(applied),
    }
}
