//! Loading: the scenario with every key, defaults and bounds.

use serde_json::json;

use super::super::every_key::{EVERY_KEY, load_text};
use super::*;
use crate::document::{Completed, PlaceSection};
use crate::profile::{Stop, Transport};
use crate::scenario::{Expectation, Fault, Manner, Reply, TextTest, Usage, Uses, WireEvent, files_after};

fn every_key() -> Scenario {
    let loaded = load_text("a.toml", EVERY_KEY.as_bytes());
    assert_eq!(loaded.diagnostics, []);
    loaded.scenario.unwrap()
}

#[test]
fn the_matrix_the_ends_and_the_volatile_places_are_read() {
    let scenario = every_key();
    let column = |index: usize| {
        let agent = &scenario.agents[index];
        (agent.name.as_str(), agent.profile.as_str(), agent.transport, scenario.completed_for(&agent.name))
    };
    assert_eq!(column(0), ("codex", "codex", Transport::Websocket, Completed::Failed));
    assert_eq!(column(1).0, "example");
    assert_eq!(column(1).3, Completed::Timeout);
    assert_eq!(column(2), ("codex-http", "codex", Transport::Http, Completed::Completed));
    assert_eq!(scenario.agents[0].arguments, ["-c", "x=1"]);
    assert_eq!(scenario.agents[1].environment["MODE"], "plain");
    assert_eq!(scenario.timeout_ms, 1500);
    let places: Vec<_> =
        scenario.volatile.iter().map(|place| (place.section, &*place.path, &*place.kind)).collect();
    assert_eq!(
        places,
        [(PlaceSection::Events, "$.build", "version"), (PlaceSection::Stderr, "$", "duration")]
    );
    assert_eq!(scenario.effects.survivors.of("codex"), ["sleep"]);
    assert_eq!(scenario.effects.egress.of("codex"), ["[::1]:80", "example.com:443"]);
    assert_eq!(scenario.effects.egress.of("example"), [""; 0]);
    assert_eq!(scenario.effects.outside.of("example"), ["../other/**", "~/.cache/x-*"]);
}

#[test]
fn workspace_and_turns_are_read() {
    let scenario = every_key();
    assert_eq!(scenario.workspace.from.as_deref(), Some("workspace"));
    assert_eq!(scenario.workspace.files["notes.txt"], "before\n".into());
    assert!(scenario.workspace.git);
    assert_eq!(scenario.turns.iter().map(|turn| turn.resumes).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn history_worktrees_and_stand_ins_are_read() {
    let scenario = every_key();
    let workspace = &scenario.workspace;
    let large = &workspace.files["large.txt"];
    assert_eq!((large.text.as_str(), large.times, large.bytes()), ("line\n", 1000, 5000));
    let [first, second] = workspace.commits.as_slice() else { panic!("two commits") };
    let dated = ("Ada <ada@example.org>", "2024-05-01T09:30:00+02:00");
    assert_eq!((first.author.as_str(), first.date.as_str()), dated);
    assert_eq!((second.author.as_str(), second.date.as_str()), dated, "the same as the commit before");
    assert_eq!(second.removed, ["old.txt"]);
    assert_eq!(files_after(&workspace.commits[..1]).keys().collect::<Vec<_>>(), [&"old.txt"]);
    assert!(files_after(&workspace.commits).is_empty());
    let worktree = &workspace.worktrees[0];
    assert_eq!((&*worktree.path, &*worktree.branch, worktree.commits), ("trees/next", "next", Some(1)));
    let shim = &scenario.shims[0];
    assert_eq!((&*shim.name, shim.reads_stdin, shim.reads_sockets), ("gh", true, true));
    assert_eq!(shim.replies[0].answer.exit, 3);
    assert_eq!(shim.otherwise.as_ref().unwrap().set["seen"], "yes");
}

#[test]
fn what_the_server_takes_is_read() {
    let reception = every_key().reception;
    let told = (reception.request_bytes, reception.request_ms, reception.connections);
    assert_eq!(told, (64 * 1024 * 1024, 2500, 10));
    assert_eq!(reception.upstream_of("router").unwrap().to_string(), "http://127.0.0.1:1");
    assert_eq!(reception.upstream_of("main"), None);
}

#[test]
fn steps_are_numbered_within_their_lane() {
    let steps = every_key().steps;
    let numbers: Vec<_> = steps.iter().map(|step| (step.lane.as_str(), step.number)).collect();
    let main = |numbers: std::ops::RangeInclusive<u32>| numbers.map(|number| ("main", number));
    let expected: Vec<_> = main(1..=3).chain([("title", 1)]).chain(main(4..=7)).collect();
    assert_eq!(numbers, expected);
    assert!(steps[3].optional);
    assert_eq!(steps[0].attempts(), 4);
    assert_eq!(&EVERY_KEY[steps[0].span.clone()], "[[step]]");
}

#[test]
fn replies_faults_and_expectations_are_read() {
    let steps = every_key().steps;
    let status = Fault::Status {
        status: 429,
        code: "rate_limit_exceeded".into(),
        message: "scripted status 429".into(),
        retry_after_seconds: Some(1),
    };
    let failed = Fault::Failed { code: "server_error".into(), message: "oops".into() };
    assert_eq!(steps[0].faults, [status, failed, Fault::Cut]);
    let Reply::Items { reasoning, text, calls, .. } = &steps[0].reply else { panic!("a reply") };
    assert_eq!((reasoning.as_deref(), text.as_deref()), (Some("thinking"), Some("I will.")));
    assert_eq!(calls[0].input, json!({"command": "printf 'after\n' > notes.txt"}));
    let result = |call: &str, test: TextTest| Expectation::ToolResult { call: call.into(), test };
    let contains = |text: &str| TextTest::Contains(text.into());
    assert_eq!(steps[1].expect, [result("edit", contains(""))]);
    assert_eq!(steps[2].expect, [result("a", TextTest::Anything), result("b", contains("ok"))]);
    assert_eq!(
        steps[5].reply,
        Reply::Fail(Fault::Failed { code: "invalid_prompt".into(), message: "no".into() })
    );
}

#[test]
fn how_a_reply_is_put_is_read() {
    let steps = every_key().steps;
    let Reply::Items { reasoning, text, calls, manner } = &steps[6].reply else { panic!("a reply") };
    assert_eq!((reasoning.as_deref(), text.as_deref()), (Some("in portions"), Some("as well")));
    let wanted = Manner {
        text_portions: vec![3, 4],
        reasoning_portions: vec![3, 8],
        signature: None,
        encrypted: Some("sealed".into()),
        usage: Some(Usage { input: 10, cached: 4, output: 5, reasoning: 2 }),
        stop: Stop::Length,
    };
    assert_eq!((manner, calls[0].pieces), (&wanted, 3));
    let data = json!({"type": "response.created", "response": {"id": "resp_1"}});
    let raw = WireEvent::Raw("event: x\ndata: {}\n\n".into());
    assert_eq!(steps[7].reply, Reply::Events(vec![WireEvent::Data(data), raw]));
}

#[test]
fn assertions_know_where_they_stand() {
    let assertions = every_key().assertions;
    assert_eq!(&EVERY_KEY[assertions[0].use_span.clone()], "\"std/file\"");
    assert_eq!(assertions[0].with, json!({"path": "notes.txt", "equals": "after\n"}));
    assert_eq!(
        assertions[1].uses,
        Uses::Module { path: "check.wasm".into(), assertion: Some("spelling".into()) }
    );
    assert_eq!(assertions[1].with, json!({}));
    assert_eq!(assertions[1].with_span, assertions[1].use_span);
}

#[test]
fn what_is_not_said_has_a_default() {
    let text = "summary = 's'\n[[turn]]\nprompt = 'p'\n[[assert]]\nuse = 'std/exit'\n";
    let scenario = load_text("a.toml", text.as_bytes()).scenario.unwrap();
    assert_eq!(scenario.agents.iter().map(|agent| &agent.name).collect::<Vec<_>>(), ["example"]);
    assert_eq!(scenario.timeout_ms, 60_000);
    assert_eq!(scenario.completed, Completed::Completed);
    assert_eq!(scenario.workspace, Workspace::default());
    assert_eq!(scenario.sha256, Digest::of(text));
}

#[test]
fn sizes_are_bounded() {
    let id = |text: &str| load_text("a.toml", text.as_bytes()).diagnostics[0].id;
    assert_eq!(id(&"#".repeat(MOST_BYTES + 1)), "too-large");
    let more = |text: &str| EVERY_KEY.to_owned() + &text.repeat(1000);
    assert_eq!(id(&more("[[step]]\ntext = ''\n")), "too-many-steps");
    assert_eq!(id(&more("[[turn]]\nprompt = 'x'\n")), "too-many-turns");
    assert_eq!(id(&more("[[assert]]\nuse = 'std/exit'\n")), "too-many-assertions");
}

#[test]
fn of_very_many_mistakes_the_first_hundred_are_shown() {
    let unknown: String = (0..50_000).map(|index| format!("x{index}=1\n")).collect();
    let diagnostics = load_text("a.toml", (unknown + EVERY_KEY).as_bytes()).diagnostics;
    assert_eq!(diagnostics.len(), 101);
    assert_eq!(diagnostics[100].id, "more-mistakes");
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    assert!(load_text("a.toml", format!("\u{feff}{EVERY_KEY}").as_bytes()).scenario.is_some());
}

#[test]
fn the_deepest_nesting_that_the_parser_takes_is_refused() {
    let key = vec!["a"; 79].join(".");
    let value = format!("{}1{}", format!("{{{key} = ").repeat(79), "}".repeat(79));
    let text = format!("[{key}]\n{key} = {value}\n[[assert]]\nuse = 'std/exit'\nwith = {value}\n");
    let diagnostics = load_text("a.toml", text.as_bytes()).diagnostics;
    assert!(diagnostics.iter().any(|found| found.id == "too-deep"), "{diagnostics:#?}");
}
