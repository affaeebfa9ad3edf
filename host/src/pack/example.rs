//! The example recordings of a pack: `examples/<assertion>/<name>.json`, each a run document that the assertion must
//! pass or fail on, as its name says.
//!
//! ```text
//! examples/exit/with.json             parameters of all examples of `exit`; `{}` where it is missing
//! examples/exit/pass.json             a run document (`wassert.run/1`) with what the assertion reads
//! examples/exit/fail-signal.json      a run document, or { "from": "pass", "patch": [JSON Patch] }
//!                                     with "says", a text in the message of a finding that fails
//! examples/exit/fail-signal.with.json parameters of that example alone
//! ```
//!
//! Nothing is passed over: a file in these folders that is none of this is an error. Nothing is judged here.

use std::path::Path;

use cap_std::fs::Dir;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::patch::{Patch, PatchError};
use crate::document::{Document, SCHEMA};
use crate::value::{Outcome, excerpt};

/// The folder of a pack's examples.
pub const EXAMPLES: &str = "examples";

/// An example larger than this is not read.
const FILE_LIMIT_BYTES: u64 = 16 << 20;

/// The most files in one folder of examples.
const FILES_LIMIT: usize = 1_000;

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The assertion's name.
    pub assertion: String,
    /// `pass`, `fail-signal`, …
    pub name: String,
    /// What its name promises.
    pub expected: Outcome,
    /// The assertion's parameters.
    pub parameters: Value,
    /// What one of its failing findings must say: a text in its message. So that it fails for the right reason.
    pub says: Option<String>,
    /// Whether its file holds a patch of another example.
    pub is_patch: bool,
    /// The run document, patched where it is a patch.
    pub document: Value,
}

/// All examples of a pack.
#[derive(Debug, Default)]
pub struct Examples {
    /// Those that can be judged, by assertion and name.
    pub sound: Vec<Example>,
    /// Files that can't be used.
    pub broken: Vec<ExampleError>,
}

/// An example that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("`{path}`: {reason}")]
pub struct ExampleError {
    /// The file or folder, relative to the pack's folder.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An example that is told as a difference from another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patched {
    from: String,
    patch: Value,
    says: Option<String>,
}

/// What an example of that name promises: `pass` or `fail`, alone or with a kebab-case word after it.
pub fn promised(name: &str) -> Option<Outcome> {
    let (outcome, more) = match name.split_once('-') {
        Some((outcome, more)) => (outcome, Some(more)),
        None => (name, None),
    };
    let plain = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.len() > 100 || !more.is_none_or(|more| more.split('-').all(plain)) {
        return None;
    }
    match outcome {
        "pass" => Some(Outcome::Pass),
        "fail" => Some(Outcome::Fail),
        _ => None,
    }
}

/// Reads every example of a pack.
///
/// # Errors
/// When the folder of the examples, or one in it, can't be read; single files that can't be used are in the result.
pub fn read_examples(pack: &Dir) -> Result<Examples, ExampleError> {
    let mut examples = Examples::default();
    for (assertion, is_folder) in entries(pack, EXAMPLES)? {
        let folder = format!("{EXAMPLES}/{assertion}");
        if !is_folder {
            examples.broken.push(error(&folder, "it is in no assertion's folder"));
            continue;
        }
        for (file, is_folder) in entries(pack, &folder)? {
            let path = format!("{folder}/{file}");
            let stem = file.strip_suffix(".json").filter(|_| !is_folder).unwrap_or_default();
            let parameters_of = stem.strip_suffix(".with");
            if stem == "with" {
                continue;
            }
            if let Some(name) = parameters_of {
                if promised(name).is_none() || !pack.exists(format!("{folder}/{name}.json")) {
                    examples.broken.push(error(&path, "it holds parameters of no example"));
                }
                continue;
            }
            if promised(stem).is_none() {
                let expected = "an example is named `pass.json`, `fail.json`, `pass-….json` or `fail-….json`, \
                                parameters `with.json` or `<example>.with.json`";
                examples.broken.push(error(&path, expected));
                continue;
            }
            match read_example(pack, &assertion, stem) {
                Ok(example) => examples.sound.push(example),
                Err(wrong) => examples.broken.push(wrong),
            }
        }
    }
    Ok(examples)
}

/// Reads one example.
///
/// # Errors
/// What is wrong with the first file of it that can't be used.
pub fn read_example(pack: &Dir, assertion: &str, name: &str) -> Result<Example, ExampleError> {
    let path = format!("{EXAMPLES}/{assertion}/{name}.json");
    let expected = promised(name).ok_or_else(|| error(&path, "its name promises neither pass nor fail"))?;
    let read = read_json(pack, &path)?;
    let is_patch = read.get("from").is_some();
    let mut says = None;
    let document = match read {
        Value::Object(members) if members.contains_key("from") => {
            let patched: Patched =
                serde_json::from_value(Value::Object(members)).map_err(|wrong| error(&path, wrong))?;
            says = patched.says.filter(|says| !says.is_empty());
            let base = base(pack, assertion, &patched.from).map_err(|wrong| error(&path, wrong))?;
            let patch = Patch::parse(&patched.patch);
            patch.and_then(|patch| patch.apply(base)).map_err(|wrong: PatchError| error(&path, wrong))?
        }
        whole => whole,
    };
    check_document(&document).map_err(|reason| error(&path, reason))?;
    Ok(Example {
        assertion: assertion.to_owned(),
        name: name.to_owned(),
        expected,
        parameters: parameters(pack, assertion, name)?,
        says,
        is_patch,
        document,
    })
}

/// The parameters of an example: its own, else its folder's, else none.
///
/// # Errors
/// When the file can't be read or holds no object.
pub fn parameters(pack: &Dir, assertion: &str, name: &str) -> Result<Value, ExampleError> {
    let folder = format!("{EXAMPLES}/{assertion}");
    let candidates = [format!("{folder}/{name}.with.json"), format!("{folder}/with.json")];
    let Some(path) = candidates.iter().find(|path| pack.exists(path)) else {
        return Ok(Value::Object(Map::new()));
    };
    let parameters = read_json(pack, path)?;
    if parameters.is_object() { Ok(parameters) } else { Err(error(path, "parameters are an object")) }
}

/// Whether a value is a run document that this program reads.
///
/// # Errors
/// Why not.
pub fn check_document(document: &Value) -> Result<(), String> {
    if document.get("schema").and_then(Value::as_str) != Some(SCHEMA) {
        return Err(format!(
            "it is neither a run document (`\"schema\": \"{SCHEMA}\"`) nor a patch (`{{ \"from\": …, \"patch\": […] }}`)"
        ));
    }
    serde_json::from_value::<Document>(document.clone())
        .map(drop)
        .map_err(|wrong| format!("it is no run document: {}", excerpt(&wrong.to_string(), 200)))
}

/// The document a patch starts from: an example of the same assertion, or `<assertion>/<name>`; never a patch itself,
/// so that one look at two files tells the whole.
fn base(pack: &Dir, assertion: &str, from: &str) -> Result<Value, String> {
    let (assertion, name) = from.split_once('/').unwrap_or((assertion, from));
    let shown = excerpt(from, 100);
    if promised(name).is_none() || !is_plain(assertion) {
        return Err(format!(
            "`from` is `{shown}`, and should name an example: `pass`, or `<assertion>/pass` of another assertion"
        ));
    }
    let base = read_json(pack, &format!("{EXAMPLES}/{assertion}/{name}.json"))
        .map_err(|wrong| format!("`from` is `{shown}`: {}", wrong.reason))?;
    if base.get("from").is_some() {
        return Err(format!("`from` is `{shown}`, which is a patch too; name a whole document"));
    }
    Ok(base)
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Names in a folder, sorted, each with whether it is a folder itself.
fn entries(pack: &Dir, folder: &str) -> Result<Vec<(String, bool)>, ExampleError> {
    let failed = |wrong: std::io::Error| error(folder, format!("it can't be read: {wrong}"));
    let mut names = Vec::new();
    for entry in pack.read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().into_string().map_err(|_| error(folder, "a name in it is not UTF-8"))?;
        names.push((name, entry.file_type().map_err(failed)?.is_dir()));
        if names.len() > FILES_LIMIT {
            return Err(error(folder, format!("it holds more than {FILES_LIMIT} files")));
        }
    }
    names.sort();
    Ok(names)
}

fn read_json(pack: &Dir, path: &str) -> Result<Value, ExampleError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    pack.open(Path::new(path))
        .and_then(|file| file.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|wrong| error(path, format!("it can't be read: {wrong}")))?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        return Err(error(path, format!("it is larger than {} MiB", FILE_LIMIT_BYTES >> 20)));
    }
    serde_json::from_slice(&bytes).map_err(|wrong| error(path, format!("it is not JSON: {wrong}")))
}

fn error(path: &str, reason: impl ToString) -> ExampleError {
    ExampleError { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pack(files: &[(&str, &str)]) -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(EXAMPLES).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let dir = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        (folder, dir)
    }

    const PASS: &str = r#"{"schema":"wassert.run/1","turns":[{"turn":1,"exit":0}]}"#;

    #[test]
    fn examples_are_whole_documents_or_patches_of_one() {
        let (_folder, pack) = pack(&[
            ("exit/with.json", r#"{"code":0}"#),
            ("exit/pass.json", PASS),
            (
                "exit/fail-one.json",
                r#"{"from":"pass","patch":[{"op":"replace","path":"/turns/0/exit","value":1}]}"#,
            ),
            ("exit/fail-one.with.json", r#"{"code":2}"#),
            ("other/fail.json", r#"{"from":"exit/pass","patch":[]}"#),
        ]);
        let examples = read_examples(&pack).unwrap();
        assert!(examples.broken.is_empty(), "{:?}", examples.broken);
        let told: Vec<_> = examples
            .sound
            .iter()
            .map(|one| (one.assertion.as_str(), one.name.as_str(), one.expected, &one.parameters))
            .collect();
        assert_eq!(
            told,
            [
                ("exit", "fail-one", Outcome::Fail, &json!({"code": 2})),
                ("exit", "pass", Outcome::Pass, &json!({"code": 0})),
                ("other", "fail", Outcome::Fail, &json!({})),
            ]
        );
        assert_eq!(examples.sound[0].document["turns"][0]["exit"], 1);
        assert_eq!(examples.sound[2].document["turns"][0]["exit"], 0);
    }

    #[test]
    fn what_is_no_example_is_named_and_not_passed_over() {
        let (_folder, pack) = pack(&[
            ("stray.json", "{}"),
            ("exit/pass.json", PASS),
            ("exit/Pass-2.json", PASS),
            ("exit/notes.txt", ""),
            ("exit/fail-gone.with.json", "{}"),
            ("exit/fail-a.json", r#"{"from":"pass","patch":[{"op":"remove","path":"/turns/3"}]}"#),
            ("exit/fail-b.json", r#"{"from":"fail-a","patch":[]}"#),
            ("exit/fail-c.json", r#"{"from":"../pass","patch":[]}"#),
            ("exit/fail-d.json", r#"{"from":"pass","patch":[],"patches":[]}"#),
            ("exit/fail-e.json", r#"{"schema":"wassert.run/1","turns":7}"#),
            ("exit/fail-f.json", "{}"),
            ("exit/fail-g.json", r#"{"from":"pass-gone","patch":[]}"#),
        ]);
        let examples = read_examples(&pack).unwrap();
        assert_eq!(examples.sound.len(), 1);
        let told: Vec<_> = examples.broken.iter().map(ToString::to_string).collect();
        for (said, expected) in told.iter().zip([
            "`examples/exit/Pass-2.json`: an example is named",
            "`examples/exit/fail-a.json`: operation 0 (remove `/turns/3`): `3` is no position in `/turns`",
            "`examples/exit/fail-b.json`: `from` is `fail-a`, which is a patch too",
            "`examples/exit/fail-c.json`: `from` is `../pass`, and should name an example",
            "`examples/exit/fail-d.json`: unknown field `patches`",
            "`examples/exit/fail-e.json`: it is no run document: invalid type",
            "`examples/exit/fail-f.json`: it is neither a run document",
            "`examples/exit/fail-g.json`: `from` is `pass-gone`: it can't be read",
            "`examples/exit/fail-gone.with.json`: it holds parameters of no example",
            "`examples/exit/notes.txt`: an example is named",
            "`examples/stray.json`: it is in no assertion's folder",
        ]) {
            assert!(said.starts_with(expected), "{said}\nexpected {expected}");
        }
        assert_eq!(told.len(), 11, "{told:#?}");
    }

    #[test]
    fn a_name_promises_an_outcome() {
        for name in ["pass", "pass-two", "pass-2-x"] {
            assert_eq!(promised(name), Some(Outcome::Pass), "{name}");
        }
        assert_eq!(promised("fail-binary"), Some(Outcome::Fail));
        for name in
            ["", "passing", "pass-", "fail--x", "Fail", "skip", "fail-Ä", "fail/x", "with", "fail.with"]
        {
            assert_eq!(promised(name), None, "{name}");
        }
    }
}
