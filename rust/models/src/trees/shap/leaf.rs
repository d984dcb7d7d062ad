//! The game of one leaf: what a row's pattern gives to each column on the way, and to each pair of them.
//!
//! A leaf is reached if every column on the way agrees. Let `a_k` say whether the row meets column k's conditions, and `b_k` with
//! which chance a row that knows nothing of that column does. The Shapley value of column j is then
//! `v (a_j − b_j) ∫ Π_{k≠j} f_k dt` over [0, 1] with the factors `f_k = t a_k + (1 − t) b_k`, since `∫ t^s (1 − t)^(m−1−s) dt` is the
//! weight of a set of s among m columns; the interaction of i and j is `½ v (a_i − b_i)(a_j − b_j) ∫ Π_{k≠i,j} f_k dt`. The integrand
//! is a polynomial without negative terms, which Gauss's rule integrates exactly and without cancellation. With the gains
//! `g_k = (a_k − b_k) / f_k`, which is `−1 / (1 − t)` for every column that is not met, one product serves all columns:
//! `v ∫ g_j Π f_k dt` and `½ v ∫ g_i g_j Π f_k dt`.

use super::quadrature::{Beta, LANES, Lane, Quadrature, product, total};

/// What is asked of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One value per column.
    Values,
    /// One value per pair of columns.
    Interactions,
}

impl Order {
    /// Coefficients of a leaf with `n` columns on its way: one per column, then one per pair `(i, j > i)`.
    pub(super) fn n_coefficients(self, n: usize) -> usize {
        match self {
            Self::Values => n,
            Self::Interactions => n + n * n.saturating_sub(1) / 2,
        }
    }
}

/// How columns that a row's coalition lacks are filled in.
#[derive(Clone, Debug)]
pub(super) enum Filling {
    /// By the shares of the training rows along the tree.
    Shares(Shares),
    /// By other rows: their patterns as words of 64 bits, with the share of each.
    Rows(Vec<(Vec<u64>, f64)>),
}

/// Factors and gains of each column at the nodes of a quadrature; `[group * n + column]` where they are the column's own.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    /// Factors of columns whose conditions are not met.
    zero: Vec<Lane>,
    /// Factors of those whose conditions are met.
    one: Vec<Lane>,
    /// Gains of those whose conditions are met.
    gain: Vec<Lane>,
    /// Gain of any column whose conditions are not.
    loss: Vec<Lane>,
    weights: Vec<Lane>,
}

/// Room for intermediate results.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The result: one coefficient per column, then per pair; of all patterns one after the other if they were asked for.
    pub coefficients: Vec<f64>,
    products: Vec<Lane>,
}

/// Bit `place` of a pattern.
pub(super) fn is_set(pattern: &[u64], place: usize) -> bool {
    pattern[place / 64] >> (place % 64) & 1 == 1
}

impl Filling {
    /// Leaves in `scratch.coefficients` what a leaf of value 1 gives to a row of this pattern.
    ///
    /// O(m²) for a way of m columns, O(m³) with interactions; with other rows times their distinct patterns instead of m / 2 nodes.
    pub fn coefficients(&self, pattern: &[u64], n: usize, order: Order, beta: &Beta, scratch: &mut Scratch) {
        let Scratch { coefficients, products } = scratch;
        coefficients.clear();
        coefficients.resize(order.n_coefficients(n), 0.0);
        match self {
            Self::Shares(shares) => {
                products.clone_from(&shares.weights);
                for (group, so_far) in products.iter_mut().enumerate() {
                    for place in 0..n {
                        let factors = if is_set(pattern, place) { &shares.one } else { &shares.zero };
                        *so_far = product(so_far, &factors[group * n + place]);
                    }
                }
                shares.coefficients(pattern, n, order, |group| products[group], coefficients);
            }
            Self::Rows(rows) => {
                for (row, share) in rows {
                    add_row(pattern, row, *share, n, order, beta, coefficients);
                }
            }
        }
    }

    /// The same for all `2^n` patterns, the same bits.
    pub fn all_coefficients(&self, n: usize, order: Order, beta: &Beta, scratch: &mut Scratch) {
        let n_coefficients = order.n_coefficients(n);
        let Scratch { coefficients, products } = scratch;
        coefficients.clear();
        coefficients.resize(n_coefficients << n, 0.0);
        let patterns = coefficients.chunks_exact_mut(n_coefficients.max(1)).enumerate();
        match self {
            Self::Shares(shares) => {
                // `products[group << n | pattern]`: each column doubles the patterns.
                products.clear();
                for (group, weights) in shares.weights.iter().enumerate() {
                    let first = products.len();
                    products.push(*weights);
                    for place in 0..n {
                        let (zero, one) = (&shares.zero[group * n + place], &shares.one[group * n + place]);
                        for pattern in first..products.len() {
                            let before = products[pattern];
                            products.push(product(&before, one));
                            products[pattern] = product(&before, zero);
                        }
                    }
                }
                for (pattern, coefficients) in patterns {
                    let of_group = |group: usize| products[group << n | pattern];
                    shares.coefficients(&[pattern as u64], n, order, of_group, coefficients);
                }
            }
            Self::Rows(rows) => {
                for (pattern, coefficients) in patterns {
                    let pattern = [pattern as u64];
                    for (row, share) in rows {
                        add_row(&pattern, row, *share, n, order, beta, coefficients);
                    }
                }
            }
        }
    }
}

impl Shares {
    pub fn new(shares: &[f64], rule: &Quadrature) -> Self {
        let per_column = |of: fn(f64, f64) -> f64| -> Vec<Lane> {
            let lanes = |nodes: &Lane| shares.iter().map(|&share| nodes.map(|t| of(t, share))).collect::<Vec<_>>();
            rule.nodes.iter().flat_map(lanes).collect()
        };
        Self {
            zero: per_column(|t, share| (1.0 - t) * share),
            one: per_column(|t, share| t + (1.0 - t) * share),
            gain: per_column(|t, share| (1.0 - share) / (t + (1.0 - t) * share)),
            loss: rule.nodes.iter().map(|nodes| nodes.map(|t| -1.0 / (1.0 - t))).collect(),
            weights: rule.weights.clone(),
        }
    }

    /// The coefficients of a pattern from the product of its factors and the weights, group by group.
    fn coefficients(&self, pattern: &[u64], n: usize, order: Order, products: impl Fn(usize) -> Lane, out: &mut [f64]) {
        let gain = |group: usize, place: usize| {
            if is_set(pattern, place) { &self.gain[group * n + place] } else { &self.loss[group] }
        };
        let n_groups = self.weights.len();
        for (place, out) in out[..n].iter_mut().enumerate() {
            *out = integral(n_groups, |group| product(&products(group), gain(group, place)));
        }
        if order == Order::Interactions {
            let mut next = n;
            for i in 0..n {
                for j in i + 1..n {
                    let both = |group| product(&product(&products(group), gain(group, i)), gain(group, j));
                    out[next] = 0.5 * integral(n_groups, both);
                    next += 1;
                }
            }
        }
    }
}

/// The sum over all nodes.
fn integral(n_groups: usize, values: impl Fn(usize) -> Lane) -> f64 {
    let mut sum = [0.0; LANES];
    for group in 0..n_groups {
        sum.iter_mut().zip(values(group)).for_each(|(sum, value)| *sum += value);
    }
    total(&sum)
}

/// Adds the game in which one other row fills in: a factor is 1, t, 1 − t or 0, so the integrals are ratios of factorials.
fn add_row(pattern: &[u64], row: &[u64], share: f64, n: usize, order: Order, beta: &Beta, out: &mut [f64]) {
    let full = |word: usize| if (word + 1) * 64 <= n { u64::MAX } else { (1 << (n % 64)) - 1 };
    let words = || pattern.iter().zip(row).enumerate();
    // A column that neither meets keeps the leaf out of reach of every mixture of the two.
    if words().any(|(word, (a, b))| a | b != full(word)) {
        return;
    }
    let only_a: u32 = words().map(|(_, (a, b))| (a & !b).count_ones()).sum();
    let only_b: u32 = words().map(|(_, (a, b))| (b & !a).count_ones()).sum();
    let (only_a, only_b) = (only_a as usize, only_b as usize);
    // +1: the row alone meets it, −1: the other alone, 0: both, which then decides nothing.
    let side = |place: usize| i8::from(is_set(pattern, place)) - i8::from(is_set(row, place));
    let integral = |sides: &[i8]| {
        let taken = |sign: i8| sides.iter().filter(|&&side| side == sign).count();
        beta.at(only_a - taken(1), only_b - taken(-1))
    };
    for (i, out) in out[..n].iter_mut().enumerate().filter(|&(i, _)| side(i) != 0) {
        *out += share * f64::from(side(i)) * integral(&[side(i)]);
    }
    if order == Order::Interactions {
        let mut next = n;
        for i in 0..n {
            for j in i + 1..n {
                if side(i) != 0 && side(j) != 0 {
                    out[next] += 0.5 * share * f64::from(side(i) * side(j)) * integral(&[side(i), side(j)]);
                }
                next += 1;
            }
        }
    }
}
