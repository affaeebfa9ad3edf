//! Which of the server's few routes a request takes.

use std::collections::BTreeMap;

use super::protocol::models::ModelList;
use crate::profile::Protocol;

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Asks a model for a reply.
    Generate(Protocol),
    /// Asks for a conversation in short (`POST /v1/responses/compact`).
    Compact,
    /// A WebSocket upgrade of `GET …/v1/responses`.
    Upgrade,
    /// Asks how many tokens a request would count.
    CountTokens(Protocol),
    /// Asks which models there are.
    Models(ModelList),
    /// `HEAD /` or `GET /`: is anybody there.
    Probe,
    /// Anything else.
    Unknown,
}

/// The route of a request. `target` is path and query, `headers` have lower-case names.
pub(super) fn route(method: &str, target: &str, headers: &BTreeMap<String, Vec<String>>) -> Route {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let codex = || query.split('&').any(|pair| pair.split('=').next() == Some("client_version"));
    match (method, path) {
        ("POST", "/v1/responses") => Route::Generate(Protocol::Responses),
        ("POST", "/v1/responses/compact") => Route::Compact,
        ("GET", "/v1/responses") if asks_for_websocket(headers) => Route::Upgrade,
        ("POST", "/v1/chat/completions") => Route::Generate(Protocol::Chat),
        ("POST", "/v1/messages") => Route::Generate(Protocol::Messages),
        ("POST", "/v1/messages/count_tokens") => Route::CountTokens(Protocol::Messages),
        ("POST", _) => gemini(path, query),
        ("GET", "/v1/models") if headers.contains_key("anthropic-version") => {
            Route::Models(ModelList::Anthropic)
        }
        ("GET", path) if GEMINI_MODELS.contains(&path) && is_gemini(path, headers) => {
            Route::Models(ModelList::Gemini)
        }
        ("GET", "/v1/models") if codex() => Route::Models(ModelList::Codex),
        ("GET", "/v1/models") => Route::Models(ModelList::OpenAi),
        ("GET" | "HEAD", "/") => Route::Probe,
        _ => Route::Unknown,
    }
}

/// Where Gemini's clients find models, by version of the API.
const GEMINI_MODELS: [&str; 3] = ["/v1beta/models", "/v1alpha/models", "/v1/models"];

/// Whether a client of Gemini asks: the stable version's paths are those of others too, and its key tells it apart.
fn is_gemini(target: &str, headers: &BTreeMap<String, Vec<String>>) -> bool {
    !target.starts_with("/v1/") && target.starts_with("/v1") || headers.contains_key("x-goog-api-key")
}

/// `…/models/MODEL:METHOD`; a stream only as events, which is what every client asks for.
fn gemini(path: &str, query: &str) -> Route {
    let model = GEMINI_MODELS.iter().find_map(|models| path.strip_prefix(models)?.strip_prefix('/'));
    let method = model.and_then(|model| model.rsplit_once(':')).map(|(_, method)| method);
    match method {
        Some("generateContent") => Route::Generate(Protocol::Gemini),
        Some("streamGenerateContent") if query.split('&').any(|pair| pair == "alt=sse") => {
            Route::Generate(Protocol::Gemini)
        }
        Some("countTokens") => Route::CountTokens(Protocol::Gemini),
        _ => Route::Unknown,
    }
}

/// The protocol of a request, also of one that takes no route: what it would be refused in.
pub(super) fn protocol_of(target: &str, headers: &BTreeMap<String, Vec<String>>) -> Protocol {
    match route("POST", target, headers) {
        Route::Generate(protocol) | Route::CountTokens(protocol) => protocol,
        _ if headers.contains_key("anthropic-version") => Protocol::Messages,
        _ if is_gemini(target, headers) => Protocol::Gemini,
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
        assert_eq!(route("POST", "/v1/chat/completions", &none), Route::Generate(Protocol::Chat));
        assert_eq!(route("POST", "/v1/messages?beta=true", &none), Route::Generate(Protocol::Messages));
        let counts = Route::CountTokens(Protocol::Messages);
        assert_eq!(route("POST", "/v1/messages/count_tokens?beta=true", &none), counts);
        let generates = Route::Generate(Protocol::Gemini);
        assert_eq!(route("POST", "/v1beta/models/m:generateContent", &none), generates);
        assert_eq!(route("POST", "/v1beta/models/m:streamGenerateContent?alt=sse", &none), generates);
        assert_eq!(route("POST", "/v1beta/models/m:streamGenerateContent", &none), Route::Unknown);
        let counts = Route::CountTokens(Protocol::Gemini);
        assert_eq!(route("POST", "/v1beta/models/m:countTokens", &none), counts);
        let anthropic = BTreeMap::from([("anthropic-version".to_owned(), vec!["2023-06-01".to_owned()])]);
        assert_eq!(route("GET", "/v1/models?limit=1000", &anthropic), Route::Models(ModelList::Anthropic));
        assert_eq!(route("GET", "/v1beta/models", &none), Route::Models(ModelList::Gemini));
        assert_eq!(protocol_of("/v1/other", &anthropic), Protocol::Messages);
        assert_eq!(protocol_of("/v1beta/x", &none), Protocol::Gemini);
        let google = BTreeMap::from([("x-goog-api-key".to_owned(), vec!["k".to_owned()])]);
        assert_eq!(route("GET", "/v1/models", &google), Route::Models(ModelList::Gemini));
        assert_eq!(route("POST", "/v1/models/m:generateContent", &google), generates);
        assert_eq!(route("GET", "/v1/responses/compact", &upgrade), Route::Unknown);
    }
}
