//! `wassert pack`.

use std::path::Path;

use anyhow::Context as _;
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::arguments::{Pack, PackList, PackVerb, PackWrap};
use super::judges::new_judge;
use super::limits::LimitArguments;
use super::output::Output;
use crate::pack::{digest_sources, embedded, with_source_digest};
use crate::sandbox::{ModuleSource, wrap as wrap_core};
use crate::value::{ExitStatus, excerpt};

/// Works on a pack.
pub(super) fn pack(arguments: &Pack, output: &Output) -> anyhow::Result<ExitStatus> {
    match &arguments.verb {
        PackVerb::Wrap(verb) => wrap(verb, output),
        PackVerb::List(verb) => list(verb, output),
        PackVerb::Inspect(verb) => super::pack_inspect::inspect(verb, output),
        PackVerb::Test(verb) => super::pack_test::test(verb, output),
    }
}

fn wrap(arguments: &PackWrap, output: &Output) -> anyhow::Result<ExitStatus> {
    let core =
        std::fs::read(&arguments.module).with_context(|| format!("`{}`", arguments.module.display()))?;
    let here = Dir::open_ambient_dir(".", ambient_authority())?;
    let source = digest_sources(&here, &arguments.source)?;
    let component = with_source_digest(wrap_core(&core)?, source);
    // Whatever is built from the file need not be built again where its bytes stay.
    if !std::fs::read(&arguments.out).is_ok_and(|there| there == component) {
        std::fs::write(&arguments.out, &component)
            .with_context(|| format!("`{}`", arguments.out.display()))?;
    }
    output.line(&format!(
        "{} ({} KiB) from source {source}",
        arguments.out.display(),
        component.len() / 1024
    ));
    Ok(ExitStatus::Passed)
}

fn list(arguments: &PackList, output: &Output) -> anyhow::Result<ExitStatus> {
    let module = if embedded(&arguments.pack).is_some() {
        ModuleSource::Embedded(arguments.pack.clone())
    } else {
        anyhow::ensure!(
            Path::new(&arguments.pack).is_file(),
            "`{}` is neither an embedded pack nor a file",
            arguments.pack
        );
        ModuleSource::Path(arguments.pack.clone().into())
    };
    match new_judge(&LimitArguments::default())?.describe(&module) {
        Ok(descriptions) => {
            for description in descriptions {
                let name = output.style().strong(&excerpt(&description.name, 80));
                output.line(&format!("{name}  {}", excerpt(&description.summary, 200)));
            }
            Ok(ExitStatus::Passed)
        }
        Err(error) => {
            output.note(&format!("error: `{}`: {}", arguments.pack, excerpt(&error.message, 400)));
            Ok(ExitStatus::NotJudged)
        }
    }
}
