//! Scenarios over every protocol, with the agent that is built in.

use crate::harness::{Project, not_passed, root, verdict};

#[test]
fn every_protocol_scenario_is_green_twice_and_breaks_no_invariant() {
    let project = Project::new();
    let scenarios = root().join("scenarios/protocols");
    let (code, results) = project.run_json(&[scenarios.to_str().unwrap(), "--twice"]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let all = results["scenarios"].as_array().unwrap();
    assert_eq!(all.len(), 3 * 5 + 2);
    let mut spoken = std::collections::BTreeSet::new();
    for scenario in all {
        assert_eq!(verdict(scenario, "run/repeatable")["outcome"], "pass", "{scenario:#}");
        for request in project.document(scenario)["requests"].as_array().unwrap() {
            assert_eq!(request["violations"].as_array().map(Vec::len), Some(0), "{request:#}");
            spoken.insert(format!("{} over {}", request["protocol"], request["transport"]).replace('"', ""));
        }
    }
    let expected = [
        "chat over http",
        "gemini over http",
        "messages over http",
        "responses over http",
        "responses over websocket",
    ];
    assert_eq!(spoken.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
