//! Where a real model is: an `http://` or `https://` URL taken apart.

/// Longest URL, in bytes.
const LONGEST_BYTES: usize = 2000;

/// The address of a real endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it speaks TLS.
    pub is_https: bool,
    /// Host to connect to, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What stands before the path of every request, without a slash or `/v1` at its end.
    pub prefix: String,
}

/// A URL that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH]")]
pub struct NotAnEndpoint;

impl std::str::FromStr for Endpoint {
    type Err = NotAnEndpoint;

    /// `http[s]://HOST[:PORT][/PATH]`; whether it ends in `/v1` makes no difference, for the paths of requests begin so.
    fn from_str(url: &str) -> Result<Self, NotAnEndpoint> {
        let (is_https, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(NotAnEndpoint),
        };
        let is_plain = |c: char| c.is_ascii_graphic() && !"?#@\"<>\\".contains(c);
        if url.len() > LONGEST_BYTES || !rest.chars().all(is_plain) {
            return Err(NotAnEndpoint);
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (host, after) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(NotAnEndpoint)?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match after.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port != 0),
            None => after.is_empty().then_some(default_port(is_https)),
        };
        let (Some(port), false) = (port, host.is_empty()) else { return Err(NotAnEndpoint) };
        let path = path.trim_end_matches('/');
        let prefix = path.strip_suffix("/v1").unwrap_or(path).to_owned();
        Ok(Self { is_https, host: host.to_owned(), port, prefix })
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

impl Endpoint {
    /// `HOST[:PORT]`, as a `host` header has it: without the port that the scheme says already.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == default_port(self.is_https) {
            true => host,
            false => format!("{host}:{}", self.port),
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
            ("http://h/a/v1/", "http://h/a"),
            ("http://h:443", "http://h:443"),
            ("https://api.example.com/v1", "https://api.example.com"),
            ("https://h:443/a", "https://h/a"),
            ("https://h:80", "https://h:80"),
            ("https://[::1]", "https://[::1]"),
            ("http://[::1]:9", "http://[::1]:9"),
        ] {
            assert_eq!(url.parse::<Endpoint>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for url in [
            "",
            "h:1",
            "http://",
            "https://",
            "ftp://h",
            "http://:1",
            "http://u@h",
            "http://h:0",
            "http://h:x",
            "http://h/?a",
            "http://[::1",
            "http://[::1]9",
        ] {
            assert_eq!(url.parse::<Endpoint>(), Err(NotAnEndpoint), "{url}");
        }
    }
}
