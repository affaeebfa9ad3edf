//! What of the selected requests is searched for a text.
//!
//! The host looks through transcripts, which may be large: only texts that may hold what is looked for are read.

use wassert_guest::{Evidence, Node, path};

use crate::selection::{self, Part, Selection, body_texts, member_texts};
use crate::texts::{SPOKEN, Text};

/// The most of a text that the host is asked for; what it finds is looked through again.
const ASKED_CHARACTERS: usize = 64;

/// Characters that stand for something else in an I-Regexp (RFC 9485), or would have to be escaped there.
const SPECIAL: &str = r"()*+-.?[\]^{|}$";

/// One request's part.
pub struct Searched {
    /// The place that was searched.
    pub place: String,
    /// Its texts; of a transcript, those that may hold the needle.
    pub texts: Vec<Text>,
}

/// The parts of the selected requests, in document order. `member` is one of the body.
///
/// # Errors
/// When the evidence cannot be read, or a body has no such member.
pub fn searched(
    evidence: &Evidence,
    selection: &Selection,
    part: Part,
    member: Option<&str>,
    needle: &str,
) -> Result<Vec<Searched>, String> {
    if part == Part::Transcript {
        return transcripts(evidence, selection, needle);
    }
    let body = |node: &Node| {
        let (texts, place) = match member {
            Some(member) => member_texts(evidence, node, member)?,
            None => body_texts(evidence, node)?,
        };
        Ok(Searched { place, texts })
    };
    selection.members(evidence, "body")?.iter().map(body).collect()
}

fn transcripts(evidence: &Evidence, selection: &Selection, needle: &str) -> Result<Vec<Searched>, String> {
    // A text above 64 KiB is an object that names its bytes: it may hold anything.
    let wanted = format!("[?search(@, {}) || @['$blob']]", path::quote(plain(needle)));
    let spoken: Vec<_> = SPOKEN.iter().map(|member| path::quote(member)).collect();
    let mut found = selection.below(evidence, &format!(".transcript[*]{wanted}"))?;
    found.extend(selection.below(evidence, &format!(".transcript[*][{}]..{wanted}", spoken.join(",")))?);
    let mut said: Vec<_> = found.into_iter().filter_map(|node| Some((place(&node)?, node))).collect();
    said.sort_by_key(|(place, _)| *place);
    // What stands in such an object is no text.
    let named: Vec<String> =
        said.iter().filter(|(_, node)| is_named(node)).map(|(_, node)| format!("{}[", node.path)).collect();
    said.retain(|(_, node)| !named.iter().any(|above| node.path.starts_with(above)));
    let mut said = said.into_iter().peekable();

    let mut searched = Vec::new();
    for request in selection.members(evidence, "lane")? {
        let Some(index) = selection::position(&request) else { continue };
        let place = path::member(&path::element("$['requests']", index), "transcript");
        let mut texts = Vec::new();
        while let Some(((of, ..), node)) = said.next_if(|((of, ..), _)| *of <= index) {
            if of == index {
                texts.push(Text { text: node.read()?, path: node.path });
            }
        }
        searched.push(Searched { place, texts });
    }
    Ok(searched)
}

/// Whether a node is not a text itself but names the bytes of one.
fn is_named(node: &Node) -> bool {
    node.json.starts_with('{')
}

/// Request, item and member in which a text is said; none where it only names the item.
fn place(node: &Node) -> Option<(usize, usize, usize)> {
    match path::parts(&node.path)?.get(1..5)? {
        [path::Part::Index(request), _, path::Part::Index(item), path::Part::Name(member)] => {
            Some((*request, *item, SPOKEN.iter().position(|spoken| spoken == member)?))
        }
        _ => None,
    }
}

/// The longest stretch of a text that means itself in an I-Regexp.
fn plain(text: &str) -> &str {
    let stretches = text.split(|character: char| SPECIAL.contains(character) || character.is_control());
    let longest = stretches.max_by_key(|stretch| stretch.len()).unwrap_or_default();
    longest.char_indices().nth(ASKED_CHARACTERS).map_or(longest, |(end, _)| &longest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_asked_for_what_means_itself() {
        for (text, asked) in [
            ("plain", "plain"),
            ("a.bc", "bc"),
            ("cost: $5 (net)", "cost: "),
            ("line\nlonger line", "longer line"),
            ("{}", ""),
        ] {
            assert_eq!(plain(text), asked, "{text}");
        }
        assert_eq!(plain(&"é".repeat(100)), "é".repeat(64));
    }
}
