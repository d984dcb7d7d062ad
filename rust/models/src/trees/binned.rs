//! A table as bins: row after row for histograms, column after column for partitions and walks.

use std::collections::HashMap;

use arsenal_core::ensemble::Dtype;
use arsenal_core::pool;
use arsenal_core::table::{Column, Csr, Table};
use arsenal_core::{Result, value_error};
use arsenal_simd::bin_search::Edges;
use arsenal_simd::histogram::{BinRows, Spacing};
use arsenal_simd::partition::PADDING;

use super::binning::{Binning, ColumnBins, bins_by_bits};
use super::values::{self, Number};

/// Columns that lie beside each other in one row-major block: a row of a block is half a cache line.
const BLOCK_COLUMNS: usize = 32;
/// Rows that are binned together: a dense row's cache lines are read once per column, which 4096 rows took from the second-level
/// cache instead of the first.
const TILE: usize = 512;

/// A binned table. Memory: 1 byte per value and layout.
#[derive(Debug)]
pub struct BinnedTable {
    n_rows: usize,
    /// One per column, [`PADDING`] bytes longer than the rows.
    columns: Vec<Vec<u8>>,
    blocks: Vec<Block>,
    /// Where each column's bins begin in a histogram.
    offsets: Vec<usize>,
    histogram_len: usize,
}

/// Up to [`BLOCK_COLUMNS`] columns of about as many bins, row after row.
#[derive(Debug)]
struct Block {
    columns: Vec<usize>,
    spacing: Spacing,
    stride: usize,
    bytes: Vec<u8>,
}

/// Which layouts to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layouts {
    /// Both: for training.
    RowsAndColumns,
    /// Columns only: for walking finished trees.
    Columns,
}

impl BinnedTable {
    /// Bins every value of `table`. O(rows · columns), in tiles on the calling pool.
    ///
    /// # Errors
    /// `Value` if the table has another number of columns than `binning`, or text where numbers were or the reverse.
    pub fn new(table: &Table<'_>, binning: &Binning, layouts: Layouts) -> Result<Self> {
        if table.n_columns() != binning.columns.len() {
            return value_error!(
                "X has {} columns, the model was fitted with {}",
                table.n_columns(),
                binning.columns.len()
            );
        }
        let mut blocks = match layouts {
            Layouts::Columns => Vec::new(),
            Layouts::RowsAndColumns => blocks(binning, table.n_rows()),
        };
        let columns = match binning.dtype {
            Dtype::F32 => fill::<f32>(table, binning, &mut blocks)?,
            Dtype::F64 => fill::<f64>(table, binning, &mut blocks)?,
        };
        let mut offsets = vec![0; columns.len()];
        let mut histogram_len = 0;
        for block in &blocks {
            for &column in &block.columns {
                offsets[column] = histogram_len;
                histogram_len += block.spacing.entries();
            }
        }
        Ok(Self { n_rows: table.n_rows(), columns, blocks, offsets, histogram_len })
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// The bins of one column, with [`PADDING`] bytes behind them.
    pub fn column(&self, column: usize) -> &[u8] {
        &self.columns[column]
    }

    /// Where a column's bins begin in a histogram.
    pub fn offset(&self, column: usize) -> usize {
        self.offsets[column]
    }

    /// Entries of a histogram over all columns.
    pub fn histogram_len(&self) -> usize {
        self.histogram_len
    }

    /// The row-major blocks as the histogram kernel takes them, in the order of their parts of a histogram.
    pub fn blocks(&self) -> impl Iterator<Item = BinRows<'_>> {
        self.blocks.iter().map(|block| BinRows {
            bytes: &block.bytes,
            stride: block.stride,
            first_column: 0,
            n_columns: block.columns.len(),
            spacing: block.spacing,
        })
    }
}

/// Empty blocks for all columns; columns of about as many bins share blocks.
fn blocks(binning: &Binning, n_rows: usize) -> Vec<Block> {
    let spacing = |column: usize| Spacing::of(binning.columns[column].n_bins());
    let mut order: Vec<usize> = (0..binning.columns.len()).collect();
    order.sort_by_key(|&column| spacing(column));
    let same = order.chunk_by(|&a, &b| spacing(a) == spacing(b));
    same.flat_map(|columns| columns.chunks(BLOCK_COLUMNS))
        .map(|columns| {
            let stride = columns.len().next_multiple_of(4);
            Block { columns: columns.to_vec(), spacing: spacing(columns[0]), stride, bytes: vec![0; n_rows * stride] }
        })
        .collect()
}

/// The bins of every column, also written to `blocks`.
fn fill<T: Number>(table: &Table<'_>, binning: &Binning, blocks: &mut [Block]) -> Result<Vec<Vec<u8>>> {
    let n_rows = table.n_rows();
    let mappers = (0..binning.columns.len())
        .map(|column| Mapper::<T>::new(table, binning, column))
        .collect::<Result<Vec<_>>>()?;
    let mut columns = vec![vec![0; n_rows + PADDING]; mappers.len()];
    let mut tiles = tiles(n_rows, &mut columns, blocks);
    pool::for_each(&mut tiles, &|tile| tile.fill(table, &mappers));
    Ok(columns)
}

/// How the values of one column of a particular table find their bins.
enum Mapper<T> {
    Bounds(Box<Edges<T>>),
    Numbers(HashMap<u64, u8>),
    /// Bin of each code of the table's own column.
    Codes(Vec<u8>),
}

impl<T: Number> Mapper<T> {
    fn new(table: &Table<'_>, binning: &Binning, column: usize) -> Result<Self> {
        let text = match table {
            Table::Columns(columns) => match columns[column] {
                Column::Category(texts) => Some(texts),
                _ => None,
            },
            _ => None,
        };
        Ok(match (&binning.columns[column], text) {
            (ColumnBins::Texts(levels), Some(texts)) => {
                let bins: HashMap<&str, u8> = levels.iter().map(String::as_str).zip(1..).collect();
                let of_levels = texts.levels.iter().map(|level| bins.get(level.as_str()).copied().unwrap_or(0));
                Self::Codes(std::iter::once(0).chain(of_levels).collect())
            }
            (ColumnBins::Texts(_), None) => {
                return value_error!("column {column} holds numbers, the model was fitted with text there");
            }
            (_, Some(_)) => return value_error!("column {column} holds text, the model was fitted with numbers there"),
            (ColumnBins::Numbers(values), None) => Self::Numbers(bins_by_bits(values)),
            (ColumnBins::Bounds(bounds), None) => {
                Self::Bounds(Box::new(Edges::new(&bounds.iter().map(|&bound| T::from_f64(bound)).collect::<Vec<_>>())))
            }
        })
    }

    fn bin(&self, values: &[T], bins: &mut [u8]) {
        match self {
            Self::Bounds(edges) => edges.search(values, bins),
            Self::Numbers(by_bits) => {
                for (bin, &value) in bins.iter_mut().zip(values) {
                    *bin = by_bits.get(&(value.to_f64() + 0.0).to_bits()).copied().unwrap_or(0);
                }
            }
            Self::Codes(_) => unreachable!("texts are binned by code"),
        }
    }
}

/// Consecutive rows of every layout.
struct Tile<'a> {
    first_row: usize,
    n_rows: usize,
    columns: Vec<&'a mut [u8]>,
    /// Columns, stride and bytes of each block.
    blocks: Vec<(&'a [usize], usize, &'a mut [u8])>,
}

fn tiles<'a>(n_rows: usize, columns: &'a mut [Vec<u8>], blocks: &'a mut [Block]) -> Vec<Tile<'a>> {
    let mut column_parts: Vec<_> = columns.iter_mut().map(|column| column[..n_rows].chunks_mut(TILE)).collect();
    let mut block_parts: Vec<_> = blocks
        .iter_mut()
        .map(|block| (block.columns.as_slice(), block.stride, block.bytes.chunks_mut(TILE * block.stride)))
        .collect();
    (0..n_rows)
        .step_by(TILE)
        .map(|first_row| Tile {
            first_row,
            n_rows: TILE.min(n_rows - first_row),
            columns: column_parts.iter_mut().filter_map(Iterator::next).collect(),
            blocks: block_parts
                .iter_mut()
                .filter_map(|(columns, stride, parts)| Some((*columns, *stride, parts.next()?)))
                .collect(),
        })
        .collect()
}

impl Tile<'_> {
    fn fill<T: Number>(&mut self, table: &Table<'_>, mappers: &[Mapper<T>]) {
        if let Table::Csr(csr) = table {
            self.fill_sparse(csr, mappers);
        } else {
            let rows = self.first_row..self.first_row + self.n_rows;
            let mut numbers = vec![T::default(); self.n_rows];
            for (column, (bins, mapper)) in self.columns.iter_mut().zip(mappers).enumerate() {
                if let (Mapper::Codes(of_codes), Table::Columns(columns)) = (mapper, table)
                    && let Column::Category(texts) = columns[column]
                {
                    bins.iter_mut()
                        .zip(&texts.codes[rows.clone()])
                        .for_each(|(bin, &code)| *bin = of_codes[code as usize]);
                } else {
                    values::read(table, column, rows.clone(), &mut numbers);
                    mapper.bin(&numbers, bins);
                }
            }
        }
        self.transpose();
    }

    fn fill_sparse<T: Number>(&mut self, csr: &Csr<'_>, mappers: &[Mapper<T>]) {
        let mut zero = [0];
        for (bins, mapper) in self.columns.iter_mut().zip(mappers) {
            mapper.bin(&[T::default()], &mut zero);
            bins.fill(zero[0]);
        }
        for row in 0..self.n_rows {
            for (column, value) in csr.row(self.first_row + row) {
                mappers[column].bin(&[T::from_f64(value)], &mut self.columns[column][row..=row]);
            }
        }
    }

    fn transpose(&mut self) {
        for (columns, stride, bytes) in &mut self.blocks {
            for (place, &column) in columns.iter().enumerate() {
                for (row, &bin) in bytes.chunks_exact_mut(*stride).zip(self.columns[column].iter()) {
                    row[place] = bin;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arsenal_core::rng::Rng;
    use arsenal_core::table::{Bitmap, CategoryColumn, Chunk};
    use ndarray::{Array1, Array2, ArrayView1};

    fn binned(table: &Table<'_>, is_category: &[bool]) -> (Binning, BinnedTable) {
        let rows: Vec<u32> = (0..table.n_rows() as u32).collect();
        let binning = Binning::learn(table, &rows, is_category, 255, &Rng::new(0)).unwrap();
        let binned = BinnedTable::new(table, &binning, Layouts::RowsAndColumns).unwrap();
        (binning, binned)
    }

    fn naive_bin(bins: &ColumnBins, x: f64) -> u8 {
        match bins {
            ColumnBins::Bounds(bounds) if !x.is_nan() => 1 + bounds.iter().filter(|&&bound| bound < x).count() as u8,
            ColumnBins::Numbers(values) => values.iter().position(|&v| v == x).map_or(0, |place| place as u8 + 1),
            _ => 0,
        }
    }

    #[test]
    fn both_layouts_hold_the_naive_bins() {
        // More rows than a tile, more columns than a block.
        let matrix = Array2::from_shape_fn((5000, 35), |(i, j)| match (i * 31 + j * 17) % 97 {
            0 => f64::NAN,
            k => (k * (j + 1)) as f64 % 50.0 - 3.5,
        });
        let is_category: Vec<bool> = (0..35).map(|j| j % 5 == 0).collect();
        let (binning, binned) = binned(&Table::DenseF64(matrix.view()), &is_category);
        for ((row, column), &x) in matrix.indexed_iter() {
            let wanted = naive_bin(&binning.columns[column], x);
            assert_eq!(binned.column(column)[row], wanted, "{row} {column} {x}");
            let (block, place) = binned
                .blocks
                .iter()
                .find_map(|block| Some((block, block.columns.iter().position(|&c| c == column)?)))
                .unwrap();
            assert_eq!(block.bytes[row * block.stride + place], wanted);
        }
        assert!(binned.blocks.iter().all(|block| block.columns.len() <= BLOCK_COLUMNS));
        assert_eq!(
            binned.histogram_len(),
            binned.blocks().map(|block| block.n_columns * block.spacing.entries()).sum::<usize>()
        );
    }

    #[test]
    fn every_layout_of_a_table_gives_the_same_bins() {
        let wide = Array2::from_shape_fn((300, 3), |(i, j)| if i % 3 == 0 { 0.0 } else { ((i * 7 + j) % 40) as f64 });
        let dense = binned(&Table::DenseF64(wide.view()), &[false, true, false]).1;
        let fortran = wide.t().as_standard_layout().into_owned();
        let transposed = binned(&Table::DenseF64(fortran.t()), &[false, true, false]).1;

        let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
        for row in wide.rows() {
            row.iter().enumerate().filter(|(_, x)| **x != 0.0).for_each(|(j, &x)| {
                indices.push(j as i64);
                values.push(x);
            });
            indptr.push(values.len() as i64);
        }
        let sparse = binned(&Table::Csr(Csr::new(&indptr, &indices, &values, 3).unwrap()), &[false, true, false]).1;

        let parts: Vec<Array1<f64>> = (0..3).map(|j| wide.column(j).to_owned()).collect();
        let chunks = |j: usize| {
            let values = parts[j].as_slice().unwrap();
            vec![
                Chunk { values: ArrayView1::from(&values[..111]), validity: None },
                Chunk { values: ArrayView1::from(&values[111..]), validity: None },
            ]
        };
        let chunked =
            binned(&Table::Columns((0..3).map(|j| Column::F64(chunks(j))).collect()), &[false, true, false]).1;
        for other in [transposed, sparse, chunked] {
            assert_eq!(other.columns, dense.columns);
            assert_eq!(other.blocks[0].bytes, dense.blocks[0].bytes);
        }
    }

    #[test]
    fn nulls_and_unseen_texts_are_missing() {
        let numbers = Array1::from(vec![5.0f32, 6.0, 7.0]);
        let validity = Bitmap::new(&[0b101], 0, 3).unwrap();
        let texts = CategoryColumn::encode([Some("x"), Some("y"), None]);
        let table = Table::Columns(vec![
            Column::F32(vec![Chunk { values: numbers.view(), validity: Some(validity) }]),
            Column::Category(&texts),
        ]);
        let (binning, training) = binned(&table, &[false, false]);
        assert_eq!(training.column(0)[..3], [1, 0, 2]);
        assert_eq!(training.column(1)[..3], [1, 2, 0]);

        let later = CategoryColumn::encode([Some("new"), Some("y"), Some("x")]);
        let swapped = Table::Columns(vec![
            Column::F32(vec![Chunk { values: numbers.view(), validity: None }]),
            Column::Category(&later),
        ]);
        let binned = BinnedTable::new(&swapped, &binning, Layouts::Columns).unwrap();
        assert_eq!(binned.column(1)[..3], [0, 2, 1]);
        assert_eq!(binned.blocks().count(), 0);

        let wrong = Table::Columns(vec![Column::Category(&later), Column::Category(&later)]);
        assert!(BinnedTable::new(&wrong, &binning, Layouts::Columns).unwrap_err().to_string().contains("holds text"));
        let narrow = Table::Columns(vec![Column::Category(&later)]);
        assert!(BinnedTable::new(&narrow, &binning, Layouts::Columns).unwrap_err().to_string().contains("1 columns"));
        let matrix = Array2::<f32>::zeros((2, 2));
        assert!(BinnedTable::new(&Table::DenseF32(matrix.view()), &binning, Layouts::Columns).is_err());
    }
}
