//! The frames of a stream of server-sent events, as they stand in its text.

/// One frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireFrame {
    /// Its text, with the blank line that ends it.
    pub text: String,
    /// What its `event:` line says.
    pub name: Option<String>,
    /// What its `data:` lines say; none where it has none.
    pub data: Option<String>,
}

/// Cuts a stream after each blank line; what stands after the last one is a frame, too. Nothing is lost: the texts
/// together are the stream.
pub fn frames(stream: &str) -> Vec<WireFrame> {
    let mut frames = Vec::new();
    let mut frame = WireFrame::default();
    for line in stream.split_inclusive('\n') {
        frame.text.push_str(line);
        let content = line.trim_end_matches(['\n', '\r']);
        if content.is_empty() && line.ends_with('\n') {
            frames.push(std::mem::take(&mut frame));
            continue;
        }
        let (field, value) = content.split_once(':').unwrap_or((content, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => frame.name = Some(value.to_owned()),
            "data" => match &mut frame.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => frame.data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
    if !frame.text.is_empty() {
        frames.push(frame);
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_stream_is_lost() {
        let stream = ": hello\n\nevent: a\ndata: 1\ndata: 2\n\r\n\ndata:3";
        let cut = frames(stream);
        assert_eq!(cut.iter().map(|frame| frame.text.as_str()).collect::<String>(), stream);
        let told: Vec<_> = cut.iter().map(|frame| (frame.name.as_deref(), frame.data.as_deref())).collect();
        assert_eq!(told, [(None, None), (Some("a"), Some("1\n2")), (None, None), (None, Some("3"))]);
    }
}
