//! `wassert check`: everything `run` would refuse, without running.

use super::arguments::Selection;
use super::judges::new_judge;
use super::limits::LimitArguments;
use super::load::load_selection;
use super::output::Output;
use crate::run::{ResolveError, resolve};
use crate::value::ExitStatus;

/// Checks what was selected.
pub(super) fn check(selection: &Selection, output: &Output) -> anyhow::Result<ExitStatus> {
    let (loaded, _) = match load_selection(selection, output)? {
        Ok(found) => found,
        Err(nothing) => {
            output.note(&format!("error: {nothing}"));
            return Ok(ExitStatus::Nothing);
        }
    };
    let judge = new_judge(&LimitArguments::default())?;
    let mut statuses: Vec<_> = loaded.broken.iter().map(|_| ExitStatus::Usage).collect();
    let mut sound = 0;
    for scenario in &loaded.scenarios {
        match resolve(scenario, &judge) {
            Ok(_) => sound += 1,
            Err(ResolveError::Wrong(wrong)) => {
                for diagnostic in &wrong {
                    output.diagnostic(diagnostic);
                }
                statuses.push(ExitStatus::Usage);
            }
            Err(ResolveError::Unusable(problem)) => {
                output.note(&format!("error: {}: {}", scenario.file.display(), problem.message));
                statuses.push(ExitStatus::NotJudged);
            }
        }
    }
    output.line(&format!("{sound} of {} scenarios can be run", sound + statuses.len()));
    Ok(ExitStatus::strongest(statuses))
}
