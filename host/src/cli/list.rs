//! `wassert list`.

use serde_json::json;

use super::arguments::{Format, List};
use super::load::load_selection;
use super::output::Output;
use crate::value::{ExitStatus, escape_terminal};

/// Lists what was selected.
pub(super) fn list(arguments: &List, output: &Output) -> anyhow::Result<ExitStatus> {
    let (loaded, filter) = match load_selection(&arguments.selection, output)? {
        Ok(found) => found,
        Err(nothing) => {
            output.note(&format!("error: {nothing}"));
            return Ok(ExitStatus::Nothing);
        }
    };
    let selected = match filter.runs(&loaded.scenarios) {
        Ok(selected) => selected,
        Err(_) if !loaded.broken.is_empty() => Vec::new(),
        Err(nothing) => {
            output.note(&format!("error: {nothing}"));
            return Ok(ExitStatus::Nothing);
        }
    };
    let style = output.style();
    match arguments.format {
        Format::Human => {
            for (scenario, agent) in selected {
                let name = style.strong(&escape_terminal(&scenario.name));
                let agent = style.faint(&format!("@{}", escape_terminal(&agent.name)));
                output.line(&format!("{name}{agent}  {}", escape_terminal(&scenario.summary)));
            }
        }
        Format::Json => {
            let scenarios: Vec<_> = selected
                .iter()
                .map(|(scenario, agent)| {
                    json!({
                        "name": scenario.name,
                        "agent": agent.name,
                        "profile": agent.profile,
                        "file": scenario.file,
                        "summary": scenario.summary,
                        "pins": scenario.pins,
                        "owners": scenario.owners,
                        "tags": scenario.tags,
                        "assertions": scenario.assertions.iter().map(|one| one.uses.to_string()).collect::<Vec<_>>(),
                    })
                })
                .collect();
            output.line(&format!("{:#}", json!({ "schema": "wassert.list/1", "scenarios": scenarios })));
        }
    }
    Ok(if loaded.broken.is_empty() { ExitStatus::Passed } else { ExitStatus::Usage })
}
