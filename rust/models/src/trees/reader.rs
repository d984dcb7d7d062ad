//! Blocks of a table's rows as the conditions of a fitted ensemble compare them.

use std::collections::HashMap;
use std::ops::Range;

use arsenal_core::ensemble::{Condition, Dtype, FeatureKind, Split, TreeEnsemble, ZERO};
use arsenal_core::table::{CategoryColumn, Column, Table};
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

/// Values of one column.
#[derive(Clone, Debug)]
pub enum Values {
    /// Numbers; NaN is missing.
    Numbers(Vec<f64>),
    /// Text.
    Texts(CategoryColumn),
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
            columns.push(Reading::new(column, &feature.kind, texts, is_used)?);
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
            reading.convert(out, self.dtype);
        }
        Block { columns, n_rows: rows.len() }
    }
}

impl Reading {
    fn new(column: usize, kind: &FeatureKind, texts: Option<&CategoryColumn>, is_used: bool) -> Result<Self> {
        Ok(match (kind, texts) {
            (FeatureKind::StringCategories(_), None) => {
                return value_error!("column {column} holds numbers, the model was fitted with text there");
            }
            (FeatureKind::StringCategories(_), Some(_)) | (_, None) if !is_used => Self::Unused,
            (FeatureKind::StringCategories(levels), Some(texts)) => {
                let codes: HashMap<&str, f64> =
                    levels.iter().zip(1..).map(|(level, code)| (level.as_str(), f64::from(code))).collect();
                let of_level = |level: &String| codes.get(level.as_str()).copied().unwrap_or(0.0);
                // No text has the code 0, and is a category of some models that were learned elsewhere.
                let none = of_level(&String::new());
                Self::TextCodes(std::iter::once(none).chain(texts.levels.iter().map(of_level)).collect())
            }
            (_, Some(_)) => {
                return value_error!("column {column} holds text, the model was fitted with numbers there");
            }
            (FeatureKind::Numeric, None) => Self::Numbers,
            (FeatureKind::Float32, None) => Self::Rounded,
            (FeatureKind::ZeroIsMissing, None) => Self::ZeroIsMissing,
            (FeatureKind::NumericCategories(values), None) => Self::NumberCodes(codes(values)),
            (FeatureKind::WholeCategories { values, above }, None) => Self::WholeCodes(codes(values), *above),
        })
    }

    /// Numbers of the table become what conditions compare.
    fn convert(&self, numbers: &mut [f64], dtype: Dtype) {
        let code = |codes: &HashMap<u64, f64>, value: f64| codes.get(&bits(value)).copied().unwrap_or(0.0);
        match self {
            Self::Unused | Self::Numbers | Self::TextCodes(_) => {}
            Self::Rounded => numbers.iter_mut().for_each(|value| *value = f64::from(*value as f32)),
            Self::ZeroIsMissing => {
                numbers.iter_mut().filter(|value| value.abs() <= ZERO).for_each(|value| *value = f64::NAN);
            }
            Self::NumberCodes(codes) => {
                for value in numbers {
                    // A model of single precision knows its categories as single-precision numbers.
                    let known = if dtype == Dtype::F32 { f64::from(*value as f32) } else { *value };
                    *value = code(codes, known);
                }
            }
            Self::WholeCodes(codes, above) => {
                for value in numbers {
                    *value = if *value <= *above { 0.0 } else { code(codes, value.trunc()) };
                }
            }
        }
    }
}

/// Values of one column alone, as conditions compare them.
///
/// # Errors
/// `Value` if they are text where the model was fitted with numbers, or the reverse.
pub(super) fn read_values(ensemble: &TreeEnsemble, column: usize, values: &Values) -> Result<Vec<f64>> {
    let kind = &ensemble.features[column].kind;
    match values {
        Values::Numbers(numbers) => {
            let mut numbers = numbers.clone();
            Reading::new(column, kind, None, true)?.convert(&mut numbers, ensemble.dtype);
            Ok(numbers)
        }
        Values::Texts(texts) => match Reading::new(column, kind, Some(texts), true)? {
            Reading::TextCodes(codes) => Ok(texts.codes.iter().map(|&code| codes[code as usize]).collect()),
            _ => unreachable!("text has codes"),
        },
    }
}

/// The numbers of one column of a table, NaN where they are missing; `None` if it holds text. O(rows), of a sparse table O(entries).
///
/// # Panics
/// If the table has no such column.
pub fn column_numbers(table: &Table<'_>, column: usize) -> Option<Vec<f64>> {
    let mut numbers = vec![0.0; table.n_rows()];
    match table {
        Table::Columns(columns) if matches!(columns[column], Column::Category(_)) => return None,
        Table::Csr(csr) => {
            for (row, number) in numbers.iter_mut().enumerate() {
                *number = csr.row(row).find(|entry| entry.0 == column).map_or(0.0, |entry| entry.1);
            }
        }
        _ => values::read(table, column, 0..table.n_rows(), &mut numbers),
    }
    Some(numbers)
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
        goes_left(&split.condition, &self.columns[split.feature as usize], is_left);
    }

    /// Brings the rows that go left at `split` before the others and returns their number. O(rows).
    pub fn part(&self, split: &Split, rows: &mut [u32]) -> usize {
        let values = &self.columns[split.feature as usize];
        match &split.condition {
            Condition::AtMost { threshold, missing_left: false } => part(rows, |row| values[row] <= *threshold),
            Condition::AtMost { threshold, missing_left: true } => {
                part(rows, |row| values[row] <= *threshold || values[row].is_nan())
            }
            Condition::Among { codes } => part(rows, |row| codes.binary_search(&(values[row] as u32)).is_ok()),
        }
    }
}

/// Every step swaps, so that nothing is to be predicted: half of the rows go either way.
fn part(rows: &mut [u32], is_left: impl Fn(usize) -> bool) -> usize {
    let mut n_left = 0;
    for place in 0..rows.len() {
        rows.swap(place, n_left);
        n_left += usize::from(is_left(rows[n_left] as usize));
    }
    n_left
}

/// 1 for each value that goes left, else 0.
pub(super) fn goes_left(condition: &Condition, values: &[f64], is_left: &mut [u8]) {
    match condition {
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
