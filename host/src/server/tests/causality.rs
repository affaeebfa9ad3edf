//! Which step of a lane a request reaches, without any socket.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Plain, overloaded, step};
use crate::document::{Item, Role};
use crate::scenario::{Fault, Reply, Step};
use crate::server::conversation::Entries;
use crate::server::expect::Facts;
use crate::server::lane::{Lane, Mismatch, Moment};
use crate::server::script::ScriptStep;

const PROMPT: &str = "go";

fn lane(name: &str, steps: Vec<Step>) -> Lane {
    let mut lane = Lane::new(name);
    lane.steps = steps.into_iter().map(|step| ScriptStep::new(step, &Plain).unwrap()).collect();
    lane
}
fn at(turn: u32, prompt: &'static str, resumes: bool) -> Moment<'static> {
    Moment { turn, prompt, resumes, session: None, free: false, summaries: &[] }
}
fn first() -> Moment<'static> {
    at(1, PROMPT, false)
}
fn user(text: &str) -> Item {
    Item::Message { role: Role::User, text: text.into() }
}
fn said(text: &str) -> Item {
    Item::Message { role: Role::Assistant, text: text.into() }
}
fn call(id: &str) -> Item {
    Item::Call { call: id.into(), tool: "shell".into(), input: json!({}) }
}
fn result(id: &str) -> Item {
    Item::Result { call: id.into(), output: "out".into() }
}
fn serve(lane: &mut Lane, items: &[Item], moment: Moment<'_>) -> Result<(u32, usize, u32, bool), Mismatch> {
    let facts = Facts { transcript: items, tools: &[], headers: &BTreeMap::new(), body: &Value::Null };
    let served = lane
        .serve(&Entries::of(items), moment, |step| step.prepare(&facts, &crate::scenario::Values::new()))?;
    Ok((served.conversation, served.step + 1, served.attempt, served.surplus))
}
fn refusal(lane: &mut Lane, items: &[Item], moment: Moment<'_>) -> String {
    serve(lane, items, moment).unwrap_err().difference
}

#[test]
fn results_lead_to_the_next_step_and_retries_to_the_same() {
    let cut = Fault::Cut;
    let steps = vec![
        step(1, vec![overloaded(), overloaded()], Some("working"), &["a", "b"]),
        step(2, vec![cut], Some("done"), &[]),
    ];
    let mut lane = lane("main", steps);
    let mut items = vec![user("context"), user("please go now")];
    for attempt in 1..=3 {
        assert_eq!(serve(&mut lane, &items, first()), Ok((1, 1, attempt, false)));
    }
    items.extend([said("working"), call("a"), call("b"), result("b"), result("a")]);
    assert_eq!(serve(&mut lane, &items, first()), Ok((1, 2, 1, false)));
    items.push(said("do"));
    assert_eq!(serve(&mut lane, &items, first()), Ok((1, 2, 2, false)));
    assert_eq!(serve(&mut lane, &items, first()), Ok((1, 2, 3, true)));
    items.push(said("done"));
    assert_eq!(serve(&mut lane, &items, first()), Ok((1, 2, 4, true)), "its own reply is no news");
    items.push(user("and now?"));
    assert_eq!(
        refusal(&mut lane, &items, first()),
        "transcript item 9: expected assistant message `done`, got user message `and now?`"
    );
}

#[test]
fn a_step_that_was_not_served_is_not_gone_past() {
    let mut lane =
        lane("main", vec![step(1, vec![overloaded()], None, &["a"]), step(2, vec![], Some("x"), &[])]);
    serve(&mut lane, &[user(PROMPT)], first()).unwrap();
    let refused = serve(&mut lane, &[user(PROMPT), call("a"), result("a")], first()).unwrap_err();
    assert_eq!(refused.nearest_step, 2);
    assert!(refused.difference.starts_with("transcript item 1: expected nothing more"), "{refused:?}");
}

#[test]
fn a_turn_cannot_go_on_from_a_reply_that_was_not_served() {
    let mut lane =
        lane("main", vec![step(1, vec![overloaded()], Some("one"), &[]), step(2, vec![], Some("x"), &[])]);
    serve(&mut lane, &[user("first")], at(1, "first", false)).unwrap();
    assert_eq!(
        refusal(&mut lane, &[user("first"), user("second")], at(2, "second", true)),
        "transcript item 1: expected nothing more, as the reply of the step has not been served yet, \
         got user message `second`"
    );
}

#[test]
fn a_request_of_a_step_that_is_behind_is_no_retry_of_a_later_one() {
    let mut lane = lane("main", vec![step(1, vec![], None, &["a"]), step(2, vec![], Some("x"), &[])]);
    serve(&mut lane, &[user(PROMPT)], first()).unwrap();
    serve(&mut lane, &[user(PROMPT), call("a"), result("a")], first()).unwrap();
    assert_eq!(
        refusal(&mut lane, &[user(PROMPT)], first()),
        "end of the transcript: expected call `a` of tool `shell`"
    );
}

#[test]
fn a_missing_result_and_the_end_of_the_script_are_said() {
    let mut lane = lane("main", vec![step(1, vec![], None, &["edit"])]);
    serve(&mut lane, &[user(PROMPT)], first()).unwrap();
    assert_eq!(
        refusal(&mut lane, &[user(PROMPT), call("edit"), user("hello")], first()),
        "transcript item 2: expected the result of call `edit`, got user message `hello`"
    );
    assert_eq!(
        refusal(&mut lane, &[user(PROMPT), call("edit"), result("edit")], first()),
        "the script of lane main has no step after 1"
    );
}

#[test]
fn a_resumed_turn_goes_on_where_the_session_ended() {
    let failing = Step { reply: Reply::Fail(overloaded()), ..step(2, vec![], None, &[]) };
    let steps = vec![step(1, vec![], Some("one"), &[]), failing, step(3, vec![], Some("three"), &[])];
    let mut lane = lane("main", steps);
    let mut items = vec![user("first")];
    assert_eq!(serve(&mut lane, &items, at(1, "first", false)), Ok((1, 1, 1, false)));
    items.extend([said("one"), user("second")]);
    assert_eq!(serve(&mut lane, &items, at(2, "second", true)), Ok((1, 2, 1, false)));
    items.push(user("third"));
    assert_eq!(serve(&mut lane, &items, at(3, "third", true)), Ok((1, 3, 1, false)));
}

#[test]
fn a_resumed_turn_without_its_history_fits_nothing() {
    let mut lane = lane("main", vec![step(1, vec![], Some("one"), &[]), step(2, vec![], Some("two"), &[])]);
    serve(&mut lane, &[user("first")], at(1, "first", false)).unwrap();
    let refused = serve(&mut lane, &[user("second")], at(2, "second", true)).unwrap_err();
    assert_eq!(
        (refused.nearest_step, refused.difference.as_str()),
        (2, "transcript item 0: expected user message `first`, got user message `second`")
    );
}

#[test]
fn the_same_prompt_in_a_new_session_is_a_new_conversation() {
    let mut lane = lane("main", vec![step(1, vec![], Some("one"), &[]), step(2, vec![], Some("two"), &[])]);
    assert_eq!(serve(&mut lane, &[user(PROMPT)], at(1, PROMPT, false)), Ok((1, 1, 1, false)));
    assert_eq!(serve(&mut lane, &[user(PROMPT)], at(2, PROMPT, false)), Ok((2, 2, 1, false)));
    assert_eq!(serve(&mut lane, &[user(PROMPT)], at(2, PROMPT, false)), Ok((2, 2, 2, true)));
}

#[test]
fn main_opens_once_a_turn_and_only_with_the_prompt() {
    let mut lane = lane("main", vec![step(1, vec![], Some("one"), &[]), step(2, vec![], Some("two"), &[])]);
    assert_eq!(refusal(&mut lane, &[user(PROMPT)], at(0, "", false)), "no turn has begun");
    assert_eq!(
        refusal(&mut lane, &[user("hello")], first()),
        "the last user message `hello` does not hold the prompt of turn 1"
    );
    serve(&mut lane, &[user(PROMPT)], first()).unwrap();
    let refused = refusal(&mut lane, &[user("go elsewhere")], first());
    assert!(refused.starts_with("transcript item 0"), "{refused}");
}

#[test]
fn a_conversation_is_never_handed_the_answer_to_anothers_calls() {
    let steps = vec![step(1, vec![], None, &["a"]), step(2, vec![], Some("x"), &[])];
    let mut lane = lane("main", steps);
    serve(&mut lane, &[user(PROMPT)], first()).unwrap();
    let refused = serve(&mut lane, &[user(PROMPT)], at(2, PROMPT, false)).unwrap_err();
    assert_eq!(refused.difference, "the script of lane main has no step after 2");
}

#[test]
fn equal_conversations_are_told_apart_by_session_or_not_at_all() {
    let steps = (1..=3).map(|number| step(number, vec![], Some("same"), &[])).collect();
    let mut lane = lane("main", steps);
    let with = |turn, session, resumes| Moment { session, ..at(turn, PROMPT, resumes) };
    serve(&mut lane, &[user(PROMPT)], with(1, Some("s1"), false)).unwrap();
    serve(&mut lane, &[user(PROMPT)], with(2, Some("s2"), false)).unwrap();
    let items = [user(PROMPT), said("same"), user(PROMPT)];
    assert_eq!(
        refusal(&mut lane, &items, with(3, None, true)),
        "it goes on with more than one conversation equally well"
    );
    assert_eq!(serve(&mut lane, &items, with(3, Some("s2"), true)), Ok((2, 3, 1, false)));
}

/// Two conversations of two steps each, every request sent up to twice, in every order that causality allows.
#[test]
fn every_interleaving_of_two_conversations_reaches_the_same_steps() {
    let requests = |name: &str, id: &str| [vec![user(name)], vec![user(name), call(id), result(id)]];
    let conversations = [requests("one", "a"), requests("two", "b")];
    for order in 0..(1 << 6) {
        let steps = vec![
            step(1, vec![overloaded()], None, &["a"]),
            step(2, vec![], Some("done"), &[]),
            step(3, vec![overloaded()], None, &["b"]),
            step(4, vec![], Some("done"), &[]),
        ];
        let mut lane = lane("subagent", steps);
        // The openings come in the order of the script; all that follows is free.
        serve(&mut lane, &conversations[0][0], first()).unwrap();
        serve(&mut lane, &conversations[1][0], first()).unwrap();
        let mut sent = [1, 1];
        for bit in 0..6 {
            let who = (order >> bit) & 1;
            let (request, expected) = match sent[who] {
                1 => (0, (who as u32 + 1, 2 * who + 1, 2, false)),
                2 => (1, (who as u32 + 1, 2 * who + 2, 1, false)),
                again => (1, (who as u32 + 1, 2 * who + 2, again - 1, true)),
            };
            sent[who] += 1;
            assert_eq!(serve(&mut lane, &conversations[who][request], first()), Ok(expected), "{order:b}");
        }
    }
}

#[test]
fn a_request_that_holds_a_conversations_calls_opens_no_other() {
    let steps =
        vec![step(1, vec![], None, &["a"]), step(2, vec![], Some("x"), &[]), step(3, vec![], Some("y"), &[])];
    let mut lane = lane("subagent", steps);
    serve(&mut lane, &[user("one")], first()).unwrap();
    let refused = refusal(&mut lane, &[user("two"), call("a"), result("a")], first());
    assert!(refused.starts_with("transcript item 0: expected user message `one`"), "{refused}");
    assert_eq!(serve(&mut lane, &[user("two")], first()), Ok((2, 3, 1, false)));
}

fn opened(step: Step, prompt: &str) -> Step {
    Step { opened_by: Some(prompt.into()), ..step }
}

#[test]
fn each_conversation_is_opened_by_its_prompt_whatever_comes_first() {
    let steps = vec![
        opened(step(1, vec![], None, &["a"]), "task 1"),
        step(2, vec![], Some("one"), &[]),
        opened(step(3, vec![], None, &["b"]), "task 11"),
        step(4, vec![], Some("eleven"), &[]),
    ];
    let mut lane = lane("subagent", steps);
    assert_eq!(serve(&mut lane, &[user("context"), user("task 11")], first()), Ok((1, 3, 1, false)));
    assert_eq!(serve(&mut lane, &[user("please do task 1 now")], first()), Ok((2, 1, 1, false)));
    assert_eq!(
        serve(&mut lane, &[user("context"), user("task 11"), call("b"), result("b")], first()),
        Ok((1, 4, 1, false))
    );
    assert_eq!(
        refusal(&mut lane, &[user("task 3")], first()),
        "the script of lane subagent has no step after 4"
    );
}

#[test]
fn a_prompt_that_two_conversations_wait_for_opens_neither() {
    let steps = vec![
        opened(step(1, vec![], Some("one"), &[]), "count"),
        opened(step(2, vec![], Some("two"), &[]), "files"),
    ];
    let refused = refusal(&mut lane("subagent", steps), &[user("count files")], first());
    assert_eq!(refused, "it could open the conversation of step 1 and that of step 2");
}

#[test]
fn a_conversation_ends_where_the_next_one_begins() {
    let steps =
        vec![opened(step(1, vec![], None, &["a"]), "one"), opened(step(2, vec![], Some("two"), &[]), "two")];
    let mut lane = lane("subagent", steps);
    serve(&mut lane, &[user("one")], first()).unwrap();
    assert_eq!(
        refusal(&mut lane, &[user("one"), call("a"), result("a")], first()),
        "the script of lane subagent has no step after 1"
    );
}

#[test]
fn steps_that_repeat_answer_any_number_of_conversations() {
    let repeat = |step: Step| Step { repeat: true, ..step };
    let steps = vec![repeat(step(1, vec![], None, &["a"])), repeat(step(2, vec![], Some("done"), &[]))];
    let mut lane = lane("main", steps);
    for number in 0..3 {
        let items = [user(&format!("go {number}"))];
        assert_eq!(serve(&mut lane, &items, first()), Ok((0, 1, 1, false)));
        let items = [items[0].clone(), call("a"), result("a")];
        assert_eq!(serve(&mut lane, &items, first()), Ok((0, 2, 1, false)));
        let items = [&items[..], &[said("done"), user("again")]].concat();
        assert_eq!(serve(&mut lane, &items, first()), Ok((0, 1, 1, false)));
    }
}

#[test]
fn a_summary_in_place_of_the_history_goes_on_with_the_conversation() {
    let steps = vec![
        step(1, vec![], None, &["a"]),
        step(2, vec![], Some("done"), &[]),
        step(3, vec![], Some("x"), &[]),
    ];
    let mut lane = lane("main", steps);
    serve(&mut lane, &[user(PROMPT)], first()).unwrap();
    let summaries = [String::from("what was done so far")];
    let after = Moment { summaries: &summaries, ..first() };
    let short = [user("Summary: what was done so far")];
    assert_eq!(serve(&mut lane, &short, after), Ok((1, 2, 1, false)));
    assert_eq!(serve(&mut lane, &short, after), Ok((1, 2, 2, true)), "the same again is a retry");
}

#[test]
fn clients_that_nobody_steers_open_and_resume_as_they_like() {
    let steps = vec![step(1, vec![], Some("one"), &[]), step(2, vec![], Some("two"), &[])];
    let mut lane = lane("main", steps);
    let free = Moment { free: true, ..first() };
    assert_eq!(serve(&mut lane, &[user("anything")], free), Ok((1, 1, 1, false)));
    assert_eq!(serve(&mut lane, &[user("anything"), said("one"), user("more")], free), Ok((1, 2, 1, false)));
}

#[test]
fn lanes_without_conversations_are_served_in_order() {
    let default = |number, faults| Step { number, faults, lane: "models".into(), ..Step::default() };
    let mut lane = lane("models", vec![default(1, vec![overloaded()]), default(2, vec![])]);
    let facts = Facts { transcript: &[], tools: &[], headers: &BTreeMap::new(), body: &Value::Null };
    let mut next = || lane.serve_in_order(|step| step.prepare(&facts, &crate::scenario::Values::new()));
    let places: Vec<_> =
        (0..3).map(|_| next().map(|served| (served.step, served.attempt)).unwrap()).collect();
    assert_eq!(places, [(0, 1), (0, 2), (1, 1)]);
    assert_eq!(next().unwrap_err().difference, "the script of lane models has no step after 2");
}
