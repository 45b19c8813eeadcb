//! The task that hands events on, for as long as somebody is live.

use std::sync::Arc;

use super::chunk;
use crate::store::core::Core;

/// Hands on what is applied, until nobody is live any more. A node that stops ends its
/// watches, and so this.
pub(super) async fn run(core: Arc<Core>) {
    let hub = &core.watches;
    while let Some(after) = hub.goes_on_after() {
        let read = chunk::read(&core.machine.read(), after, |_| true);
        let Ok(chunk) = read else {
            // A snapshot took the place of the history, or the history is shorter than this
            // task is late.
            hub.lost();
            continue;
        };
        let mut events = &chunk.events[..];
        while !events.is_empty() {
            let done = hub.hand_on(events);
            events = &events[done..];
            // Those who were told something may run, and others come and go.
            tokio::task::yield_now().await;
        }
        hub.handed_on_through(chunk.through);
        if chunk.is_last {
            hub.news().await;
        }
    }
}
