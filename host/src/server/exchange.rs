//! One request, one answer, whatever carries them: decodes, finds the step, renders, and keeps everything.
//!
//! One lock, never held across an `await`: requests are told apart in the order in which they took it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::document::{Reply, ReplyKind, Request, UnusedStep};
use crate::profile::{Profile, Protocol, Transport};
use crate::scenario::{self, Step};

use super::Traffic;
use super::answer::{Manner, called, render, reply, step_reply};
use super::capture::Capture;
use super::conversation::{Entries, quote};
use super::invariant::{Signatures, lost, transcript_violations};
use super::lane::{Lane, Mismatch, Moment, Served};
use super::protocol::models::models;
use super::protocol::{Answer, Asked, Decoded, Head, Refusal, format_of, tokens};
use super::request::{Body, Incoming};
use super::route::{Route, protocol_of, route};
use super::script::{Action, ScriptStep};
use super::share::{Responses, SharedBytes};

/// The status of an answer no agent retries: it ends every agent that was measured after one request.
const TERMINAL_STATUS: u16 = 400;

/// What all connections share.
pub(super) struct Exchange {
    profile: &'static dyn Profile,
    state: Mutex<State>,
}

struct State {
    turn: u32,
    prompt: String,
    resumes: bool,
    lanes: BTreeMap<String, Lane>,
    responses: Responses,
    prewarms: u32,
    capture: Capture,
    signatures: Signatures,
    /// Lane and conversation to the first request that reached its latest step.
    latest: BTreeMap<(String, u32), usize>,
}

impl Exchange {
    /// Translates the script.
    ///
    /// # Errors
    /// What the profile says of a tool it can't translate.
    pub(super) fn new(
        mut steps: Vec<Step>,
        profile: &'static dyn Profile,
        capture_limit_bytes: u64,
    ) -> Result<Self, String> {
        steps.sort_by_key(|step| step.number);
        let mut lanes = BTreeMap::new();
        for step in steps {
            let lane = lanes.entry(step.lane.clone()).or_insert_with(|| Lane::new(&step.lane));
            lane.steps.push(ScriptStep::new(step, profile)?);
        }
        let state = State {
            turn: 0,
            prompt: String::new(),
            resumes: false,
            lanes,
            responses: Responses::default(),
            prewarms: 0,
            capture: Capture::new(capture_limit_bytes),
            signatures: Signatures::default(),
            latest: BTreeMap::new(),
        };
        Ok(Self { profile, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on requests belong to this turn.
    pub(super) fn begin_turn(&self, turn: u32, prompt: &str, resumes: bool) {
        let mut state = self.state();
        state.turn = turn;
        state.prompt = prompt.to_owned();
        state.resumes = resumes;
    }

    /// How many requests there were so far.
    pub(super) fn requests(&self) -> usize {
        self.state().capture.len()
    }

    /// Everything there was.
    pub(super) fn finish(&self) -> Traffic {
        let mut state = self.state();
        let unused = state
            .lanes
            .values()
            .flat_map(|lane| &lane.steps)
            .filter(|step| !step.complete && !step.step.optional)
            .map(|step| UnusedStep {
                lane: step.step.lane.clone(),
                step: step.step.number,
                attempts: step.arrived,
            })
            .collect();
        std::mem::replace(&mut state.capture, Capture::new(0)).finish(unused)
    }

    /// Answers a request; refused upgrades come here too, accepted ones do not.
    pub(super) fn answer(&self, mut incoming: Incoming) -> Answer {
        let body = incoming.take_body();
        let protocol = protocol_of(&incoming.target, &incoming.headers);
        let manner = Manner { format: format_of(protocol), transport: incoming.transport, streams: false };
        let mut state = self.state();
        let mut arrival = Arrival {
            request: Request {
                turn: state.turn,
                protocol: protocol.word().to_owned(),
                transport: incoming.transport.word().to_owned(),
                method: incoming.method,
                path: incoming.target,
                body: body.for_document(),
                violations: body.violation.clone().into_iter().collect(),
                ..Request::default()
            },
            bytes: SharedBytes::default(),
            manner,
        };
        let route = match incoming.transport {
            Transport::Http => route(&arrival.request.method, &arrival.request.path, &incoming.headers),
            Transport::Websocket => frame_route(body.json.as_ref()),
        };
        arrival.request.headers = incoming.headers;
        let Body { bytes, json, .. } = body;
        match state.capture.keep(&bytes) {
            Ok(kept) => arrival.bytes = kept,
            Err(violation) => {
                arrival.request.body = Value::Null;
                let difference = violation.message.clone();
                arrival.request.violations.push(violation);
                return state.refuse(arrival, "unknown", difference);
            }
        }
        drop(bytes);
        match route {
            Route::Generate(_) => self.respond(&mut state, arrival, json),
            Route::Upgrade => {
                let message = String::from("this server speaks HTTP here");
                let answer = manner.refusal(&Refusal::new(426, "upgrade_refused", message));
                state.default_answer(arrival, "upgrade", answer)
            }
            Route::CountTokens(protocol) => {
                let asked = Asked {
                    transport: manner.transport,
                    target: &arrival.request.path,
                    body: json.as_ref().unwrap_or(&Value::Null),
                    earlier: &|_| None,
                };
                let decoded = manner.format.decode(&asked);
                let count = tokens(decoded.transcript.len());
                arrival.request.transcript = decoded.transcript;
                arrival.request.model = decoded.model;
                arrival.request.tools = decoded.tools;
                let body = match protocol {
                    Protocol::Gemini => json!({"totalTokens": count}),
                    _ => json!({"input_tokens": count}),
                };
                state.default_answer(arrival, "count-tokens", Answer::json(200, &body))
            }
            Route::Models(list) => state.default_answer(arrival, "models", Answer::json(200, &models(list))),
            Route::Probe => state.default_answer(arrival, "probe", Answer::empty()),
            Route::Unknown => {
                let difference = match incoming.transport {
                    Transport::Http => {
                        format!("no route for {} {}", arrival.request.method, quote(&arrival.request.path))
                    }
                    Transport::Websocket => String::from("the frame is not a `response.create`"),
                };
                state.refuse(arrival, "unknown", difference)
            }
        }
    }

    fn respond(&self, state: &mut State, mut arrival: Arrival, json: Option<Value>) -> Answer {
        let request = &mut arrival.request;
        let lane = self.profile.lane(&request.headers, json.as_ref().unwrap_or(&Value::Null));
        let Some(json) = json.filter(Value::is_object) else {
            let difference = match request.violations.first() {
                Some(violation) => violation.message.clone(),
                None => String::from("the body is not a JSON object"),
            };
            return state.refuse(arrival, lane, difference);
        };
        request.session = self.profile.request_session(&request.headers, &json);
        let mut decoded = arrival.manner.format.decode(&Asked {
            transport: arrival.manner.transport,
            target: &request.path,
            body: &json,
            earlier: &|id| state.responses.get(id).map(<[_]>::to_vec),
        });
        arrival.manner.streams = decoded.streams;
        request.model = decoded.model.take();
        request.inherited = decoded.inherited;
        request.tools = std::mem::take(&mut decoded.tools);
        request.transcript = std::mem::take(&mut decoded.transcript);
        request.violations.append(&mut decoded.violations);
        request.violations.extend(transcript_violations(&request.transcript));

        match decoded.unknown_response.take() {
            Some(id) => {
                let message = format!("previous response {} is not known", quote(&id));
                let refusal = Refusal::new(TERMINAL_STATUS, "previous_response_not_found", message);
                let answer = arrival.manner.refusal(&refusal);
                state.default_answer(arrival, lane, answer)
            }
            None if lane == "prewarm" => state.prewarm(arrival, decoded),
            None => state.step(arrival, lane, decoded),
        }
    }
}

/// A request on its way into the capture.
struct Arrival {
    request: Request,
    bytes: SharedBytes,
    manner: Manner,
}

impl State {
    fn default_answer(&mut self, mut arrival: Arrival, lane: &str, answer: Answer) -> Answer {
        arrival.request.lane = lane.to_owned();
        arrival.request.reply = reply(answer.status, ReplyKind::Default, answer.detail.clone());
        self.capture.push(arrival.request, arrival.bytes);
        answer
    }

    fn refuse(&mut self, arrival: Arrival, lane: &str, difference: String) -> Answer {
        self.unmatched(arrival, lane, Mismatch { nearest_step: 0, difference })
    }

    fn unmatched(&mut self, mut arrival: Arrival, lane: &str, mismatch: Mismatch) -> Answer {
        let nearest = match mismatch.nearest_step {
            0 => String::new(),
            step => format!(", nearest step {step}"),
        };
        let message = format!("no step of the script fits: lane {lane}{nearest}: {}", mismatch.difference);
        arrival.request.lane = lane.to_owned();
        arrival.request.reply = reply(TERMINAL_STATUS, ReplyKind::Unmatched, mismatch.difference.clone());
        let answer = arrival.manner.refusal(&Refusal::new(TERMINAL_STATUS, "unmatched_request", message));
        let position = self.capture.push(arrival.request, arrival.bytes);
        self.capture.unmatched(position, mismatch);
        answer
    }

    /// Answers codex' `generate: false`: it waits for `response.completed` and builds on its identifier.
    fn prewarm(&mut self, arrival: Arrival, decoded: Decoded) -> Answer {
        self.prewarms += 1;
        let id = format!("prewarm_{}", self.prewarms);
        let answer = arrival
            .manner
            .reply(&head(&id, "prewarm", &arrival.request, &decoded, &scenario::Manner::default()), &[]);
        self.responses.remember("prewarm", format!("resp_{id}"), decoded.wire_items);
        self.default_answer(arrival, "prewarm", answer)
    }

    fn step(&mut self, mut arrival: Arrival, lane: &str, mut decoded: Decoded) -> Answer {
        let manner = arrival.manner;
        let request = &mut arrival.request;
        let entries = Entries::of(&request.transcript);
        let moment = Moment {
            turn: self.turn,
            prompt: &self.prompt,
            resumes: self.resumes,
            session: request.session.as_deref(),
        };
        let steps = self.lanes.entry(lane.to_owned()).or_insert_with(|| Lane::new(lane));
        let served = match steps.serve(&entries, moment) {
            Ok(served) => served,
            Err(mismatch) => return self.unmatched(arrival, lane, mismatch),
        };
        let Served { conversation, step, attempt, surplus, action } = served;
        let step = &steps.steps[step];
        let number = step.step.number;
        let id = format!("{lane}_{number}_{attempt}");
        let stem = format!("{lane}_{number}");
        let before = self.latest.get(&(lane.to_owned(), conversation));
        let before = before.map(|request| self.capture.transcript(*request)).unwrap_or_default();
        request.violations.extend(lost(before, &request.transcript));
        request.violations.extend(self.signatures.violations(lane, conversation, &decoded.signatures));
        let head = head(&id, &stem, request, &decoded, &step.manner());
        let (answer, items) = render(manner, &head, &action, step);
        if action == Action::Reply {
            let marks = manner.format.signatures(&head, &step.parts);
            self.signatures.issue(lane, conversation, marks, step.calls_tools());
            let added = manner.format.remembered(&head, &step.parts);
            decoded.wire_items.extend(added.into_iter().map(Arc::new));
            self.responses.remember(lane, format!("resp_{id}"), decoded.wire_items);
        }
        request.lane = lane.to_owned();
        request.conversation = conversation;
        request.step = number;
        request.attempt = attempt;
        request.reply = Reply { items, ..step_reply(&action) };
        let not_offered: Vec<_> = called(&action, &step.items)
            .filter(|tool| !request.tools.iter().any(|offered| offered == tool))
            .map(str::to_owned)
            .collect();
        // A retry brings the same transcript: what it lacks has been noted.
        let unmet = if attempt == 1 { step.unmet(&request.transcript) } else { Vec::new() };

        let position = self.capture.push(arrival.request, arrival.bytes);
        if attempt == 1 {
            self.latest.insert((lane.to_owned(), conversation), position);
        }
        for tool in not_offered {
            self.capture.not_offered(position, &tool);
        }
        for difference in unmet {
            self.capture.unexpected(position, number, difference);
        }
        if surplus {
            self.capture.surplus(position);
        }
        answer
    }
}

fn head<'a>(
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

fn frame_route(frame: Option<&Value>) -> Route {
    match frame {
        Some(frame) if frame["type"] != "response.create" => Route::Unknown,
        // What is not JSON is told from a request that is not understood further on.
        _ => Route::Generate(Protocol::Responses),
    }
}
