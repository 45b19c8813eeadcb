//! dkv in your own process: [`LocalStore`] is a [`Client`](crate::Client) with the node
//! inside, without a server, a port or a runtime of your own.
//!
//! Invariant: nothing here means anything. A request takes the path every transport
//! takes, so that a program may move between a store of its own and a server by changing
//! the line that opens it. The data directory is the one that `dkv serve` has.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> dkv::base::Result<()> {
//! # let folder = tempfile::tempdir().expect("a directory for an example");
//! # let path = folder.path().join("data");
//! use std::time::Duration;
//! use dkv::LocalStore;
//! use dkv::client::SetOptions;
//!
//! let store = LocalStore::open(path).await?;
//! store.set("user:1", "alice").await?;
//! let lease = SetOptions {
//!     delete_in: Some(Duration::from_secs(30)),
//!     ..SetOptions::default()
//! };
//! store.set_with("session:bob", "token", lease).await?;
//! assert_eq!(store.get("user:1").await?.expect("it was set").value, "alice");
//! store.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The calls are futures for any executor: the store has a thread of its own for timers
//! and for what goes on in the background. Programs without `async` wait with
//! [`block_on`]:
//!
//! ```
//! use dkv::LocalStore;
//! use dkv::embedded::block_on;
//!
//! fn main() -> dkv::base::Result<()> {
//!     let store = block_on(LocalStore::in_memory())?;
//!     block_on(store.set("user:1", "alice"))?;
//!     assert!(block_on(store.has("user:1"))?);
//!     Ok(())
//! }
//! ```

mod store;

mod options;

mod opening;
mod resident;

mod background;
mod crew;

mod block_on;

#[cfg(test)]
mod tests;

pub use crate::server::settings::{Durability, EngineKind};
pub use block_on::block_on;
pub use options::LocalStoreOptions;
pub use store::LocalStore;
