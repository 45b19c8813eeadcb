//! Whole runs against a cluster of fakes: words in, exit code, stdout and stderr out.

use crate::cli::tests::dkv_at;
use crate::client::tests::fake_cluster::cluster;

#[tokio::test]
async fn every_member_has_its_row() {
    let mut members = cluster(3).await;
    let endpoint = members[1].endpoint.clone();
    members[2].shard(|it| it.applied_index = 5);
    let (code, table, remarks) = dkv_at(&endpoint, &["cluster", "status"]).await;
    assert_eq!((code, remarks.as_str()), (0, ""));
    let row = |name: &str| {
        let line = table.lines().find(|line| line.contains(name));
        let cells = line.unwrap_or_default().split([' ', '│']);
        cells
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        row("name"),
        "name shard role term leader applied committed lag revision hash reachable"
    );
    let hash = "000000000000004d";
    assert_eq!(
        row("node-1 "),
        format!("node-1 100 leader 3 node-1 7 7 0 5 {hash} true")
    );
    assert_eq!(
        row("node-3 "),
        format!("node-3 100 follower 3 node-1 5 7 2 5 {hash} true")
    );
    members[2].stop().await;
    let (code, rows, remarks) = dkv_at(&endpoint, &["cluster", "status", "-o", "jsonl"]).await;
    assert_eq!(code, 0);
    let last = rows.lines().last().unwrap();
    assert!(
        last.starts_with(r#"{"name":"node-3","shard":100,"reachable":false,"#),
        "{last}"
    );
    assert!(remarks.contains("node-3: cannot reach dkv"), "{remarks}");
    let (code, rows, _) = dkv_at(&endpoint, &["cluster", "members", "-o", "json"]).await;
    assert_eq!(
        (code, rows.matches(r#""role":"voter""#).count()),
        (0, 3),
        "{rows}"
    );
}

#[tokio::test]
async fn health_is_a_sentence_and_an_exit_code() {
    let mut members = cluster(3).await;
    let endpoint = members[0].endpoint.clone();
    let well = dkv_at(&endpoint, &["cluster", "health"]).await;
    let praise = "healthy: 3 members, node-1 leads shard 100\n".to_owned();
    assert_eq!(well, (0, praise, String::new()));
    members[1].stop().await;
    let (code, said, _) = dkv_at(&endpoint, &["cluster", "health"]).await;
    assert_eq!(code, 7);
    assert!(
        said.starts_with("not healthy: 2 of 3 voters answer"),
        "{said}"
    );
    let (code, said, _) = dkv_at(&endpoint, &["cluster", "health", "-o", "jsonl"]).await;
    assert_eq!(code, 7);
    assert!(said.starts_with(r#"{"healthy":false,"#), "{said}");
    members[0].stop().await;
    let (code, _, remarks) = dkv_at(&endpoint, &["cluster", "health"]).await;
    assert_eq!(code, 5, "nobody could be asked: {remarks}");
}

#[tokio::test]
async fn members_are_found_by_their_names() {
    let members = cluster(3).await;
    let endpoint = members[0].endpoint.clone();
    for command in ["remove", "promote", "transfer-leader", "snapshot"] {
        let (code, _, remarks) = dkv_at(&endpoint, &["cluster", command, "nod-2"]).await;
        assert_eq!(code, 2);
        assert!(remarks.contains("did you mean node-"), "{remarks}");
        assert!(remarks.contains("node-1, node-2, node-3"), "{remarks}");
    }
    let words = ["cluster", "transfer-leader", "node-2", "--shard", "100"];
    let (code, said, _) = dkv_at(&endpoint, &words).await;
    assert_eq!((code, said.as_str()), (0, "done=did transfer 100 node-2\n"));
    let snapshot = dkv_at(&endpoint, &["cluster", "snapshot", "node-3"]).await;
    assert_eq!(snapshot.1, "shard=100, index=7\n");
    assert_eq!(members[2].asked(), ["snapshot 0"]);
    let (code, _, _) = dkv_at(&endpoint, &["cluster", "add-learner", "127.0.0.1:9"]).await;
    assert_eq!(code, 0);
    let (code, _, remarks) = dkv_at(&endpoint, &["cluster", "add-learner", "x"]).await;
    assert_eq!(code, 2);
    assert!(remarks.contains("HOST:PORT"), "{remarks}");
}

#[tokio::test]
async fn a_member_is_taken_out_only_when_that_was_meant() {
    let members = cluster(3).await;
    let endpoint = members[1].endpoint.clone();
    for words in [&["cluster", "remove", "node-3"][..], &["cluster", "leave"]] {
        let (code, _, remarks) = dkv_at(&endpoint, words).await;
        assert_eq!(code, 2);
        assert!(
            remarks.contains("of 2 voters that are left, none may fail"),
            "{remarks}"
        );
        assert!(remarks.contains("add --yes"), "{remarks}");
        assert!(members[1].asked().is_empty());
    }
    let (code, said, _) = dkv_at(&endpoint, &["cluster", "leave", "--yes"]).await;
    assert_eq!((code, said.as_str()), (0, "done=did remove node-2\n"));
    let alone = cluster(1).await;
    let words = ["cluster", "remove", "node-1", "--yes"];
    let (code, _, remarks) = dkv_at(&alone[0].endpoint, &words).await;
    assert_eq!(code, 2);
    assert!(remarks.contains("the last voter"), "{remarks}");
    assert!(alone[0].asked().is_empty());
    alone[0].state.lock().status.members[0].voter = false;
    alone[0].refuse_as_invalid();
    let (code, _, remarks) = dkv_at(&alone[0].endpoint, &words).await;
    assert_eq!(
        (code, remarks.as_str()),
        (2, "dkv: told to say INVALID\n"),
        "the server's word"
    );
}
