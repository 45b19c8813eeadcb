//! From a directory to a store. Blocks: it belongs on a thread of its own.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::background::Background;
use super::crew::Crew;
use super::options::LocalStoreOptions;
use super::resident::Inside;
use crate::base::host::Host;
use crate::base::{Error, ErrorKind, Result};
use crate::server::{Direct, Node};

/// How often a directory that is in use is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Where a store is, and on what.
pub(super) struct Opening {
    pub(super) host: Host,
    pub(super) dir: PathBuf,
    pub(super) options: LocalStoreOptions,
}

impl Opening {
    /// Recovers the node and brings it together with what it needs here.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub(super) fn open(self) -> Result<Inside> {
        let crew = Crew::new(Arc::clone(&self.host.spawn));
        let host = Host {
            spawn: Arc::new(crew.clone()),
            ..self.host.clone()
        };
        let node = self.node(&host)?;
        let background = match Background::start(&*self.host.spawn) {
            Ok(background) => background,
            Err(failure) => {
                drop(node.close());
                crew.wait();
                return Err(failure);
            }
        };
        let clock = Arc::clone(&host.clock);
        let direct = Direct::new(&node, clock, background.handle().clone());
        Ok(Inside::new(node, direct, background, self.host.spawn, crew))
    }

    /// Opens the node, however often the directory's former user makes that necessary.
    fn node(&self, host: &Host) -> Result<Node> {
        let patience_ms = u64::try_from(self.options.patience.as_millis()).unwrap_or(u64::MAX);
        let until_ms = host.clock.boot_ms().saturating_add(patience_ms);
        let config = self.options.node(&self.dir);
        loop {
            match Node::open(host, &config) {
                Err(refused) if is_in_use(&refused) && host.clock.boot_ms() < until_ms => pause(),
                opened => return opened,
            }
        }
    }
}

fn is_in_use(refused: &Error) -> bool {
    let source = std::error::Error::source(refused);
    let io = source.and_then(|source| source.downcast_ref::<io::Error>());
    refused.kind() == ErrorKind::Unavailable
        && io.is_some_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Nobody tells when a file's lock becomes free: all there is to do is to ask again.
fn pause() {
    let nobody = Mutex::new(());
    let _timed_out = Condvar::new().wait_for(&mut nobody.lock(), AGAIN_AFTER);
}
