//! Whether a request is the run's own: it carries the run's key, in the header its protocol has for keys or as the
//! first part of its path. What this decides for a request that is not is `exchange`'s.

use std::collections::BTreeMap;

/// Headers whose whole value is a key.
const KEY_HEADERS: [&str; 3] = ["x-api-key", "x-goog-api-key", "api-key"];

/// Whether a request has the key. Where it stands in the path, it is taken out of it.
pub(super) fn has_key(key: &str, target: &mut String, headers: &BTreeMap<String, Vec<String>>) -> bool {
    let rest = target.strip_prefix('/').and_then(|path| path.strip_prefix(key));
    if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(['/', '?'])) {
        *target = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        return true;
    }
    let values = |name: &str| headers.get(name).into_iter().flatten().map(|value| value.trim());
    let mut bearers = values("authorization").filter_map(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let query = target.split_once('?').map_or("", |(_, query)| query);
    bearers.any(|token| token == key)
        || KEY_HEADERS.iter().flat_map(|name| values(name)).any(|token| token == key)
        // Gemini's clients may name it there.
        || query.split('&').any(|pair| pair.strip_prefix("key=") == Some(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(target: &str, header: Option<(&str, &str)>) -> Option<String> {
        let mut target = target.to_owned();
        let headers =
            header.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).into_iter().collect();
        has_key("k-1", &mut target, &headers).then_some(target)
    }

    #[test]
    fn the_key_is_found_where_clients_put_it() {
        for (target, header, seen) in [
            ("/k-1/v1/responses?x=1", None, "/v1/responses?x=1"),
            ("/k-1", None, "/"),
            ("/k-1?x", None, "/?x"),
            ("/v1/x", Some(("authorization", "Bearer k-1")), "/v1/x"),
            ("/v1/x", Some(("x-api-key", "k-1")), "/v1/x"),
            ("/v1/x", Some(("x-goog-api-key", "k-1")), "/v1/x"),
            ("/v1beta/x?a=b&key=k-1", None, "/v1beta/x?a=b&key=k-1"),
        ] {
            assert_eq!(found(target, header).as_deref(), Some(seen), "{target}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not_the_key() {
        for (target, header) in [
            ("/v1/x", None),
            ("/k-12/v1/x", None),
            ("/v1/k-1", None),
            ("/v1/x", Some(("authorization", "Bearer k-12"))),
            ("/v1/x", Some(("authorization", "Basic k-1"))),
            ("/v1/x", Some(("x-other", "k-1"))),
        ] {
            assert_eq!(found(target, header), None, "{target}");
        }
    }
}
