//! Judging happens in a child, so that a crash or a hang of the host is told with the case it happened at.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Set in the child.
const CHILD: &str = "WASSERT_FUZZ_CHILD";

/// Without a new case for so long, it hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// The last cases named when it dies: each thread has begun one of them.
const NAMED: usize = 8;

/// How far it is, is said after so many cases.
const SAID_EVERY: u64 = 1_000;

/// In the child: what to tell each case to.
pub fn is_child() -> Option<impl Fn(u64) + Sync> {
    std::env::var_os(CHILD)?;
    Some(|case: u64| {
        let _ = std::io::stderr().write_all(format!("case {case}\n").as_bytes());
    })
}

/// Runs this program again and listens to the cases it begins.
pub fn watch(arguments: &[String]) -> ExitCode {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(&arguments[1..])
        .env(CHILD, "1")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let mut begun: Vec<String> = Vec::new();
    let mut count = 0;
    loop {
        match told.recv_timeout(PATIENCE) {
            Ok(line) if line.starts_with("case ") => {
                if begun.len() == NAMED {
                    begun.remove(0);
                }
                begun.push(line);
                count += 1;
                if count % SAID_EVERY == 0 {
                    eprintln!("{count} cases begun");
                }
            }
            Ok(line) => eprintln!("{line}"),
            Err(RecvTimeoutError::Timeout) => {
                println!("MISTAKE: it hangs; begun last: {}", begun.join(", "));
                let _ = child.kill();
                break;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    ended(&mut child, &begun)
}

fn ended(child: &mut Child, begun: &[String]) -> ExitCode {
    let status = child.wait().unwrap();
    match status.code() {
        Some(0) => ExitCode::SUCCESS,
        Some(1) => ExitCode::FAILURE,
        _ => {
            println!("MISTAKE: it died ({status}); begun last: {}", begun.join(", "));
            ExitCode::FAILURE
        }
    }
}
