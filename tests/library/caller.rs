//! A client of the library: it goes where it likes, and repeats what it may.

use std::time::Duration;

use dkv::base::types::{FenceToken, OwnerId, Revision};
use dkv::base::{Error, ErrorKind};
use dkv::client::{Client, Condition as Wanted, Consistency as Fresh, Fence as Held, SetOptions};

use super::{bytes, text};
use crate::check::history::{Action, Condition, Consistency, Fence, Found, Outcome};

/// How long a queued acquire waits.
const WAIT: Duration = Duration::from_millis(200);

/// See the module.
#[derive(Debug)]
pub(crate) struct Caller {
    client: Client,
}

impl Caller {
    pub(crate) fn of(client: Client) -> Self {
        Self { client }
    }

    pub(crate) async fn call(&self, action: &Action) -> Outcome {
        let is_write = !matches!(action, Action::Get { .. });
        let answered = self.ask(action).await;
        answered.unwrap_or_else(|error| failure(&error, is_write))
    }

    async fn ask(&self, action: &Action) -> Result<Outcome, Error> {
        let client = &self.client;
        Ok(match action {
            Action::Get { key, consistency } => {
                let client = client.with_consistency(match consistency {
                    Consistency::Linearizable => Fresh::Linearizable,
                    Consistency::Stale => Fresh::Stale,
                });
                let read = client.get_dated(bytes(key)).await?;
                let found = read.value.map(|record| Found {
                    value: text(&record.value),
                    revision: record.revision.0,
                });
                let revision = Some(read.revision.0);
                Outcome::Read { found, revision }
            }
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
                match set.written {
                    true => Outcome::Written { revision },
                    false => Outcome::NotWritten {
                        revision: Some(revision),
                    },
                }
            }
            Action::Delete { key, fence } => {
                let fence = fence.as_ref().map(held);
                let deleted = client.delete_with(bytes(key), fence).await?;
                let revision = deleted.revision.0;
                match deleted.deleted {
                    0 => Outcome::NotDeleted {
                        revision: Some(revision),
                    },
                    _ => Outcome::Deleted { revision },
                }
            }
            _ => self.ask_lock(action).await?,
        })
    }

    async fn ask_lock(&self, action: &Action) -> Result<Outcome, Error> {
        let client = &self.client;
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
                let owner = owner_of(owner);
                let wait = if *waits { WAIT } else { Duration::ZERO };
                let fence = client
                    .acquire(bytes(lock), owner, ttl(*ttl_ms), wait)
                    .await?;
                fence.map_or(Outcome::NotAcquired { revision }, |FenceToken(fence)| {
                    Outcome::Acquired { fence }
                })
            }
            Action::Renew {
                lock,
                owner,
                ttl_ms,
            } => {
                let owner = owner_of(owner);
                let fence = client.renew(bytes(lock), owner, ttl(*ttl_ms)).await?;
                fence.map_or(Outcome::NotRenewed { revision }, |FenceToken(fence)| {
                    Outcome::Renewed { fence, revision }
                })
            }
            Action::Release { lock, owner } => {
                let owner = owner_of(owner);
                match client.release(bytes(lock), owner).await? {
                    true => Outcome::Released { revision },
                    false => Outcome::NotReleased { revision },
                }
            }
            _ => unreachable!("keys are asked for elsewhere"),
        })
    }
}

/// What is known after an error.
fn failure(error: &Error, is_write: bool) -> Outcome {
    let why = format!("{:?}: {error}", error.kind());
    match error.kind() {
        ErrorKind::FenceStale => Outcome::FenceStale,
        ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Corrupt if is_write => {
            Outcome::Unknown { why }
        }
        _ => Outcome::Failed { why },
    }
}

fn wanted(condition: &Condition) -> Wanted {
    match condition {
        Condition::Absent => Wanted::Absent,
        Condition::Present => Wanted::Present,
        Condition::Value(value) => Wanted::Value(bytes(value)),
        Condition::Unchanged { revision, .. } => Wanted::Revision(Revision(*revision)),
    }
}

fn held(fence: &Fence) -> Held {
    Held::new(bytes(&fence.lock), FenceToken(fence.token))
}

/// The owner written in hexadecimal.
fn owner_of(owner: &str) -> OwnerId {
    let number = u128::from_str_radix(owner, 16).expect("owners are written so");
    OwnerId(number.to_be_bytes())
}
