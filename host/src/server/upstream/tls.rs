//! TLS to a real endpoint: by the certificates this system trusts (or those that `SSL_CERT_FILE` and `SSL_CERT_DIR`
//! name), for the endpoint's own name, with TLS 1.2 or 1.3.
//!
//! Deliberately without a way around: an endpoint that can't be trusted gets no request, for requests carry keys. No
//! certificates of clients, and no HTTP/2.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

use crate::value::excerpt;

/// Names of a certificate that are told.
const NAMES_TOLD: usize = 3;
/// Longest name that is told, in characters.
const LONGEST_NAME: usize = 80;

/// Why there is no TLS with an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// There is nothing to trust an endpoint by; why not, where that is known.
    #[error("no certificate was found to trust an endpoint by{0}")]
    NoRoots(String),
    /// The endpoint's host is neither a name nor an address.
    #[error("`{0}` is no name a certificate can be for")]
    NoName(String),
    /// What came back is no TLS.
    #[error("what listens there does not speak TLS")]
    NotTls,
    /// Nobody who is trusted signed the certificate.
    #[error("its certificate was issued by nobody this system trusts")]
    UnknownIssuer,
    /// The certificate is somebody else's.
    #[error("its certificate is not for `{host}` but for {presented}")]
    OtherName {
        /// The endpoint's host.
        host: String,
        /// What the certificate is for, for people.
        presented: String,
    },
    /// The certificate is not valid at this time.
    #[error("its certificate {0}")]
    Outdated(&'static str),
    /// Anything else about the certificate.
    #[error("its certificate can't be used: {0}")]
    Certificate(String),
    /// Anything else that ended the handshake.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
}

impl TlsError {
    /// What can be done about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoRoots(_) => {
                "install the system's certificates, or name a file of certificates in `SSL_CERT_FILE`"
            }
            Self::NoName(_) => "name the endpoint's host as its certificate does",
            Self::NotTls => "name it with http:// if it is meant to be without TLS, or correct the port",
            Self::UnknownIssuer => {
                "if you trust it, name a file with the certificate of who issued it in `SSL_CERT_FILE`"
            }
            Self::OtherName { .. } => "name the endpoint's host as its certificate does",
            Self::Outdated(_) => "look at this machine's clock, or tell who runs the endpoint",
            Self::Certificate(_) => "tell who runs the endpoint",
            Self::Handshake(_) => "TLS 1.2 and 1.3 are spoken here, without a certificate of our own",
        }
    }
}

/// Makes a connection a secured one.
///
/// # Errors
/// When nothing was agreed on, or the endpoint is not to be trusted.
pub(super) async fn secured(stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, TlsError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::NoName(host.to_owned()))?;
    connector()?.connect(name, stream).await.map_err(|error| reason(host, &error))
}

/// Reads the certificates once: they are hundreds.
fn connector() -> Result<TlsConnector, TlsError> {
    static CONNECTOR: OnceLock<Result<TlsConnector, TlsError>> = OnceLock::new();
    CONNECTOR.get_or_init(|| trusting(roots()?)).clone()
}

fn roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}"));
        return Err(TlsError::NoRoots(why.unwrap_or_default()));
    }
    Ok(roots)
}

fn trusting(roots: RootCertStore) -> Result<TlsConnector, TlsError> {
    let mut settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Handshake(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(settings)))
}

/// A handshake's error in words.
fn reason(host: &str, error: &io::Error) -> TlsError {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause {
        Some(Error::InvalidMessage(_)) => TlsError::NotTls,
        Some(Error::InvalidCertificate(refused)) => match refused {
            CertificateError::UnknownIssuer => TlsError::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TlsError::Outdated("has expired")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsError::Outdated("is not valid yet")
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                TlsError::OtherName { host: host.to_owned(), presented: told(presented) }
            }
            other => TlsError::Certificate(other.to_string()),
        },
        Some(other) => TlsError::Handshake(other.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            TlsError::Handshake(String::from("the connection ended in the middle of it"))
        }
        None => TlsError::Handshake(error.to_string()),
    }
}

/// The names of a certificate, the first few and each cut: whoever made it chose them.
fn told(presented: &[String]) -> String {
    let mut names: Vec<String> =
        presented.iter().take(NAMES_TOLD).map(|name| format!("`{}`", excerpt(name, LONGEST_NAME))).collect();
    match presented.len() {
        0 => return String::from("no name at all"),
        count if count > NAMES_TOLD => names.push(format!("{} more", count - NAMES_TOLD)),
        _ => {}
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[test]
    fn names_that_somebody_else_chose_are_bounded() {
        assert_eq!(told(&[]), "no name at all");
        let many = vec!["n".repeat(500); 2000];
        let said = told(&many);
        assert!(said.len() < 300 && said.ends_with("`, 1997 more"), "{said}");
    }

    #[tokio::test]
    async fn what_is_no_name_is_refused_before_anything_is_sent() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        for host in ["a b", "-", "x_y..z"] {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut peer, _) = listener.accept().await.unwrap();
            let refused = secured(stream, host).await.map(drop);
            assert_eq!(refused, Err(TlsError::NoName(host.to_owned())));
            let mut sent = Vec::new();
            peer.read_to_end(&mut sent).await.unwrap();
            assert!(sent.is_empty(), "{host}: {sent:?}");
        }
        assert!(ServerName::try_from(String::from("::1")).is_ok());
    }
}
