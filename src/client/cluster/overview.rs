//! All members, each asked by itself and all at once.

use futures_util::future::join_all;

use super::Cluster;
use super::types::{ClusterOverview, ClusterStatus, MemberView};
use crate::base::types::{ClusterId, NodeId};
use crate::base::{Error, Result};
use crate::client::endpoint::Endpoint;

impl Cluster {
    /// Asks the endpoints who the members are, and then every member how it does.
    ///
    /// A member that cannot be asked is in it, with the reason.
    ///
    /// # Errors
    /// `Unavailable` if no endpoint answers, `Invalid` if those that do are in no cluster, or
    /// in different ones.
    pub async fn overview(&self) -> Result<ClusterOverview> {
        let endpoints = self.endpoints();
        let asked = join_all(endpoints.iter().map(|it| self.ask(it))).await;
        let mut answers = Vec::new();
        let mut failures = Vec::new();
        for answer in asked {
            match answer {
                Ok(status) => answers.push(status),
                Err(error) => failures.push(error),
            }
        }
        if answers.is_empty() {
            return Err(none_answered(failures));
        }
        let cluster = one_cluster(&answers)?;
        let mut members = self.ask_members(&answers).await;
        // Who was asked may have been taken out: the others know of members that it does not.
        let heard = members.iter().filter_map(|view| view.status.clone().ok());
        let heard: Vec<_> = heard.chain(answers.iter().cloned()).collect();
        if authority(&heard).members != authority(&answers).members {
            members = self.ask_members(&heard).await;
        }
        members.sort_by(|a, b| a.member.name.cmp(&b.member.name));
        answers.retain(|it| members.iter().all(|view| view.member.node != it.node));
        Ok(ClusterOverview {
            cluster,
            members,
            outsiders: answers,
        })
    }

    /// Every member, by the list of whoever knows best.
    async fn ask_members(&self, answers: &[ClusterStatus]) -> Vec<MemberView> {
        let best = authority(answers).members.clone();
        let views = best.into_iter().map(async |member| {
            let known = answers.iter().find(|it| it.node == member.node);
            let status = match known {
                Some(known) => Ok(known.clone()),
                None => self.ask_member(&member.client_address, member.node).await,
            };
            MemberView { member, status }
        });
        join_all(views).await
    }

    async fn ask_member(&self, address: &str, node: NodeId) -> Result<ClusterStatus, String> {
        if address.is_empty() {
            return Err("its address for clients is not known".to_owned());
        }
        let endpoint = Endpoint::parse(address).map_err(|error| error.message().to_owned())?;
        let status = self.ask(&endpoint).await;
        let status = status.map_err(|error| error.message().to_owned())?;
        if status.node != node {
            return Err(format!(
                "another node, {}, answers at its address {address}",
                status.name
            ));
        }
        Ok(status)
    }
}

/// Whose list of members to go by: that of whoever has come furthest in the first shard.
fn authority(answers: &[ClusterStatus]) -> &ClusterStatus {
    let progress = |status: &&ClusterStatus| {
        let first = status.shards.first();
        let place = first.map(|it| (it.term, it.applied_index));
        (!status.members.is_empty(), place)
    };
    answers
        .iter()
        .max_by_key(progress)
        .expect("nobody comes here without an answer")
}

fn one_cluster(answers: &[ClusterStatus]) -> Result<ClusterId> {
    let clusters: Vec<(ClusterId, &ClusterStatus)> = answers
        .iter()
        .filter_map(|it| Some((it.cluster?, it)))
        .collect();
    let Some((cluster, first)) = clusters.first() else {
        let first = &answers[0];
        return Err(Error::invalid(format!(
            "the node at {} is in no cluster (yet): it has no replicated shards, or its cluster \
             has not come together; `dkv info` describes it",
            first.endpoint
        )));
    };
    match clusters.iter().find(|(other, _)| other != cluster) {
        Some((_, other)) => Err(Error::invalid(format!(
            "{} and {} are in different clusters: give endpoints of one",
            first.endpoint, other.endpoint
        ))),
        None => Ok(*cluster),
    }
}

fn none_answered(mut failures: Vec<Error>) -> Error {
    if failures.len() == 1 {
        return failures.remove(0);
    }
    let reasons: Vec<&str> = failures.iter().map(Error::message).collect();
    Error::unavailable(reasons.join("; "))
}
