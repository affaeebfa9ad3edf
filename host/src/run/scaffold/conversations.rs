//! Which requests are of one conversation: one goes on with another when it begins with everything that the other
//! brought. The same again is another attempt where there was no good answer.

use crate::document::{Item, ReplyKind, Request, Role};
use crate::server::Traffic;

/// The lanes that hold conversations.
const WITH_CONVERSATIONS: [&str; 5] = ["main", "title", "compaction", "subagent", "router"];

/// A conversation in the order of its steps.
pub(super) struct Conversation {
    pub(super) lane: String,
    /// The prompt that opens it; none where the lane has no other.
    pub(super) opened_by: Option<String>,
    pub(super) turns: Vec<Turn>,
}

/// What becomes one step: its attempts, the last one with the reply.
pub(super) struct Turn {
    /// Positions in the traffic; never empty.
    pub(super) requests: Vec<usize>,
}

impl Turn {
    fn last(&self) -> usize {
        self.requests[self.requests.len() - 1]
    }
}

/// Finds the conversations, in the order in which they began.
pub(super) fn conversations(traffic: &Traffic, notes: &mut Vec<String>) -> Vec<Conversation> {
    let mut found: Vec<Conversation> = Vec::new();
    for &position in &traffic.arrival {
        let request = &traffic.requests[position];
        if request.reply.kind != ReplyKind::Upstream {
            continue;
        }
        if !WITH_CONVERSATIONS.contains(&request.lane.as_str()) {
            notes.push(format!(
                "left out: {} {} (lane {}), which is answered by default",
                request.method,
                path(request),
                request.lane
            ));
            continue;
        }
        if request.transcript.is_empty() {
            notes.push(format!(
                "left out: {} {}, which brings no conversation",
                request.method,
                path(request)
            ));
            continue;
        }
        if request.body["previous_response_id"].is_string() {
            notes.push(format!(
                "left out: {} {}, which only names what came before",
                request.method,
                path(request)
            ));
            continue;
        }
        place(traffic, position, &mut found, notes);
    }
    open(traffic, &mut found, notes);
    found
}

fn place(traffic: &Traffic, position: usize, found: &mut Vec<Conversation>, notes: &mut Vec<String>) {
    let request = &traffic.requests[position];
    let transcript = &request.transcript;
    let of_lane = || found.iter().enumerate().filter(|(_, conversation)| conversation.lane == request.lane);
    let again = of_lane().find_map(|(index, conversation)| {
        let turn = conversation.turns.last()?;
        (traffic.requests[turn.last()].transcript == *transcript).then_some(index)
    });
    if let Some(index) = again {
        let Some(turn) = found[index].turns.last_mut() else { return };
        if is_good(traffic, turn.last()) {
            notes.push(format!(
                "left out: {} {} asks once more what had been answered",
                request.method,
                path(request)
            ));
        } else {
            turn.requests.push(position);
        }
        return;
    }
    // The one of which it repeats most.
    let goes_on = of_lane()
        .filter_map(|(index, conversation)| {
            let before = &traffic.requests[conversation.turns.last()?.last()].transcript;
            (transcript.len() > before.len() && transcript.starts_with(before))
                .then_some((before.len(), index))
        })
        .max();
    let turn = Turn { requests: vec![position] };
    match goes_on {
        Some((_, index)) => found[index].turns.push(turn),
        None => found.push(Conversation { lane: request.lane.clone(), opened_by: None, turns: vec![turn] }),
    }
}

/// Whether a request got an answer that no client repeats.
pub(super) fn is_good(traffic: &Traffic, position: usize) -> bool {
    traffic.passed.get(&position).is_some_and(|passed| passed.status < 400 && passed.broken.is_none())
}

/// Says what opens each conversation of a lane that has several; leaves out those that nothing tells apart.
fn open(traffic: &Traffic, found: &mut Vec<Conversation>, notes: &mut Vec<String>) {
    let prompts = |conversation: &Conversation| -> Vec<String> {
        let first = &traffic.requests[conversation.turns[0].requests[0]].transcript;
        let users = first.iter().rev().filter_map(|item| match item {
            Item::Message { role: Role::User, text } if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        });
        users.collect()
    };
    let all: Vec<(String, Vec<String>)> =
        found.iter().map(|conversation| (conversation.lane.clone(), prompts(conversation))).collect();
    let mut index = 0;
    found.retain_mut(|conversation| {
        let own = index;
        index += 1;
        let others =
            || all.iter().enumerate().filter(|(at, (lane, _))| *at != own && *lane == conversation.lane);
        if others().next().is_none() {
            return true;
        }
        let is_own = |prompt: &&String| {
            !others().any(|(_, (_, prompts))| prompts.iter().any(|other| other.contains(prompt.as_str())))
        };
        let opened_by = all[own].1.iter().find(is_own).cloned();
        if opened_by.is_none() {
            notes.push(format!(
                "left out: a conversation of lane {} that begins like another",
                conversation.lane
            ));
        }
        conversation.opened_by = opened_by;
        conversation.opened_by.is_some()
    });
}

fn path(request: &Request) -> String {
    let path = request.path.split('?').next().unwrap_or_default();
    crate::value::excerpt(path, 80)
}
