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
            Err(refusal) => return Ok(Err(refused("invalid-expression", refusal))),
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
            Err(refusal @ query::Refusal::Invalid { .. }) => {
                return Ok(Err(refused("invalid-expression", refusal)));
            }
            Err(refusal @ (query::Refusal::TooLarge { .. } | query::Refusal::PathsTooLarge { .. })) => {
                return Ok(Err(refused("too-large", refusal)));
            }
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
