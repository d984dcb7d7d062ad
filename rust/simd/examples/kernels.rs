//! What each kernel of the tree learners takes, in nanoseconds per unit of work: the shortest of many short runs.
//!
//! `cargo run --release -p arsenal-simd --example kernels`; `ARSENAL_FORCE_ISA` chooses the instruction set. The figures bound what a
//! fit can take: `docs/performance.md` multiplies them by the number of updates, rows and bins.

use std::hint::black_box;
use std::time::Instant;

use arsenal_simd::Isa;
use arsenal_simd::bin_search::Edges;
use arsenal_simd::bins::Bins;
use arsenal_simd::cuts::{Cuts, Scores, scores};
use arsenal_simd::gradient::{Derivatives, Rounding, extent, log_loss, round};
use arsenal_simd::histogram::{BinRows, Rows, Spacing, accumulate, pack, subtract, widen};
use arsenal_simd::partition::{GoesLeft, SLACK, partition};

const ROWS: usize = 20_000;
const COLUMNS: usize = 28;
const BINS: usize = 256;

fn main() {
    println!("instruction set {}", Isa::active().name());
    let mut state = 12_345u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 20
    };

    let bytes: Vec<u8> = (0..4 * ROWS * COLUMNS).map(|_| random() as u8).collect();
    let pairs: Vec<u32> =
        (0..4 * ROWS).map(|_| pack((random() % 4001) as i16 - 2000, (random() % 3000) as u16)).collect();
    let bins = BinRows { bytes: &bytes, stride: COLUMNS, first_column: 0, n_columns: COLUMNS, spacing: Spacing::S256 };
    let mut histogram = vec![0u64; COLUMNS * BINS];
    show("histogram, rows in order", "update", ROWS * COLUMNS, || {
        accumulate(bins, Rows::Range(0, ROWS), &pairs, &mut histogram);
    });
    let list: Vec<u32> = (0..ROWS as u32).map(|row| 4 * row + row % 3).collect();
    show("histogram, every fourth row", "update", ROWS * COLUMNS, || {
        accumulate(bins, Rows::Listed(&list), &pairs, &mut histogram);
    });
    let part = histogram.clone();
    show("subtract a histogram", "bin", COLUMNS * BINS, || subtract(&mut histogram, &part));

    let column: Vec<u64> = (0..BINS - 1).map(|bin| widen(pairs[bin])).collect();
    let whole = column.iter().fold(0u64, |sum, &bin| sum.wrapping_add(bin));
    let mut found = Scores::default();
    show("best cut of a column", "bin", column.len(), || {
        scores(&column, Cuts { whole, start: 0, least: 100, l2: 0.0 }, &mut found);
        found.near_largest(column.len(), 0.0, |place| {
            black_box(place);
        });
    });

    let rows: Vec<u32> = (0..ROWS as u32).collect();
    let (mut left, mut right) = (rows.clone(), vec![0; ROWS + SLACK]);
    show("partition", "row", ROWS, || {
        left.copy_from_slice(&rows);
        black_box(partition(
            &mut left,
            Bins::Narrow(&bytes[..ROWS]),
            GoesLeft::Range { first: 0, last: 127 },
            &mut right,
        ));
    });

    let scores: Vec<f64> = (0..ROWS).map(|_| (random() % 8000) as f64 / 1000.0 - 4.0).collect();
    let targets: Vec<f64> = (0..ROWS).map(|_| (random() % 2) as f64).collect();
    let (mut gradients, mut hessians) = (vec![0.0; ROWS], vec![0.0; ROWS]);
    show("log loss", "row", ROWS, || {
        log_loss(&scores, &targets, Derivatives { gradients: &mut gradients, hessians: &mut hessians });
    });
    show("extent", "row", ROWS, || {
        black_box(extent(&gradients, &hessians));
    });
    let rounding = Rounding {
        gradient_scale: 2684.0,
        hessian_scale: 20_000.0,
        gradient_limit: 2684,
        hessian_limit: 5368,
        seed: 7,
    };
    let mut rounded = vec![0; ROWS];
    show("rounding", "row", ROWS, || round(&gradients, &hessians, rounding, 0, &mut rounded));

    let edges = Edges::new(&(0..254).map(|edge| edge as f32 / 127.0 - 1.0).collect::<Vec<_>>());
    let mut found = vec![0; ROWS];
    show("search a bin", "value", ROWS, || edges.search(&gradients, &mut found));
}

/// Prints the shortest of 300 runs, divided by the units of one.
fn show(what: &str, unit: &str, units: usize, mut work: impl FnMut()) {
    let seconds = (0..300).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    let shortest = seconds.fold(f64::INFINITY, f64::min);
    println!("{what:<28} {:7.3} ns per {unit}", shortest * 1e9 / units as f64);
}
