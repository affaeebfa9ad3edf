//! Tests through the binary, as a user would run it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops where something is wrong, and says so when it is skipped"
)]

mod agent_streams;
mod agents;
mod anti_vacuity;
mod authoring;
mod bad_input;
mod broken_scenarios;
mod budgets;
mod chaos;
mod claude_title;
mod codex;
mod doors;
mod drained;
mod equality;
mod floors;
mod fuzzing;
mod grants;
mod harness;
mod host_assertions;
mod https;
mod import;
mod interrupt;
mod isolation;
mod judge_stream;
mod judging;
mod large_request;
mod library;
mod planted;
mod protocols;
mod quickstart;
mod readme;
mod real_agents;
mod reception;
mod record;
mod repeatable;
mod schema;
mod sdk_clients;
mod secrets;
mod serve;
mod shims;
mod show;
mod soak;
mod stand_ins;
mod std_examples;
mod storage;
mod total_limits;
mod workers;
mod worktrees;
