//! Scenarios: what a person writes in TOML, checked, with a place for every mistake.

mod model;

pub use model::{
    AgentChoice, Assertion, Call, Expectation, Fault, Reply, Scenario, Step, Turn, Uses, Workspace,
};
