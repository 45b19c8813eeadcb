//! One operation of a history as a call, and what is known after it.

use std::time::Duration;

use bytes::Bytes;

use crate::base::types::{FenceToken, OwnerId, Revision};
use crate::base::{Error, ErrorKind, Result};
use crate::check::history::{Action, Condition, Fence, Found, Outcome};
use crate::client::{self, Client, SetOptions};

/// How long an acquisition that queues waits for its turn.
const WAIT: Duration = Duration::from_millis(200);

/// Asks, and says what became of it.
pub(super) async fn ask(client: &Client, action: &Action) -> Outcome {
    let answered = match action {
        Action::Get { key, .. } => get(client, key).await,
        Action::Set { .. } | Action::Delete { .. } => write(client, action).await,
        _ => lock(client, action).await,
    };
    answered.unwrap_or_else(|error| failure(&error))
}

async fn get(client: &Client, key: &str) -> Result<Outcome> {
    let read = client.get_dated(bytes(key)).await?;
    let found = read.value.map(|record| Found {
        value: String::from_utf8_lossy(&record.value).into_owned(),
        revision: record.revision.0,
    });
    let revision = Some(read.revision.0);
    Ok(Outcome::Read { found, revision })
}

async fn write(client: &Client, action: &Action) -> Result<Outcome> {
    match action {
        Action::Set {
            key,
            value,
            condition,
            fence,
        } => {
            let options = SetOptions {
                condition: condition.as_ref().map(wanted),
                fence: fence.as_ref().map(held),
                ..SetOptions::default()
            };
            let set = client.set_with(bytes(key), bytes(value), options).await?;
            let revision = set.revision.0;
            Ok(match set.written {
                true => Outcome::Written { revision },
                false => Outcome::NotWritten {
                    revision: Some(revision),
                },
            })
        }
        Action::Delete { key, fence } => {
            let fence = fence.as_ref().map(held);
            let deleted = client.delete_with(bytes(key), fence).await?;
            let revision = deleted.revision.0;
            Ok(match deleted.deleted {
                0 => Outcome::NotDeleted {
                    revision: Some(revision),
                },
                _ => Outcome::Deleted { revision },
            })
        }
        other => Ok(not_asked(other)),
    }
}

async fn lock(client: &Client, action: &Action) -> Result<Outcome> {
    let ttl = |ttl_ms: u64| (ttl_ms > 0).then(|| Duration::from_millis(ttl_ms));
    // The library does not show the revision of these replies.
    let revision = None;
    Ok(match action {
        Action::Acquire {
            lock,
            owner,
            ttl_ms,
            waits,
        } => {
            let wait = if *waits { WAIT } else { Duration::ZERO };
            let fence = client.acquire(bytes(lock), id(owner), ttl(*ttl_ms), wait);
            fence
                .await?
                .map_or(Outcome::NotAcquired { revision }, |FenceToken(fence)| {
                    Outcome::Acquired { fence }
                })
        }
        Action::Renew {
            lock,
            owner,
            ttl_ms,
        } => {
            let fence = client.renew(bytes(lock), id(owner), ttl(*ttl_ms)).await?;
            fence.map_or(Outcome::NotRenewed { revision }, |FenceToken(fence)| {
                Outcome::Renewed { fence, revision }
            })
        }
        Action::Release { lock, owner } => match client.release(bytes(lock), id(owner)).await? {
            true => Outcome::Released { revision },
            false => Outcome::NotReleased { revision },
        },
        other => not_asked(other),
    })
}

/// Nothing was sent.
fn not_asked(action: &Action) -> Outcome {
    let why = format!("{action:?} is asked for otherwise");
    Outcome::Failed { why }
}

/// What is known after an error: what the library does not call undone may have been done.
fn failure(error: &Error) -> Outcome {
    let why = format!("{:?}: {}", error.kind(), error.message());
    match error.kind() {
        ErrorKind::FenceStale => Outcome::FenceStale,
        ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Corrupt => Outcome::Unknown { why },
        _ => Outcome::Failed { why },
    }
}

fn wanted(condition: &Condition) -> client::Condition {
    match condition {
        Condition::Absent => client::Condition::Absent,
        Condition::Present => client::Condition::Present,
        Condition::Value(value) => client::Condition::Value(bytes(value)),
        Condition::Unchanged { revision, .. } => client::Condition::Revision(Revision(*revision)),
    }
}

fn held(fence: &Fence) -> client::Fence {
    client::Fence::new(bytes(&fence.lock), FenceToken(fence.token))
}

/// The owner that a history writes in hexadecimal.
fn id(owner: &str) -> OwnerId {
    let number = u128::from_str_radix(owner, 16).expect("owners are written in hexadecimal");
    OwnerId(number.to_be_bytes())
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A timeout that is recorded as a failure would make a write that came late look invented.
    #[test]
    fn what_may_have_taken_place_is_not_called_failed() {
        let kinds = ErrorKind::ALL.into_iter();
        let unknown: Vec<ErrorKind> = kinds
            .filter(|kind| {
                let outcome = failure(&Error::new(*kind, "said"));
                matches!(outcome, Outcome::Unknown { .. })
            })
            .collect();
        let expected = [ErrorKind::Timeout, ErrorKind::Corrupt, ErrorKind::Internal];
        assert_eq!(unknown, expected);
        let stale = failure(&Error::new(ErrorKind::FenceStale, "said"));
        assert_eq!(stale, Outcome::FenceStale);
    }
}
