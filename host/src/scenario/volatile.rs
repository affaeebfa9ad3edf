//! `volatile`: where values stand that differ from run to run, for agents and fields that no profile knows.

use super::findings::Findings;
use super::load::known_word;
use super::table::Table;
use crate::document::{Place, PlaceError, PlaceSection};

/// Most places of a scenario.
const MOST_PLACES: usize = 100;

/// Reads every entry of `volatile`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings) -> Vec<Place> {
    let tables = root.tables("volatile", "`volatile`");
    if let Some(beyond) = tables.get(MOST_PLACES) {
        let message = "the scenario has more than 100 volatile places";
        findings.error("too-many-places", message, beyond.range(), "one too many");
    }
    tables.into_iter().take(MOST_PLACES).filter_map(|table| place(table, findings)).collect()
}

fn place(mut table: Table<'_>, findings: &Findings) -> Option<Place> {
    let range = table.range();
    let section = table.required_text("section");
    let words = PlaceSection::ALL.map(PlaceSection::word);
    let section = section.and_then(|written| {
        let word = known_word(findings, "unknown-section", "section", &written, &words)?;
        PlaceSection::ALL.into_iter().find(|section| section.word() == word)
    });
    let is_text = section.is_some_and(PlaceSection::is_text);
    let path = if is_text && !table.has("path") { None } else { table.required_text("path") };
    let pattern = table.text("pattern");
    let kind = table.required_text("kind");
    table.finish(|_| None);
    if let (true, Some(path)) = (is_text, &path) {
        findings.error_with_help(
            "bad-place",
            "this section is text as a whole and has no paths",
            path.span(),
            "leads nowhere",
            "write a `pattern` instead",
        );
        return None;
    }
    let (section, kind) = (section?, kind?);
    if path.is_none() && !is_text {
        return None;
    }
    let place = Place {
        section,
        path: path.as_ref().map_or("$", |path| path.get_ref()).to_owned().into(),
        pattern: pattern.as_ref().map(|pattern| (*pattern.get_ref()).to_owned().into()),
        kind: (*kind.get_ref()).to_owned().into(),
    };
    match place.check() {
        Ok(()) => Some(place),
        Err(error) => {
            let at = match &error {
                PlaceError::Path { .. } | PlaceError::Race(_) => path.as_ref().map(toml::Spanned::span),
                PlaceError::Pattern { .. } => pattern.as_ref().map(toml::Spanned::span),
                PlaceError::Kind(_) => Some(kind.span()),
                PlaceError::NoPattern(_) => None,
            };
            findings.error("bad-place", error.to_string(), at.unwrap_or(range), "can't be used");
            None
        }
    }
}
