//! `wassert show`.

use anyhow::anyhow;

use super::arguments::Show;
use super::export::export;
use super::given::Given;
use super::output::Output;
use crate::recording::{ReadError, VERDICTS};
use crate::report::timeline;
use crate::value::{ExitStatus, Verdict, canonical};

/// Shows a recording.
pub(super) fn show(arguments: &Show, output: &Output) -> anyhow::Result<ExitStatus> {
    let given = Given::new(&arguments.recording)?;
    let told = |error: ReadError| match error.help() {
        Some(help) => anyhow!("{error}\nhelp: {help}"),
        None => anyhow!(error),
    };
    if let Some(to) = &arguments.export {
        return export(&given.open().map_err(told)?, to, output);
    }
    if arguments.json {
        output.line(&canonical(&given.open().map_err(told)?.document));
        return Ok(ExitStatus::Passed);
    }
    let recording = given.read().map_err(told)?;
    let verdicts = std::fs::read(recording.path.join(VERDICTS)).ok();
    let verdicts: Vec<Verdict> = verdicts
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .and_then(|mut value| serde_json::from_value(value["verdicts"].take()).ok())
        .unwrap_or_default();
    output.result(&timeline(&recording.document, &verdicts, output.style()));
    Ok(ExitStatus::Passed)
}
