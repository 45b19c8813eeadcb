//! The store's own runtime: timers, and tasks that outlive a call, on one thread.

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::base::host::{Patience, Progress, Spawn, Step};
use crate::base::{Error, Result};

/// A runtime that ends when this is dropped, and with it the tasks that are left. It never
/// does the store's work: no caller's clock stands still while another's disk is busy.
pub(super) struct Background {
    handle: Handle,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Background {
    /// Starts it.
    ///
    /// # Errors
    /// `Internal` when the operating system does not give what it needs.
    pub(super) fn start(spawn: &dyn Spawn) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| {
            Error::internal(format!("the store's timers could not be started: {error}"))
                .with_source(error)
        })?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let driver = Driver {
            runtime,
            stopped: Some(stopped),
        };
        spawn.drive("dkv-timers", Box::new(driver));
        Ok(Self {
            handle,
            _stop: stop,
        })
    }

    /// The runtime.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Its thread, in one step. The runtime is dropped where it ran, which may block.
struct Driver {
    runtime: Runtime,
    stopped: Option<oneshot::Receiver<()>>,
}

impl Step for Driver {
    fn step(&mut self, _patience: Patience) -> Progress {
        if let Some(stopped) = self.stopped.take() {
            // Nothing is ever sent.
            let _dropped = self.runtime.block_on(stopped).is_err();
        }
        Progress::Finished
    }
}
