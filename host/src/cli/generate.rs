//! `wassert generate`: what other programs need to know of this one.

use super::arguments::{Generate, GenerateVerb};
use super::output::Output;
use crate::document::RUN_SCHEMA;
use crate::run::STREAM_SCHEMA;
use crate::value::ExitStatus;

/// Prints it.
pub(super) fn generate(arguments: &Generate, output: &Output) -> ExitStatus {
    match arguments.verb {
        GenerateVerb::Schema => output.result(RUN_SCHEMA),
        GenerateVerb::JudgeStream => output.result(STREAM_SCHEMA),
    }
    ExitStatus::Passed
}
