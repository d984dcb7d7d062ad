//! Stable partition of row numbers by one binned column, without branches.

use crate::Isa;
use crate::bins::Bins;

/// Which bins go left.
#[derive(Clone, Copy, Debug)]
pub enum GoesLeft<'a> {
    /// Bins `first ..= last`; none if `first > last`.
    Range {
        /// Lowest bin that goes left.
        first: u16,
        /// Highest bin that goes left.
        last: u16,
    },
    /// Bins whose entry is 1; every entry is 0 or 1. For narrow columns only.
    Table(&'a [u8; 256]),
}

/// Slots that `right` needs beyond the number of rows: whole vectors are stored.
pub const SLACK: usize = 16;

/// Moves the rows that go left to the front of `rows`, writes the others to `right`, both in their order, and returns how many went
/// left. What `rows` holds behind them is left over.
///
/// # Panics
/// If `right` is shorter than `rows` plus [`SLACK`], a row number is not below the length of `column`, or a wide column is given a table.
pub fn partition(rows: &mut [u32], column: Bins<'_>, goes_left: GoesLeft<'_>, right: &mut [u32]) -> usize {
    partition_with(Isa::active(), rows, column, goes_left, right)
}

fn partition_with(isa: Isa, rows: &mut [u32], column: Bins<'_>, goes_left: GoesLeft<'_>, right: &mut [u32]) -> usize {
    match (column, goes_left) {
        (Bins::Narrow(column), GoesLeft::Table(table)) => partition_by(isa, rows, Looked { column, table }, right),
        (Bins::Narrow(column), GoesLeft::Range { first, last }) => {
            let table = std::array::from_fn(|bin| u8::from(usize::from(first) <= bin && bin <= usize::from(last)));
            partition_by(isa, rows, Looked { column, table: &table }, right)
        }
        (Bins::Wide(column), GoesLeft::Range { first, last }) => {
            partition_by(isa, rows, Compared { column, first, last }, right)
        }
        (Bins::Wide(_), GoesLeft::Table(_)) => panic!("a table of bins for a wide column, wanted a range"),
    }
}

/// Which side a row goes to.
trait Sides: Copy {
    /// 1 for left, 0 for right.
    fn of(self, row: u32) -> u8;
}

/// Bytes, looked up.
#[derive(Clone, Copy)]
struct Looked<'a> {
    column: &'a [u8],
    table: &'a [u8; 256],
}

impl Sides for Looked<'_> {
    #[inline(always)]
    fn of(self, row: u32) -> u8 {
        self.table[usize::from(self.column[row as usize])]
    }
}

/// Two-byte bins, compared: a table of them would not stay in the cache.
#[derive(Clone, Copy)]
struct Compared<'a> {
    column: &'a [u16],
    first: u16,
    last: u16,
}

impl Sides for Compared<'_> {
    #[inline(always)]
    fn of(self, row: u32) -> u8 {
        let bin = self.column[row as usize];
        u8::from(self.first <= bin) & u8::from(bin <= self.last)
    }
}

fn partition_by(isa: Isa, rows: &mut [u32], sides: impl Sides, right: &mut [u32]) -> usize {
    assert!(right.len() >= rows.len() + SLACK, "right needs {SLACK} slots more than rows");
    let done = match isa {
        // SAFETY: the CPU has the set, `right` has SLACK slots more than rows.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86::partition_avx512(rows, sides, right) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86::partition_avx2(rows, sides, right) },
        Isa::Scalar => Fronts { read: 0, left: 0 },
    };
    scalar(done, rows, sides, right)
}

/// How many rows were read, and how many of them went left. The left front never passes the place that is read next.
#[derive(Clone, Copy, Debug)]
struct Fronts {
    read: usize,
    left: usize,
}

/// Parts what is not read yet and returns how many went left in all.
fn scalar(start: Fronts, rows: &mut [u32], sides: impl Sides, right: &mut [u32]) -> usize {
    let mut n_left = start.left;
    for place in start.read..rows.len() {
        let row = rows[place];
        let goes = usize::from(sides.of(row));
        rows[n_left] = row;
        right[place - n_left] = row;
        n_left += goes;
    }
    n_left
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm_loadl_epi64, _mm256_cvtepu8_epi32, _mm256_loadu_si256, _mm256_movemask_epi8,
        _mm256_permutevar8x32_epi32, _mm256_slli_epi16, _mm256_storeu_si256, _mm512_loadu_si512,
        _mm512_maskz_compress_epi32, _mm512_storeu_si512, _mm512_test_epi8_mask,
    };

    use super::{Fronts, Sides};

    /// Rows per step: their sides are one vector of bytes.
    const STEP_AVX512: usize = 64;
    const STEP_AVX2: usize = 32;

    /// The sides of some rows as bytes. One load after another: gathers take longer than this on several CPUs and no less on any seen.
    #[inline(always)]
    fn sides_of<const N: usize>(rows: &[u32], sides: impl Sides) -> [u8; N] {
        std::array::from_fn(|place| sides.of(rows[place]))
    }

    /// # Safety
    /// AVX-512 F and BW; `right` 16 slots longer than `rows`.
    #[target_feature(enable = "avx512f,avx512bw,popcnt")]
    pub unsafe fn partition_avx512(rows: &mut [u32], sides: impl Sides, right: &mut [u32]) -> Fronts {
        let mut fronts = Fronts { read: 0, left: 0 };
        while fronts.read + STEP_AVX512 <= rows.len() {
            let goes: [u8; STEP_AVX512] = sides_of(&rows[fronts.read..fronts.read + STEP_AVX512], sides);
            // SAFETY: by the contract above. left ≤ read, so a store at the left front stays within the vectors that were read; what
            // went right is at most read.
            unsafe {
                let goes = _mm512_loadu_si512(goes.as_ptr().cast());
                let mut goes = _mm512_test_epi8_mask(goes, goes);
                for _ in 0..STEP_AVX512 / 16 {
                    let row = _mm512_loadu_si512(rows.as_ptr().add(fronts.read).cast());
                    let right = right.as_mut_ptr().add(fronts.read - fronts.left);
                    let lefts = _mm512_maskz_compress_epi32(goes as u16, row);
                    _mm512_storeu_si512(rows.as_mut_ptr().add(fronts.left).cast(), lefts);
                    _mm512_storeu_si512(right.cast(), _mm512_maskz_compress_epi32(!goes as u16, row));
                    fronts.left += (goes as u16).count_ones() as usize;
                    fronts.read += 16;
                    goes >>= 16;
                }
            }
        }
        fronts
    }

    /// For each of the 256 masks, the lanes that are set, lowest first.
    static SET_LANES: [[u8; 8]; 256] = {
        let mut table = [[0; 8]; 256];
        let mut mask = 0;
        while mask < 256 {
            let (mut lane, mut n) = (0, 0);
            while lane < 8 {
                if mask >> lane & 1 == 1 {
                    table[mask][n] = lane as u8;
                    n += 1;
                }
                lane += 1;
            }
            mask += 1;
        }
        table
    };

    /// # Safety
    /// AVX2; `right` 8 slots longer than `rows`.
    #[target_feature(enable = "avx2,popcnt")]
    pub unsafe fn partition_avx2(rows: &mut [u32], sides: impl Sides, right: &mut [u32]) -> Fronts {
        let mut fronts = Fronts { read: 0, left: 0 };
        while fronts.read + STEP_AVX2 <= rows.len() {
            let goes: [u8; STEP_AVX2] = sides_of(&rows[fronts.read..fronts.read + STEP_AVX2], sides);
            // SAFETY: as for AVX-512, with vectors of 8 rows; masks are below 256.
            unsafe {
                // The lowest bit of each byte becomes its highest, which the mask collects.
                let goes = _mm256_slli_epi16::<7>(_mm256_loadu_si256(goes.as_ptr().cast()));
                let mut goes = _mm256_movemask_epi8(goes) as u32 as usize;
                for _ in 0..STEP_AVX2 / 8 {
                    let row = _mm256_loadu_si256(rows.as_ptr().add(fronts.read).cast());
                    let (lefts, rights) = (goes & 0xFF, !goes & 0xFF);
                    store_lanes(rows.as_mut_ptr().add(fronts.left), row, lefts);
                    store_lanes(right.as_mut_ptr().add(fronts.read - fronts.left), row, rights);
                    fronts.left += lefts.count_ones() as usize;
                    fronts.read += 8;
                    goes >>= 8;
                }
            }
        }
        fronts
    }

    /// # Safety
    /// AVX2; room for 8 numbers at `to`; `mask` < 256.
    #[target_feature(enable = "avx2")]
    unsafe fn store_lanes(to: *mut u32, row: __m256i, mask: usize) {
        // SAFETY: by the contract above.
        unsafe {
            let lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(SET_LANES[mask].as_ptr().cast()));
            _mm256_storeu_si256(to.cast(), _mm256_permutevar8x32_epi32(row, lanes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(rows: &[u32], column: Bins<'_>, goes: impl Fn(u16) -> bool) -> (Vec<u32>, Vec<u32>) {
        rows.iter().partition(|&&row| goes(column.at(row as usize)))
    }

    #[test]
    fn every_set_splits_as_the_naive_loop() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let column = Bins::Narrow(&bytes);
        for n in (0..140).chain([999]) {
            let rows: Vec<u32> = (0..n).map(|i| (i * 7) % 1000).collect();
            for (first, last) in [(0, 255), (0, 0), (1, 0), (1, 128), (3, 254), (255, 255), (0, 127)] {
                let goes = |bin| first <= bin && bin <= last;
                let table: [u8; 256] = std::array::from_fn(|bin| u8::from(goes(bin as u16)));
                let wanted = naive(&rows, column, goes);
                for isa in Isa::available() {
                    for form in [GoesLeft::Range { first, last }, GoesLeft::Table(&table)] {
                        let (mut left, mut right) = (rows.clone(), vec![0; rows.len() + SLACK]);
                        let n_left = partition_with(isa, &mut left, column, form, &mut right);
                        assert_eq!(left[..n_left], wanted.0, "{isa:?} {form:?} n {n}");
                        assert_eq!(right[..rows.len() - n_left], wanted.1, "{isa:?} {form:?} n {n}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_set_splits_wide_columns_as_the_naive_loop() {
        let bins: Vec<u16> = (0..1000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as u16).collect();
        let column = Bins::Wide(&bins);
        for n in (0..140).chain([999]) {
            let rows: Vec<u32> = (0..n).map(|i| (i * 7) % 1000).collect();
            for (first, last) in [(0, 65_535), (1, 0), (0, 255), (1, 40_000), (65_535, 65_535), (256, 32_768)] {
                let wanted = naive(&rows, column, |bin| first <= bin && bin <= last);
                for isa in Isa::available() {
                    let (mut left, mut right) = (rows.clone(), vec![0; rows.len() + SLACK]);
                    let n_left = partition_with(isa, &mut left, column, GoesLeft::Range { first, last }, &mut right);
                    assert_eq!(left[..n_left], wanted.0, "{isa:?} {first} {last} n {n}");
                    assert_eq!(right[..rows.len() - n_left], wanted.1, "{isa:?} {first} {last} n {n}");
                }
            }
        }
    }

    #[test]
    fn rows_outside_and_short_outputs_panic() {
        for isa in Isa::available() {
            let result = std::panic::catch_unwind(|| {
                let goes_left = GoesLeft::Range { first: 0, last: 9 };
                partition_with(isa, &mut [1000; 64], Bins::Narrow(&[0; 20]), goes_left, &mut [0; 80])
            });
            assert!(result.is_err(), "{isa:?}");
        }
        let short = std::panic::catch_unwind(|| {
            partition(&mut [0], Bins::Narrow(&[0; 5]), GoesLeft::Range { first: 0, last: 9 }, &mut [0; 1])
        });
        assert!(short.is_err());
    }
}
