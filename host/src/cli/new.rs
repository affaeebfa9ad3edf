//! `wassert new example`: judges first, writes then, and never over something.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use cap_std::fs::OpenOptions;
use serde_json::{Map, Value, json};

use super::arguments::{New, NewExample, NewVerb};
use super::judges::new_judge;
use super::limits::LimitArguments;
use super::output::Output;
use super::pack_test::told;
use super::shown::Shown;
use crate::document::SECTIONS;
use crate::pack::{EXAMPLES, Example, Patch, check_document, parameters, promised, read_example};
use crate::report::examples_for_people;
use crate::run::{PackFolder, reduced};
use crate::sandbox::Judge;
use crate::value::{ExitStatus, Outcome, excerpt};

/// Writes something new.
pub(super) fn new(arguments: &New, output: &Output) -> anyhow::Result<ExitStatus> {
    match &arguments.verb {
        NewVerb::Example(verb) => example(verb, output),
    }
}

/// A file to be written: its path below the pack, and its JSON.
type Planned = (String, Value);

fn example(arguments: &NewExample, output: &Output) -> anyhow::Result<ExitStatus> {
    let judge = new_judge(&LimitArguments::default())?;
    let pack = match PackFolder::open(&arguments.pack, &judge) {
        Ok(pack) => pack,
        Err(error) => return Ok(told(&error, output)),
    };
    let NewExample { assertion, name, .. } = arguments;
    ensure!(
        pack.description(assertion).is_some(),
        "`{}` has no assertion `{}`; it has {}",
        arguments.pack.display(),
        excerpt(assertion, 60),
        pack.manifest
            .assertions
            .iter()
            .map(|entry| entry.name.as_ref().as_str())
            .collect::<Vec<_>>()
            .join(", ")
    );
    let mut planned = Vec::new();
    let mut examples = Vec::new();
    if arguments.patch.is_empty() {
        let whole = whole(arguments, &pack, name, &mut planned)?;
        examples.push(whole);
    } else {
        let patch = patch(&arguments.patch)?;
        let from = match (pack.folder.exists(example_path(assertion, &arguments.from)), &arguments.recording)
        {
            (true, recording) => {
                if recording.is_some() {
                    output.note(&format!(
                        "note: `{}` is there, so the recording is not needed",
                        arguments.from
                    ));
                }
                let from = read_example(&pack.folder, assertion, &arguments.from)?;
                ensure!(!from.is_patch, "`{}` is a patch itself; start from a whole document", from.name);
                from
            }
            (false, Some(_)) => {
                let whole = whole(arguments, &pack, &arguments.from, &mut planned)?;
                examples.push(whole.clone());
                whole
            }
            (false, None) => bail!(
                "there is no example `{}` to patch; name a recording to write it from",
                excerpt(&arguments.from, 60)
            ),
        };
        let document = Patch::parse(&patch).and_then(|patch| patch.apply(from.document))?;
        check_document(&document).map_err(|reason| anyhow!("the patched example: {reason}"))?;
        planned.push((example_path(assertion, name), json!({ "from": arguments.from, "patch": patch })));
        examples.push(Example {
            assertion: assertion.clone(),
            name: name.clone(),
            expected: expected(name)?,
            parameters: parameters(&pack.folder, assertion, name)?,
            says: None,
            is_patch: true,
            document,
        });
    }
    if let Some(with) = &arguments.with {
        own_parameters(with, &pack, arguments, &mut examples, &mut planned)?;
    }
    write_if_kept(&pack, &judge, &examples, &planned, output)
}

fn write_if_kept(
    pack: &PackFolder,
    judge: &Judge,
    examples: &[Example],
    planned: &[Planned],
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    for (path, _) in planned {
        ensure!(!pack.folder.exists(path), "`{path}` is there already; nothing is overwritten");
    }
    let results: Vec<_> = examples.iter().map(|example| pack.judge(judge, example)).collect();
    let name: &str = pack.manifest.pack.name.as_ref();
    output.result(&examples_for_people(name, &results, output.style()));
    let status = ExitStatus::strongest(results.iter().map(crate::report::ExampleResult::status));
    if status != ExitStatus::Passed {
        output.note("error: nothing was written: an example must be judged as its name says");
        return Ok(status);
    }
    for (path, json) in planned {
        write_new(pack, path, json).with_context(|| format!("`{path}` can't be written"))?;
        output.line(&format!("wrote {path}"));
    }
    Ok(ExitStatus::Passed)
}

/// An example that is a document: the recording's, reduced.
fn whole(
    arguments: &NewExample,
    pack: &PackFolder,
    name: &str,
    planned: &mut Vec<Planned>,
) -> anyhow::Result<Example> {
    let assertion = &arguments.assertion;
    let recording = Shown::open(arguments.recording.as_deref().unwrap_or(Path::new("")))?;
    for section in &arguments.sections {
        ensure!(
            SECTIONS.contains(&section.as_str()),
            "there is no section `{}`; there are {}",
            excerpt(section, 60),
            SECTIONS.join(", ")
        );
    }
    let sections: Vec<&str> = if arguments.sections.is_empty() {
        pack.sections(assertion)
    } else {
        arguments.sections.iter().map(String::as_str).collect()
    };
    let document = reduced(recording.json(), &sections);
    planned.push((example_path(assertion, name), document.clone()));
    Ok(Example {
        assertion: assertion.clone(),
        name: name.to_owned(),
        expected: expected(name)?,
        parameters: parameters(&pack.folder, assertion, name)?,
        says: None,
        is_patch: false,
        document,
    })
}

/// Parameters of `--with`: for all examples where the assertion has none yet, else for the new one alone.
fn own_parameters(
    with: &str,
    pack: &PackFolder,
    arguments: &NewExample,
    examples: &mut [Example],
    planned: &mut Vec<Planned>,
) -> anyhow::Result<()> {
    let with: Value = serde_json::from_str(with).with_context(|| format!("`--with {with}` is not JSON"))?;
    ensure!(with.is_object(), "`--with {with}` is not a JSON object");
    let folder = format!("{EXAMPLES}/{}", arguments.assertion);
    let for_all = format!("{folder}/with.json");
    if !pack.folder.exists(&for_all) && !has_examples(pack, &folder) {
        for example in examples {
            example.parameters.clone_from(&with);
        }
        planned.push((for_all, with));
        return Ok(());
    }
    if let Some(example) = examples.last_mut().filter(|example| example.parameters != with) {
        planned.push((format!("{folder}/{}.with.json", example.name), with.clone()));
        example.parameters = with;
    }
    Ok(())
}

fn has_examples(pack: &PackFolder, folder: &str) -> bool {
    pack.folder.read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// The operations of every `--patch`, in one list.
fn patch(texts: &[String]) -> anyhow::Result<Value> {
    let mut operations = Vec::new();
    for text in texts {
        let read;
        let json = match text.strip_prefix('@') {
            Some(file) => {
                read = std::fs::read_to_string(file).with_context(|| format!("`{file}` can't be read"))?;
                &read
            }
            None => text,
        };
        match serde_json::from_str(json)
            .with_context(|| format!("`--patch {}` is not JSON", excerpt(text, 100)))?
        {
            Value::Array(more) => operations.extend(more),
            one => operations.push(one),
        }
    }
    Ok(Value::Array(operations))
}

fn expected(name: &str) -> anyhow::Result<Outcome> {
    promised(name).ok_or_else(|| {
        anyhow!(
            "an example can't be named `{}`; expected `pass`, `fail`, or one of them with a word after it, as in \
             `fail-signal`",
            excerpt(name, 60)
        )
    })
}

fn example_path(assertion: &str, name: &str) -> String {
    format!("{EXAMPLES}/{assertion}/{name}.json")
}

fn write_new(pack: &PackFolder, path: &str, json: &Value) -> anyhow::Result<()> {
    use std::io::Write as _;
    if let Some(folder) = Path::new(path).parent() {
        pack.folder.create_dir_all(folder)?;
    }
    let mut file = pack.folder.open_with(path, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(format!("{}\n", pretty(json)?).as_bytes())?;
    Ok(())
}

/// For people to read and to compare: `schema` and `from` come first, each on a line of its own.
fn pretty(json: &Value) -> anyhow::Result<String> {
    let first = ["schema", "from"];
    let Value::Object(members) = json else { return Ok(serde_json::to_string_pretty(json)?) };
    let rest: Map<_, _> = members
        .iter()
        .filter(|(name, _)| !first.contains(&name.as_str()))
        .map(|(name, member)| (name.clone(), member.clone()))
        .collect();
    let rest = serde_json::to_string_pretty(&rest)?;
    let heads: Vec<_> = first
        .iter()
        .filter_map(|name| members.get(*name).map(|member| format!("  \"{name}\": {member}")))
        .collect();
    let rest = rest.trim_start_matches('{').trim_start_matches('\n');
    Ok(match (heads.is_empty(), rest == "}") {
        (true, _) => format!("{{\n{rest}"),
        (false, true) => format!("{{\n{}\n}}", heads.join(",\n")),
        (false, false) => format!("{{\n{},\n{rest}", heads.join(",\n")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_stands_first() {
        let json = json!({ "patch": [1], "from": "pass" });
        assert_eq!(pretty(&json).unwrap(), "{\n  \"from\": \"pass\",\n  \"patch\": [\n    1\n  ]\n}");
        assert_eq!(pretty(&json!({ "schema": "x" })).unwrap(), "{\n  \"schema\": \"x\"\n}");
        for json in [json, json!({ "code": 0 }), json!({}), json!({ "schema": "s", "z": {}, "a": [] })] {
            assert_eq!(serde_json::from_str::<Value>(&pretty(&json).unwrap()).unwrap(), json);
        }
    }
}
