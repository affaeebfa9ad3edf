//! What agents write around the output of a tool (versions as in their profiles): exit codes, times, names of pieces and
//! of commands that still run. A tool's own output is never taken for it: what stands at the beginning is read up to the
//! line `Output:`, what stands at the end from the last lines.

use crate::document::ToolFacts;

/// codex: a head of known lines, ended by `Output:`.
pub(super) fn codex(output: &str) -> ToolFacts {
    let mut facts = ToolFacts::default();
    for line in output.lines() {
        let after = |beginning: &str| line.strip_prefix(beginning).map(str::to_owned);
        let time = |beginning: &str| Some(line.strip_prefix(beginning)?.strip_suffix(" seconds")?.to_owned());
        let code = after("Process exited with code ").or_else(|| after("Exit code: "));
        if let Some(code) = code {
            facts.exit = code.parse().ok();
        } else if let Some(chunk) = after("Chunk ID: ") {
            facts.chunk = Some(chunk);
        } else if let Some(seconds) = time("Wall time: ").or_else(|| time("Wall time ")) {
            facts.wall_time = Some(seconds);
        } else if let Some(session) = after("Process running with session ID ") {
            facts.session = Some(session);
        } else if !line.starts_with("Script ") && !line.starts_with("Original token count: ") {
            break;
        }
    }
    facts
}

/// gemini: known lines at the end, inside of a mark that says that the rest is not to be trusted.
pub(super) fn gemini(output: &str) -> ToolFacts {
    let mut facts = ToolFacts::default();
    for line in output.lines().rev().skip_while(|line| line.starts_with("</")) {
        if let Some(group) = line.strip_prefix("Process Group PGID: ") {
            facts.process_group = Some(group.to_owned());
        } else if let Some(code) = line.strip_prefix("Exit Code: ") {
            facts.exit = code.parse().ok();
        } else {
            break;
        }
    }
    facts
}

/// claude: a first line, when the command failed.
pub(super) fn claude(output: &str) -> ToolFacts {
    let code = output.lines().next().and_then(|line| line.strip_prefix("Exit code "));
    ToolFacts { exit: code.and_then(|code| code.parse().ok()), ..ToolFacts::default() }
}

/// pi: a last line, when the command failed.
pub(super) fn pi(output: &str) -> ToolFacts {
    let code = output.lines().last().and_then(|line| line.strip_prefix("Command exited with code "));
    ToolFacts { exit: code.and_then(|code| code.parse().ok()), ..ToolFacts::default() }
}

#[cfg(test)]
mod tests {
    use super::super::by_name;

    /// `exit chunk wall_time session process_group`, `-` for what is absent.
    fn told(agent: &str, output: &str) -> String {
        let facts = by_name(agent).unwrap().read_output(output);
        let exit = facts.exit.map(|code| code.to_string());
        [exit, facts.chunk, facts.wall_time, facts.session, facts.process_group]
            .map(|fact| fact.unwrap_or_else(|| "-".to_owned()))
            .join(" ")
    }

    #[test]
    fn what_stands_around_an_output_is_told_from_it() {
        let table = [
            (
                "codex",
                "Chunk ID: 07afaa\nWall time: 0.0000 seconds\nProcess exited with code 3\nOriginal token count: 9\nOutput:\nChunk ID: no\n",
                "3 07afaa 0.0000 - -",
            ),
            (
                "codex",
                "Chunk ID: a\nWall time: 1.0 seconds\nProcess running with session ID 92798\nOutput:\n",
                "- a 1.0 92798 -",
            ),
            ("codex", "Exit code: 0\nWall time: 0.2 seconds\nOutput:\nSuccess.\n", "0 - 0.2 - -"),
            ("codex", "Script completed\nWall time 0.2 seconds\nOutput:\n\nout", "- - 0.2 - -"),
            ("codex", "unsupported call: nothing", "- - - - -"),
            ("codex", "Output:\nExit code: 7\n", "- - - - -"),
            ("codex-code-mode", "Script failed\nWall time 0.2 seconds\nOutput:\n", "- - 0.2 - -"),
            ("example", "Exit code: 7\n", "- - - - -"),
            (
                "gemini",
                "<untrusted_context>\nOutput: Exit Code: 9\n\nExit Code: 3\nProcess Group PGID: 30506\n</untrusted_context>",
                "3 - - - 30506",
            ),
            ("gemini", "Output: out\nProcess Group PGID: 7", "- - - - 7"),
            ("gemini", "Exit Code: 3\nout", "- - - - -"),
            ("claude", "Exit code 3\nout", "3 - - - -"),
            ("claude", "out\nExit code 3", "- - - - -"),
            ("pi", "(no output)\n\nCommand exited with code 3", "3 - - - -"),
            ("pi", "Command exited with code 3\nout", "- - - - -"),
            ("opencode", "Command exited with code 3", "- - - - -"),
            ("codex", "", "- - - - -"),
        ];
        for (agent, output, expected) in table {
            assert_eq!(told(agent, output), expected, "{agent}: {output}");
        }
    }

    #[test]
    fn symbols_are_facts_as_well() {
        let output =
            "Chunk ID: \u{27e6}chunk#1\u{27e7}\nWall time: \u{27e6}duration\u{27e7} seconds\nOutput:\n";
        assert_eq!(told("codex", output), "- \u{27e6}chunk#1\u{27e7} \u{27e6}duration\u{27e7} - -");
    }
}
