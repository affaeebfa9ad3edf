//! A scenario as the rest of the program sees it: checked, with defaults filled in. `load` makes it from TOML.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::reply::{Manner, WireEvent};
use super::wire::Wire;
use crate::document::{Completed, ExpectedAttempts, Place, Role};
use crate::profile::{Known, Protocol, Transport};
use crate::value::Digest;

/// One scenario file, loaded and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Path below the scenarios' root, `/`-separated, without ending: `quickstart/plain`.
    pub name: String,
    /// The file as the user named it.
    pub file: PathBuf,
    /// Its text.
    pub source: Arc<str>,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// One sentence.
    pub summary: String,
    /// What went wrong once and must not again.
    pub pins: Option<String>,
    /// Who answers for it.
    pub owners: Vec<String>,
    /// Words to select it by.
    pub tags: Vec<String>,
    /// Values that must not stand in a recording.
    pub secrets: Vec<String>,
    /// The matrix; never empty.
    pub agents: Vec<AgentChoice>,
    /// Time for all turns together.
    pub timeout_ms: u64,
    /// What all turns together may use.
    pub budget: super::Budget,
    /// What the agent finds in its working directory.
    pub workspace: super::Workspace,
    /// Commands that stand in for real ones.
    pub shims: Vec<super::Shim>,
    /// Prompts; empty only in a script that is served.
    pub turns: Vec<Turn>,
    /// What the server takes in, and which lanes a real endpoint answers.
    pub reception: super::Reception,
    /// The server's script, in file order.
    pub steps: Vec<Step>,
    /// How each agent is expected to end; an agent that is not named here uses `completed`.
    pub completed: Completed,
    /// Agent name to how it is expected to end.
    pub completed_by_agent: BTreeMap<String, Completed>,
    /// Where values stand that differ from run to run, beside those the agent's profile knows. Checked.
    pub volatile: Vec<Place>,
    /// What each assertion may use at most, by the keys of [`crate::scenario::LIMITS`]; it only lowers other limits.
    pub limits: BTreeMap<String, u64>,
    /// Agent name to the exit code that is expected of its last turn.
    pub exits: BTreeMap<String, i32>,
    /// Agent name to the steps it tries another number of times than the script has.
    pub attempts: BTreeMap<String, Vec<ExpectedAttempts>>,
    /// What each agent is expected to do beyond its workspace.
    pub effects: Effects,
    /// What is asserted; empty only in a script that is served.
    pub assertions: Vec<Assertion>,
}

impl Scenario {
    /// How `agent` is expected to end.
    pub fn completed_for(&self, agent: &str) -> Completed {
        self.completed_by_agent.get(agent).copied().unwrap_or(self.completed)
    }

    /// The folder the scenario file lies in.
    pub fn directory(&self) -> PathBuf {
        self.file.parent().map(PathBuf::from).unwrap_or_default()
    }
}

/// One column of the matrix: an agent and its settings in this scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentChoice {
    /// Its name in this scenario; the profile's, or that of a `[agent.NAME]` with `extends`.
    pub name: String,
    /// The profile's name; of an agent that the project describes, that of the agent it extends.
    pub profile: String,
    /// The profile.
    pub known: Known,
    /// How it speaks to the server.
    pub transport: Transport,
    /// In which protocol.
    pub protocol: Protocol,
    /// The model it asks for; absent: its profile's choice.
    pub model: Option<String>,
    /// The neutral tools that the scenario calls and the agent has not: the scenario does not apply to it.
    pub lacks: Vec<String>,
    /// Variables added to its environment.
    pub environment: BTreeMap<String, String>,
    /// Arguments added before the prompt.
    pub arguments: Vec<String>,
}

/// What a run is expected to do beyond its workspace; empty lists: nothing. Lists are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Names of commands that are left behind.
    pub survivors: PerAgent,
    /// Destinations beyond the server that are tried: `host:port`.
    pub egress: PerAgent,
    /// Patterns of names outside the workspace that are changed: `~/…`, `tmp/…`, `../…`, `repository/…`.
    pub outside: PerAgent,
    /// Tools that the script calls though they are not offered.
    pub not_offered: PerAgent,
}

/// A list that may differ from agent to agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerAgent {
    /// Where nothing else is said.
    pub everywhere: Vec<String>,
    /// By the agent's name.
    pub by_agent: BTreeMap<String, Vec<String>>,
}

impl PerAgent {
    /// The list of one agent.
    pub fn of(&self, agent: &str) -> &[String] {
        self.by_agent.get(agent).unwrap_or(&self.everywhere)
    }
}

/// One prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What the agent is asked.
    pub prompt: String,
    /// Whether it goes on with the session of the turn before; false on the first.
    pub resumes: bool,
    /// How its process is treated.
    pub conduct: super::Conduct,
}

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

/// One `[[assert]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// Where the judge comes from.
    pub uses: Uses,
    /// Parameters; an empty object where none were given.
    pub with: Value,
    /// Path prefixes of the run document it may read, instead of those it declares.
    pub grant: Option<Vec<String>>,
    /// Byte range of the `use` value in the scenario's text.
    pub use_span: Range<usize>,
    /// Byte range of the `with` value, or of the `use` value where there is none.
    pub with_span: Range<usize>,
}

/// What an assertion is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uses {
    /// `std/file`: an assertion of a pack.
    Pack {
        /// The pack's name.
        pack: String,
        /// The assertion's name.
        assertion: String,
    },
    /// `./check.wasm` or `./check.wasm#name`: a module beside the scenario.
    Module {
        /// Path relative to the scenario file; checked like a path of `files`.
        path: String,
        /// The assertion's name; may be left out when the module has just one.
        assertion: Option<String>,
    },
}

impl std::fmt::Display for Uses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pack { pack, assertion } => write!(f, "{pack}/{assertion}"),
            Self::Module { path, assertion: None } => write!(f, "./{path}"),
            Self::Module { path, assertion: Some(assertion) } => write!(f, "./{path}#{assertion}"),
        }
    }
}

impl std::str::FromStr for Uses {
    type Err = NotAUse;

    /// `pack/assertion`, or `./path.wasm` with `#assertion` where the module has several. Only the grammar is checked,
    /// not the path.
    fn from_str(text: &str) -> Result<Self, NotAUse> {
        let name = |text: &str| {
            !text.is_empty()
                && text.len() <= 128
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        if let Some(module) = text.strip_prefix("./") {
            let (path, assertion) = match module.split_once('#') {
                Some((path, assertion)) => (path, Some(assertion)),
                None => (module, None),
            };
            return if path.is_empty() || !assertion.is_none_or(name) {
                Err(NotAUse)
            } else {
                Ok(Self::Module { path: path.to_owned(), assertion: assertion.map(str::to_owned) })
            };
        }
        match text.split_once('/') {
            Some((pack, assertion)) if name(pack) && name(assertion) => {
                Ok(Self::Pack { pack: pack.to_owned(), assertion: assertion.to_owned() })
            }
            _ => Err(NotAUse),
        }
    }
}

/// The text names no assertion.
#[derive(Debug, thiserror::Error)]
#[error("expected `pack/assertion` or `./module.wasm`")]
pub struct NotAUse;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_survives_its_text() {
        for text in ["std/file", "./check.wasm", "./sub/check.wasm#sorted"] {
            assert_eq!(text.parse::<Uses>().unwrap().to_string(), text);
        }
        for text in ["", "std", "std/", "/file", "std/a/b", "./", "./a.wasm#", "check.wasm", "../a.wasm"] {
            assert!(text.parse::<Uses>().is_err(), "{text}");
        }
    }
}
