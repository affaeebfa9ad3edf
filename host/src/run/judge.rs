//! Judging: the host's own assertions, then those asked for, on what was recorded.

use std::path::Path;

use serde_json::Value;

use super::assertions::Resolved;
use crate::document::Document;
use crate::hostcheck;
use crate::recording::{MODULE_FOLDER, Recording};
use crate::report::Judged;
use crate::sandbox::{EvidenceSource, Judge, JudgeRequest, ModuleSource};
use crate::scenario::Uses;
use crate::value::{ErrorClass, Unjudged, Verdict};

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
    let (mut requests, mut missing) = (Vec::new(), Vec::new());
    if assertions.is_empty() {
        for (at, asserted) in recording.document.scenario.assertions.iter().enumerate() {
            match recorded(recording, &asserted.uses, asserted.module) {
                Ok((uses, module)) => {
                    let grant = asserted.grant.clone();
                    requests.push(one(judge, recording, &uses, &module, &asserted.with, grant));
                }
                Err(error) => missing.push((at, Verdict::unjudged(&asserted.uses, error))),
            }
        }
    }
    let named = assertions.iter();
    requests.extend(named.map(|(uses, module, with)| one(judge, recording, uses, module, with, None)));
    let mut verdicts = judge.judge_all(&requests);
    for (at, verdict) in missing {
        verdicts.insert(at, verdict);
    }
    let mut judged = host(&recording.document);
    judged.extend(verdicts.into_iter().map(|verdict| Judged { verdict, asked_at: None }));
    judged
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::recording::read;
    use crate::sandbox::JudgeSettings;

    #[test]
    fn what_was_recorded_is_judged_in_its_order_whatever_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let exit = |code| json!({ "use": "std/exit", "with": { "code": code } });
        let lost = json!({ "use": "./lost.wasm" });
        let assertions = json!([lost, exit(0), lost, lost, exit(1), lost]);
        let document = json!({
            "schema": "wassert.run/1",
            "scenario": { "assertions": assertions },
            "turns": [{ "turn": 1, "exit": 0 }],
        });
        std::fs::write(&path, document.to_string()).unwrap();
        let module = crate::pack::embedded("std").unwrap().module;
        let embedded = BTreeMap::from([("std".to_owned(), module)]);
        let judge = Judge::new(JudgeSettings { embedded, ..JudgeSettings::default() }).unwrap();
        let judged = judge_recording(&judge, &read(&path).unwrap(), &[]);
        let said: Vec<_> = judged.iter().map(|judged| &judged.verdict).collect();
        let own = said.iter().filter(|verdict| !verdict.assertion.starts_with("run/"));
        let own: Vec<_> = own.map(|verdict| (verdict.assertion.as_str(), verdict.outcome.word())).collect();
        let lost = ("./lost.wasm", "error");
        assert_eq!(own, [lost, ("std/exit", "pass"), lost, lost, ("std/exit", "fail"), lost]);
    }
}
