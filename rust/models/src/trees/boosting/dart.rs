//! Boosting that forgets some of its trees while it learns the next (DART; Rashmi and Gilad-Bachrach, AISTATS 2015).
//!
//! An iteration leaves `k` earlier ones out, learns against the rest, and then gives its own trees the weight `1 / (k + 1)` and the
//! forgotten ones `k / (k + 1)` of theirs, so that together they are worth what the forgotten ones were.

use arsenal_core::rng::Rng;

/// How many iterations are left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dart {
    /// Chance of each earlier iteration to be left out.
    pub drop_rate: f64,
    /// Chance that an iteration leaves none out.
    pub skip_drop: f64,
    /// Most iterations to leave out.
    pub max_drop: usize,
}

impl Default for Dart {
    fn default() -> Self {
        Self { drop_rate: 0.1, skip_drop: 0.5, max_drop: 50 }
    }
}

impl Dart {
    /// Which of `n_done` iterations to leave out, rising.
    pub(super) fn dropped(&self, n_done: usize, mut rng: Rng) -> Vec<usize> {
        if rng.uniform() < self.skip_drop {
            return Vec::new();
        }
        let chosen: Vec<usize> = (0..n_done).filter(|_| rng.uniform() < self.drop_rate).collect();
        rng.sample_sorted(chosen.len(), self.max_drop).into_iter().map(|place| chosen[place as usize]).collect()
    }
}

/// What each iteration's trees count after a fit that forgot.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Weights(Vec<f64>);

impl Weights {
    /// One iteration more, which left `dropped` out. Returns what those counted before.
    pub fn add(&mut self, dropped: &[usize]) -> Vec<f64> {
        let n_dropped = dropped.len() as f64;
        let before = dropped.iter().map(|&iteration| self.0[iteration]).collect();
        for &iteration in dropped {
            self.0[iteration] *= n_dropped / (n_dropped + 1.0);
        }
        self.0.push(1.0 / (n_dropped + 1.0));
        before
    }

    /// What an iteration counts.
    pub fn of(&self, iteration: usize) -> f64 {
        self.0.get(iteration).copied().unwrap_or(1.0)
    }

    /// Iterations of an earlier fit count what they count there.
    pub fn kept(n_iterations: usize) -> Self {
        Self(vec![1.0; n_iterations])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_follow_their_rates() {
        let dart = Dart { drop_rate: 0.25, skip_drop: 0.5, max_drop: 30 };
        let draws: Vec<Vec<usize>> = (0..2000).map(|seed| dart.dropped(100, Rng::new(seed))).collect();
        let skipped = draws.iter().filter(|draw| draw.is_empty()).count();
        assert!((900..1100).contains(&skipped), "{skipped}");
        let mean = draws.iter().map(Vec::len).sum::<usize>() as f64 / (2000 - skipped) as f64;
        assert!((23.0..25.5).contains(&mean), "{mean}");
        assert!(draws.iter().all(|draw| draw.len() <= 30 && draw.is_sorted_by(|a, b| a < b)));
        assert!(draws.iter().any(|draw| draw.last() > Some(&95)), "no bias to early iterations");
        assert_eq!(Dart { skip_drop: 0.0, drop_rate: 1.0, max_drop: 9 }.dropped(3, Rng::new(0)), [0, 1, 2]);
    }

    #[test]
    fn the_forgotten_and_the_new_count_as_the_forgotten_did() {
        let mut weights = Weights::kept(2);
        assert_eq!(weights.add(&[]), [0.0; 0]);
        assert_eq!(weights, Weights(vec![1.0; 3]));
        assert_eq!(weights.add(&[0, 2]), [1.0, 1.0]);
        assert_eq!((weights.of(0), weights.of(1), weights.of(3)), (2.0 / 3.0, 1.0, 1.0 / 3.0));
        assert_eq!(weights.add(&[0]), [2.0 / 3.0]);
        assert_eq!((weights.of(0), weights.of(4)), (1.0 / 3.0, 0.5));
    }
}
