//! Rules out, at the speed of memory, that there is any secret in some bytes.
//!
//! Most bytes of a run have none. So three bytes of whatever a secret would have in it are looked for with vector
//! instructions, as they are and in base64; what comes to light is looked at a little closer; the same in what is left
//! when escapes are undone. Only where something is left does the search of [`super::find`] begin, which alone decides.

use std::collections::BTreeMap;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Span};
use memchr::memchr_iter;

use super::base64::{line_break, sextet};
use super::literal::{LOOKED_AT_BYTES, Literal, Needle};
use super::unescape::without;

/// More needles than this are looked for in several passes: the vector instructions take no more.
const MOST_NEEDLES: usize = 60;
/// How much around a line break is looked at without it. Before: two characters of base64 with a break after each.
const BEFORE_BREAK_BYTES: usize = 16;
/// After: what [`Literal::begins`] looks at, in base64, with a break after each character.
const AFTER_BREAK_BYTES: usize = 256;
/// Most bytes that are decoded where a needle was found.
const DECODED_BYTES: usize = 16 + LOOKED_AT_BYTES;

/// Looks for what any secret would have in it.
#[derive(Clone, Debug)]
pub(super) struct Prefilter {
    literals: Vec<Literal>,
    plain: Vec<Needles>,
    coded: Vec<Needles>,
    /// A value too short to be looked for; then nothing is ruled out.
    blind: bool,
}

/// What a needle is part of: the literal, and where in it (in bytes, or in bits) the needle begins.
type Part = (usize, usize);

#[derive(Clone, Debug)]
struct Needles {
    scan: Scan,
    parts: Vec<Vec<Part>>,
}

#[derive(Clone, Debug)]
enum Scan {
    Vector(Searcher),
    /// For machines without such instructions.
    Automaton(Box<AhoCorasick>),
}

impl Prefilter {
    /// Looks for the shapes and for these values.
    pub(super) fn new<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Self {
        let mut literals = Literal::shapes();
        literals.extend(values.into_iter().map(|value| Literal::exact(&value[..value.len().min(16)])));
        let (mut plain, mut coded) = (BTreeMap::<Needle, Vec<Part>>::new(), BTreeMap::new());
        let mut blind = false;
        for (index, literal) in literals.iter().enumerate() {
            match literal.plain() {
                Some((offset, needles)) => {
                    for needle in needles {
                        plain.entry(needle).or_default().push((index, offset));
                    }
                }
                None => blind = true,
            }
            for (bit, needles) in literal.coded() {
                for needle in needles {
                    coded.entry(needle).or_insert_with(Vec::new).push((index, bit));
                }
            }
        }
        Self { literals, plain: Needles::all(plain), coded: Needles::all(coded), blind }
    }

    /// Whether there may be a secret in `bytes`; when not, there is none.
    pub(super) fn suspects(&self, bytes: &[u8], layers: u8) -> bool {
        if self.blind || self.has_plain(bytes) || self.has_coded(bytes) {
            return true;
        }
        let joined = joined(bytes);
        if !joined.is_empty() && self.has_coded(&joined) {
            return true;
        }
        drop(joined);
        layers > 0
            && [b'\\', b'%']
                .into_iter()
                .any(|mark| without(bytes, mark).is_some_and(|undone| self.suspects(&undone, layers - 1)))
    }

    fn has_plain(&self, bytes: &[u8]) -> bool {
        any(&self.plain, bytes, |at, (literal, offset)| {
            at.checked_sub(offset).is_some_and(|at| self.literals[literal].stands_at(bytes, at))
        })
    }

    fn has_coded(&self, bytes: &[u8]) -> bool {
        any(&self.coded, bytes, |at, (literal, bit)| {
            let whole = bit.div_ceil(8);
            self.literals[literal].begins(&decoded(&bytes[at..], 8 * whole - bit), whole)
        })
    }
}

impl Needles {
    fn all(parts: BTreeMap<Needle, Vec<Part>>) -> Vec<Self> {
        let all: Vec<_> = parts.into_iter().collect();
        all.chunks(MOST_NEEDLES).map(Self::new).collect()
    }

    fn new(needles: &[(Needle, Vec<Part>)]) -> Self {
        let patterns = || needles.iter().map(|(needle, _)| needle);
        let vector = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(patterns()).build();
        let scan = vector.map_or_else(
            || {
                let automaton = AhoCorasick::new(patterns());
                Scan::Automaton(Box::new(automaton.expect("some hundred times three bytes")))
            },
            Scan::Vector,
        );
        Self { scan, parts: needles.iter().map(|(_, parts)| parts.clone()).collect() }
    }

    /// The next needle from `from` on: where it begins, and which.
    fn next(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = Span { start: from, end: bytes.len() };
        let hit = match &self.scan {
            Scan::Vector(searcher) => searcher.find_in(bytes, span),
            Scan::Automaton(automaton) => automaton.find(aho_corasick::Input::new(bytes).span(span)),
        }?;
        Some((hit.start(), hit.pattern().as_usize()))
    }
}

fn any(all: &[Needles], bytes: &[u8], is: impl Fn(usize, Part) -> bool) -> bool {
    all.iter().any(|needles| {
        let mut from = 0;
        while let Some((at, needle)) = needles.next(bytes, from) {
            if needles.parts[needle].iter().any(|part| is(at, *part)) {
                return true;
            }
            from = at + 1;
        }
        false
    })
}

/// What base64 decodes to from here on, without its first bits.
fn decoded(bytes: &[u8], without_bits: usize) -> Vec<u8> {
    let mut made = Vec::with_capacity(DECODED_BYTES);
    let (mut held, mut held_bits, mut skipped, mut at) = (0_u32, 0, without_bits, 0);
    while made.len() < DECODED_BYTES {
        let Some(value) = bytes.get(at).and_then(|byte| sextet(*byte)) else { break };
        held = held << 6 | u32::from(value);
        held_bits += 6;
        let drop = skipped.min(held_bits);
        (skipped, held_bits) = (skipped - drop, held_bits - drop);
        held &= (1 << held_bits) - 1;
        if held_bits >= 8 {
            held_bits -= 8;
            made.push((held >> held_bits) as u8);
            held &= (1 << held_bits) - 1;
        }
        at += 1;
        at += line_break(&bytes[at..]);
    }
    made
}

/// The surroundings of every line break within base64, without line breaks.
fn joined(bytes: &[u8]) -> Vec<u8> {
    let mut joined = Vec::new();
    let mut done = 0;
    for at in memchr_iter(b'\n', bytes) {
        let last = if at > 0 && bytes[at - 1] == b'\r' { at - 1 } else { at };
        let is_sextet = |byte: Option<&u8>| byte.is_some_and(|byte| sextet(*byte).is_some());
        if !is_sextet(last.checked_sub(1).and_then(|at| bytes.get(at))) || !is_sextet(bytes.get(at + 1)) {
            continue;
        }
        let start = at.saturating_sub(BEFORE_BREAK_BYTES);
        if start > done {
            joined.push(0);
        }
        let end = bytes.len().min(at + AFTER_BREAK_BYTES);
        if end > done {
            let around = &bytes[start.max(done)..end];
            joined.extend(around.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
            done = end;
        }
    }
    joined
}

#[cfg(test)]
mod tests;
