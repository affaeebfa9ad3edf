//! `[[shim]]`: commands that stand in for real ones (`gh`, `git`, anything), with canned replies and a little memory.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::load::belongs_to_the_scenario;
use super::table::{Table, as_text, quote};

/// Most stand-ins of a scenario, and most replies of one.
const MOST: usize = 100;

/// Longest regular expression, in bytes.
const MOST_REGEX_BYTES: usize = 1000;

/// One stand-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shim {
    /// What it is called; the agent finds it first on PATH.
    pub name: String,
    /// Whether it reads its standard input to the end and keeps it.
    pub reads_stdin: bool,
    /// Replies; the first that fits is given.
    pub replies: Vec<ShimReply>,
    /// What is given when none fits; absent: exit code 1 and a message that names the call.
    pub otherwise: Option<ShimAnswer>,
}

/// An answer, and when it is given: all that is said of the arguments, joined by blanks, must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShimReply {
    /// The whole.
    pub exact: Option<String>,
    /// How it begins.
    pub prefix: Option<String>,
    /// Texts that are all in it.
    pub contains: Vec<String>,
    /// An extended regular expression (POSIX, as `grep -E` reads it) that matches in it.
    pub regex: Option<String>,
    /// Values that must have been set.
    pub when: BTreeMap<String, String>,
    /// What is given.
    pub answer: ShimAnswer,
}

/// What a stand-in says and remembers. In its texts, `{{name}}` is a value that was set, `{{argument:2}}` the second
/// argument, `{{stdin}}` the standard input, and `{{count}}` how often this reply has been given, this time included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShimAnswer {
    /// For standard output.
    pub stdout: String,
    /// For standard error.
    pub stderr: String,
    /// The exit code.
    pub exit: u8,
    /// Values that are set from now on.
    pub set: BTreeMap<String, String>,
}

/// Reads `[[shim]]`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings) -> Vec<Shim> {
    let mut shims: Vec<Shim> = Vec::new();
    for mut table in root.one_or_many("shim", "`shim`") {
        let name = table.required_text("name");
        let reads_stdin = table.boolean("stdin").is_none_or(|reads| *reads.get_ref());
        let mut replies = Vec::new();
        for table in table.one_or_many("reply", "`reply`") {
            replies.extend(reply(table, findings));
        }
        let range = table.range();
        let otherwise = table.table("otherwise", "`otherwise`").map(|mut table| {
            let answer = answer(&mut table, findings);
            table.finish(|_| None);
            answer
        });
        table.finish(belongs_to_the_scenario);
        let Some(name) = name else { continue };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
        if name.get_ref().is_empty()
            || name.get_ref().starts_with(['.', '-'])
            || !name.get_ref().chars().all(is_name)
        {
            let message = format!("{} is no name of a command", quote(name.get_ref()));
            findings.error("bad-shim", message, name.span(), "letters, digits, `-`, `_`, `.` and `+`");
        } else if shims.iter().any(|shim| shim.name == *name.get_ref()) {
            let message = format!("{} has two stand-ins", quote(name.get_ref()));
            findings.error("bad-shim", message, name.span(), "again here");
        } else if shims.len() >= MOST || replies.len() > MOST {
            findings.error("bad-shim", format!("there are more than {MOST} of them"), range, "too many");
        } else {
            shims.push(Shim { name: (*name.get_ref()).to_owned(), reads_stdin, replies, otherwise });
        }
    }
    shims
}

fn reply(mut table: Table<'_>, findings: &Findings) -> Option<ShimReply> {
    let text = |table: &mut Table<'_>, key| table.text(key).map(|text| (*text.get_ref()).to_owned());
    let contains = table.texts("contains").unwrap_or_default();
    let regex = table.text("regex");
    let mut reply = ShimReply {
        exact: text(&mut table, "exact"),
        prefix: text(&mut table, "prefix"),
        contains: contains.iter().map(|text| (*text.get_ref()).to_owned()).collect(),
        regex: regex.as_ref().map(|regex| (*regex.get_ref()).to_owned()),
        when: values(&mut table, "when", findings),
        answer: ShimAnswer::default(),
    };
    if let Some(regex) =
        regex.filter(|regex| regex.get_ref().len() > MOST_REGEX_BYTES || regex.get_ref().contains('\n'))
    {
        let message = format!("a regular expression is one line of at most {MOST_REGEX_BYTES} bytes");
        findings.error("bad-shim", message, regex.span(), "too long");
    }
    let range = table.range();
    reply.answer = answer(&mut table, findings);
    table.finish(belongs_to_the_scenario);
    let demands = reply.exact.is_some()
        || reply.prefix.is_some()
        || !reply.contains.is_empty()
        || reply.regex.is_some()
        || !reply.when.is_empty();
    if !demands {
        let message = "a reply that fits every call would hide those after it";
        let help = "say `exact`, `prefix`, `contains`, `regex` or `when`, or use `[shim.otherwise]`";
        findings.error_with_help("bad-shim", message, range, "fits everything", help);
        return None;
    }
    Some(reply)
}

fn answer(table: &mut Table<'_>, findings: &Findings) -> ShimAnswer {
    let text = |table: &mut Table<'_>, key| table.text(key).map(|text| (*text.get_ref()).to_owned());
    ShimAnswer {
        stdout: text(table, "stdout").unwrap_or_default(),
        stderr: text(table, "stderr").unwrap_or_default(),
        exit: table.integer("exit", 0..=255).and_then(|exit| u8::try_from(exit).ok()).unwrap_or_default(),
        set: values(table, "set", findings),
    }
}

/// A table of texts; names are those that `{{name}}` may have.
fn values(table: &mut Table<'_>, key: &'static str, findings: &Findings) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let Some(table) = table.table(key, format!("`{key}`")) else { return values };
    for (name, value) in table.entries() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.get_ref().is_empty() || !name.get_ref().chars().all(is_name) {
            let message = format!("{} is no name of a value", quote(name.get_ref()));
            findings.error("bad-shim", message, name.span(), "letters, digits, `-` and `_`");
        } else if let Some(text) = as_text(findings, name.get_ref(), value) {
            values.insert((*name.get_ref()).to_owned(), (*text.get_ref()).to_owned());
        }
    }
    values
}
