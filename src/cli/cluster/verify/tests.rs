//! Whole runs: words in, exit code, stdout and stderr out.

use std::path::Path;

use crate::cli::tests::dkv_at;
use crate::server::Ephemeral;

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";

async fn judged(path: &Path, words: &[&str]) -> (u8, String, String) {
    let check = ["cluster", "verify", "--check", path.to_str().unwrap()];
    dkv_at(NOWHERE, &[&check[..], words].concat()).await
}

fn kept(lines: &[&str]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    file
}

const SET_X: &str = r#"{"client":1,"node":"any","invoked_ns":1000000,"returned_ns":2000000,"action":{"set":{"key":"0-1","value":"x","condition":null,"fence":null}},"outcome":{"written":{"revision":17}}}"#;
const SET_Y: &str = r#"{"client":1,"node":"any","invoked_ns":3000000,"returned_ns":4000000,"action":{"set":{"key":"0-1","value":"y","condition":null,"fence":null}},"outcome":{"written":{"revision":19}}}"#;
const GET_X: &str = r#"{"client":2,"node":"node-2","invoked_ns":5000000,"returned_ns":5500000,"action":{"get":{"key":"0-1","consistency":"linearizable"}},"outcome":{"read":{"found":{"value":"x","revision":17},"revision":18}}}"#;
const LOST: &str = r#"{"client":2,"node":"node-2","invoked_ns":5000000,"returned_ns":5500000,"action":{"set":{"key":"0-1","value":"z","condition":null,"fence":null}},"outcome":{"unknown":{"why":"no answer"}}}"#;

#[tokio::test]
async fn a_stale_read_is_shown_among_what_contradicts_it() {
    let file = kept(&[SET_X, SET_Y, GET_X]);
    let (code, text, remarks) = judged(file.path(), &[]).await;
    assert_eq!((code, remarks.as_str()), (1, ""), "{text}");
    let expected = format!(
        "NOT SOUND: an answer is older than what was known before it was asked for
  operations  3 in 0.0 s: 3 ok, 0 refused, 0 failed, 0 unknown
  clients     2 at any member (2), node-2 (1)
  keys        1 searched, none undecided

  an answer as of 18 was asked for after somebody knew of the revision 19:

    ms             client  member  asked         answered
    1.000 - 2.000  1       any     set 0-1 to x  written at 17
    3.000 - 4.000  1       any     set 0-1 to y  written at 19
    5.000 - 5.500  2       node-2  get 0-1       x, written at 17, as of 18

  violations  1 more
  history     {}
",
        file.path().display()
    );
    assert_eq!(text, expected);
    let (code, json, _) = judged(file.path(), &["-o", "jsonl"]).await;
    assert_eq!(code, 1);
    assert!(json.contains(r#""sound":false"#), "{json}");
    assert!(json.contains(r#""rule":"Order""#), "{json}");
    assert!(json.contains(r#""invoked_ms":5.0"#), "{json}");
}

#[tokio::test]
async fn a_history_in_which_nothing_succeeded_proves_nothing() {
    let (code, text, _) = judged(kept(&[LOST]).path(), &[]).await;
    assert_eq!(code, 1);
    assert!(
        text.starts_with("nothing proven: no operation succeeded"),
        "{text}"
    );
    assert!(text.contains("0 failed, 1 unknown"), "{text}");
    assert!(
        text.contains("the first that was not answered: no answer"),
        "{text}"
    );
    let (code, text, _) = judged(kept(&[SET_X, SET_Y, LOST]).path(), &[]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("sound: "), "{text}");
}

#[tokio::test]
async fn a_live_node_is_sound_and_left_as_it_was() {
    let server = Ephemeral::start().await.unwrap();
    let endpoint = server.endpoint();
    let verify = |bucket| {
        let words = ["cluster", "verify", "--duration", "300ms", "--clients", "3"];
        let words = [&words[..], &["--bucket", bucket]].concat();
        let endpoint = endpoint.to_string();
        async move { dkv_at(&endpoint, &words).await }
    };
    let (code, text, remarks) = verify("mine").await;
    assert_eq!((code, remarks.as_str()), (0, ""), "{text}");
    assert!(text.starts_with("sound: "), "{text}");
    let made = dkv_at(endpoint, &["bucket", "create", "mine"]).await;
    assert_eq!(made.1, "created=true\n", "it was dropped");
    let (code, text, remarks) = verify("mine").await;
    assert_eq!((code, text.as_str()), (2, ""));
    assert!(
        remarks.contains("the bucket mine is there already"),
        "{remarks}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_before_anything_else() {
    let (code, text, remarks) = dkv_at(NOWHERE, &["cluster", "verify"]).await;
    assert_eq!((code, text.as_str()), (5, ""));
    assert!(remarks.contains(NOWHERE), "{remarks}");
}
