//! Names of runs: when they began, and a few random letters for those that began together.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `20261120-113000-3f9a`: date and time in UTC, and two random bytes.
pub fn run_name(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_date(days);
    let mut random = [0; 2];
    // Without randomness two runs of the same second collide, which creating the folder notices.
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    format!(
        "{year:04}{month:02}{day:02}-{:02}{:02}{:02}-{:02x}{:02x}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        random[0],
        random[1]
    )
}

/// When the run of that name began; none when no run is called so.
pub fn run_time(name: &str) -> Option<SystemTime> {
    let shape = name.bytes().map(|byte| match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'f' => b'a',
        other => other,
    });
    let is_shaped = name.len() == 20
        && shape
            .zip(*b"00000000-000000-xxxx")
            .all(|(found, expected)| found == expected || (expected == b'x' && matches!(found, b'0' | b'a')));
    if !is_shaped {
        return None;
    }
    let number = |at: std::ops::Range<usize>| name.get(at)?.parse::<u64>().ok();
    let date = (number(0..4)?, number(4..6)?, number(6..8)?);
    // Days only grow with dates, so the day of a date is found by halving.
    let (mut low, mut high) = (0, 3_000_000);
    while low < high {
        let middle = (low + high) / 2;
        if civil_date(middle) < date { low = middle + 1 } else { high = middle }
    }
    let (hour, minute, second) = (number(9..11)?, number(11..13)?, number(13..15)?);
    let is_real = civil_date(low) == date && hour < 24 && minute < 60 && second < 60;
    let seconds = low * 86_400 + hour * 3600 + minute * 60 + second;
    is_real.then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
///
/// Counts in eras of 400 years that begin on 1 March, so that the leap day comes last (Howard Hinnant, "chrono-compatible
/// low-level date algorithms").
fn civil_date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, date) in
            [(0, (1970, 1, 1)), (11_016, (2000, 2, 29)), (11_017, (2000, 3, 1)), (20_777, (2026, 11, 20))]
        {
            assert_eq!(civil_date(days), date);
        }
    }

    #[test]
    fn a_name_begins_with_the_time() {
        let name = run_name(UNIX_EPOCH + Duration::from_secs(20_777 * 86_400 + 11 * 3600 + 30 * 60 + 5));
        assert!(name.starts_with("20261120-113005-"), "{name}");
        assert_eq!(name.len(), "20261120-113005-3f9a".len());
    }

    #[test]
    fn a_name_says_when_its_run_began() {
        for seconds in [0, 951_782_399, 951_868_800, 1_795_174_205] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(run_time(&run_name(time)), Some(time));
        }
        for name in [
            "",
            "notes",
            "20261320-113005-3f9a",
            "20260230-113005-3f9a",
            "20261120-243005-3f9a",
            "20261120-113005-3F9A",
            "20261120-113005-3f9a0",
            "2026112\u{e9}-113005-3f9",
        ] {
            assert_eq!(run_time(name), None, "{name}");
        }
    }
}
