//! What a script is made of: steps, their replies and faults, what they demand of requests and take from them.

use std::ops::Range;

use serde_json::Value;

use super::reply::{Manner, WireEvent};
use super::wire::Wire;
use crate::document::Role;

/// One scripted reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The lane it belongs to, `main` unless named.
    pub lane: String,
    /// Its number within the lane, from 1.
    pub number: u32,
    /// Whether it may go unused.
    pub optional: bool,
    /// A text of the message of the user that opens the conversation which begins with this step: the prompt its
    /// spawner sent. None: the step goes on with the conversation of the step before it.
    pub opened_by: Option<String>,
    /// Whether it answers any number of conversations and requests; kept on the first step of a conversation, and then
    /// true of all its steps.
    pub repeat: bool,
    /// What happens to the attempts before the reply is served, in order.
    pub faults: Vec<Fault>,
    /// The reply; where there are branches, the one that is served when none of them fits.
    pub reply: Reply,
    /// Other replies, each with what must be true of the request. At most one may fit a request.
    pub branches: Vec<Branch>,
    /// How the reply is disturbed on its way.
    pub wire: Wire,
    /// What must be true of the request that reaches it.
    pub expect: Vec<Expectation>,
    /// What is taken from the request, for this reply and later ones.
    pub captures: Vec<Capture>,
    /// Byte range of the step in the scenario's text.
    pub span: Range<usize>,
}

impl Default for Step {
    /// A step of lane `main` that is answered as if it were not scripted.
    fn default() -> Self {
        Self {
            lane: String::from("main"),
            number: 1,
            optional: false,
            opened_by: None,
            repeat: false,
            faults: Vec::new(),
            reply: Reply::Default,
            branches: Vec::new(),
            wire: Wire::default(),
            expect: Vec::new(),
            captures: Vec::new(),
            span: 0..0,
        }
    }
}

/// A reply for requests of which something is true.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// What must be true, all of it; never empty.
    pub when: Vec<Expectation>,
    /// The reply.
    pub reply: Reply,
}

impl Step {
    /// Everything it may answer.
    pub fn replies(&self) -> impl Iterator<Item = &Reply> {
        std::iter::once(&self.reply).chain(self.branches.iter().map(|branch| &branch.reply))
    }

    /// How many attempts the step expects: its faults, and its reply.
    pub fn attempts(&self) -> u32 {
        self.faults.len() as u32 + 1
    }
}

/// What the model says, in words all protocols share.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Reasoning, text and calls, in this order; at least one of them.
    Items {
        /// Reasoning summary.
        reasoning: Option<String>,
        /// The assistant's message.
        text: Option<String>,
        /// Tool calls.
        calls: Vec<Call>,
        /// How it is put.
        manner: Manner,
    },
    /// What goes over the wire, written out.
    Events(Vec<WireEvent>),
    /// The model refuses or fails, and the step ends with that.
    Fail(Fault),
    /// What the lane answers when nothing is scripted: a list of models, an accepted upgrade, …
    Default,
    /// Nothing: a request that fits none of the branches fits no step.
    Nothing,
}

/// One scripted tool call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its identifier, unique in the scenario.
    pub id: String,
    /// A neutral name (`shell`, `write-file`, …) that the profile translates, or a tool's own name.
    pub tool: String,
    /// Its input; neutral tools have documented members.
    pub input: Value,
    /// In how many portions its input is sent, where the protocol can divide it; at least one.
    pub pieces: usize,
    /// Whether it is the point that the agent does not offer the tool.
    pub unoffered: bool,
    /// Byte range in the scenario's text.
    pub span: Range<usize>,
}

/// How one attempt goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An HTTP status with the protocol's error body; over a WebSocket an error frame with that status.
    Status {
        /// 400 to 599.
        status: u16,
        /// The protocol's error code, such as `server_error`.
        code: String,
        /// The error's message.
        message: String,
        /// Seconds for a `retry-after` header.
        retry_after_seconds: Option<u32>,
    },
    /// The protocol's own failure inside a reply that began well (`response.failed`).
    Failed {
        /// The protocol's error code, such as `invalid_prompt`.
        code: String,
        /// The error's message.
        message: String,
    },
    /// The connection is closed before the reply is complete.
    Cut,
    /// Something disturbs the bytes on their way.
    Disturbed {
        /// What would be answered; none: the step's reply.
        fault: Option<Box<Fault>>,
        /// The disturbances.
        wire: Wire,
    },
}

/// Something that must be true of the request that reaches a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The result of a call is there, and passes a test.
    ToolResult {
        /// Identifier of the call.
        call: String,
        /// What its output must be.
        test: TextTest,
    },
    /// A tool of this name is offered.
    Offers(String),
    /// A header is there, and one of its values passes a test.
    Header {
        /// Its name, in lower case.
        name: String,
        /// What its value must be.
        test: TextTest,
    },
    /// An item of the transcript passes a test; with [`TextTest::Lacks`], every one.
    Transcript {
        /// Only messages of this role.
        role: Option<Role>,
        /// What the item's text must be.
        test: TextTest,
    },
}

/// What a text must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    /// Anything.
    Anything,
    /// This text.
    Equals(String),
    /// A text that contains this one.
    Contains(String),
    /// A text that does not contain this one.
    Lacks(String),
    /// A text in which this regular expression matches; checked.
    Matches(String),
}

/// A value taken from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// What replies call it: `{{name}}`.
    pub name: String,
    /// Where it stands.
    pub source: Source,
    /// Its first group, or its match where it has none, is the value; checked.
    pub regex: Option<String>,
    /// What the value becomes where it is all of a text in a tool's input.
    pub form: CaptureForm,
    /// Whether it may be missing; it is an empty text then.
    pub optional: bool,
}

/// Where a captured value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the output of a call.
    ToolResult(String),
    /// In a header's first value.
    Header(String),
    /// In the body, at a JSON pointer (RFC 6901).
    Pointer(String),
}

/// What a captured value becomes in a tool's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureForm {
    /// A text.
    #[default]
    Text,
    /// A number.
    Number,
    /// The JSON that it is.
    Json,
}
