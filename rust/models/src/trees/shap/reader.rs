//! Blocks of a table's rows as the conditions of a fitted ensemble compare them.

use std::collections::HashMap;
use std::ops::Range;

use arsenal_core::ensemble::{Condition, Dtype, FeatureKind, Split, TreeEnsemble, ZERO};
use arsenal_core::table::{Column, Table};
use arsenal_core::{Result, value_error};
use arsenal_simd::paths::at_most;

use crate::trees::values;

/// Reads a particular table for a particular ensemble.
pub(super) struct Reader<'a, 't> {
    table: &'a Table<'t>,
    columns: Vec<Reading>,
    dtype: Dtype,
}

/// What becomes of one column's values.
enum Reading {
    /// No tree asks for the column.
    Unused,
    /// Numbers as they are.
    Numbers,
    /// Numbers rounded to the nearest float32.
    Rounded,
    /// Numbers, of which those next to zero are missing.
    ZeroIsMissing,
    /// Numbers as codes of the model's categories.
    NumberCodes(HashMap<u64, f64>),
    /// The same of their whole parts, where they lie above a number.
    WholeCodes(HashMap<u64, f64>, f64),
    /// Code of the model's category for each code of the table's own column.
    TextCodes(Vec<f64>),
}

/// Some consecutive rows: `columns[column][row]` is a number, or the code of a category.
pub(super) struct Block {
    columns: Vec<Vec<f64>>,
    pub n_rows: usize,
}

impl<'a, 't> Reader<'a, 't> {
    /// # Errors
    /// `Value` if the table has another number of columns than the model, or text where numbers were or the reverse.
    pub fn new(ensemble: &TreeEnsemble, table: &'a Table<'t>) -> Result<Self> {
        if table.n_columns() != ensemble.features.len() {
            return value_error!(
                "X has {} columns, the model was fitted with {}",
                table.n_columns(),
                ensemble.features.len()
            );
        }
        let mut is_used = vec![false; ensemble.features.len()];
        ensemble.trees.iter().flat_map(|tree| &tree.splits).for_each(|split| is_used[split.feature as usize] = true);
        let mut columns = Vec::with_capacity(is_used.len());
        for (column, (feature, is_used)) in ensemble.features.iter().zip(is_used).enumerate() {
            let texts = match table {
                Table::Columns(columns) => match columns[column] {
                    Column::Category(texts) => Some(texts),
                    _ => None,
                },
                _ => None,
            };
            columns.push(match (&feature.kind, texts) {
                (FeatureKind::StringCategories(_), None) => {
                    return value_error!("column {column} holds numbers, the model was fitted with text there");
                }
                (FeatureKind::StringCategories(_), Some(_)) | (_, None) if !is_used => Reading::Unused,
                (FeatureKind::StringCategories(levels), Some(texts)) => {
                    let codes: HashMap<&str, f64> =
                        levels.iter().zip(1..).map(|(level, code)| (level.as_str(), f64::from(code))).collect();
                    let of_level = |level: &String| codes.get(level.as_str()).copied().unwrap_or(0.0);
                    // No text has the code 0, and is a category of some models that were learned elsewhere.
                    let none = of_level(&String::new());
                    Reading::TextCodes(std::iter::once(none).chain(texts.levels.iter().map(of_level)).collect())
                }
                (_, Some(_)) => {
                    return value_error!("column {column} holds text, the model was fitted with numbers there");
                }
                (FeatureKind::Numeric, None) => Reading::Numbers,
                (FeatureKind::Float32, None) => Reading::Rounded,
                (FeatureKind::ZeroIsMissing, None) => Reading::ZeroIsMissing,
                (FeatureKind::NumericCategories(values), None) => Reading::NumberCodes(codes(values)),
                (FeatureKind::WholeCategories { values, above }, None) => Reading::WholeCodes(codes(values), *above),
            });
        }
        Ok(Self { table, columns, dtype: ensemble.dtype })
    }

    /// The rows in `rows`. O(rows · columns); of a sparse table no other row becomes dense.
    pub fn read(&self, rows: Range<usize>) -> Block {
        let mut columns: Vec<Vec<f64>> = self
            .columns
            .iter()
            .map(|reading| if matches!(reading, Reading::Unused) { Vec::new() } else { vec![0.0; rows.len()] })
            .collect();
        if let Table::Csr(csr) = self.table {
            for (place, row) in rows.clone().enumerate() {
                for (column, value) in csr.row(row) {
                    if let Some(number) = columns[column].get_mut(place) {
                        *number = value;
                    }
                }
            }
        }
        for (column, (reading, out)) in self.columns.iter().zip(&mut columns).enumerate() {
            match (reading, self.table) {
                (Reading::Unused, _) | (_, Table::Csr(_)) => {}
                (Reading::TextCodes(codes), Table::Columns(columns)) => {
                    if let Column::Category(texts) = columns[column] {
                        let codes = texts.codes[rows.clone()].iter().map(|&code| codes[code as usize]);
                        out.iter_mut().zip(codes).for_each(|(out, code)| *out = code);
                    }
                }
                _ => values::read(self.table, column, rows.clone(), out),
            }
            let code = |codes: &HashMap<u64, f64>, value: f64| codes.get(&bits(value)).copied().unwrap_or(0.0);
            match reading {
                Reading::Unused | Reading::Numbers | Reading::TextCodes(_) => {}
                Reading::Rounded => out.iter_mut().for_each(|value| *value = f64::from(*value as f32)),
                Reading::ZeroIsMissing => {
                    out.iter_mut().filter(|value| value.abs() <= ZERO).for_each(|value| *value = f64::NAN);
                }
                Reading::NumberCodes(codes) => {
                    for value in out {
                        // A model of single precision knows its categories as single-precision numbers.
                        let known = if self.dtype == Dtype::F32 { f64::from(*value as f32) } else { *value };
                        *value = code(codes, known);
                    }
                }
                Reading::WholeCodes(codes, above) => {
                    for value in out {
                        *value = if *value <= *above { 0.0 } else { code(codes, value.trunc()) };
                    }
                }
            }
        }
        Block { columns, n_rows: rows.len() }
    }
}

/// The code of each category by what identifies it.
fn codes(values: &[f64]) -> HashMap<u64, f64> {
    values.iter().zip(1..).map(|(value, code)| (bits(*value), f64::from(code))).collect()
}

/// What identifies a number; −0.0 and 0.0 are one, and so is every NaN.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

impl Block {
    /// 1 for each row that goes left at `split`, else 0.
    pub fn goes_left(&self, split: &Split, is_left: &mut [u8]) {
        let values = &self.columns[split.feature as usize];
        match &split.condition {
            Condition::AtMost { threshold, missing_left } => at_most(values, *threshold, *missing_left, is_left),
            Condition::Among { codes } => {
                let mut is_among = vec![0; codes.last().map_or(1, |&code| code as usize + 1)];
                for &code in codes {
                    is_among[code as usize] = 1;
                }
                for (is_left, &code) in is_left.iter_mut().zip(values) {
                    *is_left = is_among.get(code as usize).copied().unwrap_or(0);
                }
            }
        }
    }
}
