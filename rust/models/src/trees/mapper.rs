//! How the values of one column find their bins.

use std::collections::HashMap;

use arsenal_core::table::{Column, Table};
use arsenal_core::{Result, value_error};
use arsenal_simd::bin_search::{Edges, MAX_EDGES};

use super::bin_column::BinSlice;
use super::binning::{Binning, ColumnBins, bins_by_bits};
use super::values::Number;

/// How the values of one column of a particular table find their bins.
pub(super) enum Mapper<T> {
    Bounds(Box<Edges<T>>),
    /// More bounds than fit the fast search.
    ManyBounds(Vec<T>),
    Numbers(HashMap<u64, u8>),
    /// Bin of each code of the table's own column.
    Codes(Vec<u8>),
}

impl<T: Number> Mapper<T> {
    /// # Errors
    /// `Value` if there is text where numbers were, or the reverse.
    pub fn new(table: &Table<'_>, binning: &Binning, column: usize) -> Result<Self> {
        let text = match table {
            Table::Columns(columns) => match columns[column] {
                Column::Category(texts) => Some(texts),
                _ => None,
            },
            _ => None,
        };
        Ok(match (&binning.columns[column], text) {
            (ColumnBins::Texts(levels), Some(texts)) => {
                let bins: HashMap<&str, u8> = levels.iter().map(String::as_str).zip(1..).collect();
                let of_levels = texts.levels.iter().map(|level| bins.get(level.as_str()).copied().unwrap_or(0));
                Self::Codes(std::iter::once(0).chain(of_levels).collect())
            }
            (ColumnBins::Texts(_), None) => {
                return value_error!("column {column} holds numbers, the model was fitted with text there");
            }
            (_, Some(_)) => return value_error!("column {column} holds text, the model was fitted with numbers there"),
            (ColumnBins::Numbers(values), None) => Self::Numbers(bins_by_bits(values)),
            (ColumnBins::Bounds(bounds), None) => {
                let bounds: Vec<T> = bounds.iter().map(|&bound| T::from_f64(bound)).collect();
                if bounds.len() <= MAX_EDGES {
                    Self::Bounds(Box::new(Edges::new(&bounds)))
                } else {
                    Self::ManyBounds(bounds)
                }
            }
        })
    }

    /// Writes the bin of each number.
    pub fn bin(&self, values: &[T], bins: BinSlice<'_>) {
        match (self, bins) {
            (Self::Bounds(edges), BinSlice::Narrow(bins)) => edges.search(values, bins),
            (Self::ManyBounds(bounds), BinSlice::Wide(bins)) => {
                for (bin, &value) in bins.iter_mut().zip(values) {
                    let is_there = value.partial_cmp(&value).is_some();
                    *bin = if is_there { 1 + bounds.partition_point(|&bound| bound < value) as u16 } else { 0 };
                }
            }
            (Self::Numbers(by_bits), BinSlice::Narrow(bins)) => {
                for (bin, &value) in bins.iter_mut().zip(values) {
                    *bin = by_bits.get(&(value.to_f64() + 0.0).to_bits()).copied().unwrap_or(0);
                }
            }
            (Self::Codes(_), _) => unreachable!("texts are binned by code"),
            _ => unreachable!("bins are as wide as their number"),
        }
    }
}
