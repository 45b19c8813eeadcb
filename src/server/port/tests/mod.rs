//! Ports with small limits, and callers that keep to none of them.

mod bounded;
mod frames;
mod http1;
mod http2;
mod tls;
mod trust;
mod world;
