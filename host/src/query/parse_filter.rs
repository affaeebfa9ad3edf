//! Reads what stands in a filter, and checks that functions and comparisons are well-typed (RFC 9535 section 2.4.3).

use super::Refusal;
use super::ast::{Comparison, Literal, Logical, Operand, Origin, Query};
use super::iregexp;
use super::parse::Parser;

pub(super) fn logical(parser: &mut Parser<'_>) -> Result<Logical, Refusal> {
    let mut parts = vec![conjunction(parser)?];
    while follows(parser, "||") {
        parts.push(conjunction(parser)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Logical::Or(parts) })
}

fn conjunction(parser: &mut Parser<'_>) -> Result<Logical, Refusal> {
    let mut parts = vec![basic(parser)?];
    while follows(parser, "&&") {
        parts.push(basic(parser)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Logical::And(parts) })
}

fn follows(parser: &mut Parser<'_>, operator: &str) -> bool {
    parser.text.skip_blank();
    let found = parser.text.take(operator);
    parser.text.skip_blank();
    found
}

fn basic(parser: &mut Parser<'_>) -> Result<Logical, Refusal> {
    if parser.text.take("!") {
        parser.text.skip_blank();
        return match (parser.text.peek(), parser.nested(basic)?) {
            (Some('!'), _) => Err(parser.text.invalid("one `!` is enough")),
            (Some('('), inner) => Ok(Logical::Not(Box::new(inner))),
            (_, Logical::Compare(..)) => {
                Err(parser.text.invalid("put the comparison after `!` in parentheses"))
            }
            (_, inner) => Ok(Logical::Not(Box::new(inner))),
        };
    }
    if parser.text.take("(") {
        parser.text.skip_blank();
        let inner = parser.nested(logical)?;
        parser.text.skip_blank();
        parser.text.expect(")")?;
        return Ok(inner);
    }
    let left = term(parser)?;
    let Some(comparison) = comparison(parser) else {
        return match left {
            Term::Query(query) => Ok(Logical::Exists(query)),
            Term::Test(test) => Ok(test),
            Term::Operand(_) => {
                Err(parser.text.invalid("a value alone is neither true nor false: compare it"))
            }
        };
    };
    parser.text.skip_blank();
    let left = operand(parser, left)?;
    let right = term(parser)?;
    Ok(Logical::Compare(left, comparison, operand(parser, right)?))
}

fn comparison(parser: &mut Parser<'_>) -> Option<Comparison> {
    let words = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    parser.text.skip_blank();
    words.into_iter().find(|(word, _)| parser.text.take(word)).map(|(_, comparison)| comparison)
}

/// What may stand beside a comparison or in a function's argument, before its type is asked for.
enum Term {
    Query(Query),
    Operand(Operand),
    Test(Logical),
}

fn term(parser: &mut Parser<'_>) -> Result<Term, Refusal> {
    match parser.text.peek() {
        Some('@' | '$') => filter_query(parser).map(Term::Query),
        Some('\'' | '"') => {
            parser.text.string().map(|text| Term::Operand(Operand::Literal(Literal::Text(text))))
        }
        Some('-' | '0'..='9') => {
            parser.text.number().map(|lexeme| Term::Operand(Operand::Literal(Literal::Number(lexeme))))
        }
        _ => {
            if let Some(name) = parser.text.function_name() {
                return parser.nested(|parser| function(parser, name));
            }
            for (word, value) in
                [("true", Literal::Bool(true)), ("false", Literal::Bool(false)), ("null", Literal::Null)]
            {
                if parser.text.take(word) {
                    return Ok(Term::Operand(Operand::Literal(value)));
                }
            }
            Err(parser.text.invalid("expected `@`, `$`, a literal or a function"))
        }
    }
}

fn filter_query(parser: &mut Parser<'_>) -> Result<Query, Refusal> {
    let origin = if parser.text.take("@") {
        Origin::Current
    } else {
        parser.text.expect("$")?;
        Origin::Root
    };
    let segments = parser.segments()?;
    if parser.filters > 1 && (origin == Origin::Root || segments.iter().any(|segment| segment.descendant)) {
        return Err(parser.text.invalid("a filter of a filter may use neither `$` nor `..`"));
    }
    Ok(Query { origin, segments })
}

fn function(parser: &mut Parser<'_>, name: &str) -> Result<Term, Refusal> {
    parser.text.skip_blank();
    let first = term(parser)?;
    let result = match name {
        "length" => Term::Operand(Operand::Length(Box::new(operand(parser, first)?))),
        "count" => Term::Operand(Operand::Count(nodes(parser, first)?)),
        "value" => Term::Operand(Operand::Value(nodes(parser, first)?)),
        "match" | "search" => {
            let text = operand(parser, first)?;
            parser.text.skip_blank();
            parser.text.expect(",")?;
            parser.text.skip_blank();
            let second = term(parser)?;
            let pattern = operand(parser, second)?;
            let whole = name == "match";
            if let Operand::Literal(Literal::Text(expression)) = &pattern {
                iregexp::read(expression).map_err(|detail| parser.text.invalid(detail))?;
            }
            Term::Test(Logical::Matches { whole, text, pattern })
        }
        _ => return Err(parser.text.invalid(format!("there is no function `{name}`"))),
    };
    parser.text.skip_blank();
    parser.text.expect(")")?;
    Ok(result)
}

fn operand(parser: &Parser<'_>, term: Term) -> Result<Operand, Refusal> {
    match term {
        Term::Operand(operand) => Ok(operand),
        Term::Query(query) if query.is_singular() => Ok(Operand::Singular(query)),
        Term::Query(_) => Err(parser.text.invalid("expected a value; this query may select several nodes")),
        Term::Test(_) => Err(parser.text.invalid("expected a value; `match` and `search` are true or false")),
    }
}

fn nodes(parser: &Parser<'_>, term: Term) -> Result<Query, Refusal> {
    match term {
        Term::Query(query) => Ok(query),
        _ => Err(parser.text.invalid("expected a query")),
    }
}
