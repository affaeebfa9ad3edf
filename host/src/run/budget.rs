//! Budgets while agents run: what is used is counted as it is reported, and who passes a budget is ended.
//!
//! Time is the host's own to tell; tokens and money are what the agent says. An agent that says it only at its end has
//! passed its budget then, and no turn follows. One that says nothing is never taken for one that used nothing.
//! What was passed is concluded from the whole turn at its end, so that it does not depend on who was faster.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::agent::UsageTally;
use crate::document::{BudgetLevel, Exceeded, Measure, Usage};
use crate::profile::Profile;
use crate::scenario::Budget;

/// Longer lines are not looked into.
const LINE_LIMIT_BYTES: usize = 1024 * 1024;

const MEASURES: [Measure; 3] = [Measure::WallClock, Measure::Tokens, Measure::Cost];

/// Budgets that a project and the command line give to everything that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// Of each turn.
    pub turn: Budget,
    /// Of all turns of a scenario on one agent.
    pub scenario: Budget,
    /// Of everything that runs.
    pub run: Budget,
}

/// What was used, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent {
    tokens: u64,
    microdollars: u64,
}

impl Spent {
    fn of(usage: &Usage) -> Self {
        if !usage.reported {
            return Self::default();
        }
        Self {
            tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            microdollars: usage.cost_microdollars.unwrap_or(0),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            microdollars: self.microdollars.saturating_add(other.microdollars),
        }
    }

    fn less(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            microdollars: self.microdollars.saturating_sub(other.microdollars),
        }
    }

    /// What of a budget this is more than; time is not its business.
    fn passes(self, level: BudgetLevel, budget: &Budget) -> Option<Exceeded> {
        [(Measure::Tokens, self.tokens), (Measure::Cost, self.microdollars)].into_iter().find_map(
            |(measure, spent)| {
                let limit = budget.of(measure).filter(|limit| spent > *limit)?;
                Some(Exceeded { level, measure, limit })
            },
        )
    }
}

/// The budgets of a run, and what was used of the run's.
#[derive(Debug)]
pub struct Ledger {
    budgets: Budgets,
    ends: Option<Instant>,
    spent: Mutex<Spent>,
    passed: watch::Sender<Option<Exceeded>>,
}

impl Ledger {
    /// Of a run that begins now.
    pub fn new(budgets: Budgets) -> Arc<Self> {
        let (passed, _) = watch::channel(None);
        let ends = ends(Instant::now(), &budgets.run);
        Arc::new(Self { budgets, ends, spent: Mutex::default(), passed })
    }

    /// The budget of the run that is used up.
    pub(super) fn passed(&self) -> Option<Exceeded> {
        let late = self.ends.is_some_and(|ends| ends <= Instant::now());
        let time = late.then(|| of_time(BudgetLevel::Run, &self.budgets.run)).flatten();
        self.passed.borrow().or(time)
    }

    fn add(&self, spent: Spent) -> Option<Exceeded> {
        let mut total = locked(&self.spent);
        *total = total.and(spent);
        let passed = total.passes(BudgetLevel::Run, &self.budgets.run)?;
        self.passed.send_replace(Some(passed));
        Some(passed)
    }
}

/// The budgets of one scenario on one agent.
pub(super) struct Account {
    ledger: Arc<Ledger>,
    scenario: Budget,
    spent: Spent,
    ends: Option<Instant>,
}

impl Account {
    /// Of a scenario whose first turn begins now.
    pub(super) fn open(ledger: &Arc<Ledger>, scenario: Budget) -> Self {
        let scenario = scenario.with(ledger.budgets.scenario);
        let ends = ends(Instant::now(), &scenario);
        Self { ledger: Arc::clone(ledger), scenario, spent: Spent::default(), ends }
    }

    /// A turn begins. `session_before` is what its session has used; absent: the session is new.
    pub(super) fn begin(
        &self,
        profile: &'static dyn Profile,
        turn: Budget,
        session_before: Option<Usage>,
    ) -> Arc<Meter> {
        let turn = turn.with(self.ledger.budgets.turn);
        let levels =
            [(BudgetLevel::Turn, turn, Spent::default()), (BudgetLevel::Scenario, self.scenario, self.spent)];
        let times = [
            (ends(Instant::now(), &turn), of_time(BudgetLevel::Turn, &turn)),
            (self.ends, of_time(BudgetLevel::Scenario, &self.scenario)),
            (self.ledger.ends, of_time(BudgetLevel::Run, &self.ledger.budgets.run)),
        ];
        let first = times.into_iter().filter_map(|(ends, budget)| ends.zip(budget)).min_by_key(|time| time.0);
        Arc::new(Meter {
            profile,
            session_before,
            levels,
            ends: first,
            ledger: Arc::clone(&self.ledger),
            state: Mutex::default(),
            told: Notify::new(),
        })
    }

    /// A turn is over, and used that: what it passed, and what there is a budget for and it did not say.
    /// `ended` tells whether it was ended for a budget.
    pub(super) fn close(
        &mut self,
        meter: &Meter,
        used: &Usage,
        ended: bool,
    ) -> (Option<Exceeded>, Vec<Measure>) {
        let spent = Spent::of(used);
        let counted = std::mem::replace(&mut locked(&meter.state).counted, spent);
        let of_run = self.ledger.add(spent.less(counted));
        self.spent = self.spent.and(spent);
        let passed = meter.passes(spent).or(of_run);
        let passed = passed.or_else(|| if ended { locked(&meter.state).passed } else { None });
        let budgets = [meter.levels[0].1, self.scenario, self.ledger.budgets.run];
        let unmeasured = MEASURES.into_iter().filter(|measure| {
            let is_known = match measure {
                Measure::WallClock => true,
                Measure::Tokens => used.reported,
                Measure::Cost => used.reported && used.cost_microdollars.is_some(),
            };
            !is_known && budgets.iter().any(|budget| budget.of(*measure).is_some())
        });
        (passed, unmeasured.collect())
    }
}

/// Counts what one turn uses while it runs.
pub(super) struct Meter {
    profile: &'static dyn Profile,
    session_before: Option<Usage>,
    levels: [(BudgetLevel, Budget, Spent); 2],
    ends: Option<(Instant, Exceeded)>,
    ledger: Arc<Ledger>,
    state: Mutex<State>,
    told: Notify,
}

#[derive(Default)]
struct State {
    /// A line that has no end yet.
    begun: Vec<u8>,
    tally: UsageTally,
    /// What the run's ledger knows of this turn.
    counted: Spent,
    passed: Option<Exceeded>,
}

impl Meter {
    /// Standard output, as it comes.
    pub(super) fn printed(&self, bytes: &[u8]) {
        let mut state = locked(&self.state);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if state.begun.len() + piece.len() <= LINE_LIMIT_BYTES {
                state.begun.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut state.begun);
                self.line(&mut state, &String::from_utf8_lossy(&line));
            }
        }
    }

    fn line(&self, state: &mut State, line: &str) {
        let read = self.profile.read_line(line.trim());
        let Some(report) = read.usage else { return };
        state.tally.count(report);
        let spent = Spent::of(&state.tally.of_turn(self.session_before.as_ref()));
        let counted = std::mem::replace(&mut state.counted, spent);
        let of_run = self.ledger.add(spent.less(counted));
        let passed = self.passes(spent).or(of_run);
        // Who says it with his last words is ending anyway.
        if let (Some(passed), false) = (passed, read.is_last_word || read.terminal.is_some()) {
            state.passed = Some(passed);
            self.told.notify_one();
        }
    }

    fn passes(&self, spent: Spent) -> Option<Exceeded> {
        self.levels.iter().find_map(|(level, budget, before)| before.and(spent).passes(*level, budget))
    }

    /// Returns when a budget is passed.
    pub(super) async fn exhausted(self: Arc<Self>) {
        let time_is_up = async {
            match self.ends {
                Some((ends, _)) => tokio::time::sleep_until(ends.into()).await,
                None => std::future::pending().await,
            }
        };
        let mut run = self.ledger.passed.subscribe();
        let of_run = async {
            let passed = run.wait_for(Option::is_some).await.ok().and_then(|passed| *passed);
            match passed {
                Some(passed) => passed,
                // The run is over.
                None => std::future::pending().await,
            }
        };
        let passed = tokio::select! {
            () = time_is_up => self.ends.map(|(_, passed)| passed),
            () = self.told.notified() => None,
            passed = of_run => Some(passed),
        };
        let mut state = locked(&self.state);
        state.passed = state.passed.or(passed);
    }
}

fn ends(from: Instant, budget: &Budget) -> Option<Instant> {
    from.checked_add(Duration::from_millis(budget.wall_clock_ms?))
}

fn of_time(level: BudgetLevel, budget: &Budget) -> Option<Exceeded> {
    Some(Exceeded { level, measure: Measure::WallClock, limit: budget.wall_clock_ms? })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::by_name;

    const STEP: &str = r#"{"type":"step_finish","sessionID":"s","part":{"reason":"tool-calls","tokens":{"input":7,"output":3},"cost":0.5}}"#;

    fn tokens(tokens: u64) -> Budget {
        Budget { tokens: Some(tokens), ..Budget::default() }
    }

    fn usage(input_tokens: u64, cost_microdollars: Option<u64>) -> Usage {
        Usage { reported: true, input_tokens, output_tokens: 0, cost_microdollars }
    }

    fn passed(level: BudgetLevel, measure: Measure, limit: u64) -> Exceeded {
        Exceeded { level, measure, limit }
    }

    #[tokio::test]
    async fn reports_are_counted_as_they_come_in_pieces() {
        let ledger = Ledger::new(Budgets::default());
        let account = Account::open(&ledger, Budget::default());
        let meter = account.begin(by_name("opencode").unwrap(), tokens(15), None);
        let (first, second) = STEP.split_at(20);
        for piece in [first, second, "\n", first, second] {
            meter.printed(piece.as_bytes());
        }
        assert_eq!(locked(&meter.state).passed, None, "a line counts when it has ended");
        meter.printed(b"\n");
        Arc::clone(&meter).exhausted().await;
        let wanted = passed(BudgetLevel::Turn, Measure::Tokens, 15);
        assert_eq!(locked(&meter.state).passed, Some(wanted));
    }

    #[test]
    fn all_of_a_budget_may_be_used_and_what_all_turns_use_adds_up() {
        let ledger = Ledger::new(Budgets::default());
        let cost = Budget { cost_microdollars: Some(10), ..Budget::default() };
        let mut account = Account::open(&ledger, tokens(100).with(cost));
        let profile = by_name("claude").unwrap();
        let mut turn = |used: &Usage| {
            let meter = account.begin(profile, Budget::default(), None);
            account.close(&meter, used, false)
        };
        assert_eq!(turn(&usage(60, Some(4))), (None, vec![]));
        assert_eq!(turn(&usage(40, Some(6))), (None, vec![]));
        let wanted = passed(BudgetLevel::Scenario, Measure::Cost, 10);
        assert_eq!(turn(&usage(0, Some(1))), (Some(wanted), vec![]));
    }

    #[test]
    fn what_is_not_said_is_unknown_and_told() {
        let ledger = Ledger::new(Budgets { run: tokens(0), ..Budgets::default() });
        let cost = Budget { cost_microdollars: Some(0), ..Budget::default() };
        let mut account = Account::open(&ledger, cost);
        let meter = account.begin(by_name("codex").unwrap(), Budget::default(), None);
        let unknown = (None, vec![Measure::Tokens, Measure::Cost]);
        assert_eq!(account.close(&meter, &Usage::default(), false), unknown);
        let meter = account.begin(by_name("codex").unwrap(), Budget::default(), None);
        assert_eq!(account.close(&meter, &usage(0, None), false), (None, vec![Measure::Cost]));
    }

    #[tokio::test]
    async fn the_budget_of_a_run_ends_who_runs_beside() {
        let ledger = Ledger::new(Budgets { run: tokens(50), ..Budgets::default() });
        let (mut one, mut other) =
            (Account::open(&ledger, Budget::default()), Account::open(&ledger, Budget::default()));
        let profile = by_name("opencode").unwrap();
        let (first, second) =
            (one.begin(profile, Budget::default(), None), other.begin(profile, Budget::default(), None));
        for _ in 0..3 {
            first.printed(format!("{STEP}\n").as_bytes());
        }
        // What was counted while it ran is not counted again.
        assert_eq!(one.close(&first, &usage(30, None), false).0, None);
        assert_eq!(ledger.passed(), None);
        let third = one.begin(profile, Budget::default(), None);
        let wanted = passed(BudgetLevel::Run, Measure::Tokens, 50);
        assert_eq!(one.close(&third, &usage(21, None), false).0, Some(wanted));
        assert_eq!(ledger.passed(), Some(wanted));
        Arc::clone(&second).exhausted().await;
        assert_eq!(other.close(&second, &Usage::default(), true).0, Some(wanted));
    }

    #[tokio::test]
    async fn the_first_time_that_is_up_counts() {
        let seconds = |ms| Budget { wall_clock_ms: Some(ms), ..Budget::default() };
        let ledger = Ledger::new(Budgets { run: seconds(600_000), ..Budgets::default() });
        let mut account = Account::open(&ledger, seconds(0));
        let meter = account.begin(by_name("codex").unwrap(), seconds(700_000), None);
        Arc::clone(&meter).exhausted().await;
        let wanted = passed(BudgetLevel::Scenario, Measure::WallClock, 0);
        assert_eq!(account.close(&meter, &Usage::default(), true).0, Some(wanted));
    }

    #[test]
    fn last_words_end_nobody() {
        let ledger = Ledger::new(Budgets::default());
        let account = Account::open(&ledger, Budget::default());
        for (agent, line) in [
            ("codex", r#"{"type":"turn.completed","usage":{"input_tokens":9,"output_tokens":2}}"#),
            (
                "pi",
                r#"{"type":"message_end","message":{"role":"assistant","content":[],"stopReason":"stop","usage":{"input":9,"output":3}}}"#,
            ),
        ] {
            let meter = account.begin(by_name(agent).unwrap(), tokens(1), None);
            meter.printed(format!("{line}\n").as_bytes());
            let state = locked(&meter.state);
            assert_eq!((state.counted.tokens > 1, state.passed), (true, None), "{agent}");
        }
    }
}
