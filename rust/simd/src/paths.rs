//! Which rows meet the conditions of a path, and sums of what tables hold for the patterns that they make.
//!
//! The loops are plain code that the compiler turns into vectors; each is compiled once per instruction set.

use crate::Isa;
use crate::gradient::for_every_isa;

for_every_isa! {
    /// 1 for each value of at most `threshold`, else 0; NaN is 1 if `missing_left`.
    pub fn at_most(values: &[f64], threshold: f64, missing_left: bool, is_met: &mut [u8]) {
        if missing_left {
            for (is_met, &value) in is_met.iter_mut().zip(values) {
                *is_met = u8::from(value <= threshold) | u8::from(value.is_nan());
            }
        } else {
            for (is_met, &value) in is_met.iter_mut().zip(values) {
                *is_met = u8::from(value <= threshold);
            }
        }
    }
}

for_every_isa! {
    /// Keeps the 1 of each row in `all` whose entry in `is_met` is `wanted`; every entry is 0 or 1.
    pub fn keep_met(is_met: &[u8], wanted: u8, all: &mut [u8]) {
        let flip = 1 - wanted;
        for (all, &is_met) in all.iter_mut().zip(is_met) {
            *all &= is_met ^ flip;
        }
    }
}

for_every_isa! {
    /// Sets bit `place` of each row's pattern where `bits` has a 1.
    pub fn set_bits(bits: &[u8], place: u32, patterns: &mut [u16]) {
        for (pattern, &bit) in patterns.iter_mut().zip(bits) {
            *pattern |= u16::from(bit) << place;
        }
    }
}

for_every_isa! {
    /// Adds `table[pattern]` to each row's sum.
    ///
    /// # Panics
    /// If a pattern lies outside the table.
    pub fn add_looked_up(table: &[f64], patterns: &[u16], sums: &mut [f64]) {
        for (sum, &pattern) in sums.iter_mut().zip(patterns) {
            *sum += table[usize::from(pattern)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_meets_and_sums_alike() {
        for n in (0..70).chain([257]) {
            let mut values: Vec<f64> = (0..n).map(|i| f64::from(i * 37 % 50) - 20.0).collect();
            values.iter_mut().step_by(5).for_each(|value| *value = f64::NAN);
            values.iter_mut().skip(2).step_by(9).for_each(|value| *value = f64::INFINITY);
            let table: Vec<f64> = (0..8).map(|i| 0.1 * f64::from(i) - 0.3).collect();
            for isa in Isa::available() {
                let (mut met, mut missing) = (vec![7; values.len()], vec![7; values.len()]);
                at_most::on(isa, &values, 3.0, false, &mut met);
                at_most::on(isa, &values, 3.0, true, &mut missing);
                let mut both = missing.clone();
                keep_met::on(isa, &met, 0, &mut both);
                let mut patterns = vec![0; values.len()];
                set_bits::on(isa, &met, 0, &mut patterns);
                set_bits::on(isa, &missing, 2, &mut patterns);
                let mut sums = vec![1.0; values.len()];
                add_looked_up::on(isa, &table, &patterns, &mut sums);
                for (row, &value) in values.iter().enumerate() {
                    let (is_met, is_missing) = (u8::from(value <= 3.0), u8::from(value.is_nan()));
                    assert_eq!((met[row], missing[row], both[row]), (is_met, is_met | is_missing, is_missing));
                    let pattern = is_met | (4 * (is_met | is_missing));
                    assert_eq!(sums[row], 1.0 + table[usize::from(pattern)], "{isa:?} {n}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "out of bounds")]
    fn a_pattern_outside_the_table_is_refused() {
        add_looked_up(&[0.0; 4], &[4], &mut [0.0]);
    }
}
