//! Clients that come for the first time: each connects, reads a key, and goes.

use std::time::Duration;

use dkv::client::{Client, ClientOptions};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::load::{Phase, Phases, phases};
use crate::nodes::Node;

const EVERY: Duration = Duration::from_millis(200);

/// Who is not served within this gives up.
const PATIENCE: Duration = Duration::from_secs(3);

/// They come until this is dropped.
pub(crate) struct Fresh {
    pub(crate) seen: Phases,
    _coming: JoinSet<()>,
}

impl Fresh {
    pub(crate) fn begin(node: &Node, phase: &Phase) -> Self {
        let seen = phases();
        let mut coming = JoinSet::new();
        coming.spawn(come(node.endpoint.to_string(), phase.clone(), seen.clone()));
        Self {
            seen,
            _coming: coming,
        }
    }
}

async fn come(endpoint: String, phase: Phase, seen: Phases) {
    let mut beats = interval(EVERY);
    let mut calls = JoinSet::new();
    loop {
        let due: Instant = beats.tick().await;
        while calls.try_join_next().is_some() {}
        let (phase, seen, endpoint) = (phase.now(), seen.clone(), endpoint.clone());
        calls.spawn(async move {
            let options = ClientOptions {
                timeout: PATIENCE,
                retries: 0,
                ..ClientOptions::to(endpoint)
            };
            let served = async {
                let client = Client::connect(options).await?;
                client.get("healthy:0").await.map(drop)
            };
            seen[phase].keep(due, &served.await);
        });
    }
}
