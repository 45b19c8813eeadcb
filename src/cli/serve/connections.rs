//! The settings of `dkv serve` that bound what clients may do.

use std::num::NonZeroU32;

use clap::Args;

use crate::base::{Error, Result, limits};
use crate::server::settings::ConnectionLimits;

/// How many connections clients may have, and how fast each may ask.
#[derive(Debug, Args)]
pub(super) struct ConnectionArgs {
    /// Connections of clients at once: those beyond wait until others end [default: as many as
    /// there is room for, see `ulimit -n`; at most 65536]
    #[arg(long, value_name = "N", value_parser = connections)]
    max_connections: Option<usize>,
    /// Connections from one address at once: those beyond are closed [default: 1024, and as many
    /// as there is room for from this machine]
    #[arg(long, value_name = "N", value_parser = connections)]
    max_connections_per_address: Option<usize>,
    /// Requests of one connection in a second, and as many at once: those beyond are refused,
    /// and a session waits [default: as many as come]
    #[arg(long, value_name = "N", value_parser = rate)]
    max_rate: Option<NonZeroU32>,
}

impl ConnectionArgs {
    /// The settings as the server takes them.
    ///
    /// # Errors
    /// `Invalid` if not each of so many listeners could have a connection.
    pub(super) fn settle(&self, listeners: usize) -> Result<ConnectionLimits> {
        match self.max_connections {
            Some(most) if most < listeners => Err(Error::invalid(format!(
                "--max-connections {most}: there are {listeners} addresses to listen on, and each \
                 keeps a place; write {listeners} or more"
            ))),
            max => Ok(ConnectionLimits {
                max,
                per_address_max: self.max_connections_per_address,
                rate: self.max_rate,
            }),
        }
    }
}

fn connections(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(most) if (1..=limits::CONNECTIONS_MAX).contains(&most) => Ok(most),
        _ => Err(Error::invalid(format!(
            "`{text}` is not a number of connections: write 1 to {}",
            limits::CONNECTIONS_MAX
        ))),
    }
}

fn rate(text: &str) -> Result<NonZeroU32> {
    match text.parse::<NonZeroU32>() {
        Ok(rate) if rate.get() <= limits::CONNECTION_RATE_MAX => Ok(rate),
        _ => Err(Error::invalid(format!(
            "`{text}` is not a number of requests in a second: write 1 to {}",
            limits::CONNECTION_RATE_MAX
        ))),
    }
}
