//! What the rows of a fit are read from.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::Dtype;
use arsenal_core::rng::Rng;
use arsenal_core::table::{Column, Table};
use arsenal_core::{Result, value_error};

use crate::trees::binned::{BinnedTable, Layouts};
use crate::trees::binning::{Binning, ColumnBins};
use crate::trees::values;

/// Rows of a fit.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a, 't> {
    /// A table in memory, which the fit bins.
    Table(&'a Table<'t>),
    /// Rows that were binned before; for training in both layouts.
    Binned(&'a BinnedTable, &'a Binning),
}

impl<'a> Input<'a, '_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Table(table) => table.n_rows(),
            Self::Binned(table, _) => table.n_rows(),
        }
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        match self {
            Self::Table(table) => table.n_columns(),
            Self::Binned(table, _) => table.n_columns(),
        }
    }

    /// What its numbers are read as.
    pub(super) fn dtype(&self) -> Dtype {
        match self {
            Self::Table(table) => values::dtype(table),
            Self::Binned(_, binning) => binning.dtype,
        }
    }

    pub(super) fn is_text(&self, column: usize) -> bool {
        match self {
            Self::Table(Table::Columns(columns)) => matches!(columns[column], Column::Category(_)),
            Self::Table(_) => false,
            Self::Binned(_, binning) => matches!(binning.columns[column], ColumnBins::Texts(_)),
        }
    }

    /// The bins of the training table.
    pub(super) fn learn_bins(
        &self,
        rows: &[u32],
        is_category: &[bool],
        max_bins: usize,
        rng: &Rng,
        stop: &AtomicBool,
    ) -> Result<Binning> {
        match self {
            Self::Table(table) => Binning::learn(table, rows, is_category, max_bins, rng, stop),
            Self::Binned(_, binning) => Ok((*binning).clone()),
        }
    }

    /// The rows in bins.
    pub(super) fn binned(
        &self,
        binning: &Binning,
        layouts: Layouts,
        stop: &AtomicBool,
    ) -> Result<Cow<'a, BinnedTable>> {
        match self {
            Self::Table(table) => Ok(Cow::Owned(BinnedTable::new(table, binning, layouts, stop)?)),
            // Whether the numbers were read as float32 or float64 does not matter any more.
            Self::Binned(table, own) if own.columns == binning.columns => Ok(Cow::Borrowed(table)),
            Self::Binned(..) => value_error!("rows were binned by other bins than those of the training table"),
        }
    }
}
