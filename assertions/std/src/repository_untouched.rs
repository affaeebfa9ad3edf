//! `repository-untouched`: nothing leaked into the repository that the run was started in.

use wassert_guest::{Assertion, Evidence, NoParameters, Report};

use crate::no_outside_writes::changes;

/// See the module.
pub struct RepositoryUntouched;

impl Assertion for RepositoryUntouched {
    const NAME: &'static str = "repository-untouched";
    const SUMMARY: &'static str = "leaked nothing into the repository it was started from";
    const READS: &'static [&'static str] = &["home"];
    const SCHEMA: &'static str = include_str!("../schemas/repository-untouched.json");
    type Parameters = NoParameters;

    fn check(_: NoParameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let changes = changes(evidence)?;
        let watch = evidence.one("$.home.repository")?;
        match watch.read::<String>()?.as_str() {
            "compared" => {}
            "no-repository" => {
                return Err(
                    "the run was not started in a repository: there is nothing to leak into".to_owned()
                );
            }
            other => {
                return Err(format!("the repository was not compared ({other}): what changed is unknown"));
            }
        }
        let mut clean = true;
        for (name, at, change) in changes.iter().filter(|(name, ..)| name.starts_with("repository/")) {
            clean = false;
            report.fail(at, format!("`{name}` was {change}"), "no change in the launching repository");
        }
        if clean {
            report.pass(&watch, "the launching repository is as it was");
        }
        Ok(())
    }
}
