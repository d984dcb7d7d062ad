//! Numbers of one column for a run of rows, whatever the table's layout.

use std::ops::Range;

use arsenal_core::ensemble::Dtype;
use arsenal_core::table::{Chunk, Column, Csr, CsrValues, Table};
use arsenal_simd::bin_search;
use ndarray::{ArrayView1, ArrayView2, Axis};

/// The float type that a model computes in.
pub trait Number: bin_search::Float + Default + std::ops::Add<Output = Self> {
    /// A whole number that is ordered as the values are, NaN aside.
    type Key: Copy + Ord + Into<u64>;
    /// See [`Number::Key`].
    fn to_key(self) -> Self::Key;
    /// The value of a key.
    fn from_key(key: Self::Key) -> Self;
    /// From the narrower type; exact.
    fn from_f32(x: f32) -> Self;
    /// From the wider type; the caller knows that it is exact, or that the rounding is meant.
    fn from_f64(x: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
}

const SIGN_32: u32 = 1 << 31;
const SIGN_64: u64 = 1 << 63;

impl Number for f32 {
    type Key = u32;
    fn to_key(self) -> u32 {
        let bits = self.to_bits();
        bits ^ if self.is_sign_negative() { u32::MAX } else { SIGN_32 }
    }
    fn from_key(key: u32) -> Self {
        Self::from_bits(key ^ if key & SIGN_32 == 0 { u32::MAX } else { SIGN_32 })
    }
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
    type Key = u64;
    fn to_key(self) -> u64 {
        let bits = self.to_bits();
        bits ^ if self.is_sign_negative() { u64::MAX } else { SIGN_64 }
    }
    fn from_key(key: u64) -> Self {
        Self::from_bits(key ^ if key & SIGN_64 == 0 { u64::MAX } else { SIGN_64 })
    }
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
        Table::DenseF64(_) | Table::Csr(Csr { values: CsrValues::F64(_), .. }) => Dtype::F64,
        Table::Columns(columns) if columns.iter().any(|column| matches!(column, Column::F64(_))) => Dtype::F64,
        Table::DenseF32(_) | Table::Csr(_) | Table::Columns(_) => Dtype::F32,
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

/// The column's values at some rows, which rise; else as [`read`].
pub fn pick<T: Number>(table: &Table<'_>, column: usize, rows: &[u32]) -> Vec<T> {
    match table {
        Table::DenseF32(matrix) => pick_matrix(matrix, column, rows, T::from_f32),
        Table::DenseF64(matrix) => pick_matrix(matrix, column, rows, T::from_f64),
        _ => pick_tiles(table, column, rows),
    }
}

fn pick_matrix<S: Copy, T>(matrix: &ArrayView2<'_, S>, column: usize, rows: &[u32], convert: fn(S) -> T) -> Vec<T> {
    let values = matrix.column(column);
    rows.iter().map(|&row| convert(values[row as usize])).collect()
}

/// Rows that are read together.
const TILE: usize = 4096;

/// Reads whole runs and keeps what is asked for; `rows` rise.
fn pick_tiles<T: Number>(table: &Table<'_>, column: usize, rows: &[u32]) -> Vec<T> {
    let n_rows = table.n_rows();
    let mut tile = [T::default(); TILE];
    let mut values = Vec::with_capacity(rows.len());
    let mut next = 0;
    for first in (0..n_rows).step_by(TILE) {
        let end = n_rows.min(first + TILE);
        if next < rows.len() && (rows[next] as usize) < end {
            read(table, column, first..end, &mut tile[..end - first]);
        }
        while next < rows.len() && (rows[next] as usize) < end {
            values.push(tile[rows[next] as usize - first]);
            next += 1;
        }
    }
    values
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
