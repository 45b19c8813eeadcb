//! The figures of the node as JSON.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use super::live::Standing;
use super::routes::answer;
use crate::server::figures::{self, NodeStatus};

const JSON: &str = "application/json";

/// What this node does right now, and did in the last two minutes, second by second.
///
/// It answers while the node recovers, too: with `ready` false, why, and nothing else.
#[utoipa::path(
    get,
    path = "/v1/status",
    tag = "node",
    params(
        ("since" = Option<u64>, Query, description = "Only samples with higher numbers."),
    ),
    responses(
        (status = 200, description = "The figures of this node.", body = NodeStatus),
        (status = 400, description = "`since` is not a number, or something else was asked for."),
    )
)]
pub(in crate::server) async fn status(
    State(standing): State<Standing>,
    RawQuery(query): RawQuery,
) -> Response {
    match since(query.as_deref().unwrap_or_default()) {
        Ok(since) => {
            let status = figures::status(figures::tell(&standing, since));
            let body = serde_json::to_string(&status).expect("the form has plain fields alone");
            answer(StatusCode::OK, JSON, body)
        }
        Err(why) => {
            let error = serde_json::json!({"error": {"kind": "Invalid", "message": why}});
            answer(StatusCode::BAD_REQUEST, JSON, error.to_string())
        }
    }
}

fn since(query: &str) -> Result<u64, String> {
    let mut since = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let value = match pair.split_once('=') {
            Some(("since", value)) if since.is_none() => value,
            Some(("since", _)) => return Err("`since` is given twice: give it once".to_owned()),
            _ => {
                return Err("this takes one parameter, `since`, the number of a sample".to_owned());
            }
        };
        let number = value
            .parse()
            .map_err(|_| "`since` is not the number of a sample, such as 0 or 17".to_owned());
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
            assert_eq!(since(query), Ok(number), "{query}");
        }
        let garbage = [
            "since",
            "since=",
            "since=x",
            "since=-1",
            "since=1&since=2",
            "until=3",
            "since=18446744073709551616",
        ];
        for query in garbage {
            assert!(since(query).is_err(), "{query}");
        }
    }
}
