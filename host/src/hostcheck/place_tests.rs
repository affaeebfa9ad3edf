//! Where each finding points, and what it must not excuse: a verdict with a wrong place sends people looking elsewhere.

use super::judge;
use crate::document::{
    Change, Document, EgressAttempt, EgressProtocol, EndCause, Home, HomeChange, IsolationLevel, LeftProcess,
    ProcessEnd, RepositoryWatch, Terminal, Turn,
};
use crate::value::Finding;

/// The findings of one assertion.
fn findings(document: &Document, assertion: &str) -> Vec<Finding> {
    judge(document).into_iter().find(|verdict| verdict.assertion == assertion).unwrap().findings
}

fn places(document: &Document, assertion: &str) -> Vec<String> {
    findings(document, assertion).into_iter().map(|finding| finding.at[0].path.clone()).collect()
}

#[test]
fn each_finding_points_at_its_own_entry() {
    let turn = |end, terminal| Turn { end, terminal, ..Turn::default() };
    let attempt = |destination: &str| EgressAttempt {
        turn: 1,
        protocol: EgressProtocol::Connect,
        destination: destination.to_owned(),
        count: 1,
    };
    let left = |name: &str| LeftProcess {
        turn: 1,
        name: name.to_owned(),
        command: name.to_owned(),
        end: ProcessEnd::Terminated,
    };
    let change = HomeChange { change: Change::Added, ..HomeChange::default() };
    let mut document = Document {
        turns: vec![
            turn(EndCause::Exited, Some(Terminal::Completed)),
            turn(EndCause::Exited, Some(Terminal::Failed)),
        ],
        egress: Some(vec![attempt("a:1"), attempt("b:2")]),
        processes: Some(vec![left("sleep"), left("cat")]),
        home: Some(Home { changes: [("~/it's".to_owned(), change)].into(), ..Home::default() }),
        ..Document::default()
    };
    document.scenario.egress = vec!["a:1".to_owned()];
    document.scenario.survivors = vec!["sleep".to_owned()];
    assert_eq!(places(&document, "run/completed"), ["$['turns'][1]"]);
    assert_eq!(places(&document, "run/no-egress"), ["$['egress'][1]"]);
    assert_eq!(places(&document, "run/no-survivors"), ["$['processes'][1]"]);
    assert_eq!(places(&document, "run/home-only"), [r"$['home']['changes']['~/it\'s']"]);
}

#[test]
fn what_named_nothing_is_not_excused_by_a_name() {
    let attempt =
        EgressAttempt { turn: 1, protocol: EgressProtocol::Other, destination: "a:1".to_owned(), count: 1 };
    let mut document = Document { egress: Some(vec![attempt]), ..Document::default() };
    document.scenario.egress = vec!["a:1".to_owned()];
    assert_eq!(
        findings(&document, "run/no-egress")[0].message,
        "turn 1 tried to reach something it did not name"
    );
}

#[test]
fn a_pass_says_what_could_not_be_seen() {
    let mut document = Document { egress: Some(Vec::new()), ..Document::default() };
    document.isolation.level = IsolationLevel::Group;
    let told = |document: &Document| findings(document, "run/no-egress")[0].message.clone();
    assert!(told(&document).contains("direct connections are not observed"));
    document.isolation.direct_connections_seen = true;
    assert_eq!(told(&document), "no attempt was seen");

    document.home = Some(Home { repository: RepositoryWatch::NotListed, ..Home::default() });
    let told = findings(&document, "run/home-only")[0].message.clone();
    assert!(told.ends_with("the launching repository could not be watched"), "{told}");
}

#[test]
fn a_change_of_the_launching_repository_says_what_to_do() {
    let change = |shared| HomeChange { change: Change::Modified, shared, ..HomeChange::default() };
    let told = |shared| {
        let changes = [("repository/a".to_owned(), change(shared))].into();
        let document = Document { home: Some(Home { changes, ..Home::default() }), ..Document::default() };
        findings(&document, "run/home-only")[0].message.clone()
    };
    assert!(told(false).ends_with("was modified; if somebody else saved it during the run, run again"));
    assert!(told(true).ends_with("`--jobs 1` tells whose it is"));
}
