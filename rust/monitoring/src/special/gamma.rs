//! The χ² distribution by the regularised incomplete gamma function, and binomial coefficients.

use std::f64::consts::PI;

/// `P(X ≥ x)` for X of the χ² distribution with `dof` > 0 degrees of freedom: `Q(dof / 2, x / 2)`.
///
/// Relative error about 1e-13 down to the smallest doubles; O(√dof) near the mean.
pub fn chi2_sf(x: f64, dof: f64) -> f64 {
    gamma_q(dof / 2.0, x / 2.0)
}

/// The point that a χ² variable with `dof` degrees of freedom exceeds with the probability `p` in (0, 1).
pub fn chi2_isf(p: f64, dof: f64) -> f64 {
    let (mut low, mut high) = (0.0, dof.max(1.0));
    while chi2_sf(high, dof) > p {
        low = high;
        high *= 2.0;
    }
    // Newton on log Q, which is concave, so steps from the left do not overshoot; bisection whenever a step leaves the bracket.
    let mut x = 0.5 * (low + high);
    for _ in 0..200 {
        let q = chi2_sf(x, dof);
        if q > p {
            low = x;
        } else {
            high = x;
        }
        let log_density = (dof / 2.0 - 1.0) * (x / 2.0).ln() - x / 2.0 - ln_gamma(dof / 2.0) - 2f64.ln();
        let newton = x + (q / p).ln() * q / log_density.exp();
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 4.0 * f64::EPSILON * x {
            return next;
        }
        x = next;
    }
    x
}

/// The logarithm of the binomial coefficient `n` over `k`, for 0 ≤ k ≤ n.
pub fn ln_binomial(n: f64, k: f64) -> f64 {
    if k <= 0.0 || k >= n {
        return 0.0;
    }
    let (share, rest) = (k / n, n - k);
    // Stirling's formula for the three factorials, with what it leaves out added back.
    stirling_error(n)
        - stirling_error(k)
        - stirling_error(rest)
        - k * share.ln()
        - rest * (-share).ln_1p()
        - 0.5 * (2.0 * PI * k * (rest / n)).ln()
}

/// δ(1) … δ(15), to the last bit.
const STIRLING_ERRORS: [f64; 15] = [
    0.081_061_466_795_327_26,
    0.041_340_695_955_409_3,
    0.027_677_925_684_998_34,
    0.020_790_672_103_765_093,
    0.016_644_691_189_821_193,
    0.013_876_128_823_070_748,
    0.011_896_709_945_891_77,
    0.010_411_265_261_972_096,
    0.009_255_462_182_712_733,
    0.008_330_563_433_362_87,
    0.007_573_675_487_951_841,
    0.006_942_840_107_209_53,
    0.006_408_994_188_004_207,
    0.005_951_370_112_758_847_5,
    0.005_554_733_551_962_801,
];

/// `ln Γ(x + 1) − ((x + ½) ln x − x + ½ ln 2π)` for x > 0: what Stirling's formula leaves out.
pub(crate) fn stirling_error(x: f64) -> f64 {
    // The asymptotic series is good to 1e-17 from 16 on; below, δ(x) = δ(x + 1) + (x + ½) ln(1 + 1/x) − 1.
    if x < 16.0 && x.fract() == 0.0 {
        return STIRLING_ERRORS[x as usize - 1];
    }
    let mut shifted = x;
    let mut sum = 0.0;
    while shifted < 16.0 {
        sum += (shifted + 0.5) * (1.0 / shifted).ln_1p() - 1.0;
        shifted += 1.0;
    }
    let r = 1.0 / (shifted * shifted);
    sum + (1.0 / 12.0
        - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r * (1.0 / 1680.0 - r * (1.0 / 1188.0 - r * (691.0 / 360_360.0))))))
        / shifted
}

/// `ln(1 + x) − x` without cancellation, for x > −1.
pub(crate) fn log1p_minus(x: f64) -> f64 {
    if !(-0.7..=1.0).contains(&x) {
        return x.ln_1p() - x;
    }
    // ln(1 + x) = 2 artanh r with r = x / (2 + x), and 2r − x = −r x.
    let r = x / (2.0 + x);
    let square = r * r;
    let (mut power, mut odd, mut sum) = (1.0, 3.0, 0.0);
    loop {
        let term = power / odd;
        sum += term;
        if term <= f64::EPSILON * 0.25 * sum {
            return r * (2.0 * square * sum - x);
        }
        power *= square;
        odd += 2.0;
    }
}

fn ln_gamma(x: f64) -> f64 {
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + stirling_error(x)
}

fn gamma_q(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    // xᵃ e⁻ˣ / Γ(a + 1), with the large parts of the exponent cancelled by hand.
    let tilt = if x < 0.25 * a { (x / a).ln() - (x - a) / a } else { log1p_minus((x - a) / a) };
    let exponent = a * tilt - stirling_error(a);
    let front = exponent.exp() / (2.0 * PI * a).sqrt();
    if x < a + 1.0 { 1.0 - front * lower_series(a, x) } else { front * a * upper_fraction(a, x) }
}

/// `1 + x/(a+1) + x²/((a+1)(a+2)) + …`
fn lower_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut denominator) = (1.0, 1.0, a);
    while term > sum * f64::EPSILON * 0.25 {
        denominator += 1.0;
        term *= x / denominator;
        sum += term;
    }
    sum
}

/// Legendre's continued fraction for `Γ(a, x) / (xᵃ e⁻ˣ)`, by Lentz's method; converges for x > a.
fn upper_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = f64::MAX;
    let mut d = 1.0 / b;
    let mut fraction = d;
    let mut i = 1.0;
    loop {
        let numerator = -i * (i - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        let change = c * d;
        fraction *= change;
        if (change - 1.0).abs() <= f64::EPSILON || i > 1e7 {
            return fraction;
        }
        i += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(got: f64, wanted: f64, relative: f64) {
        assert!((got - wanted).abs() <= relative * wanted.abs(), "got {got:e}, wanted {wanted:e}");
    }

    #[test]
    fn chi2_tails_in_closed_form() {
        for x in [0.1f64, 1.0, 3.0, 10.0, 100.0, 1000.0] {
            // Even degrees of freedom: a finite sum of Poisson terms.
            assert_close(chi2_sf(x, 2.0), (-x / 2.0).exp(), 1e-13);
            let half = x / 2.0;
            assert_close(chi2_sf(x, 6.0), (-half).exp() * (1.0 + half + half * half / 2.0), 1e-13);
        }
        // 1 − √(2x/π) for one degree of freedom and small x.
        assert_close(1.0 - chi2_sf(1e-8, 1.0), (2e-8 / PI).sqrt(), 1e-8);
        assert_close(1.0 - chi2_sf(2.5e-17, 1.0), (5e-17 / PI).sqrt(), 1e-6);
        assert_eq!(chi2_sf(0.0, 3.0), 1.0);
        assert_eq!(chi2_sf(f64::INFINITY, 3.0), 0.0);
        // Q(1/2, x) = erfc(√x); erfc(3) from Abramowitz and Stegun, table 7.1's continuation.
        assert_close(chi2_sf(18.0, 1.0), 2.209_049_699_858_544e-5, 1e-13);
    }

    #[test]
    fn chi2_points_invert_the_tail() {
        for dof in [1.0, 2.0, 9.0, 100.0, 5000.0] {
            for p in [0.999, 0.5, 0.05, 1e-6, 1e-100] {
                assert_close(chi2_sf(chi2_isf(p, dof), dof), p, 1e-10);
            }
        }
    }

    #[test]
    fn binomials_are_those_of_pascal() {
        assert_eq!(ln_binomial(5.0, 0.0), 0.0);
        assert_close(ln_binomial(5.0, 2.0), 10f64.ln(), 1e-14);
        assert_close(ln_binomial(60.0, 30.0), 118_264_581_564_861_424f64.ln(), 1e-15);
        assert_close(stirling_error(1.0), 1.0 - 0.5 * (2.0 * PI).ln(), 1e-14);
        for n in 1..40 {
            let factorial: f64 = (1..=n).map(f64::from).product();
            let n = f64::from(n);
            let stirling = (n + 0.5) * n.ln() - n + 0.5 * (2.0 * PI).ln();
            assert!((stirling + stirling_error(n) - factorial.ln()).abs() < 1e-13);
            // Between whole numbers the recurrence fills in: the gamma function's duplication formula.
            let half = stirling_error(n - 0.5) + (n * (n - 0.5).ln() - (n - 0.5) + 0.5 * (2.0 * PI).ln());
            let odd: f64 = (1..=n as u32).map(|i| f64::from(i) - 0.5).product();
            assert!((half - (odd * PI.sqrt()).ln()).abs() < 1e-12);
        }
    }

    #[test]
    fn log1p_minus_keeps_small_arguments() {
        assert_close(log1p_minus(1e-9), -5e-19 + 1e-27 / 3.0, 1e-15);
        for x in [-0.9, -0.69, -0.1, 0.5, 0.99, 1.5] {
            assert_close(log1p_minus(x), f64::ln_1p(x) - x, 1e-13);
        }
    }
}
