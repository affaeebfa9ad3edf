//! A module asks for parts of the run document: what that costs, and what is too much.

use std::sync::Arc;

use super::answers::{Answer, Wanted};
use super::case::{Case, refused};
use super::door::bindings::wassert::pack::evidence::{Node, Refusal};
use super::limits::{grouped, size};
use super::stop::Stop;
use crate::query::{self, Query};

/// The outer error ends the judging, the inner one is for the module.
type Asked<T> = Result<Result<T, Refusal>, Stop>;

impl Case {
    /// The matches of an expression.
    pub fn query(&mut self, expression: &str, skip: u32, max: u32) -> Asked<Vec<Node>> {
        let wanted = Wanted::Page { skip, max };
        Ok(self.ask(expression, wanted)?.map(|answer| answer.nodes.to_vec()))
    }

    /// How many there are.
    pub fn count(&mut self, expression: &str) -> Asked<u32> {
        let answer = self.ask(expression, Wanted::Count)?;
        Ok(answer.map(|answer| u32::try_from(answer.count).unwrap_or(u32::MAX)))
    }

    fn ask(&mut self, expression: &str, wanted: Wanted) -> Asked<Answer> {
        self.charge(expression.len() as u64)?;
        if expression.len() > self.limits.expression_bytes {
            let most = size(self.limits.expression_bytes as u64);
            let detail = format!("the expression is larger than {most} (limits.expression_bytes)");
            return Ok(Err(refused("too-large", detail)));
        }
        let known = self.evidence.answers.get(expression, self.granted.number, wanted);
        // Where it is too much, the refusal comes before the end.
        if let Some(answer) = known
            && answer.count <= self.limits.matches
            && answer.bytes <= self.limits.answer_bytes
        {
            self.charge(answer.units)?;
            self.reads += 1;
            return Ok(Ok(answer));
        }
        let query = match Query::parse(expression) {
            Ok(query) => query,
            Err(refusal) => return Ok(Err(told(&refusal))),
        };
        let is_attempt = self.said.attempts.query(&query, expression, &self.granted.grant);
        let answer = self.evaluate(&query, wanted)?;
        if let Ok(answer) = &answer
            && !is_attempt
        {
            self.evidence.answers.put(expression, self.granted.number, wanted, answer.clone());
        }
        Ok(answer)
    }

    fn evaluate(&mut self, query: &Query, wanted: Wanted) -> Asked<Answer> {
        let before = self.work.left();
        let (evidence, granted) = (Arc::clone(&self.evidence), Arc::clone(&self.granted));
        let shown = evidence.shown(&granted);
        let found = match wanted {
            Wanted::Count => query::count(query, shown, &mut self.work).map(|count| (Vec::new(), count)),
            Wanted::Page { skip, max } => {
                query::page(query, shown, skip as usize, max as usize, &mut self.work).map(|found| {
                    let count = found.len();
                    (found, count)
                })
            }
        };
        let (found, count) = match found {
            Ok(found) => found,
            Err(query::Refusal::Exhausted) => return Err(self.exhausted()),
            Err(refusal) => return Ok(Err(told(&refusal))),
        };
        self.reads += 1;
        if count > self.limits.matches {
            let most = grouped(self.limits.matches as u64);
            let detail = format!("the query matches more than {most} times (limits.matches)");
            return Ok(Err(refused("too-large", detail)));
        }
        let mut nodes = Vec::with_capacity(found.len());
        let mut bytes = 0;
        for query::Node { path, value } in found {
            let json = value.canonical();
            bytes += path.len() + json.len();
            self.charge(json.len() as u64)?;
            if bytes > self.limits.answer_bytes {
                let detail = format!(
                    "the matches are larger than {} (limits.answer_bytes); ask for fewer at a time or for less of each",
                    size(self.limits.answer_bytes as u64)
                );
                return Ok(Err(refused("too-large", detail)));
            }
            nodes.push(Node { path, json });
        }
        Ok(Ok(Answer { nodes: nodes.into(), count, bytes, units: before - self.work.left() }))
    }
}

fn told(refusal: &query::Refusal) -> Refusal {
    let code = match refusal {
        query::Refusal::Invalid { .. } => "invalid-expression",
        _ => "too-large",
    };
    refused(code, refusal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::evidence::{Evidence, EvidenceSource};
    use super::super::limits::Limits;
    use super::*;

    fn evidence() -> (tempfile::TempDir, Arc<Evidence>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let requests: Vec<_> = (0..20).map(|x| json!({ "x": x, "text": "some text" })).collect();
        let document = json!({ "schema": "wassert.run/1", "turns": [{ "exit": 0 }], "requests": requests });
        std::fs::write(&path, document.to_string()).unwrap();
        let evidence = Arc::new(Evidence::load(&EvidenceSource::Document(path)).unwrap());
        (folder, evidence)
    }

    fn case(evidence: &Arc<Evidence>, prefix: &str, limits: Limits) -> Case {
        Case::new(Arc::clone(evidence), evidence.granted(&[prefix.to_owned()]), limits)
    }

    /// A query in each of its forms, as a module asks for it in a judging of its own.
    type Asking = fn(&mut Case) -> String;

    const ASKED: [Asking; 6] = [
        |case| format!("{:?}", case.query("$.requests[*].x", 0, 5)),
        |case| format!("{:?}", case.query("$.requests[*].x", 5, 500)),
        |case| format!("{:?}", case.count("$.requests[*].x")),
        |case| format!("{:?}", case.query("$.requests[?search(@.text, 'text')].text", 0, 500)),
        |case| format!("{:?}", case.query("$.turns[0].exit", 0, 5)),
        |case| format!("{:?}", case.query("$.requests[", 0, 5)),
    ];

    /// The answer, the work it took, whether it counts as having read, and what is told as an attempt.
    fn asked(
        evidence: &Arc<Evidence>,
        prefix: &str,
        limits: &Limits,
        ask: Asking,
    ) -> (String, u64, u64, Vec<String>) {
        let mut case = case(evidence, prefix, limits.clone());
        let answer = ask(&mut case);
        // A judging that was stopped has no use for it.
        let reads = if answer.starts_with("Err(") { 0 } else { case.reads };
        (answer, limits.host_work - case.work.left(), reads, case.said.attempts.into_told())
    }

    #[test]
    fn an_answer_that_is_remembered_is_the_same_at_the_same_cost() {
        let (_folder, remembering) = evidence();
        let limits = Limits::default();
        for prefix in ["requests", "requests.x", "turns"] {
            for ask in ASKED {
                let (_folder, fresh) = evidence();
                let expected = asked(&fresh, prefix, &limits, ask);
                assert_eq!(asked(&remembering, prefix, &limits, ask), expected, "for the first time");
                assert_eq!(asked(&remembering, prefix, &limits, ask), expected, "remembered");
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_as_what_is_evaluated() {
        let (_folder, remembering) = evidence();
        for ask in ASKED {
            asked(&remembering, "requests", &Limits::default(), ask);
        }
        let ample = Limits::default();
        let few = [
            Limits { matches: 10, ..ample.clone() },
            Limits { answer_bytes: 100, ..ample.clone() },
            Limits { expression_bytes: 12, ..ample.clone() },
        ];
        let poor = (0..400).step_by(7).map(|host_work| Limits { host_work, ..ample.clone() });
        for limits in few.into_iter().chain(poor) {
            for ask in ASKED {
                let (_folder, fresh) = evidence();
                let expected = asked(&fresh, "requests", &limits, ask);
                assert_eq!(asked(&remembering, "requests", &limits, ask), expected, "{limits:?}");
            }
        }
    }

    #[test]
    fn a_question_is_answered_from_memory() {
        let (_folder, evidence) = evidence();
        let mut case = case(&evidence, "requests", Limits::default());
        let number = case.granted.number;
        assert!(evidence.answers.get("$.requests[*].x", number, Wanted::Count).is_none());
        case.count("$.requests[*].x").unwrap().unwrap();
        let kept = evidence.answers.get("$.requests[*].x", number, Wanted::Count).unwrap();
        evidence.answers.put("$.requests[*].x", number, Wanted::Count, Answer { count: 7, ..kept });
        assert_eq!(case.count("$.requests[*].x").unwrap().unwrap(), 7);
    }
}
