//! The whole agent against a tiny server of raw bytes: what goes over the wire and what is printed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, accept};

use super::arguments::{Arguments, Protocol, Retries, Transport};
use super::endpoint::Endpoint;
use super::turn::TurnEnd;
use super::{AgentError, Plan, exec};

/// One answer: the bytes after which the connection is closed.
fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

fn events(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: x\ndata: {event}\n\n")).collect()
}

fn stream(all: &[Value]) -> String {
    answer("200 OK", "content-type: text/event-stream\r\n", &events(all))
}

fn item(item: Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": 0, "item": item})
}

fn message(text: &str) -> Value {
    item(json!({"type": "message", "role": "assistant", "id": "msg_1",
        "content": [{"type": "output_text", "text": text}]}))
}

fn call(name: &str, arguments: &str) -> Value {
    item(
        json!({"type": "function_call", "name": name, "arguments": arguments, "call_id": format!("call-{name}")}),
    )
}

fn completed(id: &str) -> Value {
    json!({"type": "response.completed", "response": {"id": id,
        "usage": {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13}}})
}

/// Serves the answers, one a connection, and tells the request bodies, each before it is answered. Nobody waits for the
/// server: an agent that asks too little makes a test fail, not hang.
fn serve(answers: Vec<String>) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (seen, served) = mpsc::channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            seen.send(read_request(&stream)).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (base_url, served)
}

fn read_request(stream: &TcpStream) -> Value {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut session = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        session |= line.starts_with("session-id: ");
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    assert!(session || length == 0, "every request names its session");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap_or_default()
}

struct Folders {
    home: tempfile::TempDir,
    workspace: tempfile::TempDir,
}

impl Folders {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), workspace: tempfile::tempdir().unwrap() }
    }

    fn plan(&self, base_url: &str, transport: Transport, resume: Option<&str>) -> Plan {
        Plan {
            arguments: Arguments {
                json: true,
                base_url: None,
                protocol: Protocol::Responses,
                transport,
                model: "m".to_owned(),
                retries: Retries { max: 1, delay: Duration::from_millis(1) },
                idle_timeout: Duration::from_secs(20),
                resume: resume.map(str::to_owned),
                prompt: "do it".to_owned(),
            },
            endpoint: Endpoint::parse(base_url).unwrap(),
            home: self.home.path().to_owned(),
            workspace: self.workspace.path().to_owned(),
        }
    }

    fn run(&self, base_url: &str, transport: Transport, resume: Option<&str>) -> (TurnEnd, Vec<Value>) {
        let mut output = Vec::new();
        let end = exec(self.plan(base_url, transport, resume), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        (end, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

fn types(lines: &[Value]) -> Vec<String> {
    lines
        .iter()
        .map(|line| {
            let item = line.pointer("/item/type").and_then(Value::as_str).unwrap_or_default();
            format!("{} {item}", line["type"].as_str().unwrap()).trim_end().to_owned()
        })
        .collect()
}

fn run_http(answers: Vec<String>) -> (TurnEnd, Vec<Value>, Vec<Value>) {
    let (base_url, served) = serve(answers);
    let (end, lines) = Folders::new().run(&base_url, Transport::Http, None);
    (end, lines, served.try_iter().collect())
}

#[test]
fn a_message_completes_the_turn() {
    let (end, lines, bodies) = run_http(vec![stream(&[message("hello"), completed("r1")])]);
    assert_eq!(end, TurnEnd::Completed);
    assert_eq!(
        types(&lines),
        ["thread.started", "turn.started", "item.completed agent_message", "turn.completed"]
    );
    assert_eq!(lines[2]["item"]["text"], "hello");
    assert_eq!(lines[3]["usage"], json!({"input_tokens": 10, "cached_input_tokens": 0, "output_tokens": 3}));
    let roles: Vec<_> = bodies[0]["input"].as_array().unwrap().iter().map(|item| &item["role"]).collect();
    assert_eq!(roles, ["developer", "user", "user"]);
    assert_eq!((&bodies[0]["stream"], &bodies[0]["store"]), (&json!(true), &json!(false)));
}

#[test]
fn calls_are_carried_out_and_their_outputs_reach_the_model() {
    let folders = Folders::new();
    let calls = [
        call("shell", r#"{"command":"printf x > made; printf out; exit 3"}"#),
        call("write_file", r#"{"path":"a/b.txt","content":"text"}"#),
        call("grep", "{}"),
        item(json!({"type": "custom_tool_call", "name": "patch", "input": "x", "call_id": "c"})),
        completed("r1"),
    ];
    let (base_url, served) = serve(vec![stream(&calls), stream(&[message("done"), completed("r2")])]);
    let (end, lines) = folders.run(&base_url, Transport::Http, None);
    assert_eq!(end, TurnEnd::Completed);
    assert_eq!(std::fs::read_to_string(folders.workspace.path().join("a/b.txt")).unwrap(), "text");
    assert!(folders.workspace.path().join("made").exists());
    assert_eq!(
        types(&lines)[2..6],
        [
            "item.started command_execution",
            "item.completed command_execution",
            "item.started file_change",
            "item.completed file_change"
        ]
    );
    assert_eq!(
        (&lines[3]["item"]["exit_code"], &lines[3]["item"]["aggregated_output"]),
        (&json!(3), &json!("out"))
    );
    let bodies: Vec<Value> = served.try_iter().collect();
    let input = bodies[1]["input"].as_array().unwrap();
    assert_eq!(input[..3], bodies[0]["input"].as_array().unwrap()[..]);
    assert_eq!(input[3..7], calls[..4].iter().map(|event| event["item"].clone()).collect::<Vec<_>>());
    let outputs: Vec<_> = input[7..].iter().map(|item| item["output"].as_str().unwrap()).collect();
    assert_eq!(
        outputs,
        [
            "Process exited with code 3\nOutput:\nout",
            "Success. Updated the following files:\nA a/b.txt\n",
            "unsupported call: grep",
            "unsupported call: patch"
        ]
    );
    assert_eq!(input[10]["type"], "custom_tool_call_output");
}

#[test]
fn a_retried_request_is_the_same_and_prints_nothing_twice() {
    let good = stream(&[message("hello"), completed("r1")]);
    let cut = stream(&[message("hel")]);
    let unavailable = answer("503 Service Unavailable", "", r#"{"error":{"message":"busy"}}"#);
    let failed =
        stream(&[json!({"type": "response.failed", "response": {"error": {"code": "server_error"}}})]);
    for first in [unavailable, cut, failed] {
        let (end, lines, bodies) = run_http(vec![first, good.clone()]);
        assert_eq!(end, TurnEnd::Completed);
        assert_eq!(types(&lines)[2..], ["error", "item.completed agent_message", "turn.completed"]);
        assert_eq!(lines[2]["message"], "Reconnecting... 1/1");
        assert_eq!(bodies[0], bodies[1]);
    }
}

#[test]
fn retries_end() {
    let unavailable = || answer("503 Service Unavailable", "", "busy");
    let (end, lines, _) = run_http(vec![unavailable(), unavailable()]);
    assert_eq!(end, TurnEnd::Failed);
    assert_eq!(types(&lines)[2..], ["error", "error", "turn.failed"]);
    assert_eq!(lines[4]["error"]["message"], "unexpected status 503: busy");
}

#[test]
fn a_bad_request_ends_the_turn_at_once() {
    let refusal = answer("400 Bad Request", "", r#"{"error":{"message":"no step"}}"#);
    let (end, lines, _) = run_http(vec![refusal]);
    assert_eq!(end, TurnEnd::Failed);
    assert_eq!(types(&lines)[2..], ["error", "turn.failed"]);
    assert_eq!(lines[3]["error"]["message"], "unexpected status 400: no step");
}

#[test]
fn a_resumed_session_replays_everything_and_counts_on() {
    let folders = Folders::new();
    let reply = || stream(&[message("hello"), completed("r1")]);
    let (base_url, served) = serve(vec![reply(), reply()]);
    let (_, first) = folders.run(&base_url, Transport::Http, None);
    let session = first[0]["thread_id"].as_str().unwrap();
    let (_, second) = folders.run(&base_url, Transport::Http, Some(session));
    assert_eq!(second[0]["thread_id"], session);
    assert_eq!(second[3]["usage"]["input_tokens"], 20);
    let bodies: Vec<Value> = served.try_iter().collect();
    let input = bodies[1]["input"].as_array().unwrap();
    assert_eq!(input[..3], bodies[0]["input"].as_array().unwrap()[..]);
    assert_eq!(input[3], message("hello")["item"]);
    assert_eq!((input.len(), &input[4]["role"]), (5, &json!("user")));
}

#[test]
fn an_unknown_session_is_an_error() {
    let folders = Folders::new();
    let plan = folders.plan("http://127.0.0.1:9", Transport::Http, Some("ab-1"));
    assert!(matches!(exec(plan, &mut Vec::new()), Err(AgentError::Session(_))));
    assert!(!Path::new(&folders.home.path().join("sessions")).exists());
}

/// Serves WebSocket connections: for each, the events that answer each frame, then the connection is dropped.
fn serve_websocket(connections: Vec<Vec<Vec<Value>>>) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (seen, served) = mpsc::channel();
    thread::spawn(move || {
        for replies in connections {
            let mut socket = accept(listener.accept().unwrap().0).unwrap();
            for reply in replies {
                let frame = socket.read().unwrap();
                seen.send(serde_json::from_str(frame.to_text().unwrap()).unwrap()).unwrap();
                for event in reply {
                    socket.send(Message::text(event.to_string())).unwrap();
                }
            }
        }
    });
    (base_url, served)
}

#[test]
fn a_websocket_is_prewarmed_and_then_sent_only_what_is_new() {
    let shell = call("shell", r#"{"command":"true"}"#);
    let (base_url, served) = serve_websocket(vec![vec![
        vec![completed("r0")],
        vec![shell, completed("r1")],
        vec![message("done"), completed("r2")],
    ]]);
    let (end, _) = Folders::new().run(&base_url, Transport::Websocket, None);
    assert_eq!(end, TurnEnd::Completed);
    let frames: Vec<Value> = served.try_iter().collect();
    let inputs: Vec<_> = frames.iter().map(|frame| frame["input"].as_array().unwrap().len()).collect();
    assert_eq!(inputs, [1, 2, 1]);
    assert_eq!(
        (&frames[0]["generate"], &frames[0]["input"][0]["role"]),
        (&json!(false), &json!("developer"))
    );
    assert_eq!(
        (&frames[1]["previous_response_id"], &frames[2]["previous_response_id"]),
        (&json!("r0"), &json!("r1"))
    );
    assert_eq!(frames[2]["input"][0]["type"], "function_call_output");
}

#[test]
fn a_broken_websocket_is_followed_by_a_full_request_on_a_new_one() {
    let (base_url, served) = serve_websocket(vec![
        vec![vec![completed("r0")], vec![message("do")]],
        vec![vec![message("done"), completed("r1")]],
    ]);
    let (end, lines) = Folders::new().run(&base_url, Transport::Websocket, None);
    assert_eq!(end, TurnEnd::Completed);
    assert_eq!(types(&lines)[2..], ["error", "item.completed agent_message", "turn.completed"]);
    let frames: Vec<Value> = served.try_iter().collect();
    assert_eq!(frames[2]["input"].as_array().unwrap().len(), 3);
    assert_eq!(frames[2].get("previous_response_id"), None);
}

#[test]
fn a_server_without_websocket_is_asked_over_http() {
    let answers = vec![answer("426 Upgrade Required", "", ""), stream(&[message("hello"), completed("r1")])];
    let (base_url, served) = serve(answers);
    let (end, lines) = Folders::new().run(&base_url, Transport::Websocket, None);
    assert_eq!(end, TurnEnd::Completed);
    assert_eq!(types(&lines)[2..], ["item.completed agent_message", "turn.completed"]);
    assert_eq!(served.try_iter().count(), 2);
}
