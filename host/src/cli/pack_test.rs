//! `wassert pack test`.

use super::arguments::{Format, PackTest};
use super::judges::new_judge;
use super::output::Output;
use crate::report::{ExampleResult, examples_for_people, examples_json};
use crate::run::{PackFolder, PackFolderError};
use crate::value::{ExitStatus, escape_terminal};

/// Judges every example of a pack.
pub(super) fn test(arguments: &PackTest, output: &Output) -> anyhow::Result<ExitStatus> {
    let judge = new_judge(&arguments.limits)?;
    let pack = match PackFolder::open(&arguments.pack, &judge) {
        Ok(pack) => pack,
        Err(error) => return Ok(told(&error, output)),
    };
    let results = pack.test(&judge)?;
    let name: &str = pack.manifest.pack.name.as_ref();
    match arguments.format {
        Format::Human => output.result(&examples_for_people(name, &results, output.style())),
        Format::Json => output.line(&format!("{:#}", examples_json(name, &results))),
    }
    Ok(ExitStatus::strongest(results.iter().map(ExampleResult::status)))
}

/// Says why a pack can't be tested, and with which exit code.
pub(super) fn told(error: &PackFolderError, output: &Output) -> ExitStatus {
    output.note(&format!("error: {}", escape_terminal(&error.to_string())));
    match error {
        PackFolderError::Wrong { .. } => ExitStatus::Usage,
        PackFolderError::Unusable { .. } => ExitStatus::NotJudged,
    }
}
