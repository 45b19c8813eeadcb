//! The documentation that the node serves: the document of OpenAPI, and a page to read it and
//! to try it (Swagger UI), all of it from this binary.

use std::sync::{Arc, LazyLock};

use axum::response::{IntoResponse, Redirect, Response};
use http::Uri;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
};
use utoipa_swagger_ui::Config;

use super::document;
use super::refused::{Answered, Refused};
use crate::base::Error;

/// Swagger UI writes styles into its elements, and has pictures within its styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'self'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["/openapi.json"])
        .use_base_layout()
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .default_models_expand_depth(0);
    Arc::new(config)
});

/// The document.
pub(super) async fn openapi() -> Response {
    let content_type = (CONTENT_TYPE, "application/json");
    (
        [content_type, (CACHE_CONTROL, "no-cache")],
        document::openapi(),
    )
        .into_response()
}

/// The page is a directory.
pub(super) async fn directory() -> Redirect {
    Redirect::permanent("/docs/")
}

/// The page itself.
pub(super) async fn index() -> Answered {
    page("index.html")
}

/// What the page is made of.
pub(super) async fn file(uri: Uri) -> Answered {
    page(uri.path().trim_start_matches("/docs/"))
}

fn page(name: &str) -> Answered {
    let found = utoipa_swagger_ui::serve(name, CONFIG.clone());
    let found = found.map_err(|error| Error::internal(format!("the page: {error}")))?;
    let file =
        found.ok_or_else(|| Refused::missing("there is no such file of the documentation"))?;
    let mut response = file.bytes.into_owned().into_response();
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(&file.content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if file.gzpipped {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
