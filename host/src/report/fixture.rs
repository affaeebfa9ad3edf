//! The recording that tests of the views share: one turn, two requests of a conversation and a failed one before, a
//! command, an answer, files of each sort.

use serde_json::json;

use crate::document::{Document, SCHEMA};

/// The document.
pub(super) fn document() -> Document {
    let history = json!([
        { "kind": "message", "role": "developer", "text": "Be brief." },
        { "kind": "message", "role": "user", "text": "Change \u{1b}[2J notes.txt." },
    ]);
    let call =
        json!({ "kind": "call", "call": "edit", "tool": "shell", "input": { "command": "echo after" } });
    let second = json!([history[0], history[1], call, { "kind": "result", "call": "edit", "output": "line 1\nline 2" }]);
    let request = |step: u32, attempt: u32, transcript: serde_json::Value, reply: serde_json::Value| {
        json!({
            "turn": 1, "lane": "main", "conversation": 1, "step": step, "attempt": attempt,
            "protocol": "responses", "transport": "http", "method": "POST", "path": "/v1/responses",
            "headers": { "content-length": [step.to_string()], "accept": ["text/event-stream"] },
            "body": { "model": "fake-model", "stream": true }, "model": "fake-model", "tools": ["shell"],
            "transcript": transcript, "reply": reply,
        })
    };
    serde_json::from_value(json!({
        "schema": SCHEMA,
        "scenario": { "name": "area/slug", "summary": "One edit.", "turns": 1 },
        "agent": { "name": "example", "profile": "example", "version": "1.0", "transport": "http" },
        "turns": [{ "turn": 1, "prompt": "Change \u{1b}[2J notes.txt.", "exit": 0, "end": "exited", "final_message": "Done." }],
        "events": [
            { "turn": 1, "line": 1, "kind": "session", "type": "thread.started", "raw": { "type": "thread.started" } },
            { "turn": 1, "line": 2, "kind": "command", "phase": "started", "type": "item.started", "call": "item_0", "command": "echo after", "raw": {} },
            { "turn": 1, "line": 3, "kind": "command", "phase": "completed", "type": "item.completed", "call": "item_0", "command": "echo after", "output": "line 1\nline 2", "exit": 0, "raw": { "n": 1.5 } },
            { "turn": 1, "line": 4, "kind": "error", "type": "error", "text": "Reconnecting", "raw": {} },
            { "turn": 1, "line": 5, "kind": "message", "phase": "completed", "type": "item.completed", "text": "Done.", "raw": {} },
        ],
        "requests": [
            request(1, 1, history, json!({ "status": 200, "kind": "step", "items": [call] })),
            request(2, 1, second.clone(), json!({ "status": 503, "kind": "fault", "detail": "status 503" })),
            request(2, 2, second, json!({ "status": 200, "kind": "step", "items": [{ "kind": "message", "role": "assistant", "text": "Done." }] })),
        ],
        "files": {
            "notes.txt": {
                "change": "modified",
                "before": { "kind": "file", "bytes": 14, "text": "before\nsecond\n" },
                "after": { "kind": "file", "bytes": 13, "text": "after\nsecond\n" },
            },
            "same.txt": {
                "change": "unchanged",
                "before": { "kind": "file", "bytes": 2, "text": "x\n" },
                "after": { "kind": "file", "bytes": 2, "text": "x\n" },
            },
        },
        "stderr": [{ "turn": 1, "bytes": 5, "text": "warn\n" }],
        "timing": { "duration_ms": 30, "turns_ms": [20], "arrival": [0, 1, 2] },
    }))
    .unwrap()
}
