//! Which rows a tree sees, and how often.

use arsenal_core::rng::Rng;

/// How often each of `n_rows` rows is drawn in `n_draws` draws with replacement. O(rows + draws).
pub(super) fn bootstrap(n_rows: usize, n_draws: usize, rng: &mut Rng) -> Vec<u32> {
    let mut counts = vec![0; n_rows];
    for _ in 0..n_draws {
        counts[rng.below(n_rows as u64) as usize] += 1;
    }
    counts
}

/// One bit per row.
#[derive(Clone, Debug)]
pub(super) struct RowSet(Vec<u64>);

impl RowSet {
    /// The rows that were drawn at least once.
    pub fn drawn(counts: &[u32]) -> Self {
        let word = |counts: &[u32]| counts.iter().enumerate().fold(0, |word, (bit, &n)| word | u64::from(n > 0) << bit);
        Self(counts.chunks(64).map(word).collect())
    }

    pub fn contains(&self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 == 1
    }
}

/// Factors that give all classes of each output the same total weight in a sample: `rows / (classes · rows of the class)`.
///
/// `places` are row-major, one per output, among all outputs' classes; a row's factor is the product over its outputs.
pub(super) fn balancing_factors(places: &[u32], n_classes: &[usize], counts: &[u32]) -> Vec<f64> {
    let n_outputs = n_classes.len();
    let mut of_class = vec![0.0; n_classes.iter().sum()];
    for (places, &count) in places.chunks(n_outputs).zip(counts) {
        for &place in places {
            of_class[place as usize] += f64::from(count);
        }
    }
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let mut first = 0;
    for &n in n_classes {
        let own = &mut of_class[first..first + n];
        let present = own.iter().filter(|&&weight| weight > 0.0).count() as f64;
        own.iter_mut().filter(|weight| **weight > 0.0).for_each(|weight| *weight = total / (present * *weight));
        first += n;
    }
    of_class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_fair_and_counted() {
        let counts = bootstrap(100, 10_000, &mut Rng::new(3));
        assert_eq!(counts.iter().sum::<u32>(), 10_000);
        assert!(counts.iter().all(|&n| (50..160).contains(&n)), "{counts:?}");
        let few = bootstrap(100, 60, &mut Rng::new(3));
        let set = RowSet::drawn(&few);
        assert!((0..100).all(|row| set.contains(row) == (few[row] > 0)));
    }

    #[test]
    fn factors_balance_each_output() {
        // Two outputs of two and three classes; the third class of the second output is absent.
        let places = [0, 2, 0, 3, 1, 2, 0, 2];
        let factors = balancing_factors(&places, &[2, 3], &[1, 1, 2, 0]);
        assert_eq!(factors, [4.0 / (2.0 * 2.0), 4.0 / (2.0 * 2.0), 4.0 / (2.0 * 3.0), 4.0 / (2.0 * 1.0), 0.0]);
    }
}
