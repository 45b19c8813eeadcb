//! The table of requests, played in its order.

/// What is asked, of which shard and bucket.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) shard: u32,
    pub(crate) bucket: &'static str,
    pub(crate) what: What,
}

/// A key or value.
pub(crate) type Text = &'static [u8];

/// When a set takes place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Only {
    Always,
    Absent,
    Revision(u64),
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Set {
        key: Text,
        value: Text,
        only: Only,
        ttl_s: u64,
        fence: Option<u64>,
    },
    Get {
        key: Text,
        at: Option<u64>,
    },
    Has(Text),
    Delete(Text),
    DeletePrefix(Text),
    Expire(Text),
    Touch(Text),
    Persist(Text),
    Incr(Text, i64),
    Scan {
        prefix: Text,
        reverse: bool,
    },
    History(Text),
    Batch(Vec<Op>),
    Txn {
        key: Text,
        value: Text,
        then: Vec<Op>,
        otherwise: Vec<Op>,
    },
    Acquire(Text, [u8; 16]),
    Renew(Text, [u8; 16]),
    Release(Text, [u8; 16]),
    Info(Text),
    Revoke(Text),
    CreateBucket {
        quota_keys: u64,
    },
    DropBucket,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Set(Text, Text),
    Delete(Text),
    Incr(Text, i64),
    Get(Text),
}

/// The lock that fences are of.
pub(crate) const LOCK: Text = b"jobs";
pub(crate) const ALICE: [u8; 16] = [1; 16];
const BOB: [u8; 16] = [2; 16];

fn set(key: Text, value: Text) -> What {
    What::Set {
        key,
        value,
        only: Only::Always,
        ttl_s: 0,
        fence: None,
    }
}

fn set_if(key: Text, only: Only) -> What {
    What::Set {
        key,
        value: b"conditional",
        only,
        ttl_s: 0,
        fence: None,
    }
}

fn fenced(token: u64) -> What {
    What::Set {
        key: b"guarded",
        value: b"x",
        only: Only::Always,
        ttl_s: 0,
        fence: Some(token),
    }
}

fn get(key: Text) -> What {
    What::Get { key, at: None }
}

/// All requests.
pub(crate) fn all() -> Vec<Ask> {
    let mut asks = Vec::new();
    let mut of = |shard, bucket, whats: Vec<What>| {
        asks.extend(whats.into_iter().map(|what| Ask {
            shard,
            bucket,
            what,
        }));
    };
    of(100, "", keys());
    of(100, "", numbers());
    of(100, "", many());
    of(100, "", locks());
    of(
        200,
        "",
        vec![
            What::Acquire(b"outside", ALICE),
            What::Info(b"outside"),
            set(b"a", b"no keys here"),
            get(b"a"),
        ],
    );
    of(7, "", vec![set(b"a", b"1"), get(b"a"), What::Info(LOCK)]);
    of(
        100,
        "users",
        vec![
            get(b"a"),
            set(b"a", b"1"),
            What::CreateBucket { quota_keys: 2 },
            What::CreateBucket { quota_keys: 2 },
            What::CreateBucket { quota_keys: 3 },
            set(b"a", b"1"),
            set(b"b", b"2"),
            set(b"c", b"one too many"),
            What::Scan {
                prefix: b"",
                reverse: true,
            },
            get(b"a"),
            What::DropBucket,
            What::DropBucket,
            get(b"a"),
        ],
    );
    of(
        100,
        "no/bucket",
        vec![get(b"a"), What::CreateBucket { quota_keys: 0 }],
    );
    asks
}

fn keys() -> Vec<What> {
    let long: Text = &[b'k'; 4_097];
    vec![
        get(b"a"),
        What::Has(b"a"),
        set(b"a", b"hello"),
        get(b"a"),
        What::Has(b"a"),
        set(b"a", b"two\nlines \"quoted\" \\ and \xc3\xa9"),
        get(b"a"),
        set(b"bytes\xff\x01", b"\x00\xff"),
        get(b"bytes\xff\x01"),
        set(b"with/slash and space?&=#%+", b"x"),
        get(b"with/slash and space?&=#%+"),
        set(b"..", b"dots"),
        get(b".."),
        set_if(b"a", Only::Absent),
        set_if(b"new", Only::Absent),
        set_if(b"a", Only::Revision(1)),
        set_if(b"a", Only::Revision(2)),
        What::Set {
            key: b"timed",
            value: b"t",
            only: Only::Always,
            ttl_s: 3_600,
            fence: None,
        },
        get(b"timed"),
        What::Touch(b"timed"),
        What::Persist(b"timed"),
        get(b"timed"),
        What::Touch(b"nothing"),
        What::Persist(b"nothing"),
        What::Expire(b"timed"),
        What::Expire(b"timed"),
        get(b"timed"),
        What::Has(b"timed"),
        What::Get {
            key: b"a",
            at: Some(1),
        },
        What::Get {
            key: b"a",
            at: Some(9_999),
        },
        What::History(b"a"),
        What::History(b"nothing"),
        What::Scan {
            prefix: b"",
            reverse: false,
        },
        What::Scan {
            prefix: b"a",
            reverse: true,
        },
        What::Scan {
            prefix: b"zzz",
            reverse: false,
        },
        What::Delete(b"a"),
        What::Delete(b"a"),
        What::DeletePrefix(b"with/"),
        get(b""),
        set(b"", b"x"),
        What::Delete(b""),
        get(long),
        set(long, b"x"),
    ]
}

fn numbers() -> Vec<What> {
    vec![
        What::Incr(b"n", 5),
        What::Incr(b"n", -7),
        get(b"n"),
        What::Incr(b"n", i64::MIN),
        set(b"text", b"abc"),
        What::Incr(b"text", 1),
        What::Incr(b"", 1),
    ]
}

fn many() -> Vec<What> {
    let if_text = |value, then, otherwise| What::Txn {
        key: b"text",
        value,
        then,
        otherwise,
    };
    vec![
        What::Batch(vec![
            Op::Set(b"b1", b"1"),
            Op::Incr(b"b1", 4),
            Op::Delete(b"b1"),
            Op::Delete(b"b1"),
        ]),
        What::Batch(vec![Op::Incr(b"text", 1), Op::Set(b"b2", b"2")]),
        What::Batch(vec![Op::Get(b"b2")]),
        if_text(
            b"abc",
            vec![Op::Set(b"t", b"1"), Op::Get(b"text")],
            vec![Op::Get(b"b2")],
        ),
        if_text(
            b"other",
            vec![Op::Set(b"t", b"2")],
            vec![Op::Get(b"b2"), Op::Get(b"none")],
        ),
        if_text(b"other", vec![Op::Set(b"t", b"3")], vec![]),
        if_text(b"abc", vec![Op::Set(b"t", b"4"), Op::Delete(b"t")], vec![]),
        if_text(b"abc", vec![Op::Incr(b"text", 1)], vec![]),
        get(b"t"),
    ]
}

fn locks() -> Vec<What> {
    vec![
        What::Info(LOCK),
        fenced(1),
        What::Acquire(LOCK, ALICE),
        What::Acquire(LOCK, ALICE),
        What::Acquire(LOCK, BOB),
        What::Info(LOCK),
        What::Renew(LOCK, ALICE),
        What::Renew(LOCK, BOB),
        What::Release(LOCK, BOB),
        fenced(1),
        What::Revoke(LOCK),
        What::Revoke(LOCK),
        What::Renew(LOCK, ALICE),
        What::Release(LOCK, ALICE),
    ]
}
