//! Patterns over `/`-separated paths, as everywhere in wassert: `*` stands for any characters within a part, `**` for
//! any number of parts.

/// Whether a whole path fits a pattern. `a/**` fits everything below `a`, and `a` itself.
pub fn glob_matches(pattern: &str, path: &str) -> bool {
    // fits[n]: the parts of the pattern so far fit the first n parts of the path.
    let parts: Vec<&str> = path.split('/').collect();
    let mut fits = vec![false; parts.len() + 1];
    fits[0] = true;
    for wanted in pattern.split('/') {
        let mut next = vec![false; parts.len() + 1];
        if wanted == "**" {
            let mut reached = false;
            for (place, fits) in fits.iter().enumerate() {
                reached |= fits;
                next[place] = reached;
            }
        } else {
            for (place, part) in parts.iter().enumerate() {
                next[place + 1] = fits[place] && part_matches(wanted.as_bytes(), part.as_bytes());
            }
        }
        fits = next;
    }
    fits[parts.len()]
}

/// `*` against bytes: on a mismatch, the last star takes one byte more.
fn part_matches(pattern: &[u8], part: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < part.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, read));
            at += 1;
        } else if pattern.get(at) == Some(&part[read]) {
            at += 1;
            read += 1;
        } else if let Some((place, taken)) = star {
            star = Some((place, taken + 1));
            (at, read) = (place + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}
