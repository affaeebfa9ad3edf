//! What must hold of any run: numbers don't depend on arrival, what stands at no place stays, the data comes back.

use serde_json::{Value, json};

use super::generate::Generator;
use super::{Symbols, Texts, unescape};
use crate::document::{Place, PlaceSection};

static PLACES: [Place; 6] = [
    Place::new(PlaceSection::Headers, "$.thread[*]", "thread"),
    Place::new(PlaceSection::Requests, "$.input[*].id", "item"),
    Place::new(PlaceSection::Requests, "$.started_ms", "time"),
    Place::within(PlaceSection::Transcript, "$.output", r"\Achunk (\w+)\n", "chunk"),
    Place::new(PlaceSection::Events, "$.thread_id", "thread"),
    Place::within(PlaceSection::Processes, "$", "/shell-([a-z0-9]+)/", "random"),
];

fn settled(mut document: Value, mut texts: Texts) -> (Value, Texts) {
    let host = [("workspace", "/tmp/run-x/ws".to_owned()), ("server", "127.0.0.1:4000".to_owned())];
    Symbols::new(&PLACES, &host).unwrap().settle(&mut document, &mut texts);
    (document, texts)
}

/// A run of three lanes, its identifiers from `seed`, its requests in the order in which the document sorts them,
/// whatever the order in which they came and drew their identifiers.
fn run(seed: u64) -> (Value, Texts) {
    let mut generator = Generator::new(seed);
    let threads = [generator.uuid(), generator.uuid(), generator.uuid()];
    let mut keys: Vec<(u64, usize, u64)> = (1..3)
        .flat_map(|turn| (0..3).flat_map(move |lane| (1..4).map(move |step| (turn, lane, step))))
        .collect();
    generator.shuffle(&mut keys);
    let mut arrived: Vec<((u64, usize, u64), Value)> = Vec::new();
    for key in keys {
        let (turn, lane, step) = key;
        let chunk = format!("{:x}", generator.next());
        let body = json!({
            "input": [{ "id": generator.uuid() }, { "id": "of-the-script" }],
            "started_ms": generator.below(1_000_000),
            "cache": threads[lane],
            "at": "/tmp/run-x/ws",
        });
        arrived.push((key, json!({
            "turn": turn, "lane": lane, "step": step,
            "headers": { "thread": [threads[lane]], "host": ["127.0.0.1:4000"] },
            "body": body,
            "transcript": [{ "kind": "result", "output": format!("chunk {chunk}\nsaw {chunk} in {}", threads[lane]) }],
        })));
    }
    arrived.sort_by_key(|(key, _)| *key);
    let texts = arrived
        .iter()
        .enumerate()
        .map(|(index, (_, request))| {
            (format!("requests/{index}/body"), request["body"].to_string().into_bytes().into())
        })
        .collect();
    let requests: Vec<_> = arrived.into_iter().map(|(_, request)| request).collect();
    let events = [json!({ "turn": 1, "line": 1, "raw": { "thread_id": threads[1] } })];
    (json!({ "requests": requests, "events": events }), texts)
}

#[test]
fn numbers_do_not_depend_on_the_order_of_arrival() {
    let (document, texts) = run(1);
    let (expected, expected_texts) = settled(document, texts);
    assert_eq!(expected["requests"][0]["headers"]["thread"][0], "⟦thread#1⟧");
    assert_eq!(expected["events"][0]["raw"]["thread_id"], "⟦thread#2⟧");
    assert_eq!(
        expected["requests"][17]["transcript"][0]["output"],
        "chunk ⟦chunk#18⟧\nsaw ⟦chunk#18⟧ in ⟦thread#3⟧"
    );
    assert_eq!(expected["requests"][0]["body"]["input"], json!([{"id": "⟦item#1⟧"}, {"id": "⟦item#2⟧"}]));
    for seed in 2..50 {
        let (document, texts) = run(seed);
        assert_eq!(settled(document, texts), (expected.clone(), expected_texts.clone()), "seed {seed}");
    }
}

/// Any JSON, of words that hold no declared value.
fn any(generator: &mut Generator, depth: usize) -> Value {
    const WORDS: [&str; 10] =
        ["⟦", "id", "thread", "⟦item#1⟧", "/tmp/run-x", "127.0.0.1", "x\ny", "é", "4000", "{\"id\":\"a\"}"];
    let word = |generator: &mut Generator| {
        (0..generator.below(4)).map(|_| *generator.pick(&WORDS)).collect::<Vec<_>>().join(" ")
    };
    match generator.below(if depth == 0 { 3 } else { 5 }) {
        0 => Value::from(word(generator)),
        1 => {
            let number = generator.pick(&["1.50", "9007199254740993", "-0", "1e+400"]);
            serde_json::from_str(number).unwrap()
        }
        2 => generator.pick(&[Value::Null, Value::Bool(true)]).clone(),
        3 => (0..generator.below(4)).map(|_| any(generator, depth - 1)).collect(),
        _ => {
            let members = (0..generator.below(4))
                .map(|n| (format!("{n}{}", word(generator)), any(generator, depth - 1)));
            Value::Object(members.collect())
        }
    }
}

/// The same value with every text unescaped.
fn plain(mut value: Value) -> Value {
    super::every_text(&mut value, &mut |text| Some(unescape(text).into_owned()));
    value
}

#[test]
fn what_stands_at_no_declared_place_stays() {
    let mut generator = Generator::new(3);
    for _ in 0..500 {
        let document = json!({
            "schema": "wassert.run/1",
            "scenario": any(&mut generator, 3),
            "turns": [any(&mut generator, 3)],
            "requests": [{ "turn": 1, "headers": { "other": any(&mut generator, 2) }, "body": [any(&mut generator, 4)] }],
            "events": [{ "turn": 1, "line": 1, "raw": [any(&mut generator, 4)] }],
            "anything": any(&mut generator, 4),
            "timing": any(&mut generator, 2),
        });
        let mut expected = document.clone();
        let (symbolised, _) = settled(document, Texts::new());
        assert_eq!(symbolised["scenario"], expected["scenario"]);
        assert_eq!(symbolised["timing"], expected["timing"]);
        let (mut back, scenario) = (symbolised, expected["scenario"].take());
        back["scenario"].take();
        let timing = (back["timing"].take(), expected["timing"].take());
        assert_eq!(plain(back), expected, "{scenario} {timing:?}");
    }
}

#[test]
fn bytes_beside_the_document_keep_their_form_unless_something_in_them_is_replaced() {
    let request =
        |step, violations| json!({ "turn": 1, "step": step, "body": null, "violations": violations });
    let document = json!({
        "requests": [
            request(1, json!([])),
            request(2, json!([])),
            request(3, json!([])),
            request(4, json!([{ "code": "duplicate-member" }])),
        ],
        "stdout": [{ "turn": 1, "bytes": 100, "text": "stale" }],
        "stderr": [{ "turn": 1, "bytes": 3 }],
    });
    let texts: Texts = [
        ("requests/0/body", br#"{ "n" : 1.50, "a": "x" }"#.to_vec()),
        ("requests/1/body", br#"{ "n" : 1.50, "input": [{"id": "some-id"}] }"#.to_vec()),
        ("requests/2/body", b"no JSON, but some-id \xe2\x9f\xa6".to_vec()),
        ("requests/3/body", br#"{"a":1,"a":"some-id"}"#.to_vec()),
        ("stdout/0", b"some-id \xff some-id\n".to_vec()),
        ("stderr/0", b"abc".to_vec()),
    ]
    .into_iter()
    .map(|(name, bytes)| (name.to_owned(), bytes.into()))
    .collect();
    let (document, texts) = settled(document, texts);
    let text = |name: &str| String::from_utf8_lossy(&texts[name].whole()).into_owned();
    assert_eq!(text("requests/0/body"), r#"{ "n" : 1.50, "a": "x" }"#);
    assert_eq!(text("requests/1/body"), r#"{"input":[{"id":"⟦item#1⟧"}],"n":1.50}"#);
    assert_eq!(text("requests/2/body"), "no JSON, but ⟦item#1⟧ ⟦⟦");
    assert_eq!(text("requests/3/body"), r#"{"a":1,"a":"⟦item#1⟧"}"#);
    assert_eq!(
        texts["stdout/0"].to_vec(),
        ["⟦item#1⟧ ".as_bytes(), b"\xff", " ⟦item#1⟧\n".as_bytes()].concat()
    );
    // Of 100 bytes written 18 were kept.
    assert_eq!(document["stdout"], json!([{ "turn": 1, "bytes": 82 + texts["stdout/0"].len() }]));
    assert_eq!(document["stderr"], json!([{ "turn": 1, "bytes": 3, "text": "abc" }]));
}

#[test]
fn command_lines_of_what_was_left_behind_are_read_with_patterns() {
    let process = |command: &str| json!({ "turn": 1, "name": "sh", "command": command });
    let document = json!({
        "events": [{ "turn": 1, "line": 1, "raw": { "thread_id": "thread-9" } }],
        "processes": [process("sh -c /tmp/shell-a1b2/run"), process("resume thread-9"), process("sleep 100")],
    });
    let (document, _) = settled(document, Texts::new());
    let commands: Vec<_> =
        document["processes"].as_array().unwrap().iter().map(|process| &process["command"]).collect();
    assert_eq!(commands, ["sh -c /tmp/shell-⟦random⟧/run", "resume ⟦thread#1⟧", "sleep 100"]);
}
