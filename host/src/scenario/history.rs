//! `[[workspace.commit]]`: commits that the workspace's repository has before the agent comes.
//!
//! What a commit's identifier depends on is all said here, so that it is the same in every run.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::FileText;
use super::files::{Files, Reader};
use super::findings::Findings;
use super::table::{Table, quote};

/// Most commits of a scenario.
const MOST: usize = 100;

/// Who commits, and when, unless a scenario says otherwise.
pub const AUTHOR: &str = "wassert <wassert@localhost>";
/// See [`AUTHOR`].
pub const DATE: &str = "2020-01-01T00:00:00Z";

/// Years that git can commit at, and every program can read.
const YEARS: std::ops::RangeInclusive<u16> = 1970..=2099;

/// One commit; its parent is the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its message.
    pub message: String,
    /// Author and committer, as `Name <address>`. Checked.
    pub author: String,
    /// When both say it was made, as RFC 3339 with whole seconds. Checked.
    pub date: String,
    /// Files that it adds or changes.
    pub files: BTreeMap<String, FileText>,
    /// Files that it removes; each is in the commit before.
    pub removed: Vec<String>,
}

/// The files after the first `commits` of a history.
pub fn files_after(commits: &[Commit]) -> BTreeMap<&str, &FileText> {
    let mut files = BTreeMap::new();
    for commit in commits {
        for path in &commit.removed {
            files.remove(path.as_str());
        }
        files.extend(commit.files.iter().map(|(path, text)| (path.as_str(), text)));
    }
    files
}

/// Reads `commit` of `[workspace]`, and gives the files after the last of them.
pub(super) fn read(
    workspace: &mut Table<'_>,
    findings: &Findings,
    reader: &Reader<'_>,
) -> (Vec<Commit>, Files) {
    let (mut commits, mut state) = (Vec::<Commit>::new(), Files::default());
    for mut table in workspace.tables("commit", "`[[workspace.commit]]`") {
        let range = table.range();
        let message = table.required_text("message");
        let author = table.text("author");
        let date = table.value("date");
        let removed = table.texts("remove").unwrap_or_default();
        for path in &removed {
            let known = state.texts.remove(*path.get_ref()).is_some();
            state.places.remove(*path.get_ref());
            if !known {
                let message = format!("there is no file {} to remove", quote(path.get_ref()));
                findings.error("bad-commit", message, path.span(), "no commit before this one has it");
            }
        }
        let files = reader.files(&mut table);
        state.extend(&files);
        state.check(findings);
        table.finish(super::load::belongs_to_the_scenario);
        let before = commits.last();
        let author = match author {
            Some(author) => checked_author(&author, findings),
            None => Some(before.map_or(AUTHOR, |before| &before.author).to_owned()),
        };
        let date = match date {
            Some(date) => checked_date(date, findings),
            None => Some(before.map_or(DATE, |before| &before.date).to_owned()),
        };
        let message = message.filter(|message| {
            let is_text = message.get_ref().chars().all(|c| !c.is_control() || "\n\t".contains(c));
            if !is_text {
                findings.error(
                    "bad-commit",
                    "a message is plain text",
                    message.span(),
                    "a control character",
                );
            }
            is_text
        });
        if commits.len() == MOST {
            findings.error("bad-commit", format!("there are more than {MOST} commits"), range, "too many");
        }
        if let (Some(message), Some(author), Some(date)) = (message, author, date) {
            let removed = removed.iter().map(|path| (*path.get_ref()).to_owned()).collect();
            let message = (*message.get_ref()).to_owned();
            commits.push(Commit { message, author, date, files: files.texts, removed });
        }
    }
    (commits, state)
}

fn checked_author(author: &Spanned<&str>, findings: &Findings) -> Option<String> {
    let text = *author.get_ref();
    let is_plain =
        |part: &str| !part.is_empty() && !part.contains(['<', '>']) && !part.contains(char::is_control);
    let parts = text.strip_suffix('>').and_then(|text| text.split_once(" <"));
    if parts.is_some_and(|(name, address)| is_plain(name.trim()) && name.trim() == name && is_plain(address))
    {
        return Some(text.to_owned());
    }
    let message = format!("{} is no author", quote(text));
    findings.error("bad-commit", message, author.span(), "written as `Name <address>`");
    None
}

fn checked_date(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<String> {
    let DeValue::Datetime(date) = value.get_ref() else {
        return super::table::wrong_type(findings, "date", "a date", value);
    };
    let has_year = date.date.is_some_and(|date| YEARS.contains(&date.year));
    let has_whole_seconds = date.time.is_some_and(|time| time.nanosecond.is_none_or(|part| part == 0));
    if has_year && has_whole_seconds && date.offset.is_some() {
        return Some(date.to_string());
    }
    let label = "a date with a time and an offset, of whole seconds, from 1970 to 2099";
    let help = format!("such as `{DATE}`");
    findings.error_with_help("bad-commit", "a commit can't be made then", value.span(), label, help);
    None
}
