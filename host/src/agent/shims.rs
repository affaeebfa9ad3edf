//! Commands that stand in for real ones: written as POSIX shell scripts, so that they run wherever the agent does, and
//! found first on PATH. Each call leaves a folder with its arguments, its standard input and what was answered.
//!
//! What a scenario says is data to the script and never code: every text is quoted.

use std::fmt::Write as _;
use std::io::Read as _;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};

use super::root::Root;
use crate::document::Call;
use crate::scenario::{Shim, ShimAnswer};

/// The folder beside home and workspace.
pub(super) const FOLDER: &str = "shims";

/// Calls that are kept, and bytes of each text of one.
const CALLS_LIMIT: usize = 1000;
const TEXT_LIMIT_BYTES: u64 = 64 * 1024;

/// Where the agent finds them; for PATH.
pub fn bin(root: &Root) -> String {
    format!("{}/bin", root.seen(FOLDER))
}

/// Writes the scripts. Nothing is made where there are none.
///
/// # Errors
/// When they can't be written.
pub fn lay(root: &Root, shims: &[Shim]) -> std::io::Result<()> {
    if shims.is_empty() {
        return Ok(());
    }
    root.whole.create_dir_all(format!("{FOLDER}/bin"))?;
    root.whole.create_dir_all(format!("{FOLDER}/calls"))?;
    let bin = root.whole.open_dir(format!("{FOLDER}/bin"))?;
    for shim in shims {
        root.whole.create_dir_all(format!("{FOLDER}/state/{}", shim.name))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o755);
        let mut file = bin.open_with(&shim.name, &options)?;
        std::io::Write::write_all(
            &mut file,
            script(shim, &root.seen(FOLDER), &root.seen("workspace")).as_bytes(),
        )?;
    }
    Ok(())
}

/// Says which turn calls belong to from now on.
pub fn begin_turn(root: &Root, turn: u32) {
    // Without it a call has no turn; that is told as 0.
    if root.whole.is_dir(FOLDER) {
        let _ = root.whole.write(format!("{FOLDER}/turn"), turn.to_string());
    }
}

/// Every call of `shims` in the order it was made.
pub fn calls(root: &Root, shims: &[Shim]) -> Vec<Call> {
    let Ok(folder) = root.whole.open_dir(format!("{FOLDER}/calls")) else { return Vec::new() };
    (1..=CALLS_LIMIT)
        .map_while(|number| folder.open_dir(number.to_string()).ok())
        .map(|call| read(&call, shims))
        .collect()
}

fn read(call: &Dir, shims: &[Shim]) -> Call {
    let text = |name: &str| {
        let mut bytes = Vec::new();
        if let Ok(file) = call.open(name) {
            let _ = file.take(TEXT_LIMIT_BYTES).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let number = |name: &str| text(name).trim().parse::<u32>().ok();
    let (arguments, program, reply) = (text("arguments"), text("program"), number("reply"));
    let set = shims.iter().find(|shim| shim.name == program).zip(reply).and_then(|(shim, reply)| {
        let replied = reply.checked_sub(1).map(|position| shim.replies.get(position as usize));
        let answer = match replied {
            Some(reply) => &reply?.answer,
            None => shim.otherwise.as_ref()?,
        };
        Some(
            answer
                .set
                .keys()
                .enumerate()
                .map(|(index, name)| (name.clone(), text(&format!("set-{index}"))))
                .collect(),
        )
    });
    Call {
        turn: number("turn").unwrap_or_default(),
        program,
        arguments: arguments.split_terminator('\0').map(str::to_owned).collect(),
        directory: text("directory").trim_end_matches('\n').to_owned(),
        stdin: call.exists("stdin").then(|| text("stdin")),
        reply: reply.filter(|reply| *reply > 0),
        set: set.unwrap_or_default(),
        exit: number("exit").map(|exit| exit as i32),
    }
}

/// A text as one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn script(shim: &Shim, folder: &str, workspace: &str) -> String {
    let mut script = format!(
        "#!/bin/sh\n# Stands in for {name}.\nshims={folder}\nworkspace={workspace}\nstate=$shims/state/{name}\n\
         n=1\nuntil mkdir \"$shims/calls/$n\" 2>/dev/null; do n=$((n + 1)); [ $n -gt 100000 ] && exit 70; done\n\
         call=$shims/calls/$n\n\
         cat \"$shims/turn\" > \"$call/turn\" 2>/dev/null\nprintf %s {quoted_name} > \"$call/program\"\n\
         : > \"$call/arguments\"\nfor argument do printf '%s\\0' \"$argument\" >> \"$call/arguments\"; done\n\
         here=$(pwd)\ncase $here in \"$workspace\") here=.;; \"$workspace\"/*) here=${{here#\"$workspace\"/}};; esac\n\
         printf '%s\\n' \"$here\" > \"$call/directory\"\n",
        name = shim.name,
        folder = quoted(folder),
        workspace = quoted(workspace),
        quoted_name = quoted(&shim.name),
    );
    if shim.reads_stdin {
        // A terminal or a device has nothing to say that belongs to the call.
        script.push_str("if [ -p /dev/stdin ] || [ -f /dev/stdin ]; then cat > \"$call/stdin\"; fi\n");
    }
    script.push_str("all=\"$*\"\n");
    for (number, reply) in (1..).zip(&shim.replies) {
        let mut tests = Vec::new();
        let case = |pattern: String| format!("case $all in {pattern}) true;; *) false;; esac");
        tests.extend(reply.exact.as_ref().map(|text| case(quoted(text))));
        tests.extend(reply.prefix.as_ref().map(|text| case(format!("{}*", quoted(text)))));
        tests.extend(reply.contains.iter().map(|text| case(format!("*{}*", quoted(text)))));
        tests.extend(
            reply
                .regex
                .as_ref()
                .map(|regex| format!("printf '%s\\n' \"$all\" | grep -Eq -e {} 2>/dev/null", quoted(regex))),
        );
        tests.extend(reply.when.iter().map(|(name, value)| {
            format!("[ \"$(cat \"$state/\"{} 2>/dev/null)\" = {} ]", quoted(name), quoted(value))
        }));
        let _ = writeln!(script, "if {}; then", tests.join(" && "));
        answer(&mut script, number, &reply.answer);
        script.push_str("fi\n");
    }
    match &shim.otherwise {
        Some(otherwise) => answer(&mut script, 0, otherwise),
        None => {
            let _ = write!(
                script,
                "printf '%s\\n' {}\": no reply fits: $all\" >&2\nprintf 0 > \"$call/reply\"\nprintf 1 > \"$call/exit\"\nexit 1\n",
                quoted(&shim.name)
            );
        }
    }
    script
}

fn answer(script: &mut String, number: u32, answer: &ShimAnswer) {
    let _ = writeln!(
        script,
        "count=$(cat \"$state/.count-{number}\" 2>/dev/null || echo 0); count=$((count + 1)); \
         printf %s $count > \"$state/.count-{number}\""
    );
    for (text, to) in [(&answer.stdout, ""), (&answer.stderr, " >&2")] {
        for part in parts(text) {
            let _ = writeln!(script, "{part}{to}");
        }
    }
    for (index, (name, value)) in answer.set.iter().enumerate() {
        // All values are worked out before the first is set.
        let _ = writeln!(script, "{{ :; {}; }} > \"$call/set-{index}\"", parts(value).join("; "));
        let _ = writeln!(script, "set_{index}={}", quoted(name));
    }
    for index in 0..answer.set.len() {
        // What was set stays with the call, and the state changes in one step.
        let _ = writeln!(
            script,
            "cat \"$call/set-{index}\" > \"$call/state\" && mv \"$call/state\" \"$state/$set_{index}\""
        );
    }
    let _ = write!(
        script,
        "printf {number} > \"$call/reply\"\nprintf {exit} > \"$call/exit\"\nexit {exit}\n",
        exit = answer.exit
    );
}

/// The commands that print a text with its `{{…}}` filled in.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        if !before.is_empty() {
            parts.push(format!("printf %s {}", quoted(before)));
        }
        parts.push(match (name, name.strip_prefix("argument:").and_then(|n| n.parse::<u8>().ok())) {
            (_, Some(number)) => format!("printf %s \"${{{number}-}}\""),
            ("count", _) => "printf %s \"$count\"".to_owned(),
            ("stdin", _) => "{ cat \"$call/stdin\" 2>/dev/null || true; }".to_owned(),
            (name, _) => format!("{{ cat \"$state/\"{} 2>/dev/null || true; }}", quoted(name)),
        });
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(format!("printf %s {}", quoted(rest)));
    }
    parts
}
