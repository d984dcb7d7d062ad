//! Approximate scores of every cut of one column's histogram: they say which few cuts are worth an exact look.

use crate::Isa;
use crate::gradient::for_every_isa;

/// Most bins of a column.
pub const MAX_BINS: usize = 256;
/// Scores that are computed and looked through side by side.
const LANES: usize = 16;
/// How far, relative to itself, a score of [`scores`] may lie from the exact one: below 15 roundings of 2⁻²⁴ each.
pub const ERROR: f32 = 1e-6;

/// What the cuts of a column are scored by, in whole units of the rounded gradients and hessians; sums stay below 2³¹.
#[derive(Clone, Copy, Debug)]
pub struct Cuts {
    /// Packed sum of all rows of the node.
    pub whole: u64,
    /// Packed sum of the rows that go left of every cut.
    pub start: u64,
    /// Least hessian of a side, at least 1.
    pub least: i32,
    /// Added to both sides' hessians; at least 0 and at most 2³².
    pub l2: f32,
}

/// What [`scores`] finds.
#[derive(Clone, Debug)]
pub struct Scores {
    /// `g² / (h + l2)` of both sides added up, for the cut behind each bin; −1 where a side has less than the least hessian.
    pub of_cuts: [f32; MAX_BINS],
    /// Room for the packed sums left of the cuts, where the instruction set wants them in memory.
    left: [u64; MAX_BINS],
    /// The largest score; −1 if no cut has one.
    pub largest: f32,
}

impl Default for Scores {
    fn default() -> Self {
        Self { of_cuts: [-1.0; MAX_BINS], left: [0; MAX_BINS], largest: -1.0 }
    }
}

impl Scores {
    /// Shows the places of all cuts whose score may be the largest one, in rising order; `n_bins` were scored. Cuts whose exact score
    /// is surely below `floor` are left out.
    #[inline(always)]
    pub fn near_largest(&self, n_bins: usize, floor: f32, mut show: impl FnMut(usize)) {
        if self.largest < 0.0 {
            return;
        }
        // Both the score and the one that it is measured by may be off.
        let enough = self.largest.max(floor) * (1.0 - 3.0 * ERROR);
        if self.largest < enough {
            return;
        }
        for (block, scores) in self.of_cuts[..n_bins.next_multiple_of(LANES)].as_chunks::<LANES>().0.iter().enumerate()
        {
            if scores.iter().fold(-1.0, |most: f32, &score| if score > most { score } else { most }) < enough {
                continue;
            }
            for (lane, &score) in scores.iter().enumerate() {
                if score >= enough {
                    show(block * LANES + lane);
                }
            }
        }
    }
}

/// Scores the cut behind each of `bins`. O(bins).
///
/// # Panics
/// If there are more than [`MAX_BINS`] bins.
pub fn scores(bins: &[u64], cuts: Cuts, out: &mut Scores) {
    scores_with(Isa::active(), bins, cuts, out);
}

fn scores_with(isa: Isa, bins: &[u64], cuts: Cuts, out: &mut Scores) {
    let n = bins.len().next_multiple_of(LANES);
    assert!(n <= MAX_BINS, "more bins than {MAX_BINS}");
    match isa {
        // SAFETY: `isa` is only ever a set that this CPU has; there are at most MAX_BINS bins.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => return unsafe { x86::scores(bins, cuts, out) },
        // SAFETY: `isa` is only ever a set that this CPU has; n is a multiple of 8 and at least the number of bins.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86::running_sums(bins, cuts.start, &mut out.left[..n]) },
        _ => running_sums(bins, cuts.start, &mut out.left),
    }
    // A sum without hessian is below the least one.
    out.left[bins.len()..n].fill(0);
    score_sums::on(isa, n, cuts, out);
}

fn running_sums(bins: &[u64], start: u64, left: &mut [u64]) {
    let mut sum = start;
    for (left, &bin) in left.iter_mut().zip(bins) {
        sum = sum.wrapping_add(bin);
        *left = sum;
    }
}

for_every_isa! {
    /// Scores the first `n` sums of `out`, a multiple of `LANES`.
    pub fn score_sums(n: usize, cuts: Cuts, out: &mut Scores) {
        let Cuts { whole, least, l2, .. } = cuts;
        let (whole_gradient, whole_hessian) = ((whole >> 32) as i32, whole as i32);
        for (score, &sum) in out.of_cuts[..n].iter_mut().zip(&out.left[..n]) {
            let (gradient, hessian) = ((sum >> 32) as i32, sum as i32);
            let other_hessian = whole_hessian.wrapping_sub(hessian);
            let g = gradient as f32;
            let other_g = whole_gradient.wrapping_sub(gradient) as f32;
            let h = hessian as f32 + l2;
            let other_h = other_hessian as f32 + l2;
            // One division instead of two: a sum of fractions over their common denominator.
            let both = (g * g * other_h + other_g * other_g * h) / (h * other_h);
            *score = if hessian.min(other_hessian) >= least { both } else { -1.0 };
        }
        let mut largest = [-1.0f32; LANES];
        for scores in out.of_cuts[..n].as_chunks::<LANES>().0 {
            largest = std::array::from_fn(|lane| if scores[lane] > largest[lane] { scores[lane] } else { largest[lane] });
        }
        out.largest = largest.into_iter().fold(-1.0, f32::max);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m256i, _mm_cvtss_f32, _mm_loadu_si128, _mm_max_ps, _mm_movehl_ps, _mm_shuffle_ps, _mm256_add_epi64,
        _mm256_add_ps, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castps256_ps128, _mm256_castsi256_ps,
        _mm256_cmpgt_epi32, _mm256_cvtepi32_ps, _mm256_div_ps, _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_max_ps,
        _mm256_min_epi32, _mm256_mul_ps, _mm256_permute2x128_si256, _mm256_set_m128i, _mm256_set1_epi32,
        _mm256_set1_epi64x, _mm256_set1_ps, _mm256_shuffle_ps, _mm256_slli_si256, _mm256_storeu_ps, _mm256_sub_epi32,
        _mm256_unpackhi_epi64, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_maskz_loadu_epi64,
        _mm512_permutexvar_epi64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_storeu_si512,
    };

    use super::{Cuts, LANES, Scores};

    /// [`super::running_sums`] and [`super::score_sums`] in one pass, eight bins a step; no sum is written. The compiler's loop over
    /// packed sums spends three quarters of its time on taking them apart.
    ///
    /// # Safety
    /// AVX2; at most [`super::MAX_BINS`] bins.
    #[target_feature(enable = "avx2")]
    pub unsafe fn scores(bins: &[u64], cuts: Cuts, out: &mut Scores) {
        let mut steps = Steps::new(cuts);
        let (whole, rest) = bins.as_chunks::<8>();
        let n_whole = 8 * whole.len();
        for (bins, scores) in whole.iter().zip(out.of_cuts.as_chunks_mut::<8>().0) {
            let found = steps.next(bins);
            steps.largest = _mm256_max_ps(steps.largest, found);
            // SAFETY: eight places.
            unsafe { _mm256_storeu_ps(scores.as_mut_ptr(), found) };
        }
        if !rest.is_empty() {
            let (mut bins, mut scores) = ([0; 8], [-1.0; 8]);
            bins[..rest.len()].copy_from_slice(rest);
            // SAFETY: eight places.
            unsafe { _mm256_storeu_ps(scores.as_mut_ptr(), steps.next(&bins)) };
            // What follows the last bin repeats its cut.
            scores[rest.len()..].fill(-1.0);
            out.of_cuts[n_whole..n_whole + 8].copy_from_slice(&scores);
            // SAFETY: as above.
            steps.largest = unsafe { _mm256_max_ps(steps.largest, _mm256_loadu_ps(scores.as_ptr())) };
        }
        out.of_cuts[bins.len().next_multiple_of(8)..bins.len().next_multiple_of(LANES)].fill(-1.0);
        let half = _mm_max_ps(_mm256_castps256_ps128(steps.largest), _mm256_extractf128_ps::<1>(steps.largest));
        let half = _mm_max_ps(half, _mm_movehl_ps(half, half));
        out.largest = _mm_cvtss_f32(_mm_max_ps(half, _mm_shuffle_ps::<1>(half, half)));
    }

    /// What goes from one step to the next.
    struct Steps {
        whole_gradient: __m256i,
        whole_hessian: __m256i,
        /// A hessian above this one is at least the least.
        too_little: __m256i,
        l2: __m256,
        /// The sum of all bins before, in each place.
        before: __m256i,
        largest: __m256,
    }

    impl Steps {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn new(Cuts { whole, start, least, l2 }: Cuts) -> Self {
            Self {
                whole_gradient: _mm256_set1_epi32((whole >> 32) as i32),
                whole_hessian: _mm256_set1_epi32(whole as i32),
                too_little: _mm256_set1_epi32(least - 1),
                l2: _mm256_set1_ps(l2),
                before: _mm256_set1_epi64x(start as i64),
                largest: _mm256_set1_ps(-1.0),
            }
        }

        /// The scores of eight cuts.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn next(&mut self, bins: &[u64; 8]) -> __m256 {
            let [first, second] = self.sums(bins).map(|sums| _mm256_castsi256_ps(sums));
            let hessian = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(first, second));
            let gradient = _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(first, second));
            let other_hessian = _mm256_sub_epi32(self.whole_hessian, hessian);
            let g = _mm256_cvtepi32_ps(gradient);
            let other_g = _mm256_cvtepi32_ps(_mm256_sub_epi32(self.whole_gradient, gradient));
            let h = _mm256_add_ps(_mm256_cvtepi32_ps(hessian), self.l2);
            let other_h = _mm256_add_ps(_mm256_cvtepi32_ps(other_hessian), self.l2);
            let both = _mm256_add_ps(
                _mm256_mul_ps(_mm256_mul_ps(g, g), other_h),
                _mm256_mul_ps(_mm256_mul_ps(other_g, other_g), h),
            );
            let both = _mm256_div_ps(both, _mm256_mul_ps(h, other_h));
            let is_allowed = _mm256_cmpgt_epi32(_mm256_min_epi32(hessian, other_hessian), self.too_little);
            _mm256_blendv_ps(_mm256_set1_ps(-1.0), both, _mm256_castsi256_ps(is_allowed))
        }

        /// The running sums of eight bins: those of bins 0 1 4 5 and of bins 2 3 6 7, so that taking gradients and hessians apart, which
        /// stays within halves of a vector, leaves them in order. From one step to the next it is one addition.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn sums(&mut self, bins: &[u64; 8]) -> [__m256i; 2] {
            // SAFETY: two numbers from each of the places 0, 2, 4 and 6 of eight.
            let [first, second] = unsafe {
                let two = |place: usize| _mm_loadu_si128(bins.as_ptr().add(place).cast());
                [_mm256_set_m128i(two(4), two(0)), _mm256_set_m128i(two(6), two(2))]
            };
            // Within each half: 0, 0 1, then 0 1 2, 0 1 2 3; and the same of 4 to 7.
            let first = _mm256_add_epi64(first, _mm256_slli_si256::<8>(first));
            let second = _mm256_add_epi64(second, _mm256_slli_si256::<8>(second));
            let second = _mm256_add_epi64(second, _mm256_unpackhi_epi64(first, first));
            let halves = _mm256_unpackhi_epi64(second, second);
            // The lower half's sum goes to the upper half's; both halves' sum to the next step.
            let before = _mm256_add_epi64(self.before, _mm256_permute2x128_si256::<0x08>(halves, halves));
            let all = _mm256_add_epi64(halves, _mm256_permute2x128_si256::<0x01>(halves, halves));
            self.before = _mm256_add_epi64(self.before, all);
            [_mm256_add_epi64(first, before), _mm256_add_epi64(second, before)]
        }
    }

    /// [`super::running_sums`], eight at a time; what it writes behind the last bin means nothing.
    ///
    /// # Safety
    /// AVX-512 F; `left.len()` a multiple of 8 and at least `bins.len()`.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn running_sums(bins: &[u64], start: u64, left: &mut [u64]) {
        let (zero, last) = (_mm512_setzero_si512(), _mm512_set1_epi64(7));
        let mut before = _mm512_set1_epi64(start as i64);
        for (bins, left) in bins.chunks(8).zip(left.chunks_exact_mut(8)) {
            let mask = ((1u16 << bins.len()) - 1) as u8;
            // SAFETY: the mask leaves out what lies behind the bins; `left` has eight places.
            unsafe {
                let mut sums = _mm512_maskz_loadu_epi64(mask, bins.as_ptr().cast());
                sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<7>(sums, zero));
                sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<6>(sums, zero));
                sums = _mm512_add_epi64(sums, _mm512_alignr_epi64::<4>(sums, zero));
                _mm512_storeu_si512(left.as_mut_ptr().cast(), _mm512_add_epi64(sums, before));
                before = _mm512_add_epi64(before, _mm512_permutexvar_epi64(last, sums));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{pack, unpack, widen};

    fn histogram(n_bins: usize, seed: u64) -> Vec<u64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        (0..n_bins)
            .map(|_| {
                let n = next() % 5;
                (0..n).fold(0u64, |sum, _| {
                    sum.wrapping_add(widen(pack((next() % 4001) as i16 - 2000, (next() % 3000) as u16)))
                })
            })
            .collect()
    }

    /// The score as its definition says, in f64.
    fn exact(left: u64, whole: u64, l2: f64) -> f64 {
        let part = |sum: u64| {
            let (g, h) = unpack(sum);
            (g * g) as f64 / (h as f64 + l2)
        };
        part(left) + part(whole.wrapping_sub(left))
    }

    #[test]
    fn scores_are_within_their_error_and_the_same_on_every_set() {
        for (n_bins, seed) in (1..=256).zip(1..) {
            let bins = histogram(n_bins, seed);
            let start = widen(pack(-700, 900));
            let whole = bins.iter().fold(start, |sum, &bin| sum.wrapping_add(bin));
            for (least, l2) in [(1, 0.0), (2500, 0.5), (1, 1e9)] {
                let cuts = Cuts { whole, start, least, l2 };
                let mut all = Isa::available().into_iter().map(|isa| {
                    let mut found = Scores::default();
                    scores_with(isa, &bins, cuts, &mut found);
                    found
                });
                let first = all.next().unwrap();
                for other in all {
                    assert_eq!(first.of_cuts.map(f32::to_bits), other.of_cuts.map(f32::to_bits));
                    assert_eq!(first.largest.to_bits(), other.largest.to_bits());
                }
                let (mut left, mut wanted, mut lefts) = (start, -1.0f64, Vec::new());
                for (place, &bin) in bins.iter().enumerate() {
                    left = left.wrapping_add(bin);
                    lefts.push(left);
                    let hessians = [unpack(left).1, unpack(whole.wrapping_sub(left)).1];
                    if hessians.iter().any(|&h| h < i64::from(least)) {
                        assert_eq!(first.of_cuts[place], -1.0);
                        continue;
                    }
                    let score = exact(left, whole, f64::from(l2));
                    assert!((f64::from(first.of_cuts[place]) - score).abs() <= f64::from(ERROR) * score);
                    wanted = wanted.max(score);
                }
                let mut near = Vec::new();
                first.near_largest(n_bins, 0.0, |place| near.push(place));
                assert!(near.is_sorted_by(|a, b| a < b));
                let best = near.iter().map(|&place| exact(lefts[place], whole, f64::from(l2))).fold(-1.0, f64::max);
                assert_eq!(best, wanted, "{n_bins} bins, least {least}, l2 {l2}");
                assert_eq!(near.is_empty(), wanted < 0.0);
                let (mut above, floor) = (Vec::new(), (wanted * 1.001) as f32);
                first.near_largest(n_bins, floor, |place| above.push(place));
                assert!(above.is_empty() && wanted * 0.999 <= f64::from(first.largest.max(0.0)));
            }
        }
    }
}
