//! exp and log that give the same bits on every CPU, and that compilers turn into vector code.
//!
//! The C library's versions change with the CPU (fused multiply-add or not), which would change the models.

const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts: the product of the first with any exponent is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding and taking away 1.5 · 2⁵² rounds to the nearest whole number.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// 1 / k! for k = 0 ..= 13. On |r| ≤ ln 2 / 2 the rest of the series is below 2⁻⁵⁷.
const EXP_SERIES: [f64; 14] = [
    1.0,
    1.0,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// e to the power `x`, within 2 ulp for x in [−708, 709]; arguments beyond are moved to that range. NaN gives NaN.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let x = if x > 709.0 { 709.0 } else { x };
    let x = if x < -708.0 { -708.0 } else { x };
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut series = EXP_SERIES[13];
    let mut k = 13;
    while k > 0 {
        k -= 1;
        series = series * r + EXP_SERIES[k];
    }
    // The low bits of `shifted` hold n, so 2ⁿ is a shift away; n is within [−1022, 1023].
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    series * power
}

/// 1 / (1 + e^−x).
#[inline(always)]
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// The natural logarithm of a positive normal number, within 2 ulp.
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) as i64 - 1023) as f64;
    let mut mantissa = f64::from_bits(bits & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    // ln m = 2 atanh((m − 1) / (m + 1)); |z| ≤ 0.1716, so twelve terms reach 2⁻⁵⁸.
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let mut series = 0.0;
    for k in (1..12).rev() {
        series = (series + 1.0 / (2 * k + 1) as f64) * square;
    }
    exponent * LN_2_HIGH + (exponent * LN_2_LOW + (2.0 * z * series + 2.0 * z))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_ulp() {
        for step in -70_800..=70_900 {
            let x = f64::from(step) * 0.01 + 1e-5;
            let (got, wanted) = (exp(x.min(709.0)), x.min(709.0).exp());
            assert!((got - wanted).abs() <= 2.0 * f64::EPSILON * wanted, "exp({x}) = {got}, wanted {wanted}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(1e9), exp(709.0));
        assert_eq!(exp(f64::NEG_INFINITY), exp(-708.0));
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn logistic_is_symmetric_enough() {
        assert_eq!(logistic(0.0), 0.5);
        assert!((logistic(3.0) + logistic(-3.0) - 1.0).abs() < 1e-15);
        assert!(logistic(-800.0) > 0.0 && logistic(800.0) <= 1.0);
    }

    #[test]
    fn ln_is_within_two_ulp() {
        for step in 1..20_000 {
            let x = f64::from(step) * 0.003_7;
            let (got, wanted) = (ln(x), x.ln());
            assert!(
                (got - wanted).abs() <= 4.0 * f64::EPSILON * wanted.abs().max(0.01),
                "ln({x}) = {got}, wanted {wanted}"
            );
        }
        assert_eq!(ln(1.0), 0.0);
        assert!((ln(1e-300) - 1e-300f64.ln()).abs() < 1e-12);
    }
}
