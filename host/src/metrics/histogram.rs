//! A histogram without a lock: a value is one atomic add to its bucket and one to the sum.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric},
};

/// Bounds in nanoseconds for what takes between 10 µs (a small guest) and minutes (the longest deadline).
pub(super) const SECONDS: [u64; 20] = {
    const US: u64 = 1_000;
    const MS: u64 = 1_000 * US;
    const S: u64 = 1_000 * MS;
    [
        10 * US,
        25 * US,
        50 * US,
        100 * US,
        250 * US,
        500 * US,
        MS,
        2_500 * US,
        5 * MS,
        10 * MS,
        25 * MS,
        50 * MS,
        100 * MS,
        250 * MS,
        500 * MS,
        S,
        2_500 * MS,
        10 * S,
        60 * S,
        300 * S,
    ]
};

/// Bounds in nanoseconds for what takes milliseconds to a minute: compiling.
pub(super) const LONG: [u64; 9] = {
    const MS: u64 = 1_000_000;
    [10 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1_000 * MS, 5_000 * MS, 15_000 * MS, 60_000 * MS]
};

/// Bounds in bytes, from a wasm page to all that a 32-bit memory can address.
pub(super) const SIZES: [u64; 9] =
    [64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30, 4 << 30];

/// A histogram of whole numbers. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: &'static [u64],
    /// How many of what is recorded make one of what is shown.
    per_unit: f64,
    /// One for each bound, and one for what is above them all.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [u64], per_unit: f64) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { bounds, per_unit, buckets, sum: AtomicU64::new(0) }))
    }

    /// Notes a value.
    pub(super) fn observe(&self, value: u64) {
        let Inner { bounds, buckets, sum, .. } = &*self.0;
        if let Some(bucket) = buckets.get(bounds.partition_point(|bound| *bound < value)) {
            bucket.fetch_add(1, Ordering::Relaxed);
            sum.fetch_add(value, Ordering::Relaxed);
        }
    }

    /// Notes a time, in a histogram of nanoseconds.
    pub(super) fn time(&self, took: Duration) {
        self.observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let Inner { bounds, per_unit, buckets, sum } = &*self.0;
        let bounds = bounds.iter().map(|bound| *bound as f64 / per_unit).chain([f64::MAX]);
        let counts = buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        // Of the buckets, so that they agree whatever is recorded meanwhile.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = sum.load(Ordering::Relaxed) as f64 / per_unit;
        encoder.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_value_is_in_the_first_bucket_that_holds_it(values: Vec<u64>) {
            let histogram = Histogram::new(&SIZES, 1.0);
            for value in &values {
                histogram.observe(*value);
            }
            let counts: Vec<u64> = histogram.0.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
            let mut cumulative = 0;
            for (bound, count) in SIZES.iter().zip(&counts) {
                cumulative += count;
                prop_assert_eq!(cumulative, values.iter().filter(|value| *value <= bound).count() as u64);
            }
            prop_assert_eq!(counts.iter().sum::<u64>(), values.len() as u64);
        }
    }

    #[test]
    fn bounds_ascend() {
        for bounds in [&SECONDS[..], &LONG, &SIZES] {
            assert!(bounds.is_sorted() && bounds.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }
}
