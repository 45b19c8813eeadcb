//! Issues certificates: an authority of one's own, what it signs, and what it takes back.

mod apply;
mod authority;
mod folder;
mod ledger;
mod receive;
mod record;
mod request;
mod revocations;
mod revoke;
mod staged;

pub use apply::{hosts_of_request, new_request};
pub use authority::{Authority, Issued};
pub use folder::Folder;
pub use ledger::Ledger;
pub use receive::{check_received, may_follow, trust_beside};
pub use request::{Request, check_host};
pub use revocations::{Revocations, Revoked};
