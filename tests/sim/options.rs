//! What is asked of a campaign, by variables that `scripts/simulate` sets.

use std::path::PathBuf;

use crate::faults::Fault;

/// Machines of a run, at most.
pub(crate) const MACHINES_MAX: u64 = 7;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) seed: Option<u64>,
    pub(crate) runs: Option<u64>,
    /// These faults alone, and all of them in each run.
    pub(crate) only: Vec<Fault>,
    pub(crate) without: Vec<Fault>,
    /// So many members found the cluster, and there are no other machines.
    pub(crate) nodes: Option<u64>,
    /// Nodes listen to clients, who come over connections.
    pub(crate) has_ports: bool,
    /// A folder for the traces of runs that failed.
    pub(crate) trace: Option<PathBuf>,
    /// A file to which a line of figures is added.
    pub(crate) figures: Option<PathBuf>,
}

impl Options {
    pub(crate) fn given() -> Self {
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        let nodes = number("DKV_SIM_NODES");
        if let Some(nodes) = nodes {
            let may_be = (1..=MACHINES_MAX).contains(&nodes);
            assert!(may_be, "DKV_SIM_NODES is from 1 to {MACHINES_MAX}");
        }
        Self {
            seed: number("DKV_SIM_SEED"),
            runs: number("DKV_SIM_RUNS"),
            only: faults("DKV_SIM_ONLY"),
            without: faults("DKV_SIM_WITHOUT"),
            nodes,
            has_ports: false,
            trace: path("DKV_SIM_TRACE"),
            figures: path("DKV_SIM_FIGURES"),
        }
    }

    /// Whether it is a campaign like that of every commit, which must have seen everything.
    pub(crate) fn is_plain(&self) -> bool {
        self.only.is_empty() && self.without.is_empty() && self.nodes.is_none()
    }

    /// The faults that may be.
    pub(crate) fn allowed(&self) -> Vec<Fault> {
        let named = match self.only.is_empty() {
            true => Fault::ALL.to_vec(),
            false => self.only.clone(),
        };
        let may_be = |it: &Fault| !self.without.contains(it);
        named.into_iter().filter(may_be).collect()
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number")))
}

fn faults(name: &str) -> Vec<Fault> {
    let text = std::env::var(name).unwrap_or_default();
    let names = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let fault = |it| {
        Fault::named(it).unwrap_or_else(|| {
            let all = Fault::ALL;
            panic!("{name} names `{it}`, and there is no such fault among {all:?}")
        })
    };
    names.map(fault).collect()
}
