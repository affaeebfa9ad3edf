//! `[limits]` of a scenario: what each of its assertions may use at most.
//!
//! They only lower what the project and the command line allow: how much of a machine a stranger's module may have is for
//! those to say who own it. What decides whether a module is taken at all (its size, shape, compiling, stack) is the
//! project's alone.

use std::collections::BTreeMap;

use super::load::belongs_to_the_scenario;
use super::table::Table;

/// Keys as in `[limits]` of `wassert.toml`.
pub const LIMITS: [&str; 19] = [
    "setup_fuel",
    "check_fuel",
    "host_work",
    "wall_clock_ms",
    "memory_bytes",
    "table_elements",
    "findings",
    "findings_bytes",
    "places",
    "message_bytes",
    "extra_bytes",
    "json_depth",
    "log_bytes",
    "expression_bytes",
    "matches",
    "answer_bytes",
    "call_bytes",
    "input_bytes",
    "handles",
];

/// Numbers of 32 bits fit every limit.
const MOST: i64 = u32::MAX as i64;

/// Those that take more: fuel and work.
const WIDE: [&str; 3] = ["setup_fuel", "check_fuel", "host_work"];

/// Key to number, of those that are given.
pub(super) fn read(root: &mut Table<'_>) -> BTreeMap<String, u64> {
    let Some(mut table) = root.table("limits", "`[limits]`") else { return BTreeMap::new() };
    let mut limits = BTreeMap::new();
    for key in LIMITS {
        let most = if WIDE.contains(&key) { i64::MAX } else { MOST };
        if let Some(number) = table.integer(key, 1..=most).and_then(|number| u64::try_from(number).ok()) {
            limits.insert(key.to_owned(), number);
        }
    }
    table.finish(belongs_to_the_scenario);
    limits
}

#[cfg(test)]
mod tests {
    use super::super::every_key::load_text;

    const REST: &str = "summary = \"s\"\nagents = [\"example\"]\n[[turn]]\nprompt = \"p\"\n[[step]]\ntext = \"t\"\n\
        [[assert]]\nuse = \"std/exit\"\nwith = { code = 0 }\n";

    #[test]
    fn limits_are_numbers_by_known_keys() {
        let loaded =
            load_text("a.toml", format!("{REST}[limits]\ncheck_fuel = 7\nfindings = 8\n").as_bytes());
        let limits = loaded.scenario.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)).limits;
        assert_eq!(
            limits.into_iter().collect::<Vec<_>>(),
            [("check_fuel".to_owned(), 7), ("findings".to_owned(), 8)]
        );
        for wrong in
            ["check_fule = 7", "stack_bytes = 7", "shape = 1", "check_fuel = 0", "findings = 5_000_000_000"]
        {
            let loaded = load_text("a.toml", format!("{REST}[limits]\n{wrong}\n").as_bytes());
            assert!(loaded.scenario.is_none(), "{wrong}");
        }
    }
}
