//! One run: who is there, a bucket, the load, and the bucket gone again.

use std::time::Duration;

use super::bucket;
use super::load::{self, Lane};
use super::members::{self, Member};
use crate::base::{Error, Result};
use crate::check::history::Operation;
use crate::client::{Client, ClientOptions};
use crate::perf::Interrupt;

/// One operation may take so long, if not less: long enough to outlive a failover now and then,
/// short enough that a client does not spend a run waiting.
const CALL_MAX: Duration = Duration::from_secs(3);

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    /// How to reach the endpoints that were named, and which shard of theirs.
    pub(super) client: ClientOptions,
    /// Where everything happens.
    pub(super) bucket: String,
    /// Nobody named it: nobody can have had it before.
    pub(super) is_fresh: bool,
    pub(super) clients: u32,
    pub(super) keys: u64,
    pub(super) duration: Duration,
    pub(super) seed: u64,
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    Asking { done: f64, operations: usize },
    CleaningUp,
}

/// What a run left to be judged.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) history: Vec<Operation>,
    pub(super) members: Vec<Member>,
    pub(super) took: Duration,
    pub(super) interrupted: bool,
    /// Why the bucket could not be dropped.
    pub(super) left: Option<Error>,
    /// What else there is to know.
    pub(super) remarks: Vec<String>,
}

/// Runs until the time is over, or until `interrupt` is raised. Once the bucket was made it is
/// dropped, whatever happens.
///
/// # Errors
/// `Unavailable` if nobody is there, `Invalid` for a bucket that is there already.
pub(super) async fn run(
    plan: &Plan,
    interrupt: &Interrupt,
    mut progress: impl FnMut(Progress),
) -> Result<Ran> {
    let client = Client::connect(plan.client.clone()).await?;
    let found = tokio::select! {
        biased;
        () = interrupt.raised() => return Ok(Ran { interrupted: true, ..Ran::default() }),
        found = members::find(&client) => found?,
    };
    bucket::make(&client, plan).await?;
    let lanes = lanes(plan, &found.members).await;
    let asked = match lanes {
        Ok(lanes) => Ok(load::run(plan, lanes, interrupt, &mut progress).await),
        Err(error) => Err(error),
    };
    progress(Progress::CleaningUp);
    let left = bucket::drop(&client, &plan.bucket).await.err();
    let (history, took) = asked?;
    Ok(Ran {
        history,
        members: found.members,
        took,
        interrupted: interrupt.is_raised(),
        left,
        remarks: found.remarks,
    })
}

/// The clients: every other one asks one member alone, the rest all of them.
async fn lanes(plan: &Plan, members: &[Member]) -> Result<Vec<Lane>> {
    let mut lanes = Vec::new();
    for number in 0..plan.clients {
        let at = number as usize / 2 % members.len();
        let is_pinned = number % 2 == 0;
        let mut endpoints: Vec<String> = members.iter().map(|it| it.endpoint.clone()).collect();
        endpoints.rotate_left(at);
        if is_pinned {
            endpoints.truncate(1);
        }
        let client = Client::connect(ClientOptions {
            endpoints,
            bucket: plan.bucket.clone(),
            timeout: plan.client.timeout.min(CALL_MAX),
            ..plan.client.clone()
        })
        .await?;
        lanes.push(match is_pinned {
            true => Lane {
                client: client.staying(),
                member: members[at].name.clone(),
            },
            false => Lane {
                client,
                member: ANY.to_owned(),
            },
        });
    }
    Ok(lanes)
}

/// What stands for a member where a client went where it liked.
pub(super) const ANY: &str = "any";
