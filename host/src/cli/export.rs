//! `wassert show --export`: a recording in one file.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;

use super::output::Output;
use crate::recording::{Opened, export as write_archive};
use crate::value::ExitStatus;

/// Writes a recording as an archive; under another name first, so that half of one is never taken for whole.
pub(super) fn export(opened: &Opened, to: &Path, output: &Output) -> anyhow::Result<ExitStatus> {
    let named = || format!("`{}`", to.display());
    let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut partial = tempfile::NamedTempFile::new_in(folder).with_context(named)?;
    write_archive(opened, &mut BufWriter::new(&mut partial)).with_context(named)?;
    partial.flush().with_context(named)?;
    let bytes = partial.as_file().metadata().with_context(named)?.len();
    partial.persist(to).with_context(named)?;
    output.line(&format!("{} ({} KiB)", to.display(), bytes.div_ceil(1024)));
    Ok(ExitStatus::Passed)
}
