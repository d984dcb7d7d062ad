//! Which rows an iteration sees.

use std::cmp::Ordering;

use arsenal_core::rng::Rng;
use arsenal_simd::gradient::Derivatives;

use super::fit::Labels;
use super::params::Params;

/// How rows are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// A share of the rows, each as likely as the next.
    #[default]
    Uniform,
    /// Gradient-based one-side sampling (Ke et al., `LightGBM`, NIPS 2017): the rows with the largest gradients and a share of the
    /// others, which then count for those left out.
    Goss,
}

/// The rows of one iteration.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    /// Rising.
    pub rows: Vec<u32>,
    /// Those among them that stand for others too.
    others: Vec<u32>,
    /// How many rows each of them stands for.
    factor: f32,
}

impl Sample {
    /// A share of `rows`.
    pub fn uniform(rows: &[u32], share: f64, mut rng: Rng) -> Self {
        let size = ((rows.len() as f64 * share).round() as usize).max(1);
        let places = rng.sample_sorted(rows.len(), size);
        Self { rows: places.into_iter().map(|place| rows[place as usize]).collect(), others: Vec::new(), factor: 1.0 }
    }

    /// The rows of the largest `sizes` (one per row of the table; of equals a share drawn by chance) and a share of the others. O(rows).
    pub fn one_sided(rows: &[u32], sizes: &[f32], params: &Params, mut rng: Rng) -> Self {
        let n_top = ((rows.len() as f64 * params.top_rate).round() as usize).clamp(1, rows.len());
        let mut falling: Vec<f32> = rows.iter().map(|&row| sizes[row as usize]).collect();
        let smallest = *falling.select_nth_unstable_by(n_top - 1, |a, b| b.total_cmp(a)).1;
        let beside_smallest = |&row: &u32| sizes[row as usize].total_cmp(&smallest);
        // Taken in their order, equals would be those rows that the table has first.
        let n_larger = rows.iter().filter(|row| beside_smallest(row).is_gt()).count();
        let n_equal = rows.iter().filter(|row| beside_smallest(row).is_eq()).count();
        let mut drawn = rng.fork(0).sample_sorted(n_equal, n_top - n_larger).into_iter().peekable();
        let mut place = 0;
        let (top, rest): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| match beside_smallest(row) {
            Ordering::Equal => {
                place += 1;
                drawn.next_if_eq(&(place - 1)).is_some()
            }
            order => order.is_gt(),
        });
        let n_others = ((rows.len() as f64 * params.other_rate).round() as usize).clamp(1, rest.len().max(1));
        let places = rng.sample_sorted(rest.len(), n_others);
        let others: Vec<u32> = places.into_iter().map(|place| rest[place as usize]).collect();
        let factor = rest.len() as f32 / others.len().max(1) as f32;
        let mut all = [top, others.clone()].concat();
        all.sort_unstable();
        Self { rows: all, others, factor }
    }

    /// The weights of all rows, where some stand for others too: what the middle of a leaf's rows is taken by.
    pub fn weights(&self, labels: Labels<'_>) -> Option<Vec<f64>> {
        if self.others.is_empty() {
            return None;
        }
        let mut weights = labels.weights.map_or_else(|| vec![1.0; labels.targets.len()], <[f64]>::to_vec);
        self.others.iter().for_each(|&row| weights[row as usize] *= f64::from(self.factor));
        Some(weights)
    }

    /// Makes derivatives stand for the rows left out, and `extent` (largest gradient, largest and smallest hessian) cover them.
    pub fn amplify(&self, out: &mut Derivatives<'_>, extent: [f32; 3]) -> [f32; 3] {
        if self.others.is_empty() {
            return extent;
        }
        // A smallest hessian below the largest: amplified hessians are not all equal.
        let mut widened = [extent[0], extent[1], 0.0];
        for &row in &self.others {
            let (gradient, hessian) = (&mut out.gradients[row as usize], &mut out.hessians[row as usize]);
            *gradient *= self.factor;
            *hessian *= self.factor;
            widened = [widened[0].max(gradient.abs()), widened[1].max(*hessian), 0.0];
        }
        widened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_the_others_stand_for_the_rest() {
        let sizes: Vec<f32> = (0..100).map(|row| ((row * 37) % 50) as f32).collect();
        let rows: Vec<u32> = (0..100).filter(|row| row % 10 != 0).collect();
        let params = Params { top_rate: 0.2, other_rate: 0.1, ..Params::default() };
        let sample = Sample::one_sided(&rows, &sizes, &params, Rng::new(0));
        assert_eq!((sample.rows.len(), sample.others.len()), (18 + 9, 9));
        assert!(sample.rows.is_sorted_by(|a, b| a < b));
        assert!((sample.factor - 8.0).abs() < 1e-6);
        let mut by_size = rows.clone();
        by_size.sort_by(|&a, &b| sizes[b as usize].total_cmp(&sizes[a as usize]));
        assert!(by_size[..18].iter().all(|row| sample.rows.contains(row) && !sample.others.contains(row)));

        let (mut gradients, mut hessians) = (vec![1.0; 100], vec![2.0; 100]);
        let mut out = Derivatives { gradients: &mut gradients, hessians: &mut hessians };
        assert_eq!(sample.amplify(&mut out, [1.0, 2.0, 2.0]), [8.0, 16.0, 0.0]);
        let weights: Vec<f64> = (0..100).map(|row| f64::from(row % 10 != 0) * 0.5).collect();
        let labels = Labels { targets: &[0.0; 100], weights: None, queries: None };
        for (given, one) in [(None, 1.0), (Some(&weights[..]), 0.5)] {
            let weights = sample.weights(Labels { weights: given, ..labels }).unwrap();
            assert_eq!(sample.rows.iter().map(|&row| weights[row as usize]).sum::<f64>(), 90.0 * one);
        }
        // The sample sums to what all rows do.
        assert_eq!(sample.rows.iter().map(|&row| gradients[row as usize]).sum::<f32>(), 90.0);
        assert_eq!(sample.rows.iter().map(|&row| hessians[row as usize]).sum::<f32>(), 180.0);
    }

    #[test]
    fn equal_sizes_few_rows_and_shares_of_everything_work() {
        let params = Params { top_rate: 0.5, other_rate: 0.5, ..Params::default() };
        let sample = Sample::one_sided(&[0, 1, 2, 3], &[1.0; 4], &params, Rng::new(0));
        assert_eq!((sample.rows, sample.others.len(), sample.factor), (vec![0, 1, 2, 3], 2, 1.0));
        let single = Sample::one_sided(&[7], &[0.0; 8], &params, Rng::new(0));
        assert_eq!(single, Sample { rows: vec![7], others: vec![], factor: 0.0 });
        assert_eq!(single.weights(Labels { targets: &[0.0; 8], weights: None, queries: None }), None);
        assert_eq!(Sample::uniform(&[3, 5, 7, 9], 0.5, Rng::new(1)).rows.len(), 2);
    }

    #[test]
    fn equals_are_drawn_from_all_over_the_table() {
        // A tenth is larger than the others, which are of one size.
        let sizes: Vec<f32> = (0..10_000).map(|row| if row % 10 == 3 { 2.0 } else { 1.0 }).collect();
        let rows: Vec<u32> = (0..10_000).collect();
        let params = Params { top_rate: 0.3, other_rate: 0.1, ..Params::default() };
        let sample = Sample::one_sided(&rows, &sizes, &params, Rng::new(0));
        let top: Vec<u32> =
            sample.rows.iter().copied().filter(|row| sample.others.binary_search(row).is_err()).collect();
        assert_eq!((top.len(), sample.others.len()), (3000, 1000));
        assert_eq!(top.iter().filter(|&&row| row % 10 == 3).count(), 1000);
        for half in [0..5000, 5000..10_000] {
            let n = top.iter().filter(|row| half.contains(*row)).count();
            assert!((1400..1600).contains(&n), "{n} rows of {half:?}");
        }
        assert_ne!(sample, Sample::one_sided(&rows, &sizes, &params, Rng::new(1)));
    }
}
