//! Opens the disk of a cluster of one, as `dkv serve` does, and says what is wrong with it.

use std::path::Path;
use std::time::Duration;

use dkv::base::host::Host;
use dkv::client::{Client, ClientOptions};
use dkv::server::settings::ServeConfig;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::PATIENCE;
use crate::judge::look;
use crate::place::Place;
use crate::small;
use crate::tale::{Promised, Tale};

/// It has nobody to wait for.
const HEARTBEAT: Duration = Duration::from_millis(10);
const ELECTION: Duration = Duration::from_millis(50);

/// Opens the node in `data` and compares it with what it promised.
///
/// # Errors
/// What is wrong.
pub(crate) fn judge(
    data: &Path,
    (engine, place): (&str, &Place),
    tale: &Tale,
    promised: &Promised,
) -> Result<(), String> {
    let mut config = small::config(data, engine, Some(place));
    config.cluster.heartbeat = HEARTBEAT;
    config.cluster.election_timeout = ELECTION;
    let runtime = Runtime::new().expect("a runtime can be made");
    runtime.block_on(Box::pin(serve(config, tale, promised)))
}

async fn serve(config: ServeConfig, tale: &Tale, promised: &Promised) -> Result<(), String> {
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let ready = move |ready: &dkv::server::Ready| {
        // Whoever waits for it has not gone: it is below.
        let _told = tell.send(ready.addresses[0].clone());
    };
    let stopped = async move { drop(stopped.await) };
    let serving = dkv::server::run(Host::system(), config, ready, stopped);
    let serving = tokio::spawn(Box::pin(serving));
    let address = timeout(PATIENCE, told).await;
    let Ok(Ok(address)) = address else {
        drop(stop);
        return Err(format!("it does not start: {:?}", serving.await));
    };
    let judged = match Client::connect(ClientOptions::to(address)).await {
        Ok(client) => look(&client, tale, promised).await,
        Err(refused) => Err(refused),
    };
    drop(stop);
    let ended = serving.await.map_err(|died| died.to_string());
    judged
        .map_err(|failed| format!("it does not answer: {failed}"))?
        .and(ended?.map_err(|failed| format!("it does not stop: {failed}")))
}
