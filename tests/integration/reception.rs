//! `[server]`: requests that are not the agent's, lanes that a real endpoint answers, and limits, through the binary.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::{PLAIN, Project, result, verdict};

/// The example agent behind a script that first asks the server without the run's key.
const WITH_A_STRANGER: &str = r#"#!/bin/bash
for argument in "$@"; do
  case "$argument" in http://*) address=${argument#http://}; address=${address%%/*};; esac
done
exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
printf 'POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}' >&3
cat <&3 >/dev/null
exec "$WASSERT" example-agent "$@"
"#;

fn run(project: &Project, scenario: &str, level: &str) -> (i32, Value) {
    let program = project.program("stranger", WITH_A_STRANGER);
    let wassert = env!("CARGO_BIN_EXE_wassert");
    project.write(
        "scenarios/odd.toml",
        &format!("agents = ['odd']\n{scenario}\n[agent.odd]\nextends = 'example'\nenv = {{ WASSERT = '{wassert}' }}\n"),
    );
    project.run_json(&["--isolation", level, "--agent-bin", &format!("odd={}", program.display())])
}

#[test]
fn a_stranger_on_the_machine_uses_up_nothing_and_is_told() {
    let project = Project::new();
    let (code, results) = run(&project, PLAIN, "group");
    assert_eq!(code, 0, "{results:#}");
    let scenario = result(&results, "odd");
    let notes = scenario["notes"].as_array().unwrap();
    assert!(notes[0].as_str().unwrap().starts_with("1 request was not the agent's"), "{notes:?}");
    let followed = verdict(scenario, "run/script-followed");
    assert_eq!(followed["findings"][0]["at"][0]["path"], "$['requests'][1]");
    let document = project.document(scenario);
    let seen = |at: usize| {
        let request = &document["requests"][at];
        [&request["lane"], &request["path"], &request["reply"]["kind"]]
            .map(|value| value.as_str().unwrap().to_owned())
    };
    assert_eq!(seen(0), ["main", "/v1/responses", "step"], "the key is no part of what is recorded");
    assert_eq!(seen(1), ["foreign", "/v1/responses", "foreign"]);
    assert!(!document.to_string().contains("not-a-key-"), "the key differs from run to run");
    let again = project.wassert(&["judge", scenario["recording"].as_str().unwrap()]);
    assert_eq!(again.code, 0);
    assert!(again.stdout.contains("note: odd@odd: 1 request was not the agent's"), "{}", again.stdout);
}

pub fn passing(url: &str) -> String {
    let plain = PLAIN.replace("[[step]]\ntext = \"Hello.\"\n", "");
    plain.replace("[[turn]]", &format!("[server]\nupstream = {{ main = '{url}' }}\n[[turn]]"))
}

#[test]
fn a_lane_is_answered_by_a_real_endpoint_and_marked() {
    let project = Project::new();
    let real = crate::serve::Serving::start(&project, "[[step]]\ntext = 'From afar.'\n", &[]);
    project.write("scenarios/plain.toml", &passing(real.base_url()));
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{results:#}");
    let scenario = result(&results, "plain");
    assert!(scenario["notes"][0].as_str().unwrap().contains("lane `main` was answered by http://127.0.0.1:"));
    let document = project.document(scenario);
    assert_eq!(document["requests"][0]["reply"]["kind"], "upstream");
    assert_eq!(document["requests"][0]["reply"]["items"][0]["text"], "From afar.");
    assert!(document["scenario"]["upstream"]["main"].is_string());
    assert_eq!(document["turns"][0]["final_message"], "From afar.");
    let (code, _, stderr) = real.end();
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn an_endpoint_that_is_not_there_is_a_skip_with_a_type() {
    let project = Project::new();
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    project.write("scenarios/plain.toml", &passing(&format!("http://{gone}/v1")));
    let (code, results) = project.run_json(&[]);
    let scenario = result(&results, "plain");
    assert_eq!((code, &scenario["outcome"]), (4, &json!("skip")), "{results:#}");
    assert_eq!(scenario["problem"]["id"], "upstream-unreachable");
}

#[test]
fn what_a_limit_refused_is_named_by_the_verdict() {
    let project = Project::new();
    let script = "[server]\nrequest_seconds = 0.05\n[[step]]\ntext = 'One.'\n";
    let serving = crate::serve::Serving::start(&project, script, &[]);
    let slow = crate::serve::raw(&serving, "POST /v1/responses HTTP/1.1\r\n");
    assert!(slow.contains("slow-client"), "{slow}");
    assert!(serving.ask(&json!([crate::serve::user("first")])).contains("One."));
    let (code, stdout, stderr) = serving.end();
    assert_eq!(code, 1, "{stderr}");
    assert!(
        stdout.contains("a connection was refused: the head of a request took longer than 50 ms"),
        "{stdout}"
    );
}
