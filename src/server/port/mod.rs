//! The serving path of a port: bound, accepted from, bounded, spoken on, drained. The client
//! port and the peer port are both this one; what answers requests is handed in.
//!
//! Invariant: nobody who connects makes a port wait for them, or costs more than its `Limits`:
//! whatever they leave out, time is over for it; however many they are, they take turns. No request is looked at here.

mod accept;
mod allowance;
mod bind;
mod budget;
mod caller;
mod connection;
mod crowd;
mod greeting;
mod guests;
mod handshakes;
mod idle;
mod limits;
mod pace;
mod places;
mod protocol;
mod rate;
mod security;
mod serve;
mod socket;
mod turns;

pub(super) use allowance::{Allowance, Full, Held};
pub(super) use bind::Listener;
pub(super) use budget::connections_max;
pub(super) use caller::Caller;
pub(super) use guests::GuestBounds;
pub(super) use limits::{Limits, Speaks};
pub(super) use pace::let_others_go_on;
pub(super) use places::{Bounds, Connections};
pub(super) use rate::{Rate, slowed};
pub(super) use security::Security;
pub(super) use serve::serve;

#[cfg(test)]
mod tests;
