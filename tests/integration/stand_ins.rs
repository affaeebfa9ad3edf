//! Stand-in agents of `tests/agents`, each as bad as an agent can be: what must come of them, in bounded time.

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{PLAIN, Project, result, root, verdict};

/// One run of a stand-in: exit code, the scenario's result, its document.
pub struct Ran {
    pub code: i32,
    pub scenario: Value,
    pub document: Value,
}

/// A stand-in in a project of its own; another process writes it, see `Project::program`.
pub fn stand_in(project: &Project, name: &str) -> PathBuf {
    let text = std::fs::read_to_string(root().join("tests/agents").join(name)).unwrap();
    project.program(name, &text)
}

/// Runs a stand-in with keys for the scenario, its turn and `[agent.odd]`, at a level.
pub fn run(name: &str, level: &str, scenario: &str, turn: &str, agent: &str) -> Ran {
    let project = Project::new();
    let program = stand_in(&project, name);
    let text = PLAIN.replace("prompt = \"Say hello.\"", &format!("prompt = \"Say hello.\"\n{turn}"));
    let extends = if agent.contains("extends") { "" } else { "extends = \"example\"" };
    project.write(
        "scenarios/odd.toml",
        &format!("agents = [\"odd\"]\n{scenario}\n{text}\n[agent.odd]\n{extends}\n{agent}\n"),
    );
    let program = format!("odd={}", program.display());
    let (code, results) = project.run_json(&["--isolation", level, "--agent-bin", &program]);
    let scenario = result(&results, "odd").clone();
    let document = project.document(&scenario);
    Ran { code, scenario, document }
}

pub const LEVELS: [&str; 2] = ["full", "group"];

#[test]
fn a_wrapper_that_loses_signals_is_ended_with_what_it_wraps() {
    for level in LEVELS {
        let ran = run("loses-signals.sh", level, "timeout_seconds = 1.0", "", "");
        let turn = &ran.document["turns"][0];
        assert_eq!(
            (ran.code, &turn["end"], &turn["outcome"]["kind"]),
            (1, &"timeout".into(), &"timed-out".into())
        );
        let left = ran.document["processes"].as_array().unwrap();
        assert!(left.iter().all(|left| left["end"] == "killed"), "{level}: {left:?}");
        assert!(!left.is_empty(), "what is in another session was left behind");
    }
}

#[test]
fn a_hundred_megabytes_in_one_line_are_cut_and_counted() {
    for level in LEVELS {
        let ran = run("one-endless-line.sh", level, "", "", "");
        let turn = &ran.document["turns"][0];
        assert_eq!(
            (&turn["end"], &turn["outcome"]["kind"]),
            (&"output-limit".into(), &"budget-exhausted".into())
        );
        let stdout = &ran.document["stdout"][0];
        assert_eq!(stdout["truncated"], true, "{level}");
        assert!(stdout["bytes"].as_u64().unwrap() > 64 * 1024 * 1024, "{stdout}");
        assert_eq!(ran.document["raw"]["stdout-1"]["bytes"], 8 * 1024 * 1024);
    }
}

#[test]
fn a_home_that_can_not_be_written_is_told_and_removed() {
    let ran = run("closes-home.sh", "full", "", "", "");
    assert_eq!(ran.document["stdout"][0]["text"], "refused\n");
    assert_eq!(ran.document["turns"][0]["outcome"]["kind"], "incomplete");
    assert!(ran.document["home"]["changes"].get("~/kept").is_some(), "{}", ran.document["home"]);
}

#[test]
fn one_that_goes_silent_is_ended_when_its_time_to_be_silent_is_over() {
    for level in LEVELS {
        let patience = "stall_seconds = 0.3\nstall_connected_seconds = 0.6";
        for (environment, is_connected) in [("", false), ("env = { HOLD_CONNECTION = \"1\" }", true)] {
            let ran = run("goes-silent.sh", level, "", patience, environment);
            let turn = &ran.document["turns"][0];
            assert_eq!((&turn["end"], &turn["outcome"]["kind"]), (&"stalled".into(), &"stalled".into()));
            assert_eq!(turn["outcome"]["connected"], is_connected, "{level}");
            let sampled = &ran.document["timing"]["sampled"][0];
            assert_eq!(sampled["slow"], true, "{sampled}");
            let least = if is_connected { 600 } else { 300 };
            assert!(sampled["longest_silence_ms"].as_u64().unwrap() >= least, "{sampled}");
            let message = &verdict(&ran.scenario, "run/completed")["findings"][0]["message"];
            assert!(message.as_str().unwrap().ends_with("silent for too long"), "{message}");
        }
    }
}

#[test]
fn one_that_is_slow_is_told_of_before_it_is_ended() {
    let project = Project::new();
    let program = stand_in(&project, "goes-silent.sh");
    let patience = "prompt = \"Say hello.\"\nslow_seconds = 0.1\nstall_seconds = 0.5";
    project.write("scenarios/odd.toml", &PLAIN.replace("prompt = \"Say hello.\"", patience));
    let said = project.wassert(&["run", "--agent-bin", &format!("example={}", program.display())]);
    let note = "note: odd@example: turn 1 is slow: silent for ";
    assert_eq!(said.stderr.matches(note).count(), 1, "{}", said.stderr);
    assert!(
        said.stderr.contains(" s with no connection to the server open; it has 0.5 s\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_program_that_is_not_as_measured_is_told_of_and_runs() {
    let project = Project::new();
    let newer = "#!/bin/sh\ncase $1 in --version) echo 'codex-cli 9.1.0'; exit;; esac\n\
        echo '{\"type\":\"brand.new\"}'\necho '{\"type\":\"turn.completed\"}'\n";
    let newer = project.program("newer.sh", newer);
    let unseen = project.program("unseen.sh", "#!/bin/sh\necho hello\n");
    let agents = "agents = [\"codex\", \"antigravity\"]\n";
    project.write(
        "scenarios/a.toml",
        &format!("{agents}{}", PLAIN.replace("text = ", "optional = true\ntext = ")),
    );
    project.write(
        "scenarios/b.toml",
        &format!("{agents}{}", PLAIN.replace("text = ", "optional = true\ntext = ")),
    );
    let programs = [format!("codex={}", newer.display()), format!("antigravity={}", unseen.display())];
    let bins = ["--agent-bin", &programs[0], "--agent-bin", &programs[1]];
    let said = project.wassert(&[&["run", "--format", "json"], &bins[..]].concat());
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    for note in [
        "note: codex: `codex-cli 9.1.0` is newer than codex-cli 0.169.0, which the profile of `codex` was measured with",
        "note: antigravity: the profile of `antigravity` was not verified against the real program\n",
    ] {
        assert_eq!(said.stderr.matches(note).count(), 1, "once for all scenarios: {}", said.stderr);
    }
    let results: Value = serde_json::from_str(&said.stdout).unwrap();
    let of = |agent: &str| {
        let mut all = results["scenarios"].as_array().unwrap().iter();
        let found = all.find(|scenario| scenario["agent"] == agent).unwrap();
        (found["notices"].clone(), project.document(found))
    };
    let (notices, document) = of("codex");
    assert!(notices[0].as_str().unwrap().contains("newer than codex-cli 0.169.0"), "{notices}");
    assert_eq!(
        (&document["agent"]["version"], &document["agent"]["measured_version"]),
        (&"codex-cli 9.1.0".into(), &"codex-cli 0.169.0".into())
    );
    assert_eq!(
        (&document["events"][0]["kind"], &document["events"][0]["type"]),
        (&"other".into(), &"brand.new".into())
    );
    let (notices, document) = of("antigravity");
    assert!(notices[0].as_str().unwrap().contains("not verified"), "{notices}");
    assert_eq!(document["agent"]["unverified"], true);
}

/// One that ends before anybody has said that it began.
#[test]
fn who_ends_at_once_was_started_all_the_same() {
    let project = Project::new();
    let program = project.program("ends.sh", "#!/bin/sh\nexit 3\n");
    for number in 0..40 {
        project.write(&format!("scenarios/s{number}.toml"), PLAIN);
    }
    let program = format!("example={}", program.display());
    let (_, results) = project.run_json(&["--jobs", "8", "--agent-bin", &program]);
    for scenario in results["scenarios"].as_array().unwrap() {
        assert_eq!(scenario["problem"], Value::Null, "{}", scenario["name"]);
    }
}

#[test]
fn an_interrupt_is_sent_when_its_event_appears_and_told() {
    for level in LEVELS {
        for after in ["{ event = \"command\", phase = \"started\" }", "{ file = \"command-runs\" }"] {
            let turn = format!("interrupt = {{ after = {after}, action = \"INT\", within_seconds = 20 }}");
            let ran = run("heeds-interrupts.sh", level, "expect = { completed = \"failed\" }", &turn, "");
            let turn = &ran.document["turns"][0];
            let interrupt = serde_json::json!({ "action": "INT", "sent": true, "ended": true });
            assert_eq!((&turn["interrupt"], &turn["exit"]), (&interrupt, &1.into()), "{level} {after}");
            assert_eq!(verdict(&ran.scenario, "run/completed")["outcome"], "pass", "{:#}", ran.scenario);
        }
    }
}

#[test]
fn an_interrupt_that_is_not_heeded_or_never_due_is_red() {
    let deaf = "interrupt = { after = { event = \"session\" }, action = \"CLOSE\", within_seconds = 0.3 }";
    let ran = run("goes-silent.sh", "full", "", &deaf.replace("CLOSE", "close-stdin"), "");
    let turn = &ran.document["turns"][0];
    let interrupt = serde_json::json!({ "action": "close-stdin", "sent": true, "ended": false });
    assert_eq!((&turn["interrupt"], &turn["end"]), (&interrupt, &"timeout".into()));
    assert_eq!(ran.code, 1);
    let early = "interrupt = { after = { requests = 1 }, action = \"TERM\" }";
    let ran = run("reads-to-the-end.sh", "full", "", early, "");
    let message = &verdict(&ran.scenario, "run/completed")["findings"][0]["message"];
    assert_eq!(message, "turn 1 ended before it could be interrupted");
    let lost = "interrupt = { after = { file = \"../home\" }, action = \"TERM\", within_seconds = 0.3 }";
    let ran = run("loses-signals.sh", "full", "timeout_seconds = 1.0", lost, "");
    assert_eq!(ran.document["turns"][0]["interrupt"]["sent"], false, "no path leads out of the workspace");
}

#[test]
fn standard_input_stays_open_until_it_is_closed() {
    for level in LEVELS {
        let turn =
            "interrupt = { after = { event = \"session\" }, action = \"close-stdin\", within_seconds = 20 }";
        let ran = run("reads-to-the-end.sh", level, "", turn, "");
        let turn = &ran.document["turns"][0];
        assert_eq!((&turn["end"], &turn["terminal"]), (&"exited".into(), &"completed".into()), "{level}");
        assert_eq!(turn["interrupt"]["ended"], true);
    }
}

#[test]
fn limits_are_put_on_the_agent_and_what_it_starts() {
    for level in LEVELS {
        let limits = "limits = { cpu_seconds = 30, open_files = 64, file_mebibytes = 1 }";
        let ran = run("tells-limits.sh", level, "", limits, "");
        // Files are counted in blocks of 512 bytes.
        assert_eq!(ran.document["stdout"][0]["text"], "64\n30\n2048\n", "{level}");
    }
}

#[test]
fn what_a_turn_used_is_told() {
    for level in LEVELS {
        let ran = run("leaves-everything.sh", level, "", "", "");
        let used = &ran.document["timing"]["sampled"][0];
        assert!(used["bytes_written"].as_u64().unwrap() > 100, "{used}");
        assert!(used["processes_seen"].as_u64().unwrap() >= 1, "{used}");
        match level {
            "full" => assert!(used["tasks_started"].as_u64().unwrap() >= 8, "{used}"),
            _ => assert!(used.get("tasks_started").is_none(), "{used}"),
        }
    }
}

#[test]
fn what_is_weaker_is_said_once_for_all() {
    let project = Project::new();
    project.write("scenarios/a.toml", PLAIN).write("scenarios/b.toml", PLAIN);
    let full = project.wassert(&["run", "--isolation", "full"]);
    assert!(!full.stderr.contains("note: isolation"), "{}", full.stderr);
    let group = project.wassert(&["run", "--isolation", "group", "--memory-budget", "1"]);
    assert_eq!(
        (group.code, group.stderr.matches("note: isolation group").count()),
        (0, 1),
        "{}",
        group.stderr
    );
    let host = project.wassert(&["run", "--isolation", "full", "--network", "host"]);
    assert!(host.stderr.contains("note: agents shared the machine's network"), "{}", host.stderr);
}

#[test]
fn the_doctor_tells_agents_and_isolation() {
    let said = Project::new().wassert(&["doctor", "--format", "json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    let probes = &found["probes"];
    assert_eq!(
        (&probes["agents"]["example"]["there"], &probes["isolation of agents"]["group"]["there"]),
        (&"yes".into(), &"yes".into())
    );
    for agent in ["claude", "codex", "gemini", "opencode", "pi"] {
        let told = &probes["agents"][agent];
        assert!(
            told["there"] != "no" || told["text"].as_str().unwrap().contains("npm install"),
            "{agent}: {told}"
        );
    }
    let people = Project::new().wassert(&["doctor"]);
    assert!(
        people.stdout.contains("isolation of agents") && people.stdout.contains("judge workers"),
        "{}",
        people.stdout
    );
}

#[test]
fn a_lock_of_the_turn_before_is_found_in_the_same_home() {
    let project = Project::new();
    let program = stand_in(&project, "keeps-its-lock.sh");
    project.write(
        "scenarios/lock.toml",
        &format!("{PLAIN}\n[[turn]]\nprompt = \"Again.\"\nstall_seconds = 0.3\n"),
    );
    let program = format!("example={}", program.display());
    let (_, results) = project.run_json(&["--agent-bin", &program]);
    let document = project.document(result(&results, "lock"));
    assert_eq!(document["turns"][1]["outcome"]["kind"], "stalled", "{}", document["turns"]);
    assert_eq!(document["stdout"][1]["text"], "the lock of another turn is there\n");
}

#[test]
fn a_program_for_another_machine_or_without_leave_is_named() {
    let project = Project::new();
    project.write("scenarios/plain.toml", PLAIN);
    // The head of a program for 64-bit ARM or, there, for x86.
    let machine = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    head.extend([machine, 0, 1, 0, 0, 0]);
    head.resize(120, 0);
    std::fs::write(project.path().join("other.source"), &head).unwrap();
    let other = project.path().join("other");
    for (mode, id) in [("755", "agent-not-started"), ("644", "agent-missing")] {
        let copied = std::process::Command::new("install")
            .args(["-m", mode])
            .arg(project.path().join("other.source"))
            .arg(&other)
            .status();
        assert!(copied.unwrap().success());
        for level in LEVELS {
            let program = format!("example={}", other.display());
            let (code, results) = project.run_json(&["--isolation", level, "--agent-bin", &program]);
            let problem = &results["scenarios"][0]["problem"];
            assert_eq!((code, &problem["id"]), (3, &id.into()), "{level}: {results:#}");
        }
    }
}
