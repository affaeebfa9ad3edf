//! Scenarios: what a person writes in TOML, checked, with a place for every mistake.

mod agents;
mod assertions;
mod call;
mod completed;
mod fault;
mod findings;
mod json;
mod load;
mod model;
mod path;
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

pub use load::{LoadContext, Loaded, MOST_BYTES, load};
pub use model::{
    AgentChoice, Assertion, Call, Expectation, Fault, Reply, Scenario, Step, Turn, Uses, Workspace,
};
pub use select::{Filter, Found, NothingSelected, ScenarioFile, find};
