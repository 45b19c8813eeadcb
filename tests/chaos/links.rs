//! The network between nodes: one proxy for each ordered pair.
//!
//! Each node sends its frames over connections that it dials itself, so the connection from A to
//! B carries what A says, and only acknowledgements back. To cut A from B is to stop the proxy
//! that A dials for B. For that A must dial the proxy and not B: a node's own `--cluster-members`
//! names where *it* dials each member, whatever address the cluster knows that member by. So
//! every node gets a list of its own, with its own real address and proxies for the others.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a link does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Open,
    /// Connections stay, and nothing comes through.
    Silent,
    /// Connections end, and new ones end at once.
    Refused,
}

/// Every link of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// From and to, by position of the node.
    flows: BTreeMap<(usize, usize), watch::Sender<Flow>>,
    addresses: BTreeMap<(usize, usize), String>,
}

impl Links {
    /// A proxy for each pair of these addresses.
    pub(crate) async fn between(peers: &[String]) -> Self {
        let mut links = Self::default();
        for from in 0..peers.len() {
            for (to, address) in peers.iter().enumerate().filter(|(to, _)| *to != from) {
                let listener = TcpListener::bind("127.0.0.1:0").await;
                let listener = listener.expect("a port for a proxy is free");
                let at = listener.local_addr().expect("a listener has an address");
                let (sender, flow) = watch::channel(Flow::Open);
                tokio::spawn(serve(listener, address.clone(), flow));
                links.flows.insert((from, to), sender);
                links.addresses.insert((from, to), at.to_string());
            }
        }
        links
    }

    /// Where `from` dials `to`.
    pub(crate) fn address(&self, from: usize, to: usize) -> &str {
        &self.addresses[&(from, to)]
    }

    /// What `from` says to `to` meets this from now on.
    pub(crate) fn set(&self, from: usize, to: usize, flow: Flow) {
        if let Some(sender) = self.flows.get(&(from, to)) {
            sender.send_replace(flow);
        }
    }

    /// Everything comes through again.
    pub(crate) fn heal(&self) {
        for sender in self.flows.values() {
            sender.send_replace(Flow::Open);
        }
    }
}

async fn serve(listener: TcpListener, to: String, flow: watch::Receiver<Flow>) {
    while let Ok((inbound, _)) = listener.accept().await {
        let (to, mut flow) = (to.clone(), flow.clone());
        tokio::spawn(async move {
            if *flow.borrow() == Flow::Refused {
                return;
            }
            // Silence begins before the connection does.
            if flow.wait_for(|flow| *flow != Flow::Silent).await.is_err() {
                return;
            }
            let Ok(outbound) = TcpStream::connect(&to).await else {
                return;
            };
            let _hurried = (inbound.set_nodelay(true), outbound.set_nodelay(true));
            let (from_dialer, to_dialer) = inbound.into_split();
            let (from_peer, to_peer) = outbound.into_split();
            // When one way ends, so does the other: both sides see a lost connection.
            tokio::select! {
                () = pass(from_dialer, to_peer, flow.clone()) => {}
                () = pass(from_peer, to_dialer, flow.clone()) => {}
            }
        });
    }
}

/// Passes bytes on while the link is open. What was read in silence is kept until it is over.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flow: watch::Receiver<Flow>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(count) if count > 0 => count,
                _ => return,
            },
            refused = flow.wait_for(|flow| *flow == Flow::Refused) => {
                drop(refused);
                return;
            }
        };
        match flow.wait_for(|flow| *flow != Flow::Silent).await {
            Ok(flow) if *flow == Flow::Open => {}
            _ => return,
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
