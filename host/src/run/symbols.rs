//! Replaces what differs from run to run in everything a run captured, after the run and before any of it is written:
//! what is judged is what is recorded.

use std::collections::BTreeMap;

use super::stage::Stage;
use crate::agent::Root;
use crate::document::{Document, FileKind, FileState};
use crate::profile::Profile;
use crate::recording::{Symbols, Texts, WriteError, Writer};
use crate::report::Problem;
use crate::scenario::Scenario;
use crate::value::Digest;

/// Replaces in the document and in the texts beside it.
pub(super) fn symbolise(
    document: Document,
    texts: &mut Texts,
    scenario: &Scenario,
    profile: &dyn Profile,
    root: &Root,
    base_url: &str,
    key: Option<&str>,
) -> Result<(Document, Symbols), Problem> {
    let mut host = folders(root);
    host.extend(key.map(|key| ("run-key", key.to_owned())));
    host.push(("server", address(base_url)));
    symbolise_with(document, texts, scenario, profile, &host)
}

/// The same where there is no agent of the run's own: of what the host chose, only the server's address.
pub(super) fn symbolise_served(
    document: Document,
    texts: &mut Texts,
    scenario: &Scenario,
    profile: &dyn Profile,
    base_url: &str,
) -> Result<Document, Problem> {
    let host = [("server", address(base_url))];
    symbolise_with(document, texts, scenario, profile, &host).map(|(document, _)| document)
}

fn symbolise_with(
    document: Document,
    texts: &mut Texts,
    scenario: &Scenario,
    profile: &dyn Profile,
    host: &[(&'static str, String)],
) -> Result<(Document, Symbols), Problem> {
    let problem = |error: &dyn std::error::Error| Problem {
        id: "symbols",
        message: format!("what differs from run to run can't be replaced: {error}"),
        help: Some("look at the scenario's `volatile`: kind and type of a field must stay".to_owned()),
    };
    let places = profile.volatile().iter().chain(&scenario.volatile);
    let mut symbols = Symbols::new(places, host).map_err(|error| problem(&error))?;
    let mut value = serde_json::to_value(document).map_err(|error| problem(&error))?;
    symbols.settle(&mut value, texts);
    let document = serde_json::from_value(value).map_err(|error| problem(&error))?;
    Ok((document, symbols))
}

/// The folders of this run, as they were named and as the system resolves them.
fn folders(root: &Root) -> Vec<(&'static str, String)> {
    let mut values = vec![("run", root.marker.clone())];
    for (kind, part) in [("workspace", "workspace"), ("home", "home"), ("tmp", "tmp")] {
        let path = root.path(part);
        if let Ok(resolved) = path.canonicalize() {
            values.push((kind, resolved.to_string_lossy().into_owned()));
        }
        values.push((kind, root.seen(part)));
    }
    let above: Vec<_> = values
        .iter()
        .filter(|(kind, _)| *kind == "workspace")
        .filter_map(|(_, path)| Some(("root", path.rsplit_once('/')?.0.to_owned())))
        .collect();
    values.extend(above);
    values
}

/// `127.0.0.1:PORT`.
fn address(base_url: &str) -> String {
    let address = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    address.split('/').next().unwrap_or_default().to_owned()
}

/// Replaces in every file's bytes, gives them their names in the recording, and lets sizes and digests follow.
pub(super) fn settle_files(
    document: &mut Document,
    stage: &Stage,
    symbols: &mut Symbols,
    writer: &mut Writer,
) -> Result<(), WriteError> {
    // By the digest of the bytes as they were: digest and size of what is kept.
    let mut settled: BTreeMap<Digest, Option<(Digest, u64)>> = BTreeMap::new();
    for (path, file) in &mut document.files {
        for (when, state) in [("before", &mut file.before), ("after", &mut file.after)] {
            let Some(state) = state else { continue };
            let name = format!("files/{path}/{when}");
            if state.kind == FileKind::Link {
                settle_link(state);
                continue;
            }
            let Some(raw) = state.sha256 else { continue };
            let kept = match settled.get(&raw) {
                Some(kept) => *kept,
                None => {
                    let failed = |source| WriteError::Io { path: writer.path().join(&name), source };
                    let kept = match stage.read(&raw).map_err(failed)? {
                        Some(bytes) => {
                            let bytes = symbols.file(&bytes).unwrap_or(bytes);
                            let digest = Digest::of(&bytes);
                            writer.keep(digest, &bytes).map_err(|source| WriteError::Io {
                                path: writer.path().join(&name),
                                source,
                            })?;
                            Some((digest, bytes.len() as u64))
                        }
                        None => None,
                    };
                    settled.insert(raw, kept);
                    kept
                }
            };
            if let Some((digest, bytes)) = kept {
                state.sha256 = Some(digest);
                state.bytes = bytes;
                writer.name(name, digest);
            }
        }
    }
    Ok(())
}

/// The target of a link was replaced with the document's texts.
fn settle_link(state: &mut FileState) {
    if let Some(target) = &state.text {
        state.sha256 = Some(Digest::of(target));
        state.bytes = target.len() as u64;
    }
}
