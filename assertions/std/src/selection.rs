//! Which requests are meant: lane, turn, and the ordinal among those.

use std::num::NonZeroU32;

use serde_json::Value;
use wassert_guest::{Evidence, Node, path};

use crate::texts::{self, Text};

/// The lane that stands for all of them.
const ANY: &str = "any";

/// The requests of one lane (`main` unless named, `any` for all), of one turn if given, or one of those.
pub struct Selection {
    lane: String,
    turn: Option<NonZeroU32>,
    request: Option<NonZeroU32>,
}

impl Selection {
    /// From the parameters.
    pub fn new(lane: Option<String>, turn: Option<NonZeroU32>, request: Option<NonZeroU32>) -> Self {
        Self { lane: lane.unwrap_or_else(|| "main".to_owned()), turn, request }
    }

    /// One member of every selected request, in document order.
    ///
    /// # Errors
    /// When the evidence cannot be read.
    pub fn members(&self, evidence: &Evidence, member: &str) -> Result<Vec<Node>, String> {
        match self.request {
            Some(_) => self.first_members(evidence, member, 1),
            None => Ok(evidence.query(&self.expression(&format!(".{member}")))?),
        }
    }

    /// The same of the first selected requests only.
    ///
    /// # Errors
    /// When the evidence cannot be read.
    pub fn first_members(&self, evidence: &Evidence, member: &str, most: usize) -> Result<Vec<Node>, String> {
        let (skip, most) = match self.request {
            Some(request) => (request.get() - 1, 1),
            None => (0, most as u32),
        };
        Ok(evidence.page(&self.expression(&format!(".{member}")), skip, most)?)
    }

    /// How many requests there are.
    ///
    /// # Errors
    /// When the evidence cannot be read.
    pub fn number(&self, evidence: &Evidence) -> Result<u32, String> {
        let all = evidence.count(&self.expression(".lane"))?;
        Ok(self.request.map_or(all, |request| u32::from(request.get() <= all)))
    }

    /// A query of the requests of the lane and the turn, whichever of them is meant.
    pub fn expression(&self, query: &str) -> String {
        let mut conditions = Vec::new();
        if self.lane != ANY {
            conditions.push(format!("@.lane == {}", path::quote(&self.lane)));
        }
        conditions.extend(self.turn.map(|turn| format!("@.turn == {turn}")));
        let filter =
            if conditions.is_empty() { "*".to_owned() } else { format!("?{}", conditions.join(" && ")) };
        format!("$.requests[{filter}]{query}")
    }

    /// ``request 2 of lane `main` in turn 1``, for messages.
    pub fn words(&self) -> String {
        match self.request {
            Some(request) => format!("request {request}{}", self.qualifier()),
            None => format!("the requests{}", self.qualifier()),
        }
    }

    /// The same when there is none: ``no requests of lane `main` ``.
    pub fn none(&self) -> String {
        match self.request {
            Some(request) => format!("there is no request {request}{}", self.qualifier()),
            None => format!("there are no requests{}", self.qualifier()),
        }
    }

    /// `` of lane `main` in turn 1``, to follow a noun.
    pub fn qualifier(&self) -> String {
        let mut words = String::new();
        if self.lane != ANY {
            words.push_str(&format!(" of lane `{}`", self.lane));
        }
        if let Some(turn) = self.turn {
            words.push_str(&format!(" in turn {turn}"));
        }
        words
    }
}

/// The path of a request's transcript.
pub fn transcript(request: usize) -> String {
    format!("$['requests'][{request}]['transcript']")
}

/// The path of the request that a node is a member of.
pub fn request_of(node: &Node) -> String {
    position(node).map_or_else(|| node.path.clone(), |index| path::element("$['requests']", index))
}

/// The position in `requests` of the request that a node is a member of.
pub fn position(node: &Node) -> Option<usize> {
    match path::steps(&node.path).nth(1)? {
        path::Part::Index(index) => Some(index),
        path::Part::Name(_) => None,
    }
}

/// What of a request is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The whole conversation so far, in words all protocols share.
    #[default]
    Transcript,
    /// The body as it was sent.
    Body,
}

/// The texts of a request's body, and the place that was searched.
///
/// # Errors
/// When a large body's bytes are not in the evidence.
pub fn body_texts(evidence: &Evidence, node: &Node) -> Result<(Vec<Text>, String), String> {
    match node.read()? {
        Value::Null => large_body(evidence, node),
        value => Ok((texts::within(&node.path, &value), node.path.clone())),
    }
}

/// A body above 64 KiB is null in the document; its bytes are a blob.
fn large_body(evidence: &Evidence, node: &Node) -> Result<(Vec<Text>, String), String> {
    let index = position(node).ok_or_else(|| format!("{} is no request's body", node.path))?;
    let blob = evidence.blob(&format!("requests/{index}/body"))?;
    let bytes = blob.read_all();
    let value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    let mut texts = texts::within("$", &value);
    for text in &mut texts {
        text.path = blob.name().to_owned();
    }
    Ok((texts, blob.name().to_owned()))
}

/// The texts of one member of a body, such as `input` or `instructions`, and the place that was searched.
///
/// # Errors
/// When the body has no such member: what is not there was not searched.
pub fn member_texts(evidence: &Evidence, node: &Node, member: &str) -> Result<(Vec<Text>, String), String> {
    let value: Value = node.read()?;
    let missing = || format!("{} has no member `{member}`: nothing was searched", node.path);
    if !value.is_null() {
        let place = path::member(&node.path, member);
        return Ok((texts::within(&place, value.get(member).ok_or_else(missing)?), place));
    }
    let index = position(node).ok_or_else(|| format!("{} is no request's body", node.path))?;
    let blob = evidence.blob(&format!("requests/{index}/body"))?;
    let body: Value = serde_json::from_slice(&blob.read_all()).map_err(|_| missing())?;
    let mut texts = texts::within("$", body.get(member).ok_or_else(missing)?);
    for text in &mut texts {
        text.path = blob.name().to_owned();
    }
    Ok((texts, blob.name().to_owned()))
}
