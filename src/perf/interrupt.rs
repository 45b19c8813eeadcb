//! A run that is to end early.

use std::sync::Arc;

use tokio::sync::watch;

/// Ends a run early, keeping what was measured until then. Clones are the same interrupt.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<watch::Sender<bool>>);

impl Interrupt {
    /// One that was not raised.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Asks for the end, once and for all.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when it is raised.
    pub async fn raised(&self) {
        let mut raised = self.0.subscribe();
        let seen = raised.wait_for(|raised| *raised).await;
        seen.expect("the sender is held by this interrupt");
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self::new()
    }
}
