//! Which of the server's few routes a request takes.

use std::collections::BTreeMap;

use crate::profile::Protocol;

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Asks a model for a reply.
    Generate(Protocol),
    /// A WebSocket upgrade of `GET …/v1/responses`.
    Upgrade,
    /// Asks which models there are.
    Models(ModelList),
    /// `HEAD /` or `GET /`: is anybody there.
    Probe,
    /// Anything else.
    Unknown,
}

/// The shape of a list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModelList {
    /// That of OpenAI.
    OpenAi,
    /// That of codex, which asks with `client_version`.
    Codex,
}

/// The route of a request. `target` is path and query, `headers` have lower-case names.
pub(super) fn route(method: &str, target: &str, headers: &BTreeMap<String, Vec<String>>) -> Route {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match (method, path) {
        ("POST", "/v1/responses") => Route::Generate(Protocol::Responses),
        ("GET", "/v1/responses") if asks_for_websocket(headers) => Route::Upgrade,
        ("GET", "/v1/models") => {
            let for_codex = query.split('&').any(|pair| pair.split('=').next() == Some("client_version"));
            Route::Models(if for_codex { ModelList::Codex } else { ModelList::OpenAi })
        }
        ("GET" | "HEAD", "/") => Route::Probe,
        _ => Route::Unknown,
    }
}

/// The protocol of a request, also of one that takes no route: what it would be refused in.
pub(super) fn protocol_of(target: &str, headers: &BTreeMap<String, Vec<String>>) -> Protocol {
    match route("POST", target, headers) {
        Route::Generate(protocol) => protocol,
        _ => Protocol::Responses,
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
        assert_eq!(route("POST", "/v1/responses", &none), Route::Generate(Protocol::Responses));
        assert_eq!(route("GET", "/v1/responses", &upgrade), Route::Upgrade);
        assert_eq!(route("GET", "/v1/responses", &none), Route::Unknown);
        assert_eq!(route("GET", "/v1/models?client_version=1", &none), Route::Models(ModelList::Codex));
        assert_eq!(route("GET", "/v1/models?x=client_version", &none), Route::Models(ModelList::OpenAi));
        assert_eq!(route("HEAD", "/", &none), Route::Probe);
        assert_eq!(route("GET", "/v1/responses/compact", &upgrade), Route::Unknown);
    }
}
