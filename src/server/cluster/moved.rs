//! Members that are no longer where `--cluster-members` says.

use std::time::Duration;

use super::Book;
use crate::base::ErrorKind;
use crate::base::types::NodeId;
use crate::server::peer::hello;

const ASK_WITHIN: Duration = Duration::from_secs(1);

/// A hint is believed as long as somebody answers there, or nobody says no: a network that
/// is cut says nothing about who has moved. It is dropped when nobody listens there, or
/// another node does, and the member itself answers at the address that it has given.
pub(super) async fn drop_old_hints(book: &Book) {
    for (node, hint, own) in book.doubtful_hints() {
        if is_wrong(book, &hint, node).await && is_right(book, &own, node).await {
            tracing::info!(%node, old = hint, new = own, "a member has moved");
            book.drop_hint(node);
        }
    }
}

async fn is_wrong(book: &Book, address: &str, node: NodeId) -> bool {
    let asked = hello(book.myself(), address, Some(node), ASK_WITHIN).await;
    asked.is_err_and(|error| matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Invalid))
}

async fn is_right(book: &Book, address: &str, node: NodeId) -> bool {
    let asked = hello(book.myself(), address, Some(node), ASK_WITHIN).await;
    asked.is_ok()
}
