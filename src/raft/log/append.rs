//! Writing: records into the node's log, and waiting for it where that is asked.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::storage::IOFlushed;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Log, Shared};
use crate::raft::types::Types;
use crate::wal::{Append, Done, Durability, Record, WalError};

/// What a record takes around its payload, bytes.
const RECORD_SLACK_BYTES: u64 = 64;

/// How often an append that found no room is tried again.
const RETRY: Duration = Duration::from_millis(20);

impl Log {
    /// Appends records that may take several batches; `flushed` is told once all of them
    /// are durable.
    ///
    /// A full disk refuses what comes new ([`Log::read_only`]). For what is on its way
    /// already there mostly is room; without any, as with a full queue, the group is held
    /// up: to others this node is slow then, not wrong.
    pub(super) async fn append_all(
        &self,
        records: Vec<Record>,
        flushed: IOFlushed<Types>,
    ) -> io::Result<()> {
        let mut batches = batches(records, self.shared.wal.append_bytes_max());
        let last = batches.pop().unwrap_or_default();
        for batch in batches {
            self.shared.append(batch, || Box::new(|_| {})).await?;
        }
        let flushed = Arc::new(Mutex::new(Some(flushed)));
        let state = &self.shared.state;
        state.lock().entries.under_way();
        let tell = || -> Done {
            let (flushed, state) = (flushed.clone(), state.clone());
            Box::new(move |result| {
                if result.is_ok() {
                    state.lock().entries.flushed();
                }
                if let Some(flushed) = flushed.lock().take() {
                    flushed.io_completed(result.map_err(io::Error::other));
                }
            })
        };
        self.shared.append(last, tell).await
    }

    /// Appends one record and waits until it is durable.
    pub(super) async fn append_durably(&self, record: Record) -> io::Result<()> {
        let slot = Arc::new(Mutex::new(None));
        let tell = || -> Done {
            let (tell, told) = oneshot::channel();
            *slot.lock() = Some(told);
            Box::new(move |result| drop(tell.send(result)))
        };
        self.shared.append(vec![record], tell).await?;
        let told = slot.lock().take().expect("an accepted append made it");
        match told.await {
            Ok(result) => result.map_err(io::Error::other),
            Err(_) => Err(io::Error::other("the log stopped")),
        }
    }
}

impl Shared {
    async fn append(&self, records: Vec<Record>, tell: impl Fn() -> Done) -> io::Result<()> {
        loop {
            let append = Append {
                records: records.clone(),
                durability: Durability::Fsync,
                done: tell(),
            };
            match self.wal.append_let_in(append) {
                Ok(()) => return Ok(()),
                Err(full @ (WalError::ReadOnly { .. } | WalError::QueueFull { .. })) => {
                    if self.is_stopping.load(Ordering::SeqCst) {
                        return Err(io::Error::other(full));
                    }
                    tracing::debug!(group = self.group, %full, "the log has no room: waiting");
                    tokio::time::sleep(RETRY).await;
                }
                Err(failed) => return Err(io::Error::other(failed)),
            }
        }
    }
}

/// Cuts records into groups of at most `bytes_max`.
fn batches(records: Vec<Record>, bytes_max: u64) -> Vec<Vec<Record>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for record in records {
        let more = record.payload.len() as u64 + RECORD_SLACK_BYTES;
        if bytes + more > bytes_max && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += more;
        batch.push(record);
    }
    batches.push(batch);
    batches
}
