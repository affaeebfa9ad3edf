//! A pack's folder, its module described, and its examples judged: what `pack test` and `new example` share.
//!
//! An example is a document without a recording, so the judge gets it as a file of its own that is gone afterwards.

use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde_json::Value;

use super::parameters::misfits;
use crate::document::SECTIONS;
use crate::pack::{Example, ExampleError, Manifest, PackError, promised, read_examples};
use crate::report::ExampleResult;
use crate::sandbox::{Description, EvidenceSource, Judge, JudgeRequest, ModuleSource, inspect};
use crate::value::{Outcome, Verdict, canonical, excerpt};

/// A manifest larger than this is not read.
const MANIFEST_LIMIT_BYTES: u64 = 1 << 20;

/// A pack's folder that can be tested.
#[derive(Debug)]
pub struct PackFolder {
    /// Its manifest.
    pub manifest: Manifest,
    /// The folder.
    pub folder: Dir,
    module: ModuleSource,
    descriptions: Vec<Description>,
}

/// Why a pack can't be tested.
#[derive(Debug, thiserror::Error)]
pub enum PackFolderError {
    /// The folder or its manifest is not as it should be; exit code 2.
    #[error("`{path}`: {reason}")]
    Wrong {
        /// The folder or file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Its module can't be judged with; exit code 3.
    #[error("`{path}` can't judge: {reason}")]
    Unusable {
        /// The module.
        path: String,
        /// Why not.
        reason: String,
    },
}

impl PackFolder {
    /// Opens a pack's folder: manifest, module, and whether the two say the same.
    ///
    /// # Errors
    /// What is wrong with the folder, or that its module can't be used.
    pub fn open(path: &Path, judge: &Judge) -> Result<Self, PackFolderError> {
        let wrong = |below: &str, reason: String| PackFolderError::Wrong {
            path: path.join(below).display().to_string(),
            reason,
        };
        let folder = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|error| wrong("", format!("the folder can't be opened: {error}")))?;
        let text = read_manifest(&folder)
            .map_err(|error| wrong("pack.toml", format!("it can't be read: {error}")))?;
        let manifest = Manifest::parse(&text).map_err(|error| {
            let line = match &error {
                PackError::Manifest { span: Some(span), .. } => {
                    let before = text.as_bytes().iter().take(span.start);
                    format!("line {}: ", before.filter(|byte| **byte == b'\n').count() + 1)
                }
                _ => String::new(),
            };
            wrong("pack.toml", format!("{line}{error}"))
        })?;
        // `Manifest::parse` lets exactly one module through.
        let module_path =
            manifest.modules.first().map(|module| path.join(module.path.as_ref())).unwrap_or_default();
        if !module_path.is_file() {
            return Err(PackFolderError::Wrong {
                path: module_path.display().to_string(),
                reason: "there is no such file, though `pack.toml` names it".to_owned(),
            });
        }
        let module = ModuleSource::Path(module_path.clone());
        let descriptions = judge.describe(&module).map_err(|error| PackFolderError::Unusable {
            path: module_path.display().to_string(),
            reason: error.message,
        })?;
        let described = std::fs::read(&module_path)
            .is_ok_and(|bytes| inspect(&bytes).is_ok_and(|inspection| inspection.describes_itself));
        let descriptions = match described {
            true => match manifest.assertions.iter().find(|entry| entry.parameters.is_some()) {
                None => descriptions,
                Some(entry) => {
                    let name: &str = entry.name.as_ref();
                    let reason =
                        format!("`{name}` has `parameters`, though its module says itself which it has");
                    return Err(wrong("pack.toml", reason));
                }
            },
            false => described_by(&manifest, &folder)
                .map_err(|(schema, error)| wrong(&schema, format!("it can't be read: {error}")))?,
        };
        if let Some(difference) = difference(&manifest, &descriptions) {
            return Err(wrong("pack.toml", difference));
        }
        Ok(Self { manifest, folder, module, descriptions })
    }

    /// What the module says of an assertion.
    pub fn description(&self, assertion: &str) -> Option<&Description> {
        self.descriptions.iter().find(|description| description.name == assertion)
    }

    /// The sections of the document that an assertion reads, in document order.
    pub fn sections(&self, assertion: &str) -> Vec<&'static str> {
        let reads = self.description(assertion).map_or(&[][..], |description| &description.reads);
        let named = |section: &&&str| reads.iter().any(|read| read.split('.').next() == Some(**section));
        SECTIONS.iter().filter(named).copied().collect()
    }

    /// Judges one example.
    pub fn judge(&self, judge: &Judge, example: &Example) -> ExampleResult {
        let result = |judged: Result<Verdict, String>| ExampleResult {
            assertion: example.assertion.clone(),
            name: example.name.clone(),
            expected: Some(example.expected),
            judged,
        };
        let Some(description) = self.description(&example.assertion) else {
            return result(Err(format!("the pack has no assertion `{}`", excerpt(&example.assertion, 60))));
        };
        let misfits = misfits(&description.parameters_schema, &example.parameters);
        if !misfits.is_empty() {
            return result(Err(format!("its parameters don't fit: {}", misfits.join("; "))));
        }
        let judged =
            self.verdict(judge, example).map_err(|error| format!("it can't be handed to the judge: {error}"));
        result(judged.and_then(|verdict| match unsaid(example, &verdict) {
            Some(reason) => Err(reason),
            None => Ok(verdict),
        }))
    }

    /// Judges all examples, in the order of assertions and names; an assertion needs one that passes and one that
    /// fails.
    ///
    /// # Errors
    /// When the folder of the examples can't be read.
    pub fn test(&self, judge: &Judge) -> Result<Vec<ExampleResult>, ExampleError> {
        let examples = read_examples(&self.folder)?;
        let mut results: Vec<_> = examples.sound.iter().map(|example| self.judge(judge, example)).collect();
        results.extend(examples.broken.iter().map(broken));
        for assertion in &self.manifest.assertions {
            let name: &str = assertion.name.as_ref();
            for expected in [Outcome::Pass, Outcome::Fail] {
                let shown = results
                    .iter()
                    .any(|result| result.assertion == name && result.expected == Some(expected));
                if !shown {
                    results.push(ExampleResult {
                        assertion: name.to_owned(),
                        name: expected.word().to_owned(),
                        expected: Some(expected),
                        judged: Err(format!(
                            "there is no example that shows `{name}` say {}",
                            expected.word()
                        )),
                    });
                }
            }
        }
        results.sort_by(|a, b| (&a.assertion, &a.name).cmp(&(&b.assertion, &b.name)));
        Ok(results)
    }

    fn verdict(&self, judge: &Judge, example: &Example) -> std::io::Result<Verdict> {
        let folder = tempfile::tempdir_in(judge.scratch())?;
        let path = folder.path().join("example.json");
        std::fs::write(&path, canonical(&example.document))?;
        let pack: &str = self.manifest.pack.name.as_ref();
        let entry = self.manifest.assertion(&example.assertion);
        Ok(judge.judge(&JudgeRequest {
            evidence: EvidenceSource::Document(path),
            module: self.module.clone(),
            name: format!("{pack}/{}", example.assertion),
            assertion: Some(example.assertion.clone()),
            parameters: example.parameters.clone(),
            grant: self.description(&example.assertion).map(|description| description.reads.clone()),
            may_skip: entry.is_some_and(|entry| entry.may_skip),
            limits: judge.limits().clone(),
        }))
    }
}

/// Why a failing example fails for another reason than it should, where it names one.
fn unsaid(example: &Example, verdict: &Verdict) -> Option<String> {
    let says = example.says.as_ref().filter(|_| verdict.outcome == Outcome::Fail)?;
    let failing = || verdict.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    if failing().any(|finding| finding.message.contains(says)) {
        return None;
    }
    let said: Vec<_> = failing().map(|finding| excerpt(&finding.message, 200)).collect();
    Some(format!(
        "it fails for another reason: no finding says \"{}\", but: {}",
        excerpt(says, 200),
        said.join("; ")
    ))
}

/// A file that can't be used: `examples/<assertion>/<name>.json`, or something else in these folders.
fn broken(error: &ExampleError) -> ExampleResult {
    let below = error.path.strip_prefix("examples/").unwrap_or(&error.path);
    let (assertion, file) = below.split_once('/').unwrap_or(("", below));
    let name = file.strip_suffix(".json").unwrap_or(file);
    ExampleResult {
        assertion: assertion.to_owned(),
        name: name.to_owned(),
        expected: promised(name),
        judged: Err(error.reason.clone()),
    }
}

/// The document with some of its sections only.
pub fn reduced(document: &Value, sections: &[&str]) -> Value {
    let kept = |name: &str| name == "schema" || sections.contains(&name);
    match document {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| kept(name))
            .map(|(name, member)| (name.clone(), member.clone()))
            .collect(),
        other => other.clone(),
    }
}

fn read_manifest(folder: &Dir) -> std::io::Result<String> {
    read_bounded(folder, "pack.toml")
}

fn read_bounded(folder: &Dir, path: &str) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    folder.open(path)?.take(MANIFEST_LIMIT_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MANIFEST_LIMIT_BYTES {
        return Err(std::io::Error::other(format!("larger than {} MiB", MANIFEST_LIMIT_BYTES >> 20)));
    }
    Ok(text)
}

/// What a manifest says of a module that can't say it itself.
fn described_by(manifest: &Manifest, folder: &Dir) -> Result<Vec<Description>, (String, std::io::Error)> {
    let entries = manifest.assertions.iter();
    entries
        .map(|entry| {
            let schema = entry.parameters.as_ref().map(|path| {
                let path: &str = path.as_ref();
                read_bounded(folder, path).map_err(|error| (path.to_owned(), error))
            });
            Ok(Description {
                name: entry.name.as_ref().clone(),
                summary: entry.summary.clone(),
                parameters_schema: schema.transpose()?.unwrap_or_default(),
                reads: entry.reads.iter().map(|read| read.as_ref().clone()).collect(),
            })
        })
        .collect()
}

/// Where the manifest and the module's own description part.
pub(super) fn difference(manifest: &Manifest, descriptions: &[Description]) -> Option<String> {
    for entry in &manifest.assertions {
        let name: &str = entry.name.as_ref();
        let Some(description) = descriptions.iter().find(|description| description.name == name) else {
            return Some(format!("it names the assertion `{name}`, which its module has not"));
        };
        let mut said: Vec<&str> = entry.reads.iter().map(|read| read.as_ref().as_str()).collect();
        let mut reads: Vec<&str> = description.reads.iter().map(String::as_str).collect();
        said.sort_unstable();
        reads.sort_unstable();
        if said != reads {
            return Some(format!(
                "it says that `{name}` reads {}, its module says {}",
                excerpt(&said.join(", "), 200),
                excerpt(&reads.join(", "), 200)
            ));
        }
    }
    let missing = descriptions.iter().find(|description| manifest.assertion(&description.name).is_none())?;
    Some(format!("its module has the assertion `{}`, which it does not name", excerpt(&missing.name, 60)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_reduced_to_what_is_read() {
        let document = json!({ "schema": "wassert.run/1", "turns": [1], "files": {}, "timing": {} });
        assert_eq!(reduced(&document, &["turns"]), json!({ "schema": "wassert.run/1", "turns": [1] }));
    }
}
