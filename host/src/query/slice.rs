//! Positions in arrays: of an index, of a slice (RFC 9535 sections 2.3.3.2 and 2.3.4.2.2).

/// Where an index points, counted from the end when it is negative.
pub(super) fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let position = if index < 0 { index + length } else { index };
    (0..length).contains(&position).then(|| usize::try_from(position).ok()).flatten()
}

/// The positions a slice selects.
pub(super) fn slice(
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
    length: usize,
) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let normalize = |index: i64| if index < 0 { index + length } else { index };
    let (first, stop) = if step >= 0 {
        let first = normalize(start.unwrap_or(0)).clamp(0, length);
        (first, normalize(end.unwrap_or(length)).clamp(0, length))
    } else {
        let first = start.map_or(length - 1, normalize).clamp(-1, length - 1);
        (first, end.map_or(-1, normalize).clamp(-1, length - 1))
    };
    let first = (step != 0).then_some(first);
    std::iter::successors(first, move |index| index.checked_add(step))
        .take_while(move |index| if step > 0 { *index < stop } else { *index > stop })
        .filter_map(|index| usize::try_from(index).ok())
}
