//! One request of a stream: a recording below a root, what is asked of it, and one answer, whatever is wrong with it.
//!
//! Lines, threads and order are the command line's. The schema of both is `host/schemas/judge-stream.schema.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::assertions::check_asked;
use super::judge::judge_recording;
use crate::pack::embedded;
use crate::recording::{check, read};
use crate::sandbox::{EvidenceSource, Judge, JudgeRequest, ModuleSource};
use crate::scenario::Uses;
use crate::value::{Outcome, Verdict, canonical, excerpt};

/// The schema of requests and answers.
pub const STREAM_SCHEMA: &str = include_str!("../../schemas/judge-stream.schema.json");

/// Assertions whose parameters were looked at and fit; then all are forgotten.
const CHECKED_LIMIT: usize = 1_024;

/// A line that is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default)]
    id: Option<Value>,
    recording: String,
    #[serde(default)]
    assertions: Option<Vec<Asked>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(rename = "use")]
    uses: String,
    #[serde(default)]
    with: Option<Value>,
    #[serde(default)]
    grant: Option<Vec<String>>,
    #[serde(default)]
    may_skip: bool,
}

/// A line that is answered.
#[derive(Debug, Serialize)]
pub struct StreamAnswer {
    /// The request's line, from 1.
    pub line: u64,
    /// As it was in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// Of all verdicts together; `error` for a request that could not be used.
    pub outcome: Outcome,
    /// In the order they were asked for.
    pub verdicts: Vec<Verdict>,
    /// Why the request could not be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<StreamError>,
}

/// Why a request could not be used.
#[derive(Debug, Serialize)]
pub struct StreamError {
    /// `invalid-request`, `outside-root`, `recording`, `assertion` or `nothing-asserted`.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

fn wrong(code: &'static str, message: impl Into<String>) -> StreamError {
    StreamError { code, message: message.into() }
}

/// Answers requests about recordings below a folder.
#[derive(Debug)]
pub struct Stream {
    judge: Judge,
    root: PathBuf,
    handle: Dir,
    checked: Mutex<BTreeMap<String, Option<String>>>,
}

impl Stream {
    /// A stream of requests about what is below `root`, answered by a judge that may read it.
    ///
    /// # Errors
    /// When the folder can't be opened.
    pub fn new(judge: Judge, root: &Path) -> std::io::Result<Self> {
        let handle = Dir::open_ambient_dir(root, ambient_authority())?;
        Ok(Self { judge, root: std::path::absolute(root)?, handle, checked: Mutex::default() })
    }

    /// Answers a line.
    pub fn answer(&self, line: u64, text: &[u8]) -> StreamAnswer {
        let request: Request = match serde_json::from_slice(text) {
            Ok(request) => request,
            Err(error) => return unusable(line, None, wrong("invalid-request", error.to_string())),
        };
        match self.verdicts(&request) {
            Ok(verdicts) => StreamAnswer {
                line,
                id: request.id,
                outcome: Outcome::of_all(verdicts.iter().map(|verdict| verdict.outcome))
                    .unwrap_or(Outcome::Error),
                verdicts,
                error: None,
            },
            Err(error) => unusable(line, request.id, error),
        }
    }

    /// The answer to a line that is longer than is read.
    pub fn too_long(line: u64, limit_bytes: usize) -> StreamAnswer {
        let message = format!("the line is longer than {limit_bytes} bytes");
        unusable(line, None, wrong("invalid-request", message))
    }

    fn verdicts(&self, request: &Request) -> Result<Vec<Verdict>, StreamError> {
        let path = self.below(&request.recording)?;
        let Some(assertions) = &request.assertions else { return self.recorded(&path) };
        if assertions.is_empty() {
            return Err(wrong("nothing-asserted", "`assertions` is empty; leave it out for those recorded"));
        }
        // Everything asked for is looked at before anything is judged.
        let asked = assertions.iter().map(|asked| self.asked(&path, asked)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.judge.judge_all(&asked))
    }

    /// As `wassert judge` without `--use`: the host's assertions and those recorded.
    fn recorded(&self, path: &Path) -> Result<Vec<Verdict>, StreamError> {
        let recording = check(path)
            .and_then(|()| read(path))
            .map_err(|error| wrong("recording", excerpt(&error.to_string(), 600)))?;
        if recording.document.scenario.assertions.is_empty() {
            return Err(wrong("nothing-asserted", "the recording names no assertion; name one"));
        }
        let judged = judge_recording(&self.judge, &recording, &[]);
        Ok(judged.into_iter().map(|judged| judged.verdict).collect())
    }

    fn asked(&self, path: &Path, asked: &Asked) -> Result<JudgeRequest, StreamError> {
        let named = excerpt(&asked.uses, 200);
        let uses: Uses = asked.uses.parse().map_err(|_| {
            wrong("assertion", format!("`{named}` names no assertion: `std/exit`, `./mine.wasm`"))
        })?;
        let (module, assertion) = match &uses {
            Uses::Pack { pack, assertion } if embedded(pack).is_some() => {
                (ModuleSource::Embedded(pack.clone()), Some(assertion.clone()))
            }
            Uses::Pack { pack, .. } => {
                return Err(wrong("assertion", format!("there is no pack `{}`", excerpt(pack, 60))));
            }
            Uses::Module { path, assertion } => (ModuleSource::Path(self.below(path)?), assertion.clone()),
        };
        let parameters = asked.with.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        self.fits(&uses, &module, &parameters)?;
        Ok(JudgeRequest {
            evidence: match path.is_dir() {
                true => EvidenceSource::Recording(path.to_owned()),
                false => EvidenceSource::Document(path.to_owned()),
            },
            module,
            name: asked.uses.clone(),
            assertion,
            parameters,
            grant: asked.grant.clone(),
            may_skip: asked.may_skip,
            limits: self.judge.limits().clone(),
        })
    }

    /// Whether there is such an assertion and it can take the parameters; a corpus asks the same again and again.
    fn fits(&self, uses: &Uses, module: &ModuleSource, parameters: &Value) -> Result<(), StreamError> {
        let key = format!("{uses}\n{}", canonical(parameters));
        let checked = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = checked().get(&key).cloned();
        let misfit = match known {
            Some(misfit) => misfit,
            None => {
                let misfit = check_asked(uses, module, parameters, &self.judge).err();
                let mut checked = checked();
                if checked.len() >= CHECKED_LIMIT {
                    checked.clear();
                }
                checked.insert(key, misfit.clone());
                misfit
            }
        };
        misfit.map_or(Ok(()), |misfit| Err(wrong("assertion", excerpt(&misfit, 600))))
    }

    /// The path of something below the root, links resolved through the root's handle.
    fn below(&self, named: &str) -> Result<PathBuf, StreamError> {
        let path = Path::new(named);
        let below = if path.is_absolute() { path.strip_prefix(&self.root).ok() } else { Some(path) };
        let shown = excerpt(named, 300);
        let outside = || wrong("outside-root", format!("`{shown}` is not below the root"));
        let below = below.ok_or_else(outside)?;
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        match self.handle.canonicalize(below) {
            Ok(found) => Ok(self.root.join(found)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(wrong("recording", format!("there is no `{shown}` below the root")))
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Err(outside()),
            Err(error) => Err(wrong("recording", format!("`{shown}`: {error}"))),
        }
    }
}

fn unusable(line: u64, id: Option<Value>, error: StreamError) -> StreamAnswer {
    StreamAnswer { line, id, outcome: Outcome::Error, verdicts: Vec::new(), error: Some(error) }
}
