//! Judging: the host's own assertions, then those asked for, on what was recorded.

use std::path::Path;

use serde_json::Value;

use super::assertions::Resolved;
use crate::document::{Asserted, Document};
use crate::hostcheck;
use crate::recording::{MODULE_FOLDER, Recording};
use crate::report::Judged;
use crate::sandbox::{EvidenceSource, Judge, JudgeRequest, ModuleSource};
use crate::scenario::Uses;
use crate::value::{ErrorClass, Outcome, Unjudged, Verdict};

/// Judges a run that was just recorded.
pub fn judge_document(
    judge: &Judge,
    path: &Path,
    document: &Document,
    assertions: &[Resolved],
) -> Vec<Judged> {
    let requests: Vec<_> = assertions
        .iter()
        .map(|resolved| {
            let asked = &resolved.assertion;
            let name = Some(resolved.name.clone());
            let mut request = request(judge, path, &asked.uses, &resolved.module, name, &asked.with);
            request.grant.clone_from(&asked.grant);
            request.limits = request.limits.lowered(&document.scenario.limits);
            request
        })
        .collect();
    let asked_at = assertions.iter().map(|resolved| resolved.asked_at.clone());
    let verdicts = judge.judge_all(&requests).into_iter().zip(asked_at);
    let mut judged: Vec<_> = host(document);
    judged.extend(verdicts.map(|(verdict, asked_at)| Judged { verdict, asked_at }));
    judged
}

/// Judges a recording again: with `assertions` where there are any, else with those it was recorded with.
pub fn judge_recording(
    judge: &Judge,
    recording: &Recording,
    assertions: &[(Uses, ModuleSource, Value)],
) -> Vec<Judged> {
    let recorded: Vec<_> = if assertions.is_empty() {
        let assertions = &recording.document.scenario.assertions;
        let of = |asserted: &Asserted| match recorded(recording, &asserted.uses, asserted.module) {
            Ok((uses, module)) => {
                Ok(one(judge, recording, &uses, &module, &asserted.with, asserted.grant.clone()))
            }
            Err(error) => Err(Box::new(unjudged(&asserted.uses, error))),
        };
        assertions.iter().map(of).collect()
    } else {
        assertions
            .iter()
            .map(|(uses, module, with)| Ok(one(judge, recording, uses, module, with, None)))
            .collect()
    };
    let requests: Vec<_> = recorded.iter().filter_map(|request| request.as_ref().ok().cloned()).collect();
    let mut verdicts = judge.judge_all(&requests).into_iter();
    let mut judged = host(&recording.document);
    judged.extend(recorded.into_iter().map(|asked| {
        let given = |request: JudgeRequest| {
            let none = || Unjudged {
                class: ErrorClass::Host,
                code: "judge".to_owned(),
                message: "the judge gave no verdict".to_owned(),
                place: None,
            };
            verdicts.next().unwrap_or_else(|| unjudged(&request.name, none()))
        };
        Judged { verdict: asked.map_or_else(|verdict| *verdict, given), asked_at: None }
    }));
    judged
}

fn unjudged(assertion: &str, error: Unjudged) -> Verdict {
    Verdict {
        assertion: assertion.to_owned(),
        outcome: Outcome::Error,
        error: Some(error),
        findings: Vec::new(),
        findings_dropped: 0,
        log: Vec::new(),
        attempts: Vec::new(),
        receipt: None,
    }
}

/// Where the module of a recorded assertion is.
fn recorded(
    recording: &Recording,
    uses: &str,
    module: Option<crate::value::Digest>,
) -> Result<(Uses, ModuleSource), Unjudged> {
    let missing = |message: String| Unjudged {
        class: ErrorClass::Guest,
        code: "not-a-module".to_owned(),
        message,
        place: None,
    };
    let uses: Uses = uses.parse().map_err(|_| missing(format!("`{uses}` names no assertion")))?;
    let source = match (&uses, module) {
        (Uses::Pack { pack, .. }, _) => ModuleSource::Embedded(pack.clone()),
        (Uses::Module { .. }, Some(digest)) => {
            ModuleSource::Path(recording.path.join(MODULE_FOLDER).join(digest.hex()))
        }
        (Uses::Module { .. }, None) => {
            return Err(missing("the recording does not say which module judged".to_owned()));
        }
    };
    Ok((uses, source))
}

fn one(
    judge: &Judge,
    recording: &Recording,
    uses: &Uses,
    module: &ModuleSource,
    with: &Value,
    grant: Option<Vec<String>>,
) -> JudgeRequest {
    let name = match uses {
        Uses::Pack { assertion, .. } => Some(assertion.clone()),
        Uses::Module { assertion, .. } => assertion.clone(),
    };
    let mut request = JudgeRequest { grant, ..request(judge, &recording.path, uses, module, name, with) };
    request.limits = request.limits.lowered(&recording.document.scenario.limits);
    request
}

/// Without a grant of the scenario's, what the assertion declares is granted: packs come with the program or lie beside
/// the scenario.
fn request(
    judge: &Judge,
    path: &Path,
    uses: &Uses,
    module: &ModuleSource,
    assertion: Option<String>,
    with: &Value,
) -> JudgeRequest {
    let path = path.to_owned();
    JudgeRequest {
        evidence: if path.is_dir() {
            EvidenceSource::Recording(path)
        } else {
            EvidenceSource::Document(path)
        },
        module: module.clone(),
        name: uses.to_string(),
        assertion,
        parameters: with.clone(),
        grant: None,
        may_skip: false,
        limits: judge.limits().clone(),
    }
}

fn host(document: &Document) -> Vec<Judged> {
    hostcheck::judge(document).into_iter().map(|verdict| Judged { verdict, asked_at: None }).collect()
}
