//! `[[turn]]`: what the agent is asked.

use super::Turn;
use super::agents::without_nul;
use super::findings::Findings;
use super::load::belongs_to_the_scenario;
use super::table::Table;

/// Most turns of a scenario.
const MOST_TURNS: usize = 100;

/// Reads every `[[turn]]`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings) -> Vec<Turn> {
    let tables = root.tables("turn", "`[[turn]]`");
    if tables.is_empty() {
        // A `turn` of the wrong type, or with nothing readable in it, has been reported already.
        let empty_list = root
            .value("turn")
            .is_none_or(|value| value.get_ref().as_array().is_some_and(|list| list.is_empty()));
        if empty_list {
            findings.error_with_help(
                "no-turn",
                "the scenario has no `[[turn]]`",
                root.key_range("turn").unwrap_or(root.range()),
                "asks the agent nothing",
                "add a `[[turn]]` with a `prompt`",
            );
        }
        return Vec::new();
    }
    if let Some(beyond) = tables.get(MOST_TURNS) {
        findings.error(
            "too-many-turns",
            "the scenario has more than 100 turns",
            beyond.range(),
            "one too many",
        );
    }
    tables
        .into_iter()
        .take(MOST_TURNS)
        .enumerate()
        .filter_map(|(index, table)| turn(index, table, findings))
        .collect()
}

fn turn(index: usize, mut table: Table<'_>, findings: &Findings) -> Option<Turn> {
    let prompt = table.required_text("prompt").filter(|prompt| without_nul(findings, "prompt", prompt));
    let resume = table.boolean("resume");
    if let (0, Some(resume)) = (index, &resume) {
        findings.error_with_help(
            "resume-on-first-turn",
            "the first turn has no `resume`",
            resume.span(),
            "nothing to go on with",
            "remove it; from the second turn on, `resume = false` starts a new session",
        );
    }
    let conduct = super::conduct::read(&mut table, findings);
    table.finish(belongs_to_the_scenario);
    let resumes = index > 0 && resume.is_none_or(|resume| *resume.get_ref());
    Some(Turn { prompt: (*prompt?.get_ref()).to_owned(), resumes, conduct })
}
