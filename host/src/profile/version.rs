//! How the version that a program says stands to the one its profile was measured with.

use super::Profile;

/// How two versions stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the version that was measured.
    Measured,
    /// It is a later one.
    Newer,
    /// It is an earlier one.
    Older,
    /// One of the two is not known, or says no number.
    Unknown,
}

/// How the version a program says (`codex-cli 0.169.0`) stands to a measured one (`0.169.0`).
pub fn standing(said: Option<&str>, measured: Option<&str>) -> Standing {
    let (Some(said), Some(measured)) = (said.and_then(numbers), measured.and_then(numbers)) else {
        return Standing::Unknown;
    };
    match said.cmp(&measured) {
        std::cmp::Ordering::Less => Standing::Older,
        std::cmp::Ordering::Equal => Standing::Measured,
        std::cmp::Ordering::Greater => Standing::Newer,
    }
}

/// The first word that begins with a number and a dot, as numbers; what follows them (`-beta.1`) does not count.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let words = text.split(|character: char| character.is_whitespace() || character == '/');
    words.map(|word| word.trim_start_matches('v')).find_map(|word| {
        let end = word.find(|character: char| !character.is_ascii_digit() && character != '.');
        let version = &word[..end.unwrap_or(word.len())];
        let parts: Option<Vec<u64>> =
            version.trim_end_matches('.').split('.').map(|part| part.parse().ok()).collect();
        parts.filter(|parts| parts.len() > 1)
    })
}

/// What should be said before anyone trusts what is read of a program: it is not the one its profile was measured with.
pub fn doubts(profile: &dyn Profile, said: Option<&str>) -> Vec<String> {
    let mut doubts = Vec::new();
    let measured = profile.measured_version();
    let said = said.unwrap_or_default();
    let unlike = |word: &str, measured: &str| {
        format!(
            "`{said}` is {word} than {measured}, which the profile of `{}` was measured with: facts may be old, and \
             lines it does not know become events of kind `other`",
            profile.extends()
        )
    };
    match (standing(Some(said), measured), measured) {
        (Standing::Newer, Some(measured)) => doubts.push(unlike("newer", measured)),
        (Standing::Older, Some(measured)) => doubts.push(unlike("older", measured)),
        _ => {}
    }
    if !profile.is_verified() {
        let name = profile.extends();
        doubts.push(format!("the profile of `{name}` was not verified against the real program"));
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::super::by_name;
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        use Standing::{Measured, Newer, Older, Unknown};
        for (said, wanted) in [
            ("codex-cli 0.169.0", Measured),
            ("codex-cli v0.169.0", Measured),
            ("0.169.0 (Codex)", Measured),
            ("0.169.0-beta.1", Measured),
            ("codex/0.170.0", Newer),
            ("0.169.0.1", Newer),
            ("10.0", Newer),
            ("0.20.0", Older),
            ("0.9", Older),
            ("codex", Unknown),
            ("7 of 9", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(standing(Some(said), Some("0.169.0")), wanted, "{said}");
        }
        assert_eq!(standing(None, Some("1.0")), Unknown);
        assert_eq!(standing(Some("1.0"), None), Unknown);
    }

    #[test]
    fn what_is_not_as_measured_is_doubted() {
        let codex = by_name("codex").unwrap();
        assert!(doubts(codex, Some("codex-cli 0.169.0")).is_empty());
        assert!(doubts(codex, None).is_empty());
        assert!(doubts(codex, Some("codex-cli 0.200.0"))[0].contains("newer than codex-cli 0.169.0"));
        assert!(doubts(by_name("antigravity").unwrap(), None)[0].contains("not verified"));
    }
}
