//! Learning the bins of each column: equal shares of the rows, or one bin per category.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::{Dtype, Feature, FeatureKind};
use arsenal_core::pool;
use arsenal_core::rng::Rng;
use arsenal_core::table::{CategoryColumn, Column, Csr, Table};
use arsenal_core::{Result, value_error};
use serde::{Deserialize, Serialize};

use super::distinct::count;
use super::values;

/// Rows that bounds are learned from; more rows are sampled. Shares of 1/255 are then off by 2 % of themselves (one sigma).
pub(super) const SAMPLE_ROWS: usize = 200_000;
/// Most bins of a column besides the one for missing values.
pub const MAX_BINS: usize = 65_535;
/// Most categories of a column.
const MAX_CATEGORIES: usize = 255;

/// How each column's values become bins. Bin 0 is missing (for categories also unseen and rare); values have bins from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binning {
    /// One per column.
    pub columns: Vec<ColumnBins>,
    /// What numbers are read as.
    pub dtype: Dtype,
}

/// How one column's values become bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ColumnBins {
    /// Bin `b ≥ 1` holds the numbers at most `bounds[b − 1]` and above `bounds[b − 2]`; the last bin has no upper bound.
    Bounds(Vec<f64>),
    /// The number `values[b − 1]` has bin `b`.
    Numbers(Vec<f64>),
    /// The text `levels[b − 1]` has bin `b`.
    Texts(Vec<String>),
}

impl ColumnBins {
    /// Number of bins, bin 0 included.
    pub fn n_bins(&self) -> usize {
        1 + match self {
            Self::Bounds(bounds) => bounds.len() + 1,
            Self::Numbers(values) => values.len(),
            Self::Texts(levels) => levels.len(),
        }
    }

    /// Whether bins have no order.
    pub fn is_category(&self) -> bool {
        !matches!(self, Self::Bounds(_))
    }
}

impl Binning {
    /// Learns bins from the rows listed (those with a positive weight), at most `max_bins` per column besides bin 0.
    ///
    /// `is_category[column]` asks for one bin per distinct value; text columns always get that. The most frequent categories are
    /// kept (ties: the smaller value first), at most 255. O(rows · log rows) per column, on the calling pool.
    ///
    /// # Errors
    /// `Value` if `max_bins` is not in 2..=[`MAX_BINS`]; `Interrupted` once `stop` is set.
    pub fn learn(
        table: &Table<'_>,
        rows: &[u32],
        is_category: &[bool],
        max_bins: usize,
        rng: &Rng,
        stop: &AtomicBool,
    ) -> Result<Self> {
        if !(2..=MAX_BINS).contains(&max_bins) {
            return value_error!("max_bins is {max_bins}, wanted 2 to {MAX_BINS}");
        }
        let dtype = values::dtype(table);
        let sampled = sampled_rows(rows, rng);
        let sample = sampled.as_deref().unwrap_or(rows);
        let stored = if let Table::Csr(csr) = table {
            sparse_columns(csr, is_category, rows, sample, stop)?
        } else {
            Vec::new()
        };
        let mut tasks: Vec<(usize, Option<ColumnBins>)> = (0..table.n_columns()).map(|column| (column, None)).collect();
        pool::for_each_until(&mut tasks, stop, &|(column, bins)| {
            *bins = Some(match table {
                Table::Columns(columns) if let Column::Category(texts) = columns[*column] => {
                    learn_texts(texts, rows, max_bins)
                }
                Table::Csr(_) => {
                    let n_rows = if is_category[*column] { rows.len() } else { sample.len() };
                    let counted = count_stored(&stored[*column], n_rows);
                    learn_numbers(counted, is_category[*column], max_bins, dtype)
                }
                // Categories are counted over all rows: a rare one may be absent from the sample.
                _ if is_category[*column] => {
                    learn_numbers(dense_column(table, *column, rows, dtype), true, max_bins, dtype)
                }
                _ => learn_numbers(dense_column(table, *column, sample, dtype), false, max_bins, dtype),
            });
        })?;
        Ok(Self { columns: tasks.into_iter().filter_map(|(_, bins)| bins).collect(), dtype })
    }

    /// The columns as a fitted model describes them.
    pub fn features(&self, names: &[String]) -> Vec<Feature> {
        let kind = |bins: &ColumnBins| match bins {
            ColumnBins::Bounds(_) => FeatureKind::Numeric,
            ColumnBins::Numbers(values) => FeatureKind::NumericCategories(values.clone()),
            ColumnBins::Texts(levels) => FeatureKind::StringCategories(levels.clone()),
        };
        names.iter().zip(&self.columns).map(|(name, bins)| Feature { name: name.clone(), kind: kind(bins) }).collect()
    }
}

/// The rows that bounds are learned from, rising; `None` means all.
pub(super) fn sampled_rows(rows: &[u32], rng: &Rng) -> Option<Vec<u32>> {
    (rows.len() > SAMPLE_ROWS).then(|| {
        let places = rng.fork(0).sample_sorted(rows.len(), SAMPLE_ROWS);
        places.iter().map(|&place| rows[place as usize]).collect()
    })
}

fn dense_column(table: &Table<'_>, column: usize, rows: &[u32], dtype: Dtype) -> Vec<(f64, usize)> {
    match dtype {
        Dtype::F32 => count(values::pick::<f32>(table, column, rows)),
        Dtype::F64 => count(values::pick::<f64>(table, column, rows)),
    }
}

/// Rows of a sparse table that are read between two looks at `stop`.
const SPARSE_ROWS: usize = 1 << 14;

/// The stored values of every column of a sparse table: of categories those of all `rows`, else those of the `sample`.
fn sparse_columns(
    csr: &Csr<'_>,
    is_category: &[bool],
    rows: &[u32],
    sample: &[u32],
    stop: &AtomicBool,
) -> Result<Vec<Vec<f64>>> {
    let mut stored: Vec<Vec<f64>> = vec![Vec::new(); csr.n_columns];
    for (rows, of_categories) in [(sample, false), (rows, true)] {
        if !is_category.contains(&of_categories) {
            continue;
        }
        for rows in rows.chunks(SPARSE_ROWS) {
            pool::go_on(stop)?;
            for (column, value) in rows.iter().flat_map(|&row| csr.row(row as usize)) {
                if is_category[column] == of_categories {
                    stored[column].push(value);
                }
            }
        }
    }
    Ok(stored)
}

/// [`count`] for a sparse column: what `n_rows` rows do not store is 0.
fn count_stored(stored: &[f64], n_rows: usize) -> Vec<(f64, usize)> {
    let zeros = n_rows.saturating_sub(stored.len());
    let mut counted = count(stored.iter().copied());
    if zeros > 0 {
        match counted.binary_search_by(|(value, _)| value.total_cmp(&0.0)) {
            Ok(place) => counted[place].1 += zeros,
            Err(place) => counted.insert(place, (0.0, zeros)),
        }
    }
    counted
}

fn learn_numbers(counted: Vec<(f64, usize)>, is_category: bool, max_bins: usize, dtype: Dtype) -> ColumnBins {
    if is_category {
        return ColumnBins::Numbers(most_frequent(counted, max_bins, f64::total_cmp));
    }
    ColumnBins::Bounds(bounds(&counted, max_bins, dtype))
}

fn learn_texts(column: &CategoryColumn, rows: &[u32], max_bins: usize) -> ColumnBins {
    let mut counts = vec![0; column.levels.len() + 1];
    for &row in rows {
        counts[column.codes[row as usize] as usize] += 1;
    }
    let counted = column.levels.iter().cloned().zip(counts[1..].iter().copied()).filter(|&(_, n)| n > 0).collect();
    ColumnBins::Texts(most_frequent(counted, max_bins, String::cmp))
}

/// The values of the highest counts, highest first; equal counts by value.
pub(super) fn most_frequent<T>(
    mut counted: Vec<(T, usize)>,
    max_bins: usize,
    order: fn(&T, &T) -> std::cmp::Ordering,
) -> Vec<T> {
    counted.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| order(a, b)));
    counted.truncate(max_bins.min(MAX_CATEGORIES));
    counted.into_iter().map(|(value, _)| value).collect()
}

/// Upper bounds of all bins but the last, so that bins hold about equal shares of the rows and no value is cut.
///
/// A value with a bin's share of rows or more gets a bin by itself; the other bins share out the rest, so a spike does not starve them.
pub(super) fn bounds(counted: &[(f64, usize)], max_bins: usize, dtype: Dtype) -> Vec<f64> {
    let n_rows: usize = counted.iter().map(|&(_, n)| n).sum();
    let is_spike = |n: usize| n * max_bins >= n_rows;
    let mut spikes_left = counted.iter().filter(|&&(_, n)| is_spike(n)).count();
    let mut rows_left: usize = counted.iter().map(|&(_, n)| n).filter(|&n| !is_spike(n)).sum();
    let mut bounds = Vec::new();
    let mut filled = 0;
    for (place, pair) in counted.windows(2).enumerate() {
        let ((value, n), (next, next_n)) = (pair[0], pair[1]);
        let bins_left = max_bins - bounds.len();
        filled += n;
        let share = rows_left as f64 / bins_left.saturating_sub(spikes_left).max(1) as f64;
        let is_full = counted.len() - place <= bins_left || is_spike(n) || is_spike(next_n) || filled as f64 >= share;
        if is_full && bins_left > 1 {
            bounds.push(between(value, next, dtype));
            if is_spike(n) {
                spikes_left -= 1;
            } else {
                rows_left -= filled;
            }
            filled = 0;
        }
    }
    bounds
}

/// A number `t` of the model's type with `low ≤ t < high`, near their middle: every input of that type falls on the same side of it
/// as on the middle's.
fn between(low: f64, high: f64, dtype: Dtype) -> f64 {
    let middle = low + (high - low) / 2.0;
    let middle = match dtype {
        Dtype::F64 => middle,
        Dtype::F32 => {
            let narrow = middle as f32;
            f64::from(if f64::from(narrow) > middle { narrow.next_down() } else { narrow })
        }
    };
    if middle >= low && middle < high { middle } else { low }
}

/// Bins of category values by what identifies them.
pub(super) fn bins_by_bits(values: &[f64]) -> HashMap<u64, u8> {
    values.iter().zip(1..).map(|(value, bin)| ((value + 0.0).to_bits(), bin)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arsenal_core::table::CsrValues;
    use ndarray::{Array2, array};

    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn learn(matrix: &Array2<f64>, is_category: bool, max_bins: usize) -> ColumnBins {
        let rows: Vec<u32> = (0..matrix.nrows() as u32).collect();
        let table = Table::DenseF64(matrix.view());
        Binning::learn(&table, &rows, &vec![is_category; matrix.ncols()], max_bins, &Rng::new(0), &GO_ON)
            .unwrap()
            .columns
            .swap_remove(0)
    }

    #[test]
    fn few_values_get_a_bin_each() {
        let matrix = array![[3.0], [1.0], [f64::NAN], [1.0], [2.0]];
        assert_eq!(learn(&matrix, false, 255), ColumnBins::Bounds(vec![1.5, 2.5]));
        assert_eq!(learn(&array![[f64::NAN]], false, 255), ColumnBins::Bounds(vec![]));
        assert_eq!(learn(&array![[0.0], [-0.0]], false, 255), ColumnBins::Bounds(vec![]));
        let infinite = learn(&array![[f64::NEG_INFINITY], [0.0], [f64::INFINITY]], false, 255);
        assert_eq!(infinite, ColumnBins::Bounds(vec![f64::NEG_INFINITY, 0.0]));
    }

    #[test]
    fn many_values_get_equal_shares_and_spikes_their_own() {
        let n = 10_000;
        let matrix = Array2::from_shape_fn((n, 1), |(i, _)| if i % 2 == 0 { 0.5 } else { i as f64 / n as f64 });
        let ColumnBins::Bounds(bounds) = learn(&matrix, false, 16) else { panic!("wanted bounds") };
        assert!(bounds.len() == 15 && bounds.is_sorted_by(|a, b| a < b));
        let mut shares = vec![0; 16];
        matrix.iter().for_each(|x| shares[bounds.partition_point(|b| b < x)] += 1);
        let spike = bounds.partition_point(|b| *b < 0.5);
        assert!(shares[spike] < 5_010, "{shares:?}");
        assert!(shares.iter().enumerate().all(|(i, &share)| i == spike || (100..600).contains(&share)), "{shares:?}");
    }

    #[test]
    fn frequent_categories_are_kept() {
        let matrix = array![[7.0], [5.0], [5.0], [7.0], [9.0], [1.0], [f64::NAN]];
        assert_eq!(learn(&matrix, true, 3), ColumnBins::Numbers(vec![5.0, 7.0, 1.0]));
        let texts = CategoryColumn::encode([Some("b"), Some("a"), None, Some("a"), Some("c")]);
        assert_eq!(learn_texts(&texts, &[0, 1, 2, 3], 255), ColumnBins::Texts(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn sparse_zeros_count_as_zeros() {
        let csr = Csr::new(&[0, 1, 1, 2, 3], &[0, 0, 0], CsrValues::F64(&[2.0, -2.0, 0.0]), 1).unwrap();
        let stored = sparse_columns(&csr, &[false], &[0, 1, 2, 3], &[0, 1, 2, 3], &GO_ON).unwrap();
        assert_eq!(count_stored(&stored[0], 4), [(-2.0, 1), (0.0, 2), (2.0, 1)]);
        let table = Table::Csr(csr);
        let bins = Binning::learn(&table, &[0, 1, 2, 3], &[false], 255, &Rng::new(0), &GO_ON).unwrap();
        assert_eq!(bins.columns, [ColumnBins::Bounds(vec![-1.0, 1.0])]);
        assert!(Binning::learn(&table, &[], &[false], 65_536, &Rng::new(0), &GO_ON).is_err());
    }

    #[test]
    fn rare_categories_of_large_sparse_tables_are_kept() {
        let n = SAMPLE_ROWS + 50_000;
        let codes: Vec<f64> = (0..n).map(|row| if row % 50_000 == 7 { 9.0 } else { (row % 3) as f64 }).collect();
        let stored: Vec<usize> = (0..n).filter(|&row| codes[row] != 0.0).collect();
        let values: Vec<f64> = stored.iter().map(|&row| codes[row]).collect();
        let indptr: Vec<i64> = (0..=n).map(|row| stored.partition_point(|&place| place < row) as i64).collect();
        let columns = vec![0; values.len()];
        let csr = Csr::new(&indptr, &columns, CsrValues::F64(&values), 1).unwrap();
        let dense = Array2::from_shape_vec((n, 1), codes).unwrap();
        let rows: Vec<u32> = (0..n as u32).collect();
        let bins = |table: &Table<'_>| Binning::learn(table, &rows, &[true], 255, &Rng::new(0), &GO_ON).unwrap();
        let of_sparse = bins(&Table::Csr(csr));
        assert_eq!(of_sparse, bins(&Table::DenseF64(dense.view())));
        assert!(matches!(&of_sparse.columns[0], ColumnBins::Numbers(values) if values.contains(&9.0)));
    }

    #[test]
    fn thresholds_stay_between_their_values() {
        for (low, high) in
            [(1.0f32, 1.0f32.next_up()), (-1.0, 1.0), (0.1, 0.2), (f32::MAX, f32::INFINITY), (f32::MIN, f32::MAX)]
        {
            let t = between(f64::from(low), f64::from(high), Dtype::F32);
            assert!(f64::from(low) <= t && t < f64::from(high) && f64::from(t as f32) == t, "{low} {t} {high}");
        }
        assert_eq!(between(f64::MIN, f64::MAX, Dtype::F64), f64::MIN);
    }
}
