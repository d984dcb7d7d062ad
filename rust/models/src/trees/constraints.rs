//! What a tree must not do: break a column's monotone direction, or let columns meet on a path that are to stay apart.
//!
//! A split of a monotone column puts the middle of its sides' values between them, as a bound for everything below (the same rule as
//! scikit-learn's). So whatever the sides become later, no value on the one side passes a value on the other.

use super::split::{Node, Side, SplitParams};

/// What holds for every node of a tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Constraints {
    /// 1 where a column may only raise the prediction, −1 where it may only lower it, else 0; empty if no column is bound.
    pub monotone: Vec<i8>,
    pub interactions: Interactions,
}

/// Which columns may meet on a path from the root to a leaf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Interactions {
    /// All.
    #[default]
    Any,
    /// Any so many.
    Distinct(usize),
    /// Those that some group holds together. A column without a group is never used.
    Groups(Vec<Vec<u32>>),
}

impl Constraints {
    /// The direction of a column.
    pub fn sign(&self, column: usize) -> i8 {
        self.monotone.get(column).copied().unwrap_or(0)
    }
}

impl Interactions {
    /// A path after a split by `column`; empty where paths do not matter.
    pub fn path_with(&self, mut path: Vec<u32>, column: usize) -> Vec<u32> {
        if *self != Self::Any
            && let Err(place) = path.binary_search(&(column as u32))
        {
            path.insert(place, column as u32);
        }
        path
    }

    /// The columns that a path over `used` (rising) may go on with, rising; `None` if that is all.
    pub fn allowed(&self, used: &[u32]) -> Option<Vec<u32>> {
        match self {
            Self::Any => None,
            Self::Distinct(most) => (used.len() >= *most).then(|| used.to_vec()),
            Self::Groups(groups) => {
                let holding = groups.iter().filter(|group| used.iter().all(|column| group.contains(column)));
                let mut columns: Vec<u32> = holding.flatten().copied().collect();
                columns.sort_unstable();
                columns.dedup();
                Some(columns)
            }
        }
    }
}

/// Between which values the leaves below a node must stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub low: f64,
    pub high: f64,
}

impl Bounds {
    pub const FREE: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    pub fn is_free(self) -> bool {
        self == Self::FREE
    }

    pub fn clamp(self, value: f64) -> f64 {
        value.clamp(self.low, self.high)
    }

    /// What the children of a split may become: the middle of their values keeps them apart.
    pub fn of_children(self, sign: i8, left: f64, right: f64) -> [Self; 2] {
        let middle = f64::midpoint(left, right);
        match sign {
            1 => [Self { high: middle, ..self }, Self { low: middle, ..self }],
            -1 => [Self { low: middle, ..self }, Self { high: middle, ..self }],
            _ => [self; 2],
        }
    }
}

impl SplitParams {
    /// The value of a leaf with these sums, before the learning rate.
    pub fn value(&self, side: Side, l2: f64, bounds: Bounds) -> f64 {
        let weight = side.hessian + l2;
        let shrunk = (side.gradient.abs() - self.l1).max(0.0).copysign(side.gradient);
        bounds.clamp(if weight > 0.0 { -shrunk / weight } else { 0.0 })
    }

    /// By how much a leaf with these sums and this value lowers the objective, times two; [`SplitParams::score`] at the best value.
    fn worth(&self, side: Side, l2: f64, value: f64) -> f64 {
        -(2.0 * side.gradient * value + 2.0 * self.l1 * value.abs() + (side.hessian + l2) * value * value)
    }

    /// What a node is worth as a leaf.
    pub fn whole(&self, node: &Node) -> f64 {
        let side = node.side(node.sum, node.rows_per_hessian());
        if node.bounds.is_free() {
            self.score(side, self.l2)
        } else {
            self.worth(side, self.l2, self.value(side, self.l2, node.bounds))
        }
    }

    /// What the two sides of a split are worth together; `None` if they break the column's direction `sign`.
    pub fn pair(&self, left: Side, right: Side, l2: f64, sign: i8, bounds: Bounds) -> Option<f64> {
        if sign == 0 && bounds.is_free() {
            return Some(self.score(left, l2) + self.score(right, l2));
        }
        let (left_value, right_value) = (self.value(left, l2, bounds), self.value(right, l2, bounds));
        let is_kept = f64::from(sign) * (right_value - left_value) >= 0.0;
        is_kept.then(|| self.worth(left, l2, left_value) + self.worth(right, l2, right_value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::categories::CategoryParams;

    const PARAMS: SplitParams = SplitParams {
        min_samples_leaf: 1.0,
        min_child_weight: 0.0,
        l1: 0.5,
        l2: 2.0,
        min_split_gain: 0.0,
        category: CategoryParams { smoothing: 0.0, l2: 0.0, max_set: 32, min_group: 0.0, one_hot: 4 },
    };

    #[test]
    fn the_worth_of_the_best_value_is_the_score() {
        for (gradient, hessian) in [(3.0, 1.0), (-7.0, 4.5), (0.2, 1.0), (0.0, 0.0)] {
            let side = Side { gradient, hessian, count: 1.0 };
            let value = PARAMS.value(side, PARAMS.l2, Bounds::FREE);
            let (worth, score) = (PARAMS.worth(side, PARAMS.l2, value), PARAMS.score(side, PARAMS.l2));
            assert!((worth - score).abs() < 1e-12, "{worth} {score}");
            for other in [value - 0.1, value + 0.1] {
                assert!(PARAMS.worth(side, PARAMS.l2, other) < score + 1e-12);
            }
        }
    }

    #[test]
    fn pairs_in_the_wrong_order_are_refused_and_bounds_hold() {
        let (low, high) =
            (Side { gradient: 5.0, hessian: 1.0, count: 1.0 }, Side { gradient: -5.0, hessian: 1.0, count: 1.0 });
        assert!(PARAMS.pair(low, high, 2.0, 1, Bounds::FREE).is_some());
        assert_eq!(PARAMS.pair(high, low, 2.0, 1, Bounds::FREE), None);
        assert_eq!(PARAMS.pair(low, high, 2.0, -1, Bounds::FREE), None);
        let free = PARAMS.pair(low, high, 2.0, 0, Bounds::FREE).unwrap_or_default();
        let tight = PARAMS.pair(low, high, 2.0, 0, Bounds { low: -0.1, high: 0.1 }).unwrap_or_default();
        assert!(0.0 < tight && tight < free);
        let [left, right] = Bounds::FREE.of_children(1, -1.0, 2.0);
        assert_eq!((left.high, right.low), (0.5, 0.5));
        assert_eq!(Bounds::FREE.of_children(0, -1.0, 2.0), [Bounds::FREE; 2]);
    }

    #[test]
    fn paths_stay_within_their_groups() {
        assert_eq!(Interactions::Any.allowed(&[1, 2]), None);
        assert_eq!(Interactions::Distinct(2).allowed(&[4]), None);
        assert_eq!(Interactions::Distinct(2).allowed(&[4, 7]), Some(vec![4, 7]));
        let groups = Interactions::Groups(vec![vec![0, 1, 2], vec![2, 3], vec![5]]);
        assert_eq!(groups.allowed(&[]), Some(vec![0, 1, 2, 3, 5]));
        assert_eq!(groups.allowed(&[2]), Some(vec![0, 1, 2, 3]));
        assert_eq!(groups.allowed(&[1, 2]), Some(vec![0, 1, 2]));
        assert_eq!(groups.allowed(&[5]), Some(vec![5]));
    }
}
