//! Issues certificates: an authority of one's own, what it signs, and what it takes back.

mod authority;
mod request;
mod revocations;

pub use authority::{Authority, Issued};
pub use request::{Request, check_host};
pub use revocations::{Revocations, Revoked};
