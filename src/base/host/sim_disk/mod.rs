//! A disk in memory that loses power, fills up and fails when told to.
//!
//! Invariant: what survives a power loss is what the seam promises and no more:
//! content after `sync_data`, names after `sync_dir`; of everything else any
//! part, drawn from a seed. It knows nothing of what the files mean.

mod disk;
mod file;
mod inode;
mod names;

#[cfg(test)]
mod tests;

pub use disk::SimDisk;
