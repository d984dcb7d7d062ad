//! What the rows of a node add up to, how good a pair of sums is, and what a leaf says.

use arsenal_simd::math::ln;

use super::params::Criterion;

/// Sums over rows, and what they are worth.
///
/// A split's gain is `merit(left) + merit(right) − merit(node)`: the weighted decrease of impurity, summed over outputs. Every tree is
/// grown by one thread that adds rows in a fixed order, so sums of floats are the same for any number of threads.
pub(super) trait Target: Sync {
    /// What a row carries along while nodes part.
    type Row: Copy + Default + Send + Sync;
    /// What rows add up to.
    type Tally: Copy + Send + Sync;
    /// The sum of no rows.
    const ZERO: Self::Tally;
    /// Whether merits follow from sums; if not, [`Target::gains`] tells what cuts gain, and merits are 0.
    const BY_SUMS: bool = true;

    /// A row that counts `weight` times.
    fn row(&self, id: u32, weight: f64) -> Self::Row;
    fn add(&self, row: Self::Row, tally: &mut Self::Tally);
    fn merge(&self, tally: &mut Self::Tally, other: &Self::Tally);
    fn less(&self, whole: &Self::Tally, part: &Self::Tally) -> Self::Tally;
    /// Number of rows, whatever their weights.
    fn count(&self, tally: &Self::Tally) -> f64;
    fn weight(&self, tally: &Self::Tally) -> f64;
    fn merit(&self, tally: &Self::Tally) -> f64;
    /// `merit(left) + merit(right)`.
    #[inline(always)]
    fn merits(&self, left: &Self::Tally, right: &Self::Tally) -> f64 {
        self.merit(left) + self.merit(right)
    }
    /// What is gained where the rows before each of `ends`, which rise, go left and all others right.
    fn gains(&self, _rows: &[Self::Row], _ends: &[usize]) -> Vec<f64> {
        unreachable!("gains follow from sums")
    }
    /// By what categories are ordered, and what monotonic constraints compare: the mean, or the share of a class.
    fn level(&self, tally: &Self::Tally) -> f64;
    /// Whether two rows have the same target.
    fn same(&self, a: Self::Row, b: Self::Row) -> bool;
    /// Appends the values of a leaf with these rows. Sums are formed anew from the rows: those of the search are differences.
    fn leaf(&self, ids: &[u32], rows: &[Self::Row], tally: &Self::Tally, values: &mut Vec<f64>);
}

/// Two classes whose weights are whole numbers. One word holds three counts of 21 bits: rows, all weights, the second class's.
pub(super) struct Pair<'a, const ENTROPY: bool> {
    /// Class of each row, 0 or 1.
    pub second: &'a [u8],
}

const FIELD: u32 = 21;
/// What each count of a [`Pair`] stays below.
pub(super) const PAIR_LIMIT: usize = 1 << FIELD;
const MASK: u64 = (1 << FIELD) - 1;

impl<const ENTROPY: bool> Target for Pair<'_, ENTROPY> {
    type Row = u64;
    type Tally = u64;
    const ZERO: u64 = 0;

    fn row(&self, id: u32, weight: f64) -> u64 {
        let weight = weight as u64;
        1 | weight << FIELD | (weight * u64::from(self.second[id as usize])) << (2 * FIELD)
    }
    #[inline(always)]
    fn add(&self, row: u64, tally: &mut u64) {
        *tally += row;
    }
    #[inline(always)]
    fn merge(&self, tally: &mut u64, other: &u64) {
        *tally += other;
    }
    #[inline(always)]
    fn less(&self, whole: &u64, part: &u64) -> u64 {
        whole - part
    }
    #[inline(always)]
    fn count(&self, tally: &u64) -> f64 {
        (tally & MASK) as f64
    }
    #[inline(always)]
    fn weight(&self, tally: &u64) -> f64 {
        (tally >> FIELD & MASK) as f64
    }
    #[inline(always)]
    fn merit(&self, tally: &u64) -> f64 {
        let (all, second) = (self.weight(tally), (tally >> (2 * FIELD)) as f64);
        let first = all - second;
        if ENTROPY { times_log(first) + times_log(second) - times_log(all) } else { squares(first, second) / all }
    }
    #[inline(always)]
    fn merits(&self, left: &u64, right: &u64) -> f64 {
        if ENTROPY {
            return self.merit(left) + self.merit(right);
        }
        // One division for both sides: this is the innermost step of the search.
        let (l, l2) = (self.weight(left), (left >> (2 * FIELD)) as f64);
        let (r, r2) = (self.weight(right), (right >> (2 * FIELD)) as f64);
        (squares(l - l2, l2) * r + squares(r - r2, r2) * l) / (l * r)
    }
    fn level(&self, tally: &u64) -> f64 {
        (tally >> (2 * FIELD)) as f64 / self.weight(tally)
    }
    fn same(&self, a: u64, b: u64) -> bool {
        (a >> (2 * FIELD) == 0) == (b >> (2 * FIELD) == 0)
    }
    fn leaf(&self, _: &[u32], _: &[u64], tally: &u64, values: &mut Vec<f64>) {
        values.push(self.level(tally));
    }
}

#[inline(always)]
fn squares(a: f64, b: f64) -> f64 {
    a * a + b * b
}

/// `x · log₂ x`, 0 at 0.
#[inline(always)]
fn times_log(x: f64) -> f64 {
    if x > 0.0 { x * ln(x) * std::f64::consts::LOG2_E } else { 0.0 }
}

/// One number per row.
pub(super) struct Number<'a> {
    pub targets: &'a [f64],
    /// Subtracted before sums are formed, so that squares of a large mean do not swallow the differences.
    pub center: f64,
    pub criterion: Criterion,
}

impl Target for Number<'_> {
    /// Weight, weight · (target − center).
    type Row = (f64, f64);
    /// Rows, weights, weighted targets.
    type Tally = [f64; 3];
    const ZERO: [f64; 3] = [0.0; 3];

    fn row(&self, id: u32, weight: f64) -> (f64, f64) {
        (weight, weight * (self.targets[id as usize] - self.center))
    }
    #[inline(always)]
    fn add(&self, (weight, product): (f64, f64), tally: &mut [f64; 3]) {
        tally[0] += 1.0;
        tally[1] += weight;
        tally[2] += product;
    }
    #[inline(always)]
    fn merge(&self, tally: &mut [f64; 3], other: &[f64; 3]) {
        plus(tally, other);
    }
    #[inline(always)]
    fn less(&self, whole: &[f64; 3], part: &[f64; 3]) -> [f64; 3] {
        minus(whole, part)
    }
    #[inline(always)]
    fn count(&self, tally: &[f64; 3]) -> f64 {
        tally[0]
    }
    #[inline(always)]
    fn weight(&self, tally: &[f64; 3]) -> f64 {
        tally[1]
    }
    #[inline(always)]
    fn merit(&self, tally: &[f64; 3]) -> f64 {
        number_merit(self.criterion, tally[2], tally[1])
    }
    fn level(&self, tally: &[f64; 3]) -> f64 {
        tally[2] / tally[1] + self.center
    }
    fn same(&self, a: (f64, f64), b: (f64, f64)) -> bool {
        a.1 / a.0 == b.1 / b.0
    }
    fn leaf(&self, ids: &[u32], rows: &[(f64, f64)], _: &[f64; 3], values: &mut Vec<f64>) {
        values.push(mean(ids.iter().zip(rows).map(|(&id, row)| (row.0, self.targets[id as usize]))));
    }
}

/// Merit of one output: `S²/W`, or for poisson `S · ln(S/W)`, where a sum of 0 is worth nothing finite.
#[inline(always)]
fn number_merit(criterion: Criterion, sum: f64, weight: f64) -> f64 {
    match criterion {
        Criterion::Poisson if sum > POISSON_EPSILON => sum * ln(sum / weight),
        Criterion::Poisson => f64::NEG_INFINITY,
        _ => sum * sum / weight,
    }
}

/// Sums of counts below this are taken for 0, as in scikit-learn.
const POISSON_EPSILON: f64 = 10.0 * f64::EPSILON;

fn mean(weighted: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (weight, sum) = weighted.fold((0.0, 0.0), |(weights, sum), (w, y)| (weights + w, sum + w * y));
    sum / weight
}

/// Several outputs, or more than two classes, or weights that are no whole numbers: `S` sums per tally, of which the first two are rows
/// and weights. Unused sums stay 0.
pub(super) struct Several<'a, const S: usize> {
    /// Row-major, `n_outputs` per row: the place of the row's class among all outputs' classes; or numbers.
    pub outcome: Outcome<'a>,
    pub criterion: Criterion,
}

/// The targets of [`Several`].
pub(super) enum Outcome<'a> {
    /// Places of classes, and where each output's classes begin and end.
    Classes { places: &'a [u32], spans: Vec<(usize, usize)> },
    /// Numbers, and what is subtracted from each output before sums are formed.
    Numbers { targets: &'a [f64], centers: Vec<f64> },
}

impl<const S: usize> Target for Several<'_, S> {
    type Row = (u32, f64);
    type Tally = [f64; S];
    const ZERO: [f64; S] = [0.0; S];

    fn row(&self, id: u32, weight: f64) -> (u32, f64) {
        (id, weight)
    }
    #[inline(always)]
    fn add(&self, (id, weight): (u32, f64), tally: &mut [f64; S]) {
        tally[0] += 1.0;
        tally[1] += weight;
        match &self.outcome {
            Outcome::Classes { places, spans } => {
                for &place in &places[id as usize * spans.len()..][..spans.len()] {
                    tally[2 + place as usize] += weight;
                }
            }
            Outcome::Numbers { targets, centers } => {
                let targets = &targets[id as usize * centers.len()..][..centers.len()];
                for (sum, (target, center)) in tally[2..].iter_mut().zip(targets.iter().zip(centers)) {
                    *sum += weight * (target - center);
                }
            }
        }
    }
    #[inline(always)]
    fn merge(&self, tally: &mut [f64; S], other: &[f64; S]) {
        plus(tally, other);
    }
    #[inline(always)]
    fn less(&self, whole: &[f64; S], part: &[f64; S]) -> [f64; S] {
        minus(whole, part)
    }
    fn count(&self, tally: &[f64; S]) -> f64 {
        tally[0]
    }
    fn weight(&self, tally: &[f64; S]) -> f64 {
        tally[1]
    }
    fn merit(&self, tally: &[f64; S]) -> f64 {
        let (weight, sums) = (tally[1], &tally[2..]);
        match &self.outcome {
            Outcome::Classes { spans, .. } if self.criterion == Criterion::Entropy => {
                let of_classes: f64 = sums.iter().map(|&sum| times_log(sum)).sum();
                (of_classes - spans.len() as f64 * times_log(weight)) / spans.len() as f64
            }
            Outcome::Classes { spans, .. } => {
                sums.iter().map(|sum| sum * sum).sum::<f64>() / weight / spans.len() as f64
            }
            Outcome::Numbers { centers, .. } if self.criterion == Criterion::FriedmanMse => {
                let mean_sum = sums[..centers.len()].iter().sum::<f64>() / centers.len() as f64;
                mean_sum * mean_sum / weight
            }
            Outcome::Numbers { centers, .. } => {
                let merits = sums[..centers.len()].iter().map(|&sum| number_merit(self.criterion, sum, weight));
                merits.sum::<f64>() / centers.len() as f64
            }
        }
    }
    fn level(&self, tally: &[f64; S]) -> f64 {
        let (weight, sums) = (tally[1], &tally[2..]);
        match &self.outcome {
            // Of two classes the second; of more, all of them weighed by their number, which orders categories well enough.
            Outcome::Classes { .. } => sums.iter().enumerate().map(|(k, sum)| k as f64 * sum).sum::<f64>() / weight,
            Outcome::Numbers { centers, .. } => sums.iter().zip(centers).map(|(sum, c)| sum / weight + c).sum(),
        }
    }
    fn same(&self, a: (u32, f64), b: (u32, f64)) -> bool {
        fn equal<T: PartialEq>(of: &[T], n: usize, a: u32, b: u32) -> bool {
            of[a as usize * n..][..n] == of[b as usize * n..][..n]
        }
        match &self.outcome {
            Outcome::Classes { places, spans } => equal(places, spans.len(), a.0, b.0),
            Outcome::Numbers { targets, centers } => equal(targets, centers.len(), a.0, b.0),
        }
    }
    fn leaf(&self, _: &[u32], rows: &[(u32, f64)], tally: &[f64; S], values: &mut Vec<f64>) {
        match &self.outcome {
            Outcome::Classes { spans, .. } => {
                for &(first, end) in spans {
                    // Of two classes the second alone is kept.
                    let first = if end - first == 2 { first + 1 } else { first };
                    values.extend(tally[2 + first..2 + end].iter().map(|sum| sum / tally[1]));
                }
            }
            Outcome::Numbers { targets, centers } => {
                let n = centers.len();
                values.extend((0..n).map(|o| mean(rows.iter().map(|&(id, w)| (w, targets[id as usize * n + o])))));
            }
        }
    }
}

#[inline(always)]
fn plus<const S: usize>(sums: &mut [f64; S], others: &[f64; S]) {
    sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
}

#[inline(always)]
fn minus<const S: usize>(whole: &[f64; S], part: &[f64; S]) -> [f64; S] {
    std::array::from_fn(|k| whole[k] - part[k])
}
