//! The redb engine: what every engine must do, with and without a file being rewritten.

use std::path::PathBuf;
use std::sync::Arc;

use super::{RedbEngine, RedbOptions};
use crate::engine::conformance::conformance_tests;
use crate::engine::conformance::disk::TestDisk;
use crate::engine::{Engine, EngineError};

const OPTIONS: RedbOptions = RedbOptions {
    cache_bytes: 1 << 20,
    rewrite_bytes_min: u64::MAX,
    rewrite_step_bytes: 4 << 10,
};

fn open(disk: &TestDisk) -> Result<Box<dyn Engine>, EngineError> {
    let engine = RedbEngine::open(Arc::new(disk.clone()), PathBuf::from("/engine"), OPTIONS)?;
    Ok(Box::new(engine))
}

conformance_tests!(open);
