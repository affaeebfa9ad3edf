//! The scenarios that need no real agent: green as they are, and red once when what they script is changed. What the
//! systems before this one checked is told row by row in `scenarios/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::harness::{Project, not_passed, root};

/// Those whose scenarios stand for what systems before this one checked.
const OLDER_SYSTEMS: [&str; 4] = ["engineering-loop", "harness", "rally", "workgraph"];

/// Agents that are part of every machine: the example and `/bin/sh`.
const AGENTS: [&str; 8] = [
    "codex-lines",
    "example",
    "example-chat",
    "example-gemini",
    "example-messages",
    "example-responses",
    "example-websocket",
    "script",
];

/// A scenario of this repository.
struct Scenario {
    /// Its path below `scenarios/`, without ending.
    name: String,
    /// Its file.
    file: PathBuf,
    text: String,
}

impl Scenario {
    /// Whether it needs no real agent: of those it names, none, or it names none.
    fn is_local(&self) -> bool {
        let list = self.text.lines().find_map(|line| line.strip_prefix("agents  = "));
        list.is_none_or(|list| {
            serde_json::from_str::<Vec<String>>(list).unwrap().iter().all(|agent| AGENTS.contains(&&**agent))
        })
    }

    /// Puts it into a project, with what lies beside it, and another text.
    fn write(&self, project: &Project, text: &str) {
        let below = self.file.strip_prefix(root()).unwrap();
        project.write(below.to_str().unwrap(), text);
        let folder = self.file.parent().unwrap();
        if self.file.file_name().unwrap() == "scenario.toml" {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let target = project.path().join(entry.path().strip_prefix(root()).unwrap());
                if entry.file_type().unwrap().is_file() && !target.exists() {
                    std::fs::copy(entry.path(), target).unwrap();
                }
            }
        }
    }
}

/// All there are, in every folder.
fn scenarios() -> Vec<Scenario> {
    let mut found = Vec::new();
    let areas = std::fs::read_dir(root().join("scenarios")).unwrap().map(|area| area.unwrap().path());
    for area in areas.filter(|area| area.is_dir()) {
        for entry in std::fs::read_dir(&area).unwrap() {
            let path = entry.unwrap().path();
            let file = if path.is_dir() { path.join("scenario.toml") } else { path.clone() };
            let [area, slug] = [&area, &path].map(|path| path.file_stem().unwrap().to_str().unwrap());
            let name = format!("{area}/{slug}");
            let text = std::fs::read_to_string(&file).unwrap();
            found.push(Scenario { name, file, text });
        }
    }
    found
}

fn project() -> Project {
    let project = Project::new();
    project.write("wassert.toml", &std::fs::read_to_string(root().join("wassert.toml")).unwrap());
    project
}

fn run(project: &Project) -> (i32, serde_json::Value) {
    let agents: Vec<&str> = AGENTS.iter().flat_map(|agent| ["--agent", agent]).collect();
    project.run_json(&agents)
}

#[test]
fn what_needs_no_real_agent_is_green() {
    let project = project();
    let mut local = BTreeSet::new();
    for scenario in scenarios() {
        let area = scenario.name.split('/').next().unwrap();
        assert!(
            !OLDER_SYSTEMS.contains(&area) || scenario.text.contains("\npins "),
            "each says what it pins"
        );
        if scenario.is_local() {
            scenario.write(&project, &scenario.text);
            local.insert(scenario.name);
        }
    }
    let (code, results) = run(&project);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let green: BTreeSet<String> = results["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|scenario| scenario["outcome"] == "pass")
        .map(|scenario| scenario["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(green, local);
    assert!(green.len() >= 63, "{}", green.len());
}

/// `# red: "OLD" -> "NEW" (assertion)`: the change that must turn the scenario red, and what must say so.
fn red(text: &str) -> Option<(&str, &str, &str)> {
    let line = text.lines().next()?.strip_prefix("# red: \"")?;
    let (change, assertion) = line.strip_suffix(')')?.rsplit_once("\" (")?;
    let (old, new) = change.split_once("\" -> \"")?;
    Some((old, new, assertion))
}

#[test]
fn each_turns_red_when_its_script_is_changed() {
    let project = project();
    let mut wanted = BTreeMap::new();
    for scenario in scenarios() {
        let (name, text) = (&scenario.name, &scenario.text);
        let Some((old, new, assertion)) = red(text) else {
            assert!(!scenario.is_local(), "{name} does not say what turns it red");
            continue;
        };
        let body = text.split_once('\n').unwrap().1;
        // A change that changes nothing would look like a scenario that is always green.
        assert!(body.contains(old) && old != new, "{name}: `{old}` is not in it");
        scenario.write(&project, &body.replacen(old, new, 1));
        wanted.insert(name.clone(), assertion.to_owned());
    }
    let (code, results) = run(&project);
    assert_eq!(code, 1, "{results:#}");
    let mut seen = BTreeSet::new();
    for scenario in results["scenarios"].as_array().unwrap() {
        let name = scenario["name"].as_str().unwrap();
        let failed: Vec<&str> = scenario["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|verdict| verdict["outcome"] == "fail")
            .map(|verdict| verdict["assertion"].as_str().unwrap())
            .collect();
        assert!(failed.contains(&wanted[name].as_str()), "{name}: {failed:?}\n{scenario:#}");
        seen.insert(name.to_owned());
    }
    assert_eq!(seen, wanted.into_keys().collect());
}

/// One row of `seed-rows.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    status: String,
    by: Vec<String>,
    but: Option<String>,
}

#[derive(serde::Deserialize)]
struct Rows {
    rows: BTreeMap<String, Row>,
}

/// Every id of the rows, by its letter: first and last number, without gaps but for those named.
const IDS: [(&str, &[(u32, u32)]); 8] = [
    ("C", &[(1, 16)]),
    ("G", &[(1, 1), (10, 33)]),
    ("H", &[(1, 35), (40, 57), (60, 82)]),
    ("P", &[(1, 10)]),
    ("R", &[(1, 9), (10, 11), (20, 50)]),
    ("U", &[(1, 28)]),
    ("W", &[(1, 21)]),
    ("X", &[(1, 15)]),
];

fn sort_key(id: &str) -> (String, u32) {
    (id[..1].to_owned(), id[1..].parse().unwrap())
}

#[test]
fn the_table_names_every_row_and_nothing_that_is_not_there() {
    let text = std::fs::read_to_string(root().join("scenarios/seed-rows.toml")).unwrap();
    let rows = toml::from_str::<Rows>(&text).unwrap().rows;
    let wanted: BTreeSet<String> = IDS
        .iter()
        .flat_map(|(letter, ranges)| {
            ranges.iter().flat_map(move |(from, to)| (*from..=*to).map(move |n| format!("{letter}{n}")))
        })
        .collect();
    assert_eq!(rows.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    let pack = std::fs::read_to_string(root().join("assertions/std/pack.toml")).unwrap();
    let mut ids: Vec<_> = rows.keys().collect();
    ids.sort_by_key(|id| sort_key(id));
    let mut table = String::from("| row | shown by | status |\n|---|---|---|\n");
    for id in ids {
        let row = &rows[id];
        let (status, needs_reason) = match row.status.as_str() {
            "shown" => ("shown", false),
            "agent" => ("with a real agent", false),
            "partly" => ("partly", true),
            "out" => ("out of scope", true),
            "missing" => ("missing", true),
            other => panic!("{id}: {other}"),
        };
        assert_eq!(row.but.is_some(), needs_reason, "{id}");
        assert_eq!(row.by.is_empty(), ["out", "missing"].contains(&row.status.as_str()), "{id}");
        let shown: Vec<String> = row.by.iter().map(|by| link(id, by, &pack)).collect();
        let but = row.but.as_ref().map(|but| format!(": {but}")).unwrap_or_default();
        let _ = writeln!(table, "| {id} | {} | {status}{but} |", shown.join(", "));
    }
    let path = root().join("scenarios/README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, after) = ("<!-- rows -->\n", "<!-- end of rows -->");
    let (head, rest) = readme.split_once(before).unwrap();
    let (_, tail) = rest.split_once(after).unwrap();
    let wanted = format!("{head}{before}{table}{after}{tail}");
    if std::env::var_os("WASSERT_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    } else {
        assert!(readme == wanted, "run this test with WASSERT_BLESS=1 and look at what changes");
    }
}

/// A link to what shows a row; it must be there.
fn link(id: &str, by: &str, pack: &str) -> String {
    if let Some(name) = by.strip_prefix("std/") {
        assert!(pack.contains(&format!("name = \"{name}\"")), "{id}: no assertion `{name}`");
        return format!("[`{by}`](../assertions/std/README.md)");
    }
    for file in [format!("{by}.toml"), format!("{by}/scenario.toml")] {
        if root().join("scenarios").join(&file).is_file() {
            return format!("[{by}]({file})");
        }
    }
    assert!(root().join(by).is_file(), "{id}: there is no `{by}`");
    let shown = by.strip_prefix("scenarios/").map_or_else(|| format!("../{by}"), str::to_owned);
    format!("[`{by}`]({shown})")
}
