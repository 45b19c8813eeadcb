//! The client against a node that falls silent within an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Grpc, GrpcLane};
use crate::base::ErrorKind;
use crate::client::{Client, ClientOptions};
use crate::perf::options::PerfOptions;
use crate::server::Ephemeral;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a node can be reached until it is `silenced`: then it hears, and says nothing more.
async fn in_front_of(node: String, silenced: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&node).await.unwrap();
            let ((mut near_read, near_write), (far_read, mut far_write)) =
                (near.into_split(), far.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut near_read, &mut far_write).await });
            tokio::spawn(pass(far_read, near_write, Arc::clone(&silenced)));
        }
    });
    address
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    silenced: Arc<AtomicBool>,
) {
    let mut chunk = vec![0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if silenced.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}

/// A lane to a node with several pages of records.
async fn lane(node: &Ephemeral, silenced: &Arc<AtomicBool>) -> GrpcLane {
    let own = Client::connect(ClientOptions::to(node.endpoint())).await;
    let own = own.unwrap();
    for number in 0..4 {
        let value = Bytes::from(vec![b'v'; 900_000]);
        own.set(format!("k{number}"), value).await.unwrap();
    }
    let address = in_front_of(node.endpoint().to_owned(), Arc::clone(silenced)).await;
    let options = PerfOptions {
        client: ClientOptions {
            timeout: Duration::from_secs(2),
            connections: 1,
            ..ClientOptions::default()
        },
        ..PerfOptions::default()
    };
    Grpc::connect(&options, &[address]).await.unwrap().lane(0)
}

/// The deadline was over with the first message: a scan waited for the second one for ever.
#[tokio::test]
async fn a_scan_whose_next_page_does_not_come_is_late() {
    let node = Ephemeral::start().await.unwrap();
    let silenced = Arc::new(AtomicBool::new(false));
    let lane = lane(&node, &silenced).await;
    assert_eq!(lane.scan("k", "k", 0, &|| true).await.unwrap(), 4);
    let is_first = AtomicBool::new(true);
    let go_on = || {
        // Of the second page there is no more under way than HTTP/2 has room for.
        if !is_first.swap(false, Ordering::SeqCst) {
            silenced.store(true, Ordering::SeqCst);
        }
        true
    };
    let scan = lane.scan("k", "k", 0, &go_on);
    let scanned = tokio::time::timeout(PATIENCE, scan).await;
    let late = scanned.expect("it waits for ever").unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Timeout, "{late}");
}
