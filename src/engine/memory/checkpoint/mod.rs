//! Checkpoints: all rows of a frozen state in one checksummed file.
//!
//! Invariant: `checkpoint-<index>.ckpt` is whole and durable before an older one goes;
//! whatever is unfinished is called `.tmp`. Reading and writing take memory for one
//! block, not for the file.

mod blocks;
mod directory;
mod format;
mod read;
mod write;

pub(super) use blocks::{Blocks, room_of};
pub(super) use directory::{finished_path, newest, remove_older};
pub(super) use format::VALUE_BYTES_MAX;
pub(super) use read::load;
pub(super) use write::write;

/// One tree per table, in the order of `Table::ALL`.
pub(super) type Trees = [crate::engine::tree::Tree; 6];
