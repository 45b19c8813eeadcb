//! Looks at the counters once a second.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::reading::Reading;
use super::ring::Recorder;
use crate::server::http::Standing;

const EACH: Duration = Duration::from_secs(1);

/// Samples a node that has recovered, until it stops.
pub(in crate::server) async fn sample(standing: Standing) {
    let live = standing.live.wait().await;
    let (service, clock) = (&live.describe.service, &live.describe.clock);
    let read = || Reading::now(clock.boot_us(), service, &(live.log)());
    let mut recorder = Recorder::new(live.samples.clone(), read());
    let mut ticks = interval(EACH);
    // After a time without any there is one tick, and then again one a second.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut stopping = standing.stopping.clone();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            _ = ticks.tick() => {
                let passed_us = recorder.record(read());
                service.hot_keys().pass(passed_us);
            }
        }
    }
}
