//! Two columns of one kind, ready to be compared.

use std::sync::atomic::AtomicBool;

use arsenal_core::table::Column;
use arsenal_core::{Error, Result};

use super::categories::{Table, compare_categories};
use super::numbers::compare_numbers;
use super::{Comparison, Options};
use crate::contingency::{self, ContingencyTest};
use crate::order::Sample;
use crate::profile::few_values;
use crate::psi::{self, Psi};

/// A reference and a current column: numbers of one width, sorted, or categories by name.
#[derive(Clone, Debug)]
pub enum Pair {
    /// Numbers of which at least one side is f32.
    F32(Sample<f32>, Sample<f32>),
    /// Numbers.
    F64(Sample<f64>, Sample<f64>),
    /// Categories.
    Categories(Table),
}

impl Pair {
    /// Sorts or counts both columns. f64 beside f32 is rounded to f32, so that 0.1 is the same number in both; should a finite
    /// number overflow by that, both are f64. O(n log n) for numbers, O(n) for categories.
    ///
    /// # Errors
    /// `Type` for numbers beside categories.
    pub fn of(reference: &Column<'_>, current: &Column<'_>) -> Result<Self> {
        Ok(match (reference, current) {
            (Column::F64(a), Column::F64(b)) => Self::F64(Sample::of_chunks(a), Sample::of_chunks(b)),
            (Column::F32(a), Column::F32(b)) => Self::F32(Sample::of_chunks(a), Sample::of_chunks(b)),
            (Column::F64(a), Column::F32(b)) => {
                let (wide, narrow) = (Sample::of_chunks(a), Sample::of_chunks(b));
                match rounded(&wide) {
                    Some(rounded) => Self::F32(rounded, narrow),
                    None => Self::F64(wide, widened(&narrow)),
                }
            }
            (Column::F32(a), Column::F64(b)) => {
                let (narrow, wide) = (Sample::of_chunks(a), Sample::of_chunks(b));
                match rounded(&wide) {
                    Some(rounded) => Self::F32(narrow, rounded),
                    None => Self::F64(widened(&narrow), wide),
                }
            }
            (Column::Category(a), Column::Category(b)) => Self::Categories(Table::of(a, b)),
            _ => return Err(Error::Type("a column of numbers cannot be compared with one of categories".into())),
        })
    }

    /// The test that fits, the stability index, and what both look like.
    ///
    /// # Errors
    /// `Interrupted` once `stop` is set.
    pub fn compare(self, options: &Options, stop: &AtomicBool) -> Result<Comparison> {
        match self {
            Self::F32(reference, current) => compare_numbers(&reference, &current, options, stop),
            Self::F64(reference, current) => compare_numbers(&reference, &current, options, stop),
            Self::Categories(table) => compare_categories(table, options, stop),
        }
    }

    /// The stability index alone; `None` if a side has no rows.
    ///
    /// # Errors
    /// `Interrupted` once `stop` is set.
    pub fn psi(&self, options: &Options, stop: &AtomicBool) -> Result<Option<Psi>> {
        match self {
            Self::F32(reference, current) => Ok(psi::of_numbers(reference, current, options.n_bins, options.alpha)),
            Self::F64(reference, current) => Ok(psi::of_numbers(reference, current, options.n_bins, options.alpha)),
            Self::Categories(table) => table.psi(options, stop),
        }
    }

    /// The χ² test with every value a category, and missing values one too.
    ///
    /// # Errors
    /// `Value` if a side has no rows, `Interrupted` once `stop` is set.
    pub fn contingency(&self, stop: &AtomicBool) -> Result<ContingencyTest> {
        let mut counts: Vec<[u64; 2]> = match self {
            Self::F32(a, b) => few_values(a, b, usize::MAX).into_iter().flatten().map(|(_, counts)| counts).collect(),
            Self::F64(a, b) => few_values(a, b, usize::MAX).into_iter().flatten().map(|(_, counts)| counts).collect(),
            Self::Categories(table) => table.counts.clone(),
        };
        counts.push(match self {
            Self::F32(a, b) => [a.n_missing as u64, b.n_missing as u64],
            Self::F64(a, b) => [a.n_missing as u64, b.n_missing as u64],
            Self::Categories(table) => table.n_missing,
        });
        contingency::two_sample(&counts, stop)
    }
}

/// `None` if a finite number would become infinite. Rounding keeps the order, so the sample stays sorted.
fn rounded(wide: &Sample<f64>) -> Option<Sample<f32>> {
    let narrow = |x: f64| Some(x as f32).filter(|rounded| rounded.is_finite() || x.is_infinite());
    let values: Vec<f32> = wide.values().map(narrow).collect::<Option<_>>()?;
    Some(Sample { n_missing: wide.n_missing, ..Sample::sorted(values.into_iter()) })
}

fn widened(narrow: &Sample<f32>) -> Sample<f64> {
    Sample { n_missing: narrow.n_missing, ..Sample::sorted(narrow.values().map(f64::from)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arsenal_core::table::{CategoryColumn, Chunk};
    use ndarray::ArrayView1;

    static RUN: AtomicBool = AtomicBool::new(false);

    fn wide(values: &[f64]) -> Column<'_> {
        Column::F64(vec![Chunk { values: ArrayView1::from(values), validity: None }])
    }

    fn narrow(values: &[f32]) -> Column<'_> {
        Column::F32(vec![Chunk { values: ArrayView1::from(values), validity: None }])
    }

    #[test]
    fn f64_beside_f32_is_compared_in_f32() {
        let tenths: Vec<f64> = (0..40).map(|i| f64::from(i % 4) * 0.1).collect();
        let rounded: Vec<f32> = tenths.iter().map(|&x| x as f32).collect();
        for pair in [Pair::of(&wide(&tenths), &narrow(&rounded)), Pair::of(&narrow(&rounded), &wide(&tenths))] {
            let Ok(Pair::F32(a, b)) = pair else { panic!("not f32") };
            assert_eq!(a, b);
        }
        let huge = [1e300, 1.0, f64::NAN, f64::INFINITY];
        let Ok(Pair::F64(a, b)) = Pair::of(&narrow(&[1.0, f32::INFINITY]), &wide(&huge)) else { panic!("not f64") };
        assert_eq!((a.n(), b.n(), b.n_missing), (2, 3, 1));
        let Ok(Pair::F64(a, b)) = Pair::of(&wide(&huge), &narrow(&[f32::NAN])) else { panic!("not f64") };
        assert_eq!((a.n(), b.n(), b.n_missing), (3, 0, 1));
    }

    #[test]
    fn numbers_beside_categories_are_an_error() {
        let names = CategoryColumn::encode([Some("a")]);
        assert!(matches!(Pair::of(&wide(&[1.0]), &Column::Category(&names)), Err(Error::Type(_))));
    }

    #[test]
    fn every_value_may_be_a_category() {
        let test = |pair: Result<Pair>| pair.unwrap().contingency(&RUN).unwrap();
        let (a, b) = ([1.0, 1.0, 2.0, f64::NAN], [1.0, 2.0, 2.0, 2.0]);
        let numbers = test(Pair::of(&wide(&a), &wide(&b)));
        let narrowed = test(Pair::of(&wide(&a), &narrow(&b.map(|x| x as f32))));
        let names = |values: [f64; 4]| {
            let texts = values.map(|x| if x.is_nan() { String::new() } else { x.to_string() });
            CategoryColumn::encode(texts.iter().map(|text| Some(text.as_str())))
        };
        let categories = test(Pair::of(&Column::Category(&names(a)), &Column::Category(&names(b))));
        assert!(numbers.dof == 2 && numbers.statistic > 0.0);
        assert_eq!((numbers, narrowed), (narrowed, categories));
    }
}
