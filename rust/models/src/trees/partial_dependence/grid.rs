//! A grid over few columns, and which of its cells come to each leaf of a tree.

use std::ops::Range;
use std::sync::Arc;

use arsenal_core::ensemble::{Child, Tree, TreeEnsemble};
use arsenal_core::{Result, value_error};

use crate::trees::reader::{Values, goes_left, read_values};

/// All combinations of some columns' values; the last column's run fastest.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Each column's values as conditions compare them.
    axes: Vec<Vec<f64>>,
    /// Which axis a column of the model is.
    axis_of: Vec<Option<usize>>,
    pub n_cells: usize,
}

/// Places on an axis, as runs of neighbours.
type Runs = Arc<[Range<usize>]>;

impl Grid {
    pub fn new(ensemble: &TreeEnsemble, axes: &[(usize, Values)]) -> Result<Self> {
        let mut grid = Self { axes: Vec::new(), axis_of: vec![None; ensemble.features.len()], n_cells: 1 };
        for (column, values) in axes {
            match grid.axis_of.get_mut(*column) {
                None => return value_error!("column is {column}, the model has {}", ensemble.features.len()),
                Some(Some(_)) => return value_error!("column {column} is in the grid twice"),
                Some(axis) => *axis = Some(grid.axes.len()),
            }
            let values = read_values(ensemble, *column, values)?;
            grid.n_cells = match grid.n_cells.checked_mul(values.len()) {
                Some(0) => return value_error!("column {column} has no values in the grid, wanted at least 1"),
                Some(n_cells) if n_cells <= MOST_CELLS => n_cells,
                _ => return value_error!("the grid has more than {MOST_CELLS} cells: give it fewer values or columns"),
            };
            grid.axes.push(values);
        }
        if axes.is_empty() {
            return value_error!("the grid has no column, wanted at least 1");
        }
        Ok(grid)
    }

    /// Whether the grid says what a column is.
    pub fn has(&self, column: u32) -> bool {
        self.axis_of[column as usize].is_some()
    }

    /// Finds the cells of every leaf. O(splits on the grid's columns · values).
    pub fn reach(&self, tree: &Tree) -> Reach {
        let mut leaves = vec![Vec::new(); tree.n_leaves()];
        let whole: Vec<Runs> = self.axes.iter().map(|values| std::iter::once(0..values.len()).collect()).collect();
        let mut open = vec![(tree.root, whole)];
        while let Some((node, sets)) = open.pop() {
            match node {
                Child::Leaf(leaf) => leaves[leaf as usize] = sets,
                Child::Split(split) => {
                    let split = &tree.splits[split as usize];
                    let Some(axis) = self.axis_of[split.feature as usize] else {
                        open.extend([(split.left, sets.clone()), (split.right, sets)]);
                        continue;
                    };
                    let mut is_left = vec![0; self.axes[axis].len()];
                    goes_left(&split.condition, &self.axes[axis], &mut is_left);
                    for (child, side) in [(split.left, 1), (split.right, 0)] {
                        let kept = kept(&sets[axis], |place| is_left[place] == side);
                        if !kept.is_empty() {
                            let mut sets = sets.clone();
                            sets[axis] = Arc::from(kept);
                            open.push((child, sets));
                        }
                    }
                }
            }
        }
        Reach { leaves }
    }

    /// Hands on the cells of a leaf as runs of neighbours.
    pub fn each_run(&self, reach: &Reach, leaf: usize, visit: &mut impl FnMut(Range<usize>)) {
        let sets = &reach.leaves[leaf];
        if !sets.is_empty() {
            nested(sets, &self.axes, 0, visit);
        }
    }
}

/// Cells of a grid; each costs at least the eight bytes of its answer.
const MOST_CELLS: usize = 1 << 32;

/// The cells that come to each leaf: one set of places per axis, all combinations of which do; no set where no cell does.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    leaves: Vec<Vec<Runs>>,
}

/// The places among `runs` that `is_kept` holds for.
fn kept(runs: &[Range<usize>], is_kept: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut kept: Vec<Range<usize>> = Vec::new();
    for place in runs.iter().cloned().flatten().filter(|&place| is_kept(place)) {
        match kept.last_mut() {
            Some(run) if run.end == place => run.end += 1,
            _ => kept.push(place..place + 1),
        }
    }
    kept
}

/// Runs of cells below the one numbered `above` of the axes before these.
fn nested(sets: &[Runs], axes: &[Vec<f64>], above: usize, visit: &mut impl FnMut(Range<usize>)) {
    let first = above * axes[0].len();
    for run in sets[0].iter() {
        if sets.len() == 1 {
            visit(first + run.start..first + run.end);
        } else {
            run.clone().for_each(|place| nested(&sets[1..], &axes[1..], first + place, visit));
        }
    }
}
