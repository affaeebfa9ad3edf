//! What a module sees of WASI, in either preview: nothing of the machine.
//!
//! The clock starts at the same moment in every judging and advances with every look at it; randomness is a function of
//! the granted evidence and the assertion's name; there are no files, sockets, directories or variables. Standard output
//! is findings (a command's) or log; standard error is log.

use crate::query::Budget;
use crate::sandbox::door::bindings::wassert::pack::report;
use crate::sandbox::door::finding;
use crate::sandbox::imports::State;
use crate::sandbox::limits::{Limits, WORK_UNITS_PER_CALL, size};
use crate::sandbox::stop::{Phase, Stop};
use crate::value::{Digest, excerpt, to_canonical_string};

/// 2000-01-01T00:00:00Z, in seconds since 1970.
const EPOCH_SECONDS: u64 = 946_684_800;

/// How much later it is each time the clock is looked at.
const STEP_NS: u64 = 1_000_000;

/// Characters kept of the last line on standard error.
const LAST_WORDS_LIMIT: usize = 300;

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Errors,
}

/// One instance's WASI.
pub(in crate::sandbox) struct Wasi {
    is_command: bool,
    arguments: Vec<String>,
    assertion: String,
    input: Vec<u8>,
    input_position: usize,
    elapsed_ns: u64,
    random_blocks: u64,
    output: Vec<u8>,
    errors: Vec<u8>,
    lines: u64,
    last_words: String,
    /// Work done for it before `check`, where no judging pays.
    setup_work: Budget,
    setup_work_limit: u64,
}

impl Wasi {
    pub fn new(limits: &Limits) -> Self {
        Self {
            is_command: false,
            arguments: Vec::new(),
            assertion: String::new(),
            input: Vec::new(),
            input_position: 0,
            elapsed_ns: 0,
            random_blocks: 0,
            output: Vec::new(),
            errors: Vec::new(),
            lines: 0,
            last_words: String::new(),
            setup_work: Budget::new(limits.host_work),
            setup_work_limit: limits.host_work,
        }
    }

    /// Randomness is this assertion's from now on.
    pub fn begin(&mut self, assertion: &str) {
        assertion.clone_into(&mut self.assertion);
        self.random_blocks = 0;
    }
}

impl State {
    /// One call of WASI, and so many bytes moved.
    pub(super) fn wasi_call(&mut self, name: &'static str, bytes: usize) -> Result<(), Stop> {
        if self.phase == Phase::Check {
            return self.call(name, "")?.charge(bytes as u64);
        }
        self.wasi.setup_work.charge(WORK_UNITS_PER_CALL + bytes as u64).map_err(|_| {
            let most = crate::sandbox::limits::grouped(self.wasi.setup_work_limit);
            let message = format!(
                "asked the host for more than {most} units of work before `check` (limits.host_work)"
            );
            Stop::guest("host-work", message)
        })
    }

    /// The granted sections on standard input; name and parameters as arguments.
    pub(super) fn begin_command(&mut self, name: &str, parameters: &str) -> Result<(), Stop> {
        let Some(case) = &self.case else { return Err(Stop::host("host", "no judging is going on")) };
        let input = case.evidence.shown(&case.granted).canonical();
        let most = case.limits.input_bytes;
        if input.len() > most {
            let (bytes, most) = (size(input.len() as u64), size(most as u64));
            let message = format!(
                "the granted sections are {bytes} of JSON; a command gets at most {most} (limits.input_bytes). \
                 Grant it less, or use a door that asks for what it needs"
            );
            return Err(Stop::guest("too-large", message));
        }
        self.charge(input.len() as u64)?;
        self.wasi.is_command = true;
        self.wasi.input = input.into_bytes();
        self.wasi.arguments = vec!["assertion".to_owned(), name.to_owned(), parameters.to_owned()];
        Ok(())
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.wasi.arguments
    }

    /// At most so many bytes of standard input; none at its end.
    pub(super) fn read_input(&mut self, most_bytes: usize) -> Result<Vec<u8>, Stop> {
        let start = self.wasi.input_position;
        let end = start.saturating_add(most_bytes.min(self.call_bytes)).min(self.wasi.input.len());
        self.wasi_call("read of standard input", end - start)?;
        self.wasi.input_position = end;
        if end > start
            && let Some(case) = &mut self.case
        {
            case.reads += 1;
        }
        Ok(self.wasi.input[start..end].to_vec())
    }

    /// Takes what a module writes, line by line.
    pub(super) fn write_output(&mut self, stream: Stream, bytes: &[u8]) -> wasmtime::Result<()> {
        self.wasi_call("write of output", bytes.len())?;
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.append(stream, part)?;
            self.end_line(stream)?;
        }
        Ok(self.append(stream, last)?)
    }

    /// The last lines may have no end.
    pub(super) fn end_output(&mut self) -> wasmtime::Result<()> {
        for stream in [Stream::Errors, Stream::Output] {
            self.end_line(stream)?;
        }
        Ok(())
    }

    /// The last line on standard error.
    pub(super) fn last_words(&self) -> &str {
        &self.wasi.last_words
    }

    fn append(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Stop> {
        let most = self.call_bytes;
        let line = match stream {
            Stream::Output => &mut self.wasi.output,
            Stream::Errors => &mut self.wasi.errors,
        };
        if line.len() + bytes.len() > most {
            let message = format!("wrote a line of more than {} (limits.call_bytes)", size(most as u64));
            return Err(Stop::guest("output", message));
        }
        line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, stream: Stream) -> wasmtime::Result<()> {
        let line = std::mem::take(match stream {
            Stream::Output => &mut self.wasi.output,
            Stream::Errors => &mut self.wasi.errors,
        });
        if stream == Stream::Output && self.wasi.is_command {
            self.wasi.lines += 1;
            if line.trim_ascii().is_empty() {
                return Ok(());
            }
            let what = format!("line {} of its output, which should be a finding as JSON,", self.wasi.lines);
            let finding = finding::read(&line, &what, self.json_depth)?;
            return report::Host::emit(self, finding);
        }
        if line.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        if stream == Stream::Errors {
            self.wasi.last_words = excerpt(&text, LAST_WORDS_LIMIT);
        }
        if self.phase == Phase::Check { report::Host::log(self, report::Level::Info, text) } else { Ok(()) }
    }

    /// Nanoseconds since the instance began, later at each look.
    pub(super) fn monotonic_ns(&mut self) -> Result<u64, Stop> {
        self.wasi_call("clock", 0)?;
        self.wasi.elapsed_ns = self.wasi.elapsed_ns.saturating_add(STEP_NS);
        Ok(self.wasi.elapsed_ns)
    }

    /// Seconds since 1970, and nanoseconds of the second.
    pub(super) fn wall_clock(&mut self) -> Result<(u64, u32), Stop> {
        let elapsed = self.monotonic_ns()?;
        let nanoseconds = u32::try_from(elapsed % 1_000_000_000).unwrap_or_default();
        Ok((EPOCH_SECONDS + elapsed / 1_000_000_000, nanoseconds))
    }

    /// Waiting takes no time: the clock is set forward.
    pub(super) fn wait_ns(&mut self, duration_ns: u64) -> Result<(), Stop> {
        self.wasi_call("clock", 0)?;
        self.wasi.elapsed_ns = self.wasi.elapsed_ns.saturating_add(duration_ns);
        Ok(())
    }

    /// Bytes that look random and are the same in every judging of the same evidence by the same assertion.
    pub(super) fn random(&mut self, bytes: u64) -> Result<Vec<u8>, Stop> {
        let count = usize::try_from(bytes).unwrap_or(usize::MAX);
        if count > self.call_bytes {
            let most = size(self.call_bytes as u64);
            let message = format!("asked for more than {most} of randomness at once (limits.call_bytes)");
            return Err(Stop::guest("output", message));
        }
        self.wasi_call("random", count)?;
        let evidence = self.case.as_ref().filter(|_| self.phase == Phase::Check);
        let evidence = evidence.and_then(|case| to_canonical_string(&case.granted.digests).ok());
        let seed = format!("{} {}", evidence.unwrap_or_default(), self.wasi.assertion);
        let mut random = Vec::with_capacity(count + 32);
        while random.len() < count {
            random.extend_from_slice(Digest::of(format!("{seed} {}", self.wasi.random_blocks)).as_bytes());
            self.wasi.random_blocks += 1;
        }
        random.truncate(count);
        Ok(random)
    }

    pub(super) fn random_u64(&mut self) -> Result<u64, Stop> {
        let bytes = self.random(8)?;
        Ok(bytes.try_into().map_or(0, u64::from_le_bytes))
    }
}
