//! Replies as server-sent events: whatever a text holds, a reader of the standard's own rules gets it back; and
//! whatever a schedule asks for, the plan ends and sends no frame that it says it does not.

use serde_json::Value;

use super::super::odd::Random;
use crate::document::{Item, Role};
use crate::profile::{Protocol, Stop, WireCall};
use crate::scenario::{ByteAt, Change, End, FrameAt, LineEnd, Place, What, Wire};
use crate::server::part::Part;
use crate::server::protocol::{Head, format_of};
use crate::server::wire::{Form, Material, plan};

/// Runs one case.
pub(super) fn run(case: u64, random: &mut Random) -> String {
    let protocol = Protocol::ALL[random.below(4)];
    let said = text(random);
    let parts = [
        Part::Text { chunks: portions(&said, random) },
        Part::Call {
            id: "a".into(),
            wire: WireCall::Function {
                name: "f".into(),
                arguments: serde_json::json!({ "x": text(random) }),
            },
            pieces: 1 + random.below(5),
        },
    ];
    let head = Head {
        id: "i",
        stem: "s",
        model: &text(random),
        input_items: random.below(9),
        reports_usage: random.below(2) == 0,
        usage: None,
        stop: Stop::End,
    };
    let frames: Vec<Vec<u8>> =
        format_of(protocol).stream(&head, &parts).iter().map(|frame| frame.sse().to_vec()).collect();
    let events: Vec<Value> =
        read(&frames.concat()).iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    let expected: Vec<Item> = parts.iter().map(Part::item).collect();
    let understood = format_of(protocol).said(&events);
    // A message of nothing is no item in some protocols.
    let is_empty = |item: &Item| *item == Item::Message { role: Role::Assistant, text: String::new() };
    let without = |items: Vec<Item>| items.into_iter().filter(|item| !is_empty(item)).collect::<Vec<_>>();
    assert_eq!(without(understood), without(expected), "case {case}: {protocol:?}");

    let form = [Form::Chunked, Form::Length, Form::Messages][random.below(3)];
    let material = Material { status: 200, headers: Vec::new(), frames, form };
    let wire = Wire {
        headers: vec![("content-length".to_owned(), random.below(99).to_string())].split_off(random.below(2)),
        changes: (0..random.below(7)).map(|_| change(random)).collect(),
        then_completed: false,
    };
    let plan = plan(&material, &wire);
    let sent: Vec<usize> = plan.sent().collect();
    assert!(sent.iter().all(|frame| *frame < material.frames.len()), "case {case}");
    if wire.delivers() {
        assert_eq!(sent.len(), material.frames.len(), "case {case}: {wire:?}");
    }
    format!(
        "events: {} read back, {}",
        protocol.word(),
        if plan.unknown.is_empty() { "kept" } else { "told" }
    )
}

/// Text with everything in it that could be taken for framing.
fn text(random: &mut Random) -> String {
    const ODD: [&str; 14] = [
        "a",
        " ",
        "\n",
        "\r",
        "\r\n\r\n",
        "data: x\n\n",
        "\u{0}",
        "é",
        "\u{2028}",
        "🦀",
        "\"",
        "\\",
        ": ping",
        "[DONE]",
    ];
    (0..random.below(12)).map(|_| ODD[random.below(ODD.len())]).collect()
}

fn portions(text: &str, random: &mut Random) -> Vec<String> {
    let mut portions = vec![String::new()];
    for character in text.chars() {
        if random.below(3) == 0 {
            portions.push(String::new());
        }
        portions.last_mut().unwrap().push(character);
    }
    portions
}

/// The data of every event, by the rules of the standard (WHATWG HTML, 9.2.6): lines end in CR, LF or both.
fn read(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut data) = (Vec::new(), Vec::new());
    for line in lines.split('\n') {
        match line.split_once(':') {
            _ if line.is_empty() && !data.is_empty() => events.push(std::mem::take(&mut data).join("\n")),
            Some(("data", value)) => data.push(value.strip_prefix(' ').unwrap_or(value).to_owned()),
            _ => {}
        }
    }
    events
}

fn change(random: &mut Random) -> Change {
    let number = |random: &mut Random| random.below(30) as i32 - 10;
    let frame = match random.below(4) {
        0 => FrameAt::Every,
        1 => FrameAt::Named(["response.completed", "x"][random.below(2)].to_owned()),
        _ => FrameAt::Number(number(random)),
    };
    let byte = match random.below(5) {
        0 => ByteAt::End,
        1 => ByteAt::InsideCharacter,
        2 => ByteAt::Offset(number(random) * 9),
        _ => ByteAt::Start,
    };
    let what = match random.below(17) {
        0 => What::Delay { ms: 1 },
        1 => What::Settle { ms: 1 },
        2 => What::Split,
        3 => What::Trickle { bytes: 1 + random.below(9), every_ms: 0 },
        4 => {
            What::End([End::Clean, End::Fin, End::Reset, End::HalfClose, End::Stall][random.below(5)].clone())
        }
        5 => What::End(End::Close { code: 1011, reason: text(random) }),
        6 => What::Drop,
        7 => What::Duplicate,
        8 => What::MoveAfter(number(random)),
        9 => What::Comment(text(random)),
        10 => What::LineEnd([LineEnd::Cr, LineEnd::CrLf][random.below(2)]),
        11 => What::NoBlankLine,
        12 => What::NoEventLine,
        13 => What::Insert { event: None, data: text(random) },
        14 => What::Raw(text(random)),
        15 => What::Binary,
        _ => What::Fragment(1 + random.below(9)),
    };
    Change { at: Place { frame, byte }, what }
}
