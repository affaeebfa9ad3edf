//! `wassert run --dry-run`: what would be started, for people or as JSON.

use serde_json::json;

use super::arguments::{Format, Run};
use super::dry_run_shims::{shim_as_json, shim_for_people};
use super::output::Output;
use super::project;
use crate::report::Problem;
use crate::run::{Job, Prepared, prepare};
use crate::value::{ExitStatus, escape_terminal};

/// Prints how every job would be run; starts nothing.
pub(super) fn dry_run(jobs: &[Job], arguments: &Run, output: &Output) -> anyhow::Result<ExitStatus> {
    let programs = arguments.agent_bin.iter().cloned().collect();
    let root = project::root()?;
    let prepared: Vec<_> = jobs.iter().map(|job| (job, prepare(job, &programs, &root))).collect();
    match arguments.format {
        Format::Json => {
            let scenarios: Vec<_> = prepared.iter().map(|(job, prepared)| as_json(job, prepared)).collect();
            output.line(&format!("{:#}", json!({ "schema": "wassert.dry-run/1", "scenarios": scenarios })));
        }
        Format::Human => {
            for (job, prepared) in &prepared {
                for_people(job, prepared, output);
            }
        }
    }
    let is_wrong = |problem: &Problem| !problem.is_not_applicable();
    let wrong = prepared.iter().any(|(_, prepared)| prepared.as_ref().is_err_and(is_wrong));
    Ok(if wrong { ExitStatus::NotJudged } else { ExitStatus::Passed })
}

fn as_json(job: &Job, prepared: &Result<Prepared, Problem>) -> serde_json::Value {
    let mut value = json!({ "name": job.scenario.name, "agent": job.agent.name });
    match prepared {
        Ok(prepared) => {
            value["program"] = json!(prepared.program);
            value["turns"] = prepared
                .turns
                .iter()
                .map(|turn| json!({ "arguments": turn.arguments, "stdin": turn.stdin }))
                .collect();
            value["environment"] = json!(prepared.environment);
            value["home"] = json!(prepared.home_files);
            value["workspace"] = json!(prepared.workspace);
            value["shims"] = prepared.shims.iter().map(shim_as_json).collect();
        }
        Err(problem) => value["problem"] = json!({ "id": problem.id, "message": problem.message }),
    }
    value
}

fn for_people(job: &Job, prepared: &Result<Prepared, Problem>, output: &Output) {
    let style = output.style();
    let line = |text: &str| output.line(&escape_terminal(text));
    output.line(&style.strong(&escape_terminal(&format!("{}@{}", job.scenario.name, job.agent.name))));
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => {
            line(&format!("  {}: {}", problem.id, problem.message));
            if let Some(help) = &problem.help {
                line(&format!("  help: {help}"));
            }
            return;
        }
    };
    for (number, turn) in (1..).zip(&prepared.turns) {
        let words: Vec<String> = turn.arguments.iter().map(|word| quoted(word)).collect();
        line(&format!(
            "  turn {number}: {} {}",
            quoted(&prepared.program.to_string_lossy()),
            words.join(" ")
        ));
        if let Some(stdin) = &turn.stdin {
            line(&format!("    standard input: {}", quoted(stdin)));
        }
    }
    for (name, value) in &prepared.environment {
        line(&format!("  {name}={}", quoted(value)));
    }
    for (path, text) in &prepared.home_files {
        line(&format!("  ~/{path}  {} bytes", text.len()));
    }
    for path in &prepared.workspace {
        line(&format!("  {path}"));
    }
    for shim in &prepared.shims {
        shim_for_people(shim).iter().for_each(|text| line(text));
    }
}

/// A word as a shell would take it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+:=,{}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
