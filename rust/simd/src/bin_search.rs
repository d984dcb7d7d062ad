//! Which bin a number falls into: a two-level search over 256 sorted upper bounds, 16 comparisons at a time.

use crate::Isa;

/// Most bounds of [`Edges`].
pub const MAX_EDGES: usize = 254;

/// Upper bounds of a column's bins, laid out for the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Edges<T> {
    /// All bounds, rising, filled up with +inf to 256.
    fine: [T; 256],
    /// The last bound of each sixteen.
    coarse: [T; 16],
}

/// A float type that bins can be searched in.
pub trait Float: Copy + PartialOrd + Send + Sync + 'static {
    /// +inf.
    const INFINITY: Self;
    #[doc(hidden)]
    fn search(isa: Isa, edges: &Edges<Self>, values: &[Self], bins: &mut [u8]);
}

impl<T: Float> Edges<T> {
    /// Bounds in rising order; a value `x` belongs to the first bin whose bound is not below `x`.
    ///
    /// # Panics
    /// If there are more than [`MAX_EDGES`] bounds.
    pub fn new(bounds: &[T]) -> Self {
        assert!(bounds.len() <= MAX_EDGES, "{} bounds, wanted at most {MAX_EDGES}", bounds.len());
        let mut fine = [T::INFINITY; 256];
        fine[..bounds.len()].copy_from_slice(bounds);
        Self { fine, coarse: std::array::from_fn(|group| fine[group * 16 + 15]) }
    }

    /// Writes 1 + (number of bounds below the value) for each value, 0 for NaN.
    ///
    /// # Panics
    /// If `bins` and `values` differ in length.
    pub fn search(&self, values: &[T], bins: &mut [u8]) {
        self.search_with(Isa::active(), values, bins);
    }

    fn search_with(&self, isa: Isa, values: &[T], bins: &mut [u8]) {
        assert_eq!(values.len(), bins.len());
        T::search(isa, self, values, bins);
    }
}

/// One search loop; `$below` counts how many of 16 bounds are below a value.
macro_rules! search_loop {
    ($edges:expr, $values:expr, $bins:expr, $below:expr) => {
        for (bin, &value) in $bins.iter_mut().zip($values) {
            let group: usize = $below(&$edges.coarse, 0, value);
            let within: usize = $below(&$edges.fine, group * 16, value);
            // NaN is below nothing and above nothing: both counts are 0, and the factor keeps it at 0.
            *bin = (1 + group * 16 + within) as u8 * u8::from(value == value);
        }
    };
}

macro_rules! float {
    ($type:ty, $avx512:ident, $avx2:ident) => {
        impl Float for $type {
            const INFINITY: Self = <$type>::INFINITY;

            fn search(isa: Isa, edges: &Edges<Self>, values: &[Self], bins: &mut [u8]) {
                #[cfg(target_arch = "x86_64")]
                match isa {
                    // SAFETY: `isa` is only ever a set that this CPU has.
                    Isa::Avx512 => return unsafe { x86::$avx512(edges, values, bins) },
                    // SAFETY: as above.
                    Isa::Avx2 => return unsafe { x86::$avx2(edges, values, bins) },
                    Isa::Scalar => {}
                }
                let _ = isa;
                let below = |bounds: &[$type], from: usize, value: $type| {
                    bounds[from..from + 16].iter().map(|&bound| usize::from(bound < value)).sum::<usize>()
                };
                search_loop!(edges, values, bins, below);
            }
        }
    };
}
float!(f32, search_f32_avx512, search_f32_avx2);
float!(f64, search_f64_avx512, search_f64_avx2);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _CMP_LT_OQ, _mm256_cmp_pd, _mm256_cmp_ps, _mm256_loadu_pd, _mm256_loadu_ps, _mm256_movemask_pd,
        _mm256_movemask_ps, _mm256_set1_pd, _mm256_set1_ps, _mm512_cmp_pd_mask, _mm512_cmp_ps_mask, _mm512_loadu_pd,
        _mm512_loadu_ps, _mm512_set1_pd, _mm512_set1_ps,
    };

    use super::Edges;

    /// A search for one type and set: `$count` of the bounds in each of the `$lanes`-wide vectors at a pointer.
    macro_rules! vector_search {
        ($name:ident, $type:ty, $features:literal, $lanes:literal, $set1:ident, $below:expr) => {
            #[target_feature(enable = $features)]
            pub fn $name(edges: &Edges<$type>, values: &[$type], bins: &mut [u8]) {
                let below = |bounds: &[$type], from: usize, value: $type| {
                    let (bounds, value) = (bounds[from..from + 16].as_ptr(), $set1(value));
                    let mut count = 0;
                    for part in 0..16 / $lanes {
                        // SAFETY: the slice above has 16 elements, of which this reads `$lanes` from `part * $lanes`.
                        count += unsafe { $below(bounds.add(part * $lanes), value) };
                    }
                    count as usize
                };
                search_loop!(edges, values, bins, below);
            }
        };
    }
    vector_search!(search_f32_avx512, f32, "avx512f,popcnt", 16, _mm512_set1_ps, |at, value| _mm512_cmp_ps_mask::<
        _CMP_LT_OQ,
    >(
        _mm512_loadu_ps(at),
        value
    )
    .count_ones());
    vector_search!(search_f64_avx512, f64, "avx512f,popcnt", 8, _mm512_set1_pd, |at, value| _mm512_cmp_pd_mask::<
        _CMP_LT_OQ,
    >(
        _mm512_loadu_pd(at),
        value
    )
    .count_ones());
    vector_search!(search_f32_avx2, f32, "avx2,popcnt", 8, _mm256_set1_ps, |at, value| {
        _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(_mm256_loadu_ps(at), value)).count_ones()
    });
    vector_search!(search_f64_avx2, f64, "avx2,popcnt", 4, _mm256_set1_pd, |at, value| {
        _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(_mm256_loadu_pd(at), value)).count_ones()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Float + std::fmt::Debug>(bounds: &[T], values: &[T]) {
        let edges = Edges::new(bounds);
        let naive: Vec<u8> = values
            .iter()
            .map(|x| {
                if x.partial_cmp(x).is_none() { 0 } else { 1 + bounds.iter().filter(|&bound| bound < x).count() as u8 }
            })
            .collect();
        for isa in Isa::available() {
            let mut bins = vec![77; values.len()];
            edges.search_with(isa, values, &mut bins);
            assert_eq!(bins, naive, "{isa:?} {} bounds", bounds.len());
        }
    }

    #[test]
    fn every_set_finds_the_naive_bin() {
        for n_bounds in [0, 1, 2, 15, 16, 17, 100, 239, 240, 253, 254] {
            let bounds: Vec<f64> = (0..n_bounds).map(|i| f64::from(i) * 0.75 - 20.0).collect();
            let mut values: Vec<f64> = bounds.iter().flat_map(|&b| [b.next_down(), b, b.next_up()]).collect();
            values.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, f64::MAX, f64::MIN_POSITIVE]);
            check(&bounds, &values);
            let narrow: Vec<f32> = bounds.iter().map(|&b| b as f32).collect();
            let mut values: Vec<f32> = narrow.iter().flat_map(|&b| [b.next_down(), b, b.next_up()]).collect();
            values.extend([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MIN_POSITIVE]);
            check(&narrow, &values);
        }
        check(&[f32::NEG_INFINITY, f32::MAX], &[f32::NEG_INFINITY, 0.0, f32::MAX, f32::INFINITY]);
    }

    #[test]
    #[should_panic(expected = "at most 254")]
    fn too_many_bounds_are_refused() {
        let _ = Edges::new(&[0.0f32; 255]);
    }
}
