//! Samples sorted once, as whole numbers whose order is the order of the values.

use arsenal_core::table::Chunk;
use rayon_core::ThreadPool;

/// A number that a sample may hold. Its key is an unsigned integer of the same order; NaN has none.
pub trait Ordered: Copy + Send + Sync {
    /// The unsigned integer type of the same width.
    type Key: Copy + Ord + Send + Sync;
    /// The value's place in the order; `None` for NaN. −0.0 and 0.0 are the same place.
    fn key(self) -> Option<Self::Key>;
    /// The value at a place.
    fn from_key(key: Self::Key) -> Self;
}

macro_rules! ordered_float {
    ($float:ty, $unsigned:ty, $signed:ty) => {
        impl Ordered for $float {
            type Key = $unsigned;

            fn key(self) -> Option<$unsigned> {
                // Adding 0.0 turns −0.0 into 0.0. A negative number has all its bits flipped, another its sign bit alone.
                let bits = (self + 0.0).to_bits();
                let flip =
                    (bits.cast_signed() >> (<$signed>::BITS - 1)).cast_unsigned() | <$signed>::MIN.cast_unsigned();
                (!self.is_nan()).then_some(bits ^ flip)
            }

            fn from_key(key: $unsigned) -> Self {
                let flip =
                    (!key.cast_signed() >> (<$signed>::BITS - 1)).cast_unsigned() | <$signed>::MIN.cast_unsigned();
                Self::from_bits(key ^ flip)
            }
        }
    };
}

ordered_float!(f32, u32, i32);
ordered_float!(f64, u64, i64);

impl Ordered for i64 {
    type Key = u64;

    fn key(self) -> Option<u64> {
        Some(self.cast_unsigned() ^ (1 << 63))
    }

    fn from_key(key: u64) -> Self {
        (key ^ (1 << 63)).cast_signed()
    }
}

impl Ordered for u64 {
    type Key = Self;

    fn key(self) -> Option<Self> {
        Some(self)
    }

    fn from_key(key: Self) -> Self {
        key
    }
}

/// A sorted sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample<T: Ordered> {
    /// Keys of the values that are there, in rising order.
    pub keys: Vec<T::Key>,
    /// How many values were NaN or absent.
    pub n_missing: usize,
}

impl<T: Ordered> Sample<T> {
    /// Sorts a sample. O(n log n) time, one key per value.
    ///
    /// On integer keys the standard unstable sort beats both `NumPy`'s sort of floats and an LSD radix sort (measured, 10⁶ f64).
    pub fn sorted(values: impl Iterator<Item = T>) -> Self {
        let mut keys = Vec::with_capacity(values.size_hint().0);
        let mut n_missing = 0;
        for value in values {
            match value.key() {
                Some(key) => keys.push(key),
                None => n_missing += 1,
            }
        }
        keys.sort_unstable();
        Self { keys, n_missing }
    }

    /// Sorts a column; what is null is missing as NaN is.
    pub fn of_chunks(chunks: &[Chunk<'_, T>]) -> Self {
        let mut keys = Vec::with_capacity(chunks.iter().map(|chunk| chunk.values.len()).sum());
        let mut n_missing = 0;
        for chunk in chunks {
            for (i, value) in chunk.values.iter().enumerate() {
                let is_there = chunk.validity.is_none_or(|bitmap| bitmap.is_valid(i));
                match value.key().filter(|_| is_there) {
                    Some(key) => keys.push(key),
                    None => n_missing += 1,
                }
            }
        }
        keys.sort_unstable();
        Self { keys, n_missing }
    }

    /// Number of values that are there.
    pub fn n(&self) -> usize {
        self.keys.len()
    }

    /// The values in rising order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = T> + '_ {
        self.keys.iter().map(|&key| T::from_key(key))
    }
}

/// Sorts both samples, on two workers of `pool` if there is one.
pub fn sort_both<T: Ordered>(
    a: impl Iterator<Item = T> + Send,
    b: impl Iterator<Item = T> + Send,
    pool: Option<&ThreadPool>,
) -> (Sample<T>, Sample<T>) {
    match pool {
        Some(pool) => pool.join(|| Sample::sorted(a), || Sample::sorted(b)),
        None => (Sample::sorted(a), Sample::sorted(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trips<T: Ordered + PartialEq + std::fmt::Debug>(rising: &[T]) {
        let keys: Vec<_> = rising.iter().map(|value| value.key().unwrap()).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert_eq!(keys.into_iter().map(T::from_key).collect::<Vec<_>>(), rising);
    }

    #[test]
    fn keys_keep_the_order_and_the_value() {
        let (tiny, huge) = (5e-324, f64::MAX);
        round_trips(&[f64::NEG_INFINITY, -huge, -1.0, -tiny, 0.0, tiny, 1.0, huge, f64::INFINITY]);
        round_trips(&[f32::NEG_INFINITY, -1.5, 0.0, 1e-45, 2.0, f32::INFINITY]);
        round_trips(&[i64::MIN, -1, 0, 1, (1 << 53) + 1, i64::MAX]);
        round_trips(&[0, 1, u64::MAX]);
        assert_eq!((-0.0f64).key(), 0.0f64.key());
        assert_eq!((f64::NAN.key(), (-f32::NAN).key()), (None, None));
    }

    #[test]
    fn samples_are_sorted_without_the_missing() {
        let sample = Sample::sorted([2.0, f64::NAN, -1.0, f64::INFINITY, -0.0].into_iter());
        assert_eq!(sample.values().collect::<Vec<_>>(), [-1.0, 0.0, 2.0, f64::INFINITY]);
        assert_eq!((sample.n(), sample.n_missing), (4, 1));
        let bitmap = arsenal_core::table::Bitmap::new(&[0b101], 0, 3).unwrap();
        let (some, all) = (ndarray::arr1(&[3.0, 2.0, f64::NAN]), ndarray::arr1(&[1.0]));
        let chunks =
            [Chunk { values: some.view(), validity: Some(bitmap) }, Chunk { values: all.view(), validity: None }];
        let column = Sample::of_chunks(&chunks);
        assert_eq!((column.values().collect::<Vec<_>>(), column.n_missing), (vec![1.0, 3.0], 2));
        let pool = arsenal_core::pool::pool(2).unwrap();
        let (a, b) = sort_both([3i64, 1].into_iter(), [2].into_iter(), Some(&pool));
        assert_eq!((a.values().collect::<Vec<_>>(), b.values().collect::<Vec<_>>()), (vec![1, 3], vec![2]));
    }
}
