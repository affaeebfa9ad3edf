//! Cuts bytes into chunks at places that their content chooses, so that two long byte strings which share a stretch
//! share most of its chunks, wherever in them it stands.
//!
//! A gear hash (Xia et al., "FastCDC", USENIX ATC 2016, section 3.1): the same bytes give the same chunks for ever, as
//! recordings depend on nothing but the sizes below. It knows nothing of digests or files.

/// No chunk but the last is smaller.
const SMALLEST_BYTES: usize = 8 * 1024;

/// No chunk is larger.
const LARGEST_BYTES: usize = 128 * 1024;

/// A cut is where these bits of the hash are zero: every 32 KiB beyond the smallest size, on average.
const CUT_MASK: u64 = 0x7fff << 49;

/// One pseudo-random number for each byte (SplitMix64).
const GEAR: [u64; 256] = {
    let mut gear = [0; 256];
    let mut state: u64 = 0;
    let mut index = 0;
    while index < gear.len() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        gear[index] = mixed ^ (mixed >> 31);
        index += 1;
    }
    gear
};

/// The chunks of some bytes, in order; none of no bytes. From the beginning of any of them on, the rest of the bytes has
/// the rest of the chunks.
pub fn chunks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let (chunk, rest) = left.split_at(cut(left));
        left = rest;
        Some(chunk)
    })
}

fn cut(bytes: &[u8]) -> usize {
    let most = bytes.len().min(LARGEST_BYTES);
    let mut hash: u64 = 0;
    for (at, byte) in bytes[..most].iter().enumerate().skip(SMALLEST_BYTES) {
        // The top bits depend on the last 64 bytes alone.
        hash = (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
        if hash & CUT_MASK == 0 {
            return at + 1;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Digest;

    /// Bytes that repeat nothing.
    fn noise(bytes: usize, seed: u64) -> Vec<u8> {
        (0..)
            .flat_map(|block: u64| Digest::of(format!("{seed} {block}")).hex().into_bytes())
            .take(bytes)
            .collect()
    }

    #[test]
    fn chunks_are_the_whole_and_have_their_sizes() {
        for size in [0, 1, SMALLEST_BYTES, SMALLEST_BYTES + 1, 3_000_000] {
            let bytes = noise(size, 1);
            let cut: Vec<_> = chunks(&bytes).collect();
            assert_eq!(cut.concat(), bytes);
            assert!(cut.len() <= 1 || size > SMALLEST_BYTES, "{size}");
            let rest = cut.iter().map(|chunk| chunk.len()).next().unwrap_or(0);
            assert!(chunks(&bytes[rest..]).eq(cut.into_iter().skip(1)));
            let cut: Vec<_> = chunks(&bytes).collect();
            assert!(
                cut.iter().rev().skip(1).all(|chunk| (SMALLEST_BYTES..=LARGEST_BYTES).contains(&chunk.len()))
            );
        }
        assert_eq!(
            chunks(&vec![7; 10 * LARGEST_BYTES]).count(),
            10,
            "monotonous bytes are cut at the largest size"
        );
    }

    #[test]
    fn a_shared_stretch_shares_its_chunks_wherever_it_stands() {
        let image = noise(2_000_000, 2);
        let first = [b"{\"id\":1,".as_slice(), &image, b"}"].concat();
        let second = [&noise(100_003, 3), image.as_slice(), &noise(70_001, 4)].concat();
        let known: std::collections::BTreeSet<_> = chunks(&first).collect();
        let new: usize = chunks(&second).filter(|chunk| !known.contains(chunk)).map(<[u8]>::len).sum();
        assert!(new < 170_004 + 3 * LARGEST_BYTES, "{new} bytes are new");
    }
}
