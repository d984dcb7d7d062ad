//! How each column is read: what all of its splits have in common.

use std::collections::BTreeSet;

use arsenal_core::ensemble::FeatureKind;
use serde_json::Value;

use super::super::Read;
use super::text::{Decision, Missing, Text};

/// One column.
pub struct Column {
    pub kind: FeatureKind,
    /// The categories that have the codes 1, 2, …, in rising order; for pandas' categories all up to their number.
    categories: Categories,
}

enum Categories {
    None,
    Listed(Vec<u32>),
    UpTo(usize),
}

impl Column {
    /// The code of a category, if the column can have it.
    pub fn code(&self, category: u32) -> Option<u32> {
        match &self.categories {
            Categories::None => None,
            Categories::Listed(listed) => listed.binary_search(&category).ok().map(|place| place as u32 + 1),
            Categories::UpTo(n) => ((category as usize) < *n).then_some(category + 1),
        }
    }
}

/// What the splits of a column do.
#[derive(Clone, Default)]
struct Seen {
    zero_is_missing: bool,
    zero_is_a_number: bool,
    /// The categories that any set of the column has.
    categories: BTreeSet<u32>,
    has_sets: bool,
}

/// Finds out how each column is read.
pub fn columns(text: &Text<'_>) -> Read<Vec<Column>> {
    let mut seen = vec![Seen::default(); text.names.len()];
    for block in &text.blocks {
        for (&feature, decision) in block.features.iter().zip(&block.decisions) {
            let seen = &mut seen[feature];
            match decision {
                Decision::Number { missing: Missing::Zero, .. } => seen.zero_is_missing = true,
                Decision::Number { .. } => seen.zero_is_a_number = true,
                Decision::Categories(set) => {
                    seen.has_sets = true;
                    seen.categories.extend(set);
                }
            }
        }
    }
    let mut levels = pandas_levels(text)?;
    seen.into_iter().enumerate().map(|(index, seen)| column(text.names[index], seen, levels[index].take())).collect()
}

fn column(name: &str, seen: Seen, levels: Option<FeatureKind>) -> Read<Column> {
    if u8::from(seen.zero_is_missing) + u8::from(seen.zero_is_a_number) + u8::from(seen.has_sets) > 1 {
        return Err(format!(
            "column {name:?} is read in two ways: it was learned with different settings of zero_as_missing or \
             categorical_feature"
        ));
    }
    if let Some(kind) = levels {
        if seen.zero_is_missing || seen.zero_is_a_number {
            return Err(format!("column {name:?} has pandas categories and thresholds"));
        }
        let categories = Categories::UpTo(kind.n_categories().unwrap_or(0));
        return Ok(Column { kind, categories });
    }
    if seen.has_sets {
        let listed: Vec<u32> = seen.categories.into_iter().collect();
        let values = listed.iter().copied().map(f64::from).collect();
        let kind = FeatureKind::WholeCategories { values, above: -1.0 };
        return Ok(Column { kind, categories: Categories::Listed(listed) });
    }
    let kind = if seen.zero_is_missing { FeatureKind::ZeroIsMissing } else { FeatureKind::Numeric };
    Ok(Column { kind, categories: Categories::None })
}

/// The categories of the columns that pandas gave. The text lists them without the columns' names; they belong to the categorical
/// features in turn.
fn pandas_levels(text: &Text<'_>) -> Read<Vec<Option<FeatureKind>>> {
    let mut levels = vec![None; text.names.len()];
    if text.pandas.is_empty() {
        return Ok(levels);
    }
    let columns = categorical_columns(text)?;
    if columns.len() != text.pandas.len() {
        return Err(format!(
            "pandas had {} category columns, {} features are categorical: which is which cannot be told",
            text.pandas.len(),
            columns.len()
        ));
    }
    for (column, values) in columns.into_iter().zip(&text.pandas) {
        let kind = levels_kind(values).ok_or_else(|| {
            format!("the categories of column {:?} are neither all text nor all numbers", text.names[column])
        })?;
        if matches!(&kind, FeatureKind::StringCategories(levels) if levels.iter().any(String::is_empty)) {
            return Err(format!(
                "column {:?} has the empty string among its categories, which would be missing",
                text.names[column]
            ));
        }
        levels[column] = Some(kind);
    }
    Ok(levels)
}

/// The categorical features in rising order, from the parameters or else from what the header says of each feature.
fn categorical_columns(text: &Text<'_>) -> Read<Vec<usize>> {
    let Some(listed) = text.categorical.filter(|listed| !listed.is_empty()) else {
        // "[0:1]" is the range of numbers, "0:1:2" are categories.
        let is_list = |info: &str| !info.starts_with('[') && info != "none";
        return Ok((0..text.infos.len()).filter(|&column| is_list(text.infos[column])).collect());
    };
    let parse = |word: &str| word.trim().parse().ok().filter(|column| *column < text.names.len());
    let columns: Option<BTreeSet<usize>> = listed.split(',').map(parse).collect();
    let columns = columns.ok_or_else(|| format!("the parameter categorical_feature is {listed:?}"))?;
    Ok(columns.into_iter().collect())
}

fn levels_kind(values: &[Value]) -> Option<FeatureKind> {
    if values.iter().all(Value::is_string) {
        let text = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        return Some(FeatureKind::StringCategories(text));
    }
    let number = |value: &Value| value.as_f64().or_else(|| value.as_bool().map(|is_true| f64::from(u8::from(is_true))));
    values.iter().map(number).collect::<Option<Vec<f64>>>().map(FeatureKind::NumericCategories)
}
