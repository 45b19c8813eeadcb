//! The node's certificates while it runs: read at its start, and again when they change.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::base::types::NodeId;
use crate::base::{Error, Result};
use crate::tls::{self, ClientAuth, Files, Fits, Kept, Kind, Material, Moment};

/// How often the files are looked at. A certificate that was taken back is out so soon.
const LOOK: Duration = Duration::from_secs(2);

/// From so many days before its end on, a certificate is spoken of once a day.
const WARNED_DAYS: i64 = 30;

/// Who this node is. Its data directory tells, which is read after its certificate.
pub(super) type Known = Arc<OnceLock<NodeId>>;

/// What of these files a node can serve with: one that shows a certificate that nobody
/// accepts, or another member's, would be alone without a word.
pub(super) fn fits(files: &Files, node: &Known) -> Box<Fits> {
    let cert = files.cert.clone();
    let node = node.clone();
    Box::new(move |new, old| {
        check(new, old, node.get().copied()).map_err(|why| {
            let message = format!("{}: {}", cert.display(), why.message());
            Error::new(why.kind(), message)
        })
    })
}

fn check(new: &Material, old: Option<&Material>, node: Option<NodeId>) -> Result<()> {
    tls::server_config(new, ClientAuth::Required, &[])?;
    let is = &new.credentials.leaf.identity;
    if is.kind == Kind::Node {
        tls::node_config(new, &[])?;
    }
    if let (Some(bound), Some(node)) = (is.node, node)
        && bound != node
    {
        return Err(Error::invalid(format!(
            "the certificate is that of {is}, bound to node {bound}, and this is node {node}: \
             issue one for it (`dkv cert node {} --id {node}`)",
            is.name
        )));
    }
    let Some(was) = old.map(|old| &old.credentials.leaf.identity) else {
        return Ok(());
    };
    let is_another = is.kind != Kind::Node
        || is.name != was.name
        || (was.node.is_some() && is.node.is_some() && is.node != was.node);
    if was.kind == Kind::Node && is_another {
        return Err(Error::invalid(format!(
            "the certificate is that of {is} now, and this node runs as {was}: put back one of its \
             own, or start it again"
        )));
    }
    Ok(())
}

/// Reads the files again whenever they have changed, or SIGHUP asks for it, until the node
/// stops. Connections stay open; those of whom is not trusted any more end.
pub(super) struct Follower {
    kept: Arc<Kept>,
    asked: Signal,
    /// What was wrong with the files when they were read last.
    wrong: String,
    /// The day of the last warning, counted from the end.
    warned: Option<i64>,
}

impl Follower {
    /// From now on.
    ///
    /// # Errors
    /// `Internal` if signals cannot be received.
    pub(super) fn new(kept: Arc<Kept>) -> Result<Self> {
        let asked = signal(SignalKind::hangup())
            .map_err(|error| Error::internal("signals cannot be received").with_source(error))?;
        Ok(Self {
            kept,
            asked,
            wrong: String::new(),
            warned: None,
        })
    }

    /// Until `stopping` holds true or its sender is gone.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            self.warn(Moment::now());
            let is_asked = tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                _ = self.asked.recv() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            self.reload(is_asked).await;
        }
    }

    async fn reload(&mut self, is_asked: bool) {
        let before = *self.kept.generation().borrow();
        let read = self.kept.reload().await;
        let is_new = *self.kept.generation().borrow() != before;
        if is_new {
            let material = self.kept.current();
            let leaf = &material.credentials.leaf;
            tracing::info!(
                certificate = %leaf.identity,
                until = %leaf.not_after,
                "certificates were read anew"
            );
        }
        match read {
            Ok(_) => {
                if is_asked && !is_new {
                    tracing::info!("certificates are as they were");
                }
                self.wrong.clear();
            }
            Err(error) => {
                let wrong = error.to_string();
                let what = match is_new {
                    true => "some of the certificates stay as they were",
                    false => "certificates stay as they were",
                };
                // A message may hold the time, which is not news.
                if is_asked || !is_same(&wrong, &self.wrong) {
                    tracing::warn!("{what}: {wrong}");
                }
                self.wrong = wrong;
            }
        }
    }

    fn warn(&mut self, now: Moment) {
        let material = self.kept.current();
        let leaf = &material.credentials.leaf;
        let days = leaf.not_after.days_since(now);
        if days >= WARNED_DAYS || self.warned == Some(days) {
            return;
        }
        self.warned = Some(days);
        let cert = self.kept.files().cert.display();
        match days {
            0.. => tracing::warn!(
                "the certificate {cert} expires at {}: `dkv cert rotate {cert}` issues it anew",
                leaf.not_after
            ),
            _ => tracing::error!(
                "the certificate {cert} expired at {}, and nobody is let in with it: `dkv cert \
                 rotate {cert}` issues it anew",
                leaf.not_after
            ),
        }
    }
}

/// True if two messages differ in numbers alone.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::fixture::{Certs, leaf_of, material};
    use crate::tls::issue::Request;

    #[tokio::test]
    async fn what_a_node_cannot_serve_with_is_refused_at_its_start_and_later() {
        let certs = Certs::new();
        let client = certs.client("alice");
        let refused = Kept::open_if(client.clone(), fits(&client, &Known::default()))
            .await
            .err();
        let refused = refused.unwrap().to_string();
        assert!(
            refused.contains("alice.crt") && refused.contains("not for servers"),
            "{refused}"
        );

        let files = certs.server();
        let kept = Kept::open_if(files.clone(), fits(&files, &Known::default()))
            .await
            .unwrap();
        let serial = |kept: &Kept| kept.current().credentials.leaf.serial.clone();
        let first = serial(&kept);
        certs.issue("server", &Request::client("alice"));
        let refused = kept.reload().await.unwrap_err().to_string();
        assert!(refused.contains("server.crt"), "{refused}");
        assert_eq!(serial(&kept), first);
        // Servers may be called otherwise.
        certs.issue("server", &Request::server("other", &["localhost"]));
        assert!(kept.reload().await.unwrap());
        let is = leaf_of(&std::fs::read_to_string(&files.cert).unwrap());
        assert_eq!(serial(&kept), is.serial);
    }

    #[test]
    fn a_node_stays_who_it_is() {
        use crate::base::types::NodeId;
        let certs = Certs::new();
        let of = |kind: fn(&str) -> Request, name: &str| material(&certs.issue("x", &kind(name)));
        let node: fn(&str) -> Request = |name| Request::node(name, None, &["localhost"]);
        let bound: fn(&str) -> Request =
            |name| Request::node(name, Some(NodeId([1; 16])), &["localhost"]);
        let other: fn(&str) -> Request =
            |name| Request::node(name, Some(NodeId([2; 16])), &["localhost"]);
        let server: fn(&str) -> Request = |name| Request::server(name, &["localhost"]);
        let was = of(node, "node-1");
        for right in [of(node, "node-1"), of(bound, "node-1")] {
            check(&right, Some(&was), None).unwrap();
        }
        for wrong in [of(node, "node-2"), of(server, "node-1")] {
            let refused = check(&wrong, Some(&was), None).unwrap_err();
            assert!(
                refused.message().contains("runs as node node-1"),
                "{refused}"
            );
        }
        let was = of(bound, "node-1");
        assert!(check(&of(other, "node-1"), Some(&was), None).is_err());
        check(&of(node, "node-1"), Some(&of(server, "x")), None).unwrap();

        // Once it is known, the node counts, and not what the certificate before said of it.
        let is = Some(NodeId([1; 16]));
        for was in [of(node, "node-1"), of(server, "x")] {
            check(&of(bound, "node-1"), Some(&was), is).unwrap();
            check(&of(node, "node-1"), Some(&was), is).unwrap();
            let refused = check(&of(other, "node-1"), Some(&was), is).unwrap_err();
            assert!(
                refused.message().contains("bound to node 02020202"),
                "{refused}"
            );
        }
    }

    #[test]
    fn the_time_in_a_message_is_no_news() {
        assert!(is_same(
            "expired at 10:00, and it is 10:01",
            "expired at 10:00, and it is 11:59"
        ));
        assert!(!is_same("a.crt expired", "b.crt expired"));
    }
}
