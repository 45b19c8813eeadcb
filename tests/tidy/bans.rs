//! Invariants that are absences: what may be named only where.

use crate::paths::{self, NamedPath};
use crate::source::{Finding, RustFile, Tree};

/// Something that some places must not name.
struct Ban {
    /// Paths, with everything inside them.
    paths: &'static [&'static str],
    /// Words of code, wherever they stand.
    words: &'static [&'static str],
    /// Where it holds; empty: all of `src/`.
    within: &'static [&'static str],
    /// Where it does not hold.
    except: &'static [&'static str],
    /// Whether tests must obey too.
    in_tests: bool,
    /// What to do instead, and why.
    instead: &'static str,
}

const BAN: Ban = Ban {
    paths: &[],
    words: &[],
    within: &[],
    except: &[],
    in_tests: false,
    instead: "",
};

const PURE: &[&str] = &["src/engine/", "src/kv/", "src/lock/", "src/machine/"];

const BANS: &[Ban] = &[
    Ban {
        paths: &["tokio", "futures_util", "rand", "getrandom", "uuid"],
        words: &["async", ".await", "SystemTime", "Instant", "Clock", "Rng"],
        within: PURE,
        instead: "this room is pure and synchronous: take what you need (the machine time, an \
                  identity) as an argument",
        ..BAN
    },
    Ban {
        paths: &["crate::proto::v1"],
        within: PURE,
        in_tests: true,
        instead: "API messages end at the edges: convert them in `server/convert.rs` or `client/`",
        ..BAN
    },
    Ban {
        paths: &["crate::proto::storage"],
        except: &[
            "src/proto/",
            "src/machine/codec",
            "src/server/manifest.rs",
            // Members and shards, as peers tell them each other.
            "src/server/cluster/",
            "src/raft/",
        ],
        in_tests: true,
        instead: "stored messages are known to `machine/codec.rs`, `raft/` and \
                  `server/manifest.rs` alone: encode and decode there",
        ..BAN
    },
    Ban {
        paths: &[
            "clap",
            "clap_complete",
            "clap_mangen",
            "comfy_table",
            "dialoguer",
            "indicatif",
            "ratatui",
            "rustyline",
        ],
        except: &["src/cli/"],
        in_tests: true,
        instead: "only `cli/` speaks with people",
        ..BAN
    },
    Ban {
        paths: &["mimalloc", "libmimalloc_sys"],
        words: &["unsafe_code", "unsafe"],
        except: &["src/allocator.rs", "src/lib.rs"],
        in_tests: true,
        instead: "only the binary's allocator is asked unsafely (docs/adr/0028)",
        ..BAN
    },
    Ban {
        paths: &["figment", "toml"],
        except: &["src/config.rs", "src/config/"],
        in_tests: true,
        instead: "only `config` knows where settings come from",
        ..BAN
    },
    Ban {
        paths: &["openraft"],
        except: &["src/raft/"],
        in_tests: true,
        instead: "only `raft/` names openraft, so that it can change its mind alone",
        ..BAN
    },
    Ban {
        paths: &["redb"],
        except: &["src/engine/redb"],
        in_tests: true,
        instead: "only `engine/redb` names redb; others see `Engine`",
        ..BAN
    },
    Ban {
        paths: &[
            "axum",
            "tonic",
            "tonic_prost",
            "tonic_health",
            "tonic_reflection",
            "hyper_util",
            "tower",
            "http",
        ],
        except: &[
            "src/proto/",
            "src/server/",
            "src/client/",
            // Measure etcd, and dkv in ways that the client does not go.
            "src/perf/target/etcd",
            "src/perf/target/grpc",
            "src/perf/target/rest",
        ],
        in_tests: true,
        instead: "the wire belongs to the edges, `server/` and `client/`",
        ..BAN
    },
    Ban {
        paths: &["prost"],
        except: &[
            "src/proto/",
            "src/server/",
            "src/client/",
            "src/perf/target/etcd",
            "src/machine/codec",
            "src/raft/",
        ],
        in_tests: true,
        instead: "encoding belongs to the edges and to the codecs",
        ..BAN
    },
    Ban {
        paths: &["std::io::stdout", "io::stdout"],
        words: &["println!", "print!", "eprintln!", "eprint!"],
        except: &["src/cli/output.rs", "src/cli/output/"],
        instead: "only `cli/output.rs` prints: return what there is to say, or use `tracing`",
        ..BAN
    },
    Ban {
        words: &["SystemTime"],
        paths: &["chrono"],
        instead: "nothing in dkv depends on the wall clock: use machine time, or `base::host::Clock`",
        ..BAN
    },
    Ban {
        paths: &["std::time::Instant"],
        except: &["src/base/host/"],
        instead: "only `base/host` reads clocks: use `Clock` (or tokio's timers at the edges)",
        ..BAN
    },
    Ban {
        paths: &["std::fs", "fs::File", "tokio::fs"],
        // A person's own files (a value, a settings file, a report) are not a node's.
        except: &[
            "src/base/host/",
            "src/cli/",
            "src/config.rs",
            "src/config/",
            // Neither are certificates.
            "src/tls/issue/folder.rs",
            "src/tls/issue/record.rs",
            "src/tls/issue/staged.rs",
        ],
        instead: "only `base/host` touches a node's files: use `Disk`, so that a simulated disk can \
                  lose power",
        ..BAN
    },
    Ban {
        paths: &[
            "std::thread",
            "thread::spawn",
            "thread::sleep",
            "thread::Builder",
        ],
        except: &["src/base/host/"],
        instead: "only `base/host` starts or stops threads: write a `Step` and give it to `Spawn`; \
                  never sleep, wait on a condition",
        ..BAN
    },
    Ban {
        paths: &["getrandom", "rand"],
        except: &["src/base/host/"],
        instead: "only `base/host` draws randomness: use `Rng`, so that a seed replays a run",
        ..BAN
    },
    Ban {
        paths: &[
            "tokio::spawn",
            "tokio::task::spawn",
            "tokio::task::spawn_blocking",
        ],
        except: &[
            "src/server/",
            "src/client/",
            "src/cli/",
            "src/perf/",
            // Reads the user's files, and waits for that: no task outlives its caller.
            "src/tls/kept.rs",
            // The consensus library is asynchronous through and through: ADR 17.
            "src/raft/",
            "src/store/replicated",
            // Hands events on for as long as somebody watches, whichever room that is.
            "src/store/watch/",
        ],
        instead: "tasks live at the edges (`server`, `client`, `cli`, `perf`); lower rooms return \
                  what there is to do",
        ..BAN
    },
    Ban {
        paths: &["std::sync::mpsc::channel"],
        words: &["unbounded_channel", "UnboundedSender", "unbounded"],
        instead: "every queue is bounded: use `channel(n)` or `sync_channel(n)` with a limit from \
                  `base/limits.rs`",
        ..BAN
    },
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in tree.product() {
        let named = paths::all(file);
        for ban in BANS.iter().filter(|ban| ban.holds_in(path)) {
            ban.check(path, file, &named, &mut findings);
        }
    }
    findings
}

impl Ban {
    fn holds_in(&self, path: &str) -> bool {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
        (self.within.is_empty() || starts(self.within)) && !starts(self.except)
    }

    fn check(&self, path: &str, file: &RustFile, named: &[NamedPath], findings: &mut Vec<Finding>) {
        let hits_of_paths = named.iter().filter_map(|named| {
            let banned = self.paths.iter().find(|banned| named.is_in(banned))?;
            Some((named.line, *banned))
        });
        let hits_of_words = self.words.iter().flat_map(|word| {
            let lines = file.words(word).map(|at| file.line_of(at));
            lines.map(move |line| (line, *word)).collect::<Vec<_>>()
        });
        for (line, what) in hits_of_paths.chain(hits_of_words) {
            if self.in_tests || !file.is_test_line(line) {
                findings.push(Finding {
                    path: path.to_owned(),
                    line,
                    message: format!("`{what}` must not be here: {}", self.instead),
                });
            }
        }
    }
}
