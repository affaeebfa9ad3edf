//! Which files are scenarios, what they are called, and which of them are selected.
//!
//! Pure: the caller walks the folders and reads the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::{AgentChoice, Scenario};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::value::excerpt;

/// The folder that names of scenarios are relative to.
const ROOT_FOLDER: &str = "scenarios";
/// The file that makes its folder one scenario.
const FOLDER_SCENARIO: &str = "scenario.toml";
/// Characters of a name or path in a message.
const QUOTED_CHARACTERS: usize = 120;

/// A scenario that has not been read yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScenarioFile {
    /// Path below the nearest folder called `scenarios`, or below the argument, `/`-separated, without ending.
    pub name: String,
    /// The file as the user named it.
    pub file: PathBuf,
}

/// What the arguments lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The scenarios, sorted by name; no name twice.
    pub files: Vec<ScenarioFile>,
    /// Errors: two files with one name.
    pub diagnostics: Vec<Diagnostic>,
}

/// Finds the scenarios among the files that the arguments lead to. Each argument comes with the files below it (every
/// path beginning with the argument), or with itself when it is a file.
///
/// A folder that holds `scenario.toml` is one scenario, and nothing else below it is looked at. Below an argument,
/// folders and files whose name begins with a dot are left out, so that a recording's copy is no scenario.
pub fn find<'a>(arguments: impl IntoIterator<Item = (&'a Path, &'a [PathBuf])>) -> Found {
    let mut by_name: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut found = Found::default();
    for (argument, files) in arguments {
        for file in scenario_files(argument, files) {
            let name = name(argument, file);
            match by_name.get(&name) {
                Some(other) if other != file => found.diagnostics.push(two_files(&name, other, file)),
                Some(_) => {}
                None => {
                    by_name.insert(name, file.clone());
                }
            }
        }
    }
    found.files = by_name.into_iter().map(|(name, file)| ScenarioFile { name, file }).collect();
    found
}

/// Which scenarios and agents a user wants; an empty list wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Parts of names; one of them is enough.
    pub names: Vec<String>,
    /// Tags; one of them is enough.
    pub tags: Vec<String>,
    /// Agents of the matrix, by the name they have there.
    pub agents: Vec<String>,
}

/// Nothing is left to run: exit code 4.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingSelected {
    /// No file is a scenario.
    #[error("no scenario found in {}", .0.join(", "))]
    NoFile(Vec<String>),
    /// No scenario has one of these parts in its name.
    #[error("no scenario has {} in its name{}", alternatives(.written), hint(.help))]
    NoName {
        /// What was asked for.
        written: Vec<String>,
        /// ``did you mean `x`?``
        help: Option<String>,
    },
    /// No scenario has one of these tags, or none of those that do has one of these agents.
    #[error("no scenario has {}{}", .written.join(" and "), hint(.help))]
    NoTagOrAgent {
        /// What was asked for: `the tag x`, `the agent y`.
        written: Vec<String>,
        /// ``did you mean `x`?``
        help: Option<String>,
    },
}

impl Filter {
    /// The files whose name is wanted.
    ///
    /// # Errors
    /// When none is left.
    pub fn files(
        &self,
        files: Vec<ScenarioFile>,
        arguments: &[&Path],
    ) -> Result<Vec<ScenarioFile>, NothingSelected> {
        if files.is_empty() {
            let arguments = arguments.iter().map(|path| shown(&path.to_string_lossy())).collect();
            return Err(NothingSelected::NoFile(arguments));
        }
        let known: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        let wanted: Vec<ScenarioFile> =
            files.into_iter().filter(|file| self.wants_name(&file.name)).collect();
        if wanted.is_empty() {
            let known =
                || known.iter().flat_map(|name| [name.as_str(), name.rsplit('/').next().unwrap_or(name)]);
            let help = self.names.iter().find_map(|written| did_you_mean(written, known()));
            return Err(NothingSelected::NoName { written: self.names.clone(), help });
        }
        Ok(wanted)
    }

    /// Every wanted scenario with every wanted agent, by name and then in the order of its matrix.
    ///
    /// # Errors
    /// When nothing is left of a list that was not empty.
    pub fn runs<'a>(
        &self,
        scenarios: &'a [Scenario],
    ) -> Result<Vec<(&'a Scenario, &'a AgentChoice)>, NothingSelected> {
        let mut tagged: Vec<&Scenario> =
            scenarios.iter().filter(|scenario| wants(&self.tags, &scenario.tags)).collect();
        tagged.sort_by(|a, b| a.name.cmp(&b.name));
        let runs: Vec<_> = tagged
            .into_iter()
            .flat_map(|scenario| scenario.agents.iter().map(move |agent| (scenario, agent)))
            .filter(|(_, agent)| wants(&self.agents, std::slice::from_ref(&agent.name)))
            .collect();
        if runs.is_empty() && !scenarios.is_empty() {
            return Err(self.no_tag_or_agent(scenarios));
        }
        Ok(runs)
    }

    fn wants_name(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }

    fn no_tag_or_agent(&self, scenarios: &[Scenario]) -> NothingSelected {
        let tags = || scenarios.iter().flat_map(|scenario| scenario.tags.iter().map(String::as_str));
        let agents =
            || scenarios.iter().flat_map(|scenario| scenario.agents.iter().map(|agent| agent.name.as_str()));
        let unknown_tag = self.tags.iter().find(|tag| !tags().any(|known| known == tag.as_str()));
        let unknown_agent = self.agents.iter().find(|agent| !agents().any(|known| known == agent.as_str()));
        let help = unknown_tag
            .and_then(|tag| did_you_mean(tag, tags()))
            .or_else(|| unknown_agent.and_then(|agent| did_you_mean(agent, agents())));
        let written = [("the tag", &self.tags), ("the agent", &self.agents)]
            .into_iter()
            .filter(|(_, words)| !words.is_empty())
            .map(|(what, words)| format!("{what} {}", alternatives(words)))
            .collect();
        NothingSelected::NoTagOrAgent { written, help }
    }
}

fn wants(wanted: &[String], has: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|word| has.contains(word))
}

/// The files below one argument that are scenarios.
fn scenario_files<'a>(argument: &Path, files: &'a [PathBuf]) -> Vec<&'a PathBuf> {
    let visible = || files.iter().filter(|file| file.as_path() != argument && is_visible(argument, file));
    let folders: BTreeSet<&Path> = visible()
        .filter(|file| file.file_name().is_some_and(|name| name == FOLDER_SCENARIO))
        .filter_map(|file| file.parent())
        .collect();
    let is_scenario = |file: &&PathBuf| {
        // The outermost folder with a `scenario.toml` is the scenario.
        let outermost = file.ancestors().skip(1).filter(|folder| folders.contains(folder)).last();
        file.extension().is_some_and(|ending| ending == "toml")
            && outermost.is_none_or(|folder| file.as_path() == folder.join(FOLDER_SCENARIO))
    };
    let named = files.iter().filter(|file| file.as_path() == argument);
    named.chain(visible().filter(is_scenario)).collect()
}

fn is_visible(argument: &Path, file: &Path) -> bool {
    let below = file.strip_prefix(argument).unwrap_or(file);
    below.components().all(|part| !part.as_os_str().to_string_lossy().starts_with('.'))
}

fn name(argument: &Path, file: &Path) -> String {
    let parts: Vec<String> = file
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let parents = &parts[..parts.len().saturating_sub(1)];
    let below_argument = if file == argument {
        parts.len().saturating_sub(1)
    } else {
        let below = file.strip_prefix(argument).map(|below| below.components().count());
        parts.len().saturating_sub(below.unwrap_or(1))
    };
    let start = parents.iter().rposition(|part| part == ROOT_FOLDER).map_or(below_argument, |at| at + 1);
    let is_folder = parts.last().is_some_and(|last| last == FOLDER_SCENARIO);
    // A folder that is a scenario gives it its name, even when it is the argument itself.
    let start = if is_folder && start + 1 == parts.len() { start.saturating_sub(1) } else { start };
    let end = if is_folder && parts.len() > 1 { parts.len() - 1 } else { parts.len() };
    let name = parts[start..end].join("/");
    if end == parts.len() { name.strip_suffix(".toml").map(str::to_owned).unwrap_or(name) } else { name }
}

fn two_files(name: &str, one: &Path, other: &Path) -> Diagnostic {
    let (one, other) = (shown(&one.to_string_lossy()), shown(&other.to_string_lossy()));
    Diagnostic::error("duplicate-name", format!("two files are called {}: {one} and {other}", shown(name)))
        .help("rename one of them: recordings are kept by name".to_owned())
}

fn shown(word: &str) -> String {
    format!("`{}`", excerpt(word, QUOTED_CHARACTERS))
}

fn alternatives(words: &[String]) -> String {
    words.iter().map(|word| shown(word)).collect::<Vec<_>>().join(" or ")
}

fn hint(help: &Option<String>) -> String {
    help.as_ref().map(|help| format!("; {help}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::every_key::{EVERY_KEY, load_text};
    use super::*;

    fn names(argument: &str, files: &[&str]) -> Vec<String> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let found = find([(Path::new(argument), files.as_slice())]);
        assert_eq!(found.diagnostics, []);
        found.files.into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn a_name_is_the_path_below_the_nearest_scenarios_folder() {
        assert_eq!(names("scenarios", &["scenarios/b/x.toml", "scenarios/a.toml"]), ["a", "b/x"]);
        assert_eq!(names("p/scenarios/area", &["p/scenarios/area/x.toml"]), ["area/x"]);
        assert_eq!(names("scenarios", &["scenarios/old/scenarios/x.toml"]), ["x"]);
        assert_eq!(names("./scenarios/a/x.toml", &["./scenarios/a/x.toml"]), ["a/x"]);
    }

    #[test]
    fn without_a_scenarios_folder_a_name_is_the_path_below_the_argument() {
        assert_eq!(names("t", &["t/a/x.toml", "t/y.toml"]), ["a/x", "y"]);
        assert_eq!(names("t/a/x.toml", &["t/a/x.toml"]), ["x"]);
        assert_eq!(names(".", &["./x.toml"]), ["x"]);
        assert_eq!(names("../t", &["../t/a/x.toml"]), ["a/x"]);
    }

    #[test]
    fn a_folder_with_a_scenario_is_one_scenario_and_nothing_else_in_it_is() {
        let files = [
            "scenarios/a/edit/scenario.toml",
            "scenarios/a/edit/shims/gh.toml",
            "scenarios/a/edit/inner/scenario.toml",
            "scenarios/a/plain.toml",
        ];
        assert_eq!(names("scenarios", &files), ["a/edit", "a/plain"]);
        assert_eq!(names("t/edit", &["t/edit/scenario.toml", "t/edit/more.toml"]), ["edit"]);
        assert_eq!(names("t/edit/scenario.toml", &["t/edit/scenario.toml"]), ["edit"]);
        assert_eq!(names("scenarios", &["scenarios/scenario.toml"]), ["scenarios"]);
        assert_eq!(names(".", &["./scenario.toml"]), ["scenario"]);
    }

    #[test]
    fn what_is_hidden_or_not_toml_is_no_scenario() {
        let files = ["t/.wassert/runs/1/x@example/scenario.toml", "t/notes.md", "t/.x.toml", "t/x.toml"];
        assert_eq!(names("t", &files), ["x"]);
    }

    #[test]
    fn one_file_named_twice_is_one_scenario_and_two_files_of_one_name_are_an_error() {
        let files = [PathBuf::from("scenarios/a.toml"), PathBuf::from("scenarios/a/scenario.toml")];
        let one = (Path::new("scenarios"), &files[..1]);
        assert_eq!(find([one, one]), find([one]));
        let both = find([(Path::new("scenarios"), &files[..])]);
        assert_eq!(both.files.len(), 1);
        assert_eq!(both.diagnostics.iter().map(|found| found.id).collect::<Vec<_>>(), ["duplicate-name"]);
    }

    #[test]
    fn nothing_selected_says_what_was_asked_for() {
        let filter = |names: &[&str]| Filter {
            names: names.iter().map(|&name| name.into()).collect(),
            ..Filter::default()
        };
        let file = |name: &str| ScenarioFile { name: name.into(), file: name.into() };
        let files = vec![file("quickstart/plain"), file("tools/edit")];
        assert_eq!(filter(&["edit", "x"]).files(files.clone(), &[]), Ok(vec![file("tools/edit")]));
        assert_eq!(
            filter(&["plian"]).files(files, &[]).unwrap_err().to_string(),
            "no scenario has `plian` in its name; did you mean `plain`?"
        );
        assert_eq!(
            filter(&[]).files(vec![], &[Path::new("a"), Path::new("b")]).unwrap_err().to_string(),
            "no scenario found in `a`, `b`"
        );
    }

    #[test]
    fn tags_and_agents_choose_runs() {
        let scenarios = [load_text("x.toml", EVERY_KEY.as_bytes()).scenario.unwrap()];
        let filter = |tag: &str, agent: &str| Filter {
            tags: vec![tag.into()],
            agents: vec![agent.into()],
            ..Filter::default()
        };
        let runs = |filter: &Filter| {
            filter
                .runs(&scenarios)
                .map(|runs| runs.iter().map(|(_, agent)| agent.name.clone()).collect::<Vec<_>>())
        };
        assert_eq!(runs(&Filter::default()).unwrap(), ["codex", "example", "codex-http"]);
        assert_eq!(runs(&filter("tools", "codex-http")).unwrap(), ["codex-http"]);
        assert_eq!(
            runs(&filter("tools", "exampel")).unwrap_err().to_string(),
            "no scenario has the tag `tools` and the agent `exampel`; did you mean `example`?"
        );
        assert_eq!(
            runs(&filter("tool", "codex")).unwrap_err().to_string(),
            "no scenario has the tag `tool` and the agent `codex`; did you mean `tools`?"
        );
    }
}
