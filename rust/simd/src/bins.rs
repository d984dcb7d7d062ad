//! The bins of one column, as wide as their number asks for.

/// Bin numbers, row after row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins<'a> {
    /// At most 256 bins.
    Narrow(&'a [u8]),
    /// At most 65,536 bins.
    Wide(&'a [u16]),
}

impl<'a> Bins<'a> {
    /// The bin of one row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub fn at(self, row: usize) -> u16 {
        match self {
            Self::Narrow(bins) => u16::from(bins[row]),
            Self::Wide(bins) => bins[row],
        }
    }

    /// The bins as bytes, for learners whose columns have no more than 256.
    ///
    /// # Panics
    /// If the column is wide.
    pub fn narrow(self) -> &'a [u8] {
        match self {
            Self::Narrow(bins) => bins,
            Self::Wide(_) => panic!("a column of more than 256 bins, wanted a narrow one"),
        }
    }
}
