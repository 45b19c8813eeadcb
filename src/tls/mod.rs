//! Encryption and proven names: certificates read, checked, shown and issued. TLS 1.3 by
//! rustls, with one provider. Knows nothing of requests.

mod identity;

pub use identity::{Identity, Kind};
