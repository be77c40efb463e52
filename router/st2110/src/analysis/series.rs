//! Values over time, few enough to draw.

use serde::Serialize;

/// Most points kept. Two neighbours become one when there would be more.
const MOST: usize = 2048;

/// Least and greatest of a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SeriesPoint {
    /// Start of the span, in nanoseconds behind the first value.
    pub at_ns: u64,
    /// Least value within.
    pub min: i64,
    /// Greatest value within.
    pub max: i64,
}

/// Least and greatest value over time, in at most 2048 spans of one length, which doubles
/// whenever the time does not fit any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    first_ns: Option<u64>,
    /// Spans are 2^`shift` nanoseconds long.
    shift: u32,
    spans: Vec<Option<(i64, i64)>>,
}

impl Default for Series {
    fn default() -> Self {
        Self { first_ns: None, shift: 10, spans: Vec::new() }
    }
}

impl Series {
    /// Takes a value in. One from before the first counts as of its time.
    #[inline]
    pub fn record(&mut self, time_ns: u64, value: i64) {
        let first = *self.first_ns.get_or_insert(time_ns);
        let since = time_ns.saturating_sub(first);
        while since >> self.shift >= MOST as u64 {
            self.shift += 1;
            let merged = self.spans.chunks(2).map(|pair| {
                pair.iter().flatten().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            });
            self.spans = merged.collect();
        }
        let index = (since >> self.shift) as usize;
        if self.spans.len() <= index {
            self.spans.resize(index + 1, None);
        }
        let span = self.spans[index].get_or_insert((value, value));
        *span = (span.0.min(value), span.1.max(value));
    }

    /// Length of a span in nanoseconds.
    pub const fn span_ns(&self) -> u64 {
        1 << self.shift
    }

    /// The spans that have values, in order.
    pub fn points(&self) -> Vec<SeriesPoint> {
        let spans = self.spans.iter().enumerate();
        spans
            .filter_map(|(index, span)| {
                let (min, max) = (*span)?;
                Some(SeriesPoint { at_ns: (index as u64) << self.shift, min, max })
            })
            .collect()
    }
}

/// Makes spans longer until at most `most` points are left; gives their length, which was
/// `span_ns`.
pub(super) fn thin(points: &mut Vec<SeriesPoint>, span_ns: u64, most: usize) -> u64 {
    let mut span_ns = span_ns.max(1);
    while points.len() > most.max(1) && span_ns < u64::MAX / 2 {
        span_ns *= 2;
        points.dedup_by(|point, kept| {
            let same = point.at_ns / span_ns == kept.at_ns / span_ns;
            if same {
                (kept.min, kept.max) = (kept.min.min(point.min), kept.max.max(point.max));
            }
            same
        });
    }
    span_ns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_time_fits_and_extremes_stay() {
        let mut series = Series::default();
        series.record(1000, 5);
        series.record(1000 + 512, -7);
        series.record(1000 + 3_600_000_000_000, 9);
        series.record(u64::MAX, 1);
        let points = series.points();
        assert!(points.len() <= MOST);
        assert_eq!(points[0], SeriesPoint { at_ns: 0, min: -7, max: 9 });
        assert_eq!(points.last().map(|point| point.max), Some(1));
    }

    #[test]
    fn thinner_is_coarser_and_extremes_stay() {
        let mut points: Vec<_> = (0..1000_i64)
            .map(|at| SeriesPoint { at_ns: at as u64 * 1024, min: at, max: at + 5 })
            .collect();
        assert_eq!(thin(&mut points, 1024, 100), 16 * 1024);
        assert_eq!(points.len(), 63);
        assert_eq!(points[1], SeriesPoint { at_ns: 16 * 1024, min: 16, max: 36 });
        assert_eq!(points.iter().map(|point| point.max).max(), Some(1004));
        assert_eq!(thin(&mut Vec::new(), 0, 0), 1);
    }
}
