//! stub
use super::{Launch, Line, Profile, Program, Transport, TurnLaunch, WireCall};
use serde_json::Value;
use std::collections::BTreeMap;
pub struct Example;
impl Profile for Example {
    fn name(&self) -> &'static str {
        "example"
    }
    fn program(&self) -> Program {
        Program::Own { argument: "example-agent" }
    }
    fn transports(&self) -> &'static [Transport] {
        &[Transport::Http, Transport::Websocket]
    }
    fn launch(&self, _turn: &TurnLaunch<'_>) -> Launch {
        Launch::default()
    }
    fn read_line(&self, _line: &str) -> Line {
        Line::default()
    }
    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        Ok(WireCall::Function { name: tool.replace('-', "_"), arguments: input.clone() })
    }
    fn lane(&self, _h: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        if body.get("generate") == Some(&Value::Bool(false)) { "prewarm" } else { "main" }
    }
    fn request_session(&self, h: &BTreeMap<String, Vec<String>>, _b: &Value) -> Option<String> {
        h.get("session-id").and_then(|v| v.first()).cloned()
    }
}
