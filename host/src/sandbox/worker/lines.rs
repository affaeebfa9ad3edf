//! What a supervisor and its worker tell each other, a line each. Both are the same program, so nothing here is stable.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::door::Way;
use crate::sandbox::evidence::EvidenceSource;
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
    /// Answered by one `Verdict` for each, in their order; with `ask_first`, by `Inputs` before any module judges.
    Judge { questions: Questions, ask_first: bool },
    /// The answer to `Inputs`, for each question: a verdict that is known is not made again, and not answered.
    GoOn { are_known: Vec<bool> },
}

/// Questions that go there together: waking a process costs more than most of them.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Questions {
    pub evidence: EvidenceSource,
    pub limits: Limits,
    pub asked: Vec<Asked>,
}

/// One assertion to judge, as [`JudgeRequest`] has it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Asked {
    pub module: Digest,
    pub name: String,
    pub assertion: Option<String>,
    pub parameters: Value,
    pub grant: Option<Vec<String>>,
    pub may_skip: bool,
}

impl Questions {
    /// Each as it would be asked alone.
    pub fn each(self) -> impl Iterator<Item = JudgeRequest> {
        let Self { evidence, limits, asked } = self;
        asked.into_iter().map(move |asked| JudgeRequest {
            evidence: evidence.clone(),
            module: ModuleSource::Handed(asked.module),
            name: asked.name,
            assertion: asked.assertion,
            parameters: asked.parameters,
            grant: asked.grant,
            may_skip: asked.may_skip,
            limits: limits.clone(),
        })
    }
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
    /// What goes into the verdict on each question; none where it is an error already.
    Inputs(Vec<Option<ReceiptInputs>>),
}
