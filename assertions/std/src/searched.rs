//! What of the selected requests is searched for a text.
//!
//! The host looks through transcripts, which may be large: only texts that may hold what is looked for are read.

use wassert_guest::{Evidence, Node, path};

use crate::selection::{self, Part, Selection, body_texts, member_texts, transcript};
use crate::texts::{PLACES, SPOKEN, Text};

/// The most of a text that the host is asked for; what it finds is looked through again.
const ASKED_CHARACTERS: usize = 64;

/// Characters that stand for something else in an I-Regexp (RFC 9485), or would have to be escaped there.
const SPECIAL: &str = r"()*+-.?[\]^{|}$";

/// What was searched, and what may hold the needle.
pub struct Searched {
    /// The first places that were searched; none when there is no such request.
    pub places: Vec<String>,
    /// The requests whose texts may hold the needle, in document order.
    pub parts: Vec<SearchedPart>,
}

/// One request's part.
pub struct SearchedPart {
    /// The place that was searched.
    pub place: String,
    /// Its texts; of a transcript, those that may hold the needle.
    pub texts: Vec<Text>,
}

/// Searches the selected requests. `member` is one of the body. Of transcripts, no more is read than holds the needle
/// `enough` times, where that is said.
///
/// # Errors
/// When the evidence cannot be read, or a body has no such member.
pub fn searched(
    evidence: &Evidence,
    selection: &Selection,
    part: Part,
    member: Option<&str>,
    needle: &str,
    enough: Option<u32>,
) -> Result<Searched, String> {
    if part == Part::Transcript {
        return transcripts(evidence, selection, needle, enough);
    }
    let body = |node: &Node| {
        let (texts, place) = match member {
            Some(member) => member_texts(evidence, node, member)?,
            None => body_texts(evidence, node)?,
        };
        Ok(SearchedPart { place, texts })
    };
    let parts: Vec<_> =
        selection.members(evidence, "body")?.iter().map(body).collect::<Result<_, String>>()?;
    let places = parts.iter().take(PLACES).map(|part| part.place.clone()).collect();
    Ok(Searched { places, parts })
}

fn transcripts(
    evidence: &Evidence,
    selection: &Selection,
    needle: &str,
    enough: Option<u32>,
) -> Result<Searched, String> {
    let selected: Vec<_> =
        selection.first_members(evidence, "lane", PLACES)?.iter().filter_map(selection::position).collect();
    let places: Vec<_> = selected.iter().copied().map(transcript).collect();
    // A text above 64 KiB is an object that names its bytes: it may hold anything.
    let wanted = format!(".transcript[*]..[?search(@, {}) || @['$blob']]", path::quote(plain(needle)));
    let expression = match &selected[..] {
        [] => return Ok(Searched { places, parts: Vec::new() }),
        [one] => format!("$.requests[{one}]{wanted}"),
        _ => selection.expression(&wanted),
    };
    let mut said = Vec::new();
    let mut named: Vec<String> = Vec::new();
    let mut times = 0;
    for node in evidence.matches(&expression) {
        let node = node?;
        // What stands in an object that names bytes is no text; the object comes before it.
        if named.iter().any(|above| node.path.starts_with(above)) {
            continue;
        }
        if is_named(&node) {
            named.push(format!("{}[", node.path));
        }
        let Some(place) = place(&node) else { continue };
        let text = node.text()?.into_owned();
        times += text.matches(needle).count() as u32;
        said.push((place, Text { text, path: node.path }));
        if enough.is_some_and(|enough| times >= enough) {
            break;
        }
    }
    // A descendant segment gives what stands deeper after everything beside it.
    said.sort_by_key(|(place, _)| *place);

    let mut parts: Vec<SearchedPart> = Vec::new();
    let mut latest = None;
    for ((request, ..), text) in said {
        if latest.replace(request) != Some(request) {
            parts.push(SearchedPart { place: transcript(request), texts: Vec::new() });
        }
        if let Some(part) = parts.last_mut() {
            part.texts.push(text);
        }
    }
    Ok(Searched { places, parts })
}

/// Whether a node is not a text itself but names the bytes of one.
fn is_named(node: &Node) -> bool {
    node.json.starts_with('{')
}

/// Request, item and member in which a text is said; none where it only names the item.
fn place(node: &Node) -> Option<(usize, usize, usize)> {
    let mut steps = path::steps(&node.path).skip(1);
    match [steps.next()?, steps.next()?, steps.next()?, steps.next()?] {
        [path::Part::Index(request), _, path::Part::Index(item), path::Part::Name(member)] => {
            Some((request, item, SPOKEN.iter().position(|spoken| *spoken == member)?))
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
