//! A stand-in as a POSIX shell script. What a scenario says is data to it and never code: every text is quoted.

use std::fmt::Write as _;

use crate::scenario::{Shim, ShimAnswer, ShimPart, shim_parts};

/// A text as one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The script of one stand-in; `folder` and `workspace` as the agent sees them. It finds its own tools on `tools_path`,
/// which no stand-in is on: one may be called `cat`.
pub(super) fn script(shim: &Shim, folder: &str, workspace: &str, tools_path: &str) -> String {
    let mut script = format!(
        "#!/bin/sh\n# Stands in for {name}.\nPATH={tools_path}\nshims={folder}\nworkspace={workspace}\nstate=$shims/state/{name}\n\
         n=1\nuntil mkdir \"$shims/calls/$n\" 2>/dev/null; do\n\
         [ -d \"$shims/calls/$n\" ] && [ $n -lt 100000 ] || {{ printf '%s\\n' {quoted_name}\": the call can't be written down\" >&2; exit 70; }}\n\
         n=$((n + 1))\ndone\n\
         call=$shims/calls/$n\nprintf %s {quoted_name} > \"$call/program\"\n\
         : > \"$call/arguments\"\nfor argument do printf '%s\\0' \"$argument\" >> \"$call/arguments\"; done\n\
         cat \"$shims/turn\" > \"$call/turn\" 2>/dev/null\n\
         here=$(pwd)\ncase $here in \"$workspace\") here=.;; \"$workspace\"/*) here=${{here#\"$workspace\"/}};; esac\n\
         printf '%s\\n' \"$here\" > \"$call/directory\"\n",
        name = shim.name,
        folder = quoted(folder),
        workspace = quoted(workspace),
        tools_path = quoted(tools_path),
        quoted_name = quoted(&shim.name),
    );
    if shim.reads_stdin {
        // A terminal or a device has nothing to say that belongs to the call; a socket may never be closed.
        let or_socket = if shim.reads_sockets { " || [ -S /dev/stdin ]" } else { "" };
        let _ = writeln!(
            script,
            "if [ -p /dev/stdin ] || [ -f /dev/stdin ]{or_socket}; then cat > \"$call/stdin\"; fi"
        );
    }
    script.push_str("all=\"$*\"\n");
    if shim.replies.iter().any(|reply| reply.regex.is_some()) {
        // What this system's grep refuses, or no grep at all, must not look like a call that does not match.
        let _ = write!(
            script,
            "matches() {{\n\
             printf '%s\\n' \"$all\" | grep -Eq -e \"$1\" 2>/dev/null\nfound=$?\n[ $found -lt 2 ] && return $found\n\
             printf '%s\\n' {name}\": grep -E refuses $1\" >&2\nprintf 70 > \"$call/exit\"\nexit 70\n}}\n",
            name = quoted(&shim.name)
        );
    }
    for (number, reply) in (1..).zip(&shim.replies) {
        let mut tests = Vec::new();
        let case = |pattern: String| format!("case $all in {pattern}) true;; *) false;; esac");
        tests.extend(reply.exact.as_ref().map(|text| case(quoted(text))));
        tests.extend(reply.prefix.as_ref().map(|text| case(format!("{}*", quoted(text)))));
        tests.extend(reply.contains.iter().map(|text| case(format!("*{}*", quoted(text)))));
        tests.extend(reply.regex.as_ref().map(|regex| format!("matches {}", quoted(regex))));
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
        let printed: String = parts(value).iter().map(|part| format!("{part}; ")).collect();
        let _ = writeln!(script, "{{ :; {printed}}} > \"$call/set-{index}\"");
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
    shim_parts(text)
        .into_iter()
        .map(|part| match part {
            ShimPart::Text(text) => format!("printf %s {}", quoted(text)),
            ShimPart::Argument(number) => format!("printf %s \"${{{number}-}}\""),
            ShimPart::Count => "printf %s \"$count\"".to_owned(),
            ShimPart::Stdin => "{ cat \"$call/stdin\" 2>/dev/null || true; }".to_owned(),
            ShimPart::Value(name) => format!("{{ cat \"$state/\"{} 2>/dev/null || true; }}", quoted(name)),
            // Such a scenario is not loaded.
            ShimPart::NoArgument(_) => "true".to_owned(),
        })
        .collect()
}
