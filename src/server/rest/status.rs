//! What the node does right now.

use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{StatusCode, Uri};

use super::refused::Answered;
use super::state::Rest;
use crate::base::{Error, Result};
use crate::server::figures::{self, NodeStatus};

/// What does this node do?
///
/// Its figures of the last two minutes, second by second, with its shards, members, locks and
/// hot keys. It answers while the node recovers, too: with `ready` false, why, and nothing else.
#[utoipa::path(
    get,
    path = "/v1/status",
    operation_id = "node_status",
    tag = "node",
    params(("since" = Option<u64>, Query, description = "Only samples with higher numbers")),
    responses((status = 200, description = "The figures of this node", body = NodeStatus))
)]
pub(super) async fn status(State(rest): State<Rest>, uri: Uri) -> Answered {
    let since = since(uri.query().unwrap_or_default())?;
    let status = figures::status(figures::tell(rest.standing(), since));
    let mut response: Response = rest.json(StatusCode::OK, None, &status)?;
    // What was true a second ago helps nobody.
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The node is asked and none of its shards, so that what other routes take means nothing.
fn since(query: &str) -> Result<u64> {
    let mut since = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let value = match pair.split_once('=') {
            Some(("since", value)) if since.is_none() => value,
            Some(("since", _)) => {
                return Err(Error::invalid("`since` is given twice: give it once"));
            }
            _ => {
                let message = "this takes one parameter, `since`, the number of a sample";
                return Err(Error::invalid(message));
            }
        };
        let number = value
            .parse()
            .map_err(|_| Error::invalid("`since` is not the number of a sample, such as 0 or 17"));
        since = Some(number?);
    }
    Ok(since.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_number_is_taken() {
        for (query, number) in [("", 0), ("since=0", 0), ("since=17", 17), ("&since=3&", 3)] {
            assert_eq!(since(query).unwrap(), number, "{query}");
        }
        let garbage = [
            "since",
            "since=",
            "since=x",
            "since=-1",
            "since=1&since=2",
            "until=3",
            "shard=100",
            "since=18446744073709551616",
        ];
        for query in garbage {
            assert!(since(query).is_err(), "{query}");
        }
    }
}
