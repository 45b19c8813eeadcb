//! The edge where requests come in.
//!
//! Invariant: transports hold no rules; they translate and call the service.

pub mod settings;
