//! Run documents that went wrong: the standard pack's own examples with some values changed, moved, doubled or gone.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::random::Random;

/// Documents to start from, and every standard assertion with parameters that fit it.
pub struct Corpus {
    documents: Vec<Value>,
    assertions: Vec<(String, Value)>,
}

impl Corpus {
    pub fn load() -> Self {
        // Of the host's tests or of the crate beside this file.
        let examples = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|folder| folder.join("assertions/std/examples"))
            .find(|folder| folder.is_dir())
            .unwrap();
        let mut corpus = Self { documents: Vec::new(), assertions: Vec::new() };
        for assertion in &wassert::pack::embedded("std").unwrap().manifest.assertions {
            let name = assertion.name.get_ref();
            let read = |file: &str| {
                serde_json::from_slice(&std::fs::read(examples.join(name).join(file)).unwrap()).unwrap()
            };
            corpus.documents.push(read("pass.json"));
            corpus.assertions.push((name.clone(), read("with.json")));
        }
        // One with what all of them have, so that every assertion finds something to judge.
        let mut whole = Map::new();
        for document in &corpus.documents {
            whole.extend(document.as_object().cloned().unwrap_or_default());
        }
        corpus.documents.extend(vec![Value::Object(whole); corpus.documents.len() * 2]);
        corpus
    }

    /// One that is right, for modules.
    pub fn plain(&self) -> Value {
        json!({ "schema": "wassert.run/1", "turns": [{ "turn": 1, "exit": 0 }], "stdout": [{ "text": "hidden" }] })
    }

    pub fn assertions(&self) -> &[(String, Value)] {
        &self.assertions
    }

    /// The bytes of a document, most of them still JSON.
    pub fn mutated(&self, random: &mut Random) -> Vec<u8> {
        let mut document = random.pick(&self.documents).clone();
        for _ in 0..=random.below(6) {
            let other = random.pick(&self.documents);
            // The whole document is seldom something else: then nothing is judged.
            let all = random.one_in(64);
            change(random, &mut document, other, !all);
        }
        if !random.one_in(8)
            && let Some(members) = document.as_object_mut()
        {
            members.insert("schema".to_owned(), json!("wassert.run/1"));
        }
        let mut bytes = document.to_string().into_bytes();
        if random.one_in(16) {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
        bytes
    }

    /// Parameters as they are, or changed.
    pub fn parameters(&self, random: &mut Random, parameters: &Value) -> Value {
        let mut parameters = parameters.clone();
        if random.one_in(4) {
            let all = random.one_in(8);
            change(random, &mut parameters, &self.documents[0], !all);
        }
        parameters
    }
}

/// Walks to some value, or stays at this one, and does something to it.
fn change(random: &mut Random, value: &mut Value, other: &Value, descend: bool) {
    let below = !random.one_in(6);
    match value {
        Value::Array(elements) if descend && !elements.is_empty() => {
            let at = random.below(elements.len());
            match random.below(10) {
                0 => drop(elements.remove(at)),
                1 => elements.push(elements[at].clone()),
                _ => change(random, &mut elements[at], other, below),
            }
        }
        Value::Object(members) if descend && !members.is_empty() => {
            let name = members.keys().nth(random.below(members.len())).cloned().unwrap_or_default();
            match random.below(10) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert(odd_text(random), json!(1))),
                _ => change(random, &mut members[&name], other, below),
            }
        }
        _ => *value = odd_value(random, other),
    }
}

fn odd_value(random: &mut Random, other: &Value) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(random.one_in(2)),
        2 => json!(random.next() as i64),
        3 => serde_json::from_str(random.pick::<&str>(&[
            "-0",
            "1e400",
            "0.1e-400",
            "9007199254740993",
            "1E+2",
        ]))
        .unwrap(),
        4 | 5 => json!(odd_text(random)),
        6 => json!([]),
        7 => json!({}),
        8 => deep(random.below(100)),
        9 => Value::Array(vec![json!(odd_text(random)); random.below(300)]),
        10 => Value::Object(
            (0..random.below(300)).map(|number| (number.to_string(), json!(number))).collect::<Map<_, _>>(),
        ),
        _ => {
            let mut part = other;
            for _ in 0..random.below(6) {
                part = match part {
                    Value::Array(elements) if !elements.is_empty() => random.pick(elements),
                    Value::Object(members) if !members.is_empty() => {
                        members.values().nth(random.below(members.len())).unwrap_or(part)
                    }
                    _ => part,
                };
            }
            part.clone()
        }
    }
}

fn odd_text(random: &mut Random) -> String {
    let odd = [
        "",
        "'",
        "\\",
        "\0",
        "\u{1b}[31m",
        "\u{202e}txt",
        "⟦thread#1⟧",
        "⟦",
        "\u{ffff}\u{10ffff}",
        "../../etc/passwd",
        "completed",
        "$.turns[0]",
        "a\r\nb",
    ];
    match random.below(4) {
        0 => random.pick(&odd).repeat(1 + random.below(500)),
        1 => String::from_utf8_lossy(&random.bytes(20)).into_owned(),
        _ => (*random.pick(&odd)).to_owned(),
    }
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(
        json!("bottom"),
        |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) },
    )
}
