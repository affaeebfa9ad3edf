//! The part of `wassert run --dry-run` that tells of commands that stand in for real ones.

use serde_json::{Value, json};

use super::dry_run::quoted;
use crate::scenario::{Shim, ShimAnswer, ShimReply};

/// In the words of the scenario file.
pub(super) fn shim_as_json(shim: &Shim) -> Value {
    let replies: Vec<_> = shim
        .replies
        .iter()
        .map(|reply| {
            let ShimReply { exact, prefix, contains, regex, when, answer } = reply;
            let mut value = answer_as_json(answer);
            value["when"] = json!(when);
            value["contains"] = json!(contains);
            for (key, text) in [("exact", exact), ("prefix", prefix), ("regex", regex)] {
                if let Some(text) = text {
                    value[key] = json!(text);
                }
            }
            value
        })
        .collect();
    json!({
        "name": shim.name,
        "stdin": shim.reads_stdin,
        "replies": replies,
        "otherwise": shim.otherwise.as_ref().map(answer_as_json),
    })
}

fn answer_as_json(answer: &ShimAnswer) -> Value {
    let ShimAnswer { stdout, stderr, exit, set } = answer;
    json!({ "stdout": stdout, "stderr": stderr, "exit": exit, "set": set })
}

/// A line for the command, and one for each of its replies.
pub(super) fn shim_for_people(shim: &Shim) -> Vec<String> {
    let mut lines = vec![format!("  {} stands in, first on PATH", quoted(&shim.name))];
    for (number, reply) in (1..).zip(&shim.replies) {
        let mut demands = Vec::new();
        demands.extend(reply.exact.iter().map(|text| format!("exactly {}", quoted(text))));
        demands.extend(reply.prefix.iter().map(|text| format!("begins with {}", quoted(text))));
        demands.extend(reply.contains.iter().map(|text| format!("contains {}", quoted(text))));
        demands.extend(reply.regex.iter().map(|text| format!("matches {}", quoted(text))));
        demands.extend(reply.when.iter().map(|(name, value)| format!("when {name} is {}", quoted(value))));
        lines.push(format!("    reply {number}: {}: {}", demands.join(", "), answered(&reply.answer)));
    }
    lines.push(match &shim.otherwise {
        Some(answer) => format!("    otherwise: {}", answered(answer)),
        None => "    otherwise: exit code 1, and a message that names the call".to_owned(),
    });
    lines
}

fn answered(answer: &ShimAnswer) -> String {
    let mut parts = vec![format!("exit code {}", answer.exit)];
    for (what, text) in [("standard output", &answer.stdout), ("standard error", &answer.stderr)] {
        if !text.is_empty() {
            parts.push(format!("{what} {}", quoted(text)));
        }
    }
    parts.extend(answer.set.iter().map(|(name, value)| format!("sets {name} to {}", quoted(value))));
    parts.join(", ")
}
