//! `expect`: what the harness checked, as assertions. What it checked by looking away (a misspelt name, a wrong type) is
//! named: nothing it says is taken for checked.

use serde_json::{Map, Value, json};

use super::super::is_inside;
use super::super::text::{assertion, inline, quoted};
use super::{Reading, text_list, texts};

/// The assertions and expectations as TOML.
pub(super) fn checks(reading: &mut Reading, has_gh: bool) -> String {
    let mut expect = reading.object("expect");
    let mut toml = String::new();
    let mut checks = String::new();
    if let Some(code) = expect.remove("returncode") {
        match code.as_i64() {
            Some(code) => {
                if code != 0 {
                    reading.note("`returncode` is not 0: that the turn fails is taken from it");
                    toml.push_str("\n[expect]\ncompleted = \"failed\"\n");
                }
                checks.push_str(&assertion("std/exit", &[("code", code.to_string())]));
            }
            None => reading.note(format!("`expect.returncode` is no number: {code}")),
        }
    }
    if let Some(needles) = needles(reading, &mut expect, "assistant_contains") {
        checks.push_str(&assertion("std/final-message", &[("contains-all", text_list(&needles))]));
    }
    for needle in needles(reading, &mut expect, "command_contains").unwrap_or_default() {
        let command = format!("{{ contains = {} }}", quoted(&needle));
        checks.push_str(&assertion("std/command", &[("command", command), ("status", quoted("ended"))]));
    }
    if let Some(needles) = needles(reading, &mut expect, "stderr_contains") {
        let with = [("stream", quoted("stderr")), ("contains-all", text_list(&needles))];
        checks.push_str(&assertion("std/printed", &with));
    }
    for needle in needles(reading, &mut expect, "gh_contains").unwrap_or_default() {
        if has_gh {
            let arguments = format!("{{ contains = {} }}", quoted(&needle));
            checks.push_str(&assertion(
                "std/program-called",
                &[("program", quoted("gh")), ("arguments", arguments)],
            ));
        } else {
            reading
                .note(format!("`expect.gh_contains` of {}: there is no `gh` to be called", quoted(&needle)));
        }
    }
    match expect.remove("responses_request_count") {
        Some(Value::Number(number)) if number.is_u64() => {
            checks.push_str(&assertion("std/request-count", &[("count", number.to_string())]));
        }
        Some(other) => reading.note(format!("`expect.responses_request_count` is no number: {other}")),
        None => {}
    }
    event_counts(reading, &mut expect, &mut checks);
    for (index, fragment) in entries(reading, &mut expect, "events").into_iter().enumerate() {
        match inline(&fragment).filter(|_| fragment.as_object().is_some_and(|members| !members.is_empty())) {
            Some(fragment) => {
                let with = [("path", quoted("$.events[*].raw")), ("includes", fragment)];
                checks.push_str(&assertion("std/json", &with));
            }
            None => reading.note(format!("`expect.events` {}: {fragment}", index + 1)),
        }
    }
    for check in entries(reading, &mut expect, "command_events") {
        each(reading, "command_events", check, &mut checks, command_event);
    }
    for check in entries(reading, &mut expect, "responses") {
        each(reading, "responses", check, &mut checks, request);
    }
    for check in entries(reading, &mut expect, "function_call_outputs") {
        each(reading, "function_call_outputs", check, &mut checks, output);
    }
    for check in entries(reading, &mut expect, "workspace_files") {
        each(reading, "workspace_files", check, &mut checks, file);
    }
    for check in entries(reading, &mut expect, "workspace_git_status") {
        each(reading, "workspace_git_status", check, &mut checks, status);
    }
    for (name, value) in &expect {
        reading.note(format!("`expect.{name}` is unknown, and was never checked: {value}"));
    }
    if checks.is_empty() {
        reading.note("it checks nothing: that the turn ends well is what is asserted instead");
        checks = assertion("std/terminal-event", &[]);
    }
    toml + &checks
}

/// One entry of a list of checks: what it does not take of the entry is named.
fn each(
    reading: &mut Reading,
    list: &str,
    check: Value,
    checks: &mut String,
    judge: fn(&mut Reading, &mut Map<String, Value>, &mut String),
) {
    let Value::Object(mut check) = check else {
        return reading.note(format!("an entry of `expect.{list}` is no object: {check}"));
    };
    judge(reading, &mut check, checks);
    for (name, value) in &check {
        reading.note(format!("`{name}` of an entry of `expect.{list}`: {value}"));
    }
}

fn needles(reading: &mut Reading, from: &mut Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let value = from.remove(name)?;
    match texts(&value) {
        Some(found) if !found.is_empty() && found.iter().all(|text| !text.is_empty()) => {
            let is_list = !matches!(name, "command" | "output" | "contains");
            if is_list && value.is_string() {
                reading.note(format!(
                    "`{name}` is a text: the harness took it apart into letters; here it is one text"
                ));
            }
            Some(found)
        }
        _ => {
            reading.note(format!("`{name}` has no texts that could be found or missed: {value}"));
            None
        }
    }
}

fn entries(reading: &mut Reading, expect: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match expect.remove(name) {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            reading.note(format!("`expect.{name}` is no list: {other}"));
            Vec::new()
        }
    }
}

fn event_counts(reading: &mut Reading, expect: &mut Map<String, Value>, checks: &mut String) {
    let mut sets = |name: &str, sets: Vec<Value>| {
        let written: Option<Vec<String>> = sets.iter().map(count_set).collect();
        match written.filter(|written| !written.is_empty()) {
            Some(written) => {
                checks.push_str(&assertion(
                    "std/event-counts",
                    &[("any-of", format!("[{}]", written.join(", ")))],
                ));
                None
            }
            None => {
                Some(format!("`expect.{name}`: a count is a number or a list of numbers: {}", json!(sets)))
            }
        }
    };
    let mut notes = Vec::new();
    if let Some(set) = expect.remove("event_count") {
        notes.extend(sets("event_count", vec![set]));
    }
    match expect.remove("event_count_any") {
        Some(Value::Array(alternatives)) => notes.extend(sets("event_count_any", alternatives)),
        Some(other) => notes.push(format!("`expect.event_count_any` is no list: {other}")),
        None => {}
    }
    for note in notes {
        reading.note(note);
    }
}

/// Counts by raw `type`, by `msg.<type>` of the older lines, or by `item.<type>`, started and completed alike.
fn count_set(set: &Value) -> Option<String> {
    let members = set.as_object().filter(|members| !members.is_empty())?;
    let counts: Option<Vec<String>> = members
        .iter()
        .map(|(name, count)| {
            let is_count = count.is_u64()
                || count.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_u64));
            let fragment = match name.split_once('.') {
                Some(("msg", inner)) => json!({ "msg": { "type": inner } }),
                Some(("item", inner)) if !matches!(inner, "started" | "updated" | "completed") => {
                    json!({ "item": { "type": inner } })
                }
                _ => json!({ "type": name }),
            };
            Some(format!(
                "{{ raw = {}, count = {} }}",
                inline(&fragment)?,
                inline(count).filter(|_| is_count)?
            ))
        })
        .collect();
    Some(format!("[{}]", counts?.join(", ")))
}

fn command_event(reading: &mut Reading, check: &mut Map<String, Value>, checks: &mut String) {
    let mut with = Vec::new();
    for (names, key) in
        [(["command_contains", "command"], "command"), (["output_contains", "output"], "output")]
    {
        for name in names {
            if let Some(needles) = needles(reading, check, name) {
                with.push((key, format!("{{ contains-all = {} }}", text_list(&needles))));
            }
        }
    }
    let mut statuses: Vec<String> = Vec::new();
    for name in ["status", "status_any"] {
        statuses.extend(check.get(name).and_then(texts).unwrap_or_default());
    }
    let word = match statuses.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => None,
        ["completed"] => Some("completed"),
        ["failed"] => Some("failed"),
        list if list.iter().all(|word| matches!(*word, "completed" | "failed")) => Some("ended"),
        // Left in the entry, and so named.
        _ => None,
    };
    if let Some(word) = word {
        check.remove("status");
        check.remove("status_any");
        with.push(("status", quoted(word)));
    }
    if check.get("exit_code").is_some_and(Value::is_i64) {
        with.extend(check.remove("exit_code").map(|code| ("exit", code.to_string())));
    }
    if !with.is_empty() {
        checks.push_str(&assertion("std/command", &with));
    }
}

fn request(reading: &mut Reading, check: &mut Map<String, Value>, checks: &mut String) {
    let index = check.remove("index").map_or(Some(0), |index| index.as_u64());
    let Some(index) = index else {
        return reading.note("an entry of `expect.responses` has an index that is no number");
    };
    let mut where_ = vec![("request", (index + 1).to_string()), ("in", quoted("body"))];
    match check.remove("scope").as_ref().and_then(Value::as_str) {
        None | Some("body") => {}
        Some(scope @ ("input" | "instructions")) => where_.push(("member", quoted(scope))),
        Some(other) => {
            return reading.note(format!("an entry of `expect.responses` has the unknown scope `{other}`"));
        }
    }
    let mut add = |uses: &str, text: &str, count: Option<u64>| {
        let mut with = vec![("text", quoted(text))];
        with.extend(where_.clone());
        with.extend(count.map(|count| ("count", count.to_string())));
        checks.push_str(&assertion(uses, &with));
    };
    for name in ["contains", "contains_all"] {
        for needle in needles(reading, check, name).unwrap_or_default() {
            add("std/request-contains", &needle, None);
        }
    }
    for needle in needles(reading, check, "not_contains").unwrap_or_default() {
        add("std/request-omits", &needle, None);
    }
    if let Some(Value::Object(counts)) = check.get("count").cloned() {
        check.remove("count");
        for (needle, count) in counts {
            match count.as_u64().filter(|_| !needle.is_empty()) {
                Some(0) => add("std/request-omits", &needle, None),
                Some(count) => add("std/request-contains", &needle, Some(count)),
                None => reading
                    .note(format!("a count of `expect.responses` that is no number: {needle} = {count}")),
            }
        }
    }
    // The harness counts the letters of data URLs, the pack the bytes of images: only "none" is the same.
    if check.get("image_payload_bytes") == Some(&json!(0)) {
        check.remove("image_payload_bytes");
        checks.push_str(&assertion(
            "std/request-images",
            &[("count", "0".to_owned()), ("request", (index + 1).to_string())],
        ));
    }
}

fn output(reading: &mut Reading, check: &mut Map<String, Value>, checks: &mut String) {
    let Some(call) = check.remove("call_id").and_then(|call| call.as_str().map(str::to_owned)) else {
        return reading.note("an entry of `expect.function_call_outputs` has no `call_id`");
    };
    let mut with = vec![("call", quoted(&call))];
    for (name, key) in
        [("contains_all", "contains-all"), ("contains_any", "contains-any"), ("not_contains", "not-contains")]
    {
        with.extend(needles(reading, check, name).map(|needles| (key, text_list(&needles))));
    }
    if let Some(index) = ["index", "request", "request_index"].iter().find_map(|name| check.remove(*name)) {
        reading
            .note(format!("the output of `{call}` is judged where it first appears, not in request {index}"));
    }
    checks.push_str(&assertion("std/tool-output", &with));
}

fn file(reading: &mut Reading, check: &mut Map<String, Value>, checks: &mut String) {
    let Some(path) = check.remove("path").and_then(|path| path.as_str().map(str::to_owned)) else {
        return reading.note("an entry of `expect.workspace_files` has no `path`");
    };
    if !is_inside(&path) {
        return reading
            .note(format!("the file `{path}` of `expect.workspace_files` lies outside the workspace"));
    }
    let mut add = |with: Vec<(&str, String)>| {
        let mut all = vec![("path", quoted(&path))];
        all.extend(with);
        checks.push_str(&assertion("std/file", &all));
    };
    let mut is_judged = false;
    if check.get("exists").is_some_and(Value::is_boolean) {
        add(check.remove("exists").map(|exists| ("exists", exists.to_string())).into_iter().collect());
        is_judged = true;
    }
    if check.get("equals").is_some_and(Value::is_string) {
        let equals = check.remove("equals").and_then(|text| text.as_str().map(quoted));
        add(equals.map(|text| ("equals", text)).into_iter().collect());
        is_judged = true;
    }
    for (name, key) in
        [("contains", "contains"), ("contains_all", "contains"), ("not_contains", "not-contains")]
    {
        for needle in needles(reading, check, name).unwrap_or_default() {
            add(vec![(key, quoted(&needle))]);
            is_judged = true;
        }
    }
    if !is_judged {
        reading.note(format!(
            "`expect.workspace_files` demands nothing of `{path}`: that it is there is asserted instead"
        ));
        add(Vec::new());
    }
}

fn status(reading: &mut Reading, check: &mut Map<String, Value>, checks: &mut String) {
    let mut with = Vec::new();
    match check.remove("equals") {
        // One text with several lines, or a list of lines.
        Some(Value::String(text)) => {
            let lines: Vec<String> =
                text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
            with.push(("equals", text_list(&lines)));
        }
        Some(Value::Array(lines)) if lines.iter().all(Value::is_string) => {
            let lines: Vec<String> =
                lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect();
            with.push(("equals", text_list(&lines)));
        }
        Some(other) => reading.note(format!("`equals` of `expect.workspace_git_status` is no text: {other}")),
        None => {}
    }
    for (name, key) in [("contains_all", "contains-all"), ("not_contains", "not-contains")] {
        with.extend(needles(reading, check, name).map(|needles| (key, text_list(&needles))));
    }
    if with.is_empty() {
        return reading.note("an entry of `expect.workspace_git_status` demands nothing");
    }
    checks.push_str(&assertion("std/git-status", &with));
}
