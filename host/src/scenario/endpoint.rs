//! Where a real model is: a plain `http://` URL taken apart. There is no TLS in this program; what is behind `https://`
//! is reached through a proxy on this machine that speaks it.

/// Longest URL, in bytes.
const LONGEST_BYTES: usize = 2000;

/// The address of a real endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host to connect to, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What stands before the path of every request, without a slash or `/v1` at its end.
    pub prefix: String,
}

/// Why a URL can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEndpoint {
    /// `https://`.
    #[error(
        "there is no TLS here: put a proxy that speaks it in between, and name the proxy as http://127.0.0.1:PORT"
    )]
    Tls,
    /// Anything else.
    #[error("expected http://HOST[:PORT][/PATH]")]
    Form,
}

impl std::str::FromStr for Endpoint {
    type Err = NotAnEndpoint;

    /// `http://HOST[:PORT][/PATH]`; whether it ends in `/v1` makes no difference, for the paths of requests begin so.
    fn from_str(url: &str) -> Result<Self, NotAnEndpoint> {
        if url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
            return Err(NotAnEndpoint::Tls);
        }
        let rest = url.strip_prefix("http://").ok_or(NotAnEndpoint::Form)?;
        let is_plain = |c: char| c.is_ascii_graphic() && !"?#@\"<>\\".contains(c);
        if url.len() > LONGEST_BYTES || !rest.chars().all(is_plain) {
            return Err(NotAnEndpoint::Form);
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(NotAnEndpoint::Form)?;
                (host, port.strip_prefix(':').or(port.is_empty().then_some("80")))
            }
            None => {
                authority.split_once(':').map_or((authority, Some("80")), |(host, port)| (host, Some(port)))
            }
        };
        let port = port.and_then(|port| port.parse().ok()).filter(|port| *port != 0);
        let (Some(port), false) = (port, host.is_empty()) else { return Err(NotAnEndpoint::Form) };
        let path = path.trim_end_matches('/');
        let prefix = path.strip_suffix("/v1").unwrap_or(path).to_owned();
        Ok(Self { host: host.to_owned(), port, prefix })
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.prefix)
    }
}

impl Endpoint {
    /// `HOST:PORT`, as a `host` header has it.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url_are_told_apart() {
        for (url, shown) in [
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://h/a/v1/", "http://h:80/a"),
            ("http://[::1]:9", "http://[::1]:9"),
        ] {
            assert_eq!(url.parse::<Endpoint>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_plain_endpoint_is_refused() {
        assert_eq!("https://api.example.com/v1".parse::<Endpoint>(), Err(NotAnEndpoint::Tls));
        for url in [
            "",
            "h:1",
            "http://",
            "http://:1",
            "http://u@h",
            "http://h:0",
            "http://h:x",
            "http://h/?a",
            "http://[::1",
        ] {
            assert_eq!(url.parse::<Endpoint>(), Err(NotAnEndpoint::Form), "{url}");
        }
    }
}
