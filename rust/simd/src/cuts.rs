//! Approximate scores of every cut of one column's histogram: they say which few cuts are worth an exact look.

use crate::Isa;
use crate::gradient::for_every_isa;

/// Most bins of a column.
pub const MAX_BINS: usize = 256;
/// Scores that are computed side by side.
pub const LANES: usize = 16;
/// How far, relative to itself, a score of [`scores`] may lie from the exact one: below 15 roundings of 2⁻²⁴ each.
pub const ERROR: f32 = 1e-6;

/// What the cuts of a column are scored by, in whole units of the rounded gradients and hessians.
#[derive(Clone, Copy, Debug)]
pub struct Cuts {
    /// Packed sum of all rows of the node.
    pub whole: u64,
    /// Packed sum of the rows that go left of every cut.
    pub start: u64,
    /// Least hessian of a side, at least 1.
    pub least: u32,
    /// Added to both sides' hessians; at least 0 and at most 2³².
    pub l2: f32,
}

/// What [`scores`] finds.
#[derive(Clone, Debug)]
pub struct Scores {
    /// `g² / (h + l2)` of both sides added up, for the cut behind each bin; −1 where a side has less than the least hessian.
    pub of_cuts: [f32; MAX_BINS],
    /// The packed sum left of each cut.
    pub left: [u64; MAX_BINS],
    /// The largest score of each residue class of bins modulo [`LANES`].
    pub largest: [f32; LANES],
}

impl Default for Scores {
    fn default() -> Self {
        Self { of_cuts: [-1.0; MAX_BINS], left: [0; MAX_BINS], largest: [-1.0; LANES] }
    }
}

impl Scores {
    /// Shows the places of all cuts whose score may be the largest one, in rising order; `n_bins` were scored.
    #[inline(always)]
    pub fn near_largest(&self, n_bins: usize, mut show: impl FnMut(usize)) {
        let mut halves = self.largest;
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                halves[lane] = halves[lane].max(halves[lane + half]);
            }
        }
        let largest = halves[0];
        if largest < 0.0 {
            return;
        }
        // Both the largest score and the one beside it may be off.
        let enough = largest * (1.0 - 3.0 * ERROR);
        let (mut lanes, mut n_lanes) = ([0; LANES], 0);
        for (lane, &score) in self.largest.iter().enumerate() {
            lanes[n_lanes] = lane;
            n_lanes += usize::from(score >= enough);
            if n_lanes == LANES {
                break;
            }
        }
        for (block, scores) in self.of_cuts[..n_bins.next_multiple_of(LANES)].as_chunks::<LANES>().0.iter().enumerate()
        {
            for &lane in &lanes[..n_lanes] {
                if scores[lane] >= enough {
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
    let left = &mut out.left[..n];
    match isa {
        // SAFETY: `isa` is only ever a set that this CPU has; n is a multiple of 8 and at least the number of bins.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86::running_sums(bins, cuts.start, left) },
        _ => running_sums(bins, cuts.start, left),
    }
    // A sum without hessian is below the least one.
    left[bins.len()..].fill(0);
    score_sums::on(isa, n, cuts, out);
}

fn running_sums(bins: &[u64], start: u64, left: &mut [u64]) {
    let mut sum = start;
    for (left, &bin) in left.iter_mut().zip(bins) {
        sum = sum.wrapping_add(bin);
        *left = sum;
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm512_add_epi64, _mm512_alignr_epi64, _mm512_maskz_loadu_epi64, _mm512_permutexvar_epi64, _mm512_set1_epi64,
        _mm512_setzero_si512, _mm512_storeu_si512,
    };

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

for_every_isa! {
    /// Scores the first `n` sums of `out`, a multiple of [`LANES`].
    pub fn score_sums(n: usize, cuts: Cuts, out: &mut Scores) {
        let Cuts { whole, least, l2, .. } = cuts;
        let (whole_gradient, whole_hessian) = ((whole >> 32) as i32, whole as u32);
        for (score, &sum) in out.of_cuts[..n].iter_mut().zip(&out.left[..n]) {
            let (gradient, hessian) = ((sum >> 32) as i32, sum as u32);
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
        out.largest = largest;
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
                    assert_eq!(first.largest.map(f32::to_bits), other.largest.map(f32::to_bits));
                }
                let (mut left, mut wanted) = (start, -1.0f64);
                for (place, &bin) in bins.iter().enumerate() {
                    left = left.wrapping_add(bin);
                    assert_eq!(first.left[place], left);
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
                first.near_largest(n_bins, |place| near.push(place));
                assert!(near.is_sorted_by(|a, b| a < b));
                let best =
                    near.iter().map(|&place| exact(first.left[place], whole, f64::from(l2))).fold(-1.0, f64::max);
                assert_eq!(best, wanted, "{n_bins} bins, least {least}, l2 {l2}");
                assert_eq!(near.is_empty(), wanted < 0.0);
            }
        }
    }
}
