//! One request with everything that is known of it: headers, transcript, reply, what was wrong, and its body on
//! demand.

use super::items::tell_item;
use super::layout::{Layout, counted};
use super::part::NoSuchPart;
use super::timeline::{answered, reached, wrong_with};
use crate::document::Document;

/// Headers told; the rest is counted.
const HEADERS: usize = 60;

/// Lines of one header's value.
const HEADER_LINES: usize = 4;

/// Lines of a body.
const BODY_LINES: usize = 2_000;

/// The request at a position. The body is told where it is given: text, however long.
///
/// # Errors
/// When there is no such request.
pub fn request(
    document: &Document,
    position: usize,
    body: Option<&str>,
    layout: Layout,
) -> Result<String, NoSuchPart> {
    let missing = NoSuchPart { kind: "request", asked: position, count: document.requests.len(), first: 0 };
    let request = document.requests.get(position).ok_or(missing)?;
    let mut out = String::new();
    layout
        .line(0)
        .place(&format!("requests[{position}]"))
        .plain(&format!(" turn {}, {}", request.turn, reached(request)))
        .end(&mut out);
    let protocol = format!(" over {}, protocol {}", request.transport, request.protocol);
    layout.line(2).strong(&request.method).plain(" ").plain(&request.path).plain(&protocol).end(&mut out);
    for (name, value) in [("model", &request.model), ("session", &request.session)] {
        if let Some(value) = value {
            layout.line(2).faint(&format!("{name} ")).plain(value).end(&mut out);
        }
    }
    if !request.tools.is_empty() {
        layout.line(2).faint("tools ").end(&mut out);
        layout.block(&mut out, 4, &request.tools.join(", "), BODY_LINES);
    }
    layout.line(2).strong("headers").end(&mut out);
    for (name, values) in request.headers.iter().take(HEADERS) {
        for value in values {
            layout.block(&mut out, 4, &format!("{name}: {value}"), HEADER_LINES);
        }
    }
    let more = request.headers.len().saturating_sub(HEADERS);
    if more > 0 {
        layout.line(4).faint(&format!("… {more} more headers")).end(&mut out);
    }
    let inherited = match request.inherited {
        0 => String::new(),
        inherited => format!(", the first {inherited} from earlier requests on the connection"),
    };
    let items = counted(request.transcript.len(), "item");
    layout.line(2).strong("transcript").faint(&format!(" {items}{inherited}")).end(&mut out);
    for (number, item) in request.transcript.iter().enumerate() {
        tell_item(&mut out, layout, 4, &format!("[{number}] "), item);
    }
    layout.line(2).strong("reply").plain(" ").faint(&answered(request)).end(&mut out);
    for (number, item) in request.reply.items.iter().enumerate() {
        tell_item(&mut out, layout, 4, &format!("[{number}] "), item);
    }
    let wrong = wrong_with(document, position);
    if !wrong.is_empty() {
        layout.line(2).strong("violations").end(&mut out);
    }
    for wrong in wrong {
        layout.line(4).wrong(&wrong).end(&mut out);
    }
    if let Some(body) = body {
        layout.line(2).strong("body").faint(&format!(" {} bytes", body.len())).end(&mut out);
        layout.block(&mut out, 4, body, BODY_LINES);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::Style;
    use super::super::fixture::document;
    use super::*;

    const LAYOUT: Layout = Layout { style: Style::Plain, width: 60 };

    #[test]
    fn a_request_is_told_in_full_and_its_body_on_demand() {
        let mut document = document();
        document.requests[1]
            .violations
            .push(crate::document::Violation { code: "duplicate-call".into(), message: "twice".into() });
        assert_eq!(
            request(&document, 1, Some("{\n  \"a\": 1\n}"), LAYOUT).unwrap(),
            r#"requests[1] turn 1, main step 2
  POST /v1/responses over http, protocol responses
  model fake-model
  tools
    shell
  headers
    accept: text/event-stream
    content-length: 2
  transcript 4 items
    [0] developer Be brief.
    [1] user Change \u{1b}[2J notes.txt.
    [2] calls shell as edit: {"command":"echo after"}
    [3] result of edit:
        line 1
        line 2
  reply answered 503 (fault): status 503
  violations
    duplicate-call: twice
  body 12 bytes
    {
      "a": 1
    }
"#
        );
        assert!(!request(&document, 1, None, LAYOUT).unwrap().contains("body"));
    }

    #[test]
    fn headers_are_bounded() {
        let mut document = document();
        for number in 0..100 {
            document.requests[0].headers.insert(format!("x-{number}"), vec!["v".repeat(10_000)]);
        }
        let text = request(&document, 0, None, LAYOUT).unwrap();
        assert!(text.contains("… 42 more headers"), "{text}");
        assert!(text.lines().count() < 400);
    }

    #[test]
    fn a_missing_request_says_how_many_there_are() {
        let error = request(&document(), 3, None, LAYOUT).unwrap_err();
        assert_eq!(error.to_string(), "there is no request 3: the recording has 3 requests, numbered 0 to 2");
    }
}
