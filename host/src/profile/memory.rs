//! What an agent's processes hold in memory at their peak, so that many of them don't run side by side on a small
//! machine.

/// Mebibytes of resident memory of the whole tree in a small scenario, as measured with the versions the profiles
/// were (codex through its wrapper, gemini without relaunch); a guess for others.
pub fn peak_memory_mebibytes(profile: &str) -> u32 {
    match profile {
        "claude" => 313,
        "codex" => 189,
        "example" => 32,
        "gemini" => 258,
        "opencode" => 1220,
        "pi" => 174,
        _ => 256,
    }
}
