//! The words of `dkv cluster up`, and its life from first to last.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::certs;
use super::crew::{Crew, Stopped};
use super::place::Place;
use super::plan::Plan;
use super::ports::Ports;
use super::work::work;
use crate::base::{Error, Result};
use crate::cli::client_args::block_on;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::Printer;

/// A failover leaves a majority of so many.
const FAILOVER_NODES_MIN: u16 = 3;

/// Start a cluster of several nodes on this machine, and keep it until Ctrl-C
///
/// Every node is a process of its own that runs `dkv serve`, on 127.0.0.1. Prints the nodes
/// once every shard has a leader (with -o json: one object). Without --dir, everything is in
/// a new directory that is deleted at the end. The nodes stop with this command, also when it
/// is killed. On a terminal, `f` and Enter kills the leader and shows what happens then, `r`
/// and Enter restarts nodes that have ended.
///
/// With --tls the nodes, their clients and the nodes among themselves speak TLS, with
/// certificates of an authority that is made for them.
///
/// Settings of the environment are not handed on: what `dkv serve` takes follows after `--`.
#[derive(Debug, Args)]
pub(in crate::cli::cluster) struct UpArgs {
    /// How many nodes: 3 survive the loss of one, 5 of two
    #[arg(long, value_name = "N", default_value = "3")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=7))]
    nodes: u16,
    /// Keep the data and the logs here, and go on with what is there
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The port for clients of the first node; the others have the next ones. 0: any that are
    /// free, and for --peer-port, too
    #[arg(long, value_name = "PORT", default_value = "8080")]
    port: u16,
    /// The port for other members of the first node; the others have the next ones
    #[arg(long, value_name = "PORT", default_value = "63001")]
    peer_port: u16,
    /// Speak TLS. What is missing of an authority, a certificate for each node and one for a
    /// client is made in --certs, or else in the directory `certs` beside the data
    #[arg(long)]
    tls: bool,
    /// Speak TLS with the certificates in this directory: ca.crt, node-1.crt and so on, client.crt
    #[arg(long, value_name = "DIR")]
    certs: Option<PathBuf>,
    /// Once it is up, kill the leader, see who leads then, and restart it
    #[arg(long)]
    failover: bool,
    /// Flags of `dkv serve` for every node
    #[arg(last = true, value_name = "FLAG")]
    serve: Vec<OsString>,
}

/// Runs a cluster until this process is told to stop.
pub(in crate::cli::cluster) fn run(args: &UpArgs, printer: &mut Printer) -> Outcome {
    if args.failover && args.nodes < FAILOVER_NODES_MIN {
        return Err(Error::invalid(format!(
            "--failover needs --nodes {FAILOVER_NODES_MIN} or more: {} without one of them cannot \
             elect a leader",
            args.nodes
        ))
        .into());
    }
    let ports = Ports::choose(args.nodes, args.port, args.peer_port)?;
    let place = Place::open(args.dir.as_deref(), args.nodes)?;
    let certs = certs::complete(args.tls, args.certs.as_deref(), &place.dir, args.nodes)?;
    let plan = Plan::new(&place.dir, &ports, certs, &args.serve)?;
    let outcome = block_on(live(&plan, &place, args.failover, printer));
    let is_well = matches!(outcome, Ok(ExitStatus::Done));
    match place.close(is_well) {
        Ok(Some(kept)) if !is_well => {
            printer.note(&format!("data and logs are in {}", kept.display()));
        }
        Ok(_) => {}
        Err(error) => printer.complaint(error.message()),
    }
    outcome
}

/// Starts the nodes, works with them, and ends them whatever happened.
async fn live(plan: &Plan, place: &Place, failover: bool, printer: &mut Printer) -> Outcome {
    let mut signals = Signals::listen()?;
    let mut crew = Crew::new(plan);
    let worked: Outcome<()> = tokio::select! {
        biased;
        () = signals.next() => Ok(()),
        worked = work(&mut crew, place, failover, printer) => worked,
    };
    printer.note("stopping the nodes");
    let Stopped { killed, failed } = crew.stop(signals.next()).await;
    for name in &killed {
        printer.complaint(&format!("{name} did not stop by itself, and was killed"));
    }
    for report in &failed {
        printer.complaint(report);
    }
    worked?;
    Ok(match killed.is_empty() && failed.is_empty() {
        true => ExitStatus::Done,
        false => ExitStatus::Error,
    })
}

/// What ends the cluster.
struct Signals {
    all: [Signal; 3],
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Error::internal("signals cannot be received").with_source(error))
        };
        Ok(Self {
            all: [
                listen(SignalKind::terminate())?,
                listen(SignalKind::interrupt())?,
                listen(SignalKind::hangup())?,
            ],
        })
    }

    async fn next(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.all;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
