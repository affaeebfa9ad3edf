//! Section `requests`: what reached the server, decoded and told apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request. A frame of a WebSocket is a request of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The turn during which it arrived, from 1; 0 before the first.
    pub turn: u32,
    /// The role of traffic: `main`, `prewarm`, `models`, …
    pub lane: String,
    /// Which conversation of the lane, from 1; 0 when it belongs to none.
    pub conversation: u32,
    /// The step it reached, from 1 within its lane; 0 when it reached none.
    pub step: u32,
    /// Which attempt of that step, from 1; 0 when it reached none.
    pub attempt: u32,
    /// `responses`, …
    pub protocol: String,
    /// `http` or `websocket`.
    pub transport: String,
    /// HTTP method; of a WebSocket frame, that of its upgrade.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header names in lower case, each with its values in order; of a WebSocket frame, those of its upgrade.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The decoded body as JSON; text when it is not JSON; null when it is empty or larger than 64 KiB. The decoded
    /// bytes are the blob `requests/<position>/body` always: as they arrived, or, where something in JSON was replaced by
    /// a symbol, in canonical form.
    pub body: Value,
    /// The model asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The session the agent names in headers or body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Names of the tools offered.
    pub tools: Vec<String>,
    /// The whole conversation so far in words all protocols share; incremental input is expanded first.
    pub transcript: Vec<Item>,
    /// What tools gave back since the model's last word, taken apart where the agent's form is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<super::ToolOutput>,
    /// How many items at the start of the transcript were not in this request but in earlier ones on its connection.
    pub inherited: u32,
    /// What the server answered.
    pub reply: Reply,
    /// What is wrong with the request itself: calls without results, results without calls, …
    pub violations: Vec<Violation>,
}

/// One item of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Item {
    /// Something said.
    Message {
        /// By whom.
        role: Role,
        /// Its text; parts are joined by a newline.
        text: String,
    },
    /// A tool call of the model.
    Call {
        /// Its identifier.
        call: String,
        /// The tool's name on the wire.
        tool: String,
        /// Arguments as JSON, or as text where the tool takes text or the JSON is broken.
        input: Value,
    },
    /// What a tool call gave back.
    Result {
        /// Identifier of the call.
        call: String,
        /// Its text; parts are joined by a newline.
        output: String,
    },
    /// Reasoning of the model.
    Reasoning {
        /// Summary or text; may be empty when it is encrypted.
        text: String,
    },
    /// An item of another type, as it was.
    Other {
        /// The protocol's word for it.
        #[serde(rename = "type")]
        type_name: String,
        /// The item.
        raw: Value,
    },
}

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Instructions of the operator.
    System,
    /// Instructions of the agent's developer.
    Developer,
    /// The user, or the agent in the user's name.
    User,
    /// The model.
    Assistant,
}

/// What the server answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reply {
    /// HTTP status; of a WebSocket frame, 200 or the status of its error frame.
    pub status: u16,
    /// What kind of answer it was.
    pub kind: ReplyKind,
    /// Error code, fault or lane default in a few words; empty for a step's reply.
    pub detail: String,
    /// How long the agent was asked to wait before it tries again; absent where nothing was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What was emitted to the agent.
    pub items: Vec<Item>,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyKind {
    /// The step's reply.
    Step,
    /// A fault of the step's schedule.
    Fault,
    /// The lane's default answer.
    Default,
    /// A real endpoint answered: the same request may get another answer next time.
    Upstream,
    /// The request had not the run's key, so it is not the agent's: a terminal 400, and no step is used up.
    Foreign,
    /// No step fits: a terminal 400.
    #[default]
    Unmatched,
}

/// Something a well-formed request does not do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// A kebab-case word: `result-without-call`, `call-without-result`, `duplicate-call`, `body-not-json`, ….
    pub code: String,
    /// For people.
    pub message: String,
}
