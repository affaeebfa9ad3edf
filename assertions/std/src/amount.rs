//! How many there must be: `count`, or `min` and `max`.

/// A demand on a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    min: u32,
    max: Option<u32>,
}

impl Amount {
    /// From the three parameters.
    ///
    /// # Errors
    /// When they demand nothing, contradict each other, or both forms are given.
    pub fn new(count: Option<u32>, min: Option<u32>, max: Option<u32>) -> Result<Self, String> {
        match (count, min, max) {
            (Some(count), None, None) => Ok(Self { min: count, max: Some(count) }),
            (Some(_), _, _) => Err("parameters: give `count`, or `min` and `max`, not both".to_owned()),
            (None, None, None) => Err("parameters: `count`, `min` or `max` is needed".to_owned()),
            (None, Some(0), None) => Err("parameters: `min = 0` alone demands nothing".to_owned()),
            (None, min, max) => {
                let min = min.unwrap_or(0);
                if max.is_some_and(|max| max < min) {
                    return Err("parameters: `max` is less than `min`".to_owned());
                }
                Ok(Self { min, max })
            }
        }
    }

    /// Whether a number fits.
    pub fn allows(self, number: u32) -> bool {
        number >= self.min && self.max.is_none_or(|max| number <= max)
    }

    /// `exactly 2`, `at least 1`, `at most 3`, `1 to 3`.
    pub fn words(self) -> String {
        match (self.min, self.max) {
            (min, Some(max)) if min == max => format!("exactly {min}"),
            (min, None) => format!("at least {min}"),
            (0, Some(max)) => format!("at most {max}"),
            (min, Some(max)) => format!("{min} to {max}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn an_amount_that_demands_nothing_is_refused() {
        for (count, min, max) in
            [(None, None, None), (None, Some(0), None), (None, Some(2), Some(1)), (Some(1), Some(1), None)]
        {
            assert!(Amount::new(count, min, max).is_err(), "{count:?} {min:?} {max:?}");
        }
    }

    #[test]
    fn the_bounds_belong_to_the_amount() {
        let amount = Amount::new(None, Some(1), Some(3)).unwrap();
        assert_eq!([0, 1, 3, 4].map(|number| amount.allows(number)), [false, true, true, false]);
        assert_eq!(amount.words(), "1 to 3");
        assert_eq!(Amount::new(Some(0), None, None).unwrap().words(), "exactly 0");
    }
}
