//! Grown trees in terms of values, and conditions back in terms of bins.

use arsenal_core::ensemble::{Child, Condition, Split, Tree};

use super::binning::ColumnBins;
use super::grow::{Branch, GrownSplit};
use super::split::BinCondition;

/// A grown tree in terms of values, with what its leaves add and cover.
pub(super) fn to_tree(
    root: Branch,
    splits: &[GrownSplit],
    columns: &[ColumnBins],
    values: Vec<f64>,
    covers: Vec<f64>,
) -> Tree {
    let child = |branch: Branch| match branch {
        Branch::Split(split) => Child::Split(split as u32),
        Branch::Leaf(leaf) => Child::Leaf(leaf as u32),
    };
    let mut split_covers = vec![0.0; splits.len()];
    for (split, grown) in splits.iter().enumerate().rev() {
        split_covers[split] = grown
            .children
            .iter()
            .map(|branch| match *branch {
                Branch::Split(below) => split_covers[below],
                Branch::Leaf(leaf) => covers[leaf],
            })
            .sum();
    }
    let splits = splits.iter().zip(&split_covers).map(|(split, &cover)| Split {
        feature: split.column as u32,
        condition: of_values(split.condition, &columns[split.column]),
        left: child(split.children[0]),
        right: child(split.children[1]),
        gain: split.gain,
        cover,
    });
    Tree { root: child(root), splits: splits.collect(), values, covers }
}

fn of_values(condition: BinCondition, bins: &ColumnBins) -> Condition {
    match (condition, bins) {
        (BinCondition::AtMost { bin, missing_left }, ColumnBins::Bounds(bounds)) => {
            let threshold = bounds.get(usize::from(bin) - 1).copied().unwrap_or(f64::INFINITY);
            Condition::AtMost { threshold, missing_left }
        }
        (BinCondition::AtMost { .. }, _) => unreachable!("categories are split by sets"),
        (BinCondition::Among(set), _) => Condition::Among {
            codes: (1..256).filter(|&code: &u32| set[code as usize / 64] >> (code % 64) & 1 == 1).collect(),
        },
    }
}

/// The condition on values as one on bins.
pub(super) fn of_bins(condition: &Condition, bins: &ColumnBins) -> BinCondition {
    match (condition, bins) {
        (Condition::AtMost { threshold, missing_left }, ColumnBins::Bounds(bounds)) => {
            let bin = 1 + bounds.partition_point(|bound| bound < threshold);
            BinCondition::AtMost { bin: bin as u16, missing_left: *missing_left }
        }
        (Condition::AtMost { .. }, _) => unreachable!("categories are split by sets"),
        (Condition::Among { codes }, _) => {
            let mut set = [0; 4];
            for &code in codes {
                set[code as usize / 64] |= 1 << (code % 64);
            }
            BinCondition::Among(set)
        }
    }
}
