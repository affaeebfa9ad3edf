//! One request, one answer, whatever carries them: decodes, finds the step, renders, and keeps everything.
//!
//! One lock, never held across an `await`: requests are told apart in the order in which they took it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::document::{Item, Reply, ReplyKind, Request, UnusedStep};
use crate::profile::{Profile, Protocol, Transport};
use crate::scenario::{self, Gate, Values};

use super::answer::{Manner, Rendered, called, render, reply, step_reply};
use super::capture::Capture;
use super::conversation::{Entries, quote};
use super::expect::Facts;
use super::invariant::{Signatures, lost, transcript_violations};
use super::lane::{Lane, Mismatch, Moment, Served};
use super::part::Part;
use super::protocol::models::models;
use super::protocol::{Answer, Asked, Decoded, Head, Refusal, format_of, tokens};
use super::request::{Body, Incoming};
use super::route::{Route, protocol_of, route};
use super::script::{Action, ScriptStep};
use super::share::{Responses, SharedBytes};
use super::takeover::Outgoing;
use super::unnamed::restore_identifiers;
use super::wire::Gates;
use super::{ServerSettings, Traffic};

/// The status of an answer no agent retries: it ends every agent that was measured after one request.
const TERMINAL_STATUS: u16 = 400;

/// What all connections share.
pub(super) struct Exchange {
    profile: &'static dyn Profile,
    accept_websocket: bool,
    gates: Arc<Gates>,
    used_up: watch::Sender<bool>,
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
    free: bool,
    values: Values,
    summaries: Vec<String>,
    held: Vec<Held>,
    gates: Arc<Gates>,
}

/// A reply that waits for a gate.
struct Held {
    request: usize,
    step: u32,
    gate: Gate,
}

impl Exchange {
    /// Translates the script.
    ///
    /// # Errors
    /// What the profile says of a tool it can't translate.
    pub(super) fn new(settings: ServerSettings) -> Result<Self, String> {
        let ServerSettings {
            mut steps, profile, accept_websocket, capture_limit_bytes, workspace, free, ..
        } = settings;
        steps.sort_by_key(|step| step.number);
        let mut lanes = BTreeMap::new();
        for step in steps {
            let lane = lanes.entry(step.lane.clone()).or_insert_with(|| Lane::new(&step.lane));
            lane.steps.push(ScriptStep::new(step, profile)?);
        }
        let gates = Arc::new(Gates::new(workspace));
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
            free,
            values: Values::new(),
            summaries: Vec::new(),
            held: Vec::new(),
            gates: Arc::clone(&gates),
        };
        let used_up = watch::Sender::new(false);
        Ok(Self { profile, accept_websocket, gates, used_up, state: Mutex::new(state) })
    }

    /// What held replies wait for.
    pub(super) fn gates(&self) -> &Gates {
        &self.gates
    }

    /// A gate at which the reply of a request was held is open.
    pub(super) fn passed(&self, request: usize, gate: &Gate) {
        let mut state = self.state();
        if let Some(at) = state.held.iter().position(|held| held.request == request && held.gate == *gate) {
            state.held.remove(at);
        }
    }

    /// Whether an upgrade is accepted without asking the script.
    pub(super) fn accepts_upgrades(&self) -> bool {
        self.accept_websocket && !self.state().lanes.contains_key("upgrade")
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
        self.gates.begin_turn();
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
        for Held { request, step, gate } in std::mem::take(&mut state.held) {
            let difference = format!("its reply was held until {gate}, which did not come");
            state.capture.unexpected(request, step, difference);
        }
        std::mem::replace(&mut state.capture, Capture::new(0)).finish(unused)
    }

    /// Turns true when every step has served its reply; never where a step may be repeated.
    pub(super) fn used_up(&self) -> watch::Receiver<bool> {
        self.used_up.subscribe()
    }

    /// Answers a request; refused upgrades come here too, accepted ones do not.
    pub(super) fn answer(&self, mut incoming: Incoming) -> Outgoing {
        // Outside the lock: decoding a large body takes its time.
        let body = incoming.take_body();
        let mut state = self.state();
        let outgoing = self.answer_in(&mut state, incoming, body);
        if state.free && state.is_used_up() {
            self.used_up.send_replace(true);
        }
        outgoing
    }

    fn answer_in(&self, state: &mut State, incoming: Incoming, body: Body) -> Outgoing {
        let protocol = protocol_of(&incoming.target, &incoming.headers);
        let manner = Manner { format: format_of(protocol), transport: incoming.transport, streams: false };
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
            Route::Generate(_) => self.respond(state, arrival, json),
            Route::Upgrade if self.accept_websocket => {
                self.in_order(state, arrival, "upgrade", Answer { status: 101, ..Answer::empty() })
            }
            Route::Upgrade => {
                let message = String::from("this server speaks HTTP here");
                let answer = manner.refusal(&Refusal::new(426, "upgrade_refused", message));
                self.in_order(state, arrival, "upgrade", answer)
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
                self.in_order(state, arrival, "count-tokens", Answer::json(200, &body))
            }
            Route::Models(list) => self.in_order(state, arrival, "models", Answer::json(200, &models(list))),
            Route::Probe => self.in_order(state, arrival, "probe", Answer::empty()),
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

    fn respond(&self, state: &mut State, mut arrival: Arrival, json: Option<Value>) -> Outgoing {
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
        let steps = state.lanes.get(lane).into_iter().flat_map(|lane| &lane.steps);
        let issued = steps.filter(|step| step.taken).flat_map(|step| &step.emitted);
        restore_identifiers(&mut request.transcript, issued);
        request.violations.append(&mut decoded.violations);
        request.violations.extend(transcript_violations(&request.transcript));

        match decoded.unknown_response.take() {
            Some(id) => {
                let message = format!("previous response {} is not known", quote(&id));
                let refusal = Refusal::new(TERMINAL_STATUS, "previous_response_not_found", message);
                let answer = arrival.manner.refusal(&refusal);
                state.default_answer(arrival, lane, answer)
            }
            None if lane == "prewarm" => {
                let answer = state.prewarm(&arrival, decoded);
                self.in_order(state, arrival, lane, answer)
            }
            None => self.step(state, arrival, lane, decoded, &json),
        }
    }

    /// Answers a request of a lane without conversations: with `default` unless it is scripted.
    fn in_order(&self, state: &mut State, arrival: Arrival, lane: &str, default: Answer) -> Outgoing {
        let Some(steps) = state.lanes.get_mut(lane) else {
            return state.default_answer(arrival, lane, default);
        };
        let request = &arrival.request;
        let facts = Facts {
            transcript: &request.transcript,
            tools: &request.tools,
            headers: &request.headers,
            body: &request.body,
        };
        let served = match steps.serve_in_order(|step| step.prepare(&facts, &state.values)) {
            Ok(served) => served,
            Err(mismatch) => return state.unmatched(arrival, lane, mismatch),
        };
        self.serve(state, arrival, lane, Decoded::default(), served, Some(default))
    }

    fn step(
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
        let facts = Facts {
            transcript: &request.transcript,
            tools: &request.tools,
            headers: &request.headers,
            body: json,
        };
        let mut brought = Values::new();
        let steps = state.lanes.entry(lane.to_owned()).or_insert_with(|| Lane::new(lane));
        if steps.steps.is_empty()
            && let Some(text) = self.profile.default_reply(lane)
        {
            let id = format!("{lane}_default");
            let head = head(&id, lane, request, &decoded, &scenario::Manner::default());
            let answer = arrival.manner.reply(&head, &[Part::text(text)]);
            return state.default_answer(arrival, lane, answer);
        }
        let prepare = |step: &ScriptStep| {
            let prepared = step.prepare(&facts, &state.values)?;
            brought.clone_from(&prepared.values);
            Ok(prepared)
        };
        let served = match steps.serve(&entries, moment, prepare) {
            Ok(served) => served,
            Err(mismatch) => return state.unmatched(arrival, lane, mismatch),
        };
        // A retry brings the same transcript: what it lacks has been noted.
        let unmet = if served.attempt == 1 { steps.steps[served.step].unmet(&facts) } else { Vec::new() };
        let number = steps.steps[served.step].step.number;
        state.values.append(&mut brought);
        let outgoing = self.serve(state, arrival, lane, decoded, served, None);
        for difference in unmet {
            state.capture.unexpected(outgoing.number, number, difference);
        }
        outgoing
    }

    /// Renders what a step answers, and notes the request and everything about it.
    fn serve(
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
        let Served { conversation, step, attempt, surplus, action } = served;
        let step = &state.lanes[lane].steps[step];
        let number = step.step.number;
        let id = format!("{lane}_{number}_{attempt}");
        let stem = format!("{lane}_{number}");
        if conversation > 0 {
            let before = state.latest.get(&(lane.to_owned(), conversation));
            let before = before.map(|request| state.capture.transcript(*request)).unwrap_or_default();
            request.violations.extend(lost(before, &request.transcript));
            request.violations.extend(state.signatures.violations(lane, conversation, &decoded.signatures));
        }
        let head = head(&id, &stem, request, &decoded, &step.manner());
        let Rendered { answer, kept, plan } = render(manner, &head, &action, step, default);
        if action == Action::Reply {
            let added = manner.format.remembered(&head, &step.parts);
            decoded.wire_items.extend(added.into_iter().map(Arc::new));
            if conversation > 0 {
                let marks = manner.format.signatures(&head, &step.parts);
                state.signatures.issue(lane, conversation, marks, step.calls_tools());
            }
            state.responses.remember(lane, format!("resp_{id}"), decoded.wire_items);
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
        Outgoing { answer, plan, number: position }
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
            _ => false,
        })
    };
    summaries.iter().filter(holds).cloned().collect()
}

/// A request on its way into the capture.
struct Arrival {
    request: Request,
    bytes: SharedBytes,
    manner: Manner,
}

impl State {
    fn is_used_up(&self) -> bool {
        self.lanes.values().flat_map(|lane| &lane.steps).all(|step| step.complete && !step.step.repeat)
    }

    /// Keeps a request that has its answer, and tells the gates of it.
    fn note(&mut self, request: Request, bytes: SharedBytes) -> usize {
        let (lane, step) = (request.lane.clone(), request.step);
        let position = self.capture.push(request, bytes);
        self.gates.arrived(&lane, step, position);
        position
    }

    fn default_answer(&mut self, mut arrival: Arrival, lane: &str, answer: Answer) -> Outgoing {
        arrival.request.lane = lane.to_owned();
        arrival.request.reply = reply(answer.status, ReplyKind::Default, answer.detail.clone());
        let position = self.note(arrival.request, arrival.bytes);
        Outgoing::plain(answer, position)
    }

    fn refuse(&mut self, arrival: Arrival, lane: &str, difference: String) -> Outgoing {
        self.unmatched(arrival, lane, Mismatch { nearest_step: 0, difference })
    }

    fn unmatched(&mut self, mut arrival: Arrival, lane: &str, mismatch: Mismatch) -> Outgoing {
        let nearest = match mismatch.nearest_step {
            0 => String::new(),
            step => format!(", nearest step {step}"),
        };
        let message = format!("no step of the script fits: lane {lane}{nearest}: {}", mismatch.difference);
        arrival.request.lane = lane.to_owned();
        arrival.request.reply = reply(TERMINAL_STATUS, ReplyKind::Unmatched, mismatch.difference.clone());
        let answer = arrival.manner.refusal(&Refusal::new(TERMINAL_STATUS, "unmatched_request", message));
        let position = self.note(arrival.request, arrival.bytes);
        self.capture.unmatched(position, mismatch);
        Outgoing::plain(answer, position)
    }

    /// Answers codex' `generate: false`: it waits for `response.completed` and builds on its identifier.
    fn prewarm(&mut self, arrival: &Arrival, decoded: Decoded) -> Answer {
        self.prewarms += 1;
        let id = format!("prewarm_{}", self.prewarms);
        let answer = arrival
            .manner
            .reply(&head(&id, "prewarm", &arrival.request, &decoded, &scenario::Manner::default()), &[]);
        self.responses.remember("prewarm", format!("resp_{id}"), decoded.wire_items);
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
