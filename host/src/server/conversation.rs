//! What follows what: one conversation's transcript against that of a later request.
//!
//! Pure. Knows no script, no lanes and no wire format; it compares what was said, never how it was written.

use std::collections::BTreeSet;

use crate::document::{Item, Role};
use crate::value::excerpt;

/// How much of a text a difference quotes.
const QUOTE_LIMIT_CHARACTERS: usize = 80;
/// What is expected after a reply that calls no tool.
const NOTHING_MORE: &str = "nothing more, or the prompt of a turn that resumes";
/// The name under which a call of an unknown tool comes back from agents that route it to a tool of their own
/// (opencode 1.18.33); its identifier stays.
const RENAMED: &str = "invalid";

/// An item that tells conversations apart. Instructions, reasoning and items of unknown types do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A message of the user.
    User(String),
    /// A message of the model.
    Assistant(String),
    /// A call of the model; agents re-serialise the input, so it is left out.
    Call {
        /// Its identifier.
        call: String,
        /// The tool's name on the wire.
        tool: String,
    },
    /// What a call gave back.
    Result {
        /// Identifier of the call.
        call: String,
        /// Its text.
        output: String,
    },
}

impl Entry {
    /// The entry of an item, where it has one.
    pub(super) fn of(item: &Item) -> Option<Self> {
        Some(match item {
            Item::Message { role: Role::User, text } => Self::User(text.clone()),
            Item::Message { role: Role::Assistant, text } => Self::Assistant(text.clone()),
            Item::Call { call, tool, .. } => Self::Call { call: call.clone(), tool: tool.clone() },
            Item::Result { call, output } => Self::Result { call: call.clone(), output: output.clone() },
            Item::Other { .. } => Self::Assistant(compacted(item)?),
            Item::Message { .. } | Item::Reasoning { .. } => return None,
        })
    }

    /// Whether this, emitted, came back as that.
    fn is_echoed_by(&self, entry: &Self) -> bool {
        match (self, entry) {
            (Self::Call { call: own, .. }, Self::Call { call, tool }) if tool == RENAMED => own == call,
            _ => self == entry,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::User(text) => format!("user message {}", quote(text)),
            Self::Assistant(text) => format!("assistant message {}", quote(text)),
            Self::Call { call, tool } => format!("call {} of tool {}", quote(call), quote(tool)),
            Self::Result { call, output } => format!("result {} of call {}", quote(output), quote(call)),
        }
    }
}

/// What stands for the history in an item into which a server compacted it (`compaction` of the Responses protocol;
/// codex also knows it as `compaction_summary` and `context_compaction`).
pub(super) fn compacted(item: &Item) -> Option<String> {
    let Item::Other { type_name, raw } = item else { return None };
    let is_compacted =
        matches!(type_name.as_str(), "compaction" | "compaction_summary" | "context_compaction");
    raw["encrypted_content"].as_str().filter(|_| is_compacted).map(str::to_owned)
}

/// The entries of a transcript, and where in it each of them stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    /// The entries, in order.
    pub(super) list: Vec<Entry>,
    positions: Vec<usize>,
}

impl Entries {
    /// Filters a transcript.
    pub(super) fn of(transcript: &[Item]) -> Self {
        let (positions, list) = transcript
            .iter()
            .enumerate()
            .filter_map(|(position, item)| Some((position, Entry::of(item)?)))
            .unzip();
        Self { list, positions }
    }

    /// The last message of the user.
    pub(super) fn last_user(&self) -> Option<&str> {
        self.list.iter().rev().find_map(|entry| match entry {
            Entry::User(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The messages of the user.
    pub(super) fn users(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter_map(|entry| match entry {
            Entry::User(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The calls whose results stand after the last message of the user.
    pub(super) fn answered_since_the_user(&self) -> Vec<&str> {
        let after = self.list.iter().rev().take_while(|entry| !matches!(entry, Entry::User(_)));
        let results = after.filter_map(|entry| match entry {
            Entry::Result { call, .. } => Some(call.as_str()),
            _ => None,
        });
        results.collect()
    }

    /// The difference of a transcript that goes on at `at` though only a resumed turn's prompt could follow.
    pub(super) fn unprompted(&self, at: usize) -> Difference {
        self.difference(at, NOTHING_MORE)
    }

    /// The difference of a transcript that goes on at `at` though the reply it would follow was never served.
    pub(super) fn premature(&self, at: usize) -> Difference {
        self.difference(at, "nothing more, as the reply of the step has not been served yet")
    }

    fn difference(&self, at: usize, expected: &str) -> Difference {
        let sentence = match (self.list.get(at), self.positions.get(at)) {
            (Some(entry), Some(position)) => {
                format!("transcript item {position}: expected {expected}, got {}", entry.describe())
            }
            _ => format!("end of the transcript: expected {expected}"),
        };
        Difference { agreed: at, sentence }
    }
}

/// Where a transcript leaves what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// How many entries agreed before it.
    pub(super) agreed: usize,
    /// For people.
    pub(super) sentence: String,
}

/// How a later transcript relates to an earlier one and what was emitted at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The same again, or that plus a part of what was emitted: a retry.
    Again,
    /// All that was emitted, and more.
    Beyond {
        /// Set when a result is missing: what would have been expected instead.
        unanswered: Option<Difference>,
        /// Messages of the user after it.
        users: Vec<String>,
        /// Where the first of these messages stands among the entries; the end when there is none.
        first_user: usize,
    },
    /// Something else.
    Differs(Difference),
}

/// Relates `now` to an earlier transcript `base` at whose end `emitted` was emitted.
///
/// Results of parallel calls may come in any order and between the calls. The last message may be there in part:
/// some agents keep what they had received of a stream that was cut.
pub(super) fn relate(base: &[Entry], emitted: &[Entry], now: &Entries) -> Relation {
    for (at, expected) in base.iter().enumerate() {
        if now.list.get(at) != Some(expected) {
            return Relation::Differs(now.difference(at, &expected.describe()));
        }
    }
    let mut seen = 0;
    let mut answered = BTreeSet::new();
    let mut users = Vec::new();
    let mut first_user = now.list.len();
    for (at, entry) in now.list.iter().enumerate().skip(base.len()) {
        if emitted.get(seen).is_some_and(|own| own.is_echoed_by(entry)) {
            seen += 1;
            continue;
        }
        if let Entry::Result { call, .. } = entry
            && emitted[..seen].iter().any(|own| matches!(own, Entry::Call { call: own, .. } if own == call))
            && answered.insert(call.as_str())
        {
            continue;
        }
        match (emitted.get(seen), entry) {
            (Some(Entry::Assistant(whole)), Entry::Assistant(part))
                if at + 1 == now.list.len()
                    && answered.is_empty()
                    && !part.is_empty()
                    && whole.starts_with(part.as_str()) =>
            {
                return Relation::Again;
            }
            (Some(expected), _) => return Relation::Differs(now.difference(at, &expected.describe())),
            (None, Entry::User(text)) => {
                first_user = first_user.min(at);
                users.push(text.clone());
            }
            (None, _) => {
                let expected =
                    expected_result(emitted, &answered).unwrap_or_else(|| String::from(NOTHING_MORE));
                return Relation::Differs(now.difference(at, &expected));
            }
        }
    }
    if users.is_empty() && answered.is_empty() {
        return Relation::Again;
    }
    if let Some(expected) = emitted.get(seen) {
        return Relation::Differs(now.difference(now.list.len(), &expected.describe()));
    }
    let unanswered =
        expected_result(emitted, &answered).map(|expected| now.difference(first_user, &expected));
    Relation::Beyond { unanswered, users, first_user }
}

fn expected_result(emitted: &[Entry], answered: &BTreeSet<&str>) -> Option<String> {
    emitted.iter().find_map(|entry| match entry {
        Entry::Call { call, .. } if !answered.contains(call.as_str()) => {
            Some(format!("the result of call {}", quote(call)))
        }
        _ => None,
    })
}

/// A text of an agent, short and harmless to print.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", excerpt(text, QUOTE_LIMIT_CHARACTERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Entry {
        Entry::User(text.into())
    }
    fn said(text: &str) -> Entry {
        Entry::Assistant(text.into())
    }
    fn call(id: &str) -> Entry {
        Entry::Call { call: id.into(), tool: "shell".into() }
    }
    fn result(id: &str) -> Entry {
        Entry::Result { call: id.into(), output: format!("output of {id}") }
    }
    fn entries(list: Vec<Entry>) -> Entries {
        Entries { positions: (0..list.len()).collect(), list }
    }
    fn related(emitted: &[Entry], tail: &[Entry]) -> Relation {
        let base = [user("go")];
        relate(&base, emitted, &entries([&base, tail].concat()))
    }
    fn is_answered(relation: &Relation) -> bool {
        matches!(relation, Relation::Beyond { unanswered: None, .. })
    }

    #[test]
    fn every_prefix_of_what_was_emitted_is_a_retry() {
        let emitted = [said("héllo"), call("a"), call("b")];
        for end in 0..=emitted.len() {
            assert_eq!(related(&emitted, &emitted[..end]), Relation::Again, "{end}");
        }
        for (end, _) in "héllo".char_indices().skip(1) {
            assert_eq!(related(&emitted, &[said(&"héllo"[..end])]), Relation::Again, "{end}");
        }
    }

    #[test]
    fn a_text_that_was_not_emitted_differs() {
        for tail in [&[said("hex")][..], &[said("")], &[said("h"), user("more")], &[call("a")]] {
            assert!(matches!(related(&[said("hello")], tail), Relation::Differs(_)), "{tail:?}");
        }
    }

    #[test]
    fn results_answer_in_any_order_and_between_calls() {
        let emitted = [said("both"), call("a"), call("b")];
        for tail in [
            vec![said("both"), call("a"), call("b"), result("a"), result("b")],
            vec![said("both"), call("a"), call("b"), result("b"), result("a")],
            vec![said("both"), call("a"), result("a"), call("b"), result("b")],
            vec![said("both"), call("a"), call("b"), result("b"), user("[image]"), result("a")],
        ] {
            assert!(is_answered(&related(&emitted, &tail)), "{tail:?}");
        }
    }

    #[test]
    fn a_missing_result_is_named() {
        let relation = related(&[call("a"), call("b")], &[call("a"), call("b"), result("b"), user("next")]);
        let Relation::Beyond { unanswered: Some(difference), users, .. } = relation else {
            panic!("{relation:?}")
        };
        assert_eq!(
            difference.sentence,
            "transcript item 4: expected the result of call `a`, got user message `next`"
        );
        assert_eq!(users, ["next"]);
    }

    #[test]
    fn strange_tails_differ() {
        let emitted = [call("a")];
        let renamed = Entry::Call { call: "a".into(), tool: RENAMED.into() };
        assert!(
            is_answered(&related(&emitted, &[renamed.clone(), result("a")])),
            "some agents rename a call"
        );
        assert!(matches!(related(&[call("b")], &[renamed, result("a")]), Relation::Differs(_)));
        for tail in [
            &[call("a"), result("other")][..],
            &[call("a"), result("a"), result("a")],
            &[call("a"), result("a"), said("not mine")],
            &[result("a"), call("a")],
            &[Entry::Call { call: "a".into(), tool: "other".into() }, result("a")],
        ] {
            assert!(matches!(related(&emitted, tail), Relation::Differs(_)), "{tail:?}");
        }
    }

    #[test]
    fn another_beginning_differs_where_it_differs() {
        let relation = relate(&[user("a"), user("b")], &[], &entries(vec![user("a")]));
        assert_eq!(
            relation,
            Relation::Differs(Difference {
                agreed: 1,
                sentence: "end of the transcript: expected user message `b`".into()
            })
        );
    }
}
