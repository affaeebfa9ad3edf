//! What is left of a recording when its turns are told: files that changed, secrets that were replaced, verdicts.

use super::Style;
use super::items::word;
use super::layout::Layout;
use super::normalized::short;
use crate::document::{Change, Document, FileChange};
use crate::value::{Outcome, Verdict};

/// Everything that belongs to no single turn.
pub(super) fn aftermath(out: &mut String, document: &Document, verdicts: &[Verdict], layout: Layout) {
    tell_files(out, document, layout);
    tell_redactions(out, document, layout);
    tell_verdicts(out, verdicts, layout);
}

fn tell_files(out: &mut String, document: &Document, layout: Layout) {
    let mut changed = document.files.iter().filter(|(_, file)| file.change != Change::Unchanged).peekable();
    if changed.peek().is_some() {
        out.push('\n');
        layout.line(0).strong("files").end(out);
    }
    for (path, file) in changed {
        let paint = match file.change {
            Change::Added => Style::added,
            Change::Removed => Style::removed,
            Change::Modified | Change::Unchanged => Style::strong,
        };
        layout
            .line(2)
            .add(&format!("{:<9} ", word(&file.change)), paint)
            .place(path)
            .faint(&format!("  {}", sizes(file)))
            .end(out);
    }
}

fn sizes(file: &FileChange) -> String {
    match (&file.before, &file.after) {
        (Some(before), Some(after)) => format!("{} → {} bytes", before.bytes, after.bytes),
        (Some(one), None) | (None, Some(one)) => format!("{} bytes", one.bytes),
        (None, None) => String::new(),
    }
}

fn tell_redactions(out: &mut String, document: &Document, layout: Layout) {
    if !document.redactions.is_empty() {
        out.push('\n');
        layout.line(0).strong("secrets that were replaced").end(out);
    }
    for (position, redaction) in document.redactions.iter().enumerate() {
        layout
            .line(2)
            .place(&format!("redactions[{position}]"))
            .plain(&format!(
                " {} times secret {} ({}), ",
                redaction.count, redaction.secret, redaction.source
            ))
            .plain(&word(&redaction.form))
            .faint(" at ")
            .plain(&short(&redaction.place))
            .end(out);
    }
}

fn tell_verdicts(out: &mut String, verdicts: &[Verdict], layout: Layout) {
    if !verdicts.is_empty() {
        out.push('\n');
        layout.line(0).strong("verdicts").end(out);
    }
    for verdict in verdicts {
        let word = format!("{:>5}", verdict.outcome.word());
        layout
            .line(2)
            .add(&word, |style, text| style.outcome(verdict.outcome, text))
            .plain(" ")
            .plain(&verdict.assertion)
            .end(out);
        if verdict.outcome == Outcome::Pass {
            continue;
        }
        if let Some(error) = &verdict.error {
            layout.line(8).wrong(&error.message).end(out);
        }
        for finding in verdict.findings.iter().filter(|finding| finding.outcome == verdict.outcome) {
            layout.line(8).plain(&finding.message).end(out);
            if let Some(place) = finding.at.first() {
                layout.line(8).faint("at ").place(&short(&place.path)).end(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::document;
    use super::*;

    #[test]
    fn a_secret_that_was_replaced_is_told_with_its_place() {
        let mut document = document();
        document.redactions.push(crate::document::Redaction {
            secret: 1,
            place: "$['requests'][0]['body']".into(),
            source: "declared".into(),
            count: 2,
            ..crate::document::Redaction::default()
        });
        let mut text = String::new();
        aftermath(&mut text, &document, &[], Layout { style: Style::Plain, width: 80 });
        let line = "redactions[0] 2 times secret 1 (declared), plain at $.requests[0].body";
        assert!(text.contains(line), "{text}");
    }
}
