//! What of the run document a module may see: a tree of member names made from path prefixes.

use std::collections::BTreeMap;

/// Member names below which everything is granted; elements of arrays stand for all of them.
#[derive(Debug, Default)]
pub(super) struct Grant {
    whole: bool,
    members: BTreeMap<String, Grant>,
}

impl Grant {
    /// `turns`, `requests.transcript`, …
    pub fn new<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut grant = Self::default();
        for prefix in prefixes {
            let mut here = &mut grant;
            for name in prefix.split('.') {
                here = here.members.entry(name.to_owned()).or_default();
            }
            here.whole = true;
        }
        grant
    }

    /// Whether everything here is granted.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// What is granted of a member, if anything is.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.members.get(name)
    }

    /// The members of which something is granted, in the order of their names' bytes.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.members.iter().map(|(name, below)| (name.as_str(), below))
    }

    /// Whether a blob's name is within: what it names in the document is granted.
    pub fn allows_blob(&self, name: &str) -> bool {
        let mut here = self;
        let mut allowed = false;
        for member in members_of(name) {
            match here.members.get(member) {
                Some(below) => here = below,
                None => return false,
            }
            allowed = here.whole;
            if allowed {
                break;
            }
        }
        allowed
    }

    /// Whether something at these members, or in them or around them, is granted; elements of arrays are left out.
    pub fn touches<'a>(&self, members: impl IntoIterator<Item = &'a str>) -> bool {
        let mut here = self;
        for member in members {
            if here.whole {
                return true;
            }
            match here.members.get(member) {
                Some(below) => here = below,
                None => return false,
            }
        }
        true
    }
}

/// The members of the document that a blob's name goes through. In `files` the names are paths and may have slashes
/// and look like positions; everywhere else a position right after the section, or deeper, is one of an array.
fn members_of(name: &str) -> Vec<&str> {
    let (section, rest) = name.split_once('/').unwrap_or((name, ""));
    if section == "files" {
        let (path, moment) = rest.rsplit_once('/').unwrap_or((rest, ""));
        return vec![section, path, moment];
    }
    let parts = rest.split('/').filter(|part| !part.is_empty() && part.parse::<usize>().is_err());
    std::iter::once(section).chain(parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_needs_its_section_or_its_member() {
        let grant = Grant::new(["requests.body", "files"]);
        for (name, allowed) in [
            ("files/a/b.txt/after", true),
            ("requests/0/body", true),
            ("requests/0/raw", false),
            ("stdout/0", false),
            ("requests", false),
            ("", false),
        ] {
            assert_eq!(grant.allows_blob(name), allowed, "{name}");
        }
        let grant = Grant::new(["requests.transcript", "git.diff", "turns.final_message"]);
        for (name, allowed) in [
            ("requests/0/body", false),
            ("requests/0/transcript/2/text", true),
            ("git/diff", true),
            ("turns/1/final_message", true),
            ("turns/1/prompt", false),
            ("1/requests/0/transcript", false),
        ] {
            assert_eq!(grant.allows_blob(name), allowed, "{name}");
        }
    }

    #[test]
    fn a_file_that_is_named_like_a_position_opens_no_other() {
        // A file `after` is granted, not what became of a file `1/2`.
        let grant = Grant::new(["files.after", "files.a/b"]);
        for (name, allowed) in [
            ("files/after/before", true),
            ("files/1/2/after", false),
            ("files/1/after", false),
            ("files/a/b/after", true),
            ("files/a/b", false),
            ("files", false),
        ] {
            assert_eq!(grant.allows_blob(name), allowed, "{name}");
        }
    }

    #[test]
    fn what_lies_outside_is_told_from_what_lies_around() {
        let grant = Grant::new(["turns.exit", "files"]);
        for (members, expected) in [
            (vec!["turns"], true),
            (vec!["turns", "exit"], true),
            (vec!["turns", "exit", "deep"], true),
            (vec!["turns", "prompt"], false),
            (vec!["files", "a.txt", "after"], true),
            (vec!["stdout"], false),
            (vec![], true),
        ] {
            assert_eq!(grant.touches(members.iter().copied()), expected, "{members:?}");
        }
    }
}
