//! The settings of `dkv serve` that are about the other members.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::base::duration;
use crate::config::cluster::{self as text, ClusterText, MemberText};

/// How this node is a member of a cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster options")]
pub(super) struct ClusterArgs {
    /// Found a cluster of these members, this one among them: the same list on each. A data
    /// directory that is in a cluster already stays in it
    #[arg(long, value_name = "NAME=HOST:PORT,...", value_delimiter = ',')]
    #[arg(value_parser = text::member)]
    cluster_members: Vec<MemberText>,
    /// Join the cluster that this node is a member of: its --peer-listen. The shards come from
    /// there
    #[arg(long, value_name = "HOST:PORT", value_parser = text::peer_address)]
    join: Option<String>,
    /// Listen here for other members [default: the own address in --cluster-members, else
    /// 127.0.0.1:63001]
    #[arg(long, value_name = "IP:PORT", value_parser = text::peer_listen)]
    peer_listen: Option<SocketAddr>,
    /// Tell other members this address instead
    #[arg(long, value_name = "HOST:PORT", value_parser = text::peer_address)]
    peer_advertise: Option<String>,
    /// How often a leader gives a sign of life
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = duration::parse)]
    heartbeat: Duration,
    /// Without a sign of life for 1.5 to 2 times this a member stands for election
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration::parse)]
    election_timeout: Duration,
    /// Commands kept behind a snapshot, for members that lag
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    compaction_overhead: u64,
}

impl ClusterArgs {
    /// True if the words make this node a member.
    pub(super) fn is_member(&self) -> bool {
        !self.cluster_members.is_empty() || self.join.is_some()
    }

    /// True if the cluster is there already.
    pub(super) fn joins(&self) -> bool {
        self.join.is_some()
    }

    /// The settings as they were written.
    pub(super) fn text(self) -> ClusterText {
        ClusterText {
            peer_listen: self.peer_listen,
            peer_advertise: self.peer_advertise,
            members: self.cluster_members,
            join: self.join,
            heartbeat: self.heartbeat,
            election_timeout: self.election_timeout,
            compaction_overhead: self.compaction_overhead,
        }
    }
}
