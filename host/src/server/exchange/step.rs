//! A request of a conversation: finds the step it reaches, renders its answer, and notes everything about both.

use std::sync::Arc;

use serde_json::Value;

use crate::document::{Item, Reply, Request};
use crate::profile::Transport;
use crate::scenario::{self, Values};

use super::arrival::Arrival;
use super::{Exchange, Held, State};
use crate::server::answer::{Rendered, called, render, step_reply};
use crate::server::conversation::{Entries, compacted};
use crate::server::defaults;
use crate::server::expect::Facts;
use crate::server::invariant::lost;
use crate::server::lane::{Lane, Moment, Served};
use crate::server::part::Part;
use crate::server::protocol::{Answer, Decoded, Head};
use crate::server::script::{Action, RenderedOnce, ScriptStep, Told};
use crate::server::share::Kept;
use crate::server::takeover::Outgoing;

impl Exchange {
    /// Answers a request of a lane with conversations.
    pub(super) fn step(
        &self,
        state: &mut State,
        arrival: Arrival,
        lane: &str,
        decoded: Decoded,
        json: &Value,
    ) -> Outgoing {
        let request = &arrival.request;
        let entries = Entries::of(&request.transcript);
        let moment = Moment {
            turn: state.turn,
            prompt: &state.prompt,
            resumes: state.resumes,
            session: request.session.as_deref(),
            free: state.free,
            summaries: &held_summaries(&state.summaries, lane, &request.transcript),
        };
        let facts = Facts::of(request, json);
        let steps = state.lanes.entry(lane.to_owned()).or_insert_with(|| Lane::new(lane));
        if steps.steps.is_empty()
            && let Some(parts) = defaults::of_lane(self.profile, lane)
        {
            let answer = state.reply_by_default(&arrival, lane, decoded, &parts);
            return state.default_answer(arrival, lane, answer);
        }
        let mut served = match steps.serve(&entries, moment, |step| step.prepare(&facts, &state.values)) {
            Ok(served) => served,
            Err(mismatch) => return state.unmatched(arrival, lane, mismatch),
        };
        let expected = Expected::of(&steps.steps[served.step], &facts, &mut served);
        let outgoing = self.serve(state, arrival, lane, decoded, served, None);
        expected.note(state, outgoing.number);
        outgoing
    }

    /// Renders what a step answers, and notes the request and everything about it.
    pub(super) fn serve(
        &self,
        state: &mut State,
        mut arrival: Arrival,
        lane: &str,
        mut decoded: Decoded,
        served: Served,
        default: Option<Answer>,
    ) -> Outgoing {
        let manner = arrival.manner;
        let request = &mut arrival.request;
        let Served { conversation, step: at, attempt, surplus, action, brought: _ } = served;
        // Many clients may build upon what a repeated step answered, each upon its own.
        let is_built_upon = conversation == 0 && default.is_none() && manner.format.is_built_upon();
        let occasion = match state.lanes.get_mut(lane) {
            Some(steps) if is_built_upon => steps.steps[at].next_answer(),
            _ => attempt,
        };
        let step = &state.lanes[lane].steps[at];
        let number = step.step.number;
        let id = format!("{lane}_{number}_{occasion}");
        let stem = format!("{lane}_{number}");
        if conversation > 0 {
            let before = state.latest.get(&(lane.to_owned(), conversation));
            let before = before.map(|request| state.capture.transcript(*request)).unwrap_or_default();
            request.violations.extend(lost(&before, &request.transcript));
            request.violations.extend(state.signatures.violations(lane, conversation, &decoded.signatures));
        }
        let head = head(&id, &stem, request, &decoded, &step.manner());
        let is_kept = !is_built_upon || manner.transport == Transport::Http;
        let told = (default.is_none() && is_kept && step.is_rendered_once(&action))
            .then(|| Told::of(&request.path, manner, &head));
        let again = told.as_ref().and_then(|told| step.rendered(told, &id));
        let is_new = again.is_none();
        // Where the identifier stands is seen by comparing with another one.
        let other = (is_new && is_built_upon && told.is_some()).then(|| {
            let other = format!("{}~", &id[..id.len() - 1]);
            render(manner, &Head { id: &other, ..head }, &action, step, None).answer
        });
        let (Rendered { mut answer, kept, plan }, remembered) = match again {
            Some((answer, remembered)) => {
                (Rendered { answer, kept: step.items.clone(), plan: None }, remembered)
            }
            None => {
                let remembered = match action {
                    Action::Reply => manner.format.remembered(&head, &step.parts),
                    Action::Default | Action::Fail { .. } => Vec::new(),
                };
                let rendered = render(manner, &head, &action, step, default);
                (rendered, remembered.into_iter().map(Arc::new).collect())
            }
        };
        if action == Action::Reply {
            decoded.wire_items.extend(remembered.iter().cloned());
            if conversation > 0 {
                let marks = manner.format.signatures(&head, &step.parts);
                state.signatures.issue(lane, conversation, marks, step.calls_tools());
            }
            let store = state.capture.store();
            let how_long = if is_built_upon { Kept::Lately } else { Kept::Always };
            state.responses.remember(lane, format!("resp_{id}"), decoded.wire_items, how_long, store);
            if lane == "compaction" {
                state.summaries.extend(step.parts.iter().map(Part::whole).filter(|text| !text.is_empty()));
            }
        }
        request.lane = lane.to_owned();
        request.conversation = conversation;
        request.step = number;
        request.attempt = attempt;
        request.reply = Reply { items: kept, ..step_reply(&action, answer.status) };
        let not_offered: Vec<_> = called(&action, &step.items)
            .filter(|(call, tool)| {
                !step.is_unoffered(call) && !request.tools.iter().any(|offered| offered == tool)
            })
            .map(|(_, tool)| tool.to_owned())
            .collect();
        if let (Some(told), true, Some(steps)) = (told, is_new, state.lanes.get_mut(lane)) {
            answer = answer.in_one_piece(manner.transport);
            let rendered = RenderedOnce::new(answer.clone(), &id, other.as_ref(), remembered);
            steps.steps[at].keep_rendered(told, rendered);
        }

        let position = state.note(arrival.request, arrival.bytes);
        if attempt == 1 && conversation > 0 {
            state.latest.insert((lane.to_owned(), conversation), position);
        }
        for tool in not_offered {
            state.capture.not_offered(position, &tool);
        }
        if surplus {
            state.capture.surplus(position);
        }
        if let Some(plan) = &plan {
            for gate in plan.gates() {
                state.held.push(Held { request: position, step: number, gate: gate.clone() });
            }
            for unknown in &plan.unknown {
                state.capture.unexpected(position, number, format!("its schedule can't be kept: {unknown}"));
            }
        }
        Outgoing { plan, ..Outgoing::plain(answer, position) }
    }
}

/// What a request that reached a step lacks of what the step expects, and the values it brought.
pub(super) struct Expected {
    step: u32,
    unmet: Vec<String>,
    brought: Values,
}

impl Expected {
    pub(super) fn of(step: &ScriptStep, facts: &Facts<'_>, served: &mut Served) -> Self {
        // A retry brings the same: what it lacks has been noted.
        let unmet = if served.attempt == 1 { step.unmet(facts) } else { Vec::new() };
        Self { step: step.step.number, unmet, brought: std::mem::take(&mut served.brought) }
    }

    /// Notes it of a request that was kept.
    pub(super) fn note(mut self, state: &mut State, request: usize) {
        state.values.append(&mut self.brought);
        for difference in self.unmet {
            state.capture.unexpected(request, self.step, difference);
        }
    }
}

/// The summaries that stand in a transcript of lane main.
fn held_summaries(summaries: &[String], lane: &str, transcript: &[Item]) -> Vec<String> {
    if lane != "main" {
        return Vec::new();
    }
    let holds = |summary: &&String| {
        transcript.iter().any(|item| match item {
            Item::Message { text, .. } => text.contains(summary.as_str()),
            Item::Other { .. } => compacted(item).is_some_and(|text| text.contains(summary.as_str())),
            _ => false,
        })
    };
    summaries.iter().filter(holds).cloned().collect()
}

/// What a reply says beside its parts.
pub(super) fn head<'a>(
    id: &'a str,
    stem: &'a str,
    request: &'a Request,
    decoded: &Decoded,
    put: &scenario::Manner,
) -> Head<'a> {
    let model = request.model.as_deref().unwrap_or_default();
    let reports_usage = decoded.reports_usage;
    Head {
        id,
        stem,
        model,
        input_items: request.transcript.len(),
        reports_usage,
        usage: put.usage,
        stop: put.stop,
    }
}
