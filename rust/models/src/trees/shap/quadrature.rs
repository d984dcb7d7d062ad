//! Gauss-Legendre quadrature on [0, 1], and the integrals of `t^a (1 − t)^b`.

/// Nodes that are worked on together.
pub(super) const LANES: usize = 4;

/// A number per node of one group of [`LANES`] nodes.
pub(super) type Lane = [f64; LANES];

/// Node by node.
pub(super) fn product(a: &Lane, b: &Lane) -> Lane {
    std::array::from_fn(|lane| a[lane] * b[lane])
}

/// The sum over a group of nodes, in a fixed order.
pub(super) fn total(sum: &Lane) -> f64 {
    (sum[0] + sum[1]) + (sum[2] + sum[3])
}

/// Nodes and weights, in groups of [`LANES`]; the last group is filled up with nodes of weight 0.
#[derive(Clone, Debug)]
pub(super) struct Quadrature {
    /// `t` at each node.
    pub nodes: Vec<Lane>,
    /// Weight of each node; they add up to 1.
    pub weights: Vec<Lane>,
}

impl Quadrature {
    /// Exact for polynomials of a degree below `2 * n_nodes`. O(nodes²) steps of Newton's iteration on the Legendre polynomial.
    ///
    /// Plain arithmetic only, so that the nodes are the same bits everywhere.
    pub fn new(n_nodes: usize) -> Self {
        let n_groups = n_nodes.div_ceil(LANES);
        let mut rule = Self { nodes: vec![[0.5; LANES]; n_groups], weights: vec![[0.0; LANES]; n_groups] };
        for node in 0..n_nodes {
            // Within 1 % of the distance to the neighbours, from where the iteration doubles its digits in each step.
            let mut x = cosine(std::f64::consts::PI * (node as f64 + 0.75) / (n_nodes as f64 + 0.5));
            for _ in 0..6 {
                let (value, slope) = legendre(n_nodes, x);
                x -= value / slope;
            }
            let slope = legendre(n_nodes, x).1;
            rule.nodes[node / LANES][node % LANES] = 0.5 * (1.0 - x);
            rule.weights[node / LANES][node % LANES] = 1.0 / ((1.0 - x * x) * slope * slope);
        }
        rule
    }
}

/// The Legendre polynomial of degree `n` at `x` and its derivative there, for −1 < x < 1.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

/// The cosine's series, good to 1e-9 on [0, π]: a first guess needs no more.
fn cosine(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..=12 {
        let k = f64::from(2 * k);
        term *= -x * x / (k * (k - 1.0));
        sum += term;
    }
    sum
}

/// `∫ t^a (1 − t)^b dt` over [0, 1] = `a! b! / (a + b + 1)!` for all `a + b < n`.
#[derive(Clone, Debug)]
pub(super) struct Beta {
    rows: Vec<Vec<f64>>,
}

impl Beta {
    /// A table of O(n²) numbers.
    pub fn new(n: usize) -> Self {
        // Row s holds 1 / ((s + 1) C(s, a)); going along a row multiplies by a / (s − a + 1).
        let row = |s: usize| -> Vec<f64> {
            let mut value = 1.0 / (s as f64 + 1.0);
            let along = (0..=s).map(|a| {
                if a > 0 {
                    value *= a as f64 / (s - a + 1) as f64;
                }
                value
            });
            along.collect()
        };
        Self { rows: (0..n).map(row).collect() }
    }

    /// The integral for the exponents `a` and `b`.
    pub fn at(&self, a: usize, b: usize) -> f64 {
        self.rows[a + b][a]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        for n_nodes in (1..=20).chain([64, 125]) {
            let rule = Quadrature::new(n_nodes);
            let nodes: Vec<f64> = rule.nodes.concat();
            let weights: Vec<f64> = rule.weights.concat();
            assert!(nodes[..n_nodes].is_sorted_by(|a, b| a < b) && nodes[0] > 0.0 && nodes[n_nodes - 1] < 1.0);
            for degree in [0, 1, n_nodes, 2 * n_nodes - 1] {
                let integral: f64 =
                    nodes.iter().zip(&weights).map(|(t, w)| w * t.powi(i32::try_from(degree).unwrap())).sum();
                let wanted = 1.0 / (degree as f64 + 1.0);
                assert!((integral - wanted).abs() < 1e-14, "{n_nodes} nodes, degree {degree}: {integral} {wanted}");
            }
        }
    }

    #[test]
    fn beta_integrals_are_ratios_of_factorials() {
        let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
        let beta = Beta::new(15);
        for a in 0..15 {
            for b in 0..15 - a {
                let wanted = factorial(a) * factorial(b) / factorial(a + b + 1);
                assert!((beta.at(a, b) / wanted - 1.0).abs() < 1e-14, "{a} {b}");
            }
        }
    }
}
