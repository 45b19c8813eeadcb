//! Connections over the simulated network: the way out that a client is given, and the way in that
//! a server is given.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use turmoil::net::{TcpListener, TcpStream};

use dkv::base::host::{Acceptor, Dialler, Host, Line};
use dkv::server::settings::ServeConfig;
use dkv::server::{Node, simulated};

use super::open::Open;
use crate::stage::{Event, Stage};

const PORT: u16 = 8_080;

/// Where clients find the node of a machine.
pub(crate) fn address(machine: &str) -> String {
    format!("{machine}:{PORT}")
}

/// Serves clients until the node cannot go on, which whoever looks at it finds out by itself.
pub(crate) async fn serve(host: Host, config: ServeConfig, node: Arc<Node>, open: Arc<Open>) {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await;
    let listener = listener.expect("nobody else listens there");
    let entrance = Box::new(Entrance { listener, open });
    let _why = simulated::serve_clients(&host, &config, &node, entrance).await;
}

/// A node's side.
struct Entrance {
    listener: TcpListener,
    open: Arc<Open>,
}

impl Acceptor for Entrance {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Line>, SocketAddr)>> {
        async {
            let (stream, remote) = self.listener.accept().await?;
            Ok((Box::new(self.open.add(stream)) as Box<dyn Line>, remote))
        }
        .boxed()
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }
}

/// A client's side.
pub(crate) struct Roads {
    stage: Arc<Stage>,
    /// Where it had a connection before.
    known: Arc<Mutex<BTreeSet<String>>>,
}

impl Roads {
    pub(crate) fn new(stage: &Arc<Stage>) -> Self {
        Self {
            stage: stage.clone(),
            known: Arc::default(),
        }
    }
}

impl Dialler for Roads {
    fn dial(&self, authority: &str) -> BoxFuture<'static, io::Result<Box<dyn Line>>> {
        let (stage, known) = (self.stage.clone(), self.known.clone());
        let authority = authority.to_owned();
        async move {
            let stream = TcpStream::connect(authority.as_str()).await;
            match &stream {
                Ok(_) if known.lock().insert(authority) => stage.count(Event::Dialled),
                Ok(_) => stage.count(Event::Redialled),
                Err(_) => stage.count(Event::NobodyThere),
            }
            Ok(Box::new(stream?) as Box<dyn Line>)
        }
        .boxed()
    }
}
