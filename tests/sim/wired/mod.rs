//! The second level: clients are the client library, each on a machine of its own, and reach nodes
//! over connections of the simulated network, through everything that a server is made of: its
//! port, HTTP/2, the gRPC services, sessions and streams of watches. Nodes, disks, clocks, those
//! who break things and those who judge are the first level's.
//!
//! What the network does to a connection is what TCP makes of it: bytes come late or never, but in
//! order. The simulated TCP repeats nothing, so a cut that lasts is held back here, and comes when it
//! is mended; one that loses a byte leaves a connection silent for good, as a firewall does that
//! forgot it, and it is for HTTP/2's pings to notice.
//!
//! Left out: TLS and REST, whose clients are not this library, and the peers' port, whose place the
//! links of the first level take.

mod cuts;
mod guest;
mod open;
mod roads;
mod run;
mod spy;
mod tests;

pub(crate) use open::Open;
pub(crate) use roads::{address, serve};
