//! What a module tried to read and was not granted. Told from the words it used alone, never from what lies there: an
//! attempt must not tell whether there was anything to find.

use super::grant::Grant;
use crate::query::Query;
use crate::value::excerpt;

/// Attempts told; more are counted.
const TOLD: usize = 20;

/// Characters of one attempt.
const CHARACTERS: usize = 200;

/// Sections whose members are named by the agent: what selects several of them is not told from a name.
const NAMED_BY_AGENT: [&str; 3] = ["files", "home", "raw"];

/// Attempts of one judging, each told once, in order.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    told: Vec<String>,
    more: bool,
}

impl Attempts {
    /// A query for members that are not granted: `$.stdout[0].text`. A query that starts with `..` or `*` asks for
    /// whatever there is, which is no attempt. Says whether it is one.
    pub fn query(&mut self, query: &Query, expression: &str, grant: &Grant) -> bool {
        let mut names: Vec<_> = query.leading_names().collect();
        if names.first().is_some_and(|section| NAMED_BY_AGENT.contains(section)) {
            names.truncate(1);
        }
        let is_attempt = !grant.touches(names);
        if is_attempt {
            self.note(expression);
        }
        is_attempt
    }

    /// A blob, or a place in a finding, that is not granted.
    pub fn name(&mut self, name: &str, grant: &Grant) {
        match name.starts_with('$') {
            true => {
                if let Ok(query) = Query::parse(name) {
                    self.query(&query, name, grant);
                }
            }
            false if !grant.allows_blob(name) => self.note(name),
            false => {}
        }
    }

    fn note(&mut self, what: &str) {
        let what = excerpt(what, CHARACTERS);
        if self.told.contains(&what) {
            return;
        }
        if self.told.len() < TOLD {
            self.told.push(what);
        } else {
            self.more = true;
        }
    }

    /// For the verdict.
    pub fn into_told(mut self) -> Vec<String> {
        if self.more {
            self.told.push("… and more".to_owned());
        }
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(grant: &[&str], queries: &[&str], names: &[&str]) -> Vec<String> {
        let grant = Grant::new(grant.iter().copied());
        let mut attempts = Attempts::default();
        for expression in queries {
            attempts.query(&Query::parse(expression).unwrap(), expression, &grant);
        }
        names.iter().for_each(|name| attempts.name(name, &grant));
        attempts.into_told()
    }

    #[test]
    fn reaching_beyond_the_grant_is_told_once() {
        let queries = [
            "$.stdout[0].text",
            "$.turns[*].exit",
            "$..text",
            "$[*]",
            "$.turns[0].prompt",
            "$.stdout[0].text",
        ];
        assert_eq!(told(&["turns.exit"], &queries, &[]), ["$.stdout[0].text", "$.turns[0].prompt"]);
        let names = ["files/a/after", "requests/0/body", "$.egress[0]", "no path"];
        assert_eq!(told(&["files"], &[], &names), ["requests/0/body", "$.egress[0]", "no path"]);
    }

    #[test]
    fn attempts_are_bounded() {
        let names: Vec<_> = (0..100).map(|number| format!("stdout/{number}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let told = told(&["files"], &[], &names);
        assert_eq!((told.len(), told.last().map(String::as_str)), (TOLD + 1, Some("… and more")));
    }
}
