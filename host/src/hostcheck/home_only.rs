//! `run/home-only`: outside the workspace, nothing changed but what the profile says is the agent's own, unless the
//! scenario names what does.

use super::{finding, pass};
use crate::document::{Change, Document, RepositoryWatch};
use crate::value::{Finding, Outcome, PathPart, excerpt, glob_matches, push_path_part};

/// Where the names of the launching repository begin: what else is watched is the run's own, and nobody else's.
const REPOSITORY: &str = "repository/";

/// `None` when the recording does not say what changed.
pub(super) fn check(document: &Document) -> Option<Vec<Finding>> {
    let home = document.home.as_ref()?;
    let expected = &document.scenario.outside;
    let mut findings = Vec::new();
    for (name, change) in &home.changes {
        if expected.iter().any(|pattern| glob_matches(pattern, name)) {
            continue;
        }
        let done = match change.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Modified | Change::Unchanged => "modified",
        };
        let whose = if change.shared {
            " while other scenarios ran too; `--jobs 1` tells whose it is"
        } else if name.starts_with(REPOSITORY) {
            "; if somebody else saved it during the run, run again"
        } else {
            ""
        };
        let message = format!("`{}` outside the workspace was {done}{whose}", excerpt(name, 200));
        let mut path = "$['home']['changes']".to_owned();
        push_path_part(&mut path, PathPart::Name(name));
        findings.push(finding(Outcome::Fail, message, path, None));
    }
    if home.more > 0 {
        let message = format!("{} more names outside the workspace were changed", home.more);
        findings.push(finding(Outcome::Fail, message, "$['home']['more']".to_owned(), None));
    }
    for pattern in expected {
        if !home.changes.keys().any(|name| glob_matches(pattern, name)) {
            let message = format!("`{pattern}` was expected to be changed, and was not");
            let mut missed = finding(Outcome::Fail, message, "$['home']".to_owned(), None);
            missed.expected = Some(pattern.clone());
            findings.push(missed);
        }
    }
    if findings.is_empty() {
        let seen = if home.changes.is_empty() {
            "nothing outside the workspace was changed but what is the agent's own"
        } else {
            "only what was expected was changed outside the workspace"
        };
        let blind = match home.repository {
            RepositoryWatch::Compared | RepositoryWatch::NoRepository => "",
            RepositoryWatch::TooLarge => "; the launching repository is too large to be watched",
            RepositoryWatch::NotListed => "; the launching repository could not be watched",
        };
        findings.push(pass(&format!("{seen}{blind}"), "$['home']"));
    }
    Some(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Home, HomeChange};

    /// Changes, what is expected, and what is said of it.
    type Case =
        (&'static [(&'static str, Change)], &'static [&'static str], &'static [(Outcome, &'static str)]);

    fn messages(changes: &[(&str, Change)], expected: &[&str]) -> Vec<(Outcome, String)> {
        let mut document = Document::default();
        document.scenario.outside = expected.iter().map(|name| (*name).to_owned()).collect();
        let changes = changes
            .iter()
            .map(|(name, change)| {
                let shared = name.starts_with("repository/");
                ((*name).to_owned(), HomeChange { change: *change, shared, ..HomeChange::default() })
            })
            .collect();
        document.home = Some(Home { changes, repository: RepositoryWatch::Compared, ..Home::default() });
        check(&document).unwrap().into_iter().map(|finding| (finding.outcome, finding.message)).collect()
    }

    #[test]
    fn what_changes_outside_is_what_is_named() {
        use Change::{Added, Modified, Removed};
        use Outcome::{Fail, Pass};
        let cases: [Case; 6] = [
            (&[], &[], &[(Pass, "nothing outside the workspace was changed but what is the agent's own")]),
            (&[("~/x", Added)], &[], &[(Fail, "`~/x` outside the workspace was added")]),
            (
                &[("tmp/a\nb", Modified)],
                &["~/**"],
                &[
                    (Fail, "`tmp/a\\nb` outside the workspace was modified"),
                    (Fail, "`~/**` was expected to be changed, and was not"),
                ],
            ),
            (
                &[("~/.cache/a", Added), ("~/.cache/b/c", Added)],
                &["~/.cache/**"],
                &[(Pass, "only what was expected was changed outside the workspace")],
            ),
            (&[], &["tmp/x"], &[(Fail, "`tmp/x` was expected to be changed, and was not")]),
            (
                &[("repository/README", Removed)],
                &[],
                &[(
                    Fail,
                    "`repository/README` outside the workspace was removed while other scenarios ran too; `--jobs 1` tells whose it is",
                )],
            ),
        ];
        for (changes, expected, told) in cases {
            let told: Vec<_> = told.iter().map(|(outcome, text)| (*outcome, (*text).to_owned())).collect();
            assert_eq!(messages(changes, expected), told, "{changes:?} {expected:?}");
        }
    }

    #[test]
    fn what_was_not_looked_at_is_said() {
        let home = Home { repository: RepositoryWatch::TooLarge, ..Home::default() };
        let document = Document { home: Some(home.clone()), ..Document::default() };
        assert!(
            check(&document).unwrap()[0]
                .message
                .ends_with("the launching repository is too large to be watched")
        );
        let more = Home { more: 3, ..home };
        let document = Document { home: Some(more), ..Document::default() };
        assert_eq!(check(&document).unwrap()[0].outcome, Outcome::Fail);
        assert_eq!(check(&Document::default()), None);
    }
}
