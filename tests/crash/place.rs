//! A node's place in a cluster, as the environment of its process carries it.

use std::fmt;
use std::net::{SocketAddr, TcpListener};

use dkv::server::settings::ClusterConfig;

/// The last of so many members, of which each has a port; one alone needs none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    number: usize,
    ports: Vec<u16>,
}

impl Place {
    /// In a cluster of one.
    pub(crate) fn alone() -> Self {
        Self {
            number: 0,
            ports: vec![0],
        }
    }

    /// All places of a cluster of so many, on ports that are free now.
    pub(crate) fn of(members: usize) -> Vec<Self> {
        let bind = |_| TcpListener::bind(("127.0.0.1", 0)).expect("loopback has ports");
        let listeners: Vec<TcpListener> = (0..members).map(bind).collect();
        let port = |it: &TcpListener| it.local_addr().expect("it listens").port();
        let ports: Vec<u16> = listeners.iter().map(port).collect();
        let place = |number| Self {
            number,
            ports: ports.clone(),
        };
        (0..members).map(place).collect()
    }

    /// Reads what is displayed.
    pub(crate) fn read(text: &str) -> Self {
        let mut numbers = text.split(' ');
        let number = numbers.next().and_then(|it| it.parse().ok());
        Self {
            number: number.expect("the first is its number"),
            ports: numbers.map(|it| it.parse().expect("a port")).collect(),
        }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> String {
        name(self.number)
    }

    /// What a node is told of it.
    pub(crate) fn config(&self) -> ClusterConfig {
        let address = |port: &u16| format!("127.0.0.1:{port}");
        let members = self.ports.iter().enumerate();
        ClusterConfig {
            peer_listen: SocketAddr::from(([127, 0, 0, 1], self.ports[self.number])),
            members: members
                .map(|(at, port)| (name(at), address(port)))
                .collect(),
            // As much of the log goes with a checkpoint as that of a lone node.
            compaction_overhead: 20,
            ..ClusterConfig::default()
        }
    }
}

fn name(number: usize) -> String {
    format!("node-{}", number + 1)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        self.ports.iter().try_for_each(|port| write!(f, " {port}"))
    }
}
