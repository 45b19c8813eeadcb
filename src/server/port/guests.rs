//! Those who show no certificate where others must: they have few places, and little time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::places::Origin;
use crate::tls::{Failure, Side};

/// What guests may do.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct GuestBounds {
    /// So many at once, ...
    pub(in crate::server) total: usize,
    /// ... from one address of another machine, ...
    pub(in crate::server) per_address: usize,
    /// ... each for so long.
    pub(in crate::server) within: Duration,
}

/// Guests of a port. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Guests {
    pub(super) bounds: GuestBounds,
    seated: Arc<Mutex<HashMap<Origin, usize>>>,
}

/// The place of one.
pub(super) struct GuestSeat {
    guests: Guests,
    origin: Origin,
}

impl Guests {
    pub(super) fn new(bounds: GuestBounds) -> Self {
        Self {
            bounds,
            seated: Arc::default(),
        }
    }

    /// A place for somebody from there.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn seat(&self, origin: Origin) -> Result<GuestSeat, Failure> {
        let most = match origin {
            Some(address) if !address.is_loopback() => self.bounds.per_address,
            _ => self.bounds.total,
        };
        let mut seated = self.seated.lock();
        let all: usize = seated.values().sum();
        let of = seated.get(&origin).copied().unwrap_or(0);
        let full = |why| Err(Failure::other(Side::Server, why));
        if of >= most {
            return full("too many others of its address have no certificate either: try again");
        }
        if all >= self.bounds.total {
            return full("too many others without a certificate are there: try again");
        }
        *seated.entry(origin).or_default() += 1;
        Ok(GuestSeat {
            guests: self.clone(),
            origin,
        })
    }
}

impl Drop for GuestSeat {
    fn drop(&mut self) {
        let mut seated = self.guests.seated.lock();
        if let Some(of) = seated.get_mut(&self.origin) {
            *of -= 1;
            if *of == 0 {
                seated.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::origin;
    use super::*;

    /// While a token is open, a stranger must not keep out who brings it.
    #[test]
    fn one_address_takes_few_of_the_places() {
        let guests = Guests::new(GuestBounds {
            total: 4,
            per_address: 2,
            within: Duration::from_secs(1),
        });
        let seat = |address: &str| guests.seat(origin(address.parse().ok()));
        let (first, second) = (seat("192.0.2.1:1"), seat("192.0.2.1:2"));
        assert!(first.is_ok() && second.is_ok());
        assert!(seat("192.0.2.1:3").is_err());
        let network = (seat("[2001:db8::1]:1"), seat("[2001:db8::2]:1"));
        assert!(network.0.is_ok() && network.1.is_ok());
        assert!(seat("192.0.2.2:1").is_err(), "there are four places");
        drop(network);
        assert!(seat("192.0.2.1:3").is_err());
        let local: Vec<_> = (0..2).map(|_| seat("127.0.0.1:1")).collect();
        assert!(local.iter().all(Result::is_ok));
        drop((first, second, local));
        assert!(guests.seated.lock().is_empty());
    }
}
