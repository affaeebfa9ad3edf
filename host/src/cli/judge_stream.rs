//! `wassert judge --stream`: a request a line in, an answer a line out, for corpora larger than memory.
//!
//! At most a window of lines is held at a time, so that neither a fast writer nor a slow verdict at the front fills
//! the memory. A line that can't be used is answered like any other; only the end of the input ends the stream.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError};

use anyhow::Context as _;

use super::arguments::Judge as Arguments;
use super::judges::judge_within;
use crate::run::{Stream, StreamAnswer};
use crate::value::ExitStatus;

/// A longer line is answered with an error.
const LINE_LIMIT_BYTES: usize = 4 << 20;

/// Lines held for each worker.
const LINES_PER_WORKER: u64 = 4;

/// Answers standard input on standard output.
pub(super) fn stream(arguments: &Arguments, root: &Path) -> anyhow::Result<ExitStatus> {
    let judge = judge_within(&arguments.limits, &arguments.workers, vec![root.to_owned()])?;
    let stream = Stream::new(judge, root).with_context(|| format!("`--root {}`", root.display()))?;
    let askers = arguments.workers.most();
    let window = Window::new(LINES_PER_WORKER * askers as u64, !arguments.unordered);
    let (give, take) = sync_channel(askers);
    let take = Mutex::new(take);
    std::thread::scope(|scope| {
        for _ in 0..askers {
            scope.spawn(|| answer(&take, &stream, &window));
        }
        let read = give_lines(&mut io::stdin().lock(), &window, |line| give.send(line).is_ok());
        drop(give);
        read
    })
    .context("standard input")?;
    window.written().context("standard output")?;
    Ok(ExitStatus::Passed)
}

/// A line with its number, from 1; none for one that is too long.
type Line = (u64, Option<Vec<u8>>);

fn answer(take: &Mutex<Receiver<Line>>, stream: &Stream, window: &Window) {
    loop {
        let next = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, line)) = next else { return };
        let answer = match line {
            Some(line) => stream.answer(number, &line),
            None => Stream::too_long(number, LINE_LIMIT_BYTES),
        };
        window.answered(number, &answer);
    }
}

/// Gives every line that is not empty, for as long as somebody reads the answers.
fn give_lines(
    input: &mut impl BufRead,
    window: &Window,
    mut give: impl FnMut(Line) -> bool,
) -> io::Result<()> {
    for number in 1.. {
        let Some(line) = read_line(input)? else { return Ok(()) };
        if line.as_ref().is_some_and(|line| line.trim_ascii().is_empty()) {
            window.skipped(number);
            continue;
        }
        if !window.wait_for(number) || !give((number, line)) {
            return Ok(());
        }
    }
    Ok(())
}

/// The next line without its end; `Some(None)` for one that is too long, which is passed over.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Option<Vec<u8>>>> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    let mut is_empty = true;
    loop {
        let chunk = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        if chunk.is_empty() {
            return Ok(match (is_empty, is_too_long) {
                (true, _) => None,
                (false, true) => Some(None),
                (false, false) => Some(Some(line)),
            });
        }
        is_empty = false;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        is_too_long |= line.len() + part.len() > LINE_LIMIT_BYTES;
        if is_too_long {
            line = Vec::new();
        } else {
            line.extend_from_slice(part);
        }
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some((!is_too_long).then_some(line)));
        }
    }
}

/// Which lines are held, and answers that wait for those before them.
struct Window {
    most: u64,
    is_ordered: bool,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Lines that are done with.
    done: u64,
    /// In order: answers to later lines, and none for a line without one.
    waiting: BTreeMap<u64, Option<String>>,
    failed: Option<io::Error>,
}

impl Window {
    fn new(most: u64, is_ordered: bool) -> Self {
        let state = State { done: 0, waiting: BTreeMap::new(), failed: None };
        Self { most, is_ordered, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until there is room for this line; false when nobody reads the answers any more.
    fn wait_for(&self, number: u64) -> bool {
        let mut state = self.lock();
        while state.failed.is_none() && number > state.done + self.most {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failed.is_none()
    }

    fn skipped(&self, number: u64) {
        self.done(number, None);
    }

    fn answered(&self, number: u64, answer: &StreamAnswer) {
        let line = serde_json::to_string(answer).unwrap_or_else(|error| {
            format!(r#"{{"line":{number},"outcome":"error","verdicts":[],"error":{{"code":"unwritable","message":"{error}"}}}}"#)
        });
        self.done(number, Some(line));
    }

    fn done(&self, number: u64, line: Option<String>) {
        let mut state = self.lock();
        if !self.is_ordered {
            state.done += 1;
            state.write(line);
        } else {
            state.waiting.insert(number, line);
            loop {
                let next = state.done + 1;
                let Some(line) = state.waiting.remove(&next) else { break };
                state.done = next;
                state.write(line);
            }
        }
        self.changed.notify_all();
    }

    /// Whether every answer could be written.
    fn written(&self) -> io::Result<()> {
        match self.lock().failed.take() {
            // A reader that has gone away is no error.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, line: Option<String>) {
        let Some(line) = line.filter(|_| self.failed.is_none()) else { return };
        let mut out = io::stdout().lock();
        self.failed = writeln!(out, "{line}").and_then(|()| out.flush()).err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whatever_their_length() {
        let long = "x".repeat(LINE_LIMIT_BYTES + 1);
        let text = format!("a\n{long}\n\nb");
        let mut input = io::BufReader::with_capacity(7, text.as_bytes());
        let mut read = || read_line(&mut input).unwrap();
        assert_eq!(read(), Some(Some(b"a".to_vec())));
        assert_eq!(read(), Some(None));
        assert_eq!(read(), Some(Some(Vec::new())));
        assert_eq!(read(), Some(Some(b"b".to_vec())));
        assert_eq!(read(), None);
    }

    #[test]
    fn a_window_holds_back_and_keeps_the_order() {
        let window = Window::new(2, true);
        assert!(window.wait_for(2));
        window.done(2, None);
        assert_eq!(window.lock().done, 0, "the first is not answered yet");
        window.done(1, None);
        assert_eq!(window.lock().done, 2);
        assert!(window.lock().waiting.is_empty());
        assert!(window.wait_for(4));
        window.lock().failed = Some(io::ErrorKind::BrokenPipe.into());
        assert!(!window.wait_for(5));
    }
}
