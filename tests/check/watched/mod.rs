//! Was what watchers were told all that happened, once, in order? Validators after those of etcd's
//! robustness tests, each for one promise.
//!
//! [`told`] is what was recorded of a watcher, [`log`] everything that happened in the end, and
//! [`validate`] compares them; [`acked`] compares the latter with what was confirmed to clients.
//!
//! Invariant: no legal stream is condemned. What nobody promised, such as where a watch begins
//! that named no revision, is taken as it shows.

pub(crate) mod acked;
pub(crate) mod log;
pub(crate) mod told;
pub(crate) mod validate;
