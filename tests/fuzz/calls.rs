//! Programs that call the host: mostly with texts that mean something to it, now and then with any number.
//!
//! Code out of nothing hardly ever hits a sensible pointer; this is how what lies behind the doors is reached.

use std::fmt::Write as _;

use super::guests::{Abi, Door};
use super::random::Random;

/// Where the texts begin: behind what the preludes have in their memory.
const TEXTS: usize = 16_384;

const EXPRESSIONS: [&str; 16] = [
    "$.turns[0].exit",
    "$.turns[*]",
    "$..*",
    "$.stdout[?@.text == 'hidden']",
    "$..[?length(@) > 0]",
    "$.turns[::-1].exit",
    "$[?search(@.text, 'h.*n')]",
    "$.turns[0",
    "",
    "$..[?$..[?$..zz]]",
    "$.turns[99999999999999999999]",
    "$['turns','stdout'][0:2]",
    "$.turns[?count(@.*) >= 2 && @.exit == 0]",
    "$.\u{1b}[31m",
    "$.turns[-1]['exit','turn']",
    "$..turns..exit",
];

const NAMES: [&str; 7] = [
    "stdout/0",
    "stdout/1",
    "requests/0/body",
    "../../etc/passwd",
    "stdout/00",
    "",
    "files/\u{202e}txt/after",
];

/// Findings as JSON, the broken ones last.
const FINDINGS: [&str; 8] = [
    r#"{"outcome":"pass","message":"found","at":[{"path":"$.turns[0].exit"}]}"#,
    r#"{"outcome":"fail","message":"","at":[{"path":"$.stdout[0].text","start":1,"end":3}]}"#,
    r#"{"outcome":"fail","message":"m","at":[{"path":"stdout/0","start":2}],"expected":"e","extra":{"a":[1e400]}}"#,
    r#"{"outcome":"skip","message":"s","at":[{"path":"$"}]}"#,
    r#"{"outcome":"pass","message":"nowhere","at":[{"path":"$.nowhere"}]}"#,
    r#"{"outcome":"pass","message":"no place","at":[]}"#,
    r#"{"outcome":"perhaps"}"#,
    r#"{"outcome":"pass","message":"#,
];

/// Text in a module's memory.
#[derive(Clone, Copy)]
struct Text {
    at: usize,
    length: usize,
}

struct Program<'r> {
    random: &'r mut Random,
    data: String,
    next: usize,
    body: String,
}

/// What stands after the prelude of a door: `$checking`, and the texts it needs.
pub fn program(random: &mut Random, door: &Door) -> String {
    let mut program = Program { random, data: String::new(), next: TEXTS, body: String::new() };
    let result = match door.abi {
        Abi::Canonical => " (result i32)",
        Abi::Flat => " (result i64)",
        Abi::Preview1 | Abi::Preview2 => "",
    };
    if !program.random.one_in(4) {
        program.body.push_str("(call $read) ");
    }
    if !program.random.one_in(4) {
        let outcome = if matches!(door.abi, Abi::Canonical) { "(i32.const 0)" } else { "" };
        let _ = write!(program.body, "(call $say {outcome}) ");
    }
    for _ in 0..=program.random.below(8) {
        if program.random.one_in(5) {
            let turns = 1 + program.random.below(2_000);
            program.body.push_str("(local.set $turn (i32.const 0)) (loop $again ");
            program.call(door.abi);
            let _ = write!(
                program.body,
                "(br_if $again (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) \
                 (i32.const {turns})))) "
            );
        } else {
            program.call(door.abi);
        }
    }
    let end = match door.abi {
        Abi::Canonical if program.random.one_in(8) => program.number(512),
        Abi::Canonical => "(call $ok)".to_owned(),
        Abi::Flat if program.random.one_in(8) => {
            let text = program.text("cannot judge");
            format!("(i64.const {})", (text.at as u64) << 32 | text.length as u64)
        }
        Abi::Flat => "(i64.const 0)".to_owned(),
        Abi::Preview1 | Abi::Preview2 => String::new(),
    };
    format!(
        "(func $describing) (func $checking{result} (local $handle i32) (local $turn i32) {} {end}) {}",
        program.body, program.data
    )
}

impl Program<'_> {
    fn call(&mut self, abi: Abi) {
        let call = match abi {
            Abi::Canonical => self.canonical(),
            Abi::Flat => self.flat(),
            Abi::Preview1 => self.preview1(),
            Abi::Preview2 => self.preview2(),
        };
        self.body.push_str(&call);
        self.body.push(' ');
    }

    fn text(&mut self, text: &str) -> Text {
        let at = self.next;
        let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let _ = write!(self.data, "(data (i32.const {at}) \"{escaped}\")");
        self.next += text.len().next_multiple_of(8) + 8;
        Text { at, length: text.len() }
    }

    /// One of the first half, now and then of all.
    fn finding(&mut self) -> &'static str {
        let all = self.random.one_in(12);
        let of = if all { FINDINGS.len() } else { FINDINGS.len() / 2 };
        FINDINGS[self.random.below(of)]
    }

    fn one_of(&mut self, texts: &[&str]) -> Text {
        let text = *self.random.pick(texts);
        if self.random.one_in(24) {
            let length = self.random.below(6_000);
            return self.text(&"$.turns ".repeat(1 + length / 8));
        }
        self.text(text)
    }

    /// A number, now and then another.
    fn number(&mut self, number: usize) -> String {
        let number = if self.random.one_in(40) { self.odd() } else { number as i32 };
        format!("(i32.const {number})")
    }

    fn wide(&mut self, number: u64) -> String {
        let number = if self.random.one_in(20) { self.random.next() as i64 } else { number as i64 };
        format!("(i64.const {number})")
    }

    fn odd(&mut self) -> i32 {
        let odd = [0, -1, 1, i32::MAX, i32::MIN, 65_535, 131_071, 131_072, self.random.next() as i32];
        *self.random.pick(&odd)
    }

    fn numbers(&mut self, numbers: &[usize]) -> String {
        numbers.iter().map(|number| self.number(*number) + " ").collect()
    }

    fn page(&mut self) -> [usize; 2] {
        [self.random.below(3), *self.random.pick(&[0, 1, 10, 1_000, u32::MAX as usize])]
    }

    fn canonical(&mut self) -> String {
        match self.random.below(7) {
            0 => {
                let (text, [skip, max]) = (self.one_of(&EXPRESSIONS), self.page());
                format!("(call $query {})", self.numbers(&[text.at, text.length, skip, max, 4_096]))
            }
            1 => {
                let text = self.one_of(&EXPRESSIONS);
                format!("(call $count {})", self.numbers(&[text.at, text.length, 4_096]))
            }
            2 => {
                let text = self.one_of(&NAMES);
                let open = self.numbers(&[text.at, text.length, 4_096]);
                format!("(call $open {open}) (local.set $handle (i32.load (i32.const 4100)))")
            }
            3 => "(drop (call $size (local.get $handle)))".to_owned(),
            4 => {
                let (text, start) = (self.one_of(&["hid", "", "zz"]), self.random.below(8) as u64);
                let (needle, start) = (self.numbers(&[text.at, text.length]), self.wide(start));
                format!("(call $find (local.get $handle) {needle} {start} {})", self.number(4_096))
            }
            5 => {
                let extras: &[&str] =
                    if self.random.one_in(20) { &["[", "}"] } else { &["", "[1,{}]", "null"] };
                let (message, extra) = (self.one_of(&EXPRESSIONS), self.one_of(extras));
                let (outcome, places) = (self.random.below(3), usize::from(!self.random.one_in(20)));
                let expected = usize::from(self.random.one_in(2));
                format!(
                    "(call $emit {})",
                    self.numbers(&[
                        outcome,
                        message.at,
                        message.length,
                        2_048,
                        places,
                        expected,
                        message.at,
                        message.length,
                        extra.at,
                        extra.length
                    ])
                )
            }
            _ => {
                let (level, text) = (self.random.below(3), self.one_of(&EXPRESSIONS));
                format!("(call $log {})", self.numbers(&[level, text.at, text.length]))
            }
        }
    }

    fn flat(&mut self) -> String {
        match self.random.below(9) {
            0 => {
                let (text, [skip, max]) = (self.one_of(&EXPRESSIONS), self.page());
                let room = *self.random.pick(&[0, 8, 4_096]);
                format!(
                    "(drop (call $query {}))",
                    self.numbers(&[text.at, text.length, skip, max, 4_096, room])
                )
            }
            1 => {
                let text = self.one_of(&EXPRESSIONS);
                format!("(drop (call $count {}))", self.numbers(&[text.at, text.length]))
            }
            2 => {
                let text = self.one_of(&NAMES);
                format!("(local.set $handle (call $open {}))", self.numbers(&[text.at, text.length]))
            }
            3 => "(drop (call $size (local.get $handle)))".to_owned(),
            4 => {
                let (offset, room) = (self.random.below(8) as u64, self.random.below(64));
                format!(
                    "(drop (call $read_bytes (local.get $handle) {} {}))",
                    self.wide(offset),
                    self.numbers(&[4_096, room])
                )
            }
            5 => {
                let (text, start) = (self.one_of(&["hid", "", "zz"]), self.random.below(8) as u64);
                let needle = self.numbers(&[text.at, text.length]);
                format!("(drop (call $find (local.get $handle) {needle} {}))", self.wide(start))
            }
            6 => "(call $close (local.get $handle))".to_owned(),
            7 => {
                let finding = self.finding();
                let text = self.text(finding);
                format!("(call $emit {})", self.numbers(&[text.at, text.length]))
            }
            _ => {
                let (level, text) = (self.random.below(4), self.one_of(&EXPRESSIONS));
                format!("(call $log {})", self.numbers(&[level, text.at, text.length]))
            }
        }
    }

    /// A line of output, or of something that is none.
    fn line(&mut self) -> Text {
        let line = self.finding();
        let end = if self.random.one_in(6) { "" } else { "\n" };
        self.text(&format!("{line}{end}"))
    }

    fn preview1(&mut self) -> String {
        match self.random.below(7) {
            0 => format!("(drop (call $args_sizes_get {}))", self.numbers(&[3_000, 3_004])),
            1 => format!("(drop (call $args_get {}))", self.numbers(&[3_000, 3_100])),
            2 => {
                let clock = self.random.below(4);
                format!(
                    "(drop (call $clock_time_get {} {} {}))",
                    self.number(clock),
                    self.wide(0),
                    self.number(3_000)
                )
            }
            3 => {
                let count = self.random.below(300);
                format!("(drop (call $random_get {}))", self.numbers(&[3_000, count]))
            }
            4 => "(call $read)".to_owned(),
            5 => {
                let code = self.random.below(3);
                if self.random.one_in(6) {
                    format!("(call $proc_exit {})", self.number(code))
                } else {
                    String::new()
                }
            }
            _ => {
                let (stream, text) = (1 + self.random.below(2), self.line());
                format!("(call $write {})", self.numbers(&[stream, text.at, text.length]))
            }
        }
    }

    fn preview2(&mut self) -> String {
        match self.random.below(9) {
            0 => format!("(call $get_arguments {})", self.number(3_000)),
            1 => format!("(call $get_environment {})", self.number(3_000)),
            2 => format!("(call $wall_now {}) (drop (call $monotonic_now))", self.number(3_000)),
            3 => {
                let count = self.random.below(300) as u64;
                format!("(call $random_bytes {} {})", self.wide(count), self.number(3_000))
            }
            4 => format!("(drop (call $random_u64)) (call $insecure_seed {})", self.number(3_000)),
            5 => "(call $read)".to_owned(),
            6 => format!("(call $initial_cwd {})", self.number(3_000)),
            7 => {
                let code = self.random.below(3);
                if self.random.one_in(6) {
                    format!("(call $exit {})", self.number(code))
                } else {
                    String::new()
                }
            }
            _ => {
                let (stream, text) = (1 + self.random.below(2), self.line());
                format!("(call $write {})", self.numbers(&[stream, text.at, text.length]))
            }
        }
    }
}
