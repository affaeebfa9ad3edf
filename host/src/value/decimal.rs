//! JSON numbers compared by their exact value, whatever their size: `1e2` is `100`, and 2^53 is not 2^53 + 1.

use std::cmp::Ordering;

/// The value is 0.DIGITS times ten to `exponent`; digits have no zeros at either end, and zero has none at all.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i128,
}

/// Compares two JSON number lexemes by value.
pub fn compare_numbers(left: &str, right: &str) -> Ordering {
    let (left, right) = (decimal(left), decimal(right));
    match (left.digits.is_empty(), right.digits.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return if right.negative { Ordering::Greater } else { Ordering::Less },
        (false, true) => return if left.negative { Ordering::Less } else { Ordering::Greater },
        (false, false) => {}
    }
    let magnitude = left.exponent.cmp(&right.exponent).then_with(|| left.digits.cmp(&right.digits));
    match (left.negative, right.negative) {
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

fn decimal(lexeme: &str) -> Decimal {
    let negative = lexeme.starts_with('-');
    let (mantissa, exponent) = lexeme
        .trim_start_matches('-')
        .split_once(['e', 'E'])
        .unwrap_or((lexeme.trim_start_matches('-'), "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{integer}{fraction}");
    let significant = digits.trim_start_matches('0');
    let leading_zeros = digits.len() - significant.len();
    Decimal {
        negative,
        digits: significant.trim_end_matches('0').as_bytes().to_vec(),
        exponent: exponent_of(exponent) + integer.len() as i128 - leading_zeros as i128,
    }
}

/// An exponent beyond 64 bits is taken as the largest: no document is long enough to tell them apart otherwise.
fn exponent_of(text: &str) -> i128 {
    let magnitude = text.trim_start_matches(['+', '-']).parse::<i64>().unwrap_or(i64::MAX);
    i128::from(if text.starts_with('-') { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value() {
        for (left, right) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0", "0"),
            ("0.0e9", "0"),
            ("12.50", "1250E-2"),
            ("1e400", "10e399"),
        ] {
            assert_eq!(compare_numbers(left, right), Ordering::Equal, "{left} {right}");
        }
        for (less, greater) in [
            ("1", "2"),
            ("9", "10"),
            ("-2", "-1"),
            ("-1", "0"),
            ("0", "1e-400"),
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.11"),
            ("1e2", "101"),
            ("-1e99", "1"),
            ("99", "1e2"),
        ] {
            assert_eq!(compare_numbers(less, greater), Ordering::Less, "{less} {greater}");
            assert_eq!(compare_numbers(greater, less), Ordering::Greater, "{less} {greater}");
        }
    }
}
