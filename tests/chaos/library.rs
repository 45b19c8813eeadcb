//! A client of the library: it goes where it likes, and repeats what it may.

use std::time::Duration;

use dkv::base::types::{FenceToken, OwnerId, Revision};
use dkv::base::{Error, ErrorKind};
use dkv::client::{Client, ClientOptions, Condition as Wanted, Fence as Held, SetOptions};

use crate::check::history::{Action, Condition, Fence, Found, Outcome};
use crate::wire::{bytes, owner_of, text};

/// Long enough to outlive a failover now and then, short enough not to outlive all of them.
const CALL: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
pub(crate) struct LibraryClient {
    client: Client,
}

impl LibraryClient {
    pub(crate) async fn new(endpoints: Vec<String>) -> Self {
        let options = ClientOptions {
            endpoints,
            timeout: CALL,
            ..ClientOptions::default()
        };
        let client = Client::connect(options).await;
        Self {
            client: client.expect("the options are sound"),
        }
    }

    /// Writes until it is confirmed; false if it never is.
    pub(crate) async fn write_at_last(&mut self) -> bool {
        let began = std::time::Instant::now();
        while began.elapsed() < crate::PATIENCE {
            if self.client.set("at-last", "alice").await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    pub(crate) async fn call(&mut self, action: &Action) -> Outcome {
        let is_write = !matches!(action, Action::Get { .. });
        let answered = self.ask(action).await;
        answered.unwrap_or_else(|error| failure(&error, is_write))
    }

    async fn ask(&self, action: &Action) -> Result<Outcome, Error> {
        let client = &self.client;
        Ok(match action {
            Action::Get { key, .. } => {
                let found = client.get(bytes(key)).await?.map(|record| Found {
                    value: text(&record.value),
                    revision: record.revision.0,
                });
                let revision = None;
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
                let owner = OwnerId(owner_of(owner));
                let wait = Duration::from_millis(if *waits { 200 } else { 0 });
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
                let owner = OwnerId(owner_of(owner));
                let fence = client.renew(bytes(lock), owner, ttl(*ttl_ms)).await?;
                fence.map_or(Outcome::NotRenewed { revision }, |FenceToken(fence)| {
                    Outcome::Renewed { fence, revision }
                })
            }
            Action::Release { lock, owner } => {
                let owner = OwnerId(owner_of(owner));
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
