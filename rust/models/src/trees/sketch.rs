//! Learning bins from a table that comes in parts, as one whose rows do not fit into memory does.
//!
//! What is kept does not depend on where the parts begin: the values of the same rows that [`Binning::learn`] would sample, and exact
//! counts of categories. So the bins are those of the whole table.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::Dtype;
use arsenal_core::pool;
use arsenal_core::rng::Rng;
use arsenal_core::table::{CategoryColumn, Column, Table};
use arsenal_core::{Result, value_error};
use arsenal_simd::heap;

use super::binning::{Binning, ColumnBins, SAMPLE_ROWS, bounds, most_frequent, sampled_rows};
use super::distinct::count;
use super::values;

/// What bins are learned from. Memory: 4 bytes per row that counts, 4 or 8 per value of the sample, and the distinct categories.
#[derive(Debug)]
pub struct Sketch {
    /// The rows that count, rising.
    rows: Vec<u32>,
    /// Those that bounds are learned from, where they are not all.
    sample: Option<Vec<u32>>,
    columns: Vec<ColumnSketch>,
    n_rows: usize,
    n_seen: usize,
    dtype: Dtype,
}

/// What is kept of one column.
#[derive(Debug)]
enum ColumnSketch {
    /// Sampled numbers, as wide as the widest part.
    Narrow(Vec<f32>),
    Wide(Vec<f64>),
    /// How often each number occurs, by its bits.
    Numbers(HashMap<u64, usize>),
    Texts(HashMap<String, usize>),
}

impl Sketch {
    /// For a table of `n_rows` rows, of which those of a positive weight count. `is_category` marks columns as for [`Binning::learn`].
    pub fn new(n_rows: usize, weights: Option<&[f64]>, is_category: &[bool], rng: &Rng) -> Self {
        let counts = |row: u32| weights.is_none_or(|weights| weights[row as usize] > 0.0);
        let rows: Vec<u32> = (0..n_rows as u32).filter(|&row| counts(row)).collect();
        let sample = sampled_rows(&rows, rng);
        let n_sampled = sample.as_ref().unwrap_or(&rows).len();
        let column = |&mark: &bool| {
            if mark {
                ColumnSketch::Numbers(HashMap::new())
            } else {
                ColumnSketch::Narrow(Vec::with_capacity(n_sampled))
            }
        };
        Self { sample, rows, columns: is_category.iter().map(column).collect(), n_rows, n_seen: 0, dtype: Dtype::F32 }
    }

    /// Takes the next rows in. O(rows · columns), on the calling pool.
    ///
    /// # Errors
    /// `Value` if there are more rows or other columns than before; `Interrupted` once `stop` is set, which leaves rows out.
    pub fn add(&mut self, part: &Table<'_>, stop: &AtomicBool) -> Result<()> {
        if part.n_columns() != self.columns.len() {
            return value_error!("X has {} columns, wanted {}", part.n_columns(), self.columns.len());
        }
        let range = self.n_seen..self.n_seen + part.n_rows();
        if range.end > self.n_rows {
            return value_error!("X has at least {} rows, wanted {}", range.end, self.n_rows);
        }
        self.n_seen = range.end;
        if values::dtype(part) == Dtype::F64 {
            self.dtype = Dtype::F64;
        }
        let rows = within(&self.rows, range.clone());
        let sample = self.sample.as_ref().map_or_else(|| rows.clone(), |sample| within(sample, range));
        let mut columns: Vec<(usize, &mut ColumnSketch)> = self.columns.iter_mut().enumerate().collect();
        pool::for_each_until(&mut columns, stop, &|(column, kept)| kept.add(part, *column, &rows, &sample))
    }

    /// The bins, at most `max_bins` per column besides bin 0. O(rows) per column, on the calling pool.
    ///
    /// # Errors
    /// `Value` if rows are missing; `Interrupted` once `stop` is set.
    pub fn learn(self, max_bins: usize, stop: &AtomicBool) -> Result<Binning> {
        if self.n_seen != self.n_rows {
            return value_error!("X has {} rows, wanted {}", self.n_seen, self.n_rows);
        }
        let dtype = self.dtype;
        let mut tasks: Vec<(Option<ColumnSketch>, Option<ColumnBins>)> =
            self.columns.into_iter().map(|column| (Some(column), None)).collect();
        pool::for_each_until(&mut tasks, stop, &|(column, bins)| {
            *bins = column.take().map(|column| column.learn(max_bins, dtype));
        })?;
        let columns = tasks.into_iter().filter_map(|(_, bins)| bins).collect();
        // What the threads have sorted in would stay with each of them.
        if self.n_rows >= SAMPLE_ROWS {
            heap::give_back();
        }
        Ok(Binning { columns, dtype })
    }
}

/// The rows of a range, counted from its beginning.
fn within(rows: &[u32], range: Range<usize>) -> Vec<u32> {
    let from = rows.partition_point(|&row| (row as usize) < range.start);
    let rows = &rows[from..];
    let rows = &rows[..rows.partition_point(|&row| (row as usize) < range.end)];
    rows.iter().map(|&row| row - range.start as u32).collect()
}

impl ColumnSketch {
    fn add(&mut self, part: &Table<'_>, column: usize, rows: &[u32], sample: &[u32]) {
        if let Table::Columns(columns) = part
            && let Column::Category(texts) = columns[column]
        {
            return self.add_texts(texts, rows);
        }
        let is_wide = match part {
            Table::Columns(columns) => matches!(columns[column], Column::F64(_)),
            _ => values::dtype(part) == Dtype::F64,
        };
        if let (Self::Narrow(numbers), true) = (&mut *self, is_wide) {
            *self = Self::Wide(numbers.drain(..).map(f64::from).collect());
        }
        match self {
            Self::Narrow(numbers) => numbers.extend(values::pick::<f32>(part, column, sample)),
            Self::Wide(numbers) => numbers.extend(values::pick::<f64>(part, column, sample)),
            Self::Numbers(counts) => {
                for (value, n) in count(values::pick::<f64>(part, column, rows)) {
                    *counts.entry(value.to_bits()).or_default() += n;
                }
            }
            Self::Texts(_) => unreachable!("a column's type is the same in every part"),
        }
    }

    fn add_texts(&mut self, texts: &CategoryColumn, rows: &[u32]) {
        if !matches!(self, Self::Texts(_)) {
            *self = Self::Texts(HashMap::new());
        }
        let Self::Texts(counts) = self else { return };
        let mut of_codes = vec![0; texts.levels.len() + 1];
        for &row in rows {
            of_codes[texts.codes[row as usize] as usize] += 1;
        }
        for (level, &n) in texts.levels.iter().zip(&of_codes[1..]).filter(|&(_, &n)| n > 0) {
            match counts.get_mut(level) {
                Some(sum) => *sum += n,
                None => drop(counts.insert(level.clone(), n)),
            }
        }
    }

    fn learn(self, max_bins: usize, dtype: Dtype) -> ColumnBins {
        match self {
            Self::Narrow(numbers) => ColumnBins::Bounds(bounds(&count(numbers), max_bins, dtype)),
            Self::Wide(numbers) => ColumnBins::Bounds(bounds(&count(numbers), max_bins, dtype)),
            Self::Numbers(counts) => {
                let counted = counts.into_iter().map(|(bits, n)| (f64::from_bits(bits), n)).collect();
                ColumnBins::Numbers(most_frequent(counted, max_bins, f64::total_cmp))
            }
            Self::Texts(counts) => {
                ColumnBins::Texts(most_frequent(counts.into_iter().collect(), max_bins, String::cmp))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arsenal_core::table::Chunk;
    use ndarray::{Array1, ArrayView1};

    use super::*;

    static GO_ON: AtomicBool = AtomicBool::new(false);

    /// Columns of f32, of f64, of whole numbers as categories, and of text.
    struct Data {
        narrow: Array1<f32>,
        wide: Array1<f64>,
        codes: Array1<f64>,
        texts: Vec<Option<String>>,
    }

    fn data(n: usize) -> Data {
        let mut rng = Rng::new(3);
        let mut draw = |n: u64| rng.below(n);
        Data {
            narrow: (0..n).map(|_| if draw(9) == 0 { f32::NAN } else { draw(5000) as f32 / 7.0 }).collect(),
            wide: (0..n).map(|_| draw(1 << 40) as f64 / 3.0).collect(),
            codes: (0..n).map(|_| (draw(20) * draw(20)) as f64).collect(),
            texts: (0..n).map(|_| Some(draw(400)).filter(|&k| k > 3).map(|k| format!("t{}", k * k % 300))).collect(),
        }
    }

    fn with_table<R>(data: &Data, rows: Range<usize>, work: impl FnOnce(&Table<'_>) -> R) -> R {
        fn chunk<T>(values: &Array1<T>, rows: Range<usize>) -> Vec<Chunk<'_, T>> {
            let values = values.as_slice().map_or(&[][..], |values| &values[rows]);
            vec![Chunk { values: ArrayView1::from(values), validity: None }]
        }
        let texts = CategoryColumn::encode(data.texts[rows.clone()].iter().map(Option::as_deref));
        work(&Table::Columns(vec![
            Column::F32(chunk(&data.narrow, rows.clone())),
            Column::F64(chunk(&data.wide, rows.clone())),
            Column::F64(chunk(&data.codes, rows)),
            Column::Category(&texts),
        ]))
    }

    #[test]
    fn parts_give_the_bins_of_the_whole_table() {
        let is_category = [false, false, true, false];
        // Fewer and more rows than the sample has.
        for n in [1000, 230_000] {
            let data = data(n);
            let weights: Vec<f64> = (0..n).map(|row| if row % 5 == 0 { 0.0 } else { 2.0 }).collect();
            for weights in [None, Some(&weights[..])] {
                let rows: Vec<u32> =
                    (0..n as u32).filter(|&row| weights.is_none_or(|w| w[row as usize] > 0.0)).collect();
                let rng = Rng::new(7);
                let whole =
                    with_table(&data, 0..n, |table| Binning::learn(table, &rows, &is_category, 255, &rng, &GO_ON));
                let whole = whole.unwrap();
                for part in [n / 7, n] {
                    let mut sketch = Sketch::new(n, weights, &is_category, &rng);
                    for first in (0..n).step_by(part) {
                        with_table(&data, first..n.min(first + part), |table| sketch.add(table, &GO_ON)).unwrap();
                    }
                    assert_eq!(sketch.learn(255, &GO_ON).unwrap(), whole, "{n} rows, {part} at once");
                }
            }
        }
    }

    #[test]
    fn a_column_is_as_wide_as_its_widest_part() {
        let (narrow, wide) = (Array1::from(vec![1.0f32, 2.0]), Array1::from(vec![1e300, 3.0]));
        let mut sketch = Sketch::new(4, None, &[false], &Rng::new(0));
        sketch
            .add(&Table::Columns(vec![Column::F32(vec![Chunk { values: narrow.view(), validity: None }])]), &GO_ON)
            .unwrap();
        sketch
            .add(&Table::Columns(vec![Column::F64(vec![Chunk { values: wide.view(), validity: None }])]), &GO_ON)
            .unwrap();
        let binning = sketch.learn(255, &GO_ON).unwrap();
        assert_eq!(binning.dtype, Dtype::F64);
        assert_eq!(binning.columns, [ColumnBins::Bounds(vec![1.5, 2.5, 1.5 + 1e300 / 2.0])]);
    }

    #[test]
    fn rows_too_many_and_too_few_are_told() {
        let data = data(30);
        let is_category = [false; 4];
        let mut sketch = Sketch::new(20, None, &is_category, &Rng::new(0));
        let more = with_table(&data, 0..30, |table| sketch.add(table, &GO_ON)).unwrap_err();
        assert!(more.to_string().contains("at least 30 rows, wanted 20"), "{more}");
        with_table(&data, 0..15, |table| sketch.add(table, &GO_ON)).unwrap();
        assert!(sketch.learn(255, &GO_ON).unwrap_err().to_string().contains("15 rows, wanted 20"));
    }
}
