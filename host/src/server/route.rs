//! Which of the server's few routes a request takes.

use std::collections::BTreeMap;

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `POST …/v1/responses`.
    Responses,
    /// A WebSocket upgrade of `GET …/v1/responses`.
    Upgrade,
    /// `GET …/v1/models`; codex asks with `client_version` and expects another shape.
    Models {
        /// Whether the question has `client_version`.
        for_codex: bool,
    },
    /// `HEAD /` or `GET /`: is anybody there.
    Probe,
    /// Anything else.
    Unknown,
}

/// The route of a request. `target` is path and query, `headers` have lower-case names.
pub(super) fn route(method: &str, target: &str, headers: &BTreeMap<String, Vec<String>>) -> Route {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match (method, path) {
        ("POST", "/v1/responses") => Route::Responses,
        ("GET", "/v1/responses") if asks_for_websocket(headers) => Route::Upgrade,
        ("GET", "/v1/models") => {
            let for_codex = query.split('&').any(|pair| pair.split('=').next() == Some("client_version"));
            Route::Models { for_codex }
        }
        ("GET" | "HEAD", "/") => Route::Probe,
        _ => Route::Unknown,
    }
}

fn asks_for_websocket(headers: &BTreeMap<String, Vec<String>>) -> bool {
    let holds = |name: &str, word: &str| {
        headers
            .get(name)
            .into_iter()
            .flatten()
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(word))
    };
    holds("upgrade", "websocket")
        && holds("connection", "upgrade")
        && headers.contains_key("sec-websocket-key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_told_apart() {
        let none = BTreeMap::new();
        let upgrade = BTreeMap::from([
            ("upgrade".to_owned(), vec!["WebSocket".to_owned()]),
            ("connection".to_owned(), vec!["keep-alive, Upgrade".to_owned()]),
            ("sec-websocket-key".to_owned(), vec!["x".to_owned()]),
        ]);
        assert_eq!(route("POST", "/v1/responses", &none), Route::Responses);
        assert_eq!(route("GET", "/v1/responses", &upgrade), Route::Upgrade);
        assert_eq!(route("GET", "/v1/responses", &none), Route::Unknown);
        assert_eq!(route("GET", "/v1/models?client_version=1", &none), Route::Models { for_codex: true });
        assert_eq!(route("GET", "/v1/models?x=client_version", &none), Route::Models { for_codex: false });
        assert_eq!(route("HEAD", "/", &none), Route::Probe);
        assert_eq!(route("GET", "/v1/responses/compact", &upgrade), Route::Unknown);
    }
}
