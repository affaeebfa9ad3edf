//! What the agent prints: one JSON object a line in the vocabulary of `codex exec --json` (0.169.0), or, without
//! `--json`, the messages' text alone. Every line is flushed, so that a reader sees it when it happens.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::session::TokenUsage;

/// The printer of one process.
pub(super) struct Events<'a> {
    output: &'a mut dyn Write,
    json: bool,
    items: u32,
}

impl<'a> Events<'a> {
    pub(super) fn new(output: &'a mut dyn Write, json: bool) -> Self {
        Self { output, json, items: 0 }
    }

    pub(super) fn thread_started(&mut self, id: &str) -> io::Result<()> {
        self.line(&json!({"type": "thread.started", "thread_id": id}))
    }

    pub(super) fn turn_started(&mut self) -> io::Result<()> {
        self.line(&json!({"type": "turn.started"}))
    }

    /// `usage` counts the whole thread, earlier processes included, as codex does.
    pub(super) fn turn_completed(&mut self, usage: &TokenUsage) -> io::Result<()> {
        self.line(&json!({"type": "turn.completed", "usage": usage}))
    }

    pub(super) fn turn_failed(&mut self, message: &str) -> io::Result<()> {
        self.error(message)?;
        self.line(&json!({"type": "turn.failed", "error": {"message": message}}))
    }

    /// Something went wrong; by itself it does not end the turn.
    pub(super) fn error(&mut self, message: &str) -> io::Result<()> {
        self.line(&json!({"type": "error", "message": message}))
    }

    pub(super) fn message(&mut self, text: &str) -> io::Result<()> {
        if !self.json {
            writeln!(self.output, "{text}")?;
            return self.output.flush();
        }
        let id = self.next_id();
        self.line(
            &json!({"type": "item.completed", "item": {"id": id, "type": "agent_message", "text": text}}),
        )
    }

    pub(super) fn reasoning(&mut self, text: &str) -> io::Result<()> {
        let id = self.next_id();
        self.line(&json!({"type": "item.completed", "item": {"id": id, "type": "reasoning", "text": text}}))
    }

    /// Announces an item and gives its identifier for [`Self::item_completed`].
    pub(super) fn item_started(&mut self, item: Value) -> io::Result<String> {
        let id = self.next_id();
        self.item("item.started", &id, item)?;
        Ok(id)
    }

    pub(super) fn item_completed(&mut self, id: &str, item: Value) -> io::Result<()> {
        self.item("item.completed", id, item)
    }

    fn item(&mut self, kind: &str, id: &str, mut item: Value) -> io::Result<()> {
        item["id"] = json!(id);
        self.line(&json!({"type": kind, "item": item}))
    }

    fn next_id(&mut self) -> String {
        let id = format!("item_{}", self.items);
        self.items += 1;
        id
    }

    fn line(&mut self, event: &Value) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        writeln!(self.output, "{event}")?;
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn started_and_completed_share_an_id_and_ids_count_up() {
        let mut output = Vec::new();
        let mut events = Events::new(&mut output, true);
        events.message("one\ntwo").unwrap();
        let id = events.item_started(json!({"type": "command_execution"})).unwrap();
        events.item_completed(&id, json!({"type": "command_execution", "exit_code": 0})).unwrap();
        let text = String::from_utf8(output).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["item"]["id"], "item_0");
        assert_eq!((&lines[1]["item"]["id"], &lines[2]["item"]["id"]), (&json!("item_1"), &json!("item_1")));
    }

    #[test]
    fn without_json_only_messages_are_printed() {
        let mut output = Vec::new();
        let mut events = Events::new(&mut output, false);
        events.turn_started().unwrap();
        events.message("hello").unwrap();
        assert_eq!(output, b"hello\n");
    }
}
