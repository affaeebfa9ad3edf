//! An assertion that only this scenario needs: after the run, the lines of `notes.txt` are in order.

use wassert_guest::{Assertion, Evidence, NoParameters, Report};

wassert_guest::pack![NotesAreSorted];

struct NotesAreSorted;

impl Assertion for NotesAreSorted {
    const NAME: &'static str = "notes-are-sorted";
    const SUMMARY: &'static str = "left the lines of notes.txt in order";
    const READS: &'static [&'static str] = &["files"];
    const SCHEMA: &'static str = "";
    type Parameters = NoParameters;

    fn check(_: NoParameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let text = evidence.one("$.files['notes.txt'].after.text")?;
        let notes: String = text.read()?;
        match first_out_of_order(&notes) {
            None => report.pass(&text, "the lines are in order"),
            Some(line) => {
                report.fail(&text, format!("`{line}` comes after a greater line"), "lines in order")
            }
        }
        Ok(())
    }
}

/// The first line that is less than the one before it.
fn first_out_of_order(text: &str) -> Option<&str> {
    text.lines().zip(text.lines().skip(1)).find(|(before, line)| line < before).map(|(_, line)| line)
}

#[cfg(test)]
mod tests {
    use super::first_out_of_order;

    #[test]
    fn the_first_line_out_of_order_is_named() {
        assert_eq!(first_out_of_order("a\nb\nb\n"), None);
        assert_eq!(first_out_of_order("b\nc\na\n"), Some("a"));
    }
}
