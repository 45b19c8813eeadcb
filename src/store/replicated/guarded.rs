//! Rows that come from another member, under the rule of every write: one that failed stops the
//! node. Nothing else would. A member that waits for rows applies no entry, and so never finds
//! that its engine is of no use any more.

use bytes::Bytes;

use crate::base::types::LogIndex;
use crate::engine::{EngineError, Replacement, Table};
use crate::store::fatal::Fatal;

/// See the module.
pub(super) struct Guarded {
    inner: Box<dyn Replacement>,
    fatal: Fatal,
}

impl Guarded {
    pub(super) fn new(inner: Box<dyn Replacement>, fatal: Fatal) -> Self {
        Self { inner, fatal }
    }
}

impl Replacement for Guarded {
    fn add(&mut self, rows: Vec<(Table, Bytes, Bytes)>) -> Result<(), EngineError> {
        let added = self.inner.add(rows);
        added.inspect_err(|failure| check(failure, &self.fatal))
    }

    fn seal(self: Box<Self>, covers: LogIndex) -> Result<(), EngineError> {
        let Self { inner, fatal } = *self;
        let sealed = inner.seal(covers);
        sealed.inspect_err(|failure| check(failure, &fatal))
    }
}

/// Stops the node, unless the engine goes on as if nothing had been tried.
pub(super) fn check(failure: &EngineError, fatal: &Fatal) {
    if !failure.is_harmless() {
        fatal.raise(&failure.to_string());
    }
}
