//! One request, one answer, whatever carries them: decodes, finds the step, renders, and keeps everything.
//!
//! One lock, never held across an `await`: requests are told apart in the order in which they took it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::document::{Item, Reply, ReplyKind, Request, UnusedStep};
use crate::profile::{Profile, Transport};
use crate::scenario::Step;

use super::Traffic;
use super::answer::{called, error, models, render, reply, step_reply, unstreamed};
use super::capture::Capture;
use super::conversation::{Entries, quote};
use super::lane::{Lane, Mismatch, Moment, Served};
use super::protocol::responses_events::{self as events, Head};
use super::protocol::{Answer, StreamEnd, responses};
use super::request::{Body, Incoming, transcript_violations};
use super::route::{Route, route};
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
        let mut state = self.state();
        let mut arrival = Arrival {
            request: Request {
                turn: state.turn,
                protocol: String::from("responses"),
                transport: incoming.transport.word().to_owned(),
                method: incoming.method,
                path: incoming.target,
                body: body.for_document(),
                violations: body.violation.clone().into_iter().collect(),
                ..Request::default()
            },
            bytes: SharedBytes::default(),
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
            Route::Responses => {
                let streams = incoming.transport == Transport::Websocket
                    || json.as_ref().is_some_and(|json| json["stream"] == true);
                let answer = self.respond(&mut state, arrival, json);
                if streams { answer } else { unstreamed(answer) }
            }
            Route::Upgrade => {
                let message = String::from("this server speaks HTTP here");
                state.default_answer(arrival, "upgrade", error(426, "upgrade_refused", message))
            }
            Route::Models { for_codex } => {
                let body = if for_codex { json!({"models": []}) } else { models() };
                state.default_answer(arrival, "models", Answer::Json { status: 200, body: Some(body) })
            }
            Route::Probe => state.default_answer(arrival, "probe", Answer::Json { status: 200, body: None }),
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
        request.model = json["model"].as_str().map(str::to_owned);

        let own = responses::input_items(&json);
        let previous = json["previous_response_id"].as_str();
        let inherited = previous.map_or(Some(&[][..]), |id| state.responses.get(id));
        let known = inherited.is_some();
        let mut input = inherited.unwrap_or_default().to_vec();
        request.inherited = input.len() as u32;
        let mut transcript: Vec<Item> = input.iter().map(|raw| responses::item(raw)).collect();
        transcript.extend(responses::instructions(&json));
        transcript.extend(own.iter().map(|raw| responses::item(raw)));
        input.extend(own);
        request.tools = responses::tools(&json, &input);
        request.violations.extend(transcript_violations(&transcript));
        request.transcript = transcript;

        match previous {
            Some(id) if !known => {
                let message = format!("previous response {} is not known", quote(id));
                let answer = error(TERMINAL_STATUS, "previous_response_not_found", message);
                state.default_answer(arrival, lane, answer)
            }
            _ if lane == "prewarm" => state.prewarm(arrival, input),
            _ => state.step(arrival, lane, input),
        }
    }
}

/// A request on its way into the capture.
struct Arrival {
    request: Request,
    bytes: SharedBytes,
}

impl State {
    fn default_answer(&mut self, mut arrival: Arrival, lane: &str, answer: Answer) -> Answer {
        arrival.request.lane = lane.to_owned();
        arrival.request.reply = match &answer {
            Answer::Json { status, .. } => reply(*status, ReplyKind::Default, String::new()),
            Answer::Error { status, code, .. } => reply(*status, ReplyKind::Default, code.clone()),
            Answer::Events { .. } => reply(200, ReplyKind::Default, String::new()),
        };
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
        let position = self.capture.push(arrival.request, arrival.bytes);
        self.capture.unmatched(position, mismatch);
        error(TERMINAL_STATUS, "unmatched_request", message)
    }

    /// Answers codex' `generate: false`: it waits for `response.completed` and builds on its identifier.
    fn prewarm(&mut self, arrival: Arrival, input: Vec<Arc<Value>>) -> Answer {
        self.prewarms += 1;
        let id = format!("resp_prewarm_{}", self.prewarms);
        let head = head(&id, "prewarm", &arrival.request);
        let events = events::reply(&head, &[]);
        self.responses.remember("prewarm", id, input);
        self.default_answer(arrival, "prewarm", Answer::Events { events, end: StreamEnd::Complete })
    }

    fn step(&mut self, mut arrival: Arrival, lane: &str, mut input: Vec<Arc<Value>>) -> Answer {
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
        let id = format!("resp_{lane}_{number}_{attempt}");
        let stem = format!("{lane}_{number}");
        let head = head(&id, &stem, request);
        let (answer, items) = render(&head, &action, &step.parts);
        if action == Action::Reply {
            input.extend(events::output(&head, &step.parts).into_iter().map(Arc::new));
            self.responses.remember(lane, id.clone(), input);
        }
        request.lane = lane.to_owned();
        request.conversation = conversation;
        request.step = number;
        request.attempt = attempt;
        request.reply = Reply { items, ..step_reply(&action) };
        let not_offered: Vec<_> = called(&action, &step.parts)
            .filter(|tool| !request.tools.iter().any(|offered| offered == tool))
            .map(str::to_owned)
            .collect();
        // A retry brings the same transcript: what it lacks has been noted.
        let unmet = if attempt == 1 { step.unmet(&request.transcript) } else { Vec::new() };

        let position = self.capture.push(arrival.request, arrival.bytes);
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

fn head<'a>(id: &'a str, stem: &'a str, request: &'a Request) -> Head<'a> {
    let model = request.model.as_deref().unwrap_or_default();
    Head { id, stem, model, input_items: request.transcript.len() }
}

fn frame_route(frame: Option<&Value>) -> Route {
    match frame {
        Some(frame) if frame["type"] != "response.create" => Route::Unknown,
        // What is not JSON is told from a request that is not understood further on.
        _ => Route::Responses,
    }
}
