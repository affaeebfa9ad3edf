//! Reading the run document and the bytes it names.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;

use crate::bindings::wassert::pack::evidence;
use crate::reference;

/// Matches asked for in the first call, a power of four: for all of them, and where a few may be enough.
const FIRST_PAGE: u32 = 256;
const FIRST_FEW: u32 = 16;

/// And in the last: each call looks for the matches before its own again, so each asks for more than the one before.
const LAST_PAGE: u32 = 1 << 16;

/// The granted sections of the run document.
#[derive(Debug)]
pub struct Evidence(());

impl Evidence {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// Every match of an RFC 9535 JSONPath, in document order.
    ///
    /// # Errors
    /// `invalid-expression`, or `too-large` when one match is bigger than the host hands out.
    pub fn query(&self, expression: &str) -> Result<Vec<Node>, Refusal> {
        Matches::new(expression, FIRST_PAGE).collect()
    }

    /// The same one by one, for those who stop when they know enough: the host looks no further than it must.
    ///
    /// ```no_run
    /// # fn check(evidence: &wassert_guest::Evidence) -> Result<(), String> {
    /// for node in evidence.matches("$.events[*].text") {
    ///     if node?.text()?.contains("done") {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn matches<'q>(&self, expression: &'q str) -> Matches<'q> {
        Matches::new(expression, FIRST_FEW)
    }

    /// At most `max` of the matches, without the first `skip`; what comes after them is not looked at.
    ///
    /// # Errors
    /// Those of [`Evidence::query`], and `too-large` when they are more than the host hands out at once.
    pub fn page(&self, expression: &str, skip: u32, max: u32) -> Result<Vec<Node>, Refusal> {
        Ok(evidence::query(expression, skip, max)?.into_iter().map(Node::from).collect())
    }

    /// The number of matches; cheaper than fetching them.
    ///
    /// # Errors
    /// `invalid-expression`.
    pub fn count(&self, expression: &str) -> Result<u32, Refusal> {
        Ok(evidence::count(expression)?)
    }

    /// The first match, if any.
    ///
    /// # Errors
    /// Those of [`Evidence::query`].
    pub fn first(&self, expression: &str) -> Result<Option<Node>, Refusal> {
        Ok(self.page(expression, 0, 1)?.pop())
    }

    /// The one match of an expression that names one place.
    ///
    /// # Errors
    /// Those of [`Evidence::query`], and `not-found` when nothing is there.
    pub fn one(&self, expression: &str) -> Result<Node, Refusal> {
        self.first(expression)?.ok_or_else(|| Refusal {
            code: "not-found".to_owned(),
            detail: format!("nothing in the evidence matches `{expression}`"),
        })
    }

    /// The path of a section, for findings about something that is absent from it.
    ///
    /// # Errors
    /// `not-found` when the evidence has no such section, or the assertion's `reads` do not cover it.
    pub fn section(&self, name: &str) -> Result<String, Refusal> {
        let path = crate::path::member("$", name);
        match self.count(&path)? {
            0 => Err(Refusal {
                code: "not-found".to_owned(),
                detail: format!("the evidence has no section `{name}`"),
            }),
            _ => Ok(path),
        }
    }

    /// Bytes that the document names, such as `requests/3/body` or `files/notes.txt/after`.
    ///
    /// # Errors
    /// `not-found` when there are none, or the assertion's `reads` do not cover them.
    pub fn blob(&self, name: &str) -> Result<Blob, Refusal> {
        Ok(Blob { name: name.to_owned(), inner: evidence::Blob::open(name)? })
    }
}

/// Matches of a query, asked for as they are needed; made by [`Evidence::matches`]. Nothing comes after an error.
#[derive(Debug)]
pub struct Matches<'q> {
    expression: &'q str,
    /// Matches that were asked for.
    asked: u32,
    /// How many to ask for, and the most that the host hands out at once.
    page: u32,
    most: u32,
    here: std::vec::IntoIter<evidence::Node>,
    is_last: bool,
}

impl<'q> Matches<'q> {
    fn new(expression: &'q str, page: u32) -> Self {
        let here = Vec::new().into_iter();
        Self { expression, asked: 0, page, most: LAST_PAGE, here, is_last: false }
    }
}

impl Iterator for Matches<'_> {
    type Item = Result<Node, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(node) = self.here.next() {
                return Some(Ok(node.into()));
            }
            if self.is_last {
                return None;
            }
            match evidence::query(self.expression, self.asked, self.page) {
                Ok(found) => {
                    self.is_last = found.len() < self.page as usize;
                    self.asked += found.len() as u32;
                    self.page = (self.page * 4).min(self.most);
                    self.here = found.into_iter();
                }
                // The host bounds the bytes of one answer, not of all answers.
                Err(refusal) if refusal.code == "too-large" && self.page > 1 => {
                    self.page /= 4;
                    self.most = self.page;
                }
                Err(refusal) => {
                    self.is_last = true;
                    return Some(Err(refusal.into()));
                }
            }
        }
    }
}

/// One match of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its normalized path (RFC 9535 section 2.7).
    pub path: String,
    /// Its JSON as it is in the document; [`Node::read`] puts long texts in their place.
    pub json: String,
}

impl From<evidence::Node> for Node {
    fn from(node: evidence::Node) -> Self {
        Self { path: node.path, json: node.json }
    }
}

impl Node {
    /// The match, which is a text; nothing is copied where it stands in the JSON as it is.
    ///
    /// # Errors
    /// Those of [`Node::read`].
    pub fn text(&self) -> Result<Cow<'_, str>, String> {
        let quoted = self.json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match quoted.filter(|text| !text.as_bytes().contains(&b'\\')) {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => self.read().map(Cow::Owned),
        }
    }

    /// The match as a Rust value. Long texts, which the document keeps as blobs, are put in their place.
    ///
    /// # Errors
    /// A sentence naming the path, when the JSON there has another shape, or a long text is not in the evidence.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        let shape = |error| format!("{} has an unexpected shape: {error}", self.path);
        if !reference::may_be_in(&self.json) {
            return serde_json::from_str(&self.json).map_err(shape);
        }
        let mut value = serde_json::from_str(&self.json).map_err(shape)?;
        reference::fill_in(&mut value, &mut |name| {
            let inner = evidence::Blob::open(name).map_err(Refusal::from)?;
            Ok::<_, Refusal>(Blob { name: name.to_owned(), inner }.read_all())
        })
        .map_err(|refusal| format!("{} has a long text that can't be read: {refusal}", self.path))?;
        serde_json::from_value(value).map_err(shape)
    }
}

/// Bytes that stay in the host.
#[derive(Debug)]
pub struct Blob {
    name: String,
    inner: evidence::Blob,
}

impl Blob {
    /// The name it was opened with; a finding may point at it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.inner.size()
    }

    /// At most `max` bytes from `offset`; fewer at the end, none past it.
    pub fn read(&self, offset: u64, max: u32) -> Vec<u8> {
        self.inner.read(offset, max)
    }

    /// All of its bytes.
    pub fn read_all(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let block = self.read(bytes.len() as u64, 64 * 1024);
            if block.is_empty() {
                return bytes;
            }
            bytes.extend(block);
        }
    }

    /// Where `needle` starts, at or after `start`. The host searches.
    pub fn find(&self, needle: &[u8], start: u64) -> Option<u64> {
        self.inner.find(needle, start)
    }
}

/// Why the host gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `invalid-expression`, `not-found`, `not-granted`, `too-large` or `out-of-range`.
    pub code: String,
    /// For people.
    pub detail: String,
}

impl Refusal {
    /// Whether the thing asked for is not there, or hidden.
    pub fn is_not_found(&self) -> bool {
        self.code == "not-found"
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Refusal {}

impl From<evidence::Refusal> for Refusal {
    fn from(refusal: evidence::Refusal) -> Self {
        Self { code: refusal.code, detail: refusal.detail }
    }
}

/// So that `?` works in [`crate::Assertion::check`].
impl From<Refusal> for String {
    fn from(refusal: Refusal) -> Self {
        refusal.to_string()
    }
}
