//! One request, one answer, whatever carries them: decodes, finds the step, renders, and keeps everything.
//!
//! One lock, never held across an `await`: requests are told apart in the order in which they took it.

mod arrival;
mod dispatch;
mod step;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::document::UnusedStep;
use crate::profile::Profile;
use crate::scenario::{Gate, Reception, Values};

use super::capture::Capture;
use super::invariant::Signatures;
use super::key::has_key;
use super::lane::Lane;
use super::request::Incoming;
use super::script::ScriptStep;
use super::share::Responses;
use super::takeover::Outgoing;
use super::upstream::Passed;
use super::wire::Gates;
use super::{ServerSettings, Traffic};

/// The status of an answer no agent retries: it ends every agent that was measured after one request.
const TERMINAL_STATUS: u16 = 400;

/// What all connections share.
pub(super) struct Exchange {
    profile: &'static dyn Profile,
    accept_websocket: bool,
    reception: Reception,
    key: Option<String>,
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
    /// Lane to the number of replies that were given there without a script.
    defaults: BTreeMap<String, u32>,
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
            mut steps,
            profile,
            accept_websocket,
            capture_limit_bytes,
            workspace,
            free,
            reception,
            key,
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
            defaults: BTreeMap::new(),
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
        Ok(Self { profile, accept_websocket, reception, key, gates, used_up, state: Mutex::new(state) })
    }

    /// What is taken from clients.
    pub(super) fn reception(&self) -> &Reception {
        &self.reception
    }

    /// Whether a request is the run's own; a key in its path is taken out of it.
    pub(super) fn is_own(&self, target: &mut String, headers: &BTreeMap<String, Vec<String>>) -> bool {
        self.key.as_ref().is_none_or(|key| has_key(key, target, headers))
    }

    /// A limit ended a connection before there was a request.
    pub(super) fn refused_connection(&self, code: &str, message: String) {
        self.state().capture.refused_connection(code, message);
    }

    /// A real endpoint has answered a request, or has not.
    pub(super) fn passed_on(&self, request: usize, passed: Passed) {
        self.state().capture.passed(request, passed);
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
        let forwarded = match &incoming.raw {
            Ok(raw) if !self.reception.upstream.is_empty() => raw.clone(),
            _ => Vec::new(),
        };
        let body = incoming.take_body(self.reception.request_bytes);
        let mut state = self.state();
        let mut outgoing = self.answer_in(&mut state, incoming, body);
        if let Some(forward) = &mut outgoing.forward {
            forward.body = forwarded;
        }
        if state.free && self.reception.upstream.is_empty() && state.is_used_up() {
            self.used_up.send_replace(true);
        }
        outgoing
    }
}
