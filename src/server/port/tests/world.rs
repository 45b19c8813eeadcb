//! A port that answers a few paths, and what happens at it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tonic::body::Body;

use crate::server::port::{Bounds, Caller, Connections, Limits, Listener, Security, serve};

/// Ends a test that would hang; no test depends on how long anything takes.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// Far longer than the limits of the tests.
pub(super) const LONG: Duration = Duration::from_millis(500);

/// A port, served.
pub(super) struct Port {
    pub(super) address: SocketAddr,
    pub(super) connections: Connections,
    /// Requests that came.
    came: Arc<AtomicUsize>,
    /// Requests that are looked at.
    open: Arc<AtomicUsize>,
    /// Lets requests for `/slow` be answered.
    release: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// What clients may do, with times that a test can wait for.
pub(super) fn limits() -> Limits {
    Limits {
        farewell: Duration::from_millis(50),
        ..Limits::of_clients(None)
    }
}

impl Port {
    pub(super) async fn start(allows: Limits, bounds: Bounds) -> Self {
        Self::secured(allows, bounds, None).await
    }

    pub(super) async fn secured(
        allows: Limits,
        bounds: Bounds,
        security: Option<Security>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Connections::new(bounds);
        let (came, open) = (Arc::default(), Arc::default());
        let release = Arc::new(Semaphore::new(0));
        let (stop, stopping) = watch::channel(false);
        let counted = (Arc::clone(&came), Arc::clone(&open), Arc::clone(&release));
        let answers = tower::service_fn(move |request| {
            let (came, open, release) = counted.clone();
            let open = Looked::at(open);
            async move {
                let answered = answer(request, came, release).await;
                drop(open);
                answered
            }
            .boxed()
        });
        let listener = Listener::Tcp(listener);
        let serving = serve(
            listener,
            answers,
            allows,
            connections.clone(),
            security,
            stopping,
        );
        Self {
            address,
            connections,
            came,
            open,
            release,
            stop,
            serving: tokio::spawn(serving),
        }
    }

    pub(super) async fn with(allows: Limits) -> Self {
        Self::start(allows, Bounds::of_all(100)).await
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(super) fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    /// Requests that are looked at.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Returns once so many requests came.
    pub(super) async fn has_come(&self, requests: usize) {
        until(|| self.came() >= requests).await;
    }

    /// Lets a request for `/slow` be answered.
    pub(super) fn release(&self) {
        self.release.add_permits(1);
    }

    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Returns once nothing is served any more.
    pub(super) async fn ended(self) {
        within(self.serving).await.unwrap();
        assert_eq!(self.connections.open(), 0);
    }
}

/// A request that is looked at for as long as this lives.
struct Looked(Arc<AtomicUsize>);

impl Looked {
    fn at(open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self(open)
    }
}

impl Drop for Looked {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(
    request: Request<Body>,
    came: Arc<AtomicUsize>,
    release: Arc<Semaphore>,
) -> Result<Response<Body>, std::convert::Infallible> {
    came.fetch_add(1, Ordering::SeqCst);
    let text = match request.uri().path() {
        "/slow" => {
            release.acquire().await.unwrap().forget();
            "late".to_owned()
        }
        "/rate" => match Caller::admit(request.extensions()) {
            Ok(()) => "in time".to_owned(),
            Err(too_fast) => too_fast.to_string(),
        },
        _ => {
            let caller = Caller::of(request.extensions()).unwrap();
            format!("{caller} at {}", caller.local.unwrap())
        }
    };
    Ok(Response::new(Body::new(text)))
}

/// A request of HTTP/1.1.
pub(super) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// What is said before the port hangs up.
pub(super) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset is a way to hang up.
    let _reset = within(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until the text has come.
pub(super) async fn read_until(stream: &mut (impl AsyncRead + Unpin), text: &str) -> String {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(text) {
        let mut buffer = [0; 4096];
        let read = within(stream.read(&mut buffer)).await.unwrap();
        assert!(
            read > 0,
            "hung up after {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes.extend(&buffer[..read]);
    }
    String::from_utf8(bytes).unwrap()
}

/// Waits, but not for ever.
pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(HANGS_AFTER, future).await;
    done.expect("this never ends")
}

pub(super) async fn until(mut holds: impl FnMut() -> bool) {
    within(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub(super) fn rate(per_second: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(per_second)
}
