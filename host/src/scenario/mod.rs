//! Scenarios: what a person writes in TOML, checked, with a place for every mistake.

mod agents;
mod assertions;
mod budget;
mod call;
mod capture;
mod chaos;
mod completed;
mod conduct;
mod differences;
mod effects;
mod endpoint;
mod expect;
mod fault;
mod files;
mod findings;
mod history;
mod json;
mod limits;
mod load;
mod model;
mod opened;
mod path;
mod reception;
mod reply;
mod schedule;
mod script;
mod secrets;
mod select;
mod shims;
mod syntax;
mod table;
mod template;
mod turns;
mod volatile;
mod wire;
mod workspace;
mod worktrees;

#[cfg(test)]
mod every_key;

pub use budget::{BUDGET_KEYS, Budget};
pub use chaos::{Survived, Target, schedule};
pub use conduct::{ACTIONS, After, CLOSE_STDIN, Conduct, Interrupt};
pub use endpoint::{Endpoint, NotAnEndpoint};
pub use files::FileText;
pub use history::{AUTHOR, Commit, DATE, files_after};
pub use limits::LIMITS;
pub use load::{LoadContext, Loaded, MOST_BYTES, load, load_script};
pub use model::{
    AgentChoice, Assertion, Branch, Call, Capture, CaptureForm, Effects, Expectation, Fault, PerAgent, Reply,
    Scenario, Source, Step, TextTest, Turn, Uses,
};
pub use reception::Reception;
pub use reply::{Manner, Usage, WireEvent};
pub use select::{Filter, Found, NothingSelected, ScenarioFile, find};
pub use shims::{Shim, ShimAnswer, ShimReply};
pub use template::{Template, TemplateError, Values};
pub use wire::{ByteAt, Change, End, FrameAt, Gate, LineEnd, Place, What, Wire};
pub use workspace::Workspace;
pub use worktrees::Worktree;
