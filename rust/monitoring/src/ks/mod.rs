//! The two-sample Kolmogorov–Smirnov test: one merge for the statistic, lattice paths or a limit for its tail.

mod gap;
mod paths;

use std::sync::atomic::AtomicBool;

use arsenal_core::{Error, Result};

use crate::order::{Ordered, Sample};
use crate::special::kolmogorov_sf;

pub use gap::tie_ends;

/// Which difference of the two distribution functions speaks against their equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// `max |F₁ − F₂|`.
    TwoSided,
    /// `max (F₂ − F₁)`: the first sample's function lies below.
    Less,
    /// `max (F₁ − F₂)`: the first sample's function lies above.
    Greater,
}

/// How the p-value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Exact if neither sample has more than 10,000 values, else asymptotic.
    Auto,
    /// By counting lattice paths.
    Exact,
    /// By the one-sample distribution with `n₁ n₂ / (n₁ + n₂)` values (two-sided) or Hodges' formula (one-sided).
    Asymptotic,
}

/// What the test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KsTest<T> {
    /// The largest difference of the empirical distribution functions in the asked direction.
    pub statistic: f64,
    /// The probability of a statistic this large under equal continuous distributions.
    pub p_value: f64,
    /// Where the difference is largest: the smallest such value of the first sample, else of the second.
    pub location: T,
    /// 1 where the first sample's function lies above there, −1 where below.
    pub sign: i8,
    /// How the p-value was found: [`Method::Exact`] or [`Method::Asymptotic`].
    pub method: Method,
}

const MAX_EXACT_AUTO: usize = 10_000;

/// Compares two sorted samples, neither of them empty. O(n₁ + n₂), and for the exact p-value of samples of unequal size
/// up to O(n₁ n₂ D) on top; that loop polls `stop`.
///
/// Where the least common multiple of the sizes reaches 2³¹, an asked [`Method::Exact`] becomes asymptotic, as in `SciPy`;
/// `method` tells.
///
/// # Errors
/// `Value` if a sample is empty; `Interrupted` once `stop` is set.
pub fn two_sample<T: Ordered>(
    a: &Sample<T>,
    b: &Sample<T>,
    alternative: Alternative,
    method: Method,
    stop: &AtomicBool,
) -> Result<KsTest<T>> {
    let (n1, n2) = (a.n(), b.n());
    if n1 == 0 || n2 == 0 {
        return Err(Error::Value(format!("samples have {n1} and {n2} values, wanted at least 1 each")));
    }
    let gap = gap::largest(&a.keys, &b.keys);
    let (height, location, sign) = match alternative {
        Alternative::Less => (-gap.lowest, gap.lowest_at, -1),
        Alternative::TwoSided if -gap.lowest > gap.highest => (-gap.lowest, gap.lowest_at, -1),
        _ => (gap.highest, gap.highest_at, 1),
    };
    let statistic = height as f64 / gap.unit as f64;
    let exact = match method {
        Method::Auto => n1.max(n2) <= MAX_EXACT_AUTO,
        Method::Exact => gap.unit <= i64::from(i32::MAX),
        Method::Asymptotic => false,
    };
    let p_value = if exact {
        paths::tail(n1, n2, height, alternative, None, stop)?
    } else {
        asymptotic(n1 as f64, n2 as f64, statistic, alternative)
    };
    let method = if exact { Method::Exact } else { Method::Asymptotic };
    Ok(KsTest { statistic, p_value: p_value.clamp(0.0, 1.0), location: T::from_key(location), sign, method })
}

/// The two-sided test given the ties: the probability, over all ways to deal the pooled values into two samples of these
/// sizes, of a statistic this large. Without ties it is [`two_sample`]; with ties it is smaller, and exact where that is only
/// an upper bound. Samples of more than 10,000 values get the asymptotic p-value, ties or not.
///
/// # Errors
/// As [`two_sample`].
pub fn two_sample_given_ties<T: Ordered>(a: &Sample<T>, b: &Sample<T>, stop: &AtomicBool) -> Result<KsTest<T>> {
    let test = two_sample(a, b, Alternative::TwoSided, Method::Asymptotic, stop)?;
    if a.n().max(b.n()) > MAX_EXACT_AUTO {
        return Ok(test);
    }
    let gap = gap::largest(&a.keys, &b.keys);
    let height = gap.highest.max(-gap.lowest);
    let ends = tie_ends(&a.keys, &b.keys);
    let ends = ends.contains(&false).then_some(ends.as_slice());
    let p_value = paths::tail(a.n(), b.n(), height, Alternative::TwoSided, ends, stop)?;
    Ok(KsTest { p_value: p_value.clamp(0.0, 1.0), method: Method::Exact, ..test })
}

fn asymptotic(n1: f64, n2: f64, d: f64, alternative: Alternative) -> f64 {
    let (larger, smaller) = (n1.max(n2), n1.min(n2));
    let effective = larger * smaller / (larger + smaller);
    if alternative == Alternative::TwoSided {
        return kolmogorov_sf(effective.round_ties_even().max(1.0), d);
    }
    let z = effective.sqrt() * d;
    // Hodges (1958), equation 5.3.
    let correction = 2.0 * z * (larger + 2.0 * smaller) / (larger * smaller * (larger + smaller)).sqrt() / 3.0;
    (-2.0 * z * z - correction).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    static RUN: AtomicBool = AtomicBool::new(false);

    fn test(a: &[f64], b: &[f64], alternative: Alternative, method: Method) -> KsTest<f64> {
        let sorted = |values: &[f64]| Sample::sorted(values.iter().copied());
        two_sample(&sorted(a), &sorted(b), alternative, method, &RUN).unwrap()
    }

    #[test]
    fn small_samples_by_hand() {
        // Of the 6 orders of two and two values, 2 separate the samples.
        let apart = test(&[1.0, 2.0], &[3.0, 4.0], Alternative::TwoSided, Method::Auto);
        assert_eq!((apart.statistic, apart.location, apart.sign, apart.method), (1.0, 2.0, 1, Method::Exact));
        assert!((apart.p_value - 1.0 / 3.0).abs() < 1e-15);
        let less = test(&[1.0, 2.0], &[3.0, 4.0], Alternative::Less, Method::Exact);
        assert_eq!((less.statistic, less.p_value, less.sign), (0.0, 1.0, -1));
        let same = test(&[1.0, 2.0], &[2.0, 1.0], Alternative::TwoSided, Method::Asymptotic);
        assert_eq!((same.statistic, same.p_value, same.method), (0.0, 1.0, Method::Asymptotic));
    }

    #[test]
    fn ties_make_the_exact_tail_smaller() {
        let deal = |of: usize, n: usize| {
            Sample::sorted((0..n).map(move |i| ((i * of) % 10 / 2) as f64 + (of == 3) as u8 as f64))
        };
        let (a, b) = (deal(7, 30), deal(3, 20));
        let plain = two_sample(&a, &b, Alternative::TwoSided, Method::Exact, &RUN).unwrap();
        let tied = two_sample_given_ties(&a, &b, &RUN).unwrap();
        assert_eq!(tied.statistic, plain.statistic);
        assert!(0.0 < tied.p_value && tied.p_value < plain.p_value, "{tied:?} {plain:?}");
        let (c, d) = (Sample::sorted([1.0, 4.0, 5.0].into_iter()), Sample::sorted([2.0, 3.0].into_iter()));
        assert_eq!(
            two_sample_given_ties(&c, &d, &RUN).unwrap(),
            two_sample(&c, &d, Alternative::TwoSided, Method::Exact, &RUN).unwrap()
        );
    }

    #[test]
    fn empty_samples_and_interrupts_are_errors() {
        let (some, none) = (Sample::sorted([1.0].into_iter()), Sample::sorted([f64::NAN].into_iter()));
        let failed = two_sample(&some, &none, Alternative::TwoSided, Method::Auto, &RUN).unwrap_err();
        assert_eq!(failed.to_string(), "samples have 1 and 0 values, wanted at least 1 each");
        let long = |n: i64, shift: i64| Sample::sorted((0..n).map(|i| 2 * i + shift));
        let halted = AtomicBool::new(true);
        let outcome = two_sample(&long(3000, 0), &long(2999, 1001), Alternative::Greater, Method::Exact, &halted);
        assert_eq!(outcome.unwrap_err(), Error::Interrupted);
    }
}
