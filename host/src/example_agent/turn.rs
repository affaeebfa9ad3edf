//! One turn: ask the model, carry out what it calls, ask again, until it calls nothing.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::Retries;
use super::events::Events;
use super::model::Model;
use super::reply::{Reply, StepError};
use super::session::Session;
use super::tools::{self, Call};

const MAX_STEPS: u32 = 50;

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnEnd {
    Completed,
    Failed,
}

/// Runs the turn whose prompt the session ends with.
///
/// # Errors
/// When an event could not be printed.
pub(super) async fn run_turn(
    session: &mut Session,
    model: &mut Model,
    events: &mut Events<'_>,
    workspace: &Path,
    retries: Retries,
) -> io::Result<TurnEnd> {
    events.thread_started(&session.id)?;
    events.turn_started()?;
    let mut turn = Turn { session, model, events, workspace, retries };
    let failure = turn.steps().await?;
    turn.model.close();
    match failure {
        None => {
            events.turn_completed(&session.usage)?;
            Ok(TurnEnd::Completed)
        }
        Some(message) => {
            events.turn_failed(&message)?;
            Ok(TurnEnd::Failed)
        }
    }
}

struct Turn<'a, 'output> {
    session: &'a mut Session,
    model: &'a mut Model,
    events: &'a mut Events<'output>,
    workspace: &'a Path,
    retries: Retries,
}

impl Turn<'_, '_> {
    /// All steps; gives why the turn failed, if it did.
    async fn steps(&mut self) -> io::Result<Option<String>> {
        for _ in 0..MAX_STEPS {
            let reply = match self.step().await? {
                Ok(reply) => reply,
                Err(error) => return Ok(Some(error.to_string())),
            };
            self.session.usage.add(&reply.usage);
            self.session.items.extend(reply.items.iter().cloned());
            let mut outputs = Vec::new();
            for item in &reply.items {
                outputs.extend(self.handle(item).await?);
            }
            if outputs.is_empty() {
                return Ok(None);
            }
            self.session.items.append(&mut outputs);
        }
        Ok(Some(format!("no end after {MAX_STEPS} model steps")))
    }

    /// One step with its retries.
    async fn step(&mut self) -> io::Result<Result<Reply, StepError>> {
        let mut retries_done = 0;
        loop {
            match self.model.step(&self.session.items).await {
                Err(StepError::Retryable { after, .. }) if retries_done < self.retries.max => {
                    retries_done += 1;
                    self.events.error(&format!("Reconnecting... {retries_done}/{}", self.retries.max))?;
                    tokio::time::sleep(after.unwrap_or(self.retries.delay)).await;
                }
                outcome => return Ok(outcome),
            }
        }
    }

    /// Prints what an item says, or carries it out; gives the item that answers it.
    async fn handle(&mut self, item: &Value) -> io::Result<Option<Value>> {
        let text = |member: &str| item.get(member).and_then(Value::as_str).unwrap_or_default();
        let output = match text("type") {
            "message" => {
                self.events.message(&joined_text(item.get("content"), ""))?;
                return Ok(None);
            }
            "reasoning" => {
                let summary = joined_text(item.get("summary"), "\n");
                if !summary.is_empty() {
                    self.events.reasoning(&summary)?;
                }
                return Ok(None);
            }
            "function_call" => match tools::parse(text("name"), text("arguments")) {
                Ok(Call::Shell { command }) => self.shell(&command).await?,
                Ok(Call::WriteFile { path, content }) => self.write_file(&path, &content)?,
                Err(refusal) => refusal,
            },
            "custom_tool_call" => tools::unsupported(text("name")),
            _ => return Ok(None),
        };
        let kind = format!("{}_output", text("type"));
        Ok(Some(json!({"type": kind, "call_id": text("call_id"), "output": output})))
    }

    async fn shell(&mut self, command: &str) -> io::Result<String> {
        let item = |output: &str, exit_code: Option<i32>, status: &str| {
            json!({"type": "command_execution", "command": command, "aggregated_output": output,
                "exit_code": exit_code, "status": status})
        };
        let id = self.events.item_started(item("", None, "in_progress"))?;
        let result = tools::run_command(command, self.workspace).await;
        let status = if result.exit_code == 0 { "completed" } else { "failed" };
        self.events.item_completed(&id, item(&result.output, Some(result.exit_code), status))?;
        Ok(format!("Process exited with code {}\nOutput:\n{}", result.exit_code, result.output))
    }

    fn write_file(&mut self, path: &str, content: &str) -> io::Result<String> {
        let kind = tools::change_kind(path, self.workspace);
        let item = |status: &str| json!({"type": "file_change", "changes": [{"path": path, "kind": kind}], "status": status});
        let id = self.events.item_started(item("in_progress"))?;
        let outcome = tools::write_file(path, content, self.workspace);
        let status = if outcome.is_ok() { "completed" } else { "failed" };
        self.events.item_completed(&id, item(status))?;
        let letter = if kind == "add" { 'A' } else { 'M' };
        Ok(match outcome {
            Ok(()) => format!("Success. Updated the following files:\n{letter} {path}\n"),
            Err(refusal) => refusal,
        })
    }
}

fn joined_text(parts: Option<&Value>, between: &str) -> String {
    let parts = parts.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
    texts.join(between)
}
