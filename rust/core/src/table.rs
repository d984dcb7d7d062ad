//! Views of tables: dense matrices of any stride, columns with missing values, categories, compressed sparse rows.
//!
//! A view borrows; nothing here copies numbers. Text becomes codes once, in [`CategoryColumn`].

use std::collections::HashMap;

use ndarray::{ArrayView1, ArrayView2};

use crate::{Error, Result};

/// A table to learn from or to score.
#[derive(Clone, Debug)]
pub enum Table<'a> {
    /// One f32 matrix, rows × columns, any strides.
    DenseF32(ArrayView2<'a, f32>),
    /// One f64 matrix, rows × columns, any strides.
    DenseF64(ArrayView2<'a, f64>),
    /// Compressed sparse rows; an absent entry is 0.
    Csr(Csr<'a>),
    /// One column after another, as in an Arrow table or a data frame.
    Columns(Vec<Column<'a>>),
}

/// One column of a table.
#[derive(Clone, Debug)]
pub enum Column<'a> {
    /// f32 values; NaN and null are missing.
    F32(Vec<Chunk<'a, f32>>),
    /// f64 values; NaN and null are missing.
    F64(Vec<Chunk<'a, f64>>),
    /// Text as codes.
    Category(&'a CategoryColumn),
}

/// A run of values of one column.
#[derive(Clone, Debug)]
pub struct Chunk<'a, T> {
    /// The values; those at null places are arbitrary.
    pub values: ArrayView1<'a, T>,
    /// Which values are there; `None` means all.
    pub validity: Option<Bitmap<'a>>,
}

/// Bits in Arrow's order: bit `offset + i` of the bytes, least significant first, tells of value `i`.
#[derive(Clone, Copy, Debug)]
pub struct Bitmap<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// A column of text: `codes[row]` is 0 for missing, else `levels[code - 1]` is the row's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CategoryColumn {
    /// One code per row.
    pub codes: Vec<u32>,
    /// Distinct texts in order of first appearance.
    pub levels: Vec<String>,
}

/// Compressed sparse rows.
#[derive(Clone, Debug)]
pub struct Csr<'a> {
    /// Where each row begins in `indices` and `values`; one more entry than rows.
    pub indptr: &'a [i64],
    /// Column of each entry.
    pub indices: &'a [i64],
    /// Value of each entry.
    pub values: CsrValues<'a>,
    /// Number of columns.
    pub n_columns: usize,
}

/// The values of compressed sparse rows.
#[derive(Clone, Copy, Debug)]
pub enum CsrValues<'a> {
    /// f32 values.
    F32(&'a [f32]),
    /// f64 values.
    F64(&'a [f64]),
}

impl Table<'_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::DenseF32(matrix) => matrix.nrows(),
            Self::DenseF64(matrix) => matrix.nrows(),
            Self::Csr(csr) => csr.n_rows(),
            Self::Columns(columns) => columns.first().map_or(0, Column::n_rows),
        }
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        match self {
            Self::DenseF32(matrix) => matrix.ncols(),
            Self::DenseF64(matrix) => matrix.ncols(),
            Self::Csr(csr) => csr.n_columns,
            Self::Columns(columns) => columns.len(),
        }
    }
}

impl Column<'_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::F32(chunks) => chunks.iter().map(|chunk| chunk.values.len()).sum(),
            Self::F64(chunks) => chunks.iter().map(|chunk| chunk.values.len()).sum(),
            Self::Category(column) => column.codes.len(),
        }
    }
}

impl<'a> Bitmap<'a> {
    /// A bitmap whose bits `offset .. offset + n_values` lie in `bytes`.
    ///
    /// # Errors
    /// `Value` if `bytes` is too short.
    pub fn new(bytes: &'a [u8], offset: usize, n_values: usize) -> Result<Self> {
        let bits = bytes.len().saturating_mul(8);
        if offset.checked_add(n_values).is_none_or(|end| end > bits) {
            return Err(Error::Value(format!("validity bitmap has {bits} bits, wanted {offset} + {n_values}")));
        }
        Ok(Self { bytes, offset })
    }

    /// Whether value `index` is there.
    pub fn is_valid(&self, index: usize) -> bool {
        let bit = self.offset + index;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }
}

impl CategoryColumn {
    /// Codes for a column of texts; `None` and `""` are missing. O(rows) hash look-ups.
    pub fn encode<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> Self {
        let mut codes_by_text: HashMap<&'t str, u32> = HashMap::new();
        let mut column = Self::default();
        for text in texts {
            let code = match text.filter(|text| !text.is_empty()) {
                None => 0,
                Some(text) => *codes_by_text.entry(text).or_insert_with(|| {
                    column.levels.push(text.to_owned());
                    column.levels.len() as u32
                }),
            };
            column.codes.push(code);
        }
        column
    }
}

impl CsrValues<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    fn at(&self, entry: usize) -> f64 {
        match self {
            Self::F32(values) => f64::from(values[entry]),
            Self::F64(values) => values[entry],
        }
    }
}

impl<'a> Csr<'a> {
    /// A checked view.
    ///
    /// # Errors
    /// `Value` if the three arrays do not describe rows of `n_columns` columns.
    pub fn new(indptr: &'a [i64], indices: &'a [i64], values: CsrValues<'a>, n_columns: usize) -> Result<Self> {
        let ordered = indptr.first() == Some(&0) && indptr.is_sorted();
        if !ordered || indptr.last().copied() != i64::try_from(values.len()).ok() || indices.len() != values.len() {
            return Err(Error::Value(format!(
                "CSR index pointer must rise from 0 to the number of entries, got {} indices and {} values",
                indices.len(),
                values.len()
            )));
        }
        if let Some(bad) = indices.iter().find(|&&column| column < 0 || column as usize >= n_columns) {
            return Err(Error::Value(format!("CSR column index {bad} is outside 0..{n_columns}")));
        }
        Ok(Self { indptr, indices, values, n_columns })
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Columns and values of one row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.indptr[row] as usize..self.indptr[row + 1] as usize;
        range.map(|entry| (self.indices[entry] as usize, self.values.at(entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn bitmaps_read_arrow_bits_and_refuse_short_buffers() {
        let bitmap = Bitmap::new(&[0b0000_0101, 0b1], 1, 8).unwrap();
        assert_eq!(
            (0..8).map(|i| bitmap.is_valid(i)).collect::<Vec<_>>(),
            [false, true, false, false, false, false, false, true]
        );
        assert!(Bitmap::new(&[0], 1, 8).unwrap_err().to_string().contains("8 bits"));
        assert!(Bitmap::new(&[0], usize::MAX, 8).is_err());
    }

    #[test]
    fn texts_get_codes_in_order_of_appearance() {
        let column = CategoryColumn::encode([Some("b"), None, Some("a"), Some(""), Some("b")]);
        assert_eq!(column.codes, [1, 0, 2, 0, 1]);
        assert_eq!(column.levels, ["b", "a"]);
    }

    #[test]
    fn csr_checks_its_parts() {
        let csr = Csr::new(&[0, 1, 1, 3], &[2, 0, 1], CsrValues::F64(&[5.0, 6.0, 7.0]), 3).unwrap();
        assert_eq!(csr.n_rows(), 3);
        assert_eq!(csr.row(2).collect::<Vec<_>>(), [(0, 6.0), (1, 7.0)]);
        assert_eq!(csr.row(1).count(), 0);
        let narrow = Csr::new(&[0, 1], &[2], CsrValues::F32(&[0.1]), 3).unwrap();
        assert_eq!(narrow.row(0).collect::<Vec<_>>(), [(2, f64::from(0.1f32))]);
        assert!(Csr::new(&[0, 4], &[0], CsrValues::F32(&[1.0]), 3).is_err());
        assert!(Csr::new(&[1, 1], &[0], CsrValues::F32(&[1.0]), 3).is_err());
        assert!(Csr::new(&[], &[], CsrValues::F64(&[]), 3).is_err());
        assert!(Csr::new(&[0, 1], &[3], CsrValues::F32(&[1.0]), 3).unwrap_err().to_string().contains("0..3"));
    }

    #[test]
    fn tables_know_their_shape() {
        let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!((Table::DenseF64(matrix.view()).n_rows(), Table::DenseF64(matrix.view()).n_columns()), (2, 3));
        let single = matrix.mapv(|x| x as f32);
        assert_eq!((Table::DenseF32(single.view()).n_rows(), Table::DenseF32(single.view()).n_columns()), (2, 3));
        let rows = [matrix.row(0), matrix.row(1)];
        let category = CategoryColumn { codes: vec![1; 6], levels: vec!["a".into()] };
        let columns = vec![
            Column::F64(rows.iter().map(|row| Chunk { values: row.view(), validity: None }).collect()),
            Column::Category(&category),
        ];
        assert_eq!((Table::Columns(columns.clone()).n_rows(), Table::Columns(columns).n_columns()), (6, 2));
        let csr = Csr::new(&[0, 0], &[], CsrValues::F64(&[]), 4).unwrap();
        assert_eq!((Table::Csr(csr.clone()).n_rows(), Table::Csr(csr).n_columns()), (1, 4));
    }
}
