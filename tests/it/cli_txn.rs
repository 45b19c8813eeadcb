//! `dkv kv txn`, `dkv kv batch` and `dkv kv incr`.

use crate::harness::{Node, Ran};

fn txn(node: &Node, script: &str) -> Ran {
    node.dkv_with_input(&["kv", "txn"], script.as_bytes())
}

fn batch(node: &Node, script: &str) -> Ran {
    node.dkv_with_input(&["kv", "batch"], script.as_bytes())
}

#[test]
fn a_transaction_is_all_or_nothing_and_tells_which_branch_it_took() {
    let node = Node::start();
    node.dkv(&["kv", "set", "account:alice", "100"]).exits(0);
    let move_30 = "if value account:alice = 100\n\
                   then set account:alice 70\n\
                   then incr account:bob 30\n\
                   else get account:alice\n";
    txn(&node, move_30).exits(0).prints(
        "succeeded=true, revision=2\n\
         op=set, key=account:alice, written=true\n\
         op=incr, key=account:bob, value=30",
    );
    txn(&node, move_30).exits(4).prints(
        "succeeded=false, revision=2\n\
         op=get, key=account:alice, found=true, value=70, revision=2",
    );
    node.dkv(&["kv", "get", "account:bob"])
        .exits(0)
        .prints("30");
    // One operation that cannot be done keeps the others from being done.
    node.dkv(&["kv", "set", "name", "bob"]).exits(0);
    let refused = txn(&node, "then set account:alice 0\nthen incr name\n");
    refused
        .exits(2)
        .complains("operation 2: the value of its key is not a 64-bit integer");
    node.dkv(&["kv", "get", "account:alice"])
        .exits(0)
        .prints("70");
}

#[test]
fn a_transaction_can_be_a_json_document_and_answers_as_one() {
    let node = Node::start();
    let document = r#"{"compares": [{"key_b64": "/w==", "field": "exists", "to": false}],
        "then": [{"op": "set", "key_b64": "/w==", "value": "v"}, {"op": "get", "key": "none"}]}"#;
    let ran = node.dkv_with_input(&["kv", "txn", "-o", "json"], document.as_bytes());
    let answer: serde_json::Value = serde_json::from_str(ran.exits(0).text()).unwrap();
    assert_eq!(answer["succeeded"], true);
    assert_eq!(answer["results"][0]["key_b64"], "/w==");
    assert_eq!(answer["results"][1]["found"], false);
}

#[test]
fn a_transaction_may_ask_for_the_holder_of_a_lock() {
    let node = Node::start();
    let acquired = node.dkv(&["lock", "acquire", "jobs", "--ttl", "60s"]);
    let fence = acquired.exits(0).value_of("fence");
    txn(
        &node,
        &format!("if fence jobs = {fence}\nthen set job done\n"),
    )
    .exits(0);
    txn(&node, "if fence jobs = 0\nthen set job none\n").exits(4);
    let stale = ["kv", "txn", "--fence", "jobs@1000"];
    node.dkv_with_input(&stale, b"then set job mine\n")
        .exits(4)
        .complains("stale fence 1000 of the lock `jobs`");
    node.dkv(&["kv", "get", "job"]).exits(0).prints("done");
}

#[test]
fn what_cannot_be_a_transaction_is_refused_with_its_place() {
    let node = Node::start();
    let many: String = (0..1_025).map(|n| format!("then set k{n} v\n")).collect();
    for (script, complaint) in [
        (
            "then put a 1",
            "line 1: an operation is one of: set KEY VALUE",
        ),
        (
            "\nwhen exists a",
            "line 2: `when`: a line of a transaction begins with",
        ),
        (
            "then set a 1\nthen delete a",
            "the key `a` is written more than once in one branch",
        ),
        (
            "then delete-prefix a\nthen set ab 1",
            "the key `ab` is written more than once",
        ),
        (
            "then set a 1 if-absent",
            "a set in a transaction has no condition of its own",
        ),
        (
            "{\"then\": [{\"op\": \"get\"}]}",
            "then, entry 1: `key` is missing",
        ),
        ("{", "the JSON document: EOF"),
        ("then set \"\" 1", "operation 1: the key is empty"),
        (
            &many,
            "the transaction has 1025 compares and operations; at most 1024 fit",
        ),
    ] {
        txn(&node, script).exits(2).complains(complaint);
    }
    let long = format!("then get {}", "k".repeat(4_097));
    txn(&node, &long)
        .exits(2)
        .complains("operation 1: the key is 4097 bytes");
    node.dkv(&["kv", "scan"]).exits(0).prints("");
}

#[test]
fn a_batch_is_done_each_for_itself() {
    let node = Node::start();
    let script = "set a 1\nset a 2 if-absent\nincr a 5\nincr a x\n";
    batch(&node, script)
        .exits(2)
        .complains("line 4: `x` is not a number");
    let script = "set a 1\nset a 2 if-absent\nincr a 5\nset t text ttl=1h\nincr t\ndelete none\n";
    batch(&node, script).exits(1).prints(
        "op=set, key=a, written=true\n\
         op=set, key=a, written=false\n\
         op=incr, key=a, value=6\n\
         op=set, key=t, written=true\n\
         op=incr, key=t, error=the value of `t` is not a 64-bit integer in decimal text: nothing was done\n\
         op=delete, key=none, deleted=0",
    );
    let many: String = (0..1_001).map(|n| format!("set k{n} v\n")).collect();
    batch(&node, &many)
        .exits(2)
        .complains("a batch has 1 to 1000 operations");
    batch(&node, "get a\n")
        .exits(2)
        .complains("a batch has writes to single keys only");
    batch(&node, "")
        .exits(2)
        .complains("a batch has 1 to 1000 operations, and this one has 0");
    let all: String = (0..1_000).map(|n| format!("set k{n:03} v\n")).collect();
    assert_eq!(batch(&node, &all).exits(0).text().lines().count(), 1_000);
}

#[test]
fn a_number_is_added_to() {
    let node = Node::start();
    node.dkv(&["kv", "incr", "n"]).exits(0).prints("1");
    node.dkv(&["kv", "incr", "n", "-5"]).exits(0).prints("-4");
    node.dkv(&["kv", "incr", "visits", "--ttl", "1h"]).exits(0);
    let record = node.dkv(&["kv", "get", "visits", "-o", "json"]);
    assert!(record.exits(0).text().contains("delete_in_ms"), "{record}");
    node.dkv(&["kv", "set", "n", "9223372036854775807"])
        .exits(0);
    node.dkv(&["kv", "incr", "n"])
        .exits(2)
        .complains("the value of `n` would leave the range of 64-bit integers");
}
