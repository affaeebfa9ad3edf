//! What writing and reading recordings costs: `cargo bench -p wassert --bench recording`.
//!
//! Not a test: it prints medians and ratios and judges nothing. Memory is measured in processes of its own.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and may stop where it is"
)]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::json;
use wassert::document::{Document, Event, EventKind, Item, Request, Role, SCHEMA};
use wassert::profile::by_name;
use wassert::recording::{Writer, open, read};
use wassert::server::{Server, ServerSettings};
use wassert::value::{Digest, canonical};

const ROUNDS: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--load") => return memory_of(&arguments[2..], |path| read(path).unwrap()),
        Some("--open") => return memory_of(&arguments[2..], |path| open(path).unwrap()),
        Some("--serve") => return serve_and_tell(),
        _ => {}
    }
    let folder = tempfile::tempdir().unwrap();
    canonicalisation();
    loading(folder.path());
    writing(folder.path());
    serving();
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn timed(rounds: usize, mut run: impl FnMut(usize)) -> f64 {
    let times = (0..rounds).map(|round| {
        let started = Instant::now();
        run(round);
        started.elapsed().as_secs_f64() * 1000.0
    });
    median(times.collect())
}

/// Bytes in which nothing repeats.
fn noise(bytes: usize, seed: usize) -> Vec<u8> {
    (0..)
        .flat_map(|block: u64| Digest::of(format!("{seed} {block}")).hex().into_bytes())
        .take(bytes)
        .collect()
}

/// A document of about that many bytes: conversations with prose, code and tool output, and the lines of an agent.
fn document(bytes: usize) -> Document {
    let line = "    let value = source.get(\"key\").unwrap_or_default(); // größer als \\ zuvor\n";
    let mut document = Document { schema: SCHEMA.to_owned(), ..Document::default() };
    let mut made = 0;
    while made < bytes {
        let number = document.requests.len();
        let said = |text: String| Item::Message { role: Role::User, text };
        let transcript: Vec<_> = (0..12)
            .flat_map(|turn| {
                let call = format!("call_{number}_{turn}");
                [
                    said(format!("Question {number}.{turn}: {}", "Explain what happens here. ".repeat(20))),
                    Item::Call {
                        call: call.clone(),
                        tool: "shell".into(),
                        input: json!({ "command": "ls -l", "n": turn }),
                    },
                    Item::Result { call, output: line.repeat(20) },
                ]
            })
            .collect();
        let request = Request {
            lane: "main".into(),
            body: json!({ "model": "m", "input": line.repeat(10), "temperature": 1.0 }),
            headers: [("content-type".to_owned(), vec!["application/json".to_owned()])].into(),
            transcript,
            ..Request::default()
        };
        made += serde_json::to_string(&request).unwrap().len();
        document.requests.push(request);
        let raw = json!({ "type": "item.completed", "item": { "id": number, "text": line.repeat(15) } });
        let event = Event { kind: EventKind::Message, text: Some(line.repeat(15)), raw, ..Event::default() };
        made += serde_json::to_string(&event).unwrap().len();
        document.events.push(event);
    }
    document
}

fn canonicalisation() {
    let value = serde_json::to_value(document(50 << 20)).unwrap();
    let bytes = canonical(&value).len() as f64;
    let ms = timed(ROUNDS, |_| drop(std::hint::black_box(canonical(&value))));
    println!("canonicalisation: {:.0} MB/s", bytes / 1e6 / (ms / 1000.0));
}

fn loading(folder: &Path) {
    let tiny = folder.join("load-tiny");
    let mut writer = Writer::create(&tiny).unwrap();
    writer.document(&document(1)).unwrap();
    for (megabytes, shares) in [(1, false), (100, false), (100, true)] {
        let path = folder.join(format!("load-{megabytes}-{shares}"));
        let mut writer = Writer::create(&path).unwrap();
        let mut document = document(megabytes * 1_000_000);
        if shares {
            // One request that repeats another, so that the document has a part in its stored form.
            let requests = &mut document.requests;
            requests.iter_mut().take(2).for_each(|request| request.conversation = 1);
            requests[1].transcript = requests[0].transcript.clone();
        }
        writer.document(&document).unwrap();
        let what = if shares { ", with shared history" } else { "" };
        let bytes = std::fs::metadata(path.join("run.json")).unwrap().len() as f64;
        let opened = timed(ROUNDS, |_| drop(open(&path).unwrap()));
        let typed = timed(ROUNDS, |_| drop(read(&path).unwrap()));
        let peak = |how: &str| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            let told = command.arg(how).arg(&path).arg(&tiny).output().unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            let times: Vec<f64> =
                told.split_whitespace().map(|kib| kib.parse::<f64>().unwrap() * 1024.0 / bytes).collect();
            format!("{:.2} times its size in memory ({:.2} held)", times[0], times[1])
        };
        println!(
            "loading {:.1} MB{what}: typed {typed:.1} ms and {}, as assertions see it {opened:.1} ms and {}",
            bytes / 1e6,
            peak("--load"),
            peak("--open"),
        );
    }
}

/// In a process of its own: how much the high-water mark rises, and how much is still held then, in KiB. A tiny document
/// is loaded before, so that the program's own pages are not counted.
fn memory_of<T>(paths: &[String], load: impl Fn(&Path) -> T) {
    drop(load(Path::new(&paths[1])));
    let before = status_kib("VmHWM:");
    let loaded = load(Path::new(&paths[0]));
    println!("{} {}", status_kib("VmHWM:") - before, status_kib("VmRSS:").saturating_sub(before));
    drop(loaded);
}

fn peak_kib() -> u64 {
    status_kib("VmHWM:")
}

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mark = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB"));
    mark.unwrap().trim().parse().unwrap()
}

fn writing(folder: &Path) {
    let image = String::from_utf8(noise(5 << 20, 1)).unwrap();
    let replays: Vec<_> = (0..50)
        .map(|number| {
            format!("{{\"input\":[\"{image}\"{}],\"n\":{number}}}", ",\"more\"".repeat(number)).into_bytes()
        })
        .collect();
    let large: Vec<_> = (0..20).map(|seed| noise(5 << 20, seed + 10)).collect();
    let small: Vec<_> = (0..2000).map(|seed| noise(20 << 10, seed + 100)).collect();
    for (what, place, blobs) in [
        ("50 requests that replay 5 MiB", "requests/{}/body", &replays),
        ("20 different requests of 5 MiB", "requests/{}/body", &large),
        ("20 different files of 5 MiB", "files/{}/after", &large),
        ("2000 different files of 20 KiB", "files/{}/after", &small),
    ] {
        let bytes: usize = blobs.iter().map(Vec::len).sum();
        let name = what.replace(' ', "-");
        let (mut plain, mut written, mut size) = (Vec::new(), Vec::new(), 0);
        // One after the other, so that both meet the same machine.
        for round in 0..ROUNDS {
            let raw = folder.join(format!("raw-{name}-{round}"));
            plain.push(timed(1, |_| {
                std::fs::create_dir(&raw).unwrap();
                for (number, blob) in blobs.iter().enumerate() {
                    std::hint::black_box(Digest::of(blob));
                    std::fs::write(raw.join(number.to_string()), blob).unwrap();
                }
            }));
            std::fs::remove_dir_all(&raw).unwrap();
            let recording = folder.join(format!("recorded-{name}-{round}"));
            written.push(timed(1, |_| {
                let mut writer = Writer::create(&recording).unwrap();
                for (number, blob) in blobs.iter().enumerate() {
                    writer.blob(place.replace("{}", &number.to_string()), blob).unwrap();
                }
                writer.document(&Document { schema: SCHEMA.to_owned(), ..Document::default() }).unwrap();
            }));
            let files = std::fs::read_dir(recording.join("blobs")).unwrap();
            size = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
            std::fs::remove_dir_all(&recording).unwrap();
        }
        let (plain, written) = (median(plain), median(written));
        println!(
            "writing {what}: {written:.0} ms, hash and write {plain:.0} ms, ratio {:.2}, {:.1} of {:.1} MiB on disk",
            written / plain,
            size as f64 / MIB,
            bytes as f64 / MIB
        );
    }
}

fn serving() {
    let told = Command::new(std::env::current_exe().unwrap()).arg("--serve").output().unwrap();
    print!("{}", String::from_utf8(told.stdout).unwrap());
}

/// In a process of its own: fifty requests that replay an image of 5 MiB, each with one message more.
fn serve_and_tell() {
    let image = String::from_utf8(noise(5 << 20, 1)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let profile = by_name("example").unwrap();
    let settings = ServerSettings {
        steps: vec![],
        profile,
        accept_websocket: false,
        capture_limit_bytes: 256 << 20,
        workspace: None,
        free: false,
        reception: wassert::scenario::Reception::default(),
        key: None,
    };
    let server = runtime.block_on(Server::start(settings)).unwrap();
    let address = server.base_url().strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().to_owned();
    let before = peak_kib();
    for number in 0..50 {
        let history = ",{\"role\":\"user\",\"content\":\"more\"}".repeat(number);
        let body = format!(
            "{{\"input\":[{{\"role\":\"user\",\"content\":[{{\"type\":\"input_image\",\"image_url\":\"{image}\"}}]}}{history}]}}"
        );
        let head = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    let traffic = runtime.block_on(server.finish());
    assert_eq!(traffic.bodies.len(), 50);
    let sent: usize = traffic.bodies.iter().map(|body| body.len()).sum();
    println!(
        "serving 50 replays of 5 MiB: {:.0} MiB received, memory grew by {:.0} MiB",
        sent as f64 / MIB,
        (peak_kib() - before) as f64 / 1024.0
    );
}
