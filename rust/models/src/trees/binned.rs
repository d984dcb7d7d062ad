//! A table as bins: row after row for histograms, column after column for partitions and walks.

use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::Dtype;
use arsenal_core::pool;
use arsenal_core::table::{Column, Csr, Table};
use arsenal_core::{Result, value_error};
use arsenal_simd::bins::Bins;
use arsenal_simd::histogram::{BinRows, Spacing};

use super::bin_column::{BinColumn, BinSlice};
use super::binning::{Binning, ColumnBins};
use super::mapper::Mapper;
use super::values::{self, Number};

/// Columns that lie beside each other in one row-major block: a row of a block is half a cache line.
const BLOCK_COLUMNS: usize = 32;
/// Rows of a table for each entry that its histograms may leave unused so that columns share a block. A hundred trees on two cores
/// became faster by 22 % on adult (49,000 rows, spacings of all four kinds), by 18 % on flights and by 13 % on census.
const ROWS_PER_UNUSED_ENTRY: usize = 8;
/// Rows that are binned together: a dense row's cache lines are read once per column, which 4096 rows took from the second-level
/// cache instead of the first.
const TILE: usize = 512;

/// A binned table. Memory: 1 byte per value and layout, 2 in columns of more than 256 bins.
#[derive(Clone, Debug)]
pub struct BinnedTable {
    n_rows: usize,
    columns: Vec<BinColumn>,
    blocks: Vec<Block>,
    /// Where each column's bins begin in a histogram.
    offsets: Vec<usize>,
    histogram_len: usize,
}

/// Up to [`BLOCK_COLUMNS`] columns of about as many bins, row after row.
#[derive(Clone, Debug)]
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
    /// `Value` if the table has another number of columns than `binning`, or text where numbers were or the reverse; `Interrupted` once
    /// `stop` is set.
    pub fn new(table: &Table<'_>, binning: &Binning, layouts: Layouts, stop: &AtomicBool) -> Result<Self> {
        let mut binned = Self::empty(table.n_rows(), binning, layouts);
        binned.fill(0, table, binning, stop)?;
        Ok(binned)
    }

    /// Rows whose values are all missing, until [`BinnedTable::fill`] gives them some.
    pub fn empty(n_rows: usize, binning: &Binning, layouts: Layouts) -> Self {
        let columns: Vec<BinColumn> =
            binning.columns.iter().map(|column| BinColumn::new(column.n_bins(), n_rows)).collect();
        let blocks = match layouts {
            Layouts::Columns => Vec::new(),
            Layouts::RowsAndColumns => blocks(binning, n_rows),
        };
        let mut offsets = vec![0; columns.len()];
        let mut histogram_len = 0;
        for block in &blocks {
            for &column in &block.columns {
                offsets[column] = histogram_len;
                histogram_len += block.spacing.entries();
            }
        }
        Self { n_rows, columns, blocks, offsets, histogram_len }
    }

    /// Bins the rows of `table` as those from `first_row` on. O(rows · columns), in tiles on the calling pool.
    ///
    /// # Errors
    /// `Value` if the table has another number of columns than `binning`, text where numbers were or the reverse, or too many rows;
    /// `Interrupted` once `stop` is set.
    pub fn fill(&mut self, first_row: usize, table: &Table<'_>, binning: &Binning, stop: &AtomicBool) -> Result<()> {
        if table.n_columns() != self.columns.len() {
            return value_error!(
                "X has {} columns, the model was fitted with {}",
                table.n_columns(),
                self.columns.len()
            );
        }
        if table.n_rows() > self.n_rows.saturating_sub(first_row) {
            return value_error!(
                "X has at least {} rows, wanted {}",
                first_row.saturating_add(table.n_rows()),
                self.n_rows
            );
        }
        match binning.dtype {
            Dtype::F32 => self.fill_as::<f32>(first_row, table, binning, stop),
            Dtype::F64 => self.fill_as::<f64>(first_row, table, binning, stop),
        }
    }

    fn fill_as<T: Number>(
        &mut self,
        first_row: usize,
        table: &Table<'_>,
        binning: &Binning,
        stop: &AtomicBool,
    ) -> Result<()> {
        let mappers = (0..binning.columns.len())
            .map(|column| Mapper::<T>::new(table, binning, column))
            .collect::<Result<Vec<_>>>()?;
        let mut tiles = self.tiles(first_row, table.n_rows());
        pool::for_each_until(&mut tiles, stop, &|tile| tile.fill(table, &mappers))
    }

    fn tiles(&mut self, first_row: usize, n_rows: usize) -> Vec<Tile<'_>> {
        let mut column_runs: Vec<_> = self.columns.iter_mut().map(|column| column.runs(first_row, TILE)).collect();
        let mut block_runs: Vec<_> = self
            .blocks
            .iter_mut()
            .map(|Block { columns, stride, bytes, .. }| {
                (columns.as_slice(), *stride, bytes[first_row * *stride..].chunks_mut(TILE * *stride))
            })
            .collect();
        (0..n_rows)
            .step_by(TILE)
            .map(|first_row| Tile {
                first_row,
                n_rows: TILE.min(n_rows - first_row),
                columns: column_runs.iter_mut().filter_map(Iterator::next).collect(),
                blocks: block_runs
                    .iter_mut()
                    .filter_map(|(columns, stride, runs)| Some((*columns, *stride, runs.next()?)))
                    .collect(),
            })
            .collect()
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// The bins of one column.
    pub fn column(&self, column: usize) -> Bins<'_> {
        self.columns[column].view()
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
    let n_bins: Vec<usize> = binning.columns.iter().map(ColumnBins::n_bins).collect();
    let spacings = spacings(&n_bins, n_rows);
    let mut order: Vec<usize> = (0..n_bins.len()).collect();
    order.sort_by_key(|&column| spacings[column]);
    let same = order.chunk_by(|&a, &b| spacings[a] == spacings[b]);
    same.flat_map(|columns| columns.chunks(BLOCK_COLUMNS))
        .map(|columns| {
            let spacing = spacings[columns[0]];
            let stride = (columns.len() * spacing.bin_bytes()).next_multiple_of(4);
            Block { columns: columns.to_vec(), spacing, stride, bytes: vec![0; n_rows * stride] }
        })
        .collect()
}

/// Each column's narrowest spacing, or a wider one where another column has it and that is cheaper: each spacing is a block of its
/// own, through which all rows are counted once more, while unused entries only cost their clearing and subtracting.
fn spacings(n_bins: &[usize], n_rows: usize) -> Vec<Spacing> {
    let mut spacings: Vec<Spacing> = n_bins.iter().map(|&n_bins| Spacing::of(n_bins)).collect();
    for narrow in [Spacing::S4, Spacing::S16, Spacing::S64] {
        let wider = |&spacing: &Spacing| spacing > narrow && spacing.bin_bytes() == 1;
        let Some(next) = spacings.iter().copied().filter(wider).min() else { continue };
        let n_columns = spacings.iter().filter(|&&spacing| spacing == narrow).count();
        if n_columns * (next.entries() - narrow.entries()) <= n_rows / ROWS_PER_UNUSED_ENTRY {
            spacings.iter_mut().filter(|spacing| **spacing == narrow).for_each(|spacing| *spacing = next);
        }
    }
    spacings
}

/// Consecutive rows of every layout.
struct Tile<'a> {
    /// In the table that is read.
    first_row: usize,
    n_rows: usize,
    /// Of at least `n_rows` rows.
    columns: Vec<BinSlice<'a>>,
    /// Columns, stride and bytes of each block.
    blocks: Vec<(&'a [usize], usize, &'a mut [u8])>,
}

impl Tile<'_> {
    fn fill<T: Number>(&mut self, table: &Table<'_>, mappers: &[Mapper<T>]) {
        let n_rows = self.n_rows;
        if let Table::Csr(csr) = table {
            self.fill_sparse(csr, mappers);
        } else {
            let rows = self.first_row..self.first_row + n_rows;
            let mut numbers = vec![T::default(); n_rows];
            for (column, (bins, mapper)) in self.columns.iter_mut().zip(mappers).enumerate() {
                if let (Mapper::Codes(of_codes), Table::Columns(columns), BinSlice::Narrow(bins)) =
                    (mapper, table, &mut *bins)
                    && let Column::Category(texts) = columns[column]
                {
                    bins.iter_mut()
                        .zip(&texts.codes[rows.clone()])
                        .for_each(|(bin, &code)| *bin = of_codes[code as usize]);
                } else {
                    values::read(table, column, rows.clone(), &mut numbers);
                    mapper.bin(&numbers, bins.first(n_rows));
                }
            }
        }
        self.transpose();
    }

    fn fill_sparse<T: Number>(&mut self, csr: &Csr<'_>, mappers: &[Mapper<T>]) {
        for (bins, mapper) in self.columns.iter_mut().zip(mappers) {
            mapper.bin(&[T::default()], bins.at(0));
            bins.first(self.n_rows).repeat_first();
        }
        for row in 0..self.n_rows {
            for (column, value) in csr.row(self.first_row + row) {
                mappers[column].bin(&[T::from_f64(value)], self.columns[column].at(row));
            }
        }
    }

    fn transpose(&mut self) {
        for (columns, stride, bytes) in &mut self.blocks {
            let rows = &mut bytes[..self.n_rows * *stride];
            for (place, &column) in columns.iter().enumerate() {
                self.columns[column].transpose(rows, *stride, place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::binning::ColumnBins;
    use super::*;
    use arsenal_core::rng::Rng;
    use arsenal_core::table::{Bitmap, CategoryColumn, Chunk, CsrValues};
    use ndarray::{Array1, Array2, ArrayView1, Axis};

    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn binned(table: &Table<'_>, is_category: &[bool]) -> (Binning, BinnedTable) {
        binned_by(table, is_category, 255)
    }

    fn binned_by(table: &Table<'_>, is_category: &[bool], max_bins: usize) -> (Binning, BinnedTable) {
        let rows: Vec<u32> = (0..table.n_rows() as u32).collect();
        let binning = Binning::learn(table, &rows, is_category, max_bins, &Rng::new(0), &GO_ON).unwrap();
        let binned = BinnedTable::new(table, &binning, Layouts::RowsAndColumns, &GO_ON).unwrap();
        (binning, binned)
    }

    fn naive_bin(bins: &ColumnBins, x: f64) -> u16 {
        match bins {
            ColumnBins::Bounds(bounds) if !x.is_nan() => 1 + bounds.iter().filter(|&&bound| bound < x).count() as u16,
            ColumnBins::Numbers(values) => values.iter().position(|&v| v == x).map_or(0, |place| place as u16 + 1),
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
            assert_eq!(binned.column(column).at(row), wanted, "{row} {column} {x}");
            let (block, place) = binned
                .blocks
                .iter()
                .find_map(|block| Some((block, block.columns.iter().position(|&c| c == column)?)))
                .unwrap();
            assert_eq!(u16::from(block.bytes[row * block.stride + place]), wanted);
        }
        assert!(binned.blocks.iter().all(|block| block.columns.len() <= BLOCK_COLUMNS));
        assert_eq!(
            binned.histogram_len(),
            binned.blocks().map(|block| block.n_columns * block.spacing.entries()).sum::<usize>()
        );
    }

    #[test]
    fn columns_of_few_bins_join_others_where_there_are_many_rows() {
        use Spacing::{S4, S16, S64, S256, Wide};
        let n_bins = [3, 250, 16, 40, 16, 300];
        assert_eq!(spacings(&n_bins, 80), [S4, S256, S16, S64, S16, Wide(9)]);
        assert_eq!(spacings(&n_bins, 12 * ROWS_PER_UNUSED_ENTRY), [S16, S256, S16, S64, S16, Wide(9)]);
        assert_eq!(spacings(&n_bins, 1 << 20), [S256, S256, S256, S256, S256, Wide(9)]);
        assert_eq!(spacings(&[2, 4, 300], 1 << 20), [S4, S4, Wide(9)]);
        // As wide as needed: a further block is saved by no more than the next spacing in use.
        assert_eq!(spacings(&[2, 30], 1 << 20), [S64, S64]);
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
        let sparse = binned(
            &Table::Csr(Csr::new(&indptr, &indices, CsrValues::F64(&values), 3).unwrap()),
            &[false, true, false],
        )
        .1;

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
    fn wide_columns_lie_beside_narrow_ones() {
        // 1000 values, 40 values, 300 categories of which 255 are kept, 2000 values in 700 bins.
        let n_values = [1000, 40, 300, 2000];
        let matrix = Array2::from_shape_fn((5000, 4), |(i, j)| match (i * 7919 + j) % 5003 {
            k if k % 11 == 0 => f64::NAN,
            k => (k % n_values[j]) as f64,
        });
        let (binning, binned) = binned_by(&Table::DenseF64(matrix.view()), &[false, false, true, false], 1000);
        let wide = |column: usize| matches!(binned.column(column), Bins::Wide(_));
        assert_eq!([0, 1, 2, 3].map(wide), [true, false, false, true]);
        assert_eq!(
            binned.blocks.iter().map(|block| block.columns.clone()).collect::<Vec<_>>(),
            [vec![1, 2], vec![0, 3]]
        );
        for ((row, column), &x) in matrix.indexed_iter() {
            let wanted = naive_bin(&binning.columns[column], x);
            assert_eq!(binned.column(column).at(row), wanted, "{row} {column} {x}");
            if let Some(place) = binned.blocks[1].columns.iter().position(|&c| c == column) {
                let at = row * binned.blocks[1].stride + 2 * place;
                assert_eq!(u16::from_le_bytes([binned.blocks[1].bytes[at], binned.blocks[1].bytes[at + 1]]), wanted);
            }
        }
        assert_eq!(binned.histogram_len(), 2 * Spacing::S256.entries() + 2 * 1024);
    }

    #[test]
    fn filling_part_by_part_gives_the_whole() {
        let matrix = Array2::from_shape_fn((1500, 3), |(i, j)| ((i * 31 + j * 17) % 997) as f64);
        for max_bins in [255, 900] {
            let (binning, whole) = binned_by(&Table::DenseF64(matrix.view()), &[false; 3], max_bins);
            let mut parts = BinnedTable::empty(1500, &binning, Layouts::RowsAndColumns);
            for (first, end) in [(0, 1), (1, 700), (700, 700), (700, 1500)] {
                let part = matrix.slice_axis(Axis(0), (first..end).into());
                parts.fill(first, &Table::DenseF64(part), &binning, &GO_ON).unwrap();
            }
            assert_eq!(parts.columns, whole.columns);
            assert_eq!(parts.blocks[0].bytes, whole.blocks[0].bytes);
            let more = parts.fill(1, &Table::DenseF64(matrix.view()), &binning, &GO_ON);
            assert!(more.unwrap_err().to_string().contains("at least 1501 rows, wanted 1500"));
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
        assert_eq!(training.column(0).narrow(), [1, 0, 2]);
        assert_eq!(training.column(1).narrow(), [1, 2, 0]);

        let later = CategoryColumn::encode([Some("new"), Some("y"), Some("x")]);
        let swapped = Table::Columns(vec![
            Column::F32(vec![Chunk { values: numbers.view(), validity: None }]),
            Column::Category(&later),
        ]);
        let binned = BinnedTable::new(&swapped, &binning, Layouts::Columns, &GO_ON).unwrap();
        assert_eq!(binned.column(1).narrow(), [0, 2, 1]);
        assert_eq!(binned.blocks().count(), 0);

        let wrong = Table::Columns(vec![Column::Category(&later), Column::Category(&later)]);
        assert!(
            BinnedTable::new(&wrong, &binning, Layouts::Columns, &GO_ON)
                .unwrap_err()
                .to_string()
                .contains("holds text")
        );
        let narrow = Table::Columns(vec![Column::Category(&later)]);
        assert!(
            BinnedTable::new(&narrow, &binning, Layouts::Columns, &GO_ON)
                .unwrap_err()
                .to_string()
                .contains("1 columns")
        );
        let matrix = Array2::<f32>::zeros((2, 2));
        assert!(BinnedTable::new(&Table::DenseF32(matrix.view()), &binning, Layouts::Columns, &GO_ON).is_err());
    }
}
