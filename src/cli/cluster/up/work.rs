//! The life of the cluster between its start and its end.

use std::time::Duration;

use super::crew::Crew;
use super::failover::fail_over;
use super::keys::{Key, Keys};
use super::place::Place;
use super::report;
use super::watch::{Sight, Watch};
use crate::base::host::{Clock, Host};
use crate::base::{Error, Result};
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;

/// Between two looks while the cluster comes together.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Nodes that found no leader by then never will: something is wrong.
const UP_WITHIN: Duration = Duration::from_mins(1);

/// Starts the nodes, tells when they are up, and does what is typed. Returns when it was
/// asked to on the terminal; whoever calls it stops the nodes.
pub(super) async fn work(
    crew: &mut Crew,
    place: &Place,
    failover: bool,
    printer: &mut Printer,
) -> Outcome<()> {
    let clock = Host::system().clock;
    let watch = Watch::new(crew.endpoints(), crew.certs.as_deref()).await?;
    printer.note(&format!(
        "starting {} nodes in {}",
        crew.nodes.len(),
        place.dir.display()
    ));
    let started_ms = clock.boot_ms();
    crew.start()?;
    let sight = come_up(crew, &watch).await?;
    let took_ms = clock.boot_ms() - started_ms;
    printer.note(&format!("every shard has a leader after {took_ms} ms"));
    let mut keys = Keys::listen();
    report::print(crew, &sight, place, keys.has_terminal(), printer)?;
    if failover {
        fail_over(crew, &watch, &*clock, printer).await?;
    }
    attend(crew, &watch, &mut keys, &*clock, printer).await
}

/// Waits until every shard has a leader that all nodes see.
async fn come_up(crew: &mut Crew, watch: &Watch) -> Result<Sight> {
    let names: Vec<String> = crew.nodes.iter().map(|it| it.plan.name.clone()).collect();
    let mut missing = String::new();
    let looking = async {
        loop {
            let sight = watch.look().await;
            match sight.missing(&names) {
                None => return sight,
                Some(what) => missing = what,
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let came = tokio::select! {
        biased;
        (place, status) = crew.next_end() => {
            let told = crew.nodes[place].obituary(status);
            return Err(Error::unavailable(format!("the cluster did not come up: {told}")));
        }
        came = tokio::time::timeout(UP_WITHIN, looking) => came,
    };
    came.map_err(|_| {
        Error::unavailable(format!(
            "the cluster did not come up within {} s: {missing}",
            UP_WITHIN.as_secs()
        ))
    })
}

/// Does what is typed, and tells which node ended by itself.
async fn attend(
    crew: &mut Crew,
    watch: &Watch,
    keys: &mut Keys,
    clock: &dyn Clock,
    printer: &mut Printer,
) -> Outcome<()> {
    loop {
        let key = tokio::select! {
            biased;
            (place, status) = crew.next_end() => {
                printer.complaint(&crew.nodes[place].obituary(status));
                if !crew.is_running() {
                    return Err(Error::unavailable("no node is left").into());
                }
                continue;
            }
            key = keys.next() => key,
        };
        match key {
            Key::Quit => return Ok(()),
            Key::Restart => match crew.start()?[..] {
                [] => printer.note("all nodes run"),
                ref started => printer.note(&format!("started {}", started.join(", "))),
            },
            Key::Failover => {
                if let Err(error) = fail_over(crew, watch, clock, printer).await {
                    printer.complaint(error.message());
                }
            }
            Key::Unknown => printer.note(
                "f and Enter kills the leader, r and Enter restarts nodes that have ended, q and \
                 Enter stops",
            ),
        }
    }
}
