//! Encryption and proven names: certificates read, checked, shown and issued. TLS 1.3 by
//! rustls, with one provider. Knows nothing of requests.
//!
//! Invariant: who a peer is comes from its certificate's alternative names alone, and what
//! has no `dkv://node/` there is never a node.

mod moment;
mod named;

mod files;
mod found;
mod identity;
mod leaf;
mod pem;

mod authorities;
mod kept;
mod lists;
mod material;

mod accept;
mod connect;
mod failure;
mod nodes;
mod provider;

pub mod issue;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use accept::{Accepted, ClientAuth, accept, server_config};
pub use authorities::Authorities;
pub use connect::{Connected, Noted, client_config, connect, server_name};
pub use failure::{Cause, Failure, Refusal, Side, speaks_tls};
pub use files::{Crl, Files};
pub use found::{Found, Holder, KeyBeside, authorities_beside};
pub use identity::{Identity, Kind, check_name};
pub use kept::{Fits, Kept};
pub use leaf::{Leaf, Peer};
pub use material::{Credentials, Material};
pub use moment::Moment;
pub use nodes::{check_enrolling, enroll_config, node_config, node_server_config};
pub use pem::Pem;
