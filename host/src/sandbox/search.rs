//! Finds bytes in bytes in linear time, whatever they are (Knuth, Morris, Pratt).

/// Where `needle` starts at or after `start`; an empty needle is found at `start`.
pub(super) fn find(haystack: &[u8], needle: &[u8], start: usize) -> Option<usize> {
    let haystack_after = haystack.get(start..)?;
    if needle.is_empty() {
        return Some(start);
    }
    // For each prefix of the needle, the length of its longest proper border.
    let mut borders = vec![0; needle.len()];
    let mut matched = 0;
    for index in 1..needle.len() {
        while matched > 0 && needle[index] != needle[matched] {
            matched = borders[matched - 1];
        }
        matched += usize::from(needle[index] == needle[matched]);
        borders[index] = matched;
    }
    matched = 0;
    for (index, byte) in haystack_after.iter().enumerate() {
        while matched > 0 && *byte != needle[matched] {
            matched = borders[matched - 1];
        }
        matched += usize::from(*byte == needle[matched]);
        if matched == needle.len() {
            return Some(start + index + 1 - needle.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_where_they_start() {
        let text = b"abcababcabd";
        assert_eq!(find(text, b"abd", 0), Some(8));
        assert_eq!(find(text, b"abcabd", 0), Some(5));
        assert_eq!(find(text, b"ab", 1), Some(3));
        assert_eq!(find(text, b"", 11), Some(11));
        assert_eq!(find(text, b"", 12), None);
        assert_eq!(find(text, b"x", 0), None);
        assert_eq!(find(b"aaab", b"aab", 0), Some(1));
    }
}
