//! The model server under load, beside its peers: the same reply, the same load, one run.
//! `cargo bench -p wassert --bench serve`; `peers/README.md` says how the peers are installed.
//!
//! Not a test: it prints what was measured. It stops only where a reply is wrong or a request is missing in the
//! recording. The load is one thread that writes and reads raw bytes, so that it costs as little as it can.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and may stop where it is"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What the model says.
const TEXT: &str = "A short reply that fits into one piece.";
/// Connections, and requests in all.
const LOADS: [(usize, usize); 2] = [(1, 4000), (16, 32_000)];
/// Requests before anything is measured: peers in JavaScript are compiled while they run.
const WARM_UP: usize = 500;
/// How often each load is put on each server.
const ROUNDS: usize = 3;
/// How long one load may take.
const LONGEST: Duration = Duration::from_secs(2);
/// Replies that are held at a gate.
const GATES: usize = 41;
const MIB: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Protocol {
    Chat,
    Responses,
}

/// A server and where it listens.
struct Server {
    name: &'static str,
    child: Child,
    port: u16,
}

/// What a load came to.
struct Measured {
    requests: usize,
    per_second: f64,
    first_byte: Duration,
    /// Processor time of the server.
    processor: Duration,
}

fn main() {
    let folder = std::env::temp_dir().join(format!("wassert-bench-serve-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("wassert.toml"), "").unwrap();
    let mut servers: Vec<Server> = [wassert as fn(&Path) -> Option<Server>, aimock, llmposter]
        .iter()
        .filter_map(|start| start(&folder))
        .collect();
    let mut sent = Vec::new();
    for server in &servers {
        println!("{}: idle {:.1} MiB resident", server.name, resident(&server.child));
        for protocol in [Protocol::Chat, Protocol::Responses] {
            let (_, mut bodies) = load(server, protocol, 4, WARM_UP, "warm");
            if server.name == "wassert" {
                sent.append(&mut bodies);
            }
        }
    }
    for protocol in [Protocol::Chat, Protocol::Responses] {
        for (connections, requests) in LOADS {
            compare(&servers, protocol, connections, requests, &mut sent);
        }
    }
    for server in &mut servers {
        if server.name == "wassert" {
            end(server);
        } else {
            let _ = server.child.kill();
            let _ = server.child.wait();
        }
    }
    kept(&folder, sent);
    gates(&folder);
    for (what, repeated) in [("different", false), ("repeated", true)] {
        memory(&folder, what, repeated);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// One load on each server in turn, several times over, so that what else the machine does falls on all of them.
fn compare(
    servers: &[Server],
    protocol: Protocol,
    connections: usize,
    requests: usize,
    sent: &mut Vec<String>,
) {
    let mut measured: Vec<Vec<Measured>> = servers.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        for (server, measured) in servers.iter().zip(&mut measured) {
            let (told, mut bodies) = load(server, protocol, connections, requests, &round.to_string());
            measured.push(told);
            if server.name == "wassert" {
                sent.append(&mut bodies);
            }
        }
    }
    let mut own = None;
    for (server, measured) in servers.iter().zip(&mut measured) {
        measured.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        let rate = measured[ROUNDS / 2].per_second;
        let mut first: Vec<Duration> = measured.iter().map(|told| told.first_byte).collect();
        let processor = measured.iter().map(|told| told.processor.as_secs_f64()).sum::<f64>() * 1e6;
        let processor = processor / measured.iter().map(|told| told.requests as f64).sum::<f64>();
        let (own_rate, own_processor) = *own.get_or_insert((rate, processor));
        println!(
            "{} at {connections}, {}: {rate:.0} requests/s, first byte after {} µs, processor {processor:.0} µs a request; \
             wassert has {:.1} times the rate for {:.2} times the processor",
            name(protocol),
            server.name,
            median(&mut first).as_micros(),
            own_rate / rate,
            own_processor / processor,
        );
    }
}

fn wassert(folder: &Path) -> Option<Server> {
    let script = format!("[[step]]\nrepeat = true\ntext = \"{TEXT}\"\n");
    Some(serving(folder, "load", &script))
}

/// `wassert serve` on a script.
fn serving(folder: &Path, name: &str, script: &str) -> Server {
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, script).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wassert"))
        .args(["serve", file.to_str().unwrap(), "--recordings", folder.join(name).to_str().unwrap()])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.rsplit(':').next().unwrap().trim_end_matches(['}', '\n']).parse().unwrap();
    Server { name: "wassert", child, port }
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers")
}

fn aimock(folder: &Path) -> Option<Server> {
    let program = peers().join("node_modules/@copilotkit/aimock/dist/cli.js");
    let fixtures = folder.join("aimock.json");
    let text = format!(
        r#"{{"fixtures":[{{"match":{{"userMessage":"request"}},"response":{{"content":"{TEXT}"}}}}]}}"#
    );
    std::fs::write(&fixtures, text).unwrap();
    let mut command = Command::new("node");
    command
        .arg(&program)
        .args(["--chunk-size", "1000", "--log-level", "silent", "--fixtures"])
        .arg(&fixtures);
    started("aimock", &program, command)
}

fn llmposter(folder: &Path) -> Option<Server> {
    let program = peers().join("llmposter/bin/llmposter");
    let fixtures = folder.join("llmposter.yaml");
    let text = format!(
        "fixtures:\n  - match:\n      user_message: \"request\"\n    response:\n      content: \"{TEXT}\"\n    streaming:\n      latency: 0\n      chunk_size: 1000\n"
    );
    std::fs::write(&fixtures, text).unwrap();
    let mut command = Command::new(&program);
    command.arg("--fixtures").arg(&fixtures);
    started("llmposter", &program, command)
}

/// A peer, when it answers.
fn started(name: &'static str, program: &Path, mut command: Command) -> Option<Server> {
    if !program.is_file() {
        println!("{name}: SKIPPED, there is no {}; see host/benches/peers/README.md", program.display());
        return None;
    }
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let child = command
        .args(["--port", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Some(Server { name, child, port })
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Chat => "chat",
        Protocol::Responses => "responses",
    }
}

/// A request's body in canonical form, so that the recording has the same bytes.
fn body(protocol: Protocol, says: &str) -> String {
    let list = if protocol == Protocol::Chat { "messages" } else { "input" };
    let said = format!(r#""{list}":[{{"content":"{says}","role":"user"}}]"#);
    match protocol {
        Protocol::Chat => format!(r#"{{{said},"model":"m","stream":true}}"#),
        Protocol::Responses => format!(r#"{{{said},"model":"m","stream":true}}"#),
    }
}

/// One connection that is kept.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: vec![0; 64 * 1024] }
    }

    fn send(&mut self, protocol: Protocol, body: &str) {
        self.stream.write_all(&request(protocol, body)).unwrap();
    }

    fn ask(&mut self, protocol: Protocol, body: &str) {
        self.send(protocol, body);
        let mut reply = Vec::new();
        while !reply.ends_with(b"\r\n0\r\n\r\n") {
            let count = self.stream.read(&mut self.read).unwrap();
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(&reply));
            reply.extend_from_slice(&self.read[..count]);
        }
        check(&reply);
    }
}

fn request(protocol: Protocol, body: &str) -> Vec<u8> {
    let path = if protocol == Protocol::Chat { "/v1/chat/completions" } else { "/v1/responses" };
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: Bearer x\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Asks so many times over so many connections, or for as long as [`LONGEST`]; what was measured, and every body that
/// was sent. One thread for all connections: woken one by one, clients would cost more than what they measure.
fn load(
    server: &Server,
    protocol: Protocol,
    connections: usize,
    requests: usize,
    round: &str,
) -> (Measured, Vec<String>) {
    let (port, before) = (server.port, processor(&server.child));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let began = Instant::now();
    let all: Vec<_> = runtime.block_on(async {
        let clients: Vec<_> = (0..connections)
            .map(|connection| {
                let says = format!("request {round}-{connections}-{connection}");
                tokio::spawn(ask_again(port, protocol, says, requests / connections, began + LONGEST))
            })
            .collect();
        let mut all = Vec::new();
        for client in clients {
            all.append(&mut client.await.unwrap());
        }
        all
    });
    let took = began.elapsed();
    let (mut first, bodies): (Vec<Duration>, Vec<String>) = all.into_iter().unzip();
    let measured = Measured {
        requests: bodies.len(),
        per_second: bodies.len() as f64 / took.as_secs_f64(),
        first_byte: median(&mut first),
        processor: processor(&server.child).saturating_sub(before),
    };
    (measured, bodies)
}

/// Asks over one kept connection; how long each first byte took, and what was sent.
async fn ask_again(
    port: u16,
    protocol: Protocol,
    says: String,
    requests: usize,
    end: Instant,
) -> Vec<(Duration, String)> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut asked = Vec::new();
    let (mut read, mut reply) = (vec![0; 64 * 1024], Vec::new());
    while asked.len() < requests && Instant::now() < end {
        let body = body(protocol, &format!("{says}-{}", asked.len()));
        let request = request(protocol, &body);
        let began = Instant::now();
        stream.write_all(&request).await.unwrap();
        let mut first = None;
        reply.clear();
        while !reply.ends_with(b"\r\n0\r\n\r\n") {
            let count = stream.read(&mut read).await.unwrap();
            first.get_or_insert_with(|| began.elapsed());
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(&reply));
            reply.extend_from_slice(&read[..count]);
        }
        check(&reply);
        asked.push((first.unwrap(), body));
    }
    asked
}

fn check(reply: &[u8]) {
    let text = String::from_utf8_lossy(reply);
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains(TEXT), "{text}");
}

/// Processor time of a process so far; the kernel counts in steps of 10 ms (proc_pid_stat(5), fields 14 and 15).
fn processor(child: &Child) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Mebibytes that a process holds in memory.
fn resident(child: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<f64>().unwrap() / 1024.0
}

/// Ends a server of ours as a user would, and waits until its recording is written.
fn end(server: &mut Server) {
    Command::new("kill").arg(server.child.id().to_string()).status().unwrap();
    server.child.wait().unwrap();
}

/// Looks whether every request is in the recording, byte for byte. `judge` checks the digests of all that is recorded,
/// and refuses with another code what differs.
fn kept(folder: &Path, mut sent: Vec<String>) {
    let began = Instant::now();
    let recording = recording(folder, "load");
    let wassert = |arguments: &[&str]| {
        let said =
            Command::new(env!("CARGO_BIN_EXE_wassert")).args(arguments).arg(&recording).output().unwrap();
        assert!(
            said.status.code().is_some_and(|code| code <= 1),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        String::from_utf8(said.stdout).unwrap()
    };
    wassert(&["judge"]);
    let told = wassert(&["show", "--json", "--json-path", "$.requests[*].body"]);
    let mut kept: Vec<&str> = told.lines().collect();
    kept.sort_unstable();
    sent.sort_unstable();
    assert!(kept == sent, "{} requests were sent, {} are kept, or they differ", sent.len(), kept.len());
    println!(
        "wassert: all {} requests are in the recording, byte for byte ({:.1} s to look)",
        sent.len(),
        began.elapsed().as_secs_f64()
    );
}

fn recording(folder: &Path, name: &str) -> PathBuf {
    let run = std::fs::read_dir(folder.join(name)).unwrap().next().unwrap().unwrap();
    run.path().join(format!("{name}@example"))
}

/// From the moment a gate opens to the first byte behind it.
fn gates(folder: &Path) {
    let step = |number: usize| {
        format!(
            "[[step]]\nopened-by = \"gate {number}.\"\ntext = \"{TEXT}\"\nwire = [{{ frame = 2, hold = {{ file = \"open-{number}\" }} }}]\n"
        )
    };
    let script: String = (0..GATES).map(step).collect();
    let mut server = serving(folder, "gates", &script);
    let mut times = Vec::new();
    for number in 0..GATES {
        let mut client = Client::new(server.port);
        client.send(Protocol::Responses, &body(Protocol::Responses, &format!("gate {number}.")));
        let mut before = Vec::new();
        while !before.windows(16).any(|window| window == b"response.created")
            || !before.ends_with(b"\n\n\r\n")
        {
            let count = client.stream.read(&mut client.read).unwrap();
            before.extend_from_slice(&client.read[..count]);
        }
        let opened = Instant::now();
        std::fs::write(folder.join(format!("open-{number}")), "").unwrap();
        let count = client.stream.read(&mut client.read).unwrap();
        times.push(opened.elapsed());
        assert_ne!(count, 0);
    }
    let median = median(&mut times);
    println!(
        "wassert: gate to bytes {} µs (median), {} µs (longest)",
        median.as_micros(),
        times[times.len() - 1].as_micros()
    );
    let _ = server.child.kill();
    let _ = server.child.wait();
}

/// What a captured mebibyte costs in memory.
fn memory(folder: &Path, what: &str, repeated: bool) {
    let mut server = serving(folder, what, &format!("[[step]]\nrepeat = true\ntext = \"{TEXT}\"\n"));
    let mut client = Client::new(server.port);
    client.ask(Protocol::Chat, &body(Protocol::Chat, "request"));
    let before = resident(&server.child);
    let mut captured = 0;
    for number in 0..40 {
        let says = format!("request {}", noise(MIB, if repeated { 1 } else { number + 1 }));
        let body = body(Protocol::Chat, &says);
        captured += body.len();
        client.ask(Protocol::Chat, &body);
    }
    let grown = resident(&server.child) - before;
    let captured = captured as f64 / MIB as f64;
    println!(
        "wassert: {:.2} MiB of memory a captured MiB ({what}, {captured:.0} MiB in 40 requests)",
        grown / captured
    );
    let _ = server.child.kill();
    let _ = server.child.wait();
}

/// Letters that do not repeat (xorshift64).
fn noise(bytes: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state >> 32) as u8 % 26)
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
