//! Drives the turns of one scenario, one process each, and keeps what each of them left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::budget::Account;
use super::conduct;
use super::dispatch::{Job, SKIPPED, Settings};
use super::execute::{millis, problem};
use super::key::RunKey;
use super::notices::Notices;
use super::output::{drop_begun_secrets, keep_output, keep_processes};
use crate::agent::{
    Command, Egress, Ended, Limits, Root, Surroundings, TurnGroup, begin_shim_turn, environment,
    read_transcript, replace_file, run, shims_on_path,
};
use crate::document::{Document, EndCause, TEXT_INLINE_LIMIT_BYTES, Terminal, Turn, Usage};
use crate::profile::{FAKE_KEY, Profile, TurnLaunch};
use crate::recording::{Texts, Writer};
use crate::report::Problem;
use crate::scenario::Conduct;
use crate::server::Server;

/// What stays the same from turn to turn.
pub(super) struct Driver<'a> {
    pub(super) job: &'a Job,
    pub(super) profile: &'static dyn Profile,
    pub(super) settings: &'a Settings,
    pub(super) program: &'a std::path::Path,
    pub(super) first_arguments: &'a [String],
    pub(super) root: &'a Root,
    pub(super) server: &'a Server,
    pub(super) egress: &'a Egress,
    pub(super) notices: &'a Notices,
    pub(super) key: Option<&'a RunKey>,
}

impl Driver<'_> {
    /// Every turn until one does not complete; fills in turns, events, streams, raw output and their timing.
    pub(super) async fn turns(
        &self,
        writer: &mut Writer,
        surroundings: &mut Surroundings,
    ) -> Result<(Document, Texts, Vec<Option<bool>>), Problem> {
        let deadline = Instant::now() + Duration::from_millis(self.job.scenario.timeout_ms);
        let mut document = Document { processes: Some(Vec::new()), ..Document::default() };
        let mut texts = Texts::new();
        let mut session: Option<String> = None;
        let mut used_by_session = Usage::default();
        let mut account = Account::open(&self.settings.ledger, self.job.scenario.budget);
        let mut stalls = Vec::new();
        for (number, planned) in (1..).zip(&self.job.scenario.turns) {
            let mut turn = Turn {
                turn: number,
                prompt: planned.prompt.clone(),
                resumes: planned.resumes,
                ..Turn::default()
            };
            if planned.resumes && session.is_none() {
                turn.end = EndCause::NotStarted;
                document.turns.push(turn);
                break;
            }
            self.egress.begin_turn(number);
            begin_shim_turn(self.root, number);
            self.server.begin_turn(number, &planned.prompt, planned.resumes);
            let resumed = session.as_deref().filter(|_| planned.resumes);
            let mut command = match self.command(&planned.prompt, resumed, deadline) {
                Ok(command) => command,
                Err(problem) if number == 1 => return Err(problem),
                // What an earlier turn made of its home is recorded like everything else.
                Err(problem) => {
                    self.notices.tell(format!("turn {number} was not started: {}", problem.message));
                    turn.end = EndCause::NotStarted;
                    document.turns.push(turn);
                    break;
                }
            };
            command.limits = conduct::limits(&planned.conduct);
            (command.cgroup, turn.total_limits_held) = self.cgroup(&planned.conduct, number);
            command.keeps_stdin_open = conduct::keeps_stdin_open(&planned.conduct);
            let (connections, requests) = (self.server.connections(), self.server.requests());
            let mut watching = conduct::watching(
                &planned.conduct,
                self.profile,
                &self.root.workspace,
                connections,
                requests,
            )
            .map_err(|error| problem("workspace", &error.to_string()))?;
            let session_before = planned.resumes.then(|| used_by_session.clone());
            let meter = account.begin(self.profile, planned.conduct.budget, session_before.clone());
            let (tap, counting) = (self.server.tap(), Arc::clone(&meter));
            watching.printed = Some(Arc::new(move |bytes| {
                tap.printed(bytes);
                counting.printed(bytes);
            }));
            let notices = self.notices.clone();
            watching.slow = Some(Arc::new(move |slow| notices.tell(conduct::slowing(number, &slow))));
            watching.exhausted = Some(Box::pin(Arc::clone(&meter).exhausted()));
            let mut ended = run(&command, surroundings, watching, self.settings.stop.clone()).await;
            if let Some(reason) = ended.not_started {
                return Err(problem("agent-not-started", &reason));
            }
            if let Some(reached) = ended.used.cgroup.and_then(|used| conduct::reached(number, &used)) {
                self.notices.tell(reached);
            }
            drop_begun_secrets(&mut ended, writer);
            let read = read_transcript(self.profile, number, &ended.stdout.0);
            session = read.session.clone().or(session);
            turn.exit = ended.exit;
            turn.signal = ended.signal.map(signal_name);
            turn.end = ended.cause;
            turn.terminal = read.terminal;
            if self.profile.ends_by_exit() && turn.end == EndCause::Exited && read.terminal.is_none() {
                if turn.exit.is_some() && turn.exit == self.profile.skip_exit() {
                    return Err(skipped(&self.job.agent.name, &ended));
                }
                turn.terminal =
                    Some(if turn.exit == Some(0) { Terminal::Completed } else { Terminal::Failed });
            }
            turn.session = read.session;
            turn.final_message = read.final_message.or_else(|| {
                let said = String::from_utf8_lossy(&ended.stdout.0);
                let said = said.trim();
                let fits =
                    self.profile.ends_by_exit() && !said.is_empty() && said.len() <= TEXT_INLINE_LIMIT_BYTES;
                fits.then(|| said.to_owned())
            });
            turn.usage = read.usage.of_turn(session_before.as_ref());
            used_by_session = read.usage.total;
            let is_ended = turn.end == EndCause::BudgetExhausted;
            (turn.exceeded, turn.unmeasured) = account.close(&meter, &turn.usage, is_ended);
            self.tell_unmeasured(&turn);
            turn.interrupt = conduct::told(&planned.conduct, &ended);
            let is_done = turn.interrupt.as_ref().is_some_and(|interrupt| interrupt.ended)
                || turn.end == EndCause::Exited && turn.terminal == Some(Terminal::Completed);
            let goes_on = is_done && turn.exceeded.is_none();
            stalls.push(ended.silence.stalled);
            document.turns.push(turn);
            document.events.extend(read.events);
            document.timing.turns_ms.push(millis(ended.duration));
            keep_processes(&mut document, number, &ended);
            keep_output(&mut document, &mut texts, writer, self.profile, number, ended, read.settled)
                .map_err(|error| problem("recording", &error.to_string()))?;
            if let Some(stdout) = document.stdout.last_mut() {
                stdout.lines_dropped = read.lines_dropped;
            }
            if !goes_on {
                break;
            }
        }
        Ok((document, texts, stalls))
    }

    fn command(&self, prompt: &str, session: Option<&str>, deadline: Instant) -> Result<Command, Problem> {
        let base_url = self.server.base_url();
        let launch = self.profile.launch(&TurnLaunch {
            base_url: &self.key.map_or_else(|| base_url.to_owned(), |key| key.base_url(base_url)),
            key: self.key.map_or(FAKE_KEY, RunKey::in_header),
            workspace: &self.root.seen("workspace"),
            home: &self.root.seen("home"),
            prompt,
            session,
            transport: self.job.agent.transport,
            protocol: self.job.agent.protocol,
            model: self.job.agent.model.as_deref(),
            arguments: &self.job.agent.arguments,
        });
        if session.is_some() {
            self.clear_stale();
        }
        for (path, text) in &launch.home_files {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let home = &self.root.home;
            home.create_dir_all(folder)
                .and_then(|()| replace_file(home, path.as_ref(), text.as_bytes()))
                .map_err(|error| {
                    problem("home", &format!("the agent's `{path}` can't be written: {error}"))
                })?;
        }
        let mut path_variable = std::env::var_os("PATH").unwrap_or_default();
        if !self.job.scenario.shims.is_empty() {
            let others = std::mem::replace(&mut path_variable, shims_on_path(self.root).into());
            path_variable.push(":");
            path_variable.push(others);
        }
        let mut variables = environment(self.root, self.egress.proxy_address(), &path_variable);
        let additions = launch.environment.iter().chain(&self.job.agent.environment);
        variables.extend(additions.map(|(name, value)| (name.into(), value.into())));
        Ok(Command {
            program: self.program.to_owned(),
            arguments: self.first_arguments.iter().chain(&launch.arguments).cloned().collect(),
            environment: variables,
            directory: self.root.seen("workspace").into(),
            marker: self.root.marker.clone(),
            folder: self.root.folder().to_owned(),
            deadline,
            stdin: launch.stdin.unwrap_or_default().into_bytes(),
            keeps_stdin_open: false,
            limits: Limits::default(),
            cgroup: None,
        })
    }

    /// A group for a turn with limits of all processes together, and whether they are held: where the system does not
    /// give that, the turn goes without, and that is said.
    fn cgroup(&self, conduct: &Conduct, turn: u32) -> (Option<Arc<TurnGroup>>, Option<bool>) {
        let limits = conduct::total_limits(conduct);
        if limits.is_empty() {
            return (None, None);
        }
        match block_in_place(|| self.settings.isolation.group_of_turn(&limits)) {
            Ok(group) => (Some(Arc::new(group)), Some(true)),
            Err(reason) => {
                self.notices.tell(format!(
                    "turn {turn}: its limits of all processes together are not held: {reason}"
                ));
                (None, Some(false))
            }
        }
    }

    /// Says that a budget can't be held against what an agent does not say.
    fn tell_unmeasured(&self, turn: &Turn) {
        let words: Vec<_> = turn.unmeasured.iter().map(|measure| measure.words()).collect();
        if !words.is_empty() {
            let notice = format!(
                "turn {} did not say {}: no budget of it can be held",
                turn.turn,
                words.join(" and ")
            );
            self.notices.tell(notice);
        }
    }

    /// Removes what an earlier turn left in the home and the next one would trip over. What can't be removed is the
    /// agent's to deal with.
    fn clear_stale(&self) {
        for path in self.profile.stale_paths().iter().filter_map(|path| path.strip_prefix("~/")) {
            let _ = self.root.home.remove_dir_all(path).or_else(|_| self.root.home.remove_file(path));
        }
    }
}

fn signal_name(number: i32) -> String {
    let known = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (4, "ILL"),
        (6, "ABRT"),
        (8, "FPE"),
        (9, "KILL"),
        (11, "SEGV"),
        (13, "PIPE"),
        (14, "ALRM"),
        (15, "TERM"),
    ];
    known
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| format!("SIG{number}"), |(_, name)| format!("SIG{name}"))
}

/// What a command says by its own exit code: it can't run here. Its last words are the reason.
fn skipped(agent: &str, ended: &Ended) -> Problem {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .map(|line| crate::value::excerpt(line, 200))
    };
    let reason = last(&ended.stderr.0)
        .or_else(|| last(&ended.stdout.0))
        .unwrap_or_else(|| "no reason given".to_owned());
    Problem { id: SKIPPED, message: format!("`{agent}` skipped itself: {reason}"), help: None }
}
