//! Two tables column by column: the test that fits, the stability index, and what both samples look like.

mod categories;
mod numbers;
mod pair;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use arsenal_core::{Error, Result, pool};

use crate::contingency::{self, ContingencyTest, Tail};
use crate::ks::{KsTest, Method};
use crate::profile::{Histogram, Summary};
use crate::psi::Psi;

pub use pair::Pair;

/// How columns are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Bins of the stability index of numbers.
    pub n_bins: usize,
    /// Categories with bins of their own in the stability index.
    pub max_categories: usize,
    /// The probability with which an index exceeds its threshold without drift.
    pub alpha: f64,
}

/// A test of a column's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueTest {
    /// The test's name in `SciPy`.
    pub name: &'static str,
    /// How the p-value was found.
    pub method: &'static str,
    /// The statistic.
    pub statistic: f64,
    /// The p-value, before any correction.
    pub p_value: f64,
    /// Degrees of freedom, where the statistic has them.
    pub dof: Option<usize>,
}

/// What the comparison of a column found.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Rows of reference and current, missing ones included.
    pub n_rows: [u64; 2],
    /// How many of them are missing.
    pub n_missing: [u64; 2],
    /// The test of the values; `None` if a sample has none.
    pub test: Option<ValueTest>,
    /// The p-value of equal missing rates, where the test of the values does not see missing ones and there are any.
    pub missing_p_value: Option<f64>,
    /// The stability index; `None` if a sample has no rows.
    pub psi: Option<Psi>,
    /// What the samples look like.
    pub look: Look,
}

/// What both samples of a column look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Numbers.
    Numbers {
        /// Figures of each sample that has values.
        summaries: [Option<Summary>; 2],
        /// Counts side by side.
        histogram: Option<Histogram>,
    },
    /// Categories.
    Categories {
        /// Names, in order of falling pooled frequency.
        names: Vec<String>,
        /// Counts of each.
        counts: Vec<[u64; 2]>,
    },
}

impl From<ContingencyTest> for ValueTest {
    fn from(test: ContingencyTest) -> Self {
        let method = match test.tail {
            Tail::Asymptotic => "asymptotic",
            Tail::Exact => "exact",
            Tail::Permutation => "permutation",
            Tail::Moments => "moments",
        };
        Self { name: "chi2_contingency", method, statistic: test.statistic, p_value: test.p_value, dof: Some(test.dof) }
    }
}

impl<T> From<KsTest<T>> for ValueTest {
    fn from(test: KsTest<T>) -> Self {
        let method = if test.method == Method::Exact { "exact" } else { "asymptotic" };
        Self { name: "ks_2samp", method, statistic: test.statistic, p_value: test.p_value, dof: None }
    }
}

/// The test of equal missing rates; `None` if nothing is missing or a sample has no rows.
fn missing_p_value(n_rows: [u64; 2], n_missing: [u64; 2], stop: &AtomicBool) -> Result<Option<f64>> {
    if n_missing == [0, 0] || n_rows.contains(&0) {
        return Ok(None);
    }
    let present = [n_rows[0] - n_missing[0], n_rows[1] - n_missing[1]];
    contingency::two_sample(&[n_missing, present], stop).map(|test| Some(test.p_value))
}

/// Does `work` for each of `n_columns` columns on `n_threads` threads and returns the results in order.
///
/// Threads take the next column as they come free, so one long column holds up nobody; each result depends on its column alone.
///
/// # Errors
/// That of the first column that failed; `Interrupted` once `stop` is set.
pub fn each_column<R: Send>(
    n_columns: usize,
    n_threads: usize,
    stop: &AtomicBool,
    work: impl Fn(usize) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<R>)>> = Mutex::new(Vec::with_capacity(n_columns));
    let take_columns = || {
        loop {
            let column = next.fetch_add(1, Ordering::Relaxed);
            if column >= n_columns {
                break;
            }
            let outcome = if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { work(column) };
            done.lock().unwrap_or_else(PoisonError::into_inner).push((column, outcome));
        }
    };
    let n_threads = n_threads.min(n_columns);
    if n_threads <= 1 {
        take_columns();
    } else {
        pool::pool(n_threads)?.scope(|scope| {
            for _ in 0..n_threads {
                scope.spawn(|_| take_columns());
            }
        });
    }
    let mut outcomes = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_unstable_by_key(|&(column, _)| column);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back_in_order() {
        let run = AtomicBool::new(false);
        for n_threads in [1, 2, 5] {
            assert_eq!(each_column(7, n_threads, &run, |i| Ok(i * i)), Ok(vec![0, 1, 4, 9, 16, 25, 36]));
        }
        assert_eq!(each_column(0, 2, &run, Ok), Ok(vec![]));
        let failed = each_column(5, 2, &run, |i| if i % 2 == 1 { Err(Error::Value(i.to_string())) } else { Ok(i) });
        assert_eq!(failed, Err(Error::Value("1".into())));
        assert_eq!(each_column(5, 2, &AtomicBool::new(true), Ok), Err(Error::Interrupted));
    }

    #[test]
    fn missing_rates_are_tested_where_something_is_missing() {
        let run = AtomicBool::new(false);
        assert_eq!(missing_p_value([10, 10], [0, 0], &run), Ok(None));
        assert_eq!(missing_p_value([10, 0], [5, 0], &run), Ok(None));
        assert!(missing_p_value([1000, 1000], [10, 300], &run).unwrap().unwrap() < 1e-10);
        assert!(missing_p_value([1000, 1000], [10, 12], &run).unwrap().unwrap() > 0.5);
    }
}
