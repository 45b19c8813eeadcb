//! The verbs, as a table.

use super::grammar::{Choice, Need, Own, Place, Runs, Verb, flagged, many, maybe, one, with, word};

const TTL: Choice = with("TTL", "--ttl", "DURATION");
const EX: Choice = with("EX", "--ttl", "DURATION");
const EXPIRE_IN: Choice = with("EXPIRE IN", "--expire-in", "DURATION");
const DELETE_IN: Choice = with("DELETE IN", "--delete-in", "DURATION");
const FENCE: Choice = with("FENCE", "--fence", "LOCK@TOKEN");
const AT: Choice = with("AT", "--at", "MOMENT");
const LIMIT: Choice = with("LIMIT", "--limit", "N");
const PREFIX: Choice = with("PREFIX", "--prefix", "PREFIX");
const START: Choice = with("START", "--start", "KEY");
const END: Choice = with("END", "--end", "KEY");
const YES: Choice = word("YES", "--yes");

const KEY: &[Place] = &[one("key")];
const PREFIX_PLACE: &[Place] = &[flagged("prefix", "--prefix", Need::Maybe)];

/// A verb without more than places; the others are written over it.
const fn verb(
    name: &'static str,
    path: &'static [&'static str],
    places: &'static [Place],
    usage: &'static str,
    about: &'static str,
) -> Verb {
    Verb {
        name,
        also: &[],
        runs: Runs::Command(path),
        places,
        options: &[],
        bare: None,
        usage,
        about,
    }
}

const fn own(
    name: &'static str,
    which: Own,
    places: &'static [Place],
    usage: &'static str,
    about: &'static str,
) -> Verb {
    Verb {
        runs: Runs::Shell(which),
        ..verb(name, &[], places, usage, about)
    }
}

/// Keys.
const KEYS: &[Verb] = &[
    Verb {
        options: &[
            TTL,
            EX,
            EXPIRE_IN,
            DELETE_IN,
            word("KEEP TIMERS", "--keep-timers"),
            word("IF ABSENT", "--if-absent"),
            word("NX", "--if-absent"),
            word("IF PRESENT", "--if-present"),
            word("XX", "--if-present"),
            with("IF REVISION", "--if-revision", "N"),
            with("IF VALUE", "--if-value", "VALUE"),
            word("PREVIOUS", "--return-previous"),
            FENCE,
        ],
        bare: Some("--ttl"),
        ..verb(
            "SET",
            &["kv", "set"],
            &[one("key"), one("value")],
            "SET key value [TTL 5m | 300] [IF ABSENT | IF PRESENT | IF REVISION n | IF VALUE v] \
             [EXPIRE IN 5m] [KEEP TIMERS] [PREVIOUS] [FENCE lock@token]",
            "set a key; an unquoted @FILE is read",
        )
    },
    Verb {
        options: &[AT],
        ..verb(
            "GET",
            &["kv", "get"],
            &[many("key")],
            "GET key... [AT revision | 5m | time]",
            "print values, as they are or were",
        )
    },
    verb(
        "HAS",
        &["kv", "has"],
        KEY,
        "HAS key",
        "tell whether a key is there",
    ),
    Verb {
        also: &["DEL"],
        options: &[PREFIX, START, END, YES, FENCE],
        ..verb(
            "DELETE",
            &["kv", "delete"],
            &[maybe("key")],
            "DELETE key | PREFIX p | START a END b [YES] [FENCE lock@token]",
            "remove a key, or every key of a prefix or range",
        )
    },
    verb(
        "TTL",
        &["kv", "ttl"],
        KEY,
        "TTL key",
        "tell what is left of the timers of a key",
    ),
    Verb {
        options: &[TTL, EX, EXPIRE_IN, DELETE_IN, FENCE],
        bare: Some("--ttl"),
        ..verb(
            "TOUCH",
            &["kv", "touch"],
            KEY,
            "TOUCH key [TTL 5m | 300] [EXPIRE IN 5m] [FENCE lock@token]",
            "give a key other timers",
        )
    },
    Verb {
        options: &[FENCE],
        ..verb(
            "PERSIST",
            &["kv", "persist"],
            KEY,
            "PERSIST key [FENCE lock@token]",
            "clear the timers of a key",
        )
    },
    Verb {
        options: &[FENCE],
        ..verb(
            "EXPIRE",
            &["kv", "expire"],
            KEY,
            "EXPIRE key [FENCE lock@token]",
            "drop a value now; the key remains (TOUCH sets timers)",
        )
    },
    Verb {
        options: &[TTL, EX, EXPIRE_IN, FENCE],
        ..verb(
            "INCR",
            &["kv", "incr"],
            &[one("key"), maybe("by")],
            "INCR key [by] [TTL 5m] [FENCE lock@token]",
            "add to a number",
        )
    },
    Verb {
        options: &[
            LIMIT,
            word("KEYS", "--keys-only"),
            word("REVERSE", "--reverse"),
            word("COUNT", "--count"),
            word("EXPIRED", "--include-expired"),
            PREFIX,
            START,
            END,
            AT,
        ],
        ..verb(
            "SCAN",
            &["kv", "scan"],
            PREFIX_PLACE,
            "SCAN [prefix] [LIMIT n] [KEYS] [REVERSE] [COUNT] [EXPIRED] [START a] [END b] [AT moment]",
            "list keys and values",
        )
    },
];

/// The past, what happens, and many changes at once.
const CHANGES: &[Verb] = &[
    Verb {
        options: &[LIMIT, with("BEFORE", "--before", "REVISION")],
        ..verb(
            "HISTORY",
            &["kv", "history"],
            KEY,
            "HISTORY key [LIMIT n] [BEFORE revision]",
            "list what a key went through",
        )
    },
    Verb {
        options: &[
            with("SINCE", "--since", "MOMENT"),
            with("UNTIL", "--until", "MOMENT"),
            PREFIX,
            START,
            END,
        ],
        ..verb(
            "DIFF",
            &["kv", "diff"],
            &[flagged("moment", "--since", Need::One)],
            "DIFF moment [UNTIL moment] [PREFIX p]",
            "list what changed since a revision, 5m ago or a time",
        )
    },
    Verb {
        options: &[with("TO", "--to", "MOMENT")],
        ..verb(
            "REVERT",
            &["kv", "revert"],
            &[one("key"), flagged("moment", "--to", Need::One)],
            "REVERT key TO moment",
            "give a key back the value it had",
        )
    },
    Verb {
        options: &[
            LIMIT,
            with("KEY", "", "KEY"),
            with("FROM", "--from", "REVISION"),
            with("UNTIL", "--until", "REVISION"),
            word("INITIAL", "--initial"),
            word("PREVIOUS", "--previous"),
            word("ONCE", "--once"),
            with("KINDS", "--kinds", "KIND,..."),
        ],
        ..verb(
            "WATCH",
            &["kv", "watch"],
            PREFIX_PLACE,
            "WATCH [prefix | KEY k] [LIMIT n] [FROM revision] [UNTIL revision] [INITIAL] [PREVIOUS] [ONCE]",
            "print changes as they happen, until Ctrl-C",
        )
    },
    Verb {
        options: &[FENCE],
        ..verb(
            "TXN",
            &["kv", "txn"],
            &[maybe("file")],
            "TXN [FENCE lock@token], then lines `if ...`, `then ...`, `else ...`, then END",
            "compare, and apply one of two branches, all or nothing",
        )
    },
    Verb {
        options: &[FENCE],
        ..verb(
            "BATCH",
            &["kv", "batch"],
            &[maybe("file")],
            "BATCH [FENCE lock@token], then lines such as `set a 1`, then END",
            "apply many writes, each for itself",
        )
    },
];

const BUCKET_OPTIONS: &[Choice] = &[
    TTL,
    DELETE_IN,
    EXPIRE_IN,
    with("QUOTA KEYS", "--quota-keys", "N"),
    with("QUOTA", "--quota", "SIZE"),
    word("NO HISTORY", "--no-history"),
];

/// Buckets and locks.
const NAMED: &[Verb] = &[
    verb(
        "BUCKETS",
        &["bucket", "list"],
        &[maybe("prefix")],
        "BUCKETS [prefix]",
        "list the buckets",
    ),
    Verb {
        options: BUCKET_OPTIONS,
        ..verb(
            "BUCKET CREATE",
            &["bucket", "create"],
            &[one("name")],
            "BUCKET CREATE name [TTL 30m] [EXPIRE IN 5m] [QUOTA 64MiB] [QUOTA KEYS n] [NO HISTORY]",
            "make a bucket",
        )
    },
    Verb {
        options: BUCKET_OPTIONS.split_at(5).0,
        ..verb(
            "BUCKET UPDATE",
            &["bucket", "update"],
            &[one("name")],
            "BUCKET UPDATE name [TTL 30m] [EXPIRE IN 5m] [QUOTA 64MiB] [QUOTA KEYS n]",
            "change the settings of a bucket",
        )
    },
    Verb {
        options: &[YES],
        ..verb(
            "BUCKET DROP",
            &["bucket", "drop"],
            &[one("name")],
            "BUCKET DROP name [YES]",
            "remove a bucket with all its keys",
        )
    },
    Verb {
        options: &[
            TTL,
            EX,
            with("WAIT", "--wait", "DURATION"),
            with("OWNER", "--owner", "HEX"),
        ],
        bare: Some("--ttl"),
        ..verb(
            "LOCK",
            &["lock", "acquire"],
            &[one("name")],
            "LOCK name [TTL 30s | 30] [WAIT 10s]",
            "take a lock; the shell remembers that it is yours",
        )
    },
    Verb {
        options: &[TTL, EX],
        bare: Some("--ttl"),
        ..verb(
            "RENEW",
            &["lock", "renew"],
            &[one("name"), maybe("owner")],
            "RENEW name [owner] [TTL 30s | 30]",
            "extend the lease of a lock",
        )
    },
    verb(
        "UNLOCK",
        &["lock", "release"],
        &[one("name"), maybe("owner")],
        "UNLOCK name [owner]",
        "give a lock up",
    ),
    Verb {
        options: &[LIMIT],
        ..verb(
            "LOCKS",
            &["lock", "list"],
            PREFIX_PLACE,
            "LOCKS [prefix] [LIMIT n]",
            "list the locks that are held",
        )
    },
    Verb {
        options: &[YES],
        ..verb(
            "REVOKE",
            &["lock", "revoke"],
            &[one("name")],
            "REVOKE name [YES]",
            "take a lock away from whoever holds it",
        )
    },
];

/// The node, the cluster, and the shell itself.
const REST: &[Verb] = &[
    Verb {
        also: &["INFO"],
        ..verb(
            "STATUS",
            &["info"],
            &[],
            "STATUS",
            "describe the node and its shards",
        )
    },
    verb(
        "CLUSTER",
        &["cluster", "status"],
        &[],
        "CLUSTER [status | members | health | ...]",
        "tell how the members do",
    ),
    verb(
        "EXPLAIN",
        &["explain"],
        &[maybe("kind")],
        "EXPLAIN kind",
        "explain a kind of error, such as Timeout",
    ),
    own(
        "USE",
        Own::Use,
        &[maybe("bucket")],
        "USE [bucket]",
        "choose the bucket of later commands; none: the default one",
    ),
    own(
        "SHARD",
        Own::Shard,
        &[maybe("id")],
        "SHARD [id]",
        "choose the shard of later commands; none: tell it",
    ),
    own(
        "OUTPUT",
        Own::Output,
        &[maybe("format")],
        "OUTPUT [text | json | jsonl | table | raw]",
        "choose how answers look",
    ),
    own(
        "TIMING",
        Own::Timing,
        &[maybe("on|off")],
        "TIMING [on | off]",
        "tell how long each command took",
    ),
    own(
        "CONNECT",
        Own::Connect,
        &[many("address")],
        "CONNECT address...",
        "ask other nodes from now on",
    ),
    Verb {
        also: &["?"],
        ..own(
            "HELP",
            Own::Help,
            &[maybe("command")],
            "HELP [command | topic]",
            "list the commands, or explain one",
        )
    },
    own("CLEAR", Own::Clear, &[], "CLEAR", "clear the screen"),
    Verb {
        also: &["QUIT"],
        ..own("EXIT", Own::Exit, &[], "EXIT", "leave; so does Ctrl-D")
    },
];

/// All of them, by what they are about.
pub(super) const GROUPS: [(&str, &[Verb]); 4] = [
    ("Keys", KEYS),
    ("The past, what happens, many changes at once", CHANGES),
    ("Buckets and locks", NAMED),
    ("Nodes, and this shell", REST),
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Verb> {
    GROUPS.iter().flat_map(|(_, verbs)| verbs.iter())
}

/// The one that goes by a name, in any letter case.
pub(super) fn named(name: &str) -> Option<&'static Verb> {
    all().find(|verb| verb.names().any(|known| known.eq_ignore_ascii_case(name)))
}
