//! Who can be asked, one by one and together.

use crate::base::Result;
use crate::client::{Client, ClusterStatus};

/// A node that is asked by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// As the cluster calls it, or else where it is.
    pub(super) name: String,
    /// Where it is asked.
    pub(super) endpoint: String,
}

/// The nodes that have the shard.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// At least one.
    pub(super) members: Vec<Member>,
    /// Of those that cannot be asked, who and why.
    pub(super) remarks: Vec<String>,
}

/// Finds every member that answers and has the shard of `client`; of a shard that is one node's
/// own, that node.
///
/// # Errors
/// `Unavailable` if nobody answers.
pub(super) async fn find(client: &Client) -> Result<Members> {
    let cluster = client.cluster()?;
    let first = cluster.status().await?;
    if first.cluster.is_none() || first.shard(client.shard()).is_none() {
        return Ok(Members {
            members: vec![member(&first)],
            remarks: Vec::new(),
        });
    }
    let mut found = Members::default();
    for view in cluster.overview().await?.members {
        match &view.status {
            Ok(_) if view.member.leaving => {}
            Ok(status) => found.members.push(member(status)),
            Err(why) => found.remarks.push(format!(
                "{} is not asked by itself, as it does not answer: {why}",
                view.member.name
            )),
        }
    }
    if found.members.is_empty() {
        found.members.push(member(&first));
    }
    Ok(found)
}

fn member(status: &ClusterStatus) -> Member {
    let name = match status.name.is_empty() {
        true => status.endpoint.clone(),
        false => status.name.clone(),
    };
    Member {
        name,
        endpoint: status.endpoint.clone(),
    }
}
