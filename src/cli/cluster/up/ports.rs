//! Which ports the nodes listen on, all of them free when they were looked at.

use std::net::{Ipv4Addr, TcpListener};

use crate::base::{Error, Result};

/// For each node a port for clients and one for other members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) client: Vec<u16>,
    pub(super) peer: Vec<u16>,
}

impl Ports {
    /// From the two first ones, or any that are free if the first is 0.
    ///
    /// # Errors
    /// `Invalid` for ranges that cannot be, `Unavailable` for ports that are taken.
    pub(super) fn choose(nodes: u16, client: u16, peer: u16) -> Result<Self> {
        if client == 0 {
            return Self::free(usize::from(nodes));
        }
        let client = range("--port", client, nodes)?;
        let peer = range("--peer-port", peer, nodes)?;
        if let Some(port) = client.iter().find(|port| peer.contains(port)) {
            return Err(Error::invalid(format!(
                "--port and --peer-port both come to {port}: leave {nodes} between them"
            )));
        }
        let ports = Self { client, peer };
        ports.check_free()?;
        Ok(ports)
    }

    fn free(nodes: usize) -> Result<Self> {
        // All are held until the last is found, or one could be found twice.
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let held: Vec<TcpListener> = (0..2 * nodes)
            .map(|_| listen())
            .collect::<std::io::Result<_>>()
            .map_err(|error| Error::unavailable(format!("no port is free: {error}")))?;
        let ports: Vec<u16> = held
            .iter()
            .filter_map(|it| Some(it.local_addr().ok()?.port()))
            .collect();
        let (client, peer) = ports.split_at(nodes);
        Ok(Self {
            client: client.to_vec(),
            peer: peer.to_vec(),
        })
    }

    fn check_free(&self) -> Result<()> {
        let mut taken = Vec::new();
        for (flag, ports) in [("--port", &self.client), ("--peer-port", &self.peer)] {
            for (place, port) in ports.iter().enumerate() {
                if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)) {
                    let node = place + 1;
                    taken.push(format!("{port} ({flag}, of node-{node}): {error}"));
                }
            }
        }
        match taken.is_empty() {
            true => Ok(()),
            false => Err(Error::unavailable(format!(
                "these ports cannot be had: {}; choose others, or --port 0 for any that are free",
                taken.join(", ")
            ))),
        }
    }
}

fn range(flag: &str, first: u16, nodes: u16) -> Result<Vec<u16>> {
    if first == 0 {
        return Err(Error::invalid(format!(
            "{flag} 0: --port 0 finds free ports for both"
        )));
    }
    match first.checked_add(nodes - 1) {
        Some(last) => Ok((first..=last).collect()),
        None => Err(Error::invalid(format!(
            "{flag} {first} leaves no room for {nodes} nodes: {} is the last port",
            u16::MAX
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_all_different() {
        let ports = Ports::choose(7, 0, 63_001).unwrap();
        let mut all = [ports.client, ports.peer].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 14);
        assert!(!all.contains(&0));
    }

    #[test]
    fn ports_that_cannot_be_are_refused_by_number() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = held.local_addr().unwrap().port();
        let spare = Ports::choose(1, 0, 0).unwrap();
        let error = Ports::choose(1, taken, spare.peer[0]).unwrap_err();
        assert!(error.message().contains(&taken.to_string()), "{error}");
        let error = Ports::choose(1, spare.client[0], taken).unwrap_err();
        assert!(
            error.message().contains("--peer-port, of node-1"),
            "{error}"
        );
        for (client, peer, expected) in [
            (65_535, 100, "leaves no room"),
            (100, 0, "--peer-port 0"),
            (100, 101, "both come to 101"),
        ] {
            let error = Ports::choose(2, client, peer).unwrap_err();
            assert!(error.message().contains(expected), "{error}");
        }
    }
}
