//! Where the model is: a plain `http://` base URL taken apart. There is no TLS: the agent talks to loopback servers.

use hyper::Uri;
use thiserror::Error;

/// Why a base URL was refused.
#[derive(Debug, Error)]
#[error("base URL {0:?} is not of the form http://HOST[:PORT][/PATH]")]
pub(super) struct EndpointError(String);

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Host to connect to, without brackets.
    pub host: String,
    pub port: u16,
    /// `HOST:PORT` as given, for the `host` header.
    pub authority: String,
    /// Path of the base URL, without a slash at its end.
    pub base_path: String,
}

impl Endpoint {
    pub(super) fn parse(base_url: &str) -> Result<Self, EndpointError> {
        let refused = || EndpointError(base_url.to_owned());
        let uri: Uri = base_url.parse().map_err(|_| refused())?;
        let authority = uri.authority().ok_or_else(refused)?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(refused());
        }
        Ok(Self {
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(80),
            authority: authority.to_string(),
            base_path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_base_url_are_told_apart() {
        let endpoint = Endpoint::parse("http://127.0.0.1:8080/v1/").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("127.0.0.1", 8080));
        assert_eq!(endpoint.base_path, "/v1");
        assert_eq!(Endpoint::parse("http://[::1]:9").unwrap().host, "::1");
    }

    #[test]
    fn other_schemes_are_refused() {
        for url in ["https://127.0.0.1/v1", "127.0.0.1:80", "/v1", "http://u:p@h/v1", ""] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }
}
