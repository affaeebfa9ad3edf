//! From what a scenario asks for to what the judge can be asked: the module, the assertion in it, and parameters that
//! fit its schema. Everything wrong is told before an agent is started.

use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::examples::difference;
use super::parameters::misfits;
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::pack::embedded;
use crate::report::Problem;
use crate::sandbox::{Description, Judge, ModuleSource};
use crate::scenario::{Assertion, Scenario, Uses};
use crate::value::{Digest, excerpt};

/// A module larger than this is not read.
const MODULE_LIMIT_BYTES: u64 = 32 * 1024 * 1024;

/// An assertion the judge can be asked for.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// As the scenario has it.
    pub assertion: Assertion,
    /// The assertion's name within the module.
    pub name: String,
    /// Where the judge finds the module.
    pub module: ModuleSource,
    /// Digest of the module.
    pub digest: Option<Digest>,
    /// The bytes of a module the scenario brought, for its recording.
    pub brought: Option<Arc<[u8]>>,
    /// `scenarios/x.toml:12`.
    pub asked_at: Option<String>,
}

/// Why a scenario's assertions can't be used.
#[derive(Clone, Debug)]
pub enum ResolveError {
    /// What the scenario says is wrong; exit code 2.
    Wrong(Vec<Diagnostic>),
    /// A module can't be judged with; exit code 3.
    Unusable(Problem),
}

/// All assertions of a scenario.
///
/// # Errors
/// Everything that is wrong with what the scenario says, or the first module that can't be used.
pub fn resolve(scenario: &Scenario, judge: &Judge) -> Result<Vec<Resolved>, ResolveError> {
    let mut wrong = Vec::new();
    let mut resolved = Vec::new();
    for assertion in &scenario.assertions {
        let span = |range: &std::ops::Range<usize>, label: &str| Span {
            file: scenario.file.clone(),
            source: Arc::clone(&scenario.source),
            range: range.clone(),
            label: label.to_owned(),
        };
        let use_span = span(&assertion.use_span, "");
        let asked_at = Some(format!("{}:{}", scenario.file.display(), use_span.line_and_column().0));
        match one(assertion, &scenario.directory(), judge, &use_span, &span(&assertion.with_span, "")) {
            Ok(found) => resolved.push(Resolved { asked_at, ..found }),
            Err(ResolveError::Wrong(diagnostics)) => wrong.extend(diagnostics),
            Err(unusable) => return Err(unusable),
        }
    }
    if wrong.is_empty() { Ok(resolved) } else { Err(ResolveError::Wrong(wrong)) }
}

/// Checks what was asked for outside of any scenario: that the module has the assertion, and that the parameters fit.
///
/// # Errors
/// A sentence for the first thing that is wrong.
pub fn check_asked(
    uses: &Uses,
    module: &ModuleSource,
    parameters: &serde_json::Value,
    judge: &Judge,
) -> Result<(), String> {
    let wanted = match uses {
        Uses::Pack { assertion, .. } => Some(assertion.as_str()),
        Uses::Module { assertion, .. } => assertion.as_deref(),
    };
    let described =
        judge.describe(module).map_err(|error| format!("`{uses}` can't judge: {}", error.message))?;
    let nowhere =
        Span { file: std::path::PathBuf::new(), source: "".into(), range: 0..0, label: String::new() };
    let description = choose(&described, wanted, uses, &nowhere).map_err(|wrong| {
        [Some(wrong.message), wrong.help].into_iter().flatten().collect::<Vec<_>>().join("; ")
    })?;
    match misfits(&description.parameters_schema, parameters).first() {
        None => Ok(()),
        Some(misfit) => Err(format!("`{uses}` can't take these parameters: {misfit}")),
    }
}

fn one(
    assertion: &Assertion,
    directory: &Path,
    judge: &Judge,
    use_span: &Span,
    with_span: &Span,
) -> Result<Resolved, ResolveError> {
    let wrong = |diagnostic| ResolveError::Wrong(vec![diagnostic]);
    let (module, bytes, wanted, brought) = match &assertion.uses {
        Uses::Pack { pack, assertion } => {
            let Some(found) = embedded(pack) else {
                return Err(wrong(
                    Diagnostic::error("unknown-pack", format!("there is no pack `{}`", excerpt(pack, 60)))
                        .at(use_span.clone())
                        .help(
                            did_you_mean(pack, ["std"])
                                .or_else(|| Some("this version knows the pack `std`".to_owned())),
                        ),
                ));
            };
            (ModuleSource::Embedded(pack.clone()), Arc::from(found.module), Some(assertion.clone()), false)
        }
        Uses::Module { path, assertion } => {
            let bytes = read_module(directory, path).map_err(|source| {
                wrong(
                    Diagnostic::error(
                        "module-unreadable",
                        format!("the module `{}` can't be read: {source}", excerpt(path, 100)),
                    )
                    .at(use_span.clone()),
                )
            })?;
            (ModuleSource::Path(directory.join(path)), bytes, assertion.clone(), true)
        }
    };
    let described = judge.describe(&module).map_err(|error| {
        ResolveError::Unusable(Problem {
            id: "module-unusable",
            message: format!("`{}` can't judge: {}", assertion.uses, error.message),
            help: None,
        })
    })?;
    if let Uses::Pack { pack, .. } = &assertion.uses
        && let Some(difference) = embedded(pack).and_then(|pack| difference(&pack.manifest, &described))
    {
        return Err(ResolveError::Unusable(Problem {
            id: "contract",
            message: format!(
                "the manifest of the pack `{}` is not its module's: {difference}",
                excerpt(pack, 60)
            ),
            help: None,
        }));
    }
    let description = choose(&described, wanted.as_deref(), &assertion.uses, use_span).map_err(wrong)?;
    let mismatches = misfits(&description.parameters_schema, &assertion.with);
    if !mismatches.is_empty() {
        return Err(ResolveError::Wrong(
            mismatches
                .into_iter()
                .map(|message| {
                    Diagnostic::error(
                        "parameters",
                        format!("`{}` can't take these parameters: {message}", assertion.uses),
                    )
                    .at(with_span.clone())
                    .help(Some(format!(
                        "`{}` {}",
                        description.name,
                        excerpt(&description.summary, 200)
                    )))
                })
                .collect(),
        ));
    }
    Ok(Resolved {
        name: description.name.clone(),
        digest: Some(Digest::of(&bytes)),
        brought: brought.then_some(bytes),
        assertion: assertion.clone(),
        module,
        asked_at: None,
    })
}

fn choose<'a>(
    described: &'a [Description],
    wanted: Option<&str>,
    uses: &Uses,
    span: &Span,
) -> Result<&'a Description, Diagnostic> {
    let names = || described.iter().map(|description| description.name.as_str());
    match wanted {
        Some(wanted) => described.iter().find(|description| description.name == wanted).ok_or_else(|| {
            let all = format!(
                "it has {}",
                names().map(|name| format!("`{}`", excerpt(name, 60))).collect::<Vec<_>>().join(", ")
            );
            Diagnostic::error(
                "unknown-assertion",
                format!("`{uses}`: there is no assertion `{}`", excerpt(wanted, 60)),
            )
            .at(span.clone())
            .help(did_you_mean(wanted, names()).or(Some(all)))
        }),
        None => match described {
            [only] => Ok(only),
            _ => Err(Diagnostic::error(
                "ambiguous-assertion",
                format!("`{uses}` has {} assertions", described.len()),
            )
            .at(span.clone())
            .help(Some(format!("name one: `{uses}#{}`", names().next().unwrap_or("NAME"))))),
        },
    }
}

/// A module beside the scenario, through a directory handle, so that no path and no link leads elsewhere.
fn read_module(directory: &Path, path: &str) -> std::io::Result<Arc<[u8]>> {
    use std::io::Read as _;
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut bytes = Vec::new();
    Dir::open_ambient_dir(directory, ambient_authority())?
        .open(path)?
        .take(MODULE_LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MODULE_LIMIT_BYTES {
        return Err(std::io::Error::other(format!("larger than {} MiB", MODULE_LIMIT_BYTES >> 20)));
    }
    Ok(bytes.into())
}
