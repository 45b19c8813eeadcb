//! `dkv explain`, which `dkv --explain` is, too: what a kind of error means.

mod flag;

use clap::Args;

use crate::base::suggest::nearest;
use crate::base::{Error, ErrorKind, Result};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::{Format, Printer};
use crate::cli::row::Row;

pub(crate) use flag::as_subcommand;

/// Explain a kind of error
///
/// What it means, whether anything was applied, what to do, and its codes. Without a kind, all of
/// them are listed. `dkv --explain KIND` is the same.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Such as Timeout; in any letter case
    kind: Option<String>,
}

/// What there is to say of a kind.
#[derive(Clone, Copy)]
struct Explanation {
    meaning: &'static str,
    applied: &'static str,
    advice: &'static str,
    grpc: &'static str,
    http: &'static str,
}

/// Every kind, in the order of [`ErrorKind::ALL`].
const EXPLANATIONS: [(ErrorKind, Explanation); 13] = [
    (
        ErrorKind::Invalid,
        Explanation {
            meaning: "the request is wrong, and always will be",
            applied: "no, nothing",
            advice: "read the message, which names the value and says what would be right",
            grpc: "INVALID_ARGUMENT",
            http: "400",
        },
    ),
    (
        ErrorKind::NotFound,
        Explanation {
            meaning: "there is no such shard, bucket or member (a key that is not there is an answer, not \
             an error)",
            applied: "no, nothing",
            advice: "mend the name: `dkv info` lists the shards, `dkv bucket list` the buckets",
            grpc: "NOT_FOUND",
            http: "404",
        },
    ),
    (
        ErrorKind::Conflict,
        Explanation {
            meaning: "what you named is not so any more: somebody else was faster, or there is something \
             else by that name",
            applied: "no, nothing",
            advice: "read again, decide again, write again",
            grpc: "ABORTED",
            http: "409; 412 where If-Match or If-None-Match did not hold",
        },
    ),
    (
        ErrorKind::FenceStale,
        Explanation {
            meaning: "the lock whose fence came with the write is not held by that grant: the lease ended, \
             or somebody revoked it",
            applied: "no, nothing",
            advice: "stop this work: somebody else may be at it; acquire the lock again and read again",
            grpc: "FAILED_PRECONDITION",
            http: "412",
        },
    ),
    (
        ErrorKind::LimitExceeded,
        Explanation {
            meaning: "it would go over a limit: of size, of a bucket's quota, of clients, or of the disk",
            applied: "no, nothing",
            advice: "send less, delete something, or try later; the message names the limit",
            grpc: "RESOURCE_EXHAUSTED",
            http: "413, 429 or 507",
        },
    ),
    (
        ErrorKind::Compacted,
        Explanation {
            meaning: "the revision that was asked for is older than the history goes back",
            applied: "no, nothing: it was a read",
            advice: "begin with the revision that the error names, or watch with --initial; \
             `dkv serve --history-age` keeps more",
            grpc: "OUT_OF_RANGE",
            http: "410",
        },
    ),
    (
        ErrorKind::Unauthenticated,
        Explanation {
            meaning: "there were no credentials, or wrong ones",
            applied: "no, nothing",
            advice: "get credentials",
            grpc: "UNAUTHENTICATED",
            http: "401",
        },
    ),
    (
        ErrorKind::Denied,
        Explanation {
            meaning: "these credentials do not allow it",
            applied: "no, nothing",
            advice: "ask whoever grants it, or use other credentials",
            grpc: "PERMISSION_DENIED",
            http: "403",
        },
    ),
    (
        ErrorKind::NotLeader,
        Explanation {
            meaning: "the node that was asked does not lead the shard, and could not hand the request on",
            applied: "no, nothing",
            advice: "ask again; with every member in --endpoints the command line finds the leader itself",
            grpc: "UNAVAILABLE",
            http: "503",
        },
    ),
    (
        ErrorKind::Unavailable,
        Explanation {
            meaning: "no node could serve it: none is there, or the members that are there are no majority",
            applied: "no, nothing",
            advice: "see `dkv cluster health`, and ask again; --consistency stale reads without a leader",
            grpc: "UNAVAILABLE",
            http: "503",
        },
    ),
    (
        ErrorKind::Timeout,
        Explanation {
            meaning: "the answer was lost or late: the connection broke, or the deadline passed, after the \
             write was sent",
            applied: "unknown: a write may have been applied, once, or may still be",
            advice: "read before you write it again; programs repeat it under the same request id, which \
             never applies it twice",
            grpc: "DEADLINE_EXCEEDED",
            http: "504",
        },
    ),
    (
        ErrorKind::Corrupt,
        Explanation {
            meaning: "stored data is damaged: a checksum is wrong",
            applied: "no: a node never goes on with damaged data",
            advice: "look at the node's log, which names file and offset; restore the directory, or let \
             the member join anew with an empty one",
            grpc: "DATA_LOSS",
            http: "500",
        },
    ),
    (
        ErrorKind::Internal,
        Explanation {
            meaning: "a defect of dkv, or a disk that failed",
            applied: "unknown; the node's log says",
            advice: "look at the node's log and its disk; if both are well, please report it",
            grpc: "INTERNAL",
            http: "500",
        },
    ),
];

/// Prints the explanation, or all of them.
pub(crate) fn run(args: &ExplainArgs, printer: &mut Printer) -> Outcome {
    let Some(name) = &args.kind else {
        let mut list = printer.table_list();
        for kind in ErrorKind::ALL {
            let row = Row::new()
                .with("kind", format!("{kind:?}"))
                .with("exit", u64::from(ExitStatus::from(kind).code()))
                .with("meaning", explanation(kind).meaning);
            list.push(row, "")?;
        }
        list.finish()?;
        return Ok(ExitStatus::Done);
    };
    let kind = named(name)?;
    match printer.format() {
        Format::Text => printer.verbatim(in_words(kind).as_bytes())?,
        _ => printer.row(&row(kind))?,
    }
    Ok(ExitStatus::Done)
}

/// What can be explained.
pub(crate) fn names() -> impl Iterator<Item = String> {
    ErrorKind::ALL.into_iter().map(|kind| format!("{kind:?}"))
}

fn named(name: &str) -> Result<ErrorKind> {
    let letters = |text: &str| text.replace(['-', '_', ' '], "").to_ascii_lowercase();
    let wanted = letters(name);
    let found = ErrorKind::ALL.into_iter();
    let mut found = found.filter(|kind| letters(&format!("{kind:?}")) == wanted);
    found.next().ok_or_else(|| {
        let names: Vec<String> = names().collect();
        let near = nearest(name, names.iter().map(String::as_str));
        let meant = near.map_or(String::new(), |near| format!(": did you mean {near}?"));
        Error::invalid(format!(
            "there is no kind of error `{name}`{meant} (kinds: {})",
            names.join(", ")
        ))
    })
}

fn row(kind: ErrorKind) -> Row {
    let it = explanation(kind);
    Row::new()
        .with("kind", format!("{kind:?}"))
        .with("meaning", it.meaning)
        .with("applied", it.applied)
        .with("advice", it.advice)
        .with("exit", u64::from(ExitStatus::from(kind).code()))
        .with("grpc", it.grpc)
        .with("http", it.http)
}

fn in_words(kind: ErrorKind) -> String {
    let it = explanation(kind);
    let code = ExitStatus::from(kind).code();
    format!(
        "{kind:?}: {}.\n\nApplied?   {}.\nWhat to do {}.\nCodes      exit {code}, gRPC {}, HTTP {}\n",
        it.meaning, it.applied, it.advice, it.grpc, it.http
    )
}

fn explanation(kind: ErrorKind) -> &'static Explanation {
    let mut known = EXPLANATIONS.iter().filter(|(known, _)| *known == kind);
    let (_, explanation) = known
        .next()
        .expect("a test has it that every kind is there");
    explanation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_however_it_is_spelt() {
        for name in ["FenceStale", "fencestale", "FENCE_STALE", "fence-stale"] {
            assert_eq!(named(name).unwrap(), ErrorKind::FenceStale);
        }
        let error = named("Timeuot").unwrap_err();
        assert!(error.message().contains("did you mean Timeout?"), "{error}");
    }

    #[test]
    fn every_kind_says_all_there_is() {
        assert_eq!(EXPLANATIONS.map(|(kind, _)| kind), ErrorKind::ALL);
        for kind in ErrorKind::ALL {
            let text = in_words(kind);
            assert!(text.lines().count() >= 5, "{text}");
            assert!(
                text.lines().all(|line| line.chars().count() < 200),
                "{text}"
            );
        }
    }
}
