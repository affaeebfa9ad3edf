//! How much a module may use. Every limit has a key in `wassert.toml` (`[limits]`) and in `--limit KEY=VALUE`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Units of host work that every call of an import costs, besides one per byte moved or searched and what a query
/// visits.
pub(super) const WORK_UNITS_PER_CALL: u64 = 100;

/// What one judging may use. A part of a verdict's receipt: other limits, other receipt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A module's size. The largest seen in practice are Python's, with 18 MB.
    pub file_bytes: u64,
    /// What a module may look like, scanned before a compiler sees it.
    pub shape: Shape,
    /// Processor time of compiling one module; a JavaScript engine takes 8.
    pub compile_cpu_seconds: u64,
    /// Memory of the process that compiles.
    pub compile_memory_bytes: u64,
    /// What compiling may result in; a JavaScript engine makes 42 MB.
    pub compile_output_bytes: u64,
    /// Fuel for instantiating and for `describe`; language runtimes need some 10 million.
    pub setup_fuel: u64,
    /// Fuel for `check`: half a second to a second of work.
    pub check_fuel: u64,
    /// Units of host work: what fuel does not see, bounded like fuel. Two billion bytes are searched in a second or two.
    pub host_work: u64,
    /// A backstop where fuel and host work fail; reaching it says nothing about the evidence.
    pub wall_clock_ms: u64,
    /// All memories of a module together.
    pub memory_bytes: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// The stack of WebAssembly code. A property of the whole judge; at most 8 MiB.
    pub stack_bytes: usize,
    /// Findings kept; more are counted and dropped.
    pub findings: u32,
    /// Bytes of all findings kept together; more are counted and dropped.
    pub findings_bytes: usize,
    /// Places of one finding.
    pub places: usize,
    /// Bytes of a finding's message or expectation; the rest is cut off, marked.
    pub message_bytes: usize,
    /// Bytes of a finding's `extra`.
    pub extra_bytes: usize,
    /// How deep JSON from a module may be nested.
    pub json_depth: usize,
    /// Bytes of the log together; the rest is dropped, marked.
    pub log_bytes: usize,
    /// Bytes of one query's expression.
    pub expression_bytes: usize,
    /// Matches of one query.
    pub matches: usize,
    /// Bytes of one answer to a query.
    pub answer_bytes: usize,
    /// Bytes a module may hand over in one call, or in one line of its output.
    pub call_bytes: usize,
    /// Bytes of the granted sections that a WASI command gets on its standard input.
    pub input_bytes: usize,
    /// Open blobs at a time.
    pub handles: usize,
}

/// What a module may look like. The bounds lie above what real guests have (CPython: bodies of 427 KB, 781 nested
/// blocks, 13,500 functions, 38 modules, 109 instances; StarlingMonkey: 46,000 locals times loops), and below modules of
/// a few kilobytes built to compile long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// Bytes of one function's body.
    pub body_bytes: u64,
    /// Locals of one function.
    pub locals: u64,
    /// Blocks within blocks of one function.
    pub nesting: u64,
    /// Locals of one function times its loops: what a register allocator suffers from.
    pub locals_times_loops: u64,
    /// Functions of all modules together.
    pub functions: u64,
    /// Core modules within a component.
    pub modules: u64,
    /// Instances of core modules.
    pub instances: u64,
    /// Memories.
    pub memories: u64,
    /// Tables.
    pub tables: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 32 << 20,
            shape: Shape::default(),
            compile_cpu_seconds: 60,
            compile_memory_bytes: 2 << 30,
            compile_output_bytes: 256 << 20,
            setup_fuel: 1_000_000_000,
            check_fuel: 10_000_000_000,
            host_work: 2_000_000_000,
            wall_clock_ms: 30_000,
            memory_bytes: 256 << 20,
            table_elements: 100_000,
            stack_bytes: 1 << 20,
            findings: 1_000,
            findings_bytes: 8 << 20,
            places: 100,
            message_bytes: 4 << 10,
            extra_bytes: 64 << 10,
            json_depth: 32,
            log_bytes: 64 << 10,
            expression_bytes: 4 << 10,
            matches: 1 << 20,
            answer_bytes: 4 << 20,
            call_bytes: 4 << 20,
            input_bytes: 32 << 20,
            handles: 10_000,
        }
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            body_bytes: 512 << 10,
            locals: 50_000,
            nesting: 1_000,
            locals_times_loops: 100_000,
            functions: 30_000,
            modules: 64,
            instances: 128,
            memories: 8,
            tables: 16,
        }
    }
}

impl Limits {
    /// These limits with another value for one: `check_fuel=1_000`, `memory_bytes=64MiB`, `shape.functions=50_000`.
    ///
    /// # Errors
    /// What is wrong with it, for people: no such key, no such number.
    pub fn with(&self, setting: &str) -> Result<Self, String> {
        let (key, text) = setting.split_once('=').ok_or("expected KEY=VALUE, such as `check_fuel=1_000`")?;
        let number = number(text).ok_or_else(|| {
            format!("`{text}` is no number; `10_000`, `64KiB`, `64MiB` and `2GiB` are understood")
        })?;
        let mut limits = serde_json::to_value(self).map_err(|error| error.to_string())?;
        let pointer = format!("/{}", key.replace('.', "/"));
        match limits.pointer_mut(&pointer).filter(|_| !key.contains('/')) {
            Some(limit @ Value::Number(_)) => *limit = number.into(),
            _ => return Err(format!("there is no limit `{key}`; there are {}", Self::keys().join(", "))),
        }
        serde_json::from_value(limits).map_err(|error| format!("`{setting}`: {error}"))
    }

    /// The lower of these limits and those given by key, as a scenario does; keys that are none change nothing.
    #[must_use]
    pub fn lowered(&self, by: &BTreeMap<String, u64>) -> Self {
        let Ok(mut limits) = serde_json::to_value(self) else { return self.clone() };
        for (key, number) in by {
            if let Some(limit) =
                limits.get_mut(key).filter(|limit| limit.as_u64().is_some_and(|now| *number < now))
            {
                *limit = (*number).into();
            }
        }
        serde_json::from_value(limits).unwrap_or_else(|_| self.clone())
    }

    /// Every key that [`Limits::with`] knows.
    pub fn keys() -> Vec<String> {
        let limits = serde_json::to_value(Self::default()).unwrap_or_default();
        let mut keys = Vec::new();
        for (key, value) in limits.as_object().into_iter().flatten() {
            match value {
                Value::Object(below) => keys.extend(below.keys().map(|name| format!("{key}.{name}"))),
                _ => keys.push(key.clone()),
            }
        }
        keys
    }
}

fn number(text: &str) -> Option<u64> {
    let (digits, unit) = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
        .into_iter()
        .find_map(|(suffix, shift)| Some((text.strip_suffix(suffix)?, 1_u64 << shift)))
        .unwrap_or((text, 1));
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    let digits = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit());
    plain.parse::<u64>().ok().filter(|_| digits)?.checked_mul(unit)
}

/// A number of bytes for people: `256 MiB` where it is a whole one.
pub(super) fn size(bytes: u64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if bytes >= 1 << shift && bytes.trailing_zeros() >= shift {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    format!("{} bytes", grouped(bytes))
}

/// A number with its thousands apart: `10,000,000,000`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_limit_is_set_by_its_key() {
        let limits = Limits::default();
        assert_eq!(limits.with("check_fuel=1_000").unwrap().check_fuel, 1_000);
        assert_eq!(limits.with("memory_bytes=64MiB").unwrap().memory_bytes, 64 << 20);
        assert_eq!(limits.with("shape.functions=7").unwrap().shape.functions, 7);
        for (setting, named) in [
            ("check_fuel", "KEY=VALUE"),
            ("check_fuel=lots", "`lots` is no number"),
            ("check_fuel=-1", "`-1` is no number"),
            ("check_fuel=_", "`_` is no number"),
            ("check_fule=1", "there is no limit `check_fule`; there are "),
            ("shape=1", "there is no limit `shape`"),
            ("shape/functions=1", "there is no limit"),
            ("findings=5_000_000_000", "findings=5_000_000_000"),
            ("host_work=99999999999GiB", "is no number"),
        ] {
            let error = limits.with(setting).unwrap_err();
            assert!(error.contains(named), "{setting}: {error}");
        }
        for key in Limits::keys() {
            assert!(limits.with(&format!("{key}=3")).is_ok_and(|changed| changed != limits), "{key}");
        }
    }

    #[test]
    fn a_scenario_only_lowers_limits() {
        let by = |key: &str, number| Limits::default().lowered(&BTreeMap::from([(key.to_owned(), number)]));
        assert_eq!(by("check_fuel", 5).check_fuel, 5);
        assert_eq!(by("check_fuel", u64::MAX), Limits::default());
        assert_eq!(by("nothing", 5), Limits::default());
        for key in crate::scenario::LIMITS {
            assert_ne!(by(key, 1), Limits::default(), "{key}");
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(size(256 << 20), "256 MiB");
        assert_eq!(size((1 << 20) + 1), "1,048,577 bytes");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(grouped(10_000_000_000), "10,000,000,000");
        assert_eq!(grouped(7), "7");
    }
}
