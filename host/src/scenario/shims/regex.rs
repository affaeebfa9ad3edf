//! Whether a text is an extended regular expression (POSIX, as `grep -E` reads it). `grep` alone says what it matches:
//! this only finds what it would refuse, when a scenario is loaded and not when it is too late.

/// Most repetitions of an interval that every `grep` knows (RE_DUP_MAX, POSIX).
const MOST_REPETITIONS: u32 = 255;

/// Classes of characters, as in `[[:alpha:]]`.
const CLASSES: [&str; 12] = [
    "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
    "xdigit",
];

/// What is wrong, in a few words.
pub(super) fn mistake(regex: &str) -> Option<&'static str> {
    let mut open = 0_u32;
    let mut rest = regex;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '\\' => match rest.chars().next() {
                Some(escaped) => rest = &rest[escaped.len_utf8()..],
                None => return Some("ends with a `\\`"),
            },
            '(' => open += 1,
            // One without its `(` stands for itself.
            ')' => open = open.saturating_sub(1),
            '[' => match bracket(rest) {
                Ok(behind) => rest = behind,
                Err(mistake) => return Some(mistake),
            },
            '{' => {
                if let Some(mistake) = interval(rest) {
                    return Some(mistake);
                }
            }
            _ => {}
        }
    }
    (open > 0).then_some("has a `(` without its `)`")
}

/// What is behind a bracket expression.
fn bracket(inside: &str) -> Result<&str, &'static str> {
    const OPEN: &str = "has a `[` without its `]`";
    let mut rest = inside.strip_prefix('^').unwrap_or(inside);
    // A `]` stands for itself where it is the first.
    let mut is_first = true;
    loop {
        let Some(first) = rest.chars().next() else { return Err(OPEN) };
        if first == ']' && !is_first {
            return Ok(&rest[1..]);
        }
        is_first = false;
        if let Some((mark, word, behind)) = named(rest) {
            if mark == ':' && !CLASSES.contains(&word) {
                return Err("names a class of characters that there is none of");
            }
            rest = behind;
            continue;
        }
        rest = &rest[first.len_utf8()..];
        let end = rest.strip_prefix('-').and_then(|behind| behind.chars().next());
        if let Some(end) = end.filter(|end| !matches!(end, ']' | '[')) {
            if end < first {
                return Err("has a range whose end comes before its beginning");
            }
            rest = &rest[1 + end.len_utf8()..];
        }
    }
}

/// `[:alpha:]`, `[=a=]` or `[.a.]` at the beginning: its mark, what is in it, and what is behind it.
fn named(text: &str) -> Option<(char, &str, &str)> {
    let mark = text.strip_prefix('[')?.chars().next().filter(|mark| ":=.".contains(*mark))?;
    let (word, behind) = text[2..].split_once(&format!("{mark}]"))?;
    Some((mark, word, behind))
}

/// What is wrong with `{1,2}`; braces around anything else stand for themselves.
fn interval(inside: &str) -> Option<&'static str> {
    let (bounds, _) = inside.split_once('}')?;
    let (least, most) = bounds.split_once(',').unwrap_or((bounds, bounds));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !is_number(least) || !is_number(most) || bounds.is_empty() || bounds == "," {
        return None;
    }
    let number =
        |text: &str, otherwise| if text.is_empty() { otherwise } else { text.parse().unwrap_or(u32::MAX) };
    let (least, most) = (number(least, 0), number(most, MOST_REPETITIONS));
    match (least > most, least.max(most) > MOST_REPETITIONS) {
        (_, true) => Some("repeats more than 255 times"),
        (true, false) => Some("repeats at least more often than at most"),
        (false, false) => None,
    }
}

/// A test of the whole program asks `grep` itself.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grep_refuses_is_found() {
        for regex in [
            "(",
            "((a)",
            "[",
            "[a",
            "[]",
            "[^]",
            "[[:alpha:]",
            "[[:foo:]]",
            "[z-a]",
            "a\\",
            "a{2,1}",
            "(a{3,2})",
        ] {
            assert!(mistake(regex).is_some(), "{regex}");
        }
    }

    #[test]
    fn what_grep_takes_is_taken() {
        for regex in [
            "",
            "^issue (view|list) [0-9]+$",
            "[]a]",
            "[^]a]",
            "\\(",
            "\\[",
            "[[:alpha:]_-]",
            "[a-z-]",
            "[(]",
            "a{2}",
            "a{2,}",
            "a{,2}",
            "a{x}",
            "a{",
            "a|b",
            "a)",
            "(a)\\1",
            "é+",
            "[[.a.]-z]",
            "[[=a=]]",
            "[\\]",
            "a{1,2}{3}",
        ] {
            assert_eq!(mistake(regex), None, "{regex}");
        }
        assert!(mistake("a{256}").is_some(), "not every grep takes that");
    }
}
