//! Stable partition of row numbers by one binned column, without branches.

use crate::Isa;

/// Which bins go left.
#[derive(Clone, Copy, Debug)]
pub enum GoesLeft<'a> {
    /// Bins `first ..= last`; none if `first > last`.
    Range {
        /// Lowest bin that goes left.
        first: u8,
        /// Highest bin that goes left.
        last: u8,
    },
    /// Bins whose entry is 1; every entry is 0 or 1.
    Table(&'a [u8; 256]),
}

/// Slots that `left` and `right` need beyond the number of rows: whole vectors are stored.
pub const SLACK: usize = 16;
/// Bytes that `column` needs beyond the highest row number: four bytes are read at a time.
pub const PADDING: usize = 4;

/// Writes the rows that go left to `left` and the others to `right`, both in their order, and returns how many went left.
///
/// # Panics
/// If `left` or `right` is shorter than `rows` plus [`SLACK`], or a row number is not below `column.len()` − [`PADDING`].
pub fn partition(rows: &[u32], column: &[u8], goes_left: GoesLeft<'_>, left: &mut [u32], right: &mut [u32]) -> usize {
    partition_with(Isa::active(), rows, column, goes_left, left, right)
}

fn partition_with(
    isa: Isa,
    rows: &[u32],
    column: &[u8],
    goes_left: GoesLeft<'_>,
    left: &mut [u32],
    right: &mut [u32],
) -> usize {
    assert!(
        left.len() >= rows.len() + SLACK && right.len() >= rows.len() + SLACK,
        "left and right need {SLACK} slots more than rows"
    );
    let n_rows = column.len().saturating_sub(PADDING);
    let mut table = [0; 256];
    let (first, last, table) = match goes_left {
        GoesLeft::Table(table) => return scalar(rows, &column[..n_rows], table, left, right),
        GoesLeft::Range { first, last } if first > last => {
            right[..rows.len()].copy_from_slice(rows);
            return 0;
        }
        GoesLeft::Range { first, last } => {
            table[usize::from(first)..=usize::from(last)].fill(1);
            (first, last, &table)
        }
    };
    // i32 gathers reach row numbers below 2³¹ only.
    let wide = if n_rows < i32::MAX as usize { isa } else { Isa::Scalar };
    #[cfg(target_arch = "x86_64")]
    if wide >= Isa::Avx2 {
        let vectors = rows.len() / LANES * LANES;
        let (head, tail) = rows.split_at(vectors);
        // SAFETY: the CPU has the set; the column has PADDING bytes more than n_rows; the outputs have room for all rows plus a
        // whole vector.
        let n_left = unsafe {
            match wide {
                Isa::Avx512 => x86::partition_avx512(head, column, n_rows as u32, first, last, left, right),
                _ => x86::partition_avx2(head, column, n_rows as u32, first, last, left, right),
            }
        };
        let n_right = head.len() - n_left;
        return n_left + scalar(tail, &column[..n_rows], table, &mut left[n_left..], &mut right[n_right..]);
    }
    let _ = (first, last, wide);
    scalar(rows, &column[..n_rows], table, left, right)
}

/// Rows per step of the vector paths.
#[cfg(target_arch = "x86_64")]
const LANES: usize = 16;

fn scalar(rows: &[u32], column: &[u8], table: &[u8; 256], left: &mut [u32], right: &mut [u32]) -> usize {
    let (mut n_left, mut n_right) = (0, 0);
    for &row in rows {
        let goes = usize::from(table[usize::from(column[row as usize])]);
        left[n_left] = row;
        right[n_right] = row;
        n_left += goes;
        n_right += 1 - goes;
    }
    n_left
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm_loadl_epi64, _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi32,
        _mm256_cmpgt_epi32, _mm256_cvtepu8_epi32, _mm256_i32gather_epi32, _mm256_loadu_si256, _mm256_max_epu32,
        _mm256_movemask_ps, _mm256_permutevar8x32_epi32, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256,
        _mm256_sub_epi32, _mm256_testz_si256, _mm512_and_si512, _mm512_cmpge_epu32_mask, _mm512_cmple_epu32_mask,
        _mm512_i32gather_epi32, _mm512_loadu_si512, _mm512_maskz_compress_epi32, _mm512_set1_epi32,
        _mm512_storeu_si512, _mm512_sub_epi32,
    };

    /// # Safety
    /// AVX-512 F; `rows.len()` a multiple of 16; `n_rows` + 4 bytes in `column`; outputs 16 slots longer than `rows`.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn partition_avx512(
        rows: &[u32],
        column: &[u8],
        n_rows: u32,
        first: u8,
        last: u8,
        left: &mut [u32],
        right: &mut [u32],
    ) -> usize {
        let outside = _mm512_set1_epi32(n_rows as i32);
        let (low_byte, lowest) = (_mm512_set1_epi32(0xFF), _mm512_set1_epi32(i32::from(first)));
        let span = _mm512_set1_epi32(i32::from(last - first));
        let (mut n_left, mut n_right) = (0usize, 0usize);
        for chunk in rows.chunks_exact(16) {
            // SAFETY: by the contract above; n_left + 16 and n_right + 16 never pass rows.len() + 16.
            unsafe {
                let row = _mm512_loadu_si512(chunk.as_ptr().cast());
                assert!(_mm512_cmpge_epu32_mask(row, outside) == 0, "a row lies outside the column");
                let bin = _mm512_and_si512(_mm512_i32gather_epi32::<1>(row, column.as_ptr().cast()), low_byte);
                let goes = _mm512_cmple_epu32_mask(_mm512_sub_epi32(bin, lowest), span);
                _mm512_storeu_si512(left.as_mut_ptr().add(n_left).cast(), _mm512_maskz_compress_epi32(goes, row));
                _mm512_storeu_si512(right.as_mut_ptr().add(n_right).cast(), _mm512_maskz_compress_epi32(!goes, row));
                let count = goes.count_ones() as usize;
                n_left += count;
                n_right += 16 - count;
            }
        }
        n_left
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
    /// AVX2; `rows.len()` a multiple of 8; `n_rows` + 4 bytes in `column`, below 2³¹; outputs 8 slots longer than `rows`.
    #[target_feature(enable = "avx2")]
    pub unsafe fn partition_avx2(
        rows: &[u32],
        column: &[u8],
        n_rows: u32,
        first: u8,
        last: u8,
        left: &mut [u32],
        right: &mut [u32],
    ) -> usize {
        let outside = _mm256_set1_epi32(n_rows as i32);
        let (low_byte, lowest) = (_mm256_set1_epi32(0xFF), _mm256_set1_epi32(i32::from(first)));
        // bin − first, or at least 256 where that is negative, compared as signed numbers.
        let (above, wrap) = (_mm256_set1_epi32(i32::from(last - first)), _mm256_set1_epi32(512));
        let (mut n_left, mut n_right) = (0usize, 0usize);
        for chunk in rows.chunks_exact(8) {
            // SAFETY: by the contract above; n_left + 8 and n_right + 8 never pass rows.len() + 8; masks are below 256.
            unsafe {
                let row = _mm256_loadu_si256(chunk.as_ptr().cast());
                let beyond = _mm256_cmpeq_epi32(_mm256_max_epu32(row, outside), row);
                assert!(_mm256_testz_si256(beyond, beyond) == 1, "a row lies outside the column");
                let bin = _mm256_and_si256(_mm256_i32gather_epi32::<1>(column.as_ptr().cast(), row), low_byte);
                let distance = _mm256_sub_epi32(bin, lowest);
                let negative = _mm256_cmpgt_epi32(_mm256_setzero_si256(), distance);
                let distance = _mm256_add_epi32(distance, _mm256_and_si256(negative, wrap));
                let stays = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(distance, above))) as usize;
                let goes = stays ^ 0xFF;
                store_lanes(left.as_mut_ptr().add(n_left), row, goes);
                store_lanes(right.as_mut_ptr().add(n_right), row, stays);
                n_left += goes.count_ones() as usize;
                n_right += stays.count_ones() as usize;
            }
        }
        n_left
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

    fn naive(rows: &[u32], column: &[u8], goes: impl Fn(u8) -> bool) -> (Vec<u32>, Vec<u32>) {
        rows.iter().partition(|&&row| goes(column[row as usize]))
    }

    #[test]
    fn every_set_splits_as_the_naive_loop() {
        let mut column: Vec<u8> = (0..1000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        column.extend([0; PADDING]);
        for n in (0..70).chain([999]) {
            let rows: Vec<u32> = (0..n).map(|i| (i * 7) % 1000).collect();
            for (first, last) in [(0, 255), (0, 0), (1, 0), (1, 128), (3, 254), (255, 255), (0, 127)] {
                let goes = |bin| first <= bin && bin <= last;
                let table: [u8; 256] = std::array::from_fn(|bin| u8::from(goes(bin as u8)));
                let wanted = naive(&rows, &column, goes);
                for isa in Isa::available() {
                    for form in [GoesLeft::Range { first, last }, GoesLeft::Table(&table)] {
                        let (mut left, mut right) = (vec![0; rows.len() + SLACK], vec![0; rows.len() + SLACK]);
                        let n_left = partition_with(isa, &rows, &column, form, &mut left, &mut right);
                        assert_eq!(left[..n_left], wanted.0, "{isa:?} {form:?} n {n}");
                        assert_eq!(right[..rows.len() - n_left], wanted.1, "{isa:?} {form:?} n {n}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_outside_and_short_outputs_panic() {
        for isa in Isa::available() {
            let result = std::panic::catch_unwind(|| {
                let rows = [1000; 16];
                partition_with(isa, &rows, &[0; 20], GoesLeft::Range { first: 0, last: 9 }, &mut [0; 32], &mut [0; 32])
            });
            assert!(result.is_err(), "{isa:?}");
        }
        let short = std::panic::catch_unwind(|| {
            partition(&[0], &[0; 5], GoesLeft::Range { first: 0, last: 9 }, &mut [0; 1], &mut [0; 1])
        });
        assert!(short.is_err());
    }
}
