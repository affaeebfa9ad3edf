//! What every secret begins with, or has in it: few bytes to look for quickly, plain and in base64.
//!
//! It only ever rules out: whoever finds one of these searches thoroughly. So each must be in every find of the thorough
//! search, which a test compares.

use super::shape;

/// Bytes that stand in a row in a secret.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    /// The bytes each position may have.
    bytes: Vec<Vec<u8>>,
    /// Whether no letter or digit may stand before.
    apart: bool,
    /// How many characters of a token follow at least.
    token: usize,
    /// Whether a bearer's scheme follows.
    bearer: bool,
}

/// Three bytes that are looked for.
pub(super) type Needle = [u8; 3];

impl Literal {
    /// The literals of every shape.
    pub(super) fn shapes() -> Vec<Self> {
        let token = |text: &str, token| Self { apart: true, token, ..Self::exact(text.as_bytes()) };
        let with = |before: &str, set: &[u8], after: &str, token| {
            let mut bytes = one_each(before.as_bytes());
            bytes.push(set.to_vec());
            bytes.extend(one_each(after.as_bytes()));
            Self { bytes, apart: true, token, bearer: false }
        };
        let authorization = b"authorization".iter().map(|byte| vec![*byte, byte.to_ascii_uppercase()]);
        vec![
            token("sk-", 16),
            with("gh", b"pousr", "_", 16),
            token("github_pat_", 16),
            token("AKIA", 16),
            token("ASIA", 16),
            token("AIza", 16),
            with("xox", b"abeoprs", "-", 10),
            token("eyJ", 8),
            Self::exact(b"PRIVATE KEY"),
            Self { bytes: authorization.collect(), apart: false, token: 0, bearer: true },
        ]
    }

    /// These bytes, with anything around them.
    pub(super) fn exact(bytes: &[u8]) -> Self {
        Self { bytes: one_each(bytes), apart: false, token: 0, bearer: false }
    }

    /// Needles of which one stands in every writing of the literal as it is, all at the same offset: as few of them as
    /// possible, of bytes that ordinary text seldom has.
    pub(super) fn plain(&self) -> Option<(usize, Vec<Needle>)> {
        let offsets = 0..=self.bytes.len().checked_sub(3)?;
        let sets = offsets.map(|offset| (offset, variants(&self.bytes[offset..offset + 3])));
        let needles = sets.min_by_key(|(offset, needles)| {
            let rare = self.bytes[*offset..offset + 3].iter().filter(|set| set.iter().any(is_rare)).count();
            (needles.len(), 3 - rare)
        });
        needles.map(|(offset, needles)| (offset, needles.into_iter().map(|n| [n[0], n[1], n[2]]).collect()))
    }

    /// Needles of which one stands in the base64 of the literal: for each place in a group at which it may begin, how
    /// many of its bits stand before the needle.
    pub(super) fn coded(&self) -> Vec<(usize, Vec<Needle>)> {
        (0..3).filter_map(|alignment| self.coded_at(8 * alignment)).collect()
    }

    fn coded_at(&self, begin: usize) -> Option<(usize, Vec<Needle>)> {
        let end = begin + 8 * self.bytes.len();
        let starts = (begin.next_multiple_of(6)..).step_by(6).take_while(|start| start + 18 <= end);
        let sets = starts.map(|start| {
            let bit = start - begin;
            let bytes = &self.bytes[bit / 8..(bit + 18).div_ceil(8)];
            let mut needles: Vec<Needle> =
                variants(bytes).iter().flat_map(|bytes| characters(bits(bytes, bit % 8))).collect();
            needles.sort_unstable();
            needles.dedup();
            (bit, needles)
        });
        sets.min_by_key(|(_, needles)| needles.len())
    }

    /// Whether the literal, and what must follow it, stands at `at`.
    pub(super) fn stands_at(&self, bytes: &[u8], at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !(self.apart && before.is_some_and(u8::is_ascii_alphanumeric)) && self.begins(&bytes[at..], 0)
    }

    /// Whether `bytes` begin with what is left of the literal from `skipped` on, and with what must follow.
    pub(super) fn begins(&self, bytes: &[u8], skipped: usize) -> bool {
        let rest = &self.bytes[skipped.min(self.bytes.len())..];
        if bytes.len() < rest.len() || !rest.iter().zip(bytes).all(|(set, byte)| set.contains(byte)) {
            return false;
        }
        let after = &bytes[rest.len()..];
        let token = after.iter().take(self.token).take_while(|byte| shape::is_token(**byte)).count();
        token == self.token && (!self.bearer || may_be_bearer(after))
    }
}

/// How much of what follows a literal is looked at, at most.
pub(super) const LOOKED_AT_BYTES: usize = 32;

/// Between the header's name and its scheme stand quotation marks, a sign and white space; what is longer may be.
fn may_be_bearer(after: &[u8]) -> bool {
    let after = &after[..after.len().min(LOOKED_AT_BYTES)];
    let between = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b || b"\"'\\:=".contains(byte);
    match after.iter().position(|byte| !between(byte)) {
        Some(at) => after[at].eq_ignore_ascii_case(&b'b'),
        None => true,
    }
}

fn one_each(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.iter().map(|byte| vec![*byte]).collect()
}

fn is_rare(byte: &u8) -> bool {
    !byte.is_ascii_lowercase() && *byte != b' ' || b"jqxz".contains(byte)
}

/// Every choice of one byte from each set.
fn variants(sets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    sets.iter().fold(vec![Vec::new()], |begun, set| {
        begun.iter().flat_map(|begun| set.iter().map(|byte| [begun.as_slice(), &[*byte]].concat())).collect()
    })
}

/// 18 bits of some bytes, from the bit `first` on.
fn bits(bytes: &[u8], first: usize) -> u32 {
    let all = bytes.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
    all >> (8 * bytes.len() - first - 18) & 0x3_ffff
}

/// What 18 bits are in either alphabet of base64, also mixed.
fn characters(bits: u32) -> Vec<Needle> {
    let sets = [12, 6, 0].map(|shift| super::base64::characters((bits >> shift & 63) as u8));
    variants(&sets.map(<[u8]>::to_vec)).into_iter().map(|needle| [needle[0], needle[1], needle[2]]).collect()
}
