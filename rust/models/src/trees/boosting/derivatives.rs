//! The derivatives of all rows, and the whole numbers that they are rounded to.

use std::sync::atomic::AtomicBool;

use arsenal_core::rng::Rng;
use arsenal_core::{Result, pool};
use arsenal_simd::gradient::{self, Derivatives, Rounding};

use super::fit::Labels;
use super::loss::{BLOCK, Block, Loss};

/// Writes all rows' derivatives and returns the extent of those that count: largest gradient, largest and smallest hessian.
pub(super) fn derive(
    loss: &dyn Loss,
    labels: Labels<'_>,
    scores: &[Vec<f64>],
    target: usize,
    out: Derivatives<'_>,
    stop: &AtomicBool,
) -> Result<[f32; 3]> {
    struct Part<'p> {
        first: usize,
        gradients: &'p mut [f32],
        hessians: &'p mut [f32],
        extent: [f32; 3],
    }
    let left_out = labels.weights.filter(|weights| weights.contains(&0.0));
    let Derivatives { gradients, hessians } = out;
    let all = Derivatives { gradients: &mut *gradients, hessians: &mut *hessians };
    let is_done = loss.derivatives_of_all(scores, labels, all, stop)?;
    let mut parts: Vec<Part<'_>> = gradients
        .chunks_mut(BLOCK)
        .zip(hessians.chunks_mut(BLOCK))
        .enumerate()
        .map(|(block, (gradients, hessians))| Part { first: block * BLOCK, gradients, hessians, extent: [0.0; 3] })
        .collect();
    pool::for_each_until(&mut parts, stop, &|part| {
        if !is_done {
            let rows = part.first..part.first + part.gradients.len();
            let views: Vec<&[f64]> = scores.iter().map(|scores| &scores[rows.clone()]).collect();
            let block = Block { scores: &views, targets: &labels.targets[rows.clone()] };
            let mut out = Derivatives { gradients: &mut *part.gradients, hessians: &mut *part.hessians };
            loss.derivatives(block, target, out.again());
            if let Some(weights) = labels.weights {
                gradient::weigh(&weights[rows], out);
            }
        }
        part.extent = match left_out {
            None => gradient::extent(part.gradients, part.hessians),
            Some(weights) => extent_of_counted(&weights[part.first..], part.gradients, part.hessians),
        };
    })?;
    Ok(parts.iter().fold([0.0, 0.0, f32::INFINITY], |all, part| {
        [all[0].max(part.extent[0]), all[1].max(part.extent[1]), all[2].min(part.extent[2])]
    }))
}

/// [`gradient::extent`] of the rows of positive weight.
fn extent_of_counted(weights: &[f64], gradients: &[f32], hessians: &[f32]) -> [f32; 3] {
    let rows = weights.iter().zip(gradients.iter().zip(hessians)).filter(|(weight, _)| **weight > 0.0);
    rows.fold([0.0, 0.0, f32::INFINITY], |all, (_, (gradient, &hessian))| {
        [all[0].max(gradient.abs()), all[1].max(hessian), all[2].min(hessian)]
    })
}

/// The finest rounding whose sums over `n_rows` stay within 31 bits.
pub(super) fn rounding(
    [largest_gradient, largest_hessian, smallest_hessian]: [f32; 3],
    n_rows: usize,
    rng: &Rng,
) -> Rounding {
    let gradient_limit = ((i32::MAX as usize / n_rows.max(1)).clamp(1, 32_767)) as i32;
    // Equal hessians are counted, not rounded.
    let is_constant = smallest_hessian == largest_hessian;
    let hessian_limit = if is_constant { 1 } else { ((i32::MAX as usize / n_rows.max(1)).clamp(1, 65_535)) as i32 };
    Rounding {
        gradient_scale: gradient_limit as f32 / largest_gradient.max(f32::MIN_POSITIVE * 1e6),
        hessian_scale: hessian_limit as f32 / largest_hessian.max(f32::MIN_POSITIVE * 1e6),
        gradient_limit,
        hessian_limit,
        seed: rng.fork(u64::MAX).next_u64() as u32,
    }
}

/// Rounds the derivatives of the rows that count, which rise; others keep their pairs. A row's rounding hangs on its place among the
/// rows that count, so that the others might as well not be there.
pub(super) fn round(gradients: &[f32], hessians: &[f32], counted: &[u32], rounding: Rounding, pairs: &mut [u32]) {
    struct Part<'p> {
        rows: &'p [u32],
        /// Place of the first among all rows that count.
        place: usize,
        /// Of the rows from `first_row` on.
        pairs: &'p mut [u32],
        first_row: usize,
    }
    let mut parts = Vec::with_capacity(counted.len().div_ceil(BLOCK));
    let (mut rest, mut first_row) = (pairs, 0);
    for (block, rows) in counted.chunks(BLOCK).enumerate() {
        let end = rows[rows.len() - 1] as usize + 1;
        let (own, after) = rest.split_at_mut(end - first_row);
        parts.push(Part { rows, place: block * BLOCK, pairs: own, first_row });
        (rest, first_row) = (after, end);
    }
    pool::for_each(&mut parts, &|part| {
        let Part { rows, place, pairs, first_row } = part;
        let place = *place as u32;
        if rows.len() == pairs.len() {
            let all = *first_row..*first_row + pairs.len();
            return gradient::round(&gradients[all.clone()], &hessians[all], rounding, place, pairs);
        }
        let (mut g, mut h, mut rounded) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK), vec![0; rows.len()]);
        for &row in *rows {
            g.push(gradients[row as usize]);
            h.push(hessians[row as usize]);
        }
        gradient::round(&g, &h, rounding, place, &mut rounded);
        for (&row, pair) in rows.iter().zip(rounded) {
            pairs[row as usize - *first_row] = pair;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::boosting::losses::SquaredError;

    /// Derivatives, extent and pairs of the rows that count.
    fn of_counted(targets: &[f64], weights: Option<&[f64]>) -> (Vec<[f32; 2]>, [f32; 3], Vec<u32>) {
        let labels = Labels { targets, weights, queries: None };
        let n = targets.len();
        let (mut gradients, mut hessians, mut pairs) = (vec![0.0; n], vec![0.0; n], vec![0; n]);
        let out = Derivatives { gradients: &mut gradients, hessians: &mut hessians };
        let scores = [targets.iter().map(|target| 0.5 * target + 1.0).collect()];
        let extent = derive(&SquaredError, labels, &scores, 0, out, &AtomicBool::new(false)).unwrap();
        let counted: Vec<u32> = (0..n as u32).filter(|&row| labels.weight(row) > 0.0).collect();
        round(&gradients, &hessians, &counted, rounding(extent, counted.len(), &Rng::new(1)), &mut pairs);
        let kept = || counted.iter().map(|&row| row as usize);
        (kept().map(|row| [gradients[row], hessians[row]]).collect(), extent, kept().map(|row| pairs[row]).collect())
    }

    #[test]
    fn rows_of_weight_0_might_as_well_not_be_there() {
        let n = 3 * BLOCK;
        let targets: Vec<f64> = (0..n).map(|row| f64::from((row as f32 * 0.7).sin())).collect();
        // Here and there, a whole block, and none of the last rows.
        let is_left_out = |row: usize| row < 2 * BLOCK + 100 && row % 3 == 1 || (100..BLOCK + 300).contains(&row);
        for weight in [1.0, 2.5] {
            let weights: Vec<f64> = (0..n).map(|row| if is_left_out(row) { 0.0 } else { weight }).collect();
            let kept: Vec<f64> = (0..n).filter(|&row| !is_left_out(row)).map(|row| targets[row]).collect();
            let alone = of_counted(&kept, Some(&vec![weight; kept.len()]));
            assert_eq!(of_counted(&targets, Some(&weights)), alone);
            assert_eq!(alone.1[1..], [weight as f32; 2]);
        }
        assert_eq!(of_counted(&targets, None), of_counted(&targets, Some(&vec![1.0; n])));
    }
}
