//! The client library, asked in the words of histories: what tests ask of real clusters and of
//! simulated ones over the wire.
#![allow(
    dead_code,
    reason = "shared by several test crates, none of which needs everything"
)]

mod caller;
mod teller;
pub(crate) mod watched;

pub(crate) use caller::Caller;
pub(crate) use teller::Teller;

use std::time::Duration;

use bytes::Bytes;
use dkv::client::{Client, ClientOptions};

/// Long enough to outlive a failover now and then, short enough not to outlive all of them.
pub(crate) const CALL: Duration = Duration::from_secs(3);

/// A client of real nodes, that asks the first of these at first, and whoever leads later.
pub(crate) async fn connect(endpoints: Vec<String>) -> Client {
    let options = ClientOptions {
        endpoints,
        timeout: CALL,
        ..ClientOptions::default()
    };
    let client = Client::connect(options).await;
    client.expect("the options are sound")
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
