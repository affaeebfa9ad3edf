//! Long results through a pager, where a person is reading: $WASSERT_PAGER, else $PAGER, else `less`.
//!
//! Never when standard output is no terminal. A pager that can't be started is no error: the text is printed.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use super::output::Output;

/// A shell's exit codes for a command that it could not run (POSIX, XCU 2.8.2).
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// What shows a text.
#[derive(Debug, PartialEq, Eq)]
enum Pager {
    /// Nothing: it is printed.
    None,
    /// `less -FRX`, where there is one: it ends by itself when the text fits the screen.
    Less,
    /// A command line of the user's.
    Custom(OsString),
}

/// Shows results: through the pager where there is one and somebody looks, else as they are.
pub(super) fn show(text: &str, no_pager: bool, output: &Output) {
    let pager = choose(std::io::stdout().is_terminal() && !no_pager, &|name| std::env::var_os(name));
    if !paged(&pager, text).unwrap_or(false) {
        output.result(text);
    }
}

fn choose(wanted: bool, variable: &dyn Fn(&str) -> Option<OsString>) -> Pager {
    if !wanted {
        return Pager::None;
    }
    match variable("WASSERT_PAGER").or_else(|| variable("PAGER")) {
        None => Pager::Less,
        Some(command) if command.is_empty() || command == "cat" => Pager::None,
        Some(command) => Pager::Custom(command),
    }
}

/// Whether the text was handed to the pager.
fn paged(pager: &Pager, text: &str) -> std::io::Result<bool> {
    let mut command = match pager {
        Pager::None => return Ok(false),
        Pager::Less => Command::new("less"),
        Pager::Custom(line) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(line);
            shell
        }
    };
    if *pager == Pager::Less {
        command.arg("-FRX");
    } else if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    // Ctrl-C is the pager's: taking it as well would leave the terminal to a pager without a parent.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let _interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A pager that was closed early has seen enough.
        let _ = stdin.write_all(text.as_bytes());
    }
    let ended = child.wait()?.code();
    Ok(!matches!(ended, Some(NOT_EXECUTABLE | NOT_FOUND)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: bool, variables: &[(&str, &str)]) -> Pager {
        choose(wanted, &|name| variables.iter().find(|(one, _)| *one == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_users_pager_is_taken_in_order_and_only_where_somebody_looks() {
        assert_eq!(chosen(true, &[]), Pager::Less);
        assert_eq!(chosen(true, &[("PAGER", "more")]), Pager::Custom("more".into()));
        let both = [("PAGER", "more"), ("WASSERT_PAGER", "less -S")];
        assert_eq!(chosen(true, &both), Pager::Custom("less -S".into()));
        assert_eq!(chosen(true, &[("PAGER", "more"), ("WASSERT_PAGER", "")]), Pager::None);
        assert_eq!(chosen(true, &[("PAGER", "cat")]), Pager::None);
        assert_eq!(chosen(false, &both), Pager::None);
    }

    #[test]
    fn a_pager_that_is_not_there_leaves_the_text_to_be_printed() {
        assert!(!paged(&Pager::None, "text").unwrap());
        assert!(!paged(&Pager::Custom("/nowhere/no-pager 2>&-".into()), "text").unwrap());
        assert!(paged(&Pager::Custom("cat > /dev/null".into()), "text").unwrap());
        assert!(paged(&Pager::Custom("exit 0".into()), &"long ".repeat(100_000)).unwrap());
    }
}
