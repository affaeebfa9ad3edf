//! Answers that were given before: the same query of the same granted evidence selects the same nodes at the same cost,
//! so it is not evaluated again. What it costs is charged again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::door::bindings::wassert::pack::evidence::Node;

/// Kept of one piece of evidence; where it would be more, everything is forgotten.
const KEPT_LIMIT_BYTES: usize = 4 << 20;

/// A larger answer is made again.
const ANSWER_LIMIT_BYTES: usize = 256 << 10;

/// What an answer takes besides its texts.
const ANSWER_BYTES: usize = 128;
const NODE_BYTES: usize = size_of::<Node>();

/// What is asked about an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Count,
    Page { skip: u32, max: u32 },
}

/// An answer, and what it cost.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// None where only their number is wanted.
    pub nodes: Arc<[Node]>,
    pub count: usize,
    /// Bytes of its paths and values.
    pub bytes: usize,
    /// Units of work, all told.
    pub units: u64,
}

/// Answers about one piece of evidence.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_expression: HashMap<String, Vec<(usize, Wanted, Answer)>>,
    bytes: usize,
}

impl Answers {
    /// To a question about what is granted under this number.
    pub fn get(&self, expression: &str, granted: usize, wanted: Wanted) -> Option<Answer> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.by_expression.get(expression)?.iter();
        let mut known = known.filter(|(to, about, _)| (*to, *about) == (granted, wanted));
        known.next().map(|(_, _, answer)| answer.clone())
    }

    pub fn put(&self, expression: &str, granted: usize, wanted: Wanted, answer: Answer) {
        let bytes = ANSWER_BYTES + expression.len() + answer.bytes + NODE_BYTES * answer.nodes.len();
        if bytes > ANSWER_LIMIT_BYTES {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes > KEPT_LIMIT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += bytes;
        let known = kept.by_expression.entry(expression.to_owned()).or_default();
        known.retain(|(to, about, _)| (*to, *about) != (granted, wanted));
        known.push((granted, wanted, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(count: usize, bytes: usize) -> Answer {
        Answer { nodes: Arc::default(), count, bytes, units: 1 }
    }

    #[test]
    fn an_answer_is_that_to_one_question() {
        let answers = Answers::default();
        let page = Wanted::Page { skip: 0, max: 1 };
        answers.put("$.a", 1, Wanted::Count, answer(7, 0));
        answers.put("$.a", 1, page, answer(1, 0));
        let count = |expression, granted, wanted| {
            answers.get(expression, granted, wanted).map(|answer: Answer| answer.count)
        };
        assert_eq!(count("$.a", 1, Wanted::Count), Some(7));
        assert_eq!(count("$.a", 1, page), Some(1));
        assert_eq!(count("$.b", 1, page), None);
        assert_eq!(count("$.a", 2, page), None);
        assert_eq!(count("$.a", 1, Wanted::Page { skip: 1, max: 1 }), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let answers = Answers::default();
        answers.put("large", 0, Wanted::Count, answer(0, ANSWER_LIMIT_BYTES));
        assert!(answers.get("large", 0, Wanted::Count).is_none());
        let many = KEPT_LIMIT_BYTES / (ANSWER_LIMIT_BYTES / 2) + 2;
        for number in 0..many {
            answers.put(&number.to_string(), 0, Wanted::Count, answer(0, ANSWER_LIMIT_BYTES / 2));
        }
        assert!(answers.get("0", 0, Wanted::Count).is_none());
        assert!(answers.get(&(many - 1).to_string(), 0, Wanted::Count).is_some());
        assert!(answers.0.lock().unwrap().bytes <= KEPT_LIMIT_BYTES);
    }
}
