//! `wassert pack inspect`: what a module is and what it would look at, before anybody trusts it.

use anyhow::Context as _;
use serde_json::json;

use super::arguments::{Format, PackInspect};
use super::judges::new_judge;
use super::output::Output;
use crate::report::Style;
use crate::sandbox::{Description, Inspection, ModuleSource, inspect as inspect_module};
use crate::value::{Digest, ExitStatus, Unjudged, escape_terminal, excerpt};

/// What is told of a module.
struct Told {
    path: String,
    bytes: usize,
    digest: Digest,
    inspection: Inspection,
    assertions: Result<Vec<Description>, Unjudged>,
}

/// Inspects a module. Its `describe` is run in the sandbox, nothing else of it.
pub(super) fn inspect(arguments: &PackInspect, output: &Output) -> anyhow::Result<ExitStatus> {
    let judge = new_judge(&arguments.limits)?;
    let path = arguments.module.display().to_string();
    let size = std::fs::metadata(&arguments.module).with_context(|| format!("`{path}`"))?;
    let most = judge.limits().file_bytes;
    anyhow::ensure!(size.is_file(), "`{path}` is not a file");
    anyhow::ensure!(size.len() <= most, "`{path}` is larger than {most} bytes (limits.file_bytes)");
    let bytes = std::fs::read(&arguments.module).with_context(|| format!("`{path}`"))?;
    let inspection = match inspect_module(&bytes) {
        Ok(inspection) => inspection,
        Err(error) => {
            output.note(&format!(
                "error: `{}`: {}",
                escape_terminal(&path),
                escape_terminal(&error.to_string())
            ));
            return Ok(ExitStatus::NotJudged);
        }
    };
    let told = Told {
        path,
        bytes: bytes.len(),
        digest: Digest::of(&bytes),
        inspection,
        assertions: judge.describe(&ModuleSource::Path(arguments.module.clone())),
    };
    match arguments.format {
        Format::Human => output.result(&for_people(&told, output.style())),
        Format::Json => output.line(&format!("{:#}", as_json(&told))),
    }
    Ok(if told.assertions.is_ok() { ExitStatus::Passed } else { ExitStatus::NotJudged })
}

fn as_json(told: &Told) -> serde_json::Value {
    let (assertions, error) = match &told.assertions {
        Ok(assertions) => (assertions.as_slice(), None),
        Err(error) => (&[][..], Some(error)),
    };
    json!({
        "module": told.path,
        "size_bytes": told.bytes,
        "digest": told.digest,
        "door": told.inspection.door.word(),
        "describes_itself": told.inspection.describes_itself,
        "imports": told.inspection.imports,
        "assertions": assertions.iter().map(|assertion| json!({
            "name": assertion.name,
            "summary": assertion.summary,
            "reads": assertion.reads,
            "has_parameters": !assertion.parameters_schema.is_empty(),
        })).collect::<Vec<_>>(),
        "error": error,
    })
}

fn for_people(told: &Told, style: Style) -> String {
    let mut text = format!(
        "{}\n  door     {}\n  size     {} bytes\n  digest   {}\n",
        style.strong(&escape_terminal(&told.path)),
        told.inspection.door.phrase(),
        told.bytes,
        told.digest
    );
    let mut list = |title: &str, items: &[String]| {
        for (position, item) in items.iter().enumerate() {
            let title = if position == 0 { title } else { "" };
            text.push_str(&format!("  {title:<8} {}\n", excerpt(item, 160)));
        }
        if items.is_empty() {
            text.push_str(&format!("  {title:<8} nothing\n"));
        }
    };
    list("imports", &told.inspection.imports);
    match &told.assertions {
        Ok(assertions) => {
            if !told.inspection.describes_itself {
                text.push_str("  It can't describe itself: it is one assertion, named after its file, unless a pack.toml says more.\n");
            }
            for assertion in assertions {
                let summary = excerpt(&assertion.summary, 160);
                let colon = if summary.is_empty() { "" } else { ": " };
                text.push_str(&format!(
                    "\n{}{colon}{summary}\n",
                    style.strong(&excerpt(&assertion.name, 128))
                ));
                text.push_str(&format!("  reads    {}\n", excerpt(&assertion.reads.join(", "), 400)));
            }
        }
        Err(error) => text.push_str(&format!("\nerror: {}\n", escape_terminal(&error.message))),
    }
    text
}
