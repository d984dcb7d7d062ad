//! The pairs of `LambdaMART`: what one document of a query and every later one ask of each other's scores.

use crate::Isa;
use crate::gradient::for_every_isa;
use crate::math::exp;

/// A query's documents in falling order of their scores.
#[derive(Clone, Copy, Debug)]
pub struct Documents<'a> {
    /// Scores, falling.
    pub scores: &'a [f64],
    /// Gains, each at least 0.
    pub gains: &'a [f64],
    /// The discount of each place.
    pub discounts: &'a [f64],
    /// One over the best discounted sum of gains.
    pub inverse_best: f64,
    /// Whether a pair counts less the further its scores are apart.
    pub by_distance: bool,
}

/// Where a query's derivatives are added up, one entry per document.
#[derive(Debug)]
pub struct Lambdas<'a> {
    /// First derivatives by the score.
    pub gradients: &'a mut [f64],
    /// Second derivatives by the score.
    pub hessians: &'a mut [f64],
    /// Sum of the sizes of all first derivatives of pairs, both ends counted.
    pub total: &'a mut f64,
}

/// What a pair adds.
#[derive(Clone, Copy, Default)]
struct Pair {
    /// Up for the earlier document, down for the later one.
    pull: f64,
    curvature: f64,
}

const LANES: usize = 8;

impl Documents<'_> {
    /// The pair of two places, as LightGBM weighs it: the change of NDCG if the two changed places, times the derivatives of
    /// `ln(1 + exp(−(better − worse)))`. Equal gains give nothing.
    #[inline(always)]
    fn pair(&self, earlier: usize, later: usize) -> Pair {
        let gap = self.gains[earlier] - self.gains[later];
        let sign = if gap > 0.0 { 1.0 } else { -1.0 };
        let distance = self.scores[earlier] - self.scores[later];
        let size = gap.abs() * (self.discounts[earlier] - self.discounts[later]).abs() * self.inverse_best;
        let size = if self.by_distance { size / (0.01 + distance.abs()) } else { size };
        let p = 1.0 / (1.0 + exp(sign * distance));
        Pair { pull: sign * (size * p), curvature: size * p * (1.0 - p) }
    }
}

for_every_isa! {
    /// Adds the pairs of the document at `place` with all later ones. O(documents); sums run over eight lanes, then lane by lane.
    pub fn lambda_pairs(documents: Documents<'_>, place: usize, out: Lambdas<'_>) {
        let n = documents.scores.len();
        let Lambdas { gradients, hessians, total } = out;
        let mut lanes = [[0.0; LANES]; 3];
        let mut first = place + 1;
        while first < n {
            let width = if n - first < LANES { n - first } else { LANES };
            let mut pairs = [Pair::default(); LANES];
            if width == LANES {
                for (lane, pair) in pairs.iter_mut().enumerate() {
                    *pair = documents.pair(place, first + lane);
                }
            } else {
                for (lane, pair) in pairs.iter_mut().enumerate().take(width) {
                    *pair = documents.pair(place, first + lane);
                }
            }
            for lane in 0..LANES {
                lanes[0][lane] += pairs[lane].pull;
                lanes[1][lane] += pairs[lane].curvature;
                lanes[2][lane] += pairs[lane].pull.abs();
            }
            for lane in 0..width {
                gradients[first + lane] += pairs[lane].pull;
                hessians[first + lane] += pairs[lane].curvature;
            }
            first += LANES;
        }
        let [pull, curvature, size] = lanes.map(|lanes| lanes.into_iter().fold(0.0, |sum, lane| sum + lane));
        gradients[place] -= pull;
        hessians[place] += curvature;
        *total += 2.0 * size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_match_their_formula_on_every_set() {
        for n in 1..40 {
            let scores: Vec<f64> = (0..n).map(|i| 3.0 - f64::from(i) * 0.31).collect();
            let gains: Vec<f64> = (0..n).map(|i| f64::from((i * 7) % 4)).collect();
            let discounts: Vec<f64> = (0..n).map(|i| 1.0 / (2.0 + f64::from(i)).log2()).collect();
            let place = n as usize / 3;
            for by_distance in [false, true] {
                let documents = Documents {
                    scores: &scores,
                    gains: &gains,
                    discounts: &discounts,
                    inverse_best: 0.37,
                    by_distance,
                };
                let mut all = Isa::available().into_iter().map(|isa| {
                    let (mut gradients, mut hessians, mut total) = (vec![0.5; n as usize], vec![0.25; n as usize], 1.0);
                    let out = Lambdas { gradients: &mut gradients, hessians: &mut hessians, total: &mut total };
                    lambda_pairs::on(isa, documents, place, out);
                    (gradients, hessians, total)
                });
                let found = all.next().unwrap();
                assert!(all.all(|other| other == found));
                let (mut gradients, mut hessians, mut total) = (vec![0.5; n as usize], vec![0.25; n as usize], 1.0);
                for later in place + 1..n as usize {
                    if gains[place] == gains[later] {
                        continue;
                    }
                    let (high, low) = if gains[place] > gains[later] { (place, later) } else { (later, place) };
                    let distance = scores[high] - scores[low];
                    let mut delta = (gains[high] - gains[low]) * (discounts[place] - discounts[later]).abs() * 0.37;
                    if by_distance {
                        delta /= 0.01 + distance.abs();
                    }
                    let p = 1.0 / (1.0 + distance.exp());
                    gradients[high] -= delta * p;
                    gradients[low] += delta * p;
                    hessians[high] += delta * p * (1.0 - p);
                    hessians[low] += delta * p * (1.0 - p);
                    total += 2.0 * delta * p;
                }
                let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
                assert!(close(&found.0, &gradients) && close(&found.1, &hessians) && (found.2 - total).abs() < 1e-12);
            }
        }
    }
}
