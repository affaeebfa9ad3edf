//! Has a module compiled in a forge, and says in a sentence why that ended early.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Made, Order};
use crate::sandbox::code::Code;
use crate::sandbox::judge::BackEnd;
use crate::sandbox::limits::Limits;
use crate::sandbox::start::{Child, ChildStdin, ExitStatus, Stdio, start};
use crate::sandbox::stop::Stop;
use crate::value::{Unjudged, excerpt};

/// What a forge says when it dies; more is not read.
const ERRORS_LIMIT_BYTES: u64 = 64 << 10;

/// The line before the code: a refusal quotes a piece of a module at most.
const LINE_LIMIT_BYTES: u64 = 1 << 20;

/// A machine may be busy: real time is allowed to be so many times processor time, and so much more.
const PATIENCE: u64 = 4;
const PATIENCE_SECONDS: u64 = 30;

/// Threads that compile, as in the environment below.
const THREADS: u32 = 4;

/// So many threads, however large the machine: each takes address space, which is bounded.
const ENVIRONMENT: [(&str, &str); 2] = [("RAYON_NUM_THREADS", "4"), ("MALLOC_ARENA_MAX", "2")];

/// Compiles a module in a process of its own.
///
/// # Errors
/// Why the module was refused, or which limit ended the forge.
pub(in crate::sandbox) fn compile_apart(
    program: &Path,
    back_end: BackEnd,
    module: &[u8],
    limits: &Limits,
) -> Result<Code, Unjudged> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Stop::host("compile", format!("compiling could not {what}: {error}")).0
    };
    let mut child = start(program, "forge", &ENVIRONMENT, Stdio::piped(), Stdio::piped(), Stdio::piped())
        .map_err(|error| failed("be started", &error))?;
    let order = Order { is_interpreter: back_end == BackEnd::Interpreter, limits: limits.clone() };
    let order = serde_json::to_string(&order).map_err(|error| failed("be ordered", &error))?;
    let (Some(input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed("be reached", &"a pipe is missing"));
    };
    let time = Duration::from_secs(
        limits.compile_cpu_seconds.saturating_mul(PATIENCE).saturating_add(PATIENCE_SECONDS),
    );
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| told(input, &order, module));
        let said = scope.spawn(|| {
            let mut said = String::new();
            let _ = errors.take(ERRORS_LIMIT_BYTES).read_to_string(&mut said);
            said
        });
        let (done, is_done) = channel();
        let read = scope.spawn(move || {
            let read = made(output, limits.compile_output_bytes);
            let _ = done.send(());
            read
        });
        let is_late = is_done.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
        // Whatever it still does, it has said what it had to say, or too much, or nothing in time.
        let status = ended(&mut child, is_late);
        let read = read.join().unwrap_or_else(|_| Err(io::Error::other("its reader panicked")));
        let said = said.join().unwrap_or_default();
        match read {
            Ok(made) => made,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let most = limits.compile_output_bytes >> 20;
                let message = format!(
                    "compiling stopped: the compiled code is larger than {most} MiB (limits.compile_output_bytes)"
                );
                Err(Stop::host("compile", message).0)
            }
            Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
                Err(Stop::host("compile", format!("the compiled code can't be kept: {error}")).0)
            }
            Err(error) => {
                Err(Stop::host("compile", reason(limits, (is_late, began.elapsed()), status, &said, &error))
                    .0)
            }
        }
    })
}

fn told(mut input: ChildStdin, order: &str, module: &[u8]) {
    // A forge that died reads no more; how it died says why.
    let _ = writeln!(input, "{order}").and_then(|()| input.write_all(module));
}

fn made(output: impl Read, most: u64) -> io::Result<Result<Code, Unjudged>> {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    output.by_ref().take(LINE_LIMIT_BYTES).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    match serde_json::from_str(&line)? {
        Made { refused: Some(unjudged) } => Ok(Err(unjudged)),
        Made { refused: None } => Code::read(&mut output, most, |chunk, _| chunk).map(Ok),
    }
}

/// Waits for a process that has closed its output, or ends it.
fn ended(child: &mut Child, is_late: bool) -> Option<ExitStatus> {
    if is_late {
        let _ = child.kill();
    }
    child.wait().ok()
}

fn reason(
    limits: &Limits,
    (is_late, used): (bool, Duration),
    status: Option<ExitStatus>,
    said: &str,
    error: &io::Error,
) -> String {
    let signal = status.and_then(|status| status.signal());
    if is_late {
        return "compiling stopped: it took too much real time".to_owned();
    }
    // Its threads and one more, all the time.
    let most_used = used.as_secs_f64() * (THREADS + 1) as f64;
    if signal == Some(Signal::KILL.as_raw()) && most_used < limits.compile_cpu_seconds as f64 {
        return "compiling stopped: the system ended the compiler, perhaps for want of memory".to_owned();
    }
    // At the soft limit SIGXCPU, at the hard one SIGKILL; both are set to the same second.
    if [Signal::XCPU, Signal::KILL].iter().any(|bound| signal == Some(bound.as_raw())) {
        let seconds = limits.compile_cpu_seconds;
        return format!(
            "compiling stopped after {seconds} s of processor time: this module is unusually expensive to compile \
             (limits.compile_cpu_seconds)"
        );
    }
    let no_memory = [
        "memory allocation of",
        "Cannot allocate memory",
        "os error 12",
        "code: 12",
        "os error 11",
        "code: 11",
    ];
    if no_memory.iter().any(|words| said.contains(words)) {
        let most = limits.compile_memory_bytes >> 20;
        return format!(
            "compiling stopped: it needed more than {most} MiB of memory (limits.compile_memory_bytes)"
        );
    }
    let how = match (signal, status.and_then(|status| status.code())) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => error.to_string(),
    };
    let said = said.lines().last().map(|line| format!(": {}", excerpt(line, 300))).unwrap_or_default();
    format!("the compiler ended unexpectedly ({how}){said}")
}
