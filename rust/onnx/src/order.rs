//! The order in which a tree's nodes are stored: from the root, left before right. Both file forms use it.
//!
//! It puts the true child right behind its parent, leaves from left to right, and parents before children, so that a reader may lay
//! nodes out in one pass. (onnxruntime lays them out anew anyway, with the false child behind the parent.)

use arsenal_core::ensemble::{Child, Tree};
use arsenal_core::{Result, value_error};

/// The nodes of tree number `t` from the root, left before right.
///
/// # Errors
/// If a child does not exist, comes before its parent, is reached twice or never, or leaves are not numbered from left to right.
pub fn preorder(t: usize, tree: &Tree) -> Result<Vec<Child>> {
    let mut order = Vec::with_capacity(tree.splits.len() + tree.n_leaves());
    let mut reached = vec![false; tree.splits.len()];
    let mut n_leaves = 0;
    let mut pending = vec![(None, tree.root)];
    while let Some((parent, node)) = pending.pop() {
        match node {
            Child::Split(split) => {
                let Some(branch) = tree.splits.get(split as usize) else {
                    return value_error!("tree {t} leads to split {split}, it has {}", tree.splits.len());
                };
                if parent.is_some_and(|parent| parent >= split) || reached[split as usize] {
                    return value_error!("tree {t}: split {split} must come after its one parent");
                }
                reached[split as usize] = true;
                pending.push((Some(split), branch.right));
                pending.push((Some(split), branch.left));
            }
            Child::Leaf(leaf) => {
                if leaf as usize != n_leaves || n_leaves == tree.n_leaves() {
                    return value_error!(
                        "tree {t}: leaf {leaf} of {} is reached where leaf {n_leaves} belongs, leaves are numbered from left to right",
                        tree.n_leaves()
                    );
                }
                n_leaves += 1;
            }
        }
        order.push(node);
    }
    if order.len() != tree.splits.len() + tree.n_leaves() {
        return value_error!(
            "tree {t} has {} splits and {} leaves, only {} of them are reached from its root",
            tree.splits.len(),
            tree.n_leaves(),
            order.len()
        );
    }
    Ok(order)
}
