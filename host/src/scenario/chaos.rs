//! A schedule of faults from a seed, as the `[[fault]]` tables that a person would write.
//!
//! Pure: the same seed and the same targets give the same text on every machine. It only writes; the text is read
//! like any other part of a scenario, so that what was generated can be kept and replayed. It knows no frames: what
//! a reply is made of, and what an agent survives, is told to it.

use std::fmt::Write as _;

use crate::profile::Retried;

/// A scripted reply that may be disturbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its lane.
    pub lane: String,
    /// Its number within the lane, from 1.
    pub step: u32,
    /// How many bytes each frame of the reply has at least, whatever the request; never 0.
    pub frames: Vec<usize>,
    /// How many of the first frames go by before anything of the reply is complete.
    pub unfinished: usize,
}

/// What every agent of a scenario recovers from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survived {
    /// Attempts that may go wrong before a reply is served.
    pub most: u32,
    /// How.
    pub after: Vec<Retried>,
    /// Whether they skip comment lines in a stream of events.
    pub comments: bool,
}

/// Writes a schedule: at least one fault where there is a target, ended by a line end.
pub fn schedule(seed: u64, targets: &[Target], survived: &Survived) -> String {
    let mut dice = Dice(seed);
    let mut tables = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let is_last_chance = at + 1 == targets.len() && tables.is_empty();
        let attempts = fits(target, survived);
        match dice.below(4) {
            0 if !is_last_chance => {}
            0 | 1 => tables.push(disturbed(&mut dice, target, survived)),
            _ if survived.most == 0 || attempts.is_empty() => {
                tables.push(disturbed(&mut dice, target, survived))
            }
            _ => {
                for attempt in 1..=1 + dice.below(survived.most as usize) {
                    let what = attempts[dice.below(attempts.len())];
                    tables.push(attempted(&mut dice, target, attempt, what));
                }
            }
        }
    }
    let count = match tables.len() {
        0 => "nothing here can be disturbed".to_owned(),
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    format!("# wassert --chaos {seed}: {count}\n{}", tables.concat())
}

/// What an attempt at a target can go wrong with.
fn fits(target: &Target, survived: &Survived) -> Vec<Retried> {
    let has_room = target.frames.iter().take(target.unfinished).any(|bytes| *bytes > 1);
    survived.after.iter().copied().filter(|what| *what != Retried::Cut || has_room).collect()
}

/// An attempt before the reply is served.
fn attempted(dice: &mut Dice, target: &Target, attempt: usize, what: Retried) -> String {
    let mut table = opened(target);
    let _ = writeln!(table, "attempt = {attempt}");
    let _ = match what {
        Retried::Status(429) => writeln!(table, "status = 429\nretry-after-seconds = 1"),
        Retried::Status(status) => writeln!(table, "status = {status}"),
        Retried::Failed => writeln!(table, "failed = \"server_error\""),
        Retried::Cut => {
            let roomy: Vec<usize> =
                (0..target.unfinished.min(target.frames.len())).filter(|at| target.frames[*at] > 1).collect();
            let frame = roomy[dice.below(roomy.len())];
            // Something of the body arrives: what agents do without any was not seen.
            let byte = 1 + dice.below(target.frames[frame] - 1);
            let end = ["fin", "reset"][dice.below(2)];
            writeln!(table, "wire = [{{ frame = {}, byte = {byte}, end = \"{end}\" }}]", frame + 1)
        }
    };
    table
}

/// The reply itself: it arrives whole, but not as smoothly as from a server in the same room.
fn disturbed(dice: &mut Dice, target: &Target, survived: &Survived) -> String {
    let mut changes = Vec::new();
    for _ in 0..1 + dice.below(2) {
        let frame = dice.below(target.frames.len());
        let bytes = target.frames[frame];
        let frame = frame + 1;
        changes.push(match dice.below(4) {
            0 => format!("{{ frame = {frame}, byte = {}, split = true }}", dice.below(bytes)),
            1 => format!("{{ frame = {frame}, trickle = {} }}", 1 + dice.below(16)),
            2 if survived.comments => format!("{{ frame = {frame}, comment = \"chaos\" }}"),
            _ => format!(
                "{{ frame = {frame}, byte = {}, delay_ms = {} }}",
                dice.below(bytes),
                1 + dice.below(100)
            ),
        });
    }
    let mut table = opened(target);
    let _ = writeln!(table, "wire = [{}]", changes.join(", "));
    table
}

fn opened(target: &Target) -> String {
    let lane = match target.lane.as_str() {
        "main" => String::new(),
        lane => format!("lane = \"{lane}\"\n"),
    };
    format!("\n[[fault]]\n{lane}step = {}\n", target.step)
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): the same numbers everywhere.
struct Dice(u64);

impl Dice {
    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // Smaller than `limit`, so it fits.
        (mixed % limit.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> Vec<Target> {
        let target = |step| Target { lane: "main".into(), step, frames: vec![40, 2, 1], unfinished: 2 };
        let side = Target { lane: "subagent".into(), ..target(1) };
        vec![target(1), target(2), target(3), side]
    }

    fn survived() -> Survived {
        Survived { most: 2, after: vec![Retried::Status(429), Retried::Failed, Retried::Cut], comments: true }
    }

    #[test]
    fn a_seed_gives_the_same_schedule_everywhere() {
        // Written out: a change of it breaks every schedule that someone remembers by its seed.
        let remembered = r#"# wassert --chaos 7: 4 faults

[[fault]]
step = 1
attempt = 1
status = 429
retry-after-seconds = 1

[[fault]]
step = 2
attempt = 1
status = 429
retry-after-seconds = 1

[[fault]]
step = 3
attempt = 1
wire = [{ frame = 2, byte = 1, end = "fin" }]

[[fault]]
lane = "subagent"
step = 1
attempt = 1
status = 429
retry-after-seconds = 1
"#;
        assert_eq!(schedule(7, &targets(), &survived()), remembered);
        assert_ne!(schedule(8, &targets(), &survived()), remembered);
    }

    #[test]
    fn only_what_is_survived_happens_at_places_that_are_there() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let text = schedule(seed, &targets(), &survived());
            let table: toml::Table = text.parse().unwrap();
            let faults = table["fault"].as_array().unwrap();
            assert!(!faults.is_empty(), "{seed}");
            for fault in faults {
                let attempt = fault.get("attempt").and_then(toml::Value::as_integer);
                assert!(attempt.is_none_or(|attempt| attempt <= 2), "{text}");
                seen.extend(fault.as_table().unwrap().keys().cloned());
                for change in fault.get("wire").and_then(toml::Value::as_array).into_iter().flatten() {
                    seen.extend(change.as_table().unwrap().keys().cloned());
                    let frame = change["frame"].as_integer().unwrap() as usize;
                    let bytes = targets()[0].frames[frame - 1] as i64;
                    let byte = change.get("byte").and_then(toml::Value::as_integer);
                    assert!(byte.is_none_or(|byte| byte < bytes), "{text}");
                    assert!(change.get("end").is_none() || frame <= 2 && attempt.is_some(), "{text}");
                }
            }
            assert!(!text.contains("status = 500") && !text.contains("status = 503"), "{text}");
        }
        let kinds = ["status", "failed", "end", "split", "trickle", "comment", "delay_ms", "lane", "attempt"];
        assert!(kinds.iter().all(|kind| seen.contains(*kind)), "{seen:?}");
    }

    #[test]
    fn who_trips_over_comments_gets_none() {
        let survived = Survived { comments: false, ..survived() };
        assert!((0..500).all(|seed| !schedule(seed, &targets(), &survived).contains("comment")));
    }

    #[test]
    fn without_retries_nothing_fails_and_without_targets_nothing_happens() {
        for seed in 0..50 {
            let text = schedule(seed, &targets(), &Survived::default());
            assert!(!text.contains("attempt") && text.contains("[[fault]]"), "{text}");
        }
        assert_eq!(schedule(1, &[], &survived()), "# wassert --chaos 1: nothing here can be disturbed\n");
    }
}
