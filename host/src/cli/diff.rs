//! `wassert diff`.

use std::path::Path;

use serde_json::Value;

use super::arguments::{Diff, Format};
use super::given::{Given, told};
use super::output::Output;
use crate::document::{VARYING, differences};
use crate::report::{difference, difference_json};
use crate::value::ExitStatus;

/// Compares two recordings.
pub(super) fn diff(arguments: &Diff, output: &Output) -> anyhow::Result<ExitStatus> {
    let left_out: &[&str] = if arguments.all { &[] } else { &VARYING };
    let found = differences(&document(&arguments.left)?, &document(&arguments.right)?, left_out);
    match arguments.format {
        Format::Human => output.result(&difference(&found, left_out, output.style())),
        Format::Json => output.line(&format!("{:#}", difference_json(&found, left_out))),
    }
    Ok(if found.found.is_empty() { ExitStatus::Passed } else { ExitStatus::Failed })
}

fn document(path: &Path) -> anyhow::Result<Value> {
    Ok(Given::new(path)?.open().map_err(told)?.document)
}
