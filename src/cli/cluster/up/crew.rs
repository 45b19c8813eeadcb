//! All nodes together: started, watched for who ends, ended in good order.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use rustix::process::Signal;

use super::plan::Plan;
use super::process::Process;
use crate::base::Result;

/// What nodes have between SIGTERM and SIGKILL: they drain for half of it.
const GRACE: Duration = Duration::from_secs(10);

/// The nodes, in the order of the plan. Dropped, it kills those that run.
pub(super) struct Crew {
    pub(super) nodes: Vec<Process>,
    /// As in the plan.
    pub(super) certs: Option<PathBuf>,
}

/// How the nodes were stopped.
pub(super) struct Stopped {
    /// Those that had to be killed.
    pub(super) killed: Vec<String>,
    /// What is to be said of those that ended badly.
    pub(super) failed: Vec<String>,
}

impl Crew {
    /// The nodes of a plan, not started yet.
    pub(super) fn new(plan: &Plan) -> Self {
        let nodes = plan.nodes.iter().cloned().map(Process::new);
        Self {
            nodes: nodes.collect(),
            certs: plan.certs.clone(),
        }
    }

    /// Starts those that do not run; says which.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub(super) fn start(&mut self) -> Result<Vec<String>> {
        let mut started = Vec::new();
        for node in self.nodes.iter_mut().filter(|node| !node.runs()) {
            node.start()?;
            started.push(node.plan.name.clone());
        }
        Ok(started)
    }

    /// Waits until one ends; for ever if none runs. May be dropped and called again.
    pub(super) async fn next_end(&mut self) -> (usize, ExitStatus) {
        let ends = self.nodes.iter_mut().enumerate().map(|(place, node)| {
            Box::pin(async move {
                let status = node.ended().await;
                (place, status)
            })
        });
        select_all(ends).await.0
    }

    /// True while any runs.
    pub(super) fn is_running(&self) -> bool {
        self.nodes.iter().any(Process::runs)
    }

    /// Where clients ask the nodes, in their order.
    pub(super) fn endpoints(&self) -> Vec<String> {
        let nodes = self.nodes.iter();
        nodes.map(|node| node.plan.endpoint.clone()).collect()
    }

    /// Stops all that run: asked first, and killed after a while, or as soon as `hurry`
    /// resolves.
    pub(super) async fn stop(&mut self, hurry: impl Future<Output = ()>) -> Stopped {
        for node in &self.nodes {
            node.tell(Signal::TERM);
        }
        let mut failed = Vec::new();
        let patience = async {
            tokio::select! {
                () = hurry => {}
                () = tokio::time::sleep(GRACE) => {}
            }
        };
        tokio::pin!(patience);
        while self.is_running() {
            tokio::select! {
                biased;
                (place, status) = self.next_end() => {
                    if !status.success() {
                        failed.push(self.nodes[place].obituary(status));
                    }
                }
                () = &mut patience => break,
            }
        }
        let running = self.nodes.iter_mut().filter(|node| node.runs());
        let killed = running.map(async |node| {
            node.tell(Signal::KILL);
            node.ended().await;
            node.plan.name.clone()
        });
        Stopped {
            killed: join_all(killed).await,
            failed,
        }
    }
}
