//! The rules of ARCHITECTURE.md, read off the source: which module may import which, which may name which crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::harness::root;

/// The floor of every top-level module of the library.
fn floors() -> BTreeMap<&'static str, u8> {
    let floors: [&[&str]; 5] = [
        &["diagnostic", "document", "value"],
        &["hostcheck", "import", "pack", "profile", "query", "recording", "report", "scenario"],
        &["agent", "example_agent", "sandbox", "server"],
        &["run"],
        &["cli"],
    ];
    (0..)
        .zip(floors)
        .flat_map(|(floor, modules)| modules.iter().map(move |module| (*module, floor)))
        .collect()
}

/// Modules of one floor that their siblings may import.
const SHARED: [&str; 4] = ["diagnostic", "document", "value", "profile"];

/// What may be named only in some modules or files: a crate or path, and where.
const KEPT_IN: [(&str, &[&str]); 17] = [
    ("wasmtime", &["sandbox"]),
    ("hyper", &["server", "example_agent"]),
    ("hyper_util", &["server", "example_agent"]),
    ("tokio_rustls", &["server/upstream/tls.rs"]),
    ("rustls_native_certs", &["server/upstream/tls.rs"]),
    ("tokio_tungstenite", &["server", "example_agent"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli"]),
    ("indicatif", &["cli"]),
    ("annotate_snippets", &["report"]),
    ("wit_component", &["sandbox"]),
    ("wit_parser", &["sandbox"]),
    ("boon", &["run"]),
    ("tokio", &["agent", "example_agent", "server", "run", "cli"]),
    ("tokio::process", &["agent", "example_agent"]),
    ("std::process", &["agent", "example_agent", "cli", "sandbox/start.rs"]),
    ("rustix", &["agent", "example_agent", "sandbox", "run"]),
];

/// The clock and the network, which floors 0 and 1 must not know.
const NOT_BELOW_2: [&str; 6] = [
    "std::time::Instant",
    "std::time::SystemTime",
    "std::net",
    "std::process",
    "std::thread::sleep",
    "Instant::now",
];

fn sources() -> Vec<(String, PathBuf, String)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let source = root().join("host/src");
    let mut files = Vec::new();
    walk(&source, &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let below = path.strip_prefix(&source).unwrap();
            let module = below.components().next().unwrap().as_os_str().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (below.components().count() > 1).then_some((module, path, text))
        })
        .collect()
}

/// The code of a file: no comments, no tests (they may reach wherever they must).
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap().split("#[cfg(all(test").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether `text` names the path `name`, and not a longer word that contains it.
fn names(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        let path_begins = !before.is_some_and(|c| word(c) || c == ':' || c == '.');
        path_begins
            && !after.is_some_and(word)
            && (name.contains("::") || text[at + name.len()..].starts_with("::"))
    })
}

#[test]
fn every_module_has_a_floor() {
    let floors = floors();
    for (module, path, _) in sources() {
        assert!(
            floors.contains_key(module.as_str()),
            "{}: give `{module}` a floor here and in ARCHITECTURE.md",
            path.display()
        );
    }
}

#[test]
fn a_module_imports_only_from_lower_floors() {
    let floors = floors();
    for (module, path, text) in sources() {
        let code = code(&text);
        for (other, floor) in &floors {
            let imports = names(&code, &format!("crate::{other}"));
            let allowed = *floor < floors[module.as_str()]
                || *other == module
                || (SHARED.contains(other) && *floor == floors[module.as_str()]);
            assert!(!imports || allowed, "{}: `{module}` must not import `{other}`", path.display());
        }
    }
}

#[test]
fn heavy_crates_are_named_where_they_belong() {
    let source = root().join("host/src");
    for (module, path, text) in sources() {
        let code = code(&text);
        for (name, allowed) in KEPT_IN {
            assert!(
                !names(&code, name) || allowed.iter().any(|place| path.starts_with(source.join(place))),
                "{}: `{name}` must not be named in `{module}`",
                path.display()
            );
        }
    }
}

#[test]
fn the_lower_floors_know_neither_clock_nor_network_nor_processes() {
    let floors = floors();
    for (module, path, text) in sources().into_iter().filter(|(module, ..)| floors[module.as_str()] < 2) {
        let code = code(&text);
        for name in NOT_BELOW_2 {
            assert!(!names(&code, name), "{}: `{name}` must not be named in `{module}`", path.display());
        }
    }
}

#[test]
fn unsafe_code_is_in_one_place() {
    let places: Vec<_> = sources()
        .into_iter()
        .filter(|(_, _, text)| code(text).contains("unsafe {"))
        .map(|(_, path, _)| path)
        .collect();
    assert_eq!(places.len(), 1, "{places:?}");
    assert!(places[0].ends_with("sandbox/code.rs"), "{places:?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    for (_, path, text) in sources() {
        assert!(text.starts_with("//! ") || text.starts_with("#!["), "{} has no module doc", path.display());
        let lines = text.lines().count();
        assert!(lines <= 800, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_rules_notice_what_they_forbid() {
    assert!(names("use crate::server::Server;", "crate::server"));
    assert!(names("let x = wasmtime::Engine::default();", "wasmtime"));
    assert!(!names("use crate::servers::Server;", "crate::server"));
    assert!(!names("// wasmtime says", "wasmtime"));
    assert!(!names("my_hyper::x()", "hyper"));
}
