//! Scenarios: what a person writes in TOML, checked, with a place for every mistake.

mod agents;
mod assertions;
mod call;
mod completed;
mod conduct;
mod differences;
mod effects;
mod fault;
mod findings;
mod json;
mod load;
mod model;
mod path;
mod reply;
mod script;
mod secrets;
mod select;
mod syntax;
mod table;
mod turns;
mod volatile;
mod workspace;

#[cfg(test)]
mod every_key;

pub use conduct::{ACTIONS, After, CLOSE_STDIN, Conduct, Interrupt};
pub use load::{LoadContext, Loaded, MOST_BYTES, load};
pub use model::{
    AgentChoice, Assertion, Call, Effects, Expectation, Fault, PerAgent, Reply, Scenario, Step, Turn, Uses,
    Workspace,
};
pub use reply::{Manner, Usage, WireEvent};
pub use select::{Filter, Found, NothingSelected, ScenarioFile, find};
