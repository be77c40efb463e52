//! Least, mean and greatest of exact values.

use num_rational::Ratio;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::timing::Exact;

/// Least, mean and greatest of values that share one denominator. Nothing is rounded.
///
/// In JSON: `{"count", "min", "mean", "max", "exact": {"min", "mean", "max"}}`, the exact
/// values as text, `"a/b"`; `null` where there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    scale: i128,
    count: u64,
    sum: i128,
    least: i128,
    greatest: i128,
}

impl Default for Spread {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Spread {
    /// For values counted in parts of `scale` (at least 1).
    pub const fn new(scale: i128) -> Self {
        let scale = if scale < 1 { 1 } else { scale };
        Self { scale, count: 0, sum: 0, least: i128::MAX, greatest: i128::MIN }
    }

    /// Takes a value in. A sum beyond 2^127 stays there.
    #[inline]
    pub fn record(&mut self, value: i128) {
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }

    /// How many values.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The least.
    pub fn min(&self) -> Option<Exact> {
        (self.count > 0).then(|| Ratio::new(self.least, self.scale))
    }

    /// The mean.
    pub fn mean(&self) -> Option<Exact> {
        let parts = self.scale.checked_mul(i128::from(self.count)).filter(|parts| *parts > 0)?;
        Some(Ratio::new(self.sum, parts))
    }

    /// The greatest.
    pub fn max(&self) -> Option<Exact> {
        (self.count > 0).then(|| Ratio::new(self.greatest, self.scale))
    }
}

/// The nearest number a screen can show.
pub(super) fn approximate(value: Exact) -> f64 {
    let whole = value.trunc();
    let rest = value - whole;
    whole.to_integer() as f64 + *rest.numer() as f64 / *rest.denom() as f64
}

#[derive(Serialize)]
struct ExactText {
    min: String,
    mean: String,
    max: String,
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (Some(min), Some(mean), Some(max)) = (self.min(), self.mean(), self.max()) else {
            return serializer.serialize_none();
        };
        let mut out = serializer.serialize_struct("Spread", 5)?;
        out.serialize_field("count", &self.count)?;
        out.serialize_field("min", &approximate(min))?;
        out.serialize_field("mean", &approximate(mean))?;
        out.serialize_field("max", &approximate(max))?;
        let exact =
            ExactText { min: min.to_string(), mean: mean.to_string(), max: max.to_string() };
        out.serialize_field("exact", &exact)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirds_stay_thirds() {
        let mut spread = Spread::new(3);
        assert_eq!(serde_json::to_string(&spread).unwrap(), "null");
        for value in [-1, 1, 4] {
            spread.record(value);
        }
        assert_eq!(spread.mean(), Some(Ratio::new(4, 9)));
        let json = serde_json::to_value(spread).unwrap();
        assert_eq!(json["exact"]["mean"], "4/9");
        assert_eq!(json["exact"]["max"], "4/3");
        assert_eq!(json["count"], 3);
    }
}
