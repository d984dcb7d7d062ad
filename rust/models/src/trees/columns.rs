//! Which columns the search at a node sees.

use arsenal_core::rng::Rng;

/// Shares of the columns that a tree, a level of it and a node see; each is drawn from what the one before left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ColumnShares {
    pub tree: f64,
    pub level: f64,
    pub node: f64,
}

/// The draws of one tree. O(columns) per draw.
#[derive(Debug)]
pub(super) struct ColumnSample {
    shares: ColumnShares,
    of_tree: Vec<u32>,
    levels: Rng,
}

/// Streams of a tree's random numbers beside those of its nodes.
const TREE: u64 = u64::MAX - 1;
const LEVELS: u64 = u64::MAX - 2;

impl ColumnSample {
    pub fn new(n_columns: usize, shares: ColumnShares, rng: &Rng) -> Self {
        let all = (0..n_columns as u32).collect();
        Self { shares, of_tree: draw(all, shares.tree, rng.fork(TREE)), levels: rng.fork(LEVELS) }
    }

    /// The columns for a node at `depth` whose path allows `allowed` (rising; `None` is all), rising. Empty only if none is left.
    pub fn of_node(&self, depth: usize, allowed: Option<&[u32]>, rng: Rng) -> Vec<u32> {
        let mut columns = draw(self.of_tree.clone(), self.shares.level, self.levels.fork(depth as u64));
        if let Some(allowed) = allowed {
            columns.retain(|column| allowed.binary_search(column).is_ok());
        }
        draw(columns, self.shares.node, rng)
    }
}

/// A share of some columns, at least one of them, in their order.
fn draw(columns: Vec<u32>, share: f64, mut rng: Rng) -> Vec<u32> {
    if share >= 1.0 || columns.is_empty() {
        return columns;
    }
    let n_wanted = ((columns.len() as f64 * share).ceil() as usize).clamp(1, columns.len());
    rng.sample_sorted(columns.len(), n_wanted).into_iter().map(|place| columns[place as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_draw_from_the_tree_and_nodes_from_the_level() {
        let shares = ColumnShares { tree: 0.5, level: 0.5, node: 0.5 };
        let sample = ColumnSample::new(16, shares, &Rng::new(0));
        assert_eq!(sample.of_tree.len(), 8);
        let level = |depth| draw(sample.of_tree.clone(), 0.5, sample.levels.fork(depth));
        assert_ne!(level(0), level(1));
        for depth in 0..4 {
            for node in 0..8 {
                let columns = sample.of_node(depth, None, Rng::new(node));
                assert_eq!(columns.len(), 2);
                assert!(columns.iter().all(|column| level(depth as u64).contains(column)));
                assert!(columns.is_sorted());
            }
        }
    }

    #[test]
    fn a_share_of_one_draws_nothing_and_paths_limit_the_columns() {
        let all = ColumnSample::new(5, ColumnShares { tree: 1.0, level: 1.0, node: 1.0 }, &Rng::new(0));
        assert_eq!(all.of_node(3, None, Rng::new(1)), [0, 1, 2, 3, 4]);
        assert_eq!(all.of_node(3, Some(&[1, 4]), Rng::new(1)), [1, 4]);
        assert_eq!(all.of_node(0, Some(&[]), Rng::new(1)), [0u32; 0]);
        let few = ColumnSample::new(3, ColumnShares { tree: 0.01, level: 1.0, node: 1.0 }, &Rng::new(0));
        assert_eq!(few.of_node(0, None, Rng::new(1)).len(), 1);
    }
}
