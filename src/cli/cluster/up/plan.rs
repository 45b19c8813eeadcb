//! What each node is started with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ports::Ports;
use crate::base::host::cores;
use crate::base::{Error, Result};

/// All nodes.
pub(super) struct Plan {
    pub(super) nodes: Vec<NodePlan>,
    /// Where their certificates are; `None`: they speak in plain text.
    pub(super) certs: Option<PathBuf>,
}

/// One node.
#[derive(Debug, Clone)]
pub(super) struct NodePlan {
    pub(super) name: String,
    /// Where clients ask it.
    pub(super) endpoint: String,
    /// Where other members do.
    pub(super) peer: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// What it writes to stderr.
    pub(super) log: PathBuf,
}

impl Plan {
    /// Nodes of this same binary, below `dir`, with `extra` flags.
    ///
    /// # Errors
    /// `Internal` if this binary cannot be found.
    pub(super) fn new(
        dir: &Path,
        ports: &Ports,
        certs: Option<PathBuf>,
        extra: &[OsString],
    ) -> Result<Self> {
        let program = std::env::current_exe().map_err(|error| {
            Error::internal("this program cannot find itself, to be started again")
                .with_source(error)
        })?;
        let at = |port: &u16| format!("127.0.0.1:{port}");
        let members: Vec<String> = (1..)
            .zip(&ports.peer)
            .map(|(node, port)| format!("node-{node}={}", at(port)))
            .collect();
        let members = members.join(",");
        // They share the machine: with as many threads each as it has cores they would spend
        // their time on waking each other's.
        let workers = (cores() / ports.client.len()).max(1);
        let workers = OsString::from(workers.to_string());
        let ports = ports.client.iter().zip(&ports.peer);
        let nodes = (1..).zip(ports).map(|(node, (client, peer))| {
            let name = format!("node-{node}");
            let data = dir.join(&name);
            let mut arguments: Vec<OsString> = vec!["serve".into()];
            for (flag, value) in [
                ("--node-id", OsString::from(&name)),
                ("--listen", at(client).into()),
                ("--peer-listen", at(peer).into()),
                ("--cluster-members", OsString::from(&members)),
                ("--data-dir", data.into()),
                // Standard input is the pipe that ends with whoever starts the node.
                ("--stop-with-fd", "0".into()),
            ] {
                arguments.extend([flag.into(), value]);
            }
            if let Some(certs) = &certs {
                arguments.extend(["--certs".into(), certs.into()]);
            }
            if !extra.iter().any(names_workers) {
                arguments.extend(["--workers".into(), workers.clone()]);
            }
            arguments.extend(extra.iter().cloned());
            NodePlan {
                endpoint: at(client),
                peer: at(peer),
                program: program.clone(),
                arguments,
                log: dir.join(format!("{name}.log")),
                name,
            }
        });
        Ok(Self {
            nodes: nodes.collect(),
            certs,
        })
    }
}

/// A file of settings may do so, too.
fn names_workers(flag: &OsString) -> bool {
    let flag = flag.to_string_lossy();
    let name = flag.split('=').next();
    matches!(name, Some("--workers" | "--config"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_nodes_are_told_of_each_other_and_of_their_own_ports() {
        let ports = Ports {
            client: vec![1, 2],
            peer: vec![3, 4],
        };
        let extra = ["--heartbeat=20ms".into(), "--workers=7".into()];
        let plan = Plan::new(Path::new("/d"), &ports, Some("/c".into()), &extra).unwrap();
        let words: Vec<&str> = plan.nodes[1]
            .arguments
            .iter()
            .filter_map(|it| it.to_str())
            .collect();
        assert_eq!(
            words.join(" "),
            "serve --node-id node-2 --listen 127.0.0.1:2 --peer-listen 127.0.0.1:4 \
             --cluster-members node-1=127.0.0.1:3,node-2=127.0.0.1:4 --data-dir /d/node-2 \
             --stop-with-fd 0 --certs /c --heartbeat=20ms --workers=7"
        );
        assert_eq!(plan.nodes[1].log, Path::new("/d/node-2.log"));
    }

    #[test]
    fn nodes_that_share_a_machine_share_its_cores() {
        let ports = Ports {
            client: (0..1_000).collect(),
            peer: (0..1_000).collect(),
        };
        let plan = Plan::new(Path::new("/d"), &ports, None, &[]).unwrap();
        let arguments = &plan.nodes[0].arguments;
        let at = arguments.iter().position(|it| it == "--workers").unwrap();
        assert_eq!(arguments[at + 1], "1");
    }
}
