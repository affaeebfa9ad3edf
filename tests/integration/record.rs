//! `wassert record`: traffic becomes a script, and the script gives the same answers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{Project, serving};
use crate::serve::Serving;

const EVERY_PROTOCOL: &str = r#"
[[step]]
opened-by = "r-one"
reasoning = "because"
text = ["Looking ", "now."]
call = { id = "look", tool = "shell", input = { command = "ls" }, pieces = 3, unoffered = true }
[[step]]
text = "Done."
usage = { input = 9, cached = 2, output = 4, reasoning = 1 }

[[step]]
opened-by = "c-one"
text = ["Hel", "lo"]
[[step.attempt]]
fault = { status = 503, code = "server_error", message = "later", retry-after-seconds = 1 }

[[step]]
opened-by = "m-one"
calls = [{ id = "find", tool = "grep", input = { pattern = "x", id = "kept" }, unoffered = true },
         { id = "more", tool = "grep", input = { pattern = "é\n" }, unoffered = true }]
[[step]]
text = "Found."
stop = "length"

[[step]]
opened-by = "g-one"
text = "A gem."

[[step]]
opened-by = "odd"
events = [{ id = "chatcmpl-77", choices = [{ index = 0, delta = { content = "odd", extra = "yes" }, finish_reason = "stop" }] }]
"#;

/// A proxy that records, and where it listens.
pub struct Recording {
    child: Child,
    pub port: u16,
}

impl Recording {
    fn start(project: &Project, upstream: &str, more: &[&str]) -> Self {
        Self::of(&mut project.command(&[&["record", "--upstream", upstream], more].concat()))
    }

    pub fn of(command: &mut Command) -> Self {
        let (child, _, said) = serving(command.env_remove("CI"));
        Self { child, port: said["port"].as_u64().unwrap() as u16 }
    }

    /// Exit code and what was noted.
    pub fn end(mut self) -> (i32, String) {
        kill_process(Pid::from_raw(self.child.id() as i32).unwrap(), Signal::TERM).unwrap();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), stderr)
    }
}

/// What the client authorises itself with.
pub const KEY: &str = "key-of-mine-4711";

/// Status, the header `retry-after` and the body of an answer.
pub fn post(port: u16, target: &str, body: &Value) -> (String, String) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "POST {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let after = head.lines().find(|line| line.starts_with("retry-after")).unwrap_or_default();
    let status = format!("{} {after}", head.split(' ').nth(1).unwrap());
    (status, if head.contains("chunked") { joined(body) } else { body.to_owned() })
}

/// The chunks of a body without their framing.
fn joined(body: &str) -> String {
    let mut rest = body;
    let mut joined = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        joined.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    joined
}

/// A client of every protocol; the calls it was asked to make have these identifiers.
fn converse(port: u16, [look, find, more]: [&str; 3]) -> Vec<(String, String)> {
    let user = |text: &str| json!({ "role": "user", "content": text });
    let chat = |text: &str| json!({ "model": "m", "stream": true, "messages": [user(text)] });
    let responses = |input: &[Value]| json!({ "model": "m", "stream": true, "input": input });
    let asked = crate::serve::user("r-one");
    let mut said = vec![post(port, "/v1/responses", &responses(std::slice::from_ref(&asked)))];
    said.push(post(
        port,
        "/v1/responses",
        &responses(&[
            asked,
            json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "because" }] }),
            json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Looking now." }] }),
            json!({ "type": "function_call", "call_id": look, "name": "shell", "arguments": "{\"command\":\"ls\"}" }),
            json!({ "type": "function_call_output", "call_id": look, "output": "a b" }),
        ]),
    ));
    said.push(post(port, "/v1/chat/completions", &chat("c-one")));
    said.push(post(port, "/v1/chat/completions", &chat("c-one")));
    let messages = |messages: &[Value]| json!({ "model": "m", "max_tokens": 9, "messages": messages });
    said.push(post(port, "/v1/messages", &messages(&[user("m-one")])));
    let uses = [(find, json!({ "pattern": "x", "id": "kept" })), (more, json!({ "pattern": "é\n" }))];
    let used: Vec<Value> = uses
        .iter()
        .map(|(id, input)| json!({ "type": "tool_use", "id": id, "name": "grep", "input": input }))
        .collect();
    let results: Vec<Value> = uses
        .iter()
        .map(|(id, _)| json!({ "type": "tool_result", "tool_use_id": id, "content": "here" }))
        .collect();
    said.push(post(
        port,
        "/v1/messages",
        &messages(&[
            user("m-one"),
            json!({ "role": "assistant", "content": used }),
            json!({ "role": "user", "content": results }),
        ]),
    ));
    let gemini = json!({ "contents": [{ "role": "user", "parts": [{ "text": "g-one" }] }] });
    said.push(post(port, "/v1beta/models/m:streamGenerateContent?alt=sse", &gemini));
    said.push(post(port, "/v1/chat/completions", &chat("odd")));
    said
}

#[test]
fn a_recorded_script_gives_the_same_answers_in_every_protocol() {
    let project = Project::new();
    let real = Serving::start(&project, EVERY_PROTOCOL, &[]);
    let recording = Recording::start(&project, real.base_url(), &[]);
    let original = converse(recording.port, ["look", "find", "more"]);
    assert_eq!(original[0].0, "200 ", "{original:?}");
    assert_eq!(original[2].0, "503 retry-after: 1", "{original:?}");
    let (code, stdout, stderr) = real.end();
    assert_eq!(code, 0, "the real one got everything: {stdout}{stderr}");
    let (code, stderr) = recording.end();
    let script = std::fs::read_to_string(project.path().join("recorded.toml")).unwrap();
    assert_eq!(code, 0, "{stderr}\n{script}");
    assert!(stderr.contains("7 steps in recorded.toml"), "{stderr}");
    // One reply says more than neutral words can; it alone is written out, and its identifier is a symbol.
    assert_eq!(script.matches("events = [").count(), 1, "{script}");
    assert!(!script.contains("chatcmpl-77") && script.contains("chatcmpl_"), "{script}");
    assert!(!script.contains("4711"), "{script}");
    assert!(!script.contains("\"look\"") && script.contains("id = \"call-1\""), "{script}");

    let again = Serving::start(&project, &script, &[]);
    let port = again.said["port"].as_u64().unwrap() as u16;
    let repeated = converse(port, ["call-1", "call-2", "call-3"]);
    let (code, stdout, stderr) = again.end();
    assert_eq!(code, 0, "{stdout}{stderr}\n{script}");
    for ((status, told), (status_again, told_again)) in original.iter().zip(&repeated) {
        let mut expected = told.clone();
        for (from, to) in [("look", "call-1"), ("find", "call-2"), ("more", "call-3")] {
            expected = expected.replace(&format!("\"{from}\""), &format!("\"{to}\""));
        }
        let symbol =
            told_again.split('"').find(|text| text.starts_with("chatcmpl_")).unwrap_or("chatcmpl-77");
        expected = expected.replace("chatcmpl-77", symbol);
        assert_eq!((status_again, told_again), (status, &expected), "{script}");
    }
}

#[test]
fn secrets_do_not_reach_the_script() {
    let project = Project::new();
    let key = format!("sk-ant-api03-{}", "a1".repeat(12));
    let real =
        Serving::start(&project, &format!("[[step]]\ntext = ['The key is {key}', ' and hush-hush.']\n"), &[]);
    let mut command = project.command(&["record", "--upstream", real.base_url(), "--secret-env", "MINE"]);
    command.env("MINE", "hush-hush");
    let recording = Recording::of(&mut command);
    let asked = json!({ "stream": true, "input": [crate::serve::user(&format!("use {key}"))] });
    assert!(post(recording.port, "/v1/responses", &asked).1.contains(&key), "the client gets what was said");
    let (code, stderr) = recording.end();
    let script = std::fs::read_to_string(project.path().join("recorded.toml")).unwrap();
    assert_eq!(code, 0, "{stderr}\n{script}");
    assert!(!script.contains("a1a1") && !script.contains("hush-hush"), "{script}");
    assert!(script.contains("The key is ⟦secret#") && script.contains(" and ⟦secret#"), "{script}");
    real.end();
}

#[test]
fn what_can_not_be_recorded_is_said_before_anything_is_written() {
    let project = Project::new();
    project.write("there.toml", "mine");
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let gone = format!("http://{gone}");
    for (arguments, ci, code, expected) in [
        (vec!["--upstream", gone.as_str()], "true", 2, "`CI` is set"),
        (vec!["--upstream", &gone, "--in-ci"], "true", 3, "can't be reached"),
        (vec!["--upstream", "ftp://api.example.com"], "", 2, "expected http://HOST"),
        (vec!["--upstream", &gone, "--output", "there.toml"], "", 2, "there.toml"),
        (vec!["--upstream", &gone, "--agent", "nobody"], "", 2, "there is no agent `nobody`"),
        (vec!["--upstream", &gone, "--secret-env", "NOT_SET_4711"], "", 2, "NOT_SET_4711"),
    ] {
        let said = project.command(&[&["record"][..], &arguments].concat()).env("CI", ci).output().unwrap();
        let stderr = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!project.path().join("recorded.toml").exists(), "{arguments:?}");
    }
    assert_eq!(std::fs::read_to_string(project.path().join("there.toml")).unwrap(), "mine");
}
