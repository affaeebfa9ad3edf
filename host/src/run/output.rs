//! What a turn's process wrote and used, as the document and the recording keep it.

use super::conduct;
use crate::agent::{Ended, OUTPUT_KEPT_BYTES};
use crate::document::{Document, LeftProcess, Stream, TEXT_INLINE_LIMIT_BYTES};
use crate::profile::Profile;
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

/// Keeps what a turn wrote: raw in `log/`, as blobs, and as text where it is short. `settled`: standard output without
/// what is a race.
pub(super) fn keep_output(
    document: &mut Document,
    texts: &mut Texts,
    writer: &mut Writer,
    profile: &dyn Profile,
    turn: u32,
    ended: Ended,
    settled: Option<String>,
) -> Result<(), WriteError> {
    let index = turn - 1;
    let settled_err = settled_stderr(profile, &ended.stderr.0);
    for (name, (kept, bytes), settled, streams) in [
        ("stdout", ended.stdout, settled.map(String::into_bytes), &mut document.stdout),
        ("stderr", ended.stderr, settled_err, &mut document.stderr),
    ] {
        let log = format!("{name}-{turn}");
        document.raw.insert(log.clone(), writer.log(&log, &kept)?);
        let truncated = bytes > OUTPUT_KEPT_BYTES as u64;
        let left_out = settled.as_ref().map_or(0, |settled| kept.len().saturating_sub(settled.len()));
        let (kept, bytes) = (settled.unwrap_or(kept), bytes.saturating_sub(left_out as u64));
        let text =
            (kept.len() <= TEXT_INLINE_LIMIT_BYTES).then(|| String::from_utf8(kept.clone()).ok()).flatten();
        streams.push(Stream { turn, bytes, truncated, text, ..Stream::default() });
        texts.insert(format!("{name}/{index}"), kept.into());
    }
    Ok(())
}

/// Standard error without the lines that are a race; none when there is no such line.
fn settled_stderr(profile: &dyn Profile, kept: &[u8]) -> Option<Vec<u8>> {
    let is_racy = |line: &&[u8]| profile.is_racy_on_stderr(&String::from_utf8_lossy(line));
    let lines = || kept.split_inclusive(|byte| *byte == b'\n');
    lines()
        .any(|line| is_racy(&line))
        .then(|| lines().filter(|line| !is_racy(line)).flatten().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::by_name;

    #[test]
    fn lines_of_standard_error_that_are_a_race_are_left_out() {
        let gemini = by_name("gemini").unwrap();
        let settled = settled_stderr(gemini, b"a\n[STARTUP] Phase 'x'\nb [STARTUP] \xff").unwrap();
        assert_eq!(settled, b"a\nb [STARTUP] \xff");
        assert_eq!(settled_stderr(gemini, b"a\n"), None);
        assert_eq!(settled_stderr(by_name("pi").unwrap(), b"[STARTUP] x"), None);
    }
}
