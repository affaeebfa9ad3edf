//! What an author implements, and how the exports reach it.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bindings::exports::wassert::pack::assertions::Description;
use crate::{Evidence, Report};

/// One named check.
pub trait Assertion {
    /// Its name in scenarios: kebab-case, read after "the agent".
    const NAME: &'static str;
    /// What it demands, in one sentence.
    const SUMMARY: &'static str;
    /// Path prefixes of the run document it reads, such as `turns` or `requests.transcript`; the host hides the rest.
    const READS: &'static [&'static str];
    /// JSON Schema of its parameters, or empty for "no parameters".
    const SCHEMA: &'static str;
    /// Its parameters. Let serde refuse unknown members (`deny_unknown_fields`).
    type Parameters: DeserializeOwned;

    /// Looks at the evidence and reports findings. The host decides the verdict from them: any failing finding is
    /// fail, no finding at all is an error.
    ///
    /// # Errors
    /// Why nothing could be judged, for people. That is an error and not a fail.
    fn check(parameters: Self::Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String>;
}

/// For assertions without parameters.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

/// The description of one assertion.
pub fn describe<A: Assertion>() -> Description {
    Description {
        name: A::NAME.to_owned(),
        summary: A::SUMMARY.to_owned(),
        parameters_schema: A::SCHEMA.to_owned(),
        reads: A::READS.iter().map(ToString::to_string).collect(),
    }
}

/// Judges one assertion.
///
/// # Errors
/// What the assertion returns, or why its parameters could not be read.
pub fn run<A: Assertion>(parameters: &str) -> Result<(), String> {
    let parameters = serde_json::from_str(parameters).map_err(|error| {
        // The position is one in the host's JSON, which nobody wrote like that.
        let position = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        format!("parameters: {}", text.strip_suffix(&position).unwrap_or(&text))
    })?;
    A::check(parameters, &Evidence::new(), &mut Report::new())
}
