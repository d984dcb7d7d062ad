//! A tree's groups of leaves with everything that their tables need.

use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::ensemble::{Child, Tree, TreeEnsemble};
use arsenal_core::{Error, Result};

use super::leaf::{Filling, Order, Scratch, Shares};
use super::paths::{self, Element, Group, Path, Step, Survey};
use super::quadrature::{Beta, Quadrature};
use super::sweep::Sweep;
use crate::trees::reader::{Block, Reader};

/// Rows of a background that are read together.
const BACKGROUND_ROWS: usize = 1024;

/// Patterns per leaf, on average, beyond which a tree is swept row by row instead of tabulated.
const MOST_PATTERNS: f64 = 256.0;

/// One tree.
#[derive(Clone, Debug)]
pub(super) struct Game {
    /// Its leaves in groups; none if it is swept.
    pub groups: Vec<GroupGame>,
    /// Set for a tree too deep for tables.
    pub sweep: Option<Sweep>,
    /// The first target that it adds to.
    pub first_target: usize,
}

/// Leaves that share a table.
#[derive(Clone, Debug)]
pub(super) struct GroupGame {
    /// As in [`Group`].
    pub bits: Vec<Vec<Step>>,
    leaves: Vec<LeafGame>,
    order: Order,
    /// Where each component of the group's sum belongs in a row of the result.
    pub places: Vec<usize>,
}

#[derive(Clone, Debug)]
struct LeafGame {
    /// One value per target, less the tree's expected value: constants explain nothing, and small numbers lose nothing.
    values: Vec<f64>,
    /// For each column on the way, the bits of the group's pattern that its conditions are.
    sources: Vec<Vec<(usize, bool)>>,
    filling: Filling,
    /// First component of each coefficient; the other targets follow.
    components: Vec<usize>,
}

/// The shape of a result: which numbers a row has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub order: Order,
    pub n_features: usize,
    pub n_targets: usize,
}

impl Shape {
    /// Numbers per row.
    pub fn n_places(self) -> usize {
        match self.order {
            Order::Values => self.n_features * self.n_targets,
            Order::Interactions => self.n_features * self.n_features * self.n_targets,
        }
    }

    /// Where coefficient `(i, j)` belongs for target 0; `i == j` is the column's own value. Of a pair only the upper triangle is filled.
    pub fn place(self, i: u32, j: u32) -> usize {
        let (i, j) = (i.min(j) as usize, i.max(j) as usize);
        self.n_targets
            * match self.order {
                Order::Values => i,
                Order::Interactions => i * self.n_features + j,
            }
    }
}

/// What fills in for columns that are not known.
#[derive(Clone, Copy)]
pub(super) struct Filler<'a, 't> {
    /// The rule of `n` nodes at place `n`.
    pub rules: &'a [Quadrature],
    /// The background and its number of rows; without one the training's shares fill in.
    pub background: Option<(&'a Reader<'a, 't>, usize)>,
}

impl Game {
    /// Tree `number` of an ensemble, which is expected to add `expected`.
    pub fn new(
        ensemble: &TreeEnsemble,
        number: usize,
        expected: &[f64],
        shape: Shape,
        filler: Filler<'_, '_>,
        stop: &AtomicBool,
    ) -> Result<Self> {
        let (tree, first_target) = (&ensemble.trees[number], ensemble.first_target(number));
        let Survey { longest, patterns } = paths::survey(tree);
        if filler.background.is_none() && shape.order == Order::Values && patterns > MOST_PATTERNS {
            let rule = &filler.rules[longest.div_ceil(2)];
            return Ok(Self { groups: Vec::new(), sweep: Some(Sweep::new(tree, rule, expected)), first_target });
        }
        let groups = paths::groups(tree);
        let fillings = if let Some((reader, n_rows)) = filler.background {
            other_rows(tree, &groups, reader, n_rows, stop)?
        } else {
            let filling = |path: &Path| Filling::Shares(shares(&path.elements, filler.rules));
            groups.iter().map(|group| group.paths.iter().map(filling).collect()).collect()
        };
        let groups = groups
            .into_iter()
            .zip(fillings)
            .map(|(group, fillings)| GroupGame::new(tree, group, fillings, shape, expected))
            .collect();
        Ok(Self { groups, sweep: None, first_target })
    }
}

/// What a tree adds to each of its targets where nothing is known of a row: the mean over the background, or over the training's shares.
pub(super) fn expected(
    tree: &Tree,
    width: usize,
    background: Option<(&Reader<'_, '_>, usize)>,
    stop: &AtomicBool,
) -> Result<Vec<f64>> {
    let Some((reader, n_rows)) = background else { return Ok(expected_by_shares(tree, width)) };
    let mut sums = vec![0.0; width];
    for first in (0..n_rows).step_by(BACKGROUND_ROWS) {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let block = reader.read(first..n_rows.min(first + BACKGROUND_ROWS));
        let is_left = sides(tree, &block);
        let leaf_of = |row: usize| {
            let mut at = tree.root;
            loop {
                match at {
                    Child::Leaf(leaf) => break leaf as usize,
                    Child::Split(split) => {
                        let split = split as usize;
                        at = paths::child(tree, Step { split, goes_left: is_left[split][row] == 1 });
                    }
                }
            }
        };
        for leaf in (0..block.n_rows).map(leaf_of) {
            for (sum, value) in sums.iter_mut().zip(values(tree, leaf, width)) {
                *sum += value;
            }
        }
    }
    Ok(sums.iter().map(|sum| sum / n_rows as f64).collect())
}

/// What a leaf adds to each of the tree's targets.
fn values(tree: &Tree, leaf: usize, width: usize) -> &[f64] {
    &tree.values[leaf * width..][..width]
}

/// The mean of a tree's leaves, each weighted by its share of the training rows.
fn expected_by_shares(tree: &Tree, width: usize) -> Vec<f64> {
    let mut below: Vec<Vec<f64>> = vec![Vec::new(); tree.splits.len()];
    let of = |node: Child, below: &[Vec<f64>]| match node {
        Child::Split(split) => below[split as usize].clone(),
        Child::Leaf(leaf) => values(tree, leaf as usize, width).to_vec(),
    };
    for (split, node) in tree.splits.iter().enumerate().rev() {
        let share = |goes_left| paths::share(tree, Step { split, goes_left });
        let (left, right) = (of(node.left, &below), of(node.right, &below));
        below[split] = left.iter().zip(right).map(|(left, right)| share(true) * left + share(false) * right).collect();
    }
    of(tree.root, &below)
}

fn shares(elements: &[Element], rules: &[Quadrature]) -> Shares {
    // A way of m columns makes polynomials of degree m − 1, which half as many nodes integrate.
    let shares: Vec<f64> = elements.iter().map(|element| element.share).collect();
    Shares::new(&shares, &rules[elements.len().div_ceil(2)])
}

/// For each leaf of each group the distinct patterns of the background's rows.
fn other_rows(
    tree: &Tree,
    groups: &[Group],
    reader: &Reader<'_, '_>,
    n_rows: usize,
    stop: &AtomicBool,
) -> Result<Vec<Vec<Filling>>> {
    // `patterns[leaf]` holds the words of one row after another.
    let leaves: Vec<(&Group, &Path)> =
        groups.iter().flat_map(|group| group.paths.iter().map(move |path| (group, path))).collect();
    let mut patterns: Vec<Vec<u64>> = vec![Vec::new(); leaves.len()];
    for first in (0..n_rows).step_by(BACKGROUND_ROWS) {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let block = reader.read(first..n_rows.min(first + BACKGROUND_ROWS));
        let is_left = sides(tree, &block);
        for ((group, path), patterns) in leaves.iter().zip(&mut patterns) {
            let meets = |row: usize, element: &Element| {
                element.sources.iter().all(|&(bit, wanted)| {
                    wanted == group.bits[bit].iter().all(|step| (is_left[step.split][row] == 1) == step.goes_left)
                })
            };
            for row in 0..block.n_rows {
                for elements in path.elements.chunks(64) {
                    let bits = elements.iter().enumerate().map(|(bit, element)| u64::from(meets(row, element)) << bit);
                    patterns.push(bits.fold(0, |word, bit| word | bit));
                }
            }
        }
    }
    let mut fillings = leaves.iter().zip(patterns).map(|((_, path), patterns)| {
        let n_words = path.elements.len().div_ceil(64);
        if n_words == 0 {
            return Filling::Rows(vec![(Vec::new(), 1.0)]);
        }
        let mut rows: Vec<&[u64]> = patterns.chunks_exact(n_words).collect();
        rows.sort_unstable();
        let distinct = rows.chunk_by(|a, b| a == b);
        Filling::Rows(distinct.map(|same| (same[0].to_vec(), same.len() as f64 / n_rows as f64)).collect())
    });
    Ok(groups.iter().map(|group| fillings.by_ref().take(group.paths.len()).collect()).collect())
}

/// For each split which rows of a block go left, as 0 and 1.
pub(super) fn sides(tree: &Tree, block: &Block) -> Vec<Vec<u8>> {
    let side = |split| {
        let mut is_left = vec![0; block.n_rows];
        block.goes_left(split, &mut is_left);
        is_left
    };
    tree.splits.iter().map(side).collect()
}

impl GroupGame {
    fn new(tree: &Tree, group: Group, fillings: Vec<Filling>, shape: Shape, expected: &[f64]) -> Self {
        let width = expected.len();
        // Each leaf's coefficients by where they belong; a component for each such place.
        let coefficients: Vec<Vec<usize>> = group
            .paths
            .iter()
            .map(|path| {
                let features: Vec<u32> = path.elements.iter().map(|element| element.feature).collect();
                let mut places: Vec<usize> = features.iter().map(|&feature| shape.place(feature, feature)).collect();
                if shape.order == Order::Interactions {
                    for (i, &first) in features.iter().enumerate() {
                        places.extend(features[i + 1..].iter().map(|&second| shape.place(first, second)));
                    }
                }
                places
            })
            .collect();
        let mut distinct = coefficients.concat();
        distinct.sort_unstable();
        distinct.dedup();
        let leaves = group
            .paths
            .into_iter()
            .zip(fillings)
            .zip(&coefficients)
            .map(|((path, filling), places)| LeafGame {
                values: values(tree, path.leaf, width).iter().zip(expected).map(|(v, expected)| v - expected).collect(),
                sources: path.elements.into_iter().map(|element| element.sources).collect(),
                filling,
                components: places.iter().map(|place| distinct.partition_point(|d| d < place) * width).collect(),
            })
            .collect();
        let places = distinct.iter().flat_map(|&place| (0..width).map(move |target| place + target)).collect();
        Self { bits: group.bits, leaves, order: shape.order, places }
    }

    /// Number of patterns, if they can be listed.
    pub fn n_patterns(&self) -> Option<usize> {
        (self.bits.len() <= MAX_TABLE_BITS).then(|| 1 << self.bits.len())
    }

    /// The group's sum for every pattern: `table[component << bits | pattern]`.
    pub fn table(&self, beta: &Beta) -> Vec<f64> {
        let n_patterns = 1 << self.bits.len();
        let mut table = vec![0.0; self.places.len() * n_patterns];
        let mut scratch = Scratch::default();
        for leaf in &self.leaves {
            let n = leaf.sources.len();
            leaf.filling.all_coefficients(n, self.order, beta, &mut scratch);
            let own = &scratch.coefficients;
            let patterns = leaf.patterns(n_patterns);
            for (coefficient, &component) in leaf.components.iter().enumerate() {
                for (target, &value) in leaf.values.iter().enumerate() {
                    let sums = &mut table[(component + target) * n_patterns..][..n_patterns];
                    for (sum, pattern) in sums.iter_mut().zip(&patterns) {
                        *sum += value * own[pattern * leaf.components.len() + coefficient];
                    }
                }
            }
        }
        table
    }

    /// The group's sum for one row, the same bits as the table's entry: `meets(bit)` says what the row's pattern is.
    pub fn entry(&self, meets: impl Fn(usize) -> bool, beta: &Beta, scratch: &mut Scratch, entry: &mut Vec<f64>) {
        entry.clear();
        entry.resize(self.places.len(), 0.0);
        let mut pattern = Vec::new();
        for leaf in &self.leaves {
            let n = leaf.sources.len();
            pattern.clear();
            pattern.resize(n.div_ceil(64), 0);
            for (place, sources) in leaf.sources.iter().enumerate() {
                let is_met = sources.iter().all(|&(bit, wanted)| meets(bit) == wanted);
                pattern[place / 64] |= u64::from(is_met) << (place % 64);
            }
            leaf.filling.coefficients(&pattern, n, self.order, beta, scratch);
            for (&coefficient, &component) in scratch.coefficients.iter().zip(&leaf.components) {
                for (target, &value) in leaf.values.iter().enumerate() {
                    entry[component + target] += value * coefficient;
                }
            }
        }
    }
}

/// Longest patterns that get a table.
const MAX_TABLE_BITS: usize = 12;

impl LeafGame {
    /// The leaf's own pattern within each of the group's.
    fn patterns(&self, n_patterns: usize) -> Vec<usize> {
        let mut patterns = vec![0; n_patterns];
        for (place, sources) in self.sources.iter().enumerate() {
            let asked: usize = sources.iter().map(|&(bit, _)| 1 << bit).sum();
            let wanted: usize = sources.iter().map(|&(bit, wanted)| usize::from(wanted) << bit).sum();
            for (pattern, own) in patterns.iter_mut().enumerate() {
                *own |= usize::from(pattern & asked == wanted) << place;
            }
        }
        patterns
    }
}
