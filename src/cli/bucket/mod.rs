//! `dkv bucket`: named parts of a shard.

mod command;
mod list;
mod settings;

pub(crate) use command::{BucketArgs, run};
