//! Saying what was found.

use crate::Node;
use crate::bindings::wassert::pack::report;

/// Takes findings. The host quotes the evidence itself, so a message says what is wrong, and `at` says where.
#[derive(Debug)]
pub struct Report(());

impl Report {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// What was demanded is there.
    pub fn pass(&mut self, at: impl Places, message: impl Into<String>) {
        emit(report::Outcome::Pass, at, message.into(), None);
    }

    /// What was demanded is not there; `expected` is what should have been.
    pub fn fail(&mut self, at: impl Places, message: impl Into<String>, expected: impl Into<String>) {
        emit(report::Outcome::Fail, at, message.into(), Some(expected.into()));
    }

    /// The demand does not apply to this run. Only an assertion whose manifest says `may-skip` may say so.
    pub fn skip(&mut self, at: impl Places, message: impl Into<String>) {
        emit(report::Outcome::Skip, at, message.into(), None);
    }

    /// Pass when `holds`, else fail; `message` fits both.
    pub fn demand(
        &mut self,
        holds: bool,
        at: impl Places,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        if holds { self.pass(at, message) } else { self.fail(at, message, expected) }
    }

    /// A line for the author of the assertion, kept beside the verdict.
    pub fn log(&mut self, message: &str) {
        report::log(report::Level::Info, message);
    }
}

fn emit(outcome: report::Outcome, at: impl Places, message: String, expected: Option<String>) {
    let at = at.places().into_iter().map(|place| report::Place {
        path: place.path,
        start: place.start,
        end: place.end,
    });
    report::emit(&report::Finding { outcome, message, at: at.collect(), expected, extra: String::new() });
}

/// A place in the evidence. It must exist: the host quotes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A normalized path in the run document, or a blob's name.
    pub path: String,
    /// First byte, of a blob.
    pub start: Option<u64>,
    /// One past the last byte, of a blob.
    pub end: Option<u64>,
}

/// One place or several.
pub trait Places {
    /// The places.
    fn places(self) -> Vec<Place>;
}

impl Places for Place {
    fn places(self) -> Vec<Place> {
        vec![self]
    }
}

impl Places for &str {
    fn places(self) -> Vec<Place> {
        vec![Place { path: self.to_owned(), start: None, end: None }]
    }
}

impl Places for &String {
    fn places(self) -> Vec<Place> {
        self.as_str().places()
    }
}

impl Places for &Node {
    fn places(self) -> Vec<Place> {
        self.path.places()
    }
}

impl<T> Places for &[T]
where
    for<'a> &'a T: Places,
{
    fn places(self) -> Vec<Place> {
        self.iter().flat_map(Places::places).collect()
    }
}

impl<T> Places for &Vec<T>
where
    for<'a> &'a T: Places,
{
    fn places(self) -> Vec<Place> {
        self.as_slice().places()
    }
}

impl Places for &Place {
    fn places(self) -> Vec<Place> {
        vec![self.clone()]
    }
}
