//! What stand-ins wrote down of their calls, read from a folder that the agent may write, too: bounded, and what is
//! missing or too much is said, so that no call vanishes without a word.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use cap_std::fs::Dir;

use super::FOLDER;
use crate::agent::plain_file;
use crate::agent::root::Root;
use crate::document::Call;
use crate::scenario::Shim;
use crate::value::excerpt;

/// Calls that are kept, and names that are looked at for them.
const CALLS_LIMIT: usize = 1000;
const NAMES_LIMIT: usize = 200_000;

/// Bytes of each text of one call, and of its arguments together.
const TEXT_LIMIT_BYTES: u64 = 64 * 1024;
const ARGUMENTS_LIMIT_BYTES: u64 = 256 * 1024;

/// Bytes and arguments of all calls together.
const ALL_LIMIT_BYTES: u64 = 32 * 1024 * 1024;
const ALL_LIMIT_ARGUMENTS: usize = 200_000;

/// Reasons that are told one by one.
const REASONS_LIMIT: usize = 3;

/// Every call of `shims` in the order it was made, and why that is not all that was called, if it is not.
pub fn calls(root: &Root, shims: &[Shim]) -> (Vec<Call>, Option<String>) {
    let mut reader = Reader {
        shims,
        left_bytes: ALL_LIMIT_BYTES,
        left_arguments: ALL_LIMIT_ARGUMENTS,
        reasons: Vec::new(),
        more: 0,
    };
    let calls = match root.whole.open_dir(format!("{FOLDER}/calls")) {
        Ok(folder) => reader.all(&folder),
        Err(error) => {
            reader.note(format!("the folder of calls can't be read: {error}"));
            Vec::new()
        }
    };
    (calls, reader.told())
}

struct Reader<'a> {
    shims: &'a [Shim],
    left_bytes: u64,
    left_arguments: usize,
    reasons: Vec<String>,
    more: u64,
}

impl Reader<'_> {
    fn all(&mut self, folder: &Dir) -> Vec<Call> {
        let numbers = self.numbers(folder);
        let mut calls = Vec::new();
        let mut expected: u32 = 1;
        for number in numbers {
            if number != expected {
                self.note(format!("call {expected} is missing"));
            }
            expected = number.saturating_add(1);
            match folder.open_dir(number.to_string()) {
                Ok(call) => calls.push(self.call(number, &call)),
                Err(error) => self.note(format!("call {number} can't be read: {error}")),
            }
        }
        calls
    }

    /// The numbers of the first calls.
    fn numbers(&mut self, folder: &Dir) -> BTreeSet<u32> {
        let mut numbers = BTreeSet::new();
        let mut beyond = 0_u64;
        let entries = match folder.entries() {
            Ok(entries) => entries,
            Err(error) => {
                self.note(format!("the folder of calls can't be listed: {error}"));
                return numbers;
            }
        };
        for (index, entry) in entries.enumerate() {
            if index >= NAMES_LIMIT {
                self.note(format!("there are more than {NAMES_LIMIT} names in the folder of calls"));
                break;
            }
            let name = entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
            let number = name.as_ref().ok().and_then(|name| name.parse().ok());
            let is_plain = |number: &u32| name.as_ref().is_ok_and(|name| *name == number.to_string());
            match number.filter(is_plain).filter(|number| *number > 0) {
                Some(number) => {
                    numbers.insert(number);
                    beyond += u64::from(numbers.len() > CALLS_LIMIT && numbers.pop_last().is_some());
                }
                None => self.note(format!("`{}` is no call", excerpt(&name.unwrap_or_default(), 60))),
            }
        }
        if beyond > 0 {
            self.note(format!("there are {beyond} calls beyond the first {CALLS_LIMIT}"));
        }
        numbers
    }

    fn call(&mut self, number: u32, call: &Dir) -> Call {
        let mut text = |name: &str| self.text(number, call, name, TEXT_LIMIT_BYTES).map(|(text, _)| text);
        let (program, directory, stdin) = (text("program"), text("directory"), text("stdin"));
        let mut value = |name: &str| text(name).and_then(|text| text.trim().parse::<u32>().ok());
        let (turn, reply, exit) = (value("turn"), value("reply"), value("exit"));
        let program = program.unwrap_or_default();
        if !self.shims.iter().any(|shim| shim.name == program) {
            self.note(format!("call {number} is of no command that stands in"));
        }
        let set: Vec<String> = self.answer_sets(&program, reply);
        let set = set
            .into_iter()
            .enumerate()
            .map(|(index, name)| {
                let text = self.text(number, call, &format!("set-{index}"), TEXT_LIMIT_BYTES);
                (name, text.map(|(text, _)| text).unwrap_or_default())
            })
            .collect();
        Call {
            turn: turn.unwrap_or_default(),
            program,
            arguments: self.arguments(number, call),
            directory: directory.unwrap_or_default().trim_end_matches('\n').to_owned(),
            stdin,
            reply: reply.filter(|reply| *reply > 0),
            set,
            exit: exit.and_then(|exit| i32::try_from(exit).ok()),
        }
    }

    fn arguments(&mut self, number: u32, call: &Dir) -> Vec<String> {
        let Some((text, is_whole)) = self.text(number, call, "arguments", ARGUMENTS_LIMIT_BYTES) else {
            self.note(format!("call {number} does not tell its arguments"));
            return Vec::new();
        };
        let all = text.bytes().filter(|byte| *byte == 0).count();
        if !is_whole || all > self.left_arguments {
            self.note(format!("call {number} has more arguments than are kept"));
        }
        let kept = all.min(self.left_arguments);
        self.left_arguments -= kept;
        text.split_terminator('\0').take(kept).map(str::to_owned).collect()
    }

    /// The names of what a reply sets, in the order of the files that tell the values.
    fn answer_sets(&self, program: &str, reply: Option<u32>) -> Vec<String> {
        let shim = self.shims.iter().find(|shim| shim.name == program);
        let answer = shim.zip(reply).and_then(|(shim, reply)| match reply.checked_sub(1) {
            Some(position) => shim.replies.get(position as usize).map(|reply| &reply.answer),
            None => shim.otherwise.as_ref(),
        });
        answer.map(|answer| answer.set.keys().cloned().collect()).unwrap_or_default()
    }

    /// A text, and whether it is the whole; none where nothing was written.
    fn text(&mut self, number: u32, call: &Dir, name: &str, limit: u64) -> Option<(String, bool)> {
        let limit = limit.min(self.left_bytes);
        match plain_file::read(call, name.as_ref(), limit + 1) {
            Ok(mut bytes) => {
                let is_whole = bytes.len() as u64 <= limit;
                bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                self.left_bytes -= bytes.len() as u64;
                if self.left_bytes == 0 && !is_whole {
                    self.note(format!(
                        "call {number}: all calls together are beyond {ALL_LIMIT_BYTES} bytes"
                    ));
                }
                Some((String::from_utf8_lossy(&bytes).into_owned(), is_whole))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                self.note(format!("`{name}` of call {number} can't be read: {error}"));
                None
            }
        }
    }

    fn note(&mut self, reason: String) {
        if self.reasons.len() < REASONS_LIMIT {
            self.reasons.push(reason);
        } else {
            self.more += 1;
        }
    }

    fn told(mut self) -> Option<String> {
        if self.more > 0 {
            self.reasons.push(format!("and {} more", self.more));
        }
        (!self.reasons.is_empty()).then(|| self.reasons.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_of_all_calls_is_bounded() {
        let root = Root::create().unwrap();
        let shim = Shim { name: "tool".into(), ..Shim::default() };
        let one = ARGUMENTS_LIMIT_BYTES as usize;
        // Empty arguments cost the most memory, and long ones the most bytes.
        for number in 1..=200 {
            let call = root.path(FOLDER).join(format!("calls/{number}"));
            std::fs::create_dir_all(&call).unwrap();
            std::fs::write(call.join("program"), "tool").unwrap();
            std::fs::write(call.join("arguments"), vec![if number == 1 { 0 } else { b'a' }; one]).unwrap();
        }
        let (calls, unread) = calls(&root, &[shim]);
        assert_eq!(calls.len(), 200);
        assert_eq!(calls[0].arguments.len(), ALL_LIMIT_ARGUMENTS);
        let bytes: usize = calls.iter().flat_map(|call| &call.arguments).map(String::len).sum();
        assert!(bytes as u64 <= ALL_LIMIT_BYTES, "{bytes}");
        let unread = unread.unwrap();
        assert!(unread.starts_with("call 1 has more arguments than are kept; "), "{unread}");
        assert!(unread.ends_with(" more"), "{unread}");
    }
}
