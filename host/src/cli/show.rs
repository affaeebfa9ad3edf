//! `wassert show`.

use anyhow::anyhow;

use super::arguments::Show;
use super::export::export;
use super::given::Given;
use super::output::Output;
use crate::recording::VERDICTS;
use crate::report::timeline;
use crate::value::{ExitStatus, Verdict, canonical};

/// Shows a recording.
pub(super) fn show(arguments: &Show, output: &Output) -> anyhow::Result<ExitStatus> {
    let given = Given::new(&arguments.recording)?;
    let opened = given.open().map_err(|error| match error.help() {
        Some(help) => anyhow!("{error}\nhelp: {help}"),
        None => anyhow!(error),
    })?;
    if let Some(to) = &arguments.export {
        return export(&opened, to, output);
    }
    if arguments.json {
        output.line(&canonical(&opened.document));
        return Ok(ExitStatus::Passed);
    }
    let recording = opened.typed()?;
    let verdicts = std::fs::read(recording.path.join(VERDICTS)).ok();
    let verdicts: Vec<Verdict> = verdicts
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .and_then(|mut value| serde_json::from_value(value["verdicts"].take()).ok())
        .unwrap_or_default();
    output.result(&timeline(&recording.document, &verdicts, output.style()));
    Ok(ExitStatus::Passed)
}
