//! `--chaos SEED`: disturbs scenarios by a schedule of faults, which is printed and recorded as a part of their text.

use super::output::Output;
use super::project;
use crate::run::chaos;
use crate::scenario::{LoadContext, Loaded, Scenario, load, load_script};
use crate::value::escape_terminal;

/// What the file of a scenario is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `wassert run`.
    Scenario,
    /// `wassert serve`.
    Script,
}

/// The scenario with the schedule at the end of its text, read again; none when that can't be, which is told.
pub(super) fn disturbed(
    scenario: &Scenario,
    kind: Kind,
    seed: u64,
    output: &Output,
) -> anyhow::Result<Option<Scenario>> {
    let schedule = chaos(scenario, seed);
    output.note(&escape_terminal(&format!("# {}", scenario.name)));
    output.note(schedule.trim_end());
    let line_end = if scenario.source.ends_with('\n') { "" } else { "\n" };
    let text = format!("{}{line_end}{schedule}", scenario.source);
    let directory = scenario.directory();
    let agents = project::agents(&project::root()?)?;
    let context = LoadContext {
        file_exists: &|path| directory.join(path).is_file(),
        folder_exists: &|path| directory.join(path).is_dir(),
        agents: &agents,
    };
    let (name, file) = (scenario.name.clone(), scenario.file.clone());
    let Loaded { scenario, diagnostics } = match kind {
        Kind::Scenario => load(name, file, text.as_bytes(), &context),
        Kind::Script => load_script(name, file, text.as_bytes(), &context),
    };
    // Warnings were told when it was read first.
    if scenario.is_none() {
        for diagnostic in &diagnostics {
            output.diagnostic(diagnostic);
        }
    }
    Ok(scenario)
}
