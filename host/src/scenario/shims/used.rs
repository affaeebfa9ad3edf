//! What the texts of one stand-in refer to, and whether it is ever there: a reference to nothing would be an empty text,
//! and a reply that waits for nothing would never be given.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::findings::Findings;
use super::super::table::quote;
use super::{Shim, ShimPart, shim_parts};

/// References, with where they are written.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Values in texts.
    values: Vec<(String, Range<usize>)>,
    /// Values of `when`.
    awaited: Vec<(String, Range<usize>)>,
    /// Texts with the standard input.
    stdin: Vec<Range<usize>>,
    /// What is no argument.
    no_arguments: Vec<(String, Range<usize>)>,
}

impl Used {
    /// Notes what a text refers to.
    pub(super) fn text(&mut self, text: &str, range: &Range<usize>) {
        for part in shim_parts(text) {
            match part {
                ShimPart::Value(name) => self.values.push((name.to_owned(), range.clone())),
                ShimPart::NoArgument(word) => self.no_arguments.push((word.to_owned(), range.clone())),
                ShimPart::Stdin => self.stdin.push(range.clone()),
                ShimPart::Text(_) | ShimPart::Argument(_) | ShimPart::Count => {}
            }
        }
    }

    /// Notes a value that a reply waits for.
    pub(super) fn awaited(&mut self, name: &str, range: Range<usize>) {
        self.awaited.push((name.to_owned(), range));
    }

    /// Tells what is never there.
    pub(super) fn check(self, shim: &Shim, findings: &Findings) {
        let answers = shim.replies.iter().map(|reply| &reply.answer).chain(&shim.otherwise);
        let set: BTreeSet<&str> = answers.flat_map(|answer| answer.set.keys().map(String::as_str)).collect();
        let name = quote(&shim.name);
        let unset =
            |value: &str| (!set.contains(value)).then(|| findings.suggest(value, set.iter().copied()));
        for (word, range) in self.no_arguments {
            let message = format!("{} is no argument", quote(&format!("{{{{{word}}}}}")));
            findings.error("bad-shim", message, range, "`{{argument:1}}` to `{{argument:255}}`");
        }
        for (value, range) in self.values {
            let Some(suggestion) = unset(&value) else { continue };
            let message = format!("no reply of {name} sets {}", quote(&format!("{{{{{value}}}}}")));
            let help = suggestion
                .unwrap_or_else(|| "`set` it in a reply; `{{{{` stands for two brackets".to_owned());
            findings.error_with_help("bad-shim", message, range, "always empty", help);
        }
        for (value, range) in self.awaited {
            let Some(suggestion) = unset(&value) else { continue };
            let message = format!("no reply of {name} sets {}", quote(&value));
            let help = suggestion.unwrap_or_else(|| "`set` it in a reply that is given before".to_owned());
            findings.error_with_help("bad-shim", message, range, "never set", help);
        }
        for range in self.stdin.into_iter().filter(|_| !shim.reads_stdin) {
            let message = format!("{name} does not read its standard input");
            let help = "leave out `stdin = false`";
            findings.error_with_help("bad-shim", message, range, "always empty", help);
        }
    }
}
