//! How people write the members of a cluster, and what must hold between the settings
//! of one member before it may start. Whether a data directory already belongs to a
//! cluster is not known here: the server has it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::base::{Error, Result, duration};
use crate::server::settings::{ClusterConfig, ListenAddress, ServeConfig};

/// A name or an address, bytes: what a member's record takes.
const TEXT_BYTES_MAX: usize = 255;

const HEARTBEAT_MIN: Duration = Duration::from_millis(10);
const ELECTION_TIMEOUT_MAX: Duration = Duration::from_mins(1);

/// A follower must be able to miss some heartbeats without standing for election.
const HEARTBEATS_PER_ELECTION: u32 = 4;

/// One member of `--cluster-members`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberText {
    /// What it is called.
    pub name: String,
    /// HOST:PORT, where the other members connect.
    pub address: String,
}

/// The settings of a cluster's member as they are written.
#[derive(Debug, Clone)]
pub struct ClusterText {
    /// Where the other members connect, if that is said.
    pub peer_listen: Option<SocketAddr>,
    /// What they are told instead.
    pub peer_advertise: Option<String>,
    /// Of a cluster that is founded together.
    pub members: Vec<MemberText>,
    /// A member of the cluster to join.
    pub join: Option<String>,
    /// Between two signs of life of a leader.
    pub heartbeat: Duration,
    /// Without one for so long, a leader is taken for dead.
    pub election_timeout: Duration,
    /// Commands kept behind a snapshot.
    pub compaction_overhead: u64,
}

/// Reads a member: `node-1=db1.example:63001`.
///
/// # Errors
/// `Invalid`, saying which part is wrong.
pub fn member(text: &str) -> Result<MemberText> {
    let Some((name, address)) = text.trim().split_once('=') else {
        return Err(Error::invalid(format!(
            "`{text}` is not a member: write NAME=HOST:PORT like node-1=127.0.0.1:63001"
        )));
    };
    member_name("the name of a member", name)?;
    Ok(MemberText {
        name: name.to_owned(),
        address: host_port(address, true)?,
    })
}

/// Reads the address of a member: HOST:PORT.
///
/// # Errors
/// `Invalid`, saying what it looks like.
pub fn peer_address(text: &str) -> Result<String> {
    host_port(text, false)
}

/// Reads where to listen for the other members: IP:PORT or localhost:PORT.
///
/// # Errors
/// `Invalid`, saying what it looks like.
pub fn peer_listen(text: &str) -> Result<SocketAddr> {
    socket(text).ok_or_else(|| {
        Error::invalid(format!(
            "`{text}` is not an address to listen on for other members: write IP:PORT like \
             127.0.0.1:63001"
        ))
    })
}

/// Checks what a node calls itself.
///
/// # Errors
/// `Invalid` for what cannot stand in a list of members.
pub fn member_name(what: &str, name: &str) -> Result<()> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | ',');
    if name.is_empty() || name.len() > TEXT_BYTES_MAX || name.contains(is_odd) {
        return Err(Error::invalid(format!(
            "{what}, `{name}`, must be 1 to {TEXT_BYTES_MAX} bytes without blanks, `=` and commas"
        )));
    }
    Ok(())
}

fn host_port(text: &str, may_be_any: bool) -> Result<String> {
    let is_right = text.rsplit_once(':').is_some_and(|(host, port)| {
        let has_port = port.parse::<u16>().is_ok_and(|port| port > 0 || may_be_any);
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "/@=,[]".contains(c);
        let is_host = match is_bracketed {
            true => host[1..host.len() - 1]
                .parse::<std::net::Ipv6Addr>()
                .is_ok(),
            false => !host.is_empty() && !host.contains(':') && !host.contains(is_odd),
        };
        has_port && is_host && text.len() <= TEXT_BYTES_MAX
    });
    if is_right {
        return Ok(text.to_owned());
    }
    Err(Error::invalid(format!(
        "`{text}` is not the address of a member: write HOST:PORT like 127.0.0.1:63001"
    )))
}

fn socket(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => {
            let port = port.parse().ok()?;
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
        }
        None => text.parse().ok(),
    }
}

/// Checks the settings of a member against each other and against the rest of its node's,
/// whose `cluster` is not looked at, and completes them.
///
/// # Errors
/// `Invalid`, naming the flag and what would be right.
pub fn settle(text: ClusterText, node: &ServeConfig) -> Result<ClusterConfig> {
    check_timers(text.heartbeat, text.election_timeout)?;
    let has_replicated = node.shards.iter().any(|shard| shard.kind.is_replicated());
    let is_told = !text.members.is_empty() || text.join.is_some();
    if is_told && !has_replicated {
        return Err(Error::invalid(
            "--shards names no replicated shard, so there is nothing to have a cluster for: name \
             one, like --shards 100=dstore, or leave out --cluster-members and --join",
        ));
    }
    if !text.members.is_empty() && text.join.is_some() {
        return Err(Error::invalid(
            "--cluster-members founds a cluster and --join enters one that runs: give one of them",
        ));
    }
    let name = match &node.node_id {
        Some(name) => name.as_str(),
        None if has_replicated => {
            return Err(Error::invalid(
                "replicated shards need a name for this member: add --node-id, like --node-id \
                 node-1",
            ));
        }
        None => "",
    };
    check_members(&text.members, name)?;
    let own = text.members.iter().find(|member| member.name == name);
    let own = own.map(|member| member.address.as_str());
    let peer_listen = settle_listen(text.peer_listen, own, node, has_replicated)?;
    let peer_advertise = text
        .peer_advertise
        .or_else(|| own.filter(|own| !own.ends_with(":0")).map(str::to_owned));
    if has_replicated {
        check_reachable(peer_listen, peer_advertise.as_deref(), node)?;
    }
    Ok(ClusterConfig {
        peer_listen,
        peer_advertise,
        members: text
            .members
            .into_iter()
            .map(|member| (member.name, member.address))
            .collect(),
        join: text.join,
        heartbeat: text.heartbeat,
        election_timeout: text.election_timeout,
        compaction_overhead: text.compaction_overhead,
    })
}

/// What an operator should know of a choice that is allowed.
pub fn remark(cluster: &ClusterConfig) -> Option<String> {
    let members = cluster.members.len();
    if members == 0 || members % 2 == 1 {
        return None;
    }
    let spare = (members - 1) / 2;
    let spare = match spare {
        0 => "none".to_owned(),
        spare => spare.to_string(),
    };
    Some(format!(
        "warning: --cluster-members names {members} members: they survive the loss of {spare}, as \
         {} would, and have one more to lose; an odd number is better",
        members - 1
    ))
}

fn check_timers(heartbeat: Duration, election_timeout: Duration) -> Result<()> {
    let (beat, election) = (
        duration::format(heartbeat),
        duration::format(election_timeout),
    );
    if heartbeat < HEARTBEAT_MIN {
        return Err(Error::invalid(format!(
            "--heartbeat {beat} is too short: write {} or more",
            duration::format(HEARTBEAT_MIN)
        )));
    }
    if election_timeout > ELECTION_TIMEOUT_MAX {
        return Err(Error::invalid(format!(
            "--election-timeout {election} is too long: write {} or less",
            duration::format(ELECTION_TIMEOUT_MAX)
        )));
    }
    let needed = heartbeat.saturating_mul(HEARTBEATS_PER_ELECTION);
    if election_timeout < needed {
        let fitting = duration::format(election_timeout / HEARTBEATS_PER_ELECTION);
        let way_out = match election_timeout / HEARTBEATS_PER_ELECTION >= HEARTBEAT_MIN {
            true => format!(", or --heartbeat {fitting} or less"),
            false => String::new(),
        };
        return Err(Error::invalid(format!(
            "--election-timeout {election} leaves no room for lost heartbeats, sent every {beat}: \
             write --election-timeout {} or more{way_out}",
            duration::format(needed)
        )));
    }
    Ok(())
}

fn check_members(members: &[MemberText], name: &str) -> Result<()> {
    for (place, member) in members.iter().enumerate() {
        let earlier = &members[..place];
        if earlier.iter().any(|other| other.name == member.name) {
            return Err(Error::invalid(format!(
                "--cluster-members names {} twice: give each member its own name",
                member.name
            )));
        }
        if let Some(other) = earlier.iter().find(|it| it.address == member.address) {
            return Err(Error::invalid(format!(
                "--cluster-members gives {} and {} the same address {}",
                other.name, member.name, member.address
            )));
        }
        if member.address.ends_with(":0") && members.len() > 1 {
            return Err(Error::invalid(format!(
                "--cluster-members: nobody can connect to {}={}: give it a port",
                member.name, member.address
            )));
        }
    }
    if !members.is_empty() && members.iter().all(|member| member.name != name) {
        let names: Vec<&str> = members.iter().map(|it| it.name.as_str()).collect();
        return Err(Error::invalid(format!(
            "--cluster-members has {} and not this node, --node-id {name}: the list is the same on \
             every member, and names all of them",
            names.join(", ")
        )));
    }
    Ok(())
}

/// Where to listen: as said, else at the node's own address in the list of members.
fn settle_listen(
    said: Option<SocketAddr>,
    own: Option<&str>,
    node: &ServeConfig,
    has_replicated: bool,
) -> Result<SocketAddr> {
    let listen = match (said, own) {
        (Some(said), _) => said,
        (None, Some(own)) => socket(own).ok_or_else(|| {
            let port = own.rsplit_once(':').map_or("63001", |(_, port)| port);
            Error::invalid(format!(
                "this node's address in --cluster-members, {own}, is no IP address: say where to \
                 listen for it, like --peer-listen 0.0.0.0:{port}"
            ))
        })?,
        (None, None) => ClusterConfig::default().peer_listen,
    };
    if said.is_none() && !has_replicated {
        return Ok(listen);
    }
    let is_closed = listen.ip().to_canonical().is_loopback() || node.tls.is_some();
    if !is_closed && !node.insecure {
        return Err(Error::invalid(format!(
            "--peer-listen {listen} lets other machines in, without TLS and without asking who \
             they are: `dkv cert ca && dkv cert node {name}`, then `dkv serve --certs certs` with \
             what you have; or listen on 127.0.0.1; or add --insecure if everybody who can reach \
             this address may be a member",
            name = node.node_id.as_deref().unwrap_or("NAME")
        )));
    }
    let taken = node.listen.iter().find(|address| match address {
        ListenAddress::Tcp(client) => {
            let is_any = client.ip().is_unspecified() || listen.ip().is_unspecified();
            client.port() == listen.port()
                && listen.port() != 0
                && (is_any || client.ip() == listen.ip())
        }
        ListenAddress::Unix(_) => false,
    });
    match taken {
        Some(client) => Err(Error::invalid(format!(
            "--peer-listen {listen} and --listen {client} are the same port: members and clients \
             need one each"
        ))),
        None => Ok(listen),
    }
}

/// An address that means "any of mine" means nothing to whoever is told it.
fn check_reachable(
    peer_listen: SocketAddr,
    peer_advertise: Option<&str>,
    node: &ServeConfig,
) -> Result<()> {
    if peer_advertise.is_none() && peer_listen.ip().is_unspecified() {
        return Err(Error::invalid(format!(
            "other members cannot connect to {peer_listen}: say where they find this node, like \
             --peer-advertise db1.example:{}",
            peer_listen.port()
        )));
    }
    match node.listen.first() {
        Some(ListenAddress::Tcp(listen))
            if node.advertise.is_none() && listen.ip().is_unspecified() =>
        {
            Err(Error::invalid(format!(
                "clients are sent to the member that leads, and cannot connect to {listen}: say \
                 where they find this node, like --advertise db1.example:{}",
                listen.port()
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
