//! Histograms of packed integer gradients: one add updates gradient and hessian.

use crate::Isa;
use crate::gradient::for_every_isa;

/// A block of binned columns, row after row.
#[derive(Clone, Copy, Debug)]
pub struct BinRows<'a> {
    /// `stride` bytes per row; bins of two bytes each, little-endian, where the spacing is wide.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Where a row's bins begin.
    pub first_column: usize,
    /// Number of columns.
    pub n_columns: usize,
    /// Entries from one column's histogram to the next: one number for the whole block, so that it is part of the instruction.
    pub spacing: Spacing,
}

/// Entries of one cache line. From one column to the next there is one line more than a power of two: a power would put the bins of
/// all columns into the same few sets of the cache, where columns of few bins drive each other out.
const LINE: usize = 8;

/// Entries that each column of a block has in the histogram, at least the column's number of bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spacing {
    /// Up to 4 bins.
    S4,
    /// Up to 16 bins.
    S16,
    /// Up to 64 bins.
    S64,
    /// Up to 256 bins.
    S256,
    /// Up to two to this power, 9 to 16: bins take two bytes.
    Wide(u8),
}

impl Spacing {
    /// The narrowest that holds `n_bins`, which is at most 65,536.
    pub fn of(n_bins: usize) -> Self {
        match n_bins {
            ..=4 => Self::S4,
            5..=16 => Self::S16,
            17..=64 => Self::S64,
            65..=256 => Self::S256,
            _ => Self::Wide(n_bins.next_power_of_two().trailing_zeros() as u8),
        }
    }

    /// As a number.
    pub fn entries(self) -> usize {
        match self {
            Self::S4 => 4,
            Self::S16 => 16,
            Self::S64 => 64 + LINE,
            Self::S256 => 256 + LINE,
            Self::Wide(bits) => 1 << bits,
        }
    }

    /// Bytes of a bin in a row.
    pub fn bin_bytes(self) -> usize {
        if matches!(self, Self::Wide(_)) { 2 } else { 1 }
    }
}

/// Which rows to add.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// `first .. first + count`.
    Range(usize, usize),
    /// These, in this order.
    Listed(&'a [u32]),
}

/// The packed sum of one quantised gradient pair: gradient in the high half (signed), hessian in the low half.
#[inline(always)]
pub fn widen(pair: u32) -> u64 {
    let gradient = (pair as i32 >> 16) as i64 as u64;
    (gradient << 32).wrapping_add(u64::from(pair & 0xFFFF))
}

/// The two halves of a packed sum.
#[inline(always)]
pub fn unpack(sum: u64) -> (i64, i64) {
    ((sum as i64) >> 32, i64::from(sum as u32))
}

/// A quantised pair as [`widen`] takes it.
#[inline(always)]
pub fn pack(gradient: i16, hessian: u16) -> u32 {
    (u32::from(gradient as u16) << 16) | u32::from(hessian)
}

for_every_isa! {
    /// Takes the sums of `part` out of those of `whole`: what is left are the sums of the other rows.
    pub fn subtract(whole: &mut [u64], part: &[u64]) {
        for (sum, &less) in whole.iter_mut().zip(part) {
            *sum = sum.wrapping_sub(less);
        }
    }
}

/// How many listed rows ahead the bins are prefetched; 8 to 32 measured the same, 0 costs a third more beyond the cache.
const AHEAD: usize = 16;

/// Adds the pair of every row to each of the row's bins. `pairs[row]` is made by [`pack`]; `histogram` holds `spacing` entries per
/// column. A bin beyond those that a spacing is made for counts as its remainder by their number.
///
/// The caller keeps sums in range: over all rows that ever meet in one histogram, |Σ gradient| < 2³¹ and Σ hessian < 2³¹.
/// Integer sums do not depend on the order of rows, so any split of the work gives the same histogram.
///
/// # Panics
/// If a row lies outside `bins` or `pairs`, or `histogram` is shorter than the columns need.
pub fn accumulate(bins: BinRows<'_>, rows: Rows<'_>, pairs: &[u32], histogram: &mut [u64]) {
    dispatch::<false>(bins, rows, pairs, histogram);
}

/// Takes the pair of every row out of each of the row's bins: undoes [`accumulate`], whose other words hold here too.
///
/// # Panics
/// As [`accumulate`].
pub fn deduct(bins: BinRows<'_>, rows: Rows<'_>, pairs: &[u32], histogram: &mut [u64]) {
    dispatch::<true>(bins, rows, pairs, histogram);
}

fn dispatch<const OUT: bool>(bins: BinRows<'_>, rows: Rows<'_>, pairs: &[u32], histogram: &mut [u64]) {
    match bins.spacing {
        Spacing::S4 => add_rows::<4, 4, OUT>(bins, rows, pairs, histogram),
        Spacing::S16 => add_rows::<16, 16, OUT>(bins, rows, pairs, histogram),
        Spacing::S64 => add_rows::<64, { 64 + LINE }, OUT>(bins, rows, pairs, histogram),
        Spacing::S256 => add_rows::<256, { 256 + LINE }, OUT>(bins, rows, pairs, histogram),
        Spacing::Wide(bits) => add_wide_rows::<OUT>(bins, bits, rows, pairs, histogram),
    }
}

/// Adds the rows' pairs, or takes them `OUT`. Bins count as their remainders by `BINS`, a power of two.
fn add_rows<const BINS: usize, const SPACING: usize, const OUT: bool>(
    bins: BinRows<'_>,
    rows: Rows<'_>,
    pairs: &[u32],
    histogram: &mut [u64],
) {
    assert!(
        bins.first_column + bins.n_columns <= bins.stride && bins.n_columns * SPACING <= histogram.len(),
        "the histogram is shorter than its columns"
    );
    // SAFETY: the rows shown lie inside `bins` and `pairs`; the histogram's length was checked above.
    for_each_row(bins, rows, pairs, |row| unsafe { add_row::<BINS, SPACING, OUT>(bins, row, pairs, histogram) });
}

/// As [`add_rows`], for bins of two bytes. Its histograms lie outside the first-level cache, which hides what the checks take.
fn add_wide_rows<const OUT: bool>(bins: BinRows<'_>, bits: u8, rows: Rows<'_>, pairs: &[u32], histogram: &mut [u64]) {
    let mask = (1usize << bits) - 1;
    assert!(
        2 * (bins.first_column + bins.n_columns) <= bins.stride && bins.n_columns << bits <= histogram.len(),
        "the histogram is shorter than its columns"
    );
    for_each_row(bins, rows, pairs, |row| {
        let sum = packed::<OUT>(pairs[row]);
        let row = &bins.bytes[row * bins.stride + 2 * bins.first_column..][..2 * bins.n_columns];
        for (column, &bin) in row.as_chunks::<2>().0.iter().enumerate() {
            let entry = &mut histogram[(column << bits) + (usize::from(u16::from_le_bytes(bin)) & mask)];
            *entry = entry.wrapping_add(sum);
        }
    });
}

/// What a row adds to a sum, or takes `OUT` of it.
#[inline(always)]
fn packed<const OUT: bool>(pair: u32) -> u64 {
    if OUT { widen(pair).wrapping_neg() } else { widen(pair) }
}

/// Shows every row once, after checking that it lies inside `bins` and `pairs`.
#[inline(always)]
fn for_each_row(bins: BinRows<'_>, rows: Rows<'_>, pairs: &[u32], mut show: impl FnMut(usize)) {
    let n_rows = pairs.len().min(bins.bytes.len() / bins.stride.max(1));
    match rows {
        Rows::Range(first, count) => {
            assert!(first.checked_add(count).is_some_and(|end| end <= n_rows));
            (first..first + count).for_each(show);
        }
        Rows::Listed(list) => {
            for (position, &row) in list.iter().enumerate() {
                if let Some(&later) = list.get(position + AHEAD) {
                    // A row may lie across two cache lines.
                    let at = later as usize * bins.stride;
                    prefetch(bins.bytes, at);
                    prefetch(bins.bytes, at + bins.stride - 1);
                    prefetch(pairs, later as usize);
                }
                assert!((row as usize) < n_rows);
                show(row as usize);
            }
        }
    }
}

/// Adds one row, eight columns a step: their bins are one load, and with the spacing a constant each update is one read-modify-write.
/// A load per bin made the loop a fifth slower, as loads are what limits it.
///
/// # Safety
/// `row < pairs.len()`, `(row + 1) * stride <= bytes.len()`, `first_column + n_columns <= stride`,
/// `n_columns * SPACING <= histogram.len()`.
#[inline(always)]
unsafe fn add_row<const BINS: usize, const SPACING: usize, const OUT: bool>(
    bins: BinRows<'_>,
    row: usize,
    pairs: &[u32],
    histogram: &mut [u64],
) {
    // SAFETY: the caller's promise.
    let (pair, bytes) =
        unsafe { (*pairs.get_unchecked(row), bins.bytes.as_ptr().add(row * bins.stride + bins.first_column)) };
    let sum = packed::<OUT>(pair);
    let histogram = histogram.as_mut_ptr();
    const { assert!(BINS.is_power_of_two() && BINS <= SPACING) };
    let update = |column: usize, bin: usize| {
        // SAFETY: column < n_columns; masked, the bin is below SPACING, so the entry is the column's own.
        unsafe {
            let entry = histogram.add(column * SPACING + (bin & (BINS - 1)));
            *entry = (*entry).wrapping_add(sum);
        }
    };
    let mut column = 0;
    while column + 8 <= bins.n_columns {
        // SAFETY: the eight bytes are bins of this row.
        let mut word = u64::from_le(unsafe { bytes.add(column).cast::<u64>().read_unaligned() });
        for place in 0..8 {
            update(column + place, word as usize & 0xFF);
            word >>= 8;
        }
        column += 8;
    }
    if column + 4 <= bins.n_columns {
        // SAFETY: the four bytes are bins of this row.
        let mut word = u32::from_le(unsafe { bytes.add(column).cast::<u32>().read_unaligned() });
        for place in 0..4 {
            update(column + place, word as usize & 0xFF);
            word >>= 8;
        }
        column += 4;
    }
    while column < bins.n_columns {
        // SAFETY: the byte is in its row as column < n_columns.
        update(column, usize::from(unsafe { *bytes.add(column) }));
        column += 1;
    }
}

#[inline(always)]
fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address is allowed; wrapping_add makes no claim about the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(index).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_packing_and_summing() {
        let pairs = [(-32_767, 65_535), (32_767, 0), (-1, 1), (0, 7)];
        let sum = pairs.iter().fold(0u64, |sum, &(g, h)| sum.wrapping_add(widen(pack(g, h))));
        assert_eq!(unpack(sum), (-1, 65_543));
        let less = sum.wrapping_sub(widen(pack(-32_767, 65_535)));
        assert_eq!(unpack(less), (32_766, 8));
    }

    #[test]
    fn a_histogram_is_what_plain_counting_gives() {
        let (n_rows, stride) = (531usize, 16usize);
        let bytes: Vec<u8> = (0..n_rows * stride).map(|i| (i * 7 % 251) as u8).collect();
        let pairs: Vec<u32> = (0..n_rows).map(|i| pack((i as i16 % 90) - 45, (i % 61) as u16)).collect();
        let list: Vec<u32> = (0..n_rows as u32).filter(|r| r % 3 != 1).collect();
        for (spacing, n_bins, n_columns) in
            [(Spacing::S4, 4, 7), (Spacing::S16, 16, 3), (Spacing::S64, 64, 16), (Spacing::S256, 256, 13)]
        {
            let bins = BinRows { bytes: &bytes, stride, first_column: 0, n_columns, spacing };
            let len = n_columns * spacing.entries();
            let (mut listed, mut naive) = (vec![0; len], vec![(0i64, 0i64); len]);
            accumulate(bins, Rows::Listed(&list), &pairs, &mut listed);
            for &row in &list {
                for column in 0..n_columns {
                    let bin = usize::from(bytes[row as usize * stride + column]) % n_bins;
                    let entry = &mut naive[column * spacing.entries() + bin];
                    let (g, h) = unpack(widen(pairs[row as usize]));
                    *entry = (entry.0 + g, entry.1 + h);
                }
            }
            assert!(listed.iter().zip(&naive).all(|(&packed, &plain)| unpack(packed) == plain));

            let (mut whole, mut parts) = (vec![0; len], vec![0; len]);
            accumulate(bins, Rows::Range(0, n_rows), &pairs, &mut whole);
            accumulate(bins, Rows::Range(200, n_rows - 200), &pairs, &mut parts);
            accumulate(bins, Rows::Range(0, 200), &pairs, &mut parts);
            assert_eq!(whole, parts);

            let (first, last) = whole.split_at(2 * spacing.entries());
            for (first_column, n_columns, wanted) in [(0, 2, first), (2, n_columns - 2, last)] {
                let mut some = vec![0; wanted.len()];
                accumulate(BinRows { first_column, n_columns, ..bins }, Rows::Range(0, n_rows), &pairs, &mut some);
                assert_eq!(some, wanted);
            }

            let mut rest = whole.clone();
            deduct(bins, Rows::Range(200, n_rows - 200), &pairs, &mut rest);
            deduct(bins, Rows::Range(0, 200), &pairs, &mut rest);
            assert!(rest.iter().all(|&sum| sum == 0));

            let rest = Isa::available().into_iter().map(|isa| {
                let mut rest = whole.clone();
                subtract::on(isa, &mut rest, &listed);
                rest
            });
            let added = |rest: &[u64]| rest.iter().zip(&listed).map(|(&a, &b)| a.wrapping_add(b)).collect::<Vec<_>>();
            assert!(rest.into_iter().all(|rest| added(&rest) == whole));
        }
    }

    #[test]
    fn wide_bins_are_counted_as_plainly() {
        let (n_rows, n_columns, bits) = (700usize, 3usize, 10u8);
        let stride = 8;
        let bin = |row: usize, column: usize| (row * 37 + column * 411) % 1024;
        let mut bytes = vec![0; n_rows * stride];
        for (row, bytes) in bytes.chunks_exact_mut(stride).enumerate() {
            for column in 0..n_columns {
                bytes[2 * column..][..2].copy_from_slice(&(bin(row, column) as u16).to_le_bytes());
            }
        }
        let pairs: Vec<u32> = (0..n_rows).map(|i| pack((i as i16 % 90) - 45, (i % 61) as u16)).collect();
        let bins = BinRows { bytes: &bytes, stride, first_column: 0, n_columns, spacing: Spacing::Wide(bits) };
        let list: Vec<u32> = (0..n_rows as u32).filter(|r| r % 3 != 1).collect();
        let (mut listed, mut naive) = (vec![0; n_columns << bits], vec![0u64; n_columns << bits]);
        accumulate(bins, Rows::Listed(&list), &pairs, &mut listed);
        for &row in &list {
            for column in 0..n_columns {
                let entry = &mut naive[(column << bits) + bin(row as usize, column)];
                *entry = entry.wrapping_add(widen(pairs[row as usize]));
            }
        }
        assert_eq!(listed, naive);
        let (mut whole, mut parts) = (vec![0; n_columns << bits], vec![0; n_columns << bits]);
        accumulate(bins, Rows::Range(0, n_rows), &pairs, &mut whole);
        accumulate(bins, Rows::Range(500, 200), &pairs, &mut parts);
        accumulate(bins, Rows::Range(0, 500), &pairs, &mut parts);
        assert_eq!(whole, parts);
    }

    #[test]
    fn the_narrowest_spacing_is_chosen() {
        for n_bins in 1..=256 {
            let spacing = Spacing::of(n_bins);
            assert!(spacing.entries() >= n_bins && (spacing == Spacing::S4 || (spacing.entries() - LINE) / 4 < n_bins));
            assert_eq!(spacing.bin_bytes(), 1);
        }
        for n_bins in [257, 512, 513, 1000, 32_769, 65_536] {
            let spacing = Spacing::of(n_bins);
            assert!(spacing.entries() >= n_bins && spacing.entries() / 2 < n_bins && spacing.bin_bytes() == 2);
        }
    }

    #[test]
    #[should_panic(expected = "n_rows")]
    fn a_row_outside_is_refused() {
        let bins = BinRows { bytes: &[0; 8], stride: 4, first_column: 0, n_columns: 1, spacing: Spacing::S256 };
        accumulate(bins, Rows::Listed(&[2]), &[0; 9], &mut [0; 256 + LINE]);
    }

    #[test]
    #[should_panic(expected = "shorter")]
    fn a_short_histogram_is_refused() {
        let bins = BinRows { bytes: &[0; 8], stride: 4, first_column: 0, n_columns: 2, spacing: Spacing::S256 };
        accumulate(bins, Rows::Range(0, 1), &[0; 9], &mut [0; 256]);
    }
}
