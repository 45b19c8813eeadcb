//! Clients of fakes, and of nobody.

use std::time::Duration;

use super::fake::Fake;
use crate::client::{Client, ClientOptions};

/// Far more than anything here should take.
pub(super) const LONG: Duration = Duration::from_secs(20);

pub(super) async fn client_of(fakes: &[&Fake]) -> Client {
    client_with(fakes, LONG, 3).await
}

pub(super) async fn client_with(fakes: &[&Fake], timeout: Duration, retries: u32) -> Client {
    let options = ClientOptions {
        endpoints: fakes.iter().map(|fake| fake.endpoint.clone()).collect(),
        timeout,
        retries,
        ..ClientOptions::default()
    };
    Client::connect(options).await.unwrap()
}

/// An endpoint where nobody listens: its port was free a moment ago.
pub(super) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
