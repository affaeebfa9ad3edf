//! Every disturbance, seen from a raw socket: which bytes came, in which reads, and how it ended.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::scenario::{LoadContext, load};

/// How a connection was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// The peer closed it in good order.
    Eof,
    /// The peer reset it.
    Reset,
    /// Nothing more came, and it is open.
    Open,
}

/// What a raw client saw.
struct Seen {
    reads: Vec<Vec<u8>>,
    left: Left,
}

impl Seen {
    fn bytes(&self) -> Vec<u8> {
        self.reads.concat()
    }
    fn head(&self) -> String {
        let bytes = self.bytes();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
    fn rest(&self) -> Vec<u8> {
        self.bytes()[self.head().len()..].to_vec()
    }
    /// The body without its chunks, and whether the last chunk came.
    fn body(&self) -> (Vec<u8>, bool) {
        let rest = self.rest();
        if !self.head().contains("transfer-encoding: chunked") {
            return (rest, true);
        }
        let (mut body, mut left) = (Vec::new(), &rest[..]);
        while let Some(line) = left.windows(2).position(|window| window == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&left[..line]).unwrap(), 16).unwrap();
            let from = line + 2;
            if size == 0 {
                return (body, true);
            }
            body.extend_from_slice(&left[from..left.len().min(from + size)]);
            left = left.get(from + size + 2..).unwrap_or_default();
        }
        (body, false)
    }
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body().0).into_owned()
    }
    /// Event types in the order in which they came.
    fn events(&self) -> Vec<String> {
        let text = self.text();
        let data = text.split(['\n', '\r']).filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| {
            let json: Value = serde_json::from_str(data).unwrap_or_default();
            json["type"].as_str().unwrap_or("?").trim_start_matches("response.").to_owned()
        })
        .collect()
    }
}

/// The steps of a scenario with these lines in its only step.
pub(super) fn scripted(lines: &str) -> Vec<Step> {
    // A step that ends in a failure says nothing.
    let says = if lines.starts_with("fail") { "" } else { "text = 'héllo'" };
    let text = format!(
        "summary = 's'\n[[turn]]\nprompt = 'go'\n[[step]]\n{says}\n{lines}\n[[assert]]\nuse = 'std/exit'\n"
    );
    let context = LoadContext { file_exists: &|_| true, folder_exists: &|_| true, agents: &[] };
    let loaded = load("s".into(), PathBuf::from("s.toml"), text.as_bytes(), &context);
    loaded.scenario.unwrap_or_else(|| panic!("{text}\n{:#?}", loaded.diagnostics)).steps
}

async fn connect(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(address(server)).await.unwrap();
    let body = request(&[user("go")]).to_string();
    let head = format!("POST /v1/responses HTTP/1.1\r\nhost: s\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    stream
}

/// Rounds without a byte after which a connection is taken to stay open.
const QUIET_ROUNDS: u32 = 12;

/// Reads until the end, or until nothing has come while another server of this program answered many times: on a busy
/// machine that takes as long as it takes.
async fn watch(stream: &mut TcpStream) -> Seen {
    let other = start(vec![]).await;
    let mut quiet = 0;
    let mut reads = Vec::new();
    let mut block = vec![0; 64 * 1024];
    let left = loop {
        match tokio::time::timeout(Duration::from_millis(100), stream.read(&mut block)).await {
            Ok(Ok(0)) => break Left::Eof,
            Ok(Ok(read)) => {
                reads.push(block[..read].to_vec());
                quiet = 0;
            }
            Ok(Err(_)) => break Left::Reset,
            Err(_) if quiet == QUIET_ROUNDS => break Left::Open,
            Err(_) => {
                http::get(&other, "/v1/models").await;
                quiet += 1;
            }
        }
    };
    Seen { reads, left }
}

async fn seen(lines: &str) -> (Seen, Traffic) {
    let server = start(scripted(lines)).await;
    let mut stream = connect(&server).await;
    let seen = watch(&mut stream).await;
    (seen, server.finish().await)
}

const ALL: [&str; 9] = [
    "created",
    "in_progress",
    "output_item.added",
    "content_part.added",
    "output_text.delta",
    "output_text.done",
    "content_part.done",
    "output_item.done",
    "completed",
];

type Check = fn(&Seen);

/// What is written in the step, and what a raw client sees of it.
const TABLE: &[(&str, Check)] = &[
    ("attempt = [{ fault = { status = 503, headers = { retry-after = '-1' } } }]", |seen| {
        assert!(seen.head().starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{}", seen.head());
        assert!(seen.head().contains("\r\nretry-after: -1\r\n"), "{}", seen.head());
        assert_eq!(seen.left, Left::Open);
    }),
    (
        "attempt = [{ fault = { status = 429, retry-after-seconds = 3, headers = { retry-after-ms = '28' } } }]",
        |seen| {
            assert!(seen.head().contains("\r\nretry-after: 3\r\n"), "{}", seen.head());
            assert!(seen.head().contains("\r\nretry-after-ms: 28\r\n"), "{}", seen.head());
        },
    ),
    (
        "attempt = [{ fault = { status = 503, headers = { retry-after = 'Wed, 21 Oct 2099 07:28:00 GMT' } } }]",
        |seen| {
            assert!(seen.head().contains("retry-after: Wed, 21 Oct 2099 07:28:00 GMT\r\n"), "{}", seen.head())
        },
    ),
    ("attempt = [{ fault = { headers = { content-type = 'text/html' } } }]", |seen| {
        assert!(seen.head().contains("content-type: text/html\r\n"), "{}", seen.head());
        assert_eq!(seen.events(), ALL);
    }),
    ("attempt = [{ fault = { headers = { content-type = '' } } }]", |seen| {
        assert!(!seen.head().contains("content-type"), "{}", seen.head());
    }),
    ("attempt = [{ fault = { headers = { content-length = '100000' } } }]", |seen| {
        assert!(seen.head().contains("content-length: 100000\r\n"), "{}", seen.head());
        assert!(!seen.head().contains("chunked"), "{}", seen.head());
        assert_eq!((seen.events(), seen.left), (ALL.map(String::from).to_vec(), Left::Eof));
    }),
    ("attempt = [{ fault = { headers = { content-length = '10' } } }]", |seen| {
        assert!(seen.head().contains("content-length: 10\r\n") && seen.rest().len() > 10);
    }),
    ("wire = [{ frame = 5, delay_ms = 1 }]", |seen| {
        assert_eq!((seen.events(), seen.body().1), (ALL.map(String::from).to_vec(), true));
        assert_eq!(seen.left, Left::Open, "the connection may be used again");
    }),
    ("wire = [{ frame = 5, byte = 'inside-character', split = true }]", |seen| {
        let at = seen
            .reads
            .iter()
            .position(|read| read.ends_with(&[0xc3, b'\r', b'\n']))
            .expect("half a character");
        let chunk = seen.reads[at + 1].windows(2).position(|window| window == b"\r\n").unwrap();
        assert_eq!(seen.reads[at + 1][chunk + 2], 0xa9, "the other half comes in a read of its own");
        assert_eq!((seen.events(), seen.body().1), (ALL.map(String::from).to_vec(), true));
    }),
    ("wire = [{ frame = 0, byte = 12, split = true }]", |seen| {
        assert_eq!(seen.reads[0], b"HTTP/1.1 200");
        assert_eq!(seen.events(), ALL);
    }),
    ("wire = [{ frame = 1, trickle = 7 }]", |seen| {
        assert!(seen.rest().starts_with(b"7\r\nevent: \r\n7\r\nrespons\r\n"), "pieces of seven bytes");
        assert_eq!(seen.events(), ALL);
    }),
    ("attempt = [{ fault = { wire = [{ after = 2, end = 'fin' }] } }]", |seen| {
        assert_eq!(
            (seen.events(), seen.body().1),
            (ALL[..2].iter().map(|s| String::from(*s)).collect(), false)
        );
        assert_eq!(seen.left, Left::Eof);
    }),
    ("attempt = [{ fault = { wire = [{ frame = 2, byte = -2, end = 'fin' }] } }]", |seen| {
        assert!(seen.text().ends_with('}'), "cut inside the frame: {}", seen.text());
        assert!(!seen.body().1);
    }),
    ("attempt = [{ fault = { wire = [{ after = 2, end = 'reset' }] } }]", |seen| {
        assert_eq!(seen.left, Left::Reset);
        assert_eq!(seen.events(), &ALL[..2], "what came before the reset was read");
    }),
    ("attempt = [{ fault = { wire = [{ frame = 0, end = 'fin' }] } }]", |seen| {
        assert_eq!((seen.bytes().len(), seen.left), (0, Left::Eof));
    }),
    ("attempt = [{ fault = { wire = [{ frame = 0, end = 'stall' }] } }]", |seen| {
        assert_eq!((seen.bytes().len(), seen.left), (0, Left::Open));
    }),
    ("attempt = [{ fault = { wire = [{ frame = 1, end = 'stall' }] } }]", |seen| {
        assert!(seen.head().ends_with("\r\n\r\n") && seen.rest().is_empty(), "headers and nothing else");
        assert_eq!(seen.left, Left::Open);
    }),
    ("attempt = [{ fault = { wire = [{ after = 4, end = 'stall' }] } }]", |seen| {
        assert_eq!((seen.events().len(), seen.left), (4, Left::Open));
    }),
    ("attempt = [{ fault = { wire = [{ after = 3, end = 'clean' }] } }]", |seen| {
        assert_eq!((seen.events().len(), seen.body().1, seen.left), (3, true, Left::Eof));
    }),
    ("attempt = [{ fault = { wire = [{ frame = 'response.completed', drop = true }] } }]", |seen| {
        assert_eq!(
            (seen.events(), seen.body().1),
            (ALL[..8].iter().map(|s| String::from(*s)).collect(), true)
        );
    }),
    ("attempt = [{ fault = { wire = [{ frame = 5, duplicate = true }] } }]", |seen| {
        assert_eq!(seen.events()[4..6], ["output_text.delta", "output_text.delta"]);
        assert_eq!(seen.events().len(), 10);
    }),
    ("attempt = [{ fault = { wire = [{ frame = 5, move-after = -1 }] } }]", |seen| {
        assert_eq!(seen.events()[7..], ["completed", "output_text.delta"]);
    }),
    ("attempt = [{ fault = { wire = [{ frame = -1, move-after = 0 }] } }]", |seen| {
        assert_eq!(seen.events()[..2], ["completed", "created"]);
    }),
    ("wire = [{ frame = 2, comment = 'keep-alive' }]", |seen| {
        assert!(seen.text().contains("\n\n: keep-alive\n\nevent: response.in_progress\n"), "{}", seen.text());
    }),
    ("attempt = [{ fault = { wire = [{ line-end = 'crlf' }] } }]", |seen| {
        assert!(seen.text().contains("}\r\n\r\nevent: "), "{}", seen.text());
        assert!(!seen.text().replace("\r\n", "").contains('\n'));
        assert_eq!(seen.events().len(), 9);
    }),
    ("attempt = [{ fault = { wire = [{ line-end = 'cr' }] } }]", |seen| {
        assert!(seen.text().contains("}\r\revent: ") && !seen.text().contains('\n'), "{}", seen.text());
    }),
    ("attempt = [{ fault = { wire = [{ frame = -1, blank-line = false }] } }]", |seen| {
        assert!(seen.text().ends_with("}\n") && !seen.text().ends_with("\n\n"), "{}", seen.text());
        assert!(seen.body().1);
    }),
    ("attempt = [{ fault = { wire = [{ event-line = false }] } }]", |seen| {
        assert!(!seen.text().contains("event:"), "{}", seen.text());
        assert_eq!(seen.events(), ALL);
    }),
    ("attempt = [{ fault = { wire = [{ frame = 5, data = '{\"type\":' }] } }]", |seen| {
        assert!(
            seen.text().contains("event: response.output_text.delta\ndata: {\"type\":\n\n"),
            "{}",
            seen.text()
        );
    }),
    (
        "attempt = [{ fault = { wire = [{ frame = 2, insert = '{\"type\":\"error\"}', event = 'error' }] } }]",
        |seen| {
            assert_eq!(seen.events()[..3], ["created", "error", "in_progress"]);
            assert!(
                seen.text().contains("\n\nevent: error\ndata: {\"type\":\"error\"}\n\n"),
                "{}",
                seen.text()
            );
        },
    ),
    ("attempt = [{ fault = { wire = [{ frame = 2, raw = 'garbage' }] } }]", |seen| {
        assert!(seen.text().contains("}\n\ngarbageevent: response.output_item.added"), "{}", seen.text());
    }),
    ("attempt = [{ fault = { failed = 'server_error', then-completed = true } }]", |seen| {
        assert_eq!(seen.events(), ["created", "in_progress", "failed", "completed"]);
    }),
    ("attempt = [{ fault = { failed = 'server_error', wire = [{ after = -1, end = 'stall' }] } }]", |seen| {
        assert_eq!((seen.events().last().map(String::as_str), seen.left), (Some("failed"), Left::Open));
    }),
    ("fail = { wire = [{ frame = 1, end = 'fin' }] }", |seen| assert_eq!(seen.left, Left::Eof)),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_disturbance_is_seen_on_the_wire() {
    let mut running = tokio::task::JoinSet::new();
    for (lines, check) in TABLE {
        let lines = lines.to_string();
        running.spawn(async move {
            let (seen, traffic) = seen(&lines).await;
            (lines, *check, seen, traffic)
        });
    }
    while let Some(done) = running.join_next().await {
        let (lines, check, seen, traffic) = done.unwrap();
        eprintln!("{lines}");
        check(&seen);
        assert_eq!(traffic.script.unexpected, [], "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_closed_connection_still_takes_what_the_peer_sends() {
    let server =
        start(scripted("attempt = [{ fault = { wire = [{ after = 1, end = 'half-close' }] } }]")).await;
    let mut stream = connect(&server).await;
    let seen = watch(&mut stream).await;
    assert_eq!((seen.events().len(), seen.left), (1, Left::Eof));
    for _ in 0..3 {
        stream.write_all(b"still here").await.unwrap();
        tokio::task::yield_now().await;
    }
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disturbed_reply_that_arrives_whole_keeps_the_connection() {
    let mut steps = scripted("wire = [{ frame = 2, split = true }]");
    steps[0].faults = vec![Fault::Disturbed {
        fault: Some(Box::new(overloaded())),
        wire: crate::scenario::Wire { headers: vec![("x-a".into(), "b".into())], ..Default::default() },
    }];
    let server = start(steps).await;
    let mut stream = connect(&server).await;
    let mut block = vec![0; 4096];
    let read = stream.read(&mut block).await.unwrap();
    assert!(String::from_utf8_lossy(&block[..read]).contains("x-a: b"));
    let body = request(&[user("go")]).to_string();
    let head = format!("POST /v1/responses HTTP/1.1\r\nhost: s\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let seen = watch(&mut stream).await;
    assert_eq!((seen.events().len(), seen.body().1), (9, true));
    assert_eq!(places(&server.finish().await), [("main", 1, 1, 1), ("main", 1, 1, 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_the_reply_has_not_is_told() {
    let (seen, traffic) = seen("wire = [{ frame = 40, split = true }, { frame = 'x', split = true }]").await;
    assert_eq!(seen.events(), ALL);
    let told: Vec<_> = traffic.script.unexpected.iter().map(|told| told.difference.as_str()).collect();
    assert_eq!(
        told,
        [
            "its schedule can't be kept: the reply has no frame 40, it has 9",
            "its schedule can't be kept: the reply has no frame of type `x`"
        ]
    );
}

/// Reads until this text has come.
async fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut bytes = Vec::new();
    let mut block = vec![0; 4096];
    while !String::from_utf8_lossy(&bytes).contains(text) {
        let read = stream.read(&mut block).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&block[..read]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_open_on_what_they_wait_for() {
    let folder = tempfile::tempdir().unwrap();
    let held = "wire = [{ frame = 2, hold = { printed = 'item.started' } }, { frame = 3, hold = { file = 'a/b' } }, \
                { frame = 4, hold = { lane = 'models' } }, { frame = 5, hold = { drained = true } }]";
    let open = |path| cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority()).unwrap();
    let workspace = Some(open(folder.path()));
    let server = Server::start(ServerSettings { workspace, ..settings(scripted(held)) }).await.unwrap();
    server.begin_turn(1, "go", false);
    let mut stream = connect(&server).await;
    let first = until(&mut stream, "response.created").await;
    assert!(!first.contains("in_progress\n"), "{first}");
    server.tap().printed(b"{\"type\":\"item.st");
    server.tap().printed(b"arted\"}\n");
    let second = until(&mut stream, "event: response.in_progress").await;
    assert!(!second.contains("output_item.added"), "{second}");
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/b"), "").unwrap();
    let third = until(&mut stream, "event: response.output_item.added").await;
    assert!(!third.contains("content_part.added"), "{third}");
    http::get(&server, "/v1/models").await;
    until(&mut stream, "response.completed").await;
    assert_eq!(server.finish().await.script.unexpected, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_never_opens_is_told() {
    let server = start(scripted("wire = [{ frame = 2, hold = { printed = 'never' } }]")).await;
    let mut stream = connect(&server).await;
    until(&mut stream, "response.created").await;
    let told = server.finish().await.script.unexpected;
    assert_eq!(
        told[0].difference,
        "its reply was held until the agent has printed `never`, which did not come"
    );
}
