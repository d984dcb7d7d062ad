//! First and second derivatives of the losses, and their rounding to whole numbers.
//!
//! The loops are plain arithmetic that the compiler turns into vectors; each is compiled once per instruction set. Without
//! contraction or reassociation the results are the same bits on each.

use crate::Isa;
use crate::histogram::pack;
use crate::math::{exp, logistic};

/// Compiles one loop for every instruction set and picks at run time.
macro_rules! for_every_isa {
    ($(#[$attribute:meta])* pub fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$attribute])*
        pub fn $name($($argument: $type),*) {
            $name::on(Isa::active(), $($argument),*);
        }

        mod $name {
            #[allow(clippy::wildcard_imports, reason = "the module is the function's own")]
            use super::*;

            #[inline(always)]
            fn scalar($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($argument: $type),*) { scalar($($argument),*) }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
            fn avx512($($argument: $type),*) { scalar($($argument),*) }

            pub fn on(isa: Isa, $($argument: $type),*) {
                match isa {
                    // SAFETY: `isa` is only ever a set that this CPU has.
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => unsafe { avx2($($argument),*) },
                    _ => scalar($($argument),*),
                }
            }
        }
    };
}

pub(crate) use for_every_isa;

/// Where the derivatives of a block of rows are written.
#[derive(Debug)]
pub struct Derivatives<'a> {
    /// First derivatives by the score.
    pub gradients: &'a mut [f32],
    /// Second derivatives by the score.
    pub hessians: &'a mut [f32],
}

impl Derivatives<'_> {
    /// The same place, lent.
    pub fn again(&mut self) -> Derivatives<'_> {
        Derivatives { gradients: self.gradients, hessians: self.hessians }
    }
}

for_every_isa! {
    /// Half the squared error: gradient `score − target`, hessian 1.
    pub fn squared_error(scores: &[f64], targets: &[f64], out: Derivatives<'_>) {
        for (((&score, &target), gradient), hessian) in scores.iter().zip(targets).zip(out.gradients).zip(out.hessians) {
            *gradient = (score - target) as f32;
            *hessian = 1.0;
        }
    }
}

for_every_isa! {
    /// Log loss of a log-odds score against 0 or 1: gradient `p − target`, hessian `p (1 − p)`.
    pub fn log_loss(scores: &[f64], targets: &[f64], out: Derivatives<'_>) {
        for (((&score, &target), gradient), hessian) in scores.iter().zip(targets).zip(out.gradients).zip(out.hessians) {
            let p = logistic(score);
            *gradient = (p - target) as f32;
            *hessian = (p * (1.0 - p)) as f32;
        }
    }
}

for_every_isa! {
    /// Absolute error and pinball loss: gradient `over` where the score is above the target, `−under` where it is below, 0 where they
    /// are equal; hessian 1. The absolute error is (1, 1), the pinball loss of the quantile q is (q, 1 − q).
    pub fn pinball(scores: &[f64], targets: &[f64], under: f64, over: f64, out: Derivatives<'_>) {
        for (((&score, &target), gradient), hessian) in scores.iter().zip(targets).zip(out.gradients).zip(out.hessians) {
            let above = if score > target { over } else { 0.0 };
            let below = if score < target { under } else { 0.0 };
            *gradient = (above - below) as f32;
            *hessian = 1.0;
        }
    }
}

for_every_isa! {
    /// Huber's loss (Huber 1964): gradient `score − target` cut off at ±`delta`, hessian 1.
    pub fn huber(scores: &[f64], targets: &[f64], delta: f64, out: Derivatives<'_>) {
        for (((&score, &target), gradient), hessian) in scores.iter().zip(targets).zip(out.gradients).zip(out.hessians) {
            let residual = score - target;
            let residual = if residual > delta { delta } else { residual };
            *gradient = (if residual < -delta { -delta } else { residual }) as f32;
            *hessian = 1.0;
        }
    }
}

for_every_isa! {
    /// Half the Tweedie deviance of `exp(score)`, without its constant; `power` 1 is Poisson's, 2 the gamma distribution's.
    ///
    /// With `a = exp((2 − power) score)` and `b = target exp((1 − power) score)` the gradient is `a − b` and the hessian
    /// `(2 − power) a + (power − 1) b`. Both stop at the largest f32.
    pub fn log_link(scores: &[f64], targets: &[f64], power: f64, out: Derivatives<'_>) {
        let (rise, fall) = (2.0 - power, power - 1.0);
        for (((&score, &target), gradient), hessian) in scores.iter().zip(targets).zip(out.gradients).zip(out.hessians) {
            let a = exp(rise * score);
            let b = target * exp(-fall * score);
            *gradient = narrow(a - b);
            *hessian = narrow(rise * a + fall * b);
        }
    }
}

/// The nearest finite f32.
#[inline(always)]
fn narrow(x: f64) -> f32 {
    let x = if x > f64::from(f32::MAX) { f64::from(f32::MAX) } else { x };
    (if x < f64::from(f32::MIN) { f64::from(f32::MIN) } else { x }) as f32
}

for_every_isa! {
    /// Per row, the largest of the classes' scores and the sum of `exp(score − largest)`; `scores[class][row]`.
    pub fn softmax_terms(scores: &[&[f64]], largest: &mut [f64], sums: &mut [f64]) {
        largest.fill(f64::NEG_INFINITY);
        for class in scores {
            for (largest, &score) in largest.iter_mut().zip(*class) {
                *largest = if score > *largest { score } else { *largest };
            }
        }
        sums.fill(0.0);
        for class in scores {
            for ((sum, &score), &largest) in sums.iter_mut().zip(*class).zip(&*largest) {
                *sum += exp(score - largest);
            }
        }
    }
}

/// What [`softmax_loss`] needs of a block of rows besides the scores of its class.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxRows<'a> {
    /// Class index of each row.
    pub targets: &'a [f64],
    /// As [`softmax_terms`] gives them.
    pub largest: &'a [f64],
    /// As [`softmax_terms`] gives them.
    pub sums: &'a [f64],
}

for_every_isa! {
    /// Multinomial log loss by the score of one class: gradient `p − [target = class]`, hessian `factor · p (1 − p)`.
    pub fn softmax_loss(scores: &[f64], rows: SoftmaxRows<'_>, class: f64, factor: f64, out: Derivatives<'_>) {
        let derivatives = out.gradients.iter_mut().zip(out.hessians);
        let rows = scores.iter().zip(rows.targets).zip(rows.largest.iter().zip(rows.sums));
        for (((&score, &target), (&largest, &sum)), (gradient, hessian)) in rows.zip(derivatives) {
            let p = exp(score - largest) / sum;
            *gradient = (p - f64::from(u8::from(target == class))) as f32;
            *hessian = (factor * (p * (1.0 - p))) as f32;
        }
    }
}

for_every_isa! {
    /// Multiplies both derivatives by the rows' weights.
    pub fn weigh(weights: &[f64], out: Derivatives<'_>) {
        for ((&weight, gradient), hessian) in weights.iter().zip(out.gradients).zip(out.hessians) {
            *gradient = (f64::from(*gradient) * weight) as f32;
            *hessian = (f64::from(*hessian) * weight) as f32;
        }
    }
}

/// Largest |gradient|, largest hessian and smallest hessian of a block.
pub fn extent(gradients: &[f32], hessians: &[f32]) -> [f32; 3] {
    let mut found = [0.0, 0.0, f32::INFINITY];
    extent_of(gradients, hessians, &mut found);
    found
}

for_every_isa! {
    /// [`extent`] into `found`.
    pub fn extent_of(gradients: &[f32], hessians: &[f32], found: &mut [f32; 3]) {
        // Sixteen lanes: a maximum has no order, and the compiler need not find that out.
        let mut lanes = [[0.0f32; 16], [0.0; 16], [f32::INFINITY; 16]];
        let (g_blocks, g_rest) = gradients.as_chunks::<16>();
        let (h_blocks, h_rest) = hessians.as_chunks::<16>();
        for (g, h) in g_blocks.iter().zip(h_blocks) {
            for lane in 0..16 {
                let size = g[lane].abs();
                lanes[0][lane] = if size > lanes[0][lane] { size } else { lanes[0][lane] };
                lanes[1][lane] = if h[lane] > lanes[1][lane] { h[lane] } else { lanes[1][lane] };
                lanes[2][lane] = if h[lane] < lanes[2][lane] { h[lane] } else { lanes[2][lane] };
            }
        }
        let [sizes, largest, smallest] = lanes;
        for ((size, large), small) in sizes.into_iter().zip(largest).zip(smallest) {
            *found = [found[0].max(size), found[1].max(large), found[2].min(small)];
        }
        for (g, &h) in g_rest.iter().zip(h_rest) {
            *found = [found[0].max(g.abs()), found[1].max(h), found[2].min(h)];
        }
    }
}

/// How derivatives become whole numbers: `floor(x · scale + u)` with `u` uniform in [0, 1), so that sums stay unbiased.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rounding {
    /// Factor of gradients.
    pub gradient_scale: f32,
    /// Factor of hessians.
    pub hessian_scale: f32,
    /// Largest |whole gradient|, at most 32,767.
    pub gradient_limit: i32,
    /// Largest whole hessian, at most 65,535.
    pub hessian_limit: i32,
    /// Decides `u` together with the row number, and nothing else does: not threads, not blocks.
    pub seed: u32,
}

for_every_isa! {
    /// Rounds a block of derivatives whose first row is `first_row`, and packs them.
    pub fn round(gradients: &[f32], hessians: &[f32], rounding: Rounding, first_row: u32, pairs: &mut [u32]) {
        let Rounding { gradient_scale, hessian_scale, gradient_limit, hessian_limit, seed } = rounding;
        for (index, ((&gradient, &hessian), pair)) in gradients.iter().zip(hessians).zip(pairs).enumerate() {
            let dither = scramble(first_row.wrapping_add(index as u32) ^ seed);
            let low = (dither & 0xFFFF) as i32 as f32 * (1.0 / 65_536.0);
            let high = (dither >> 16) as i32 as f32 * (1.0 / 65_536.0);
            let g = floor(within(gradient * gradient_scale + low, gradient_limit));
            let h = floor(within(hessian * hessian_scale + high, hessian_limit));
            *pair = pack(g as i16, h as u16);
        }
    }
}

/// `x` moved into `−limit ..= limit`; 0 for NaN.
#[inline(always)]
fn within(x: f32, limit: i32) -> f32 {
    let limit = limit as f32;
    let x = if x.is_nan() { 0.0 } else { x };
    let x = if x > limit { limit } else { x };
    if x < -limit { -limit } else { x }
}

/// Largest whole number not above `x`, which [`within`] has moved into the range of i32.
#[inline(always)]
fn floor(x: f32) -> i32 {
    // SAFETY: x is not NaN, and its whole part fits. The checked conversion would keep the loop from becoming vector code.
    let whole = unsafe { x.to_int_unchecked::<i32>() };
    whole - i32::from(whole as f32 > x)
}

/// The finaliser of `MurmurHash3`: every input bit moves every output bit.
#[inline(always)]
fn scramble(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
    x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{unpack, widen};

    fn scores(n: usize) -> (Vec<f64>, Vec<f64>) {
        ((0..n).map(|i| (i as f64 * 0.37).sin() * 9.0).collect(), (0..n).map(|i| (i % 2) as f64).collect())
    }

    /// Runs one loop on every set and asserts that all give the bits of the scalar one, which it returns.
    fn same_on_all(n: usize, run: impl Fn(Isa, Derivatives<'_>)) -> (Vec<f32>, Vec<f32>) {
        let mut all = Isa::available().into_iter().map(|isa| {
            let (mut gradients, mut hessians) = (vec![2.0; n], vec![3.0; n]);
            run(isa, Derivatives { gradients: &mut gradients, hessians: &mut hessians });
            (gradients, hessians)
        });
        let first = all.next().unwrap();
        assert!(all.all(|other| other == first));
        first
    }

    #[test]
    fn losses_match_their_formulas_on_every_set() {
        for n in [0, 1, 7, 33, 100] {
            let (scores, targets) = scores(n);
            let (g, h) = same_on_all(n, |isa, out| log_loss::on(isa, &scores, &targets, out));
            for i in 0..n {
                let p = 1.0 / (1.0 + (-scores[i]).exp());
                assert!(
                    (f64::from(g[i]) - (p - targets[i])).abs() < 1e-7 && (f64::from(h[i]) - p * (1.0 - p)).abs() < 1e-7
                );
            }
            let (g, h) = same_on_all(n, |isa, out| squared_error::on(isa, &scores, &targets, out));
            assert!((0..n).all(|i| g[i] == (scores[i] - targets[i]) as f32 && h[i] == 1.0));
            let (g, h) = same_on_all(n, |isa, out| pinball::on(isa, &scores, &targets, 0.25, 0.75, out));
            let sign = |i: usize| if scores[i] > targets[i] { 0.75 } else { -0.25 };
            assert!((0..n).all(|i| h[i] == 1.0 && g[i] == if scores[i] == targets[i] { 0.0 } else { sign(i) }));
            let (g, h) = same_on_all(n, |isa, out| huber::on(isa, &scores, &targets, 2.5, out));
            assert!((0..n).all(|i| h[i] == 1.0 && g[i] == (scores[i] - targets[i]).clamp(-2.5, 2.5) as f32));
            for power in [1.0, 1.3, 2.0] {
                let (g, h) = same_on_all(n, |isa, out| log_link::on(isa, &scores, &targets, power, out));
                for i in 0..n {
                    let a = ((2.0 - power) * scores[i]).exp();
                    let b = targets[i] * ((1.0 - power) * scores[i]).exp();
                    let wanted = [a - b, (2.0 - power) * a + (power - 1.0) * b];
                    assert!((f64::from(g[i]) - wanted[0]).abs() <= 1e-6 * (a + b));
                    assert!((f64::from(h[i]) - wanted[1]).abs() <= 1e-6 * (a + b));
                }
            }
            let (g, h) = same_on_all(n, |isa, out| weigh::on(isa, &scores, out));
            assert!((0..n).all(|i| g[i] == (2.0 * scores[i]) as f32 && h[i] == (3.0 * scores[i]) as f32));
        }
    }

    #[test]
    fn derivatives_under_a_log_link_stay_finite() {
        let (scores, targets) = ([800.0, -800.0, -800.0, 0.0], [1.0, 1e300, 0.0, 1e60]);
        for power in [1.0, 1.5, 2.0] {
            let (g, h) = same_on_all(4, |isa, out| log_link::on(isa, &scores, &targets, power, out));
            assert!(g.iter().chain(&h).all(|x| x.is_finite()), "{power}: {g:?} {h:?}");
        }
    }

    #[test]
    fn softmax_gradients_add_up_to_nothing() {
        let n = 53;
        let (a, targets) = scores(n);
        let b: Vec<f64> = a.iter().map(|x| 1.0 - x).collect();
        let c = vec![0.25; n];
        let classes: [&[f64]; 3] = [&a, &b, &c];
        let (mut largest, mut sums) = (vec![0.0; n], vec![0.0; n]);
        softmax_terms(&classes, &mut largest, &mut sums);
        let rows = SoftmaxRows { targets: &targets, largest: &largest, sums: &sums };
        let per_class: Vec<_> = (0..3)
            .map(|k| same_on_all(n, |isa, out| softmax_loss::on(isa, classes[k], rows, k as f64, 1.5, out)))
            .collect();
        for i in 0..n {
            assert!(per_class.iter().map(|(g, _)| g[i]).sum::<f32>().abs() < 1e-6);
            let total: f64 = classes.iter().map(|s| s[i].exp()).sum();
            let p = b[i].exp() / total;
            assert!((f64::from(per_class[1].1[i]) - 1.5 * p * (1.0 - p)).abs() < 1e-6);
        }
    }

    #[test]
    fn rounding_is_unbiased_bounded_and_the_same_on_every_set() {
        let n = 20_000;
        let gradients: Vec<f32> = (0..n).map(|i| if i % 2 == 0 { 0.3 } else { -1.0 }).collect();
        let hessians = vec![0.25; n];
        let rounding =
            Rounding { gradient_scale: 7.0, hessian_scale: 4.0, gradient_limit: 7, hessian_limit: 1, seed: 9 };
        let mut all = Isa::available().into_iter().map(|isa| {
            let mut pairs = vec![0; n];
            round::on(isa, &gradients[..n / 2], &hessians[..n / 2], rounding, 0, &mut pairs[..n / 2]);
            round::on(isa, &gradients[n / 2..], &hessians[n / 2..], rounding, n as u32 / 2, &mut pairs[n / 2..]);
            pairs
        });
        let pairs = all.next().unwrap();
        assert!(all.all(|other| other == pairs));
        let (g, h) = unpack(pairs.iter().fold(0, |sum, &pair| sum + widen(pair)));
        assert_eq!(h, n as i64);
        assert!((g as f64 / 7.0 - f64::from(gradients.iter().sum::<f32>())).abs() < 40.0, "{g}");
        assert!(pairs.iter().all(|&pair| unpack(widen(pair)).0.abs() <= 7));
    }

    #[test]
    fn extents_are_found_in_every_place() {
        for n in [1, 15, 16, 17, 40] {
            for place in 0..n {
                let (mut g, mut h) = (vec![0.5; n], vec![0.5; n]);
                g[place] = -2.0;
                h[place] = 0.125;
                assert_eq!(extent(&g, &h)[0], 2.0);
                assert_eq!(extent(&g, &h)[2], 0.125);
            }
        }
    }

    #[test]
    fn anything_becomes_a_whole_number_within_the_limit() {
        let whole = |x: f32| floor(within(x, 7));
        assert_eq!([-0.5, 2.0, 2.9, -2.9, 1e30, -1e30].map(whole), [-1, 2, 2, -3, 7, -7]);
        assert_eq!([f32::INFINITY, f32::NEG_INFINITY, f32::NAN].map(whole), [7, -7, 0]);
    }
}
