//! What a judge is asked and what it answers, as lines of JSON with a member `kind`.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EvidenceSource, Limits};
use crate::value::{Digest, Unjudged, Verdict};

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Request {
    /// What does the module offer?
    Describe {
        /// Where the module is.
        module: ModuleSource,
    },
    /// Judge one assertion.
    Judge(Box<JudgeRequest>),
}

/// One assertion to judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeRequest {
    /// Where the evidence is.
    pub evidence: EvidenceSource,
    /// Where the module is.
    pub module: ModuleSource,
    /// What the verdict calls the assertion: `std/file`, `./check.wasm`.
    pub name: String,
    /// The assertion's name within the module; may be absent where the module has only one.
    #[serde(default)]
    pub assertion: Option<String>,
    /// JSON for the assertion; null is the same as `{}`.
    #[serde(default)]
    pub parameters: Value,
    /// Path prefixes the assertion may read; absent for what it declares itself.
    #[serde(default)]
    pub grant: Option<Vec<String>>,
    /// Whether it may skip.
    #[serde(default)]
    pub may_skip: bool,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
}

/// Where a module is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleSource {
    /// A file.
    Path(PathBuf),
    /// A module inside this program, by its name in the judge's settings.
    Embedded(String),
    /// A module that a worker was handed, by its digest.
    Handed(Digest),
}

impl ModuleSource {
    /// Its file's name without the ending, or the name it is embedded under.
    pub(super) fn stem(&self) -> String {
        match self {
            Self::Path(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Embedded(name) => name.clone(),
            Self::Handed(_) => String::new(),
        }
    }
}

/// What a module says of one of its assertions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its name within the module.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of its parameters as text, or empty for none.
    pub parameters_schema: String,
    /// Path prefixes of the run document it reads.
    pub reads: Vec<String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Answer {
    /// What the module offers.
    Descriptions {
        /// In the module's order.
        descriptions: Vec<Description>,
    },
    /// What the module offers could not be found out.
    Unjudged(Unjudged),
    /// The verdict.
    Verdict(Box<Verdict>),
    /// The question was not understood.
    Invalid {
        /// Why.
        message: String,
    },
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(line: &str) -> Result<Self, String> {
        let (kind, body) = kind_and_body(line)?;
        match kind.as_str() {
            "describe" => member(body, "module").map(|module| Self::Describe { module }),
            "judge" => whole(body).map(Self::Judge),
            _ => Err(format!("unknown kind {kind:?}")),
        }
    }

    /// Writes a line, without its line end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!(r#"{{"kind":"unwritable: {error}"}}"#))
    }
}

impl Answer {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(line: &str) -> Result<Self, String> {
        let (kind, body) = kind_and_body(line)?;
        match kind.as_str() {
            "descriptions" => {
                member(body, "descriptions").map(|descriptions| Self::Descriptions { descriptions })
            }
            "unjudged" => whole(body).map(Self::Unjudged),
            "verdict" => whole(body).map(Self::Verdict),
            "invalid" => member(body, "message").map(|message| Self::Invalid { message }),
            _ => Err(format!("unknown kind {kind:?}")),
        }
    }

    /// Writes a line, without its line end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!(r#"{{"kind":"unwritable: {error}"}}"#))
    }
}

// Not derived: serde buffers what stands beside a tag, and loses numbers kept as they were written.
fn kind_and_body(line: &str) -> Result<(String, Value), String> {
    let mut body: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    match body.as_object_mut().and_then(|members| members.remove("kind")) {
        Some(Value::String(kind)) => Ok((kind, body)),
        _ => Err("expected an object with a text `kind`".to_owned()),
    }
}

fn whole<T: DeserializeOwned>(body: Value) -> Result<T, String> {
    serde_json::from_value(body).map_err(|error| error.to_string())
}

fn member<T: DeserializeOwned>(mut body: Value, name: &str) -> Result<T, String> {
    whole(body.get_mut(name).map(Value::take).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_survives_its_line_with_every_number_as_written() {
        let request = Request::Judge(Box::new(JudgeRequest {
            evidence: EvidenceSource::Document("run.json".into()),
            module: ModuleSource::Embedded("std".into()),
            name: "std/exit".into(),
            assertion: Some("exit".into()),
            parameters: serde_json::from_str("[1.0, 1e400, 9007199254740993]").unwrap(),
            grant: Some(vec!["turns".into()]),
            may_skip: true,
            limits: Limits { check_fuel: u64::MAX, ..Limits::default() },
        }));
        assert_eq!(Request::parse(&request.line()), Ok(request));
        let describe = Request::Describe { module: ModuleSource::Path("a.wasm".into()) };
        assert_eq!(Request::parse(&describe.line()), Ok(describe));
    }

    #[test]
    fn what_is_no_request_is_refused_with_a_reason() {
        for (line, reason) in [
            ("nonsense", "expected"),
            ("{}", "kind"),
            (r#"{"kind":"dance"}"#, "dance"),
            (&json!({ "kind": "judge", "surprise": 1 }).to_string(), "surprise"),
        ] {
            let message = Request::parse(line).unwrap_err();
            assert!(message.contains(reason), "{message}");
        }
    }
}
