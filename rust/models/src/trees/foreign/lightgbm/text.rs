//! The text as it stands: header, trees, and the two lines behind them that concern categories.

use std::collections::HashMap;
use std::str::FromStr;

use serde_json::Value;

use super::super::Read;

/// What a model text says.
pub struct Text<'a> {
    pub names: Vec<&'a str>,
    /// The header's `feature_infos`, one per feature.
    pub infos: Vec<&'a str>,
    /// Trees per iteration.
    pub n_targets: usize,
    pub objective: &'a str,
    /// Whether sums are divided by the number of iterations: random forests.
    pub is_average: bool,
    pub blocks: Vec<Block>,
    /// The parameter `categorical_feature`.
    pub categorical: Option<&'a str>,
    /// Categories of the pandas columns that had any, in the order of the columns.
    pub pandas: Vec<Vec<Value>>,
}

/// One tree.
pub struct Block {
    pub features: Vec<usize>,
    pub decisions: Vec<Decision>,
    pub left: Vec<i64>,
    pub right: Vec<i64>,
    pub gains: Vec<f64>,
    /// Numbers of training rows: what LightGBM's own Shapley values count by, rather than their hessians.
    pub covers: Vec<f64>,
    pub leaf_values: Vec<f64>,
    pub leaf_covers: Vec<f64>,
}

/// Which rows go left.
pub enum Decision {
    /// Up to the threshold.
    Number { threshold: f64, missing: Missing, default_left: bool },
    /// These categories, in rising order.
    Categories(Vec<u32>),
}

/// What counts as missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: NaN is 0.
    None,
    /// NaN, and zero.
    Zero,
    /// NaN.
    Nan,
}

/// The `key=value` lines of a part; a line without `=` has the value "".
type Section<'a> = HashMap<&'a str, &'a str>;

impl<'a> Text<'a> {
    /// Takes the text apart.
    pub fn read(text: &'a str) -> Read<Self> {
        if text.lines().next().map(str::trim_end) != Some("tree") {
            return Err("the first line is not \"tree\"".into());
        }
        let Some((body, tail)) = text.split_once("end of trees") else {
            return Err("there is no \"end of trees\", the text is cut off".into());
        };
        let mut parts = body.split("\nTree=");
        let header = section(parts.next().unwrap_or_default());
        let version = header.get("version").copied().unwrap_or_default();
        if !["v2", "v3", "v4"].contains(&version) {
            return Err(format!("the version is {version:?}, wanted v2, v3 or v4"));
        }
        let blocks = parts.enumerate().map(|(t, part)| {
            if part.lines().next().map(str::trim) != Some(t.to_string().as_str()) {
                return Err(format!("tree {t} is not where it belongs"));
            }
            Block::read(&section(part)).map_err(|message| format!("tree {t}: {message}"))
        });
        let blocks = blocks.collect::<Read<Vec<Block>>>()?;
        let n_targets = number(&header, "num_tree_per_iteration")?;
        if n_targets == 0 || blocks.is_empty() || !blocks.len().is_multiple_of(n_targets) {
            return Err(format!("there are {} trees, {n_targets} per iteration", blocks.len()));
        }
        let names: Vec<&str> = field(&header, "feature_names")?.split_ascii_whitespace().collect();
        let infos: Vec<&str> = field(&header, "feature_infos")?.split_ascii_whitespace().collect();
        let last: usize = number(&header, "max_feature_idx")?;
        for (what, len) in [("names", names.len()), ("infos", infos.len())] {
            if Some(len) != last.checked_add(1) {
                return Err(format!("there are {len} feature {what}, the last feature has the number {last}"));
            }
        }
        for (t, block) in blocks.iter().enumerate() {
            if let Some(feature) = block.features.iter().find(|feature| **feature >= names.len()) {
                return Err(format!("tree {t} splits feature {feature}, there are {}", names.len()));
            }
        }
        Ok(Self {
            names,
            infos,
            n_targets,
            objective: header.get("objective").copied().unwrap_or_default(),
            is_average: header.contains_key("average_output"),
            blocks,
            categorical: line(tail, "[categorical_feature:").map(|rest| rest.trim_end_matches(']').trim()),
            pandas: match line(tail, "pandas_categorical:") {
                None => vec![],
                Some(json) => serde_json::from_str::<Option<Vec<Vec<Value>>>>(json)
                    .map_err(|error| format!("pandas_categorical is no list of lists: {error}"))?
                    .unwrap_or_default(),
            },
        })
    }
}

/// What follows `start` on the line that begins so.
fn line<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(start))
}

impl Block {
    fn read(section: &Section<'_>) -> Read<Self> {
        if section.get("is_linear").is_some_and(|value| value.trim() != "0") {
            return Err("linear trees (linear_tree=true) are not supported, their leaves are no constants".into());
        }
        let n_leaves: usize = number(section, "num_leaves")?;
        let leaf_values = finite(section, "leaf_value", n_leaves)?;
        let Some(n_splits) = n_leaves.checked_sub(1) else {
            return Err("it has no leaf".into());
        };
        if n_splits == 0 {
            let nothing = Vec::new;
            return Ok(Self {
                features: vec![],
                decisions: vec![],
                left: vec![],
                right: vec![],
                gains: nothing(),
                covers: nothing(),
                leaf_values,
                leaf_covers: vec![0.0],
            });
        }
        let thresholds = numbers::<f64>(section, "threshold", n_splits)?;
        let types = numbers::<u8>(section, "decision_type", n_splits)?;
        let mut sets = sets(section)?;
        let decisions = types.iter().zip(thresholds).map(|(bits, threshold)| decision(*bits, threshold, &mut sets));
        Ok(Self {
            features: numbers(section, "split_feature", n_splits)?,
            decisions: decisions.collect::<Read<_>>()?,
            left: numbers(section, "left_child", n_splits)?,
            right: numbers(section, "right_child", n_splits)?,
            gains: numbers_or_zeros(section, "split_gain", n_splits)?,
            covers: numbers_or_zeros(section, "internal_count", n_splits)?,
            leaf_values,
            leaf_covers: numbers_or_zeros(section, "leaf_count", n_leaves)?,
        })
    }
}

fn decision(bits: u8, threshold: f64, sets: &mut [Option<Vec<u32>>]) -> Read<Decision> {
    if bits & 1 == 1 {
        // A set's number stands where other nodes have their threshold; as casts do, this one saturates. No two nodes share a set:
        // a small file must not become a large model.
        let n_sets = sets.len();
        let set = sets.get_mut(threshold as usize).filter(|_| threshold >= 0.0).and_then(Option::take);
        let missing =
            || format!("a split names the set of categories {threshold}; there are {n_sets}, each for one split");
        return set.map(Decision::Categories).ok_or_else(missing);
    }
    if threshold.is_nan() {
        return Err("a threshold is NaN".into());
    }
    let missing = match bits >> 2 {
        0 => Missing::None,
        1 => Missing::Zero,
        2 => Missing::Nan,
        other => return Err(format!("a split has the missing type {other}, wanted 0, 1 or 2")),
    };
    Ok(Decision::Number { threshold, missing, default_left: bits & 2 == 2 })
}

/// The sets of categories, from bits in words of 32.
fn sets(section: &Section<'_>) -> Read<Vec<Option<Vec<u32>>>> {
    let n_sets: usize = if section.contains_key("num_cat") { number(section, "num_cat")? } else { 0 };
    if n_sets == 0 {
        return Ok(vec![]);
    }
    let ends = numbers::<usize>(section, "cat_boundaries", n_sets.saturating_add(1))?;
    let words = numbers::<u32>(section, "cat_threshold", ends[n_sets])?;
    if ends[0] != 0 || !ends.is_sorted() {
        return Err("cat_boundaries do not rise from 0".into());
    }
    let set = |range: &[usize]| {
        let words = &words[range[0]..range[1]];
        let bits =
            words.iter().enumerate().take(1 << 26).flat_map(|(w, &word)| {
                (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| w as u32 * 32 + bit)
            });
        Some(bits.collect())
    };
    Ok(ends.windows(2).map(set).collect())
}

fn section(text: &str) -> Section<'_> {
    text.lines().map(str::trim_end).map(|line| line.split_once('=').unwrap_or((line, ""))).collect()
}

fn field<'a>(section: &Section<'a>, key: &str) -> Read<&'a str> {
    section.get(key).copied().ok_or_else(|| format!("{key} is missing"))
}

fn number<T: FromStr>(section: &Section<'_>, key: &str) -> Read<T> {
    let value = field(section, key)?;
    value.trim().parse().map_err(|_| format!("{key} is {value:?}, wanted a number"))
}

/// As many numbers as wanted.
fn numbers<T: FromStr>(section: &Section<'_>, key: &str, wanted: usize) -> Read<Vec<T>> {
    let words = field(section, key)?.split_ascii_whitespace();
    let parsed = words.map(|word| word.parse().map_err(|_| format!("{key} holds {word:?}, which is no such number")));
    let values = parsed.collect::<Read<Vec<T>>>()?;
    if values.len() != wanted {
        return Err(format!("{key} holds {} numbers, wanted {wanted}", values.len()));
    }
    Ok(values)
}

fn finite(section: &Section<'_>, key: &str, wanted: usize) -> Read<Vec<f64>> {
    let values = numbers::<f64>(section, key, wanted)?;
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(format!("{key} holds {value}")),
        None => Ok(values),
    }
}

/// As many numbers as wanted, or zeros where an older version does not write them. `wanted` has been checked against other numbers.
fn numbers_or_zeros(section: &Section<'_>, key: &str, wanted: usize) -> Read<Vec<f64>> {
    if section.contains_key(key) { numbers(section, key, wanted) } else { Ok(vec![0.0; wanted]) }
}
