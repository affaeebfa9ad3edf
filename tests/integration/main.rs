//! Tests through the binary, as a user would run it.

#![allow(missing_docs, reason = "tests")]

mod agents;
mod bad_input;
mod broken_scenarios;
mod codex;
mod floors;
mod harness;
mod interrupt;
mod isolation;
mod judging;
mod quickstart;
mod readme;
mod std_examples;
