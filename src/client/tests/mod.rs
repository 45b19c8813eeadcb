//! The client against a server that misbehaves.

pub(crate) mod fake;
mod locks;
mod retries;
mod routing;
mod streams;

use std::time::Duration;

use fake::Fake;

use super::{Client, ClientOptions};

/// Far more than anything here should take.
const LONG: Duration = Duration::from_secs(20);

async fn client_of(fakes: &[&Fake]) -> Client {
    client_with(fakes, LONG, 3).await
}

async fn client_with(fakes: &[&Fake], timeout: Duration, retries: u32) -> Client {
    let options = ClientOptions {
        endpoints: fakes.iter().map(|fake| fake.endpoint.clone()).collect(),
        timeout,
        retries,
        ..ClientOptions::default()
    };
    Client::connect(options).await.unwrap()
}

/// An endpoint where nobody listens: its port was free a moment ago.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
