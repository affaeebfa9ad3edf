//! The conversations as a reader wants them: of each request what is new, and what the model answered.

use std::collections::BTreeMap;

use super::items::tell_item;
use super::layout::{Layout, counted};
use super::news::{arrival, new_items, news};
use super::part::NoSuchPart;
use super::timeline::{reached, tell_answer, turns, wrong_with};
use crate::document::Document;

/// Every conversation, or what one turn added to each.
///
/// # Errors
/// When there is no such turn.
pub fn transcript(document: &Document, turn: Option<u32>, layout: Layout) -> Result<String, NoSuchPart> {
    turns(document, turn)?;
    let mut conversations: BTreeMap<usize, (String, Vec<usize>)> = BTreeMap::new();
    for (order, position) in arrival(document).into_iter().enumerate() {
        let request = &document.requests[position];
        if turn.is_some_and(|turn| request.turn != turn) {
            continue;
        }
        let title = match request.conversation {
            0 => format!("{}, no conversation", request.lane),
            conversation => format!("{}, conversation {conversation}", request.lane),
        };
        match conversations.values_mut().find(|(known, _)| *known == title) {
            Some((_, positions)) => positions.push(position),
            None => {
                conversations.insert(order, (title, vec![position]));
            }
        }
    }
    let mut out = String::new();
    for (title, positions) in conversations.values() {
        if !out.is_empty() {
            out.push('\n');
        }
        layout.line(0).strong(title).end(&mut out);
        for position in positions {
            tell(&mut out, document, *position, layout);
        }
    }
    if out.is_empty() {
        layout.line(0).faint("no request reached the server").end(&mut out);
    }
    Ok(out)
}

fn tell(out: &mut String, document: &Document, position: usize, layout: Layout) {
    let request = &document.requests[position];
    let news = news(document, position);
    out.push('\n');
    layout
        .line(0)
        .place(&format!("requests[{position}]"))
        .plain(&if document.scenario.served {
            format!(" {}", reached(request))
        } else {
            format!(" turn {}, {}", request.turn, reached(request))
        })
        .end(out);
    match news.previous {
        None => {
            let model = request.model.as_deref().unwrap_or("no model");
            let tools = if request.tools.is_empty() { "none".to_owned() } else { request.tools.join(", ") };
            layout.line(2).faint(&format!("model {model}; tools {tools}")).end(out);
        }
        Some(previous) => {
            for change in &news.changes {
                layout.line(2).faint("changed: ").plain(change).end(out);
            }
            for header in &news.headers {
                layout.line(2).faint("header: ").plain(header).end(out);
            }
            if news.gone > 0 {
                let gone =
                    format!("history rewritten: {} of requests[{previous}] gone", counted(news.gone, "item"));
                layout.line(2).wrong(&gone).end(out);
            }
            if news.first_new >= request.transcript.len() {
                layout.line(2).faint(&format!("nothing new since requests[{previous}]")).end(out);
            }
        }
    }
    for (offset, item) in new_items(request, &news).iter().enumerate() {
        tell_item(out, layout, 2, &format!("[{}] ", news.first_new + offset), item);
    }
    for wrong in wrong_with(document, position) {
        layout.line(2).wrong(&wrong).end(out);
    }
    tell_answer(out, request, 2, layout);
    for item in &request.reply.items {
        tell_item(out, layout, 2, "→ ", item);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Style;
    use super::super::fixture::document;
    use super::*;

    const LAYOUT: Layout = Layout { style: Style::Plain, width: 80 };

    #[test]
    fn nothing_is_told_twice() {
        assert_eq!(
            transcript(&document(), None, LAYOUT).unwrap(),
            r#"main, conversation 1

requests[0] turn 1, main step 1
  model fake-model; tools shell
  [0] developer Be brief.
  [1] user Change \u{1b}[2J notes.txt.
  → calls shell as edit: {"command":"echo after"}

requests[1] turn 1, main step 2
  [3] result of edit:
      line 1
      line 2
  answered 503 (fault): status 503

requests[2] turn 1, main step 2 attempt 2
  nothing new since requests[1]
  → assistant Done.
"#
        );
    }

    #[test]
    fn requests_without_a_conversation_are_told_whole() {
        let mut document = document();
        for request in &mut document.requests {
            request.conversation = 0;
        }
        let text = transcript(&document, None, LAYOUT).unwrap();
        assert_eq!(text.matches("main, no conversation").count(), 1, "{text}");
        assert_eq!(text.matches("Be brief.").count(), 3, "{text}");
    }

    #[test]
    fn a_turn_that_is_not_there_is_an_error() {
        assert!(transcript(&document(), Some(3), LAYOUT).is_err());
    }
}
