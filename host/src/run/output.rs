//! What a turn's process wrote and used, as the document and the recording keep it.

use super::conduct;
use crate::agent::{Ended, OUTPUT_KEPT_BYTES};
use crate::document::{Document, LeftProcess, Stream, TEXT_INLINE_LIMIT_BYTES};
use crate::recording::{Texts, WriteError, Writer};

/// Output that was cut off may end in the middle of a secret, which would not be found any more.
pub(super) fn drop_begun_secrets(ended: &mut Ended, writer: &mut Writer) {
    for (kept, bytes) in [&mut ended.stdout, &mut ended.stderr] {
        if *bytes > kept.len() as u64 {
            kept.truncate(writer.secrets().before_begun(kept));
        }
    }
}

/// Keeps what a turn's processes used, and what was left behind.
pub(super) fn keep_processes(document: &mut Document, turn: u32, ended: &Ended) {
    document.timing.sampled.push(conduct::sampled(turn, ended));
    let processes = document.processes.get_or_insert_default();
    processes.extend(ended.left.iter().map(|stray| LeftProcess {
        turn,
        name: stray.name.clone(),
        command: stray.command.clone(),
        end: stray.end,
    }));
}

/// Keeps what a turn wrote: raw in `log/`, as blobs, and as text where it is short.
pub(super) fn keep_output(
    document: &mut Document,
    texts: &mut Texts,
    writer: &mut Writer,
    turn: u32,
    mut ended: Ended,
    settled: Option<String>,
) -> Result<(), WriteError> {
    let index = turn - 1;
    document.raw.insert(format!("stdout-{turn}"), writer.log(&format!("stdout-{turn}"), &ended.stdout.0)?);
    document.raw.insert(format!("stderr-{turn}"), writer.log(&format!("stderr-{turn}"), &ended.stderr.0)?);
    if let Some(settled) = settled {
        let left_out = ended.stdout.0.len().saturating_sub(settled.len()) as u64;
        ended.stdout = (settled.into_bytes(), ended.stdout.1.saturating_sub(left_out));
    }
    for (name, (kept, bytes), streams) in
        [("stdout", ended.stdout, &mut document.stdout), ("stderr", ended.stderr, &mut document.stderr)]
    {
        let text =
            (kept.len() <= TEXT_INLINE_LIMIT_BYTES).then(|| String::from_utf8(kept.clone()).ok()).flatten();
        let truncated = bytes > OUTPUT_KEPT_BYTES as u64;
        streams.push(Stream { turn, bytes, truncated, text, ..Stream::default() });
        texts.insert(format!("{name}/{index}"), kept.into());
    }
    Ok(())
}
