//! The steps of a script, translated for one agent, and how far each has been served.
//!
//! Pure. Which request reaches which step is for `lane` to say, what must be true of it for `expect`.

use std::sync::Arc;

use serde_json::Value;

use crate::document::Item;
use crate::profile::{Profile, Stop, Transport};
use crate::scenario::{self, Capture, Fault, Reply, Step, Template, Values, WireEvent};

use super::answer::Manner;
use super::conversation::Entry;
use super::expect::{Facts, captured, unmet};
use super::part::{Part, translated};
use super::protocol::{Answer, Head, Usage, said};

/// A step and how far it has been served.
#[derive(Clone)]
pub(super) struct ScriptStep {
    /// As scripted.
    pub(super) step: Step,
    /// The items of the reply chosen last; none when that is a failure or written out.
    pub(super) parts: Vec<Part>,
    /// The reply where it is written out.
    pub(super) events: Vec<WireEvent>,
    /// What an agent understands of the whole reply.
    pub(super) items: Vec<Item>,
    /// The same as entries of a conversation.
    pub(super) emitted: Vec<Entry>,
    /// Attempts that have arrived.
    pub(super) arrived: u32,
    /// Whether the final reply has been served.
    pub(super) complete: bool,
    /// Whether a conversation has reached it.
    pub(super) taken: bool,
    /// The reply chosen last.
    chosen: Reply,
    /// The answer rendered last from it, where the step is repeated.
    again: Option<Again>,
    /// Answers that later requests may name, where it is repeated.
    answered: u32,
    profile: &'static dyn Profile,
}

/// An answer of a repeated step: it is rendered once for all requests that differ in nothing it tells.
#[derive(Clone)]
struct Again {
    told: Told,
    rendered: RenderedOnce,
}

/// A rendered reply that goes out more than once.
#[derive(Clone)]
pub(super) struct RenderedOnce {
    answer: Answer,
    /// The identifier it has, and where that stands in its bytes.
    id: String,
    places: Vec<usize>,
    /// What it adds to the conversation as it is on the wire.
    remembered: Vec<Arc<Value>>,
}

impl RenderedOnce {
    /// An answer in one piece. `other` is the same, rendered under an identifier of the same length with another end.
    pub(super) fn new(answer: Answer, id: &str, other: Option<&Answer>, remembered: Vec<Arc<Value>>) -> Self {
        let mut places = Vec::new();
        if let Some(other) = other {
            let (body, other) = (answer.body(), other.body());
            let ends = body.iter().zip(other.iter()).enumerate().filter(|(_, (byte, other))| byte != other);
            places.extend(ends.map(|(end, _)| (end + 1).saturating_sub(id.len())));
        }
        Self { answer, id: id.to_owned(), places, remembered }
    }

    /// The same under another identifier, and what it adds to the conversation.
    fn under(&self, id: &str) -> Option<(Answer, Vec<Arc<Value>>)> {
        let answer = match self.id == id {
            true => self.answer.clone(),
            false if self.id.len() == id.len() && !self.places.is_empty() => {
                self.answer.with_bytes(&self.places, id.as_bytes())
            }
            false => return None,
        };
        Some((answer, self.remembered.clone()))
    }
}

/// What an answer is rendered from, beside the reply and its identifier.
#[derive(Clone, PartialEq)]
pub(super) struct Told {
    path: String,
    transport: Transport,
    streams: bool,
    model: String,
    input_items: usize,
    reports_usage: bool,
    usage: Option<Usage>,
    stop: Stop,
}

impl Told {
    /// From how a request wants to be answered, and what its answer says of it.
    pub(super) fn of(path: &str, manner: Manner, head: &Head<'_>) -> Self {
        let Head { id: _, stem: _, model, input_items, reports_usage, usage, stop } = *head;
        Self {
            path: path.to_owned(),
            transport: manner.transport,
            streams: manner.streams,
            model: model.to_owned(),
            input_items,
            reports_usage,
            usage,
            stop,
        }
    }
}

/// What one attempt is answered with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// The reply's items.
    Reply,
    /// What the lane answers when nothing is scripted.
    Default,
    /// A failure.
    Fail {
        /// Which.
        fault: Fault,
        /// Whether the step ends with it.
        last: bool,
    },
}

/// A reply that is ready to be served to a request.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The reply and its items; none where it is the one chosen last.
    new: Option<(Reply, Vec<Part>)>,
    /// The values the request brought.
    pub(super) values: Values,
}

impl ScriptStep {
    /// Translates a step.
    ///
    /// # Errors
    /// What the profile says of a tool it can't translate.
    pub(super) fn new(step: Step, profile: &'static dyn Profile) -> Result<Self, String> {
        for reply in step.replies() {
            translated(reply, profile)?;
        }
        let parts = translated(&step.reply, profile)?;
        let items = understood(&step.reply, &parts);
        let events = events(&step.reply);
        let emitted = items.iter().filter_map(Entry::of).collect();
        let chosen = step.reply.clone();
        Ok(Self {
            step,
            parts,
            events,
            items,
            emitted,
            arrived: 0,
            complete: false,
            taken: false,
            chosen,
            again: None,
            answered: 0,
            profile,
        })
    }

    /// Whether the agent answers this step by itself, so that the next step belongs to the same conversation.
    pub(super) fn calls_tools(&self) -> bool {
        if self.taken { makes_calls(&self.chosen) } else { self.step.replies().any(makes_calls) }
    }

    /// Whether it makes calls, and these results answer all of them.
    pub(super) fn issues_only(&self, answered: &[&str]) -> bool {
        let mut calls = self.emitted.iter().filter_map(|entry| match entry {
            Entry::Call { call, .. } => Some(call.as_str()),
            _ => None,
        });
        self.calls_tools() && !answered.is_empty() && calls.all(|call| answered.contains(&call))
    }

    /// Whether another attempt is expected before the reply is served.
    pub(super) fn awaits_attempts(&self) -> bool {
        !self.complete
    }

    /// Chooses among the branches and puts captured values where the reply refers to them; `values` are those of
    /// earlier requests.
    ///
    /// # Errors
    /// Why no reply can be given, for people.
    pub(super) fn prepare(&self, facts: &Facts<'_>, values: &Values) -> Result<Prepared, String> {
        let brought = self.captured(facts)?;
        let fitting: Vec<usize> = (0..self.step.branches.len())
            .filter(|&at| {
                self.step.branches[at].when.iter().all(|condition| unmet(condition, facts).is_none())
            })
            .collect();
        let reply = match fitting[..] {
            [] if self.step.reply == Reply::Nothing => {
                let first = self.step.branches[0].when.iter().find_map(|condition| unmet(condition, facts));
                let reason = first.unwrap_or_default();
                return Err(format!(
                    "none of the {} branches fits; the first: {reason}",
                    self.step.branches.len()
                ));
            }
            [] => &self.step.reply,
            [only] => &self.step.branches[only].reply,
            [first, second, ..] => {
                return Err(format!("branches {} and {} both fit it", first + 1, second + 1));
            }
        };
        if !Template::is_in(reply) {
            if *reply == self.chosen {
                return Ok(Prepared { new: None, values: brought });
            }
            let parts = translated(reply, self.profile)?;
            return Ok(Prepared { new: Some((reply.clone(), parts)), values: brought });
        }
        let mut known = values.clone();
        known.extend(brought.clone());
        let filled = Template::fill(reply, &known).map_err(|error| error.to_string())?;
        let parts = translated(&filled, self.profile)?;
        Ok(Prepared { new: Some((filled, parts)), values: brought })
    }

    fn captured(&self, facts: &Facts<'_>) -> Result<Values, String> {
        let mut values = Values::new();
        for capture @ Capture { name, .. } in &self.step.captures {
            values.insert(name.clone(), captured(capture, facts)?);
        }
        Ok(values)
    }

    /// Counts an attempt that gets a reply, and says what it is answered with.
    pub(super) fn attempt(&mut self, prepared: Prepared) -> Action {
        self.taken = true;
        self.arrived += 1;
        if let Some((reply, parts)) = prepared.new {
            self.items = understood(&reply, &parts);
            self.emitted = self.items.iter().filter_map(Entry::of).collect();
            self.parts = parts;
            self.events = events(&reply);
            self.chosen = reply;
            self.again = None;
        }
        if let Some(fault) = self.step.faults.get(self.arrived as usize - 1) {
            return Action::Fail { fault: fault.clone(), last: false };
        }
        self.complete = true;
        match &self.chosen {
            Reply::Items { .. } | Reply::Events(_) => Action::Reply,
            Reply::Fail(fault) => Action::Fail { fault: fault.clone(), last: true },
            Reply::Default | Reply::Nothing => Action::Default,
        }
    }

    /// The expectations that a request does not meet, for people.
    pub(super) fn unmet(&self, facts: &Facts<'_>) -> Vec<String> {
        self.step.expect.iter().filter_map(|expectation| unmet(expectation, facts)).collect()
    }

    /// How its reply is put.
    pub(super) fn manner(&self) -> scenario::Manner {
        match &self.chosen {
            Reply::Items { manner, .. } => manner.clone(),
            _ => scenario::Manner::default(),
        }
    }

    /// Whether what it answers may be kept for the next request: it is repeated, and nothing disturbs it.
    pub(super) fn is_rendered_once(&self, action: &Action) -> bool {
        self.step.repeat && *action == Action::Reply && self.step.wire.is_empty()
    }

    /// What was rendered from the same, under this identifier.
    pub(super) fn rendered(&self, told: &Told, id: &str) -> Option<(Answer, Vec<Arc<Value>>)> {
        self.again.as_ref().filter(|again| again.told == *told)?.rendered.under(id)
    }

    /// The number of one more answer of a repeated step, from 1.
    pub(super) fn next_answer(&mut self) -> u32 {
        self.answered = self.answered.saturating_add(1);
        self.answered
    }

    /// Keeps what was rendered for the next request.
    pub(super) fn keep_rendered(&mut self, told: Told, rendered: RenderedOnce) {
        self.again = Some(Again { told, rendered });
    }

    /// Whether a call is meant to be of a tool that nobody offers.
    pub(super) fn is_unoffered(&self, call: &str) -> bool {
        matches!(&self.chosen, Reply::Items { calls, .. } if calls.iter().any(|own| own.id == call && own.unoffered))
    }
}

fn events(reply: &Reply) -> Vec<WireEvent> {
    match reply {
        Reply::Events(events) => events.clone(),
        _ => Vec::new(),
    }
}

/// What an agent understands of a reply.
fn understood(reply: &Reply, parts: &[Part]) -> Vec<Item> {
    match reply {
        Reply::Events(events) => said(events),
        _ => parts.iter().map(Part::item).collect(),
    }
}

fn makes_calls(reply: &Reply) -> bool {
    match reply {
        Reply::Items { calls, .. } => !calls.is_empty(),
        Reply::Events(events) => said(events).iter().any(|item| matches!(item, Item::Call { .. })),
        Reply::Fail(_) | Reply::Default | Reply::Nothing => false,
    }
}
