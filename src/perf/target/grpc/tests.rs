//! The client against a node that falls silent within an answer.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

use super::{Grpc, GrpcLane, Nodes};
use crate::base::ErrorKind;
use crate::client::ClientOptions;
use crate::perf::options::PerfOptions;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lane to a node that answers everything with an empty page, and no end.
async fn lane() -> GrpcLane {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answers = Router::new().fallback(async || {
        // Not compressed, and a message without any field.
        let frame = Bytes::from_static(&[0; 5]);
        let first = stream::once(async { Ok::<_, Infallible>(frame) });
        let body = Body::from_stream(first.chain(stream::pending()));
        ([("content-type", "application/grpc")], body)
    });
    let server = tonic::transport::Server::builder()
        .add_routes(answers.into())
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    let options = PerfOptions {
        client: ClientOptions {
            timeout: Duration::from_secs(2),
            connections: 1,
            ..ClientOptions::default()
        },
        ..PerfOptions::default()
    };
    Grpc::connect(&options, &Nodes::plain(&address))
        .await
        .unwrap()
        .lane(0)
}

/// The deadline was over with the first message: a scan waited for the second one for ever.
#[tokio::test]
async fn a_scan_whose_next_page_does_not_come_is_late() {
    let lane = lane().await;
    let scan = lane.scan("k", "k", 0, &|| true);
    let scanned = tokio::time::timeout(PATIENCE, scan).await;
    let late = scanned.expect("it waits for ever").unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Timeout, "{late}");
    assert!(late.message().contains("nothing came within 2s"), "{late}");
}
