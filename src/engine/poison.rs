//! An engine that failed refuses everything from then on.

use std::sync::OnceLock;

use super::EngineError;

/// Why an engine stopped, once it has. A clone keeps what was known when it was taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Poison(OnceLock<String>);

impl Poison {
    /// # Errors
    /// `Poisoned`, with the failure that stopped the engine.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        match self.0.get() {
            Some(reason) => Err(EngineError::Poisoned(reason.clone())),
            None => Ok(()),
        }
    }

    /// Stops the engine. The first failure is the one that tells most.
    pub(super) fn set(&self, error: &EngineError) {
        let _ = self.0.set(error.to_string());
    }
}
