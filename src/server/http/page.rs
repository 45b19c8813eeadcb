//! The status page: three files that are part of the binary, and ask nobody but this node.

use axum::Router;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use xxhash_rust::xxh3::xxh3_64;

use super::live::Standing;

/// The page may load its own style and script and ask its own node, and nothing else:
/// names of keys and locks are shown on it that anybody may have made up.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// A file of the page.
#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        path: "/",
        content_type: "text/html; charset=utf-8",
        text: include_str!("page/status.html"),
    },
    Asset {
        path: "/status.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("page/status.css"),
    },
    Asset {
        path: "/status.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("page/status.js"),
    },
];

/// The page's own routes; `otherwise` answers other methods.
pub(super) fn routes<H, T>(otherwise: &H) -> Router<Standing>
where
    H: Handler<T, Standing>,
    T: 'static,
{
    let mut router = Router::new();
    for asset in ASSETS {
        let get: MethodRouter<Standing> =
            routing::get(move |headers: HeaderMap| async move { serve(asset, &headers) });
        router = router.route(asset.path, get.fallback(otherwise.clone()));
    }
    router
}

fn serve(asset: Asset, asked: &HeaderMap) -> Response {
    let tag = format!("\"{:016x}\"", xxh3_64(asset.text.as_bytes()));
    let has_it = asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|known| matches(known, &tag));
    let mut response = match has_it {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => asset.text.into_response(),
    };
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, asset.content_type),
        // Asked for anew each time, and mostly not sent: a node that was upgraded has
        // another page.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits are fit for a header");
    headers.insert(header::ETAG, tag);
    response
}

/// A list of tags, or `*`; weak ones are as good here.
fn matches(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    let mut tags = known.split(',').map(str::trim);
    tags.any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}
