//! The harness's stand-in for `gh`: its canned replies become a stand-in of the scenario. That it plays GitHub when no
//! reply fits (issues with numbers, links between them) is not carried over.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::super::text::quoted;
use super::{Reading, text_list, texts};

/// `[[shim]]`, or nothing where there is no `gh`.
pub(super) fn shim(reading: &mut Reading) -> String {
    let Some(value) = reading.take("gh") else { return String::new() };
    let Value::Object(mut gh) = value else {
        reading.note(format!("`gh` is no object: {value}"));
        return String::new();
    };
    let mut toml = String::from("\n[[shim]]\nname = \"gh\"\n");
    let replies = match gh.remove("responses") {
        Some(Value::Array(replies)) => replies,
        None => Vec::new(),
        Some(other) => {
            reading.note(format!("`gh.responses` is no list: {other}"));
            Vec::new()
        }
    };
    for (number, reply) in (1..).zip(replies) {
        let Value::Object(mut reply) = reply else {
            reading.note(format!("reply {number} of `gh` is no object: {reply}"));
            continue;
        };
        let mut demands = match reply.remove("match") {
            Some(Value::Object(demands)) => demands,
            Some(other) => {
                reading.note(format!("`match` of reply {number} of `gh` is no object: {other}"));
                continue;
            }
            None => Map::new(),
        };
        let mut written = String::new();
        for key in ["exact", "prefix", "regex"] {
            if let Some(Value::String(text)) = demands.get(key).or_else(|| reply.get(key)).cloned() {
                demands.remove(key);
                reply.remove(key);
                let _ = writeln!(written, "{key} = {}", quoted(&text));
            }
        }
        if let Some(found) =
            demands.remove("contains").or_else(|| reply.remove("contains")).as_ref().and_then(texts)
        {
            let _ = writeln!(written, "contains = {}", text_list(&found));
        }
        for name in demands.keys() {
            reading.note(format!("`match.{name}` of reply {number} of `gh`"));
        }
        if written.is_empty() {
            reading.note(format!(
                "reply {number} of `gh` fits every call: it is written as the one when none fits"
            ));
            gh.insert("default_response".to_owned(), Value::Object(reply));
            break;
        }
        let _ = write!(
            toml,
            "\n[[shim.reply]]\n{written}{}",
            answer(reading, &format!("reply {number} of `gh`"), reply)
        );
    }
    if let Some(Value::Object(default)) = gh.remove("default_response") {
        let _ = write!(toml, "\n[shim.otherwise]\n{}", answer(reading, "`gh.default_response`", default));
    }
    for (name, value) in &gh {
        reading.note(format!(
            "`gh.{name}` = {value}: the stand-in plays no GitHub; what it should answer must be written out"
        ));
    }
    toml
}

fn answer(reading: &mut Reading, what: &str, mut members: Map<String, Value>) -> String {
    let mut toml = String::new();
    for name in ["stdout", "stderr"] {
        match members.remove(name) {
            Some(Value::String(text)) => {
                let _ = writeln!(toml, "{name} = {}", quoted(&text));
            }
            None => {}
            Some(other) => reading.note(format!("`{name}` of {what} is no text: {other}")),
        }
    }
    let code = ["exit_code", "returncode", "exit"].iter().find_map(|name| members.remove(*name));
    match code.map(|code| (code.as_u64().filter(|code| *code <= 255), code)) {
        Some((Some(code), _)) => {
            let _ = writeln!(toml, "exit = {code}");
        }
        Some((None, code)) => reading.note(format!("the exit code of {what} is none: {code}")),
        None => {}
    }
    for (name, value) in &members {
        reading.note(format!("`{name}` of {what} is unknown: {value}"));
    }
    toml
}
