//! Columns of categories: whole numbers, or what the training table called them.

use std::collections::BTreeSet;

use arsenal_core::ensemble::FeatureKind;

use super::super::Read;
use super::file::{Encoding, Forest};

/// XGBoost's categories are less than this.
const MOST_CATEGORIES: i64 = 1 << 24;

/// One column.
pub struct Column {
    pub kind: FeatureKind,
    /// The categories that have the codes 1, 2, …; for named ones all up to their number.
    categories: Categories,
    /// What a missing value has, behind all others.
    missing: u32,
}

enum Categories {
    Listed(Vec<i64>),
    UpTo(usize),
}

impl Column {
    /// The codes of a set of categories, rising, and with the missing value's if that goes the same way.
    pub fn codes(&self, set: &[i64], with_missing: bool) -> Vec<u32> {
        let code = |category: &i64| match &self.categories {
            Categories::Listed(listed) => listed.binary_search(category).ok().map(|place| place as u32 + 1),
            Categories::UpTo(n) => usize::try_from(*category).ok().filter(|c| c < n).map(|c| c as u32 + 1),
        };
        let codes: BTreeSet<u32> = set.iter().filter_map(code).chain(with_missing.then_some(self.missing)).collect();
        codes.into_iter().collect()
    }
}

/// Finds out how each column is read.
pub fn columns(names: &[String], types: &[String], forest: &Forest) -> Read<Vec<Column>> {
    let mut members: Vec<BTreeSet<i64>> = vec![BTreeSet::new(); names.len()];
    let mut has_sets = vec![false; names.len()];
    let mut has_thresholds = vec![false; names.len()];
    for (t, tree) in forest.trees.iter().enumerate() {
        let sets = tree.check().and_then(|_| tree.sets()).map_err(|message| format!("tree {t}: {message}"))?;
        for (node, &feature) in tree.split_indices.iter().enumerate().filter(|(node, _)| tree.left_children[*node] >= 0)
        {
            let feature = feature as usize;
            if feature >= names.len() {
                return Err(format!("tree {t} splits feature {feature}, there are {}", names.len()));
            }
            match sets.get(&node) {
                Some(set) => {
                    has_sets[feature] = true;
                    members[feature].extend(set.iter().filter(|category| (0..MOST_CATEGORIES).contains(*category)));
                }
                None => has_thresholds[feature] = true,
            }
        }
    }
    let encodings = forest.cats.as_ref().map_or(&[][..], |cats| &cats.enc);
    let columns = names.iter().zip(members).enumerate().map(|(index, (name, members))| {
        let encoding = encodings.get(index).filter(|encoding| !encoding.values.is_empty());
        let is_category = has_sets[index] || types.get(index).is_some_and(|kind| kind == "c");
        if has_thresholds[index] && (has_sets[index] || encoding.is_some()) {
            return Err(format!("column {name:?} is split by categories and by thresholds"));
        }
        Ok(match encoding {
            Some(encoding) => {
                named(encoding).map_err(|message| format!("the categories of column {name:?}: {message}"))?
            }
            None if is_category => whole(members.into_iter().collect()),
            None => Column { kind: FeatureKind::Numeric, categories: Categories::UpTo(0), missing: 0 },
        })
    });
    columns.collect()
}

fn whole(listed: Vec<i64>) -> Column {
    let values = listed.iter().map(|category| *category as f64).chain([f64::NAN]).collect();
    // A negative number is no category, not even one that would be cut to 0.
    let above = f64::from(0.0_f32.next_down());
    let missing = listed.len() as u32 + 1;
    Column { kind: FeatureKind::WholeCategories { values, above }, categories: Categories::Listed(listed), missing }
}

fn named(encoding: &Encoding) -> Read<Column> {
    let kind = match &encoding.offsets {
        None => FeatureKind::NumericCategories(encoding.values.iter().copied().chain([f64::NAN]).collect()),
        Some(offsets) => {
            let mut levels = texts(offsets, &encoding.values)?;
            if levels.iter().any(String::is_empty) {
                return Err("the empty string is one of them, which would be missing".into());
            }
            // XGBoost 3.2 counts the characters of pandas' names where it should count bytes, and cuts such names off.
            if let Some(name) = levels.iter().find(|name| !name.is_ascii()) {
                return Err(format!("{name:?} is not ASCII; XGBoost cuts such names off as it saves them"));
            }
            levels.push(String::new());
            FeatureKind::StringCategories(levels)
        }
    };
    let n = kind.n_categories().unwrap_or(1) - 1;
    Ok(Column { kind, categories: Categories::UpTo(n), missing: n as u32 + 1 })
}

/// Text out of its bytes, which the file has as numbers of -128..256.
fn texts(offsets: &[u32], bytes: &[f64]) -> Read<Vec<String>> {
    let bytes: Vec<u8> = bytes.iter().map(|byte| *byte as i64 as u8).collect();
    let text = |range: &[u32]| {
        let bytes = bytes.get(range[0] as usize..range[1] as usize).ok_or("an offset leads out of the bytes")?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "one is not UTF-8".to_owned())
    };
    offsets.windows(2).map(text).collect()
}
