//! Numbers, which stay as they were written.

use std::fmt;

use super::Text;

/// A number in the grammar of JSON, as it was written: `1.10` and 20 digits survive.
#[derive(Debug, Clone)]
pub(crate) struct Number(Text);

impl Number {
    /// `text` has to be a number of JSON.
    pub(crate) fn new(text: impl Into<Text>) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest number of 64 bits.
    pub(crate) fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// Its value when it is a whole number, also when written as `1.0` or `1e3`.
    pub(crate) fn as_integer(&self) -> Option<i128> {
        if let Ok(integer) = self.0.parse() {
            return Some(integer);
        }
        let float = self.as_f64();
        // Above that not every whole number is one of 64 bits.
        let is_exact = float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        is_exact.then_some(float as i128)
    }
}

/// By value: 1 is 1.0, as JSON Schema has it.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
            || match (self.as_integer(), other.as_integer()) {
                (Some(a), Some(b)) => a == b,
                (None, None) => self.as_f64().total_cmp(&other.as_f64()).is_eq(),
                _ => false,
            }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn numbers_are_equal_by_value() {
        let equal = |a: &str, b: &str| Number::new(a) == Number::new(b);
        for (a, b) in [("1", "1.0"), ("1e3", "1000"), ("0.5", "5e-1"), ("-0", "0"), ("1.10", "1.1")]
        {
            assert!(equal(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "2"),
            ("1", "1.5"),
            // They are the same number of 64 bits.
            ("9007199254740992", "9007199254740993"),
            ("18446744073709551615", "18446744073709551614"),
        ] {
            assert!(!equal(a, b), "{a} {b}");
        }
    }
}
