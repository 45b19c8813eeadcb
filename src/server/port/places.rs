//! Connections that are open: counted, and bounded where they are accepted.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::allowance::{Allowances, Pools};
use super::crowd::Crowd;
use super::handshakes::{Handshake, Handshakes};
use super::turns::Turns;
use crate::base::limits;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct Bounds {
    /// At once.
    pub(in crate::server) total: usize,
    /// From one address of another machine.
    pub(in crate::server) per_address: usize,
    /// From one address of this machine; and over Unix sockets, which count as one.
    pub(in crate::server) per_local: usize,
    /// Handshakes of TLS that are not finished: fewer than connections, so that whoever
    /// begins them without end takes no place of who finished theirs, ...
    pub(in crate::server) handshakes: usize,
    /// ... from one address of another machine.
    pub(in crate::server) handshakes_per_address: usize,
}

impl Bounds {
    /// So many at once, from wherever.
    pub(in crate::server) fn of_all(total: usize) -> Self {
        let handshakes = (total / 2).clamp(1, limits::HANDSHAKES_MAX);
        Self {
            total,
            per_address: total,
            per_local: total,
            handshakes,
            handshakes_per_address: (handshakes / 4).clamp(1, limits::HANDSHAKES_PER_ADDRESS_MAX),
        }
    }

    /// So many at once, and from one address as many as is asked for. This machine's are
    /// bounded if that is asked for alone: its proxies speak for many.
    pub(in crate::server) fn of_clients(total: usize, per_address: Option<usize>) -> Self {
        Self {
            total,
            per_address: per_address.unwrap_or(limits::CONNECTIONS_PER_ADDRESS_MAX),
            per_local: per_address.unwrap_or(total),
            ..Self::of_all(total)
        }
    }

    pub(super) fn handshakes_of(&self, origin: Origin) -> usize {
        match origin {
            Some(address) if !address.is_loopback() => self.handshakes_per_address,
            _ => self.handshakes,
        }
    }

    fn of(&self, origin: Origin) -> usize {
        match origin {
            Some(address) if !address.is_loopback() => self.per_address,
            _ => self.per_local,
        }
    }
}

/// Where a connection is from; nothing on a Unix socket. Addresses of IPv6 are those of their
/// network: whoever has one has 2^64.
pub(super) type Origin = Option<IpAddr>;

/// The bits of an address of IPv6 that are its network's.
const NETWORK: u128 = !0 << 64;

pub(super) fn origin(remote: Option<SocketAddr>) -> Origin {
    remote.map(|remote| match remote.ip().to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() & NETWORK).into()
        }
        address => address,
    })
}

/// As people read it.
pub(super) fn shown(origin: Origin) -> String {
    match origin {
        None => "a Unix socket".to_owned(),
        Some(IpAddr::V6(address)) if !address.is_loopback() => format!("{address}/64"),
        Some(address) => address.to_string(),
    }
}

/// How many connections there are and were, and room for more. Clones are the same
/// counters, and the same room.
#[derive(Clone)]
pub(in crate::server) struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    open: AtomicU64,
    accepted: AtomicU64,
    /// Their address had too many.
    refused: AtomicU64,
    /// Requests that were refused, not connections.
    too_fast: AtomicU64,
    /// Requests, too: their address had too many open.
    crowded: Arc<AtomicU64>,
    handshakes: Handshakes,
    pools: Pools,
    places: Arc<Semaphore>,
    bounds: Bounds,
    /// Somebody had to wait for a place, and that was logged.
    is_full: AtomicBool,
    origins: Mutex<HashMap<Origin, Seats>>,
}

/// The connections from one address.
struct Seats {
    taken: usize,
    shared: Shared,
    /// Somebody was refused, and that was logged.
    is_told: bool,
}

/// What the connections from one address have together.
#[derive(Clone)]
pub(super) struct Shared {
    /// On the processor.
    pub(super) turns: Arc<Turns>,
    /// Of open requests.
    pub(super) crowd: Arc<Crowd>,
}

/// Room for a connection.
pub(super) type Place = OwnedSemaphorePermit;

/// A connection that is counted for as long as this lives.
pub(super) struct Seat {
    connections: Connections,
    origin: Origin,
    shared: Shared,
    _place: Place,
}

impl Connections {
    /// None yet.
    pub(in crate::server) fn new(bounds: Bounds) -> Self {
        let inner = Inner {
            open: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            too_fast: AtomicU64::new(0),
            crowded: Arc::default(),
            handshakes: Handshakes::new(bounds),
            pools: Pools::new(),
            places: Arc::new(Semaphore::new(bounds.total)),
            bounds,
            is_full: AtomicBool::new(false),
            origins: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Waits until there is room for one more.
    pub(super) async fn place(&self) -> Place {
        let inner = &self.inner;
        let places = Arc::clone(&inner.places);
        match places.available_permits() {
            0 if !inner.is_full.swap(true, Ordering::Relaxed) => tracing::warn!(
                open = inner.bounds.total,
                "no more connections can be open: those that come wait (--max-connections and \
                 `ulimit -n` allow more)"
            ),
            0 => {}
            // A single place that is taken and left again is no news.
            free if free > inner.bounds.total / 8 => inner.is_full.store(false, Ordering::Relaxed),
            _ => {}
        }
        let place = places.acquire_owned().await;
        place.expect("the semaphore is never closed")
    }

    /// Gives a connection from there its place, or the place back if there are too many from
    /// there already.
    pub(super) fn seat(&self, remote: Option<SocketAddr>, place: Place) -> Result<Seat, Place> {
        let origin = origin(remote);
        let most = self.inner.bounds.of(origin);
        let seated = {
            let mut origins = self.inner.origins.lock();
            let seats = origins.entry(origin);
            let seats = seats.or_insert_with(|| Seats::new(&self.inner.crowded));
            match seats.taken < most {
                true => {
                    seats.taken += 1;
                    seats.shared.turns.serve(seats.taken);
                    Ok(seats.shared.clone())
                }
                false => Err(!std::mem::replace(&mut seats.is_told, true)),
            }
        };
        let is_news = match seated {
            Ok(shared) => {
                self.inner.open.fetch_add(1, Ordering::Relaxed);
                self.inner.accepted.fetch_add(1, Ordering::Relaxed);
                return Ok(Seat {
                    connections: self.clone(),
                    origin,
                    shared,
                    _place: place,
                });
            }
            Err(is_news) => is_news,
        };
        self.inner.refused.fetch_add(1, Ordering::Relaxed);
        if is_news {
            tracing::warn!(
                from = shown(origin),
                open = most,
                "too many connections from one address: more are closed at once \
                 (--max-connections-per-address)"
            );
        }
        Err(place)
    }

    fn leave(&self, origin: Origin, turns: &Turns) {
        let most = self.inner.bounds.of(origin);
        let mut origins = self.inner.origins.lock();
        if let Some(seats) = origins.get_mut(&origin) {
            seats.taken -= 1;
            turns.serve(seats.taken);
            // One that goes and comes again is no news.
            seats.is_told &= seats.taken > most - most / 8;
            if seats.taken == 0 {
                origins.remove(&origin);
            }
        }
        drop(origins);
        turns.go_on();
        self.inner.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count_too_fast(&self) {
        self.inner.too_fast.fetch_add(1, Ordering::Relaxed);
    }

    /// The handshakes of these connections.
    pub(super) fn handshakes(&self) -> &Handshakes {
        &self.inner.handshakes
    }

    /// Handshakes of TLS that led to a secure connection, and that did not.
    pub(in crate::server) fn handshake_counts(&self) -> (u64, u64) {
        self.inner.handshakes.counts()
    }

    /// Those that were closed, for too many handshakes were not finished.
    pub(in crate::server) fn refused_handshakes(&self) -> u64 {
        self.inner.handshakes.refused()
    }

    /// Those that are open.
    pub(in crate::server) fn open(&self) -> u64 {
        self.inner.open.load(Ordering::Relaxed)
    }

    /// Those that were accepted so far.
    pub(in crate::server) fn accepted(&self) -> u64 {
        self.inner.accepted.load(Ordering::Relaxed)
    }

    /// Those that were closed at once, for there were too many from their address.
    pub(in crate::server) fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::Relaxed)
    }

    /// What one more connection may make the node hold.
    pub(in crate::server) fn allow(&self) -> Allowances {
        self.inner.pools.allow()
    }

    /// Requests that were refused, for their connection had too much under way.
    pub(in crate::server) fn too_large(&self) -> u64 {
        self.inner.pools.refused()
    }

    /// Requests that were refused, for their address had too many open.
    pub(in crate::server) fn crowded(&self) -> u64 {
        self.inner.crowded.load(Ordering::Relaxed)
    }

    /// Requests that were refused, for their connection sent too many.
    pub(in crate::server) fn too_fast(&self) -> u64 {
        self.inner.too_fast.load(Ordering::Relaxed)
    }
}

impl Seats {
    fn new(crowded: &Arc<AtomicU64>) -> Self {
        Self {
            taken: 0,
            shared: Shared {
                turns: Turns::new(),
                crowd: Crowd::new(limits::ADDRESS_STREAMS_MAX, crowded),
            },
            is_told: false,
        }
    }
}

impl Seat {
    /// What all connections from there have together.
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Begins a handshake.
    pub(super) fn handshake(&self) -> Handshake {
        self.connections.handshakes().begin(self.origin)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.leave(self.origin, &self.shared.turns);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn there_are_never_more_than_there_are_places_for() {
        let connections = Connections::new(Bounds::of_all(2));
        let first = connections.seat(None, connections.place().await).ok();
        let _second = connections.seat(None, connections.place().await).ok();
        let mut third = pin!(connections.place());
        let polled = std::future::poll_fn(|context| Poll::Ready(third.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        drop(first);
        let _third = connections.seat(None, third.await).ok();
        assert_eq!((connections.open(), connections.accepted()), (2, 3));
    }

    #[tokio::test]
    async fn one_address_has_its_share_and_this_machine_all_of_it() {
        let connections = Connections::new(Bounds {
            total: 100,
            per_address: 2,
            per_local: 3,
            ..Bounds::of_all(100)
        });
        let taken = async |address: &str, most: usize| {
            let remote = (!address.is_empty()).then(|| address.parse().unwrap());
            let mut seats = Vec::new();
            for _ in 0..=most {
                seats.extend(connections.seat(remote, connections.place().await).ok());
            }
            assert_eq!(seats.len(), most, "{address}");
            seats
        };
        let alice = taken("192.0.2.1:1", 2).await;
        let _bob = taken("192.0.2.2:1", 2).await;
        // The same machine, as it comes to a socket that takes both.
        let again = "[::ffff:192.0.2.1]:2".parse().ok();
        let refused = connections.seat(again, connections.place().await);
        assert!(refused.is_err(), "one address has one share");
        for local in ["127.0.0.1:1", "[::1]:1", ""] {
            taken(local, 3).await;
        }
        assert_eq!((connections.open(), connections.refused()), (4, 6));
        // Whoever has one address of IPv6 has a network of them.
        let network = taken("[2001:db8::1]:1", 2).await;
        let next = "[2001:db8::ffff:0:0:2]:1".parse().ok();
        assert!(connections.seat(next, connections.place().await).is_err());
        taken("[2001:db8:0:1::1]:1", 2).await;
        drop(network);
        drop(alice);
        taken("192.0.2.1:1", 2).await;
        let origins = connections.inner.origins.lock().len();
        assert_eq!(origins, 1, "nobody is remembered who is gone");
    }
}
