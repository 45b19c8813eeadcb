//! `dkv cluster health`: one sentence, and an exit code for scripts.

use clap::Args;

use crate::cli::cluster::asking::AskArgs;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::row::{Field, Row};
use crate::client::ClusterOverview;

/// Tell whether the cluster is healthy, and what is wrong if not
///
/// Healthy means: every member answers and accepts writes, every shard has a leader that all
/// agree on and that all answer, nobody is more than 10000 entries behind, no change of the
/// members is under way, and members that applied the same entries have the same state. Exits
/// with 7 if not, also while a majority goes on without the others.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    ask: AskArgs,
}

impl HealthArgs {
    /// Prints the verdict.
    pub(super) async fn run(self, printer: &mut Printer) -> Outcome {
        let overview = self.ask.cluster().await?.overview().await?;
        let complaints = overview.complaints();
        let sentence = match complaints.is_empty() {
            true => praise(&overview),
            false => format!("not healthy: {}", complaints.join("; ")),
        };
        match printer.format() {
            Format::Text | Format::Raw => {
                printer.verbatim(format!("{sentence}\n").as_bytes())?;
            }
            Format::Json | Format::Jsonl | Format::Table => {
                let problems = complaints
                    .iter()
                    .map(|it| Row::new().with("problem", it.as_str()));
                let row = Row::new()
                    .with("healthy", complaints.is_empty())
                    .with("verdict", sentence)
                    .for_programs("members", overview.members.len() as u64)
                    .for_programs("reachable", overview.answers().count() as u64)
                    .for_programs("cluster", overview.cluster.to_string())
                    .for_programs("problems", Field::Rows(problems.collect()));
                printer.row(&row)?;
            }
        }
        Ok(match complaints.is_empty() {
            true => ExitStatus::Done,
            false => ExitStatus::Unhealthy,
        })
    }
}

fn praise(overview: &ClusterOverview) -> String {
    let leaders: Vec<String> = overview
        .shard_ids()
        .into_iter()
        .filter_map(|shard| {
            let leader = overview.leader(shard)?;
            Some(format!("{} leads shard {shard}", leader.member.name))
        })
        .collect();
    let members = overview.members.len();
    let plural = if members == 1 { "" } else { "s" };
    format!("healthy: {members} member{plural}, {}", leaders.join(", "))
}
