//! A column of categories.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use arsenal_core::Result;
use arsenal_core::table::CategoryColumn;

use super::{Comparison, Look, Options, ValueTest};
use crate::contingency;
use crate::psi::{self, Psi};

/// The categories of two columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Names that occur, in order of falling pooled frequency, ties by name.
    pub names: Vec<String>,
    /// How often each does, in reference and current.
    pub counts: Vec<[u64; 2]>,
    /// How often a value is missing.
    pub n_missing: [u64; 2],
    /// How many rows there are.
    pub n_rows: [u64; 2],
}

impl Table {
    /// Counts two columns whose categories meet by name, whatever their codes. O(rows + categories).
    pub fn of(reference: &CategoryColumn, current: &CategoryColumn) -> Self {
        let mut place: HashMap<&str, usize> = HashMap::new();
        let mut rows: Vec<(&str, [u64; 2])> = Vec::new();
        let mut n_missing = [0; 2];
        for (side, column) in [reference, current].into_iter().enumerate() {
            let mut by_code = vec![0u64; column.levels.len() + 1];
            for &code in &column.codes {
                by_code[code as usize] += 1;
            }
            n_missing[side] = by_code[0];
            for (level, &count) in column.levels.iter().zip(&by_code[1..]) {
                if count > 0 {
                    let row = *place.entry(level).or_insert_with(|| {
                        rows.push((level, [0, 0]));
                        rows.len() - 1
                    });
                    rows[row].1[side] += count;
                }
            }
        }
        rows.sort_unstable_by_key(|&(name, counts)| (std::cmp::Reverse(counts[0] + counts[1]), name));
        let (names, counts) = rows.into_iter().map(|(name, counts)| (name.to_owned(), counts)).unzip();
        let n_rows = [reference.codes.len() as u64, current.codes.len() as u64];
        Self { names, counts, n_missing, n_rows }
    }

    pub(super) fn psi(&self, options: &Options, stop: &AtomicBool) -> Result<Option<Psi>> {
        psi::of_categories(&self.counts, self.n_missing, options.max_categories, options.alpha, stop)
    }
}

/// Tests and describes a table; missing values are a category of their own for the test.
///
/// # Errors
/// `Interrupted` once `stop` is set.
pub(super) fn compare_categories(table: Table, options: &Options, stop: &AtomicBool) -> Result<Comparison> {
    let test = if table.n_rows.contains(&0) || table.n_rows == table.n_missing {
        None
    } else {
        let with_missing: Vec<[u64; 2]> = table.counts.iter().copied().chain([table.n_missing]).collect();
        Some(ValueTest::from(contingency::two_sample(&with_missing, stop)?))
    };
    let psi = table.psi(options, stop)?;
    let Table { names, counts, n_missing, n_rows } = table;
    Ok(Comparison { n_rows, n_missing, test, missing_p_value: None, psi, look: Look::Categories { names, counts } })
}

#[cfg(test)]
mod tests {
    use super::*;

    static RUN: AtomicBool = AtomicBool::new(false);
    const OPTIONS: Options = Options { n_bins: 10, max_categories: 50, alpha: 0.05 };

    fn compare(reference: &CategoryColumn, current: &CategoryColumn) -> Comparison {
        compare_categories(Table::of(reference, current), &OPTIONS, &RUN).unwrap()
    }

    fn column(texts: &[&str], times: usize) -> CategoryColumn {
        CategoryColumn::encode(std::iter::repeat_n(texts, times).flatten().map(|&text| Some(text)))
    }

    #[test]
    fn categories_meet_by_name_whatever_their_codes() {
        let compared = compare(&column(&["a", "b", ""], 50), &column(&["b", "c", "a"], 50));
        assert_eq!(
            compared.look,
            Look::Categories {
                names: vec!["a".into(), "b".into(), "c".into()],
                counts: vec![[50, 50], [50, 50], [0, 50]],
            }
        );
        assert_eq!((compared.n_rows, compared.n_missing), ([150, 150], [50, 0]));
        // χ² = 100 with 3 degrees of freedom: c and missing alone differ.
        let test = compared.test.unwrap();
        assert!((test.statistic - 100.0).abs() < 1e-11 && test.p_value < 1e-20);
        assert!(compared.psi.unwrap().value > 0.5 && compared.missing_p_value.is_none());
    }

    #[test]
    fn nothing_to_compare() {
        let none = column(&[], 1);
        let compared = compare(&column(&["a"], 3), &none);
        assert!(compared.test.is_none() && compared.psi.is_none());
        let missing = compare(&column(&[""], 3), &column(&[""], 5));
        assert!(missing.test.is_none());
        let gone = compare(&column(&["a"], 30), &column(&[""], 30));
        assert!(gone.test.unwrap().p_value < 1e-10);
    }
}
