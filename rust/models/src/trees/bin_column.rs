//! The bins of one column: a byte each, or two where there are more than 256.

use arsenal_simd::bins::Bins;

/// Bins of a column, row after row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BinColumn {
    Narrow(Vec<u8>),
    Wide(Vec<u16>),
}

impl BinColumn {
    /// All rows in bin 0.
    pub fn new(n_bins: usize, n_rows: usize) -> Self {
        if n_bins <= 256 { Self::Narrow(vec![0; n_rows]) } else { Self::Wide(vec![0; n_rows]) }
    }

    pub fn view(&self) -> Bins<'_> {
        match self {
            Self::Narrow(bins) => Bins::Narrow(bins),
            Self::Wide(bins) => Bins::Wide(bins),
        }
    }

    /// From a row on, cut into runs of `len` rows.
    pub fn runs(&mut self, first_row: usize, len: usize) -> Runs<'_> {
        match self {
            Self::Narrow(bins) => Runs::Narrow(bins[first_row..].chunks_mut(len)),
            Self::Wide(bins) => Runs::Wide(bins[first_row..].chunks_mut(len)),
        }
    }
}

/// See [`BinColumn::runs`].
pub(super) enum Runs<'a> {
    Narrow(std::slice::ChunksMut<'a, u8>),
    Wide(std::slice::ChunksMut<'a, u16>),
}

impl<'a> Iterator for Runs<'a> {
    type Item = BinSlice<'a>;

    fn next(&mut self) -> Option<BinSlice<'a>> {
        match self {
            Self::Narrow(runs) => runs.next().map(BinSlice::Narrow),
            Self::Wide(runs) => runs.next().map(BinSlice::Wide),
        }
    }
}

/// Bins to be written.
pub(super) enum BinSlice<'a> {
    Narrow(&'a mut [u8]),
    Wide(&'a mut [u16]),
}

impl BinSlice<'_> {
    /// The first `n_rows`.
    pub fn first(&mut self, n_rows: usize) -> BinSlice<'_> {
        match self {
            Self::Narrow(bins) => BinSlice::Narrow(&mut bins[..n_rows]),
            Self::Wide(bins) => BinSlice::Wide(&mut bins[..n_rows]),
        }
    }

    /// One row.
    pub fn at(&mut self, row: usize) -> BinSlice<'_> {
        match self {
            Self::Narrow(bins) => BinSlice::Narrow(&mut bins[row..=row]),
            Self::Wide(bins) => BinSlice::Wide(&mut bins[row..=row]),
        }
    }

    /// The first row's bin for all.
    pub fn repeat_first(&mut self) {
        match self {
            Self::Narrow(bins) => bins.fill(bins[0]),
            Self::Wide(bins) => bins.fill(bins[0]),
        }
    }

    /// Writes the bins into one place of every row of a block, in as many bytes as they have.
    pub fn transpose(&self, rows: &mut [u8], stride: usize, place: usize) {
        match self {
            Self::Narrow(bins) => {
                for (row, &bin) in rows.chunks_exact_mut(stride).zip(bins.iter()) {
                    row[place] = bin;
                }
            }
            Self::Wide(bins) => {
                for (row, &bin) in rows.chunks_exact_mut(stride).zip(bins.iter()) {
                    row[2 * place..][..2].copy_from_slice(&bin.to_le_bytes());
                }
            }
        }
    }
}
