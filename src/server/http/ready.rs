//! Whether the node should be given work, and if not, why.

use super::live::{Live, Standing};
use crate::server::service::Shard;
use crate::store::Leadership;

/// What says more.
const SEE: &str = "(dkv cluster health)";

/// One thing that must hold.
pub(in crate::server) struct Check {
    pub(in crate::server) name: String,
    /// Why it does not hold, if so.
    pub(in crate::server) failed: Option<String>,
    /// What people may want to know beside that it holds; empty: nothing.
    pub(in crate::server) remark: String,
}

impl Check {
    fn new(name: impl Into<String>, failed: Option<String>) -> Self {
        Self {
            name: name.into(),
            // A check is one line.
            failed: failed.map(|why| why.replace(['\n', '\r'], " ")),
            remark: String::new(),
        }
    }
}

/// All that must hold, in the order it is told.
pub(in crate::server) fn checks(standing: &Standing) -> Vec<Check> {
    let stopping = (*standing.stopping.borrow()).then(|| "this node is stopping".to_owned());
    let mut checks = vec![Check::new("serving", stopping)];
    match standing.live.get() {
        None => checks.push(match standing.waiting.why() {
            Some(why) => Check::new("cluster", Some(why)),
            None => {
                let why = "recovering: the log is being applied; ask again";
                Check::new("recovery", Some(why.to_owned()))
            }
        }),
        Some(live) => {
            checks.push(Check::new("recovery", None));
            checks.extend(checks_of(live));
        }
    }
    checks
}

fn checks_of(live: &Live) -> Vec<Check> {
    let log = (live.log)();
    let ended = log.finished.then(|| "the log is closed".to_owned());
    let mut checks = vec![
        Check::new("node", live.fatal.reason()),
        Check::new("log", log.poisoned.or(ended)),
        Check::new("disk", log.read_only.map(read_only)),
    ];
    for shard in live.describe.service.shards() {
        checks.push(check_of(shard));
    }
    checks
}

/// A replicated shard needs a leader that can be reached: here it would be served, or from
/// here be sent there. A stale read would still be answered, but nobody who asks a load
/// balancer for a node means that.
fn check_of(shard: &Shard) -> Check {
    let name = format!("shard {}", shard.id);
    let failed = shard.store.status().read_only.map(read_only);
    let Some(replicated) = shard.store.replicated() else {
        return Check::new(name, failed);
    };
    let leadership = replicated.leadership();
    let leaderless = match &leadership {
        Leadership::Led { .. } => None,
        Leadership::TakenOut => Some(leadership.to_string()),
        _ => Some(format!(
            "{leadership}; is a majority of the members running? {SEE}"
        )),
    };
    Check {
        remark: leadership.to_string(),
        ..Check::new(name, failed.or(leaderless))
    }
}

fn read_only(why: String) -> String {
    if why.starts_with("read-only") {
        return why;
    }
    format!("read-only: {why}")
}

/// What failed, as one line of text; empty if nothing did.
pub(super) fn reasons(checks: &[Check]) -> String {
    let reasons: Vec<_> = checks
        .iter()
        .filter_map(|check| Some(format!("{}: {}", check.name, check.failed.as_ref()?)))
        .collect();
    reasons.join("; ")
}

/// All checks, a line each.
pub(super) fn verbose(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let name = &check.name;
        match &check.failed {
            None if check.remark.is_empty() => text.push_str(&format!("[+]{name} ok\n")),
            None => text.push_str(&format!("[+]{name} ok: {}\n", check.remark)),
            Some(why) => text.push_str(&format!("[-]{name} failed: {why}\n")),
        }
    }
    let all = checks.iter().all(|check| check.failed.is_none());
    text.push_str("readyz check ");
    text.push_str(if all { "passed\n" } else { "failed\n" });
    text
}
