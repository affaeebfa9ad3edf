//! A large request through the real server and the recording: intact apart from its secret, in bounded memory.
//!
//! `WASSERT_LARGE_REQUEST_BYTES=100000000 cargo test -p wassert --test integration large_request` sends 100 megabytes, which
//! takes a debug build minutes to search; an ordinary `cargo test` sends 5.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Project, serving};

const SECRET: &str = "correct-horse-battery-staple-4711";
/// Bytes of the request in an ordinary `cargo test`.
const SAMPLE_BYTES: usize = 5_000_000;
/// Bytes of memory for each byte of the body, at most, beside what the program needs without it; 6.1 were measured. The
/// body is there as it came, as JSON, as an item, in the transcript, where transcripts are compared, and while it is
/// searched.
const MOST_MEMORY: usize = 8;
/// What the program may need besides, whatever the body's size.
const BESIDES_BYTES: usize = 64 * 1024 * 1024;

/// Numbered lines, so that a piece at the wrong place shows, with the secret in the middle of one.
fn body(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 100);
    text.push_str(r#"{"model":"m","stream":true,"input":[{"role":"user","content":""#);
    let mut number = 0_u64;
    while text.len() < bytes {
        let _ = write!(text, "{number:016x} {:016x} ", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if number == 123_456 {
            text.push_str(SECRET);
        }
        number += 1;
    }
    text.push_str(r#""}]}"#);
    text
}

/// The most memory a process has had, in bytes; none when it is gone (proc_pid_status(5)).
fn peak_bytes(process: u32) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}

#[test]
fn every_byte_but_the_secret_is_recorded() {
    let project = Project::new();
    project.write(
        "script.toml",
        &format!("secrets = [\"{SECRET}\"]\n[[step]]\nrepeat = true\ntext = \"Got it.\"\n"),
    );
    let (mut serve, _stdout, said) = serving(&mut project.command(&["serve", "script.toml"]));
    let before = peak_bytes(serve.id()).unwrap();

    let asked_for = std::env::var("WASSERT_LARGE_REQUEST_BYTES").ok();
    let bytes = asked_for.map_or(SAMPLE_BYTES, |number| number.parse().expect("a number of bytes"));
    let body = body(bytes);
    let mut stream = TcpStream::connect(("127.0.0.1", said["port"].as_u64().unwrap() as u16)).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.contains("response.completed"), "{reply}");

    kill_process(Pid::from_raw(serve.id() as i32).unwrap(), Signal::TERM).unwrap();
    let mut peak = before;
    while serve.try_wait().unwrap().is_none() {
        peak = peak_bytes(serve.id()).unwrap_or(0).max(peak);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let memory = (peak - before) as f64 / length as f64;
    eprintln!("{memory:.2} bytes of memory for each byte of the body");
    assert!(peak - before < MOST_MEMORY * length + BESIDES_BYTES, "{memory:.2}");

    let run = std::fs::read_dir(project.path().join(".wassert/runs")).unwrap().next().unwrap().unwrap();
    let recording = wassert::recording::open(&run.path().join("script@example")).unwrap();
    let kept = recording.blob("requests/0/body").unwrap().unwrap();
    let (until, after) = body.split_once(SECRET).unwrap();
    let symbol = "⟦secret#1⟧".as_bytes();
    assert_eq!(kept.len(), length - SECRET.len() + symbol.len());
    // Whole megabytes would be printed if these were compared as they are.
    assert!(kept.starts_with(until.as_bytes()) && kept.ends_with(after.as_bytes()));
    assert!(kept[until.len()..].starts_with(symbol));
    let redactions = recording.document["redactions"].as_array().unwrap();
    assert!(
        redactions.iter().any(|one| one["place"] == "requests/0/body" && one["count"] == 1),
        "{redactions:?}"
    );
}
