//! `wassert show` on a recording of the quickstart's edit.

use crate::harness::{Project, root};

fn recorded(scenario: &str) -> (Project, String) {
    let project = Project::new();
    let (_, results) = project.run_json(&[root().join(scenario).to_str().unwrap()]);
    let recording = results["scenarios"][0]["recording"].as_str().unwrap().to_owned();
    (project, recording)
}

fn show(project: &Project, arguments: &[&str]) -> String {
    let said = project.wassert(&[&["show"], arguments].concat());
    assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.stdout, said.stderr);
    said.stdout
}

#[test]
fn the_numbers_of_the_timeline_are_those_the_flags_take() {
    let (project, recording) = recorded("scenarios/quickstart/edit-file.toml");
    let timeline = show(&project, &[&recording]);
    for line in [
        "turn 1: Change notes.txt from before to after.",
        "  requests[1] main step 2, 5 items over http",
        "    sends result of edit: Process exited with code 0\\nOutput:\\nedited",
        "  modified  notes.txt  7 → 6 bytes",
    ] {
        assert!(timeline.contains(line), "{line} in {timeline}");
    }
    let order: Vec<_> = ["requests[0]", "events[3]", "requests[1]", "events[4]"]
        .iter()
        .map(|what| timeline.find(what).unwrap_or_else(|| panic!("{what} in {timeline}")))
        .collect();
    assert!(order.is_sorted(), "{timeline}");

    let event = show(&project, &[&recording, "--event", "3"]);
    assert!(event.starts_with("events[3] command completed"), "{event}");
    assert!(event.contains("  output edited\n"), "{event}");
    let request = show(&project, &[&recording, "--request", "1", "--body"]);
    assert!(request.contains("[4] result of edit:\n        Process exited"), "{request}");
    assert!(request.contains("\n  body "), "{request}");
}

#[test]
fn the_conversation_is_told_once() {
    let (project, recording) = recorded("scenarios/quickstart/resume.toml");
    let transcript = show(&project, &[&recording, "--transcript"]);
    assert_eq!(transcript.matches("I will remember it.").count(), 1, "{transcript}");
    let second = show(&project, &[&recording, "--transcript", "--turn", "2"]);
    assert!(second.contains("requests[1] turn 2") && !second.contains("requests[0] "), "{second}");
}

#[test]
fn a_file_is_compared_line_by_line() {
    let (project, recording) = recorded("scenarios/quickstart/edit-file.toml");
    let difference = show(&project, &[&recording, "--file", "notes.txt"]);
    assert!(difference.contains("  -before\n  +after\n"), "{difference}");
    let colored = show(&project, &[&recording, "--file", "notes.txt", "--color", "always"]);
    assert!(colored.contains("\x1b[32m+after"), "{colored:?}");
}

#[test]
fn a_path_leads_to_its_place_and_a_query_to_all_of_its_matches() {
    let (project, recording) = recorded("scenarios/quickstart/edit-file.toml");
    for path in ["$['requests'][1]['transcript'][4]", "$.requests[1].transcript[-1]"] {
        let place = show(&project, &[&recording, "--at", path]);
        assert!(place.contains("in requests[1]: turn 1, main step 2\n"), "{place}");
        assert!(place.contains("> [4]\n"), "{place}");
    }
    let found = show(&project, &[&recording, "--json-path", "$.turns[*].exit"]);
    assert_eq!(found, "$['turns'][0]['exit'] = 0\n");
    let raw = ["--json-path", "$.requests[*].lane", "--json"];
    assert_eq!(show(&project, &[&[&*recording], &raw[..]].concat()), "\"main\"\n\"main\"\n");
    let body = show(&project, &[&recording, "--at", "requests/1/body", "--bytes", "0..8"]);
    assert!(body.contains("»{\"input\"«"), "{body}");
    let event: serde_json::Value =
        serde_json::from_str(&show(&project, &[&recording, "--event", "0", "--json"])).unwrap();
    assert_eq!(event["kind"], "session");
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let (project, recording) = recorded("scenarios/quickstart/plain.toml");
    for (arguments, code, reason) in [
        (&["--event", "99"][..], 2, "there is no event 99: the recording has 4 events, numbered 0 to 3"),
        (&["--request", "1"], 2, "there is no request 1: the recording has one request, number 0"),
        (&["--request", "1", "--body"], 2, "the recording has one request, number 0"),
        (&["--turn", "2"], 2, "there is no turn 2: the recording has one turn, number 1"),
        (&["--transcript", "--turn", "0"], 2, "there is no turn 0"),
        (&["--file", "gone"], 2, "there is no file `gone`"),
        (&["--at", "$.requests[7].lane"], 2, "`$['requests']` has one element, number 0"),
        (&["--at", "$.turns[0].exits"], 2, "`$['turns'][0]` has end, exit, final_message"),
        (&["--at", "$.turns[*]"], 2, "ask with `--json-path`"),
        (&["--at", "$.["], 2, "not a valid JSONPath"),
        (&["--at", "requests/9/body"], 2, "the recording has no blob `requests/9/body`"),
        (&["--at", "$.turns", "--bytes", "1..2"], 2, "`--bytes` belongs to a blob's name"),
        (&["--json-path", "$.["], 2, "not a valid JSONPath"),
        (&["--json-path", "$.nothing"], 4, "nothing matches"),
        (&["--event", "1", "--request", "1"], 2, "cannot be used with"),
        (&["--turn", "1", "--event", "1"], 2, "cannot be used with"),
    ] {
        let said = project.wassert(&[&["show", &*recording], arguments].concat());
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(reason), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn a_failing_finding_names_the_command_that_shows_its_place() {
    let (project, recording) = recorded("scenarios/quickstart/edit-file.toml");
    let with = r#"{"path":"notes.txt","equals":"other\n"}"#;
    let said = project.wassert(&["judge", &recording, "--use", "std/file", "--with", with]);
    assert_eq!(said.code, 1);
    let line = said.stdout.lines().find_map(|line| line.trim_start().strip_prefix("look:     wassert "));
    let line = line.unwrap_or_else(|| panic!("{}", said.stdout));
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(format!("{} {line}", env!("CARGO_BIN_EXE_wassert"))).current_dir(project.path());
    let shown = shell.output().unwrap();
    assert!(shown.status.success(), "{line}: {}", String::from_utf8_lossy(&shown.stderr));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("after"), "{line}: {shown:?}");
}

#[test]
fn no_pager_is_started_where_nobody_looks() {
    let (project, recording) = recorded("scenarios/quickstart/plain.toml");
    let said = project
        .command(&["show", &recording])
        .env("WASSERT_PAGER", "echo paged")
        .output()
        .map(crate::harness::Said::from)
        .unwrap();
    assert!(said.stdout.contains("turn 1") && !said.stdout.contains("paged"), "{}", said.stdout);
}
