//! `{{…}}` in what a stand-in says and remembers. Total: what is no reference stands for itself.

/// A part of such a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShimPart<'a> {
    /// Stands for itself.
    Text(&'a str),
    /// `{{name}}`: a value that was set.
    Value(&'a str),
    /// `{{argument:2}}`: an argument, from 1.
    Argument(u8),
    /// `{{argument:…}}` with something that is no number of an argument.
    NoArgument(&'a str),
    /// `{{stdin}}`: the standard input.
    Stdin,
    /// `{{count}}`: how often this reply has been given.
    Count,
}

/// The parts of a text: `{{{{` stands for two brackets, and so do brackets around anything that could be no name.
pub fn shim_parts(text: &str) -> Vec<ShimPart<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        parts.push(ShimPart::Text(before));
        let (part, behind) = match after.strip_prefix("{{") {
            Some(behind) => (ShimPart::Text("{{"), behind),
            None => after
                .split_once("}}")
                .and_then(|(word, behind)| Some((reference(word)?, behind)))
                .unwrap_or((ShimPart::Text("{{"), after)),
        };
        parts.push(part);
        rest = behind;
    }
    parts.push(ShimPart::Text(rest));
    parts.retain(|part| *part != ShimPart::Text(""));
    parts
}

fn reference(word: &str) -> Option<ShimPart<'_>> {
    if let Some(number) = word.strip_prefix("argument:") {
        let known = number.parse().ok().filter(|number| *number > 0);
        return Some(known.map_or(ShimPart::NoArgument(word), ShimPart::Argument));
    }
    match word {
        "stdin" => Some(ShimPart::Stdin),
        "count" => Some(ShimPart::Count),
        name => is_name(name).then_some(ShimPart::Value(name)),
    }
}

/// Whether a word can be the name of a value.
pub(super) fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use super::ShimPart::{Argument, Count, NoArgument, Stdin, Text, Value};
    use super::*;

    #[test]
    fn references_are_told_from_brackets() {
        let cases: [(&str, &[ShimPart<'_>]); 9] = [
            ("", &[]),
            (
                "a {{b-1}}{{count}} {{stdin}}\n",
                &[Text("a "), Value("b-1"), Count, Text(" "), Stdin, Text("\n")],
            ),
            ("{{argument:2}}{{argument:255}}", &[Argument(2), Argument(255)]),
            ("{{argument:0}}{{argument:300}}", &[NoArgument("argument:0"), NoArgument("argument:300")]),
            ("{{argument:}}", &[NoArgument("argument:")]),
            ("{{{{count}}", &[Text("{{"), Text("count}}")]),
            ("{{ count }}", &[Text("{{"), Text(" count }}")]),
            ("{{.title}} {{x}}", &[Text("{{"), Text(".title}} "), Value("x")]),
            ("{{never", &[Text("{{"), Text("never")]),
        ];
        for (text, parts) in cases {
            assert_eq!(shim_parts(text), parts, "{text}");
        }
    }
}
