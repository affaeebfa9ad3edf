//! `wassert judge --verify-receipt`: judges again and compares.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};

use super::arguments::Format;
use super::output::Output;
use crate::recording::MANIFEST;
use crate::run::{Claim, Verified, claims, verify};
use crate::value::{ExitStatus, Verdict, excerpt};

/// Receipts larger than this are not read.
const FILE_LIMIT_BYTES: u64 = 64 << 20;

/// Every receipt in a file.
pub(super) fn read_claims(path: &Path) -> anyhow::Result<Vec<Claim>> {
    use std::io::Read as _;
    let named = || format!("`--verify-receipt {}`", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(named)?;
    file.take(FILE_LIMIT_BYTES).read_to_string(&mut text).with_context(named)?;
    claims(&text).map_err(|error| anyhow!(error)).with_context(named)
}

/// The recordings to judge when none is named: those the file names, or the one it lies in.
pub(super) fn recordings(path: &Path, claims: &[Claim]) -> anyhow::Result<Vec<PathBuf>> {
    let mut named: Vec<PathBuf> = claims.iter().filter_map(|claim| claim.recording.clone()).collect();
    named.dedup();
    if !named.is_empty() {
        return Ok(named);
    }
    let folder = path.parent().filter(|folder| folder.join(MANIFEST).exists());
    let folder = folder.context("a receipt does not say what was judged: name the recording as well")?;
    Ok(vec![folder.to_owned()])
}

/// Tells what became of every claim. Trust is refused where one differs.
pub(super) fn told(claims: &[Claim], judged: &[Verdict], format: Format, output: &Output) -> ExitStatus {
    let verified: Vec<(String, Option<Verified>)> = claims
        .iter()
        .map(|claim| {
            let name = claim.verdict.as_ref().map_or(&claim.receipt.inputs.assertion, |v| &v.assertion);
            (name.clone(), verify(claim, judged))
        })
        .collect();
    let is_equal = |verified: &Option<Verified>| verified.as_ref().is_some_and(|one| one.differs.is_empty());
    match format {
        Format::Human => {
            for (name, verified) in &verified {
                let name = excerpt(name, 100);
                match verified {
                    None => output.line(&format!("differs  {name}: nothing of this name was judged")),
                    Some(one) if one.differs.is_empty() => output.line(&format!("equal    {name}")),
                    Some(one) => {
                        output.line(&format!("differs  {name}"));
                        for difference in &one.differs {
                            let shown = |text: &str| excerpt(text, 100);
                            output.line(&format!(
                                "           {}: {} in the receipt, {} now",
                                shown(&difference.part),
                                shown(&difference.claimed),
                                shown(&difference.now)
                            ));
                        }
                    }
                }
            }
        }
        Format::Json => {
            let receipts: Vec<Value> = verified
                .iter()
                .map(|(name, verified)| {
                    let differs = verified
                        .iter()
                        .flat_map(|one| &one.differs)
                        .map(|one| json!({ "part": one.part, "receipt": one.claimed, "now": one.now }));
                    json!({
                        "assertion": name,
                        "judged": verified.is_some(),
                        "equal": is_equal(verified),
                        "differs": differs.collect::<Vec<_>>(),
                    })
                })
                .collect();
            output.line(&format!("{:#}", json!({ "schema": "wassert.receipts/1", "receipts": receipts })));
        }
    }
    match verified.iter().all(|(_, verified)| is_equal(verified)) {
        true => ExitStatus::Passed,
        false => ExitStatus::Refused,
    }
}
