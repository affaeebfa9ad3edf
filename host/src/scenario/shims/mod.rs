//! `[[shim]]`: commands that stand in for real ones (`gh`, `git`, anything), with canned replies and a little memory.

mod regex;
mod text;
mod used;

use std::collections::BTreeMap;
use std::ops::Range;

pub use text::{ShimPart, shim_parts};
use toml::Spanned;
use used::Used;

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
    /// Whether it reads its standard input to the end and keeps it, where that is a pipe or a file.
    pub reads_stdin: bool,
    /// Whether it does so where that is a socket, too: an agent may leave one open for ever.
    pub reads_sockets: bool,
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

/// What a stand-in says and remembers. In its texts, `{{name}}` is a value that a reply of it sets, `{{argument:2}}` the second
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
        let stdin = table.boolean("stdin").map(|reads| *reads.get_ref());
        let mut used = Used::default();
        let mut replies = Vec::new();
        for table in table.one_or_many("reply", "`reply`") {
            replies.extend(reply(table, &mut used, findings));
        }
        let range = table.range();
        let otherwise = table.table("otherwise", "`otherwise`").map(|mut table| {
            let answer = answer(&mut table, &mut used, findings);
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
            let shim = Shim {
                name: (*name.get_ref()).to_owned(),
                reads_stdin: stdin != Some(false),
                reads_sockets: stdin == Some(true),
                replies,
                otherwise,
            };
            used.check(&shim, findings);
            shims.push(shim);
        }
    }
    shims
}

fn reply(mut table: Table<'_>, used: &mut Used, findings: &Findings) -> Option<ShimReply> {
    let owned = |text: &Spanned<&str>| (*text.get_ref()).to_owned();
    let (exact, prefix, regex) = (table.text("exact"), table.text("prefix"), table.text("regex"));
    let contains = table.texts("contains").unwrap_or_default();
    for (key, text) in [("prefix", &prefix), ("regex", &regex)]
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.as_ref()?)))
        .chain(contains.iter().map(|text| ("contains", text)))
        .filter(|(_, text)| text.get_ref().is_empty())
    {
        let message = format!("an empty text in `{key}` fits every call");
        let help = "`exact = \"\"` fits a call without arguments";
        findings.error_with_help("bad-shim", message, text.span(), "fits everything", help);
    }
    if let Some(regex) = &regex {
        let text = regex.get_ref();
        if text.len() > MOST_REGEX_BYTES || text.contains('\n') {
            let message = format!("a regular expression is one line of at most {MOST_REGEX_BYTES} bytes");
            findings.error("bad-shim", message, regex.span(), "too long");
        } else if let Some(mistake) = regex::mistake(text) {
            let message = format!("the regular expression {mistake}");
            let help = "it is an extended one (POSIX, as `grep -E` reads it)";
            findings.error_with_help("bad-shim", message, regex.span(), "`grep -E` refuses it", help);
        }
    }
    let (when, awaited) = values(&mut table, "when", findings);
    for (name, range) in awaited {
        used.awaited(&name, range);
    }
    let reply = ShimReply {
        exact: exact.as_ref().map(owned),
        prefix: prefix.as_ref().map(owned),
        contains: contains.iter().map(owned).collect(),
        regex: regex.as_ref().map(owned),
        when,
        answer: answer(&mut table, used, findings),
    };
    let range = table.range();
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

fn answer(table: &mut Table<'_>, used: &mut Used, findings: &Findings) -> ShimAnswer {
    let mut text = |table: &mut Table<'_>, key| {
        let Some(text) = table.text(key) else { return String::new() };
        used.text(text.get_ref(), &text.span());
        (*text.get_ref()).to_owned()
    };
    let (stdout, stderr) = (text(table, "stdout"), text(table, "stderr"));
    let exit = table.integer("exit", 0..=255).and_then(|exit| u8::try_from(exit).ok()).unwrap_or_default();
    let (set, ranges) = values(table, "set", findings);
    for (name, range) in ranges {
        used.text(&set[&name], &range);
    }
    ShimAnswer { stdout, stderr, exit, set }
}

/// Texts by name, and where each is written.
type Values = (BTreeMap<String, String>, Vec<(String, Range<usize>)>);

/// A table of texts; names are those that `{{name}}` may have.
fn values(table: &mut Table<'_>, key: &'static str, findings: &Findings) -> Values {
    let mut values = Values::default();
    let Some(table) = table.table(key, format!("`{key}`")) else { return values };
    for (name, value) in table.entries() {
        if !text::is_name(name.get_ref()) {
            let message = format!("{} is no name of a value", quote(name.get_ref()));
            findings.error("bad-shim", message, name.span(), "letters, digits, `-` and `_`");
        } else if let Some(text) = as_text(findings, name.get_ref(), value) {
            let range = if key == "when" { name.span() } else { text.span() };
            values.1.push(((*name.get_ref()).to_owned(), range));
            values.0.insert((*name.get_ref()).to_owned(), (*text.get_ref()).to_owned());
        }
    }
    values
}
