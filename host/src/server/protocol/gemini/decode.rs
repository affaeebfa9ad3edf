//! Reads requests of the Gemini protocol.
//!
//! Field names: Gemini API reference, `models.generateContent`. Model and manner stand in the path. Calls may have no
//! identifier: a result without one answers the first call of its name that has no result yet.

use serde_json::Value;

use crate::document::{Item, Role, Violation};
use crate::server::protocol::Decoded;
use crate::server::protocol::content::{other, text_of, unique};
use crate::server::request::violation;

/// Reads a request.
pub(super) fn request(target: &str, body: &Value) -> Decoded {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let model = path.rsplit('/').next().and_then(|last| last.split(':').next()).unwrap_or_default();
    let contents = body["contents"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut reader = Reader::default();
    if let Some(instruction) = body.get("systemInstruction").or_else(|| body.get("system_instruction")) {
        let text = match instruction {
            Value::String(text) => text.clone(),
            content => texts(content).join("\n"),
        };
        reader.items.push(Item::Message { role: Role::System, text });
    }
    contents.iter().for_each(|content| reader.content(content));
    let mut violations = Vec::new();
    if contents.is_empty() {
        violations.push(violation("no-messages", String::from("the request has no `contents`")));
    }
    violations.extend(calls_out_of_place(contents));
    Decoded {
        model: (!model.is_empty()).then(|| model.to_owned()),
        streams: path.ends_with(":streamGenerateContent"),
        transcript: reader.items,
        tools: tools(body),
        violations,
        signatures: reader.signatures,
        ..Decoded::default()
    }
}

/// What the frames of a reply, or its whole body, say.
pub(super) fn said(events: &[Value]) -> Vec<Item> {
    let parts: Vec<Value> = events
        .iter()
        .filter_map(|event| event.pointer("/candidates/0/content/parts")?.as_array())
        .flatten()
        .cloned()
        .collect();
    let mut reader = Reader::default();
    reader.content(&serde_json::json!({"role": "model", "parts": parts}));
    reader.items
}

/// The transcript so far.
#[derive(Default)]
struct Reader {
    items: Vec<Item>,
    signatures: Vec<String>,
    /// Name and identifier of the calls that have no result yet.
    open: Vec<(String, String)>,
    calls: usize,
}

impl Reader {
    fn content(&mut self, content: &Value) {
        let role = match content["role"].as_str() {
            Some("model") => Role::Assistant,
            // Content without a role is the user's.
            Some("user" | "function") | None => Role::User,
            role => return self.items.push(other(role, content)),
        };
        // The model's chunks come back as parts; the user's parts are texts of their own.
        let between = if role == Role::Assistant { "" } else { "\n" };
        let mut text: Option<String> = None;
        let mut thought: Option<String> = None;
        for part in content["parts"].as_array().into_iter().flatten() {
            if let Some(signature) = part["thoughtSignature"].as_str() {
                self.signatures.push(signature.to_owned());
            }
            if let (Some(more), true) = (part["text"].as_str(), part["thought"] == true) {
                thought.get_or_insert_default().push_str(more);
                continue;
            }
            self.flush(&mut thought, |text| Item::Reasoning { text });
            if let Some(call) = part.get("functionCall") {
                self.flush(&mut text, |text| Item::Message { role, text });
                self.call(call);
            } else if let Some(response) = part.get("functionResponse") {
                self.flush(&mut text, |text| Item::Message { role, text });
                self.result(response);
            } else {
                let more = part["text"].as_str().map_or_else(|| name_of(part), str::to_owned);
                match &mut text {
                    Some(text) => *text = format!("{text}{between}{more}"),
                    None => text = Some(more),
                }
            }
        }
        self.flush(&mut thought, |text| Item::Reasoning { text });
        self.flush(&mut text, |text| Item::Message { role, text });
    }

    /// Ends a text; an empty one, which only carries a signature, says nothing.
    fn flush(&mut self, text: &mut Option<String>, item: impl FnOnce(String) -> Item) {
        self.items.extend(text.take().filter(|text| !text.is_empty()).map(item));
    }

    fn call(&mut self, call: &Value) {
        self.calls += 1;
        let tool = text_of(call, "name");
        let id = call["id"].as_str().map_or_else(|| format!("{tool}#{}", self.calls), str::to_owned);
        self.open.push((tool.clone(), id.clone()));
        self.items.push(Item::Call { call: id, tool, input: call["args"].clone() });
    }

    fn result(&mut self, response: &Value) {
        let tool = text_of(response, "name");
        let id = response["id"].as_str();
        let at = self.open.iter().position(|(name, open)| match id {
            Some(id) => open == id,
            None => *name == tool,
        });
        let answered = at.map(|at| self.open.remove(at).1);
        let call = id.map(str::to_owned).or(answered).unwrap_or(tool);
        let said = &response["response"];
        let output = match said.get("output").or_else(|| said.get("error")).unwrap_or(said) {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            value => value.to_string(),
        };
        self.items.push(Item::Result { call, output });
    }
}

fn texts(content: &Value) -> Vec<String> {
    let parts = content["parts"].as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str().map(str::to_owned)).collect()
}

/// A part without text, by its only member.
fn name_of(part: &Value) -> String {
    let name = part.as_object().and_then(|part| part.keys().next());
    format!("[{}]", name.map_or("unknown part", String::as_str))
}

/// The model calls only right after the user spoke or a result came: the API refuses anything else.
fn calls_out_of_place(contents: &[Value]) -> Vec<Violation> {
    let calls = |content: &Value| {
        content["parts"].as_array().into_iter().flatten().any(|part| part.get("functionCall").is_some())
    };
    let misplaced = |position: usize| {
        let follows_user = position > 0 && contents[position - 1]["role"] != "model";
        calls(&contents[position]) && !follows_user
    };
    (0..contents.len())
        .filter(|position| misplaced(*position))
        .map(|position| {
            let sentence = format!("content {position} calls a tool and follows no content of the user");
            violation("call-out-of-place", sentence)
        })
        .collect()
}

fn tools(body: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for tool in body["tools"].as_array().into_iter().flatten().filter_map(Value::as_object) {
        for (kind, value) in tool {
            match value.as_array().filter(|_| kind.starts_with("function")) {
                Some(functions) => names.extend(functions.iter().map(|function| text_of(function, "name"))),
                None => names.push(kind.clone()),
            }
        }
    }
    unique(names.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const STREAM: &str = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";

    #[test]
    fn contents_are_read_in_the_documents_words() {
        let decoded = request(
            STREAM,
            &json!({
            "systemInstruction": {"parts": [{"text": "rules"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "a"}, {"inlineData": {}}]},
                {"role": "model", "parts": [{"text": "why", "thought": true}, {"text": "b"}, {"text": "c"},
                    {"functionCall": {"name": "f", "args": {"x": 1}, "id": "k"}, "thoughtSignature": "s"}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "id": "k", "response": {"output": "out"}}}]}],
            "tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]}),
        );
        let said = |role, text: &str| Item::Message { role, text: text.into() };
        assert_eq!(
            decoded.transcript,
            [
                said(Role::System, "rules"),
                said(Role::User, "a\n[inlineData]"),
                Item::Reasoning { text: "why".into() },
                said(Role::Assistant, "bc"),
                Item::Call { call: "k".into(), tool: "f".into(), input: json!({"x": 1}) },
                Item::Result { call: "k".into(), output: "out".into() },
            ]
        );
        assert_eq!(decoded.tools, ["f", "googleSearch"]);
        assert_eq!(decoded.signatures, ["s"]);
        assert_eq!((decoded.model.as_deref(), decoded.streams), (Some("gemini-2.5-flash"), true));
        assert!(decoded.violations.is_empty());
    }

    #[test]
    fn calls_without_identifiers_are_told_apart_by_name_and_order() {
        let decoded = request(
            STREAM,
            &json!({"contents": [
            {"parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"error": "no"}}},
                {"functionResponse": {"name": "f", "response": {"n": 2}}}]}]}),
        );
        let ids: Vec<_> = decoded
            .transcript
            .iter()
            .filter_map(|item| match item {
                Item::Call { call, .. } => Some((call.as_str(), "")),
                Item::Result { call, output } => Some((call.as_str(), output.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(ids, [("f#1", ""), ("f#2", ""), ("f#1", "no"), ("f#2", "{\"n\":2}")]);
    }

    #[test]
    fn a_call_follows_the_user() {
        let call = json!({"role": "model", "parts": [{"functionCall": {"name": "f"}}]});
        let codes = |contents: Value| -> Vec<String> {
            let decoded = request(STREAM, &json!({"contents": contents}));
            decoded.violations.into_iter().map(|found| found.code).collect()
        };
        assert_eq!(codes(json!([call])), ["call-out-of-place"]);
        assert_eq!(codes(json!([{"role": "user", "parts": []}, call])), Vec::<String>::new());
        assert_eq!(codes(json!([])), ["no-messages"]);
    }
}
