//! Real endpoints behind TLS: through `wassert record` and `[server] upstream`, against servers on this machine whose
//! certificates are made anew for every test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::harness::{Project, result};
use crate::reception::passing;
use crate::record::{KEY, Recording, post};
use crate::serve::{Serving, user};

/// Somebody who issues certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, in PEM.
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// Writes its certificate to a file.
    fn file(&self, project: &Project) -> PathBuf {
        project.write("authority.pem", &self.pem);
        project.path().join("authority.pem")
    }

    /// The settings of a server with a certificate for `name`, valid until the end of `last_year`.
    fn server(&self, name: &str, last_year: i32) -> TlsAcceptor {
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        parameters.not_after = date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let settings = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(settings))
    }
}

/// The command trusts whom this file names, and nobody else.
fn trusting<'a>(command: &'a mut Command, file: &Path) -> &'a mut Command {
    command.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR")
}

/// Takes TLS off connections and passes them to a plain server, until it is dropped.
struct Terminator {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Terminator {
    fn start(acceptor: TlsAcceptor, plain: SocketAddr) -> Self {
        let runtime = runtime();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut secured) = acceptor.accept(stream).await else { return };
                    let mut plain = tokio::net::TcpStream::connect(plain).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut secured, &mut plain).await;
                });
            }
        });
        Self { address, _runtime: runtime }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/v1", self.address.port())
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn address_of(serving: &Serving) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(serving.said["port"].as_u64().unwrap()).unwrap()))
}

/// Where nobody listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

#[test]
fn traffic_with_a_real_endpoint_behind_tls_becomes_a_script_without_its_key() {
    let project = Project::new();
    let real = Serving::start(&project, "[[step]]\ntext = 'From afar.'\n", &[]);
    let authority = Authority::new("of this test");
    let secured = Terminator::start(authority.server("localhost", 4000), address_of(&real));
    let mut command = project.command(&["record", "--upstream", &secured.url()]);
    let recording = Recording::of(trusting(&mut command, &authority.file(&project)));
    let asked = json!({ "model": "m", "stream": true, "input": [user("go")] });
    let (status, body) = post(recording.port, "/v1/responses", &asked);
    assert_eq!(status, "200 ", "{body}");
    assert!(body.contains("From afar."), "{body}");
    let (code, stderr) = recording.end();
    let script = std::fs::read_to_string(project.path().join("recorded.toml")).unwrap();
    assert_eq!(code, 0, "{stderr}");
    assert!(script.contains("From afar.") && script.contains("https://localhost:"), "{script}");
    assert!(!script.contains(KEY) && !stderr.contains(KEY), "{script}{stderr}");
    let (code, _, stderr) = real.end();
    assert_eq!(code, 0, "{stderr}");
    let document = crate::serve::document(&project, "example");
    // The endpoint was asked by its name, and with what the client authorised itself by: there it is a secret as well.
    let headers = &document["requests"][0]["headers"];
    assert_eq!(headers["host"], json!([format!("localhost:{}", secured.address.port())]));
    assert_eq!(headers["authorization"], json!(["Bearer ⟦secret#1⟧"]), "{headers}");
}

#[test]
fn a_lane_is_answered_by_an_endpoint_behind_tls() {
    let project = Project::new();
    let real = Serving::start(&project, "[[step]]\ntext = 'From afar.'\n", &[]);
    let authority = Authority::new("of this test");
    let secured = Terminator::start(authority.server("localhost", 4000), address_of(&real));
    project.write("scenarios/plain.toml", &passing(&secured.url()));
    let mut command = project.command(&["run", "--format", "json"]);
    let said = trusting(&mut command, &authority.file(&project)).output().unwrap();
    let results: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(0), "{results:#}");
    let scenario = result(&results, "plain");
    let document = project.document(scenario);
    assert_eq!(document["requests"][0]["reply"]["items"][0]["text"], "From afar.");
    let endpoint = document["scenario"]["upstream"]["main"].as_str().unwrap();
    assert!(endpoint.starts_with("https://localhost:"), "{endpoint}");
    real.end();
}

#[test]
fn an_endpoint_that_is_not_to_be_trusted_gets_no_request_and_is_told_from_one_that_is_not_there() {
    let project = Project::new();
    let plain = Serving::start(&project, "[[step]]\ntext = 'From afar.'\n", &[]);
    let authority = Authority::new("of this test");
    let stranger = Authority::new("of nobody");
    let at = |acceptor| Terminator::start(acceptor, address_of(&plain));
    let good = at(authority.server("localhost", 4000));
    let foreign = at(stranger.server("localhost", 4000));
    let renamed = at(authority.server("api.example.com", 4000));
    let expired = at(authority.server("localhost", 2020));
    let file = authority.file(&project);
    let missing = project.path().join("missing.pem");
    let without = format!("https://localhost:{}", address_of(&plain).port());
    let gone = format!("https://localhost:{}", nowhere().port());
    for (url, trusted, (code, outcome, id), expected, help) in [
        (&foreign.url(), &file, UNTRUSTED, "its certificate was issued by nobody", "SSL_CERT_FILE"),
        (&renamed.url(), &file, UNTRUSTED, "not for `localhost` but for", "as its certificate does"),
        (&expired.url(), &file, UNTRUSTED, "its certificate has expired", "this machine's clock"),
        (&good.url(), &missing, UNTRUSTED, "no certificate was found", "SSL_CERT_FILE"),
        (&without, &file, UNTRUSTED, "does not speak TLS", "name it with http://"),
        (&gone, &file, UNREACHABLE, "can't be reached", "start what listens there"),
    ] {
        let mut record = project.command(&["record", "--upstream", url, "--in-ci"]);
        let said = trusting(&mut record, trusted).output().unwrap();
        let stderr = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(3), "{url}: {stderr}");
        assert!(stderr.contains(expected), "{expected}: {stderr}");
        let helped = stderr.lines().any(|line| line.starts_with("help: ") && line.contains(help));
        assert!(helped, "{help}: {stderr}");
        assert!(!project.path().join("recorded.toml").exists());

        project.write("scenarios/plain.toml", &passing(url));
        let mut run = project.command(&["run", "--format", "json"]);
        let said = trusting(&mut run, trusted).output().unwrap();
        let results: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        let scenario = result(&results, "plain");
        assert_eq!((said.status.code(), scenario["outcome"].as_str()), (Some(code), Some(outcome)));
        assert_eq!(scenario["problem"]["id"], id, "{results:#}");
        let message = scenario["problem"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
        assert!(scenario["problem"]["help"].as_str().unwrap().contains(help), "{results:#}");
    }
    plain.signal(rustix::process::Signal::TERM);
    let (_, stdout, _) = plain.end();
    assert!(!stdout.contains("unmatched"), "{stdout}");
    assert_eq!(crate::serve::document(&project, "example")["requests"], json!([]));
}

/// Exit code, outcome and problem of a run whose endpoint is not to be trusted.
const UNTRUSTED: (i32, &str, &str) = (3, "error", "upstream-untrusted");
/// The same for one that is not there.
const UNREACHABLE: (i32, &str, &str) = (4, "skip", "upstream-unreachable");

#[test]
fn a_streaming_reply_arrives_piece_by_piece() {
    let project = Project::new();
    let authority = Authority::new("of this test");
    let acceptor = authority.server("localhost", 4000);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    listener.set_nonblocking(true).unwrap();
    let (go_on, mut permitted) = mpsc::unbounded_channel::<()>();
    let runtime = runtime();
    let serving = runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        // The first connection only looks whether somebody is there.
        let mut stream = loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tokio::io::BufReader::new(acceptor.accept(stream).await.unwrap());
            if stream.fill_buf().await.is_ok_and(|bytes| !bytes.is_empty()) {
                break stream;
            }
        };
        let mut bytes = [0; 4096];
        let mut head = Vec::new();
        while !head.ends_with(b"{}") {
            let count = stream.read(&mut bytes).await.unwrap();
            head.extend_from_slice(&bytes[..count]);
        }
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
            )
            .await
            .unwrap();
        for piece in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            // The next piece is sent only when the client says that it has this one.
            permitted.recv().await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        stream.flush().await.unwrap();
        String::from_utf8(head).unwrap()
    });
    let mut command = project.command(&["record", "--upstream", &url]);
    let recording = Recording::of(trusting(&mut command, &authority.file(&project)));
    let mut client = TcpStream::connect(("127.0.0.1", recording.port)).unwrap();
    // Only a reply that is held back ever waits so long.
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    client
        .write_all(
            b"POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        )
        .unwrap();
    let mut reader = BufReader::new(client);
    for number in 1..=3 {
        let mut line = String::new();
        while !line.ends_with(&format!("data: {number}\n")) {
            assert_ne!(reader.read_line(&mut line).unwrap(), 0, "{line}");
        }
        go_on.send(()).unwrap();
    }
    let head = runtime.block_on(serving).unwrap();
    assert!(head.starts_with("POST /v1/responses HTTP/1.1\r\n"), "{head}");
    recording.end();
}
