//! Changes of the members, and of who leads.

use clap::Args;

use crate::base::types::ShardId;
use crate::base::{Error, Result};
use crate::cli::ask::confirmed;
use crate::cli::cluster::asking::{AskArgs, named};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::client::{ClusterOverview, MemberView};
use crate::config::{cluster, text};

/// Add a node as a learner, which follows without a vote
///
/// The node runs with --join already, which does the same by itself.
#[derive(Debug, Args)]
pub(super) struct AddLearnerArgs {
    /// The --peer-listen address of the node, or its --peer-advertise
    #[arg(value_name = "HOST:PORT", value_parser = cluster::peer_address)]
    address: String,
    #[command(flatten)]
    ask: AskArgs,
}

/// Make a learner a voter, once it has caught up
#[derive(Debug, Args)]
pub(super) struct PromoteArgs {
    /// The learner
    name: String,
    #[command(flatten)]
    ask: AskArgs,
}

/// Take a member out of the cluster, running or not
///
/// What it has is not deleted, and it cannot come back with it: a node that replaces it starts
/// with an empty data directory and --join.
#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The member
    name: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    ask: AskArgs,
}

/// Take the node at --endpoints out of its cluster
#[derive(Debug, Args)]
pub(super) struct LeaveArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    ask: AskArgs,
}

/// Hand the leadership of the shards to a member
#[derive(Debug, Args)]
pub(super) struct TransferLeaderArgs {
    /// The member that is to lead
    name: String,
    /// Of this shard alone
    #[arg(long, value_name = "ID", value_parser = text::shard_id)]
    shard: Option<ShardId>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Make the state of shards durable now, and let their logs go
///
/// Of the node at --endpoints, or of the member NAME.
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    /// The member
    name: Option<String>,
    /// Of this shard alone
    #[arg(long, value_name = "ID", value_parser = text::shard_id)]
    shard: Option<ShardId>,
    #[command(flatten)]
    ask: AskArgs,
}

impl AddLearnerArgs {
    /// Adds it.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let done = self
            .ask
            .cluster()
            .await?
            .add_learner(&self.address)
            .await
            .map_err(Failure::Change)?;
        told(printer, done)
    }
}

impl PromoteArgs {
    /// Promotes it.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let cluster = self.ask.cluster().await?;
        named(&cluster.overview().await?, &self.name)?;
        told(
            printer,
            cluster.promote(&self.name).await.map_err(Failure::Change)?,
        )
    }
}

impl RemoveArgs {
    /// Takes it out.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let cluster = self.ask.cluster().await?;
        let overview = cluster.overview().await?;
        let view = named(&overview, &self.name)?;
        check_removable(&overview, view)?;
        confirmed(&question(&overview, view), self.yes, false)?;
        told(
            printer,
            cluster.remove(&self.name).await.map_err(Failure::Change)?,
        )
    }
}

impl LeaveArgs {
    /// Takes the asked node out.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let cluster = self.ask.cluster().await?;
        let overview = cluster.overview().await?;
        let asked = cluster.status().await?;
        let view = named(&overview, &asked.name)?;
        check_removable(&overview, view)?;
        confirmed(&question(&overview, view), self.yes, false)?;
        told(printer, cluster.leave().await.map_err(Failure::Change)?)
    }
}

impl TransferLeaderArgs {
    /// Hands it over.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let cluster = self.ask.cluster().await?;
        let view = cluster.overview().await?;
        let view = named(&view, &self.name)?;
        if !view.member.voter {
            return Err(Error::invalid(format!(
                "{0} is a learner, and only voters can lead: `dkv cluster promote {0}` makes it one",
                self.name
            ))
            .into());
        }
        told(
            printer,
            cluster
                .transfer_leader(&self.name, self.shard)
                .await
                .map_err(Failure::Change)?,
        )
    }
}

impl SnapshotArgs {
    /// Has them made.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let cluster = self.ask.cluster().await?;
        let endpoint = match &self.name {
            None => self.ask.first().to_owned(),
            Some(name) => {
                let overview = cluster.overview().await?;
                named(&overview, name)?.member.client_address.clone()
            }
        };
        let mut list = printer.list();
        for snapshot in cluster.snapshot(&endpoint, self.shard).await? {
            let row = Row::new()
                .with("shard", u64::from(snapshot.shard.0))
                .with("index", snapshot.index.0);
            let text = row.to_line();
            list.push(row, &text)?;
        }
        list.finish()?;
        Ok(ExitStatus::Done)
    }
}

fn told(printer: &mut Printer, done: String) -> Outcome {
    printer.confirm(&Row::new().with("done", done))?;
    Ok(ExitStatus::Done)
}

fn check_removable(overview: &ClusterOverview, view: &MemberView) -> Result<()> {
    let voters = overview.members.iter().filter(|it| it.member.voter).count();
    if view.member.voter && voters == 1 {
        return Err(Error::invalid(format!(
            "{} is the last voter: without it the cluster and what it holds are gone; to be rid of \
             it, stop the node and delete its data directory",
            view.member.name
        )));
    }
    Ok(())
}

/// Says what is left, since that is what one may regret.
fn question(overview: &ClusterOverview, view: &MemberView) -> String {
    let name = &view.member.name;
    if !view.member.voter {
        return format!("This takes the learner {name} out of the cluster.");
    }
    let voters = overview.members.iter().filter(|it| it.member.voter).count() - 1;
    let spare = (voters - 1) / 2;
    format!(
        "This takes {name} out of the cluster: of {voters} voters that are left, {} may fail.",
        match spare {
            0 => "none".to_owned(),
            spare => spare.to_string(),
        }
    )
}
