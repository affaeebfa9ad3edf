//! The server over real sockets, and what its tests share.

mod asked;
mod causality;
mod disturbed;
mod facts;
mod fallbacks;
mod fuzz;
mod http;
mod invariants;
mod limits;
mod mutations;
mod odd;
mod parallel;
mod protocols;
mod rendered_once;
mod steps;
mod strangers;
mod upstream;
mod websocket;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::protocol::responses::framing::{FramingError, Message, Reader};
use super::{Server, ServerSettings, Traffic};
use crate::profile::{Launch, Line, Profile, Program, Transport, TurnLaunch, WireCall};
use crate::scenario::{Call, Fault, Manner, Reception, Reply, Step};

/// Every message of a connection whose bytes arrive in portions, until the first that can't be read.
fn messages_in(
    limit_bytes: usize,
    bytes: &[u8],
    deflates: bool,
    portion: &mut dyn FnMut() -> usize,
) -> Vec<Result<Message, FramingError>> {
    let mut reader = Reader::new(limit_bytes, deflates);
    let mut messages = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(portion().clamp(1, rest.len()));
        reader.push(now);
        rest = later;
        loop {
            match reader.message() {
                Ok(Some(message)) => messages.push(Ok(message)),
                Ok(None) => break,
                Err(error) => {
                    messages.push(Err(error));
                    return messages;
                }
            }
        }
    }
    messages
}

/// An agent that names its lane and session in headers, and whose tools have their own names.
struct Plain;

impl Profile for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }
    fn program(&self) -> Program {
        Program::Own { argument: "plain" }
    }
    fn transports(&self) -> &'static [Transport] {
        &[Transport::Http, Transport::Websocket]
    }
    fn launch(&self, _: &TurnLaunch<'_>) -> Launch {
        Launch::default()
    }
    fn read_line(&self, _: &str) -> Line {
        Line::default()
    }
    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        match (tool, input) {
            ("missing", _) => Err(String::from("no such tool")),
            (_, Value::String(input)) => {
                Ok(WireCall::Custom { name: tool.to_owned(), input: input.to_owned() })
            }
            _ => Ok(WireCall::Function { name: tool.to_owned(), arguments: input.clone() }),
        }
    }
    fn lane(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        match body.get("generate") {
            Some(Value::Bool(false)) => "prewarm",
            _ if headers.contains_key("x-subagent") => "subagent",
            _ => "main",
        }
    }
    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, _: &Value) -> Option<String> {
        headers.get("session-id")?.first().cloned()
    }
}

/// A step of lane main that says a text and calls `shell`.
fn step(number: u32, faults: Vec<Fault>, text: Option<&str>, calls: &[&str]) -> Step {
    let calls = calls
        .iter()
        .map(|id| Call {
            id: (*id).into(),
            tool: "shell".into(),
            input: json!({"command": "ls"}),
            pieces: 1,
            unoffered: false,
            span: 0..0,
        })
        .collect();
    let manner = Manner::default();
    let reply = Reply::Items { reasoning: None, text: text.map(str::to_owned), calls, manner };
    Step { number, faults, reply, ..Step::default() }
}

/// Status 503 with a hint when to come again.
fn overloaded() -> Fault {
    Fault::Status {
        status: 503,
        code: "server_error".into(),
        message: "later".into(),
        retry_after_seconds: Some(1),
    }
}

/// `response.failed`.
fn failed() -> Fault {
    Fault::Failed { code: "server_error".into(), message: "boom".into() }
}

fn settings(steps: Vec<Step>) -> ServerSettings {
    ServerSettings {
        steps,
        profile: &Plain,
        accept_websocket: true,
        capture_limit_bytes: 1024 * 1024,
        workspace: None,
        free: false,
        reception: Reception::default(),
        key: None,
    }
}

async fn start(steps: Vec<Step>) -> Server {
    let server = Server::start(settings(steps)).await.unwrap();
    server.begin_turn(1, "go", false);
    server
}

/// `127.0.0.1:PORT`.
fn address(server: &Server) -> &str {
    server.base_url().strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap()
}

fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

fn said(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

fn result(call: &str, output: &str) -> Value {
    json!({"type": "function_call_output", "call_id": call, "output": output})
}

fn request(input: &[Value]) -> Value {
    json!({
        "model": "m", "stream": true, "input": input,
        "tools": [{"type": "function", "name": "shell", "parameters": {}}],
    })
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The output of a reply that ended well.
fn output(events: &[Value]) -> Vec<Value> {
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed", "{last}");
    last["response"]["output"].as_array().unwrap().clone()
}

/// Lane, conversation, step and attempt of each request.
fn places(traffic: &Traffic) -> Vec<(&str, u32, u32, u32)> {
    traffic
        .requests
        .iter()
        .map(|request| (request.lane.as_str(), request.conversation, request.step, request.attempt))
        .collect()
}
