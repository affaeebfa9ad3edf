//! Budgets of time, tokens and money, of a turn, a scenario and a run: who passes one is ended, and what is not known is
//! never taken for nothing.

use serde_json::{Value, json};

use crate::harness::{PLAIN, Project, result, verdict};
use crate::stand_ins::{LEVELS, run};

const EXHAUSTED: &str = "expect = { completed = \"budget-exhausted\" }";

/// What every turn that passed a budget has in the document.
fn assert_passed(turn: &Value, exceeded: &Value) {
    assert_eq!(&turn["exceeded"], exceeded);
    let outcome = json!({
        "kind": "budget-exhausted",
        "evidence": { "source": "limit", "place": "$['turns'][0]['exceeded']" },
    });
    assert_eq!(turn["outcome"], outcome);
}

#[test]
fn an_agent_that_passes_a_budget_is_ended() {
    let tokens = json!({ "level": "turn", "measure": "tokens", "limit": 100 });
    let cost = json!({ "level": "turn", "measure": "cost", "limit": 500_000 });
    let time = json!({ "level": "turn", "measure": "wall-clock", "limit": 300 });
    for level in LEVELS {
        for (name, extends, budget, exceeded) in [
            ("spends-tokens.sh", "example", "budget.tokens = 100", &tokens),
            ("spends-money.sh", "pi", "budget.dollars = 0.5", &cost),
            ("goes-silent.sh", "example", "budget.seconds = 0.3", &time),
        ] {
            let ran = run(name, level, EXHAUSTED, budget, &format!("extends = \"{extends}\""));
            let turn = &ran.document["turns"][0];
            assert_eq!(turn["end"], "budget-exhausted", "{level} {name}");
            assert_passed(turn, exceeded);
            assert_eq!(verdict(&ran.scenario, "run/completed")["outcome"], "pass", "{:#}", ran.scenario);
        }
    }
}

#[test]
fn a_budget_that_is_passed_is_red_unless_it_is_expected() {
    let ran = run("spends-tokens.sh", "group", "budget.tokens = 90", "", "extends = \"example\"");
    assert_eq!(ran.code, 1);
    let message = &verdict(&ran.scenario, "run/completed")["findings"][0]["message"];
    assert_eq!(message, "turn 1 was expected to complete, but it passed the scenario's budget of 90 tokens");
    let all = "timeout_seconds = 1.0\nbudget.tokens = 101";
    let ran = run("spends-tokens.sh", "group", all, "", "extends = \"example\"");
    assert_eq!(ran.document["turns"][0]["end"], "timeout", "all of a budget may be used");
}

/// A scenario of one turn that uses 120 tokens.
fn uses_120() -> String {
    let text = PLAIN.replace("[[step]]", "[[step]]\nusage = { input = 80, output = 40 }");
    assert_ne!(text, PLAIN);
    text
}

#[test]
fn who_says_it_only_at_its_end_has_passed_its_budget_then() {
    let project = Project::new();
    project.write("scenarios/odd.toml", &format!("budget.tokens = 119\n{EXHAUSTED}\n{}", uses_120()));
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{results:#}");
    let turn = &project.document(result(&results, "odd"))["turns"][0];
    assert_eq!((&turn["end"], &turn["terminal"]), (&"exited".into(), &"completed".into()));
    assert_passed(turn, &json!({ "level": "scenario", "measure": "tokens", "limit": 119 }));
}

#[test]
fn after_the_budget_of_the_run_nothing_is_started() {
    let project = Project::new();
    project.write("scenarios/a.toml", &uses_120()).write("scenarios/b.toml", &uses_120());
    project.write("wassert.toml", "[budget.run]\ntokens = 1000\n");
    assert_eq!(project.run_json(&["--jobs", "1"]).0, 0);
    let (code, results) = project.run_json(&["--jobs", "1", "--budget", "run.tokens=100"]);
    assert_eq!(code, 1);
    let first = project.document(result(&results, "a"));
    assert_passed(&first["turns"][0], &json!({ "level": "run", "measure": "tokens", "limit": 100 }));
    let second = result(&results, "b");
    assert_eq!((&second["outcome"], &second["recording"]), (&"error".into(), &Value::Null));
    let problem = &second["problem"];
    assert_eq!(problem["id"], "budget-exhausted");
    assert_eq!(problem["message"], "it was not started: the run's budget of 100 tokens is used up");
}

#[test]
fn what_an_agent_does_not_say_is_unknown_and_told() {
    let project = Project::new();
    project.write("scenarios/a.toml", &uses_120());
    let said = project.wassert(&["run", "--format", "json", "--budget", "turn.dollars=0"]);
    let note = "note: a@example: turn 1 did not say what it cost: no budget of it can be held\n";
    assert!(said.stderr.contains(note), "{}", said.stderr);
    let results: Value = serde_json::from_str(&said.stdout).unwrap();
    let turn = &project.document(result(&results, "a"))["turns"][0];
    assert_eq!((&turn["unmeasured"], turn.get("exceeded")), (&json!(["cost"]), None));
    assert_eq!(turn["usage"].get("cost_microdollars"), None);
}

#[test]
fn turns_of_a_session_are_told_apart() {
    let project = Project::new();
    let text = uses_120().replace("[[assert]]", "[[turn]]\nprompt = \"Again.\"\nbudget.tokens = 119\n[[step]]\nusage = { input = 80, output = 39 }\ntext = \"Yes.\"\n[[assert]]");
    project.write("scenarios/a.toml", &text);
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "its session has used 239, this turn 119: {results:#}");
    let usage = &project.document(result(&results, "a"))["turns"][1]["usage"];
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&80.into(), &39.into()));
}
