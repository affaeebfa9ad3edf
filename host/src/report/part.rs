//! A part of a recording that was asked for by its number and is not there.

/// How many there are instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} {asked}: {}", self.there_are())]
pub struct NoSuchPart {
    /// `event`, `request` or `turn`.
    pub kind: &'static str,
    /// The number asked for.
    pub asked: usize,
    /// How many the recording has.
    pub count: usize,
    /// The number of the first.
    pub first: usize,
}

impl NoSuchPart {
    fn there_are(&self) -> String {
        let Self { kind, count, first, .. } = self;
        match count {
            0 => format!("the recording has no {kind}s"),
            1 => format!("the recording has one {kind}, number {first}"),
            _ => format!("the recording has {count} {kind}s, numbered {first} to {}", first + count - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_many_there_are() {
        let missing = |count| NoSuchPart { kind: "event", asked: 9, count, first: 0 }.to_string();
        assert_eq!(missing(0), "there is no event 9: the recording has no events");
        assert_eq!(missing(1), "there is no event 9: the recording has one event, number 0");
        assert_eq!(missing(5), "there is no event 9: the recording has 5 events, numbered 0 to 4");
    }
}
