//! The schema of the run document is what its types say: it is made from their source, and what is recorded obeys it.
//!
//! After a change of `host/src/document`: `WASSERT_UPDATE_SCHEMA=1 cargo test -p wassert --test integration schema`.

use std::collections::BTreeMap;

use boon::{Compiler, SchemaIndex, Schemas};
use cap_std::fs::Dir;
use serde_json::{Map, Value, json};
use wassert::document::{self, Document};

use crate::harness::{Project, root};

/// One `pub struct` or `pub enum` of the source.
#[derive(Debug, Default)]
struct Type {
    is_enum: bool,
    documentation: String,
    attributes: String,
    members: Vec<Member>,
}

/// A field, or a variant with its fields.
#[derive(Debug, Default)]
struct Member {
    name: String,
    documentation: String,
    attributes: String,
    type_name: String,
    fields: Vec<Member>,
}

/// Files of `host/src/document` with types about the document that do not stand in it.
const BESIDE: [&str; 2] = ["difference.rs", "place.rs"];

/// Every public type of the document. The source is as rustfmt leaves it, which makes it easy to read.
fn types() -> BTreeMap<String, Type> {
    let mut types = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("host/src/document")).unwrap() {
        let entry = entry.unwrap();
        if !BESIDE.iter().any(|beside| entry.file_name() == *beside) {
            read_types(&std::fs::read_to_string(entry.path()).unwrap(), &mut types);
        }
    }
    types
}

fn read_types(text: &str, types: &mut BTreeMap<String, Type>) {
    let (mut documentation, mut attributes) = (String::new(), String::new());
    let mut here: Option<(String, Type)> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(doc) = trimmed.strip_prefix("///") {
            documentation.push_str(doc);
            continue;
        }
        if trimmed.starts_with("#[") {
            attributes.push_str(trimmed);
            continue;
        }
        let said = (std::mem::take(&mut documentation).trim().to_owned(), std::mem::take(&mut attributes));
        let Some((name, kept)) = &mut here else {
            let head = line.strip_suffix(" {").and_then(|head| {
                let structure = head.strip_prefix("pub struct ").map(|name| (false, name));
                structure.or_else(|| head.strip_prefix("pub enum ").map(|name| (true, name)))
            });
            // What borrows is a view of the document, and does not stand in it.
            let head = head.filter(|(_, name)| !name.contains('<'));
            if let Some((is_enum, name)) = head {
                let (documentation, attributes) = said;
                here =
                    Some((name.to_owned(), Type { is_enum, documentation, attributes, members: Vec::new() }));
            }
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        if line == "}" {
            types.insert(name.clone(), here.take().unwrap().1);
        } else if let Some((field, type_name)) =
            trimmed.strip_suffix(',').and_then(|line| line.split_once(": "))
        {
            let name = field.trim_start_matches("pub ").trim_start_matches("r#").to_owned();
            let type_name = type_name.to_owned();
            let member =
                Member { name, documentation: said.0, attributes: said.1, type_name, fields: Vec::new() };
            match indent {
                4 => kept.members.push(member),
                _ => kept.members.last_mut().unwrap().fields.push(member),
            }
        } else if kept.is_enum && indent == 4 && trimmed != "}," {
            let name = trimmed.trim_end_matches(['{', ',', ' ']).to_owned();
            assert!(!name.contains('('), "teach this test to read the variant `{trimmed}`");
            let (documentation, attributes) = said;
            kept.members.push(Member { name, documentation, attributes, ..Member::default() });
        }
    }
}

/// The value of a key in serde's attributes.
fn attribute<'a>(attributes: &'a str, key: &str) -> Option<&'a str> {
    attributes.split(&format!("{key} = \"")).nth(1)?.split('"').next()
}

/// How serde names a member.
fn named(member: &Member, of: &str) -> String {
    if let Some(name) = attribute(&member.attributes, "rename") {
        return name.to_owned();
    }
    match attribute(of, "rename_all") {
        None => member.name.clone(),
        Some("kebab-case") => {
            let mut kebab = String::new();
            for (at, letter) in member.name.replace('_', "-").char_indices() {
                if letter.is_uppercase() && at > 0 {
                    kebab.push('-');
                }
                kebab.extend(letter.to_lowercase());
            }
            kebab
        }
        Some(other) => panic!("teach this test `rename_all = \"{other}\"`"),
    }
}

fn schema_of_type(type_name: &str) -> Value {
    let inner = |outer: &str| type_name.strip_prefix(outer)?.strip_prefix('<')?.strip_suffix('>');
    if let Some(inner) = inner("Option") {
        return json!({ "anyOf": [schema_of_type(inner), { "type": "null" }] });
    }
    if let Some(inner) = inner("Vec").or_else(|| inner("BTreeSet")) {
        return json!({ "type": "array", "items": schema_of_type(inner) });
    }
    if let Some(inner) = inner("BTreeMap") {
        let value = inner.strip_prefix("String, ").expect("maps are from names");
        return json!({ "type": "object", "additionalProperties": schema_of_type(value) });
    }
    match type_name.rsplit("::").next().unwrap() {
        "bool" => json!({ "type": "boolean" }),
        "u8" | "u16" | "u32" | "u64" | "usize" => json!({ "type": "integer", "minimum": 0 }),
        "i32" | "i64" => json!({ "type": "integer" }),
        "f32" | "f64" => json!({ "type": "number" }),
        "Value" => json!({}),
        "String" => json!({ "$ref": "#/$defs/Text" }),
        name => json!({ "$ref": format!("#/$defs/{name}") }),
    }
}

fn schema_of_fields(fields: &[Member], of: &str, place: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in fields {
        let name = named(field, of);
        assert!(!field.documentation.is_empty(), "`{place}.{name}` has no doc comment");
        let mut schema = schema_of_type(&field.type_name);
        if name == "transcript" {
            schema["items"] = json!({ "anyOf": [schema["items"], { "$ref": "#/$defs/Same" }] });
        }
        schema["description"] = field.documentation.clone().into();
        properties.insert(name.clone(), schema);
        let optional = of.contains("default")
            || field.attributes.contains("default")
            || field.attributes.contains("skip");
        if !optional {
            required.push(name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn schema_of(name: &str, kept: &Type) -> Value {
    assert!(!kept.documentation.is_empty(), "`{name}` has no doc comment");
    let of = kept.attributes.as_str();
    let mut schema = if !kept.is_enum {
        schema_of_fields(&kept.members, of, name)
    } else {
        let tag = attribute(of, "tag");
        let variants = kept.members.iter().map(|variant| {
            let word = named(variant, of);
            assert!(!variant.documentation.is_empty(), "`{name}::{word}` has no doc comment");
            let Some(tag) = tag else {
                assert!(variant.fields.is_empty(), "teach this test `{name}::{word}`");
                return json!({ "const": word, "description": variant.documentation });
            };
            let mut schema = schema_of_fields(&variant.fields, "", &format!("{name}::{word}"));
            schema["properties"][tag] = json!({ "const": word, "description": variant.documentation });
            schema["required"].as_array_mut().unwrap().insert(0, tag.into());
            schema
        });
        json!({ "oneOf": variants.collect::<Vec<_>>() })
    };
    schema["description"] = kept.documentation.clone().into();
    schema
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix("#/$defs/"));
            found.extend(name.map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        _ => {}
    }
}

fn generated() -> Value {
    let types = types();
    let whole = |description: &str, properties: Value| {
        let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
        json!({ "type": "object", "description": description, "properties": properties, "required": required,
            "additionalProperties": false })
    };
    let size = json!({ "type": "integer", "minimum": 0, "description": "Its size." });
    let count =
        json!({ "type": "integer", "minimum": 1, "description": "How many items from the beginning." });
    let position =
        json!({ "type": "integer", "minimum": 0, "description": "Position of an earlier request." });
    let name =
        json!({ "type": "string", "description": "The blob's name: the place where the text first stood." });
    let digest = json!({ "$ref": "#/$defs/Digest", "description": "Digest of its UTF-8 bytes." });
    let same = whole("Where it begins.", json!({ "request": position, "items": count }));
    let mut definitions = BTreeMap::from([
        (
            "Text".to_owned(),
            json!({ "description": "A text; above 64 KiB a reference to a blob.",
                "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/Reference" }] }),
        ),
        (
            "Digest".to_owned(),
            json!({ "description": "A SHA-256 digest.", "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" }),
        ),
        (
            "Reference".to_owned(),
            whole(
                "Stands for a text above 64 KiB.",
                json!({ "$blob": name, "bytes": size, "sha256": digest }),
            ),
        ),
        (
            "Same".to_owned(),
            whole(
                "Only in the stored form, and only first: the beginning of an earlier request's transcript.",
                json!({ "$same": same }),
            ),
        ),
    ]);
    let mut document = schema_of("Document", &types["Document"]);
    let mut wanted = Vec::new();
    references(&document, &mut wanted);
    while let Some(name) = wanted.pop() {
        let std::collections::btree_map::Entry::Vacant(place) = definitions.entry(name) else { continue };
        let kept = types.get(place.key()).unwrap_or_else(|| panic!("there is no type `{}`", place.key()));
        let schema = schema_of(place.key(), kept);
        references(&schema, &mut wanted);
        place.insert(schema);
    }
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    document["title"] = document::SCHEMA.into();
    document["required"] = json!(["schema"]);
    document["properties"]["schema"]["const"] = document::SCHEMA.into();
    document["$defs"] = json!(definitions);
    document
}

/// The schema, with unknown members refused: a reader tolerates them, but what this program writes has none.
fn strict() -> (Schemas, SchemaIndex) {
    fn close(schema: &mut Value) {
        match schema {
            Value::Array(items) => items.iter_mut().for_each(close),
            Value::Object(members) => {
                members.values_mut().for_each(close);
                if members.contains_key("properties") {
                    members.insert("additionalProperties".to_owned(), false.into());
                }
            }
            _ => {}
        }
    }
    let mut schema: Value = serde_json::from_str(document::RUN_SCHEMA).unwrap();
    close(&mut schema);
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("wassert:run", schema).unwrap();
    let index = compiler.compile("wassert:run", &mut schemas).unwrap();
    (schemas, index)
}

fn obeys((schemas, index): &(Schemas, SchemaIndex), document: &Value, what: &str) {
    if let Err(wrong) = schemas.validate(document, *index) {
        panic!("{what}: {wrong}");
    }
}

#[test]
fn the_schema_is_what_the_types_say() {
    let generated = format!("{:#}\n", generated());
    let path = root().join("host/schemas/run.schema.json");
    if std::env::var_os("WASSERT_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &generated).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == generated, "run this test with WASSERT_UPDATE_SCHEMA=1 and look at what changes");
    let said = Project::new().wassert(&["generate", "schema"]);
    assert_eq!((said.code, said.stdout), (0, committed));
}

#[test]
fn a_document_with_every_field_obeys_the_schema() {
    use wassert::document::*;
    let text = || Some("text".to_owned());
    let digest = wassert::value::Digest::of("x");
    let item = |text: &str| Item::Message { role: Role::User, text: text.to_owned() };
    let items = vec![
        item("said"),
        Item::Call { call: "c".into(), tool: "t".into(), input: json!({ "n": 1 }) },
        Item::Result { call: "c".into(), output: "o".into() },
        Item::Reasoning { text: "r".into() },
        Item::Other { type_name: "x".into(), raw: json!([1]) },
    ];
    let state = FileState { sha256: Some(digest), text: text(), ..FileState::default() };
    let file = FileChange { before: Some(state.clone()), after: Some(state), ..FileChange::default() };
    let terminal = Some(Terminal::Failed);
    let document = Document {
        schema: SCHEMA.to_owned(),
        scenario: Scenario {
            sha256: Some(digest),
            steps: vec![ScriptedStep::default()],
            assertions: vec![Asserted { module: Some(digest), with: json!({}), ..Asserted::default() }],
            ..Scenario::default()
        },
        agent: Agent {
            version: text(),
            sha256: Some(digest),
            arguments: vec![vec!["a".to_owned()]],
            ..Agent::default()
        },
        turns: vec![Turn {
            exit: Some(-1),
            signal: text(),
            terminal,
            session: text(),
            outcome: Some(AgentOutcome {
                category: Some(FailureCategory::AgentError),
                class: Some(FailureClass::Agent),
                evidence: Some(OutcomeEvidence {
                    source: EvidenceSource::Reply,
                    place: "$['requests'][0]['reply']".to_owned(),
                    status: Some(400),
                }),
                connected: Some(true),
                ..AgentOutcome::default()
            }),
            interrupt: Some(TurnInterrupt::default()),
            ..Turn::default()
        }],
        events: vec![Event {
            call: text(),
            text: text(),
            command: text(),
            output: text(),
            exit: Some(1),
            paths: vec!["p".to_owned()],
            duplicate_member: text(),
            ..Event::default()
        }],
        isolation: Isolation { why_not_full: text(), ..Isolation::default() },
        requests: vec![Request {
            model: text(),
            session: text(),
            headers: BTreeMap::from([("h".to_owned(), vec!["v".to_owned()])]),
            transcript: items.clone(),
            reply: Reply { items, ..Reply::default() },
            violations: vec![Violation { code: "c".into(), message: "m".into() }],
            ..Request::default()
        }],
        stdout: vec![Stream { text: text(), ..Stream::default() }],
        stderr: vec![Stream::default()],
        files: BTreeMap::from([("f".to_owned(), file)]),
        git: Some(Git {
            status: Some(vec![GitChange::default()]),
            diff: Some("d".into()),
            unread: Some("u".into()),
            worktrees: BTreeMap::from([(
                "trees/next".to_owned(),
                GitWorktree {
                    status: Some(vec![GitChange::default()]),
                    diff: Some("d".into()),
                    unread: Some("u".into()),
                },
            )]),
        }),
        script: Script {
            unused: vec![UnusedStep::default()],
            unmatched: vec![UnmatchedRequest::default()],
            surplus: vec![1],
            unexpected: vec![UnmatchedRequest::default()],
            not_offered: vec![ToolNotOffered::default()],
            refused_connections: vec![Violation { code: "c".into(), message: "m".into() }],
            calls_unread: Some("u".into()),
        },
        calls: Some(vec![Call {
            stdin: Some("in".into()),
            reply: Some(1),
            set: BTreeMap::from([("name".to_owned(), "value".to_owned())]),
            exit: Some(0),
            ..Default::default()
        }]),
        raw: BTreeMap::from([("stdout-1".to_owned(), Raw { sha256: digest, bytes: 1 })]),
        timing: Timing { turns_ms: vec![1], arrival: vec![0], ..Timing::default() },
        ..Document::default()
    };
    let strict = strict();
    obeys(&strict, &serde_json::to_value(&document).unwrap(), "every field");
    for section in SECTIONS {
        let schema: Value = serde_json::from_str(RUN_SCHEMA).unwrap();
        assert!(schema["properties"][section]["description"].is_string(), "{section}");
    }
    let mut unknown = serde_json::to_value(&document).unwrap();
    unknown["turns"][0]["later"] = 1.into();
    assert!(strict.0.validate(&unknown, strict.1).is_err(), "this test notices what the schema does not say");
}

#[test]
fn what_is_recorded_obeys_the_schema() {
    let strict = strict();
    let project = Project::new();
    let (_, results) = project.run_json(&[root().join("scenarios/quickstart").to_str().unwrap()]);
    for scenario in results["scenarios"].as_array().unwrap() {
        let recording = scenario["recording"].as_str().unwrap();
        let stored = std::fs::read(project.path().join(recording).join("run.json")).unwrap();
        obeys(&strict, &serde_json::from_slice(&stored).unwrap(), recording);
        let shown = project.wassert(&["show", "--json", recording]).stdout;
        obeys(&strict, &serde_json::from_str(&shown).unwrap(), recording);
    }
}

#[test]
fn the_examples_of_the_standard_pack_obey_the_schema() {
    let strict = strict();
    let pack = Dir::open_ambient_dir(root().join("assertions/std"), cap_std::ambient_authority()).unwrap();
    let examples = wassert::pack::read_examples(&pack).unwrap();
    assert!(examples.broken.is_empty() && examples.sound.len() >= 24, "{:?}", examples.broken);
    for example in examples.sound {
        let what = format!("{}/{}", example.assertion, example.name);
        obeys(&strict, &example.document, &what);
        let _: Document = serde_json::from_value(example.document).unwrap();
    }
}
