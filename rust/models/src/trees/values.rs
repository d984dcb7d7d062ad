//! Numbers of one column for a run of rows, whatever the table's layout.

use std::ops::Range;

use arsenal_core::ensemble::Dtype;
use arsenal_core::table::{Chunk, Column, Table};
use arsenal_simd::bin_search;
use ndarray::{ArrayView1, ArrayView2, Axis};

/// The float type that a model computes in.
pub trait Number: bin_search::Float + Default {
    /// From the narrower type; exact.
    fn from_f32(x: f32) -> Self;
    /// From the wider type; the caller knows that it is exact, or that the rounding is meant.
    fn from_f64(x: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
}

impl Number for f32 {
    fn from_f32(x: f32) -> Self {
        x
    }
    fn from_f64(x: f64) -> Self {
        x as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    fn from_f32(x: f32) -> Self {
        f64::from(x)
    }
    fn from_f64(x: f64) -> Self {
        x
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// f32 if every column is, else f64.
pub fn dtype(table: &Table<'_>) -> Dtype {
    match table {
        Table::DenseF64(_) | Table::Csr(_) => Dtype::F64,
        Table::Columns(columns) if columns.iter().any(|column| matches!(column, Column::F64(_))) => Dtype::F64,
        Table::DenseF32(_) | Table::Columns(_) => Dtype::F32,
    }
}

/// Fills `out` with the column's values in `rows`; null becomes NaN. For dense matrices and number columns only.
pub fn read<T: Number>(table: &Table<'_>, column: usize, rows: Range<usize>, out: &mut [T]) {
    match table {
        Table::DenseF32(matrix) => read_matrix(matrix, column, rows, out, T::from_f32),
        Table::DenseF64(matrix) => read_matrix(matrix, column, rows, out, T::from_f64),
        Table::Columns(columns) => match &columns[column] {
            Column::F32(chunks) => read_chunks(chunks, rows, out, T::from_f32),
            Column::F64(chunks) => read_chunks(chunks, rows, out, T::from_f64),
            Column::Category(_) => unreachable!("categories have codes, not numbers"),
        },
        Table::Csr(_) => unreachable!("sparse rows are read row by row"),
    }
}

fn read_matrix<S: Copy, T>(
    matrix: &ArrayView2<'_, S>,
    column: usize,
    rows: Range<usize>,
    out: &mut [T],
    convert: fn(S) -> T,
) {
    for (out, &value) in out.iter_mut().zip(part(&matrix.column(column), rows)) {
        *out = convert(value);
    }
}

fn read_chunks<S: Number, T>(chunks: &[Chunk<'_, S>], rows: Range<usize>, out: &mut [T], convert: fn(S) -> T) {
    let (mut first, mut filled) = (0, 0);
    for chunk in chunks {
        let range = rows.start.max(first)..rows.end.min(first + chunk.values.len());
        if range.start < range.end {
            let local = range.start - first..range.end - first;
            let target = &mut out[filled..filled + local.len()];
            filled += local.len();
            match chunk.validity {
                None => {
                    target.iter_mut().zip(part(&chunk.values, local)).for_each(|(out, &value)| *out = convert(value));
                }
                Some(validity) => {
                    for (out, index) in target.iter_mut().zip(local) {
                        *out =
                            convert(if validity.is_valid(index) { chunk.values[index] } else { S::from_f32(f32::NAN) });
                    }
                }
            }
        }
        first += chunk.values.len();
    }
}

/// Some of an array's values, without a copy.
fn part<'v, S>(values: &ArrayView1<'v, S>, range: Range<usize>) -> ArrayView1<'v, S> {
    (*values).split_at(Axis(0), range.end).0.split_at(Axis(0), range.start).1
}
