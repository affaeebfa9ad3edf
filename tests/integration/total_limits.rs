//! Limits of all processes of a turn together: held where the system hands this program a control group of version 2,
//! and said not to be where it does not. What `wassert doctor` says decides which of both must be seen.

use serde_json::Value;

use crate::harness::{PLAIN, Project};
use crate::stand_ins::{LEVELS, Ran, run};

/// What the doctor says of them.
fn told() -> Value {
    let said = Project::new().wassert(&["doctor", "--format", "json"]);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    found["probes"]["isolation of agents"]["total limits"].clone()
}

/// Whether they are held; where they are not, that this is told has been seen.
fn is_held(ran: &Ran, level: &str) -> bool {
    let doctor = told();
    let is_held = &ran.document["turns"][0]["total_limits_held"];
    let notices = ran.scenario["notices"].to_string();
    if doctor["there"] == "yes" {
        assert_eq!(is_held, true, "{level}: {doctor} {notices}");
        return true;
    }
    let text = doctor["text"].as_str().unwrap();
    let (_, reason) = text.split_once("not verified on this machine: ").unwrap();
    assert_eq!(is_held, false, "{level}");
    let notice = "turn 1: its limits of all processes together are not held: ";
    assert!(notices.contains(notice), "{notices}");
    assert!(ran.document["timing"]["sampled"][0].get("together").is_none());
    eprintln!("SKIPPED at level {level}: no total limits here: {reason}");
    false
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn all_processes_together_get_no_more_memory_than_they_may() {
    for level in LEVELS {
        let ran = run(
            "uses-much.sh",
            level,
            "",
            "limits = { total_memory_mebibytes = 64 }",
            "env = { MODE = \"memory\" }",
        );
        if !is_held(&ran, level) {
            continue;
        }
        let together = &ran.document["timing"]["sampled"][0]["together"];
        assert!(number(&together["out_of_memory"]) >= 1, "{level}: {together}");
        assert!(number(&together["peak_memory_bytes"]) <= 64 << 20, "{level}: {together}");
        assert!(number(&together["peak_memory_bytes"]) > 32 << 20, "{level}: {together}");
        assert!(number(&together["cpu_ms"]) > 0, "{level}: {together}");
        // The child was ended, and with it everything of the turn.
        let turn = &ran.document["turns"][0];
        let seen = (&turn["end"], &turn["signal"]);
        assert_eq!(
            seen,
            (&"signal".into(), &"SIGKILL".into()),
            "{level}: {together} {}",
            ran.document["stdout"]
        );
        let notices = ran.scenario["notices"].to_string();
        assert!(notices.contains("reached `total_memory_mebibytes`, and the kernel ended them"), "{notices}");
    }
}

#[test]
fn all_processes_together_are_no_more_than_they_may() {
    for level in LEVELS {
        let ran = run(
            "uses-much.sh",
            level,
            "",
            "limits = { total_processes = 20, total_cpu_percent = 150 }",
            "env = { MODE = \"processes\" }",
        );
        if !is_held(&ran, level) {
            continue;
        }
        let together = &ran.document["timing"]["sampled"][0]["together"];
        assert!(number(&together["starts_refused"]) >= 1, "{level}: {together}");
        assert!(together["peak_tasks"].as_u64().is_none_or(|peak| peak <= 20), "{level}: {together}");
        let said = ran.document["stdout"][0]["text"].as_str().unwrap();
        assert!(said.contains("12 started\n") && !said.contains("20 started\n"), "{level}: {said}");
        let notices = ran.scenario["notices"].to_string();
        assert!(notices.contains("reached `total_processes`"), "{notices}");
    }
}

#[test]
fn a_turn_without_such_limits_has_no_group() {
    let ran = run("uses-much.sh", "full", "", "limits = { open_files = 64 }", "");
    assert!(ran.document["turns"][0].get("total_limits_held").is_none());
    assert!(ran.document["timing"]["sampled"][0].get("together").is_none());
}

#[test]
fn what_is_no_program_was_not_started_with_such_limits_either() {
    let project = Project::new();
    let program = project.program("words", "these are words\n");
    let prompt = "prompt = \"Say hello.\"";
    let limited = PLAIN.replace(prompt, &format!("{prompt}\nlimits = {{ total_processes = 20 }}"));
    assert_ne!(limited, PLAIN);
    project.write("scenarios/words.toml", &limited);
    for level in LEVELS {
        let program = format!("example={}", program.display());
        let (code, results) = project.run_json(&["--isolation", level, "--agent-bin", &program]);
        let problem = &results["scenarios"][0]["problem"];
        assert_eq!((code, &problem["id"]), (3, &"agent-not-started".into()), "{level}: {results:#}");
        assert!(problem["message"].as_str().unwrap().contains("Exec format error"), "{level}: {problem}");
    }
}
