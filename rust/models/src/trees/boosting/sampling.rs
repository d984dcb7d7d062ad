//! Which rows an iteration sees.

use arsenal_core::rng::Rng;
use arsenal_simd::gradient::Derivatives;

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

    /// The rows of the largest `sizes` (one per row of the table; of equals the earlier rows) and a share of the others. O(rows).
    pub fn one_sided(rows: &[u32], sizes: &[f32], params: &Params, mut rng: Rng) -> Self {
        let n_top = ((rows.len() as f64 * params.top_rate).round() as usize).clamp(1, rows.len());
        let before = |&a: &u32, &b: &u32| sizes[b as usize].total_cmp(&sizes[a as usize]).then(a.cmp(&b));
        let last_of_top = *rows.to_vec().select_nth_unstable_by(n_top - 1, before).1;
        let (top, rest): (Vec<u32>, Vec<u32>) = rows.iter().partition(|&row| before(row, &last_of_top).is_le());
        let n_others = ((rows.len() as f64 * params.other_rate).round() as usize).clamp(1, rest.len().max(1));
        let places = rng.sample_sorted(rest.len(), n_others);
        let others: Vec<u32> = places.into_iter().map(|place| rest[place as usize]).collect();
        let factor = rest.len() as f32 / others.len().max(1) as f32;
        let mut all = [top, others.clone()].concat();
        all.sort_unstable();
        Self { rows: all, others, factor }
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
        // The sample sums to what all rows do.
        assert_eq!(sample.rows.iter().map(|&row| gradients[row as usize]).sum::<f32>(), 90.0);
        assert_eq!(sample.rows.iter().map(|&row| hessians[row as usize]).sum::<f32>(), 180.0);
    }

    #[test]
    fn equal_sizes_few_rows_and_shares_of_everything_work() {
        let params = Params { top_rate: 0.5, other_rate: 0.5, ..Params::default() };
        let sample = Sample::one_sided(&[0, 1, 2, 3], &[1.0; 4], &params, Rng::new(0));
        assert_eq!(sample, Sample { rows: vec![0, 1, 2, 3], others: vec![2, 3], factor: 1.0 });
        let single = Sample::one_sided(&[7], &[0.0; 8], &params, Rng::new(0));
        assert_eq!(single, Sample { rows: vec![7], others: vec![], factor: 0.0 });
        assert_eq!(Sample::uniform(&[3, 5, 7, 9], 0.5, Rng::new(1)).rows.len(), 2);
    }
}
