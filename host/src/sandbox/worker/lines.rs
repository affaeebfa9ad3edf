//! What a supervisor and its worker tell each other, a line each. Both are the same program, so nothing here is stable.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sandbox::door::Way;
use crate::sandbox::limits::Limits;
use crate::sandbox::message::{Description, JudgeRequest, ModuleSource};
use crate::value::{Digest, ReceiptInputs, Unjudged, Verdict};

// Tagged from outside: serde buffers what stands beside a tag, and loses numbers kept as they were written.

/// From the supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sandbox) enum ToWorker {
    /// First, and once.
    Begin(Begin),
    /// A module, before the first question about it: its compiled code comes as a descriptor, or it was refused.
    Module { digest: Digest, made: Result<Way, Unjudged> },
    /// Answered by `Descriptions` or `Unjudged`.
    Describe { module: ModuleSource, name: String },
    /// Answered by `Verdict`; with `ask_first`, by `Inputs` before anything is run.
    Judge { request: Box<JudgeRequest>, ask_first: bool },
    /// The answer to `Inputs`: a verdict that is known is not made again, and nothing more is answered.
    GoOn { is_known: bool },
}

/// Where to begin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Begin {
    pub roots: Vec<PathBuf>,
    pub is_interpreter: bool,
    pub limits: Limits,
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sandbox) enum FromWorker {
    Descriptions(Vec<Description>),
    Unjudged(Unjudged),
    Verdict(Box<Verdict>),
    Inputs(ReceiptInputs),
}
