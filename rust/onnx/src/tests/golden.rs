//! One file per form in `tests/golden/onnx`, with rows and what they get, for the tests in Python and C++.
//!
//! `ARSENAL_WRITE_GOLDEN=1 cargo test -p arsenal-onnx golden` writes them anew; otherwise the writer must still give the same bytes.

use std::fmt::Write as _;
use std::path::PathBuf;

use arsenal_core::ensemble::{Dtype, Feature, Link, TreeEnsemble};
use arsenal_core::rng::Rng;

use super::ensembles::{self, Cell, Plan, numeric, numeric_categories, string_categories};
use crate::{ClassLabels, Options, write};

const N_ROWS: usize = 60;

struct Case {
    name: &'static str,
    plan: Plan,
    labels: Option<ClassLabels>,
    /// Whether every leaf is made positive.
    positive: bool,
}

fn case(
    name: &'static str,
    dtype: Dtype,
    labels: impl Into<Option<ClassLabels>>,
    features: Vec<Feature>,
    n_trees: usize,
) -> Case {
    let labels = labels.into();
    let n_labels = labels.as_ref().map_or(0, ClassLabels::len);
    let (link, n_targets) = match n_labels {
        0 => (Link::Identity, 1),
        2 => (Link::Logistic, 1),
        n => (Link::Softmax, n),
    };
    Case { name, plan: Plan { dtype, link, n_targets, features, n_trees, max_splits: 14 }, labels, positive: false }
}

fn lone_leaves(name: &'static str, dtype: Dtype, labels: impl Into<Option<ClassLabels>>, n_trees: usize) -> Case {
    let mut case = case(name, dtype, labels, numbers(1), n_trees);
    case.plan.max_splits = 0;
    case
}

fn strings(labels: &[&str]) -> ClassLabels {
    ClassLabels::Strings(labels.iter().map(ToString::to_string).collect())
}

fn int64s(labels: &[i64]) -> ClassLabels {
    ClassLabels::Int64s(labels.to_vec())
}

fn numbers(n: usize) -> Vec<Feature> {
    (0..n).map(|i| numeric(&format!("x{i}"))).collect()
}

/// Names that inner values would like to have, names with spaces and quotes, and columns without any category.
fn strings_among_numbers(n_levels: usize) -> Vec<Feature> {
    vec![
        numeric("code"),
        string_categories("sums", n_levels),
        numeric("a \"quoted\" name / with ünïcode"),
        numeric_categories("matrix", 35),
        string_categories("one", 30),
        string_categories("no levels", 0),
    ]
}

fn cases() -> Vec<Case> {
    let categories = || vec![numeric("a"), numeric_categories("b", 25), numeric_categories("c", 300), numeric("d")];
    vec![
        case("regressor_f32", Dtype::F32, None, numbers(4), 9),
        case("regressor_f64", Dtype::F64, None, numbers(4), 9),
        case("binary_f32", Dtype::F32, int64s(&[0, 1]), numbers(4), 10),
        case("binary_f64", Dtype::F64, int64s(&[-5, 1 << 40]), numbers(4), 10),
        Case { positive: true, ..case("binary_positive_f32", Dtype::F32, strings(&["no", "yes"]), numbers(3), 5) },
        case("multiclass_f32", Dtype::F32, strings(&["a", "b", "ü"]), numbers(4), 12),
        case("multiclass_f64", Dtype::F64, strings(&["a", "b", "ü"]), numbers(4), 12),
        case("numeric_categories_binary_f32", Dtype::F32, strings(&["no", "yes"]), categories(), 10),
        case("numeric_categories_regressor_f64", Dtype::F64, None, categories(), 10),
        case("one_category_column_f32", Dtype::F32, None, vec![numeric_categories("c", 40)], 4),
        case("strings_binary_f32", Dtype::F32, int64s(&[0, 1]), strings_among_numbers(200), 12),
        case("strings_multiclass_f32", Dtype::F32, int64s(&[2, 5, 9, 11]), strings_among_numbers(9), 12),
        case("strings_multiclass_f64", Dtype::F64, strings(&["x", "y", "z"]), strings_among_numbers(60), 12),
        case("strings_regressor_f32", Dtype::F32, None, strings_among_numbers(31), 8),
        lone_leaves("lone_leaf_binary_f32", Dtype::F32, int64s(&[0, 1]), 1),
        lone_leaves("lone_leaf_regressor_f64", Dtype::F64, None, 2),
    ]
}

#[test]
fn golden_files_are_as_they_were() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/onnx");
    let rewrite = std::env::var_os("ARSENAL_WRITE_GOLDEN").is_some();
    if rewrite {
        std::fs::create_dir_all(&folder).unwrap();
    }
    for (seed, case) in cases().into_iter().enumerate() {
        let mut rng = Rng::new(seed as u64);
        let mut ensemble = ensembles::ensemble(&mut rng, &case.plan);
        if case.positive {
            ensemble.trees.iter_mut().flat_map(|tree| &mut tree.values).for_each(|value| *value = value.abs() * 0.15);
        }
        let mut options = Options::new("Golden");
        options.class_labels.clone_from(&case.labels);
        // The version changes with each release, the files should not.
        options.producer_version = "0.0.0".into();
        for (extension, bytes) in
            [("onnx", write(&ensemble, &options).unwrap()), ("json", rows(&mut rng, &ensemble).into_bytes())]
        {
            let path = folder.join(format!("{}.{extension}", case.name));
            if rewrite {
                std::fs::write(&path, &bytes).unwrap();
            }
            assert!(std::fs::read(&path).unwrap() == bytes, "{} is not what the writer gives now", path.display());
        }
    }
}

/// `columns`, and for each of `rows` its `leaves` (one per tree) and `sums` (one per target). NaN and infinities as in JavaScript.
fn rows(rng: &mut Rng, ensemble: &TreeEnsemble) -> String {
    let rows: Vec<Vec<Cell>> = (0..N_ROWS).map(|_| ensembles::row(rng, ensemble)).collect();
    let leaves: Vec<Vec<u32>> = rows.iter().map(|row| ensembles::leaves(ensemble, row)).collect();
    let sums: Vec<Vec<f64>> = leaves.iter().map(|leaves| ensembles::sums(ensemble, leaves)).collect();
    let columns: Vec<String> = ensemble.features.iter().map(|feature| text(&feature.name)).collect();
    let mut json = String::from("{\n");
    let _ = writeln!(json, "\"dtype\": \"{}\",", if ensemble.dtype == Dtype::F32 { "float32" } else { "float64" });
    let _ = writeln!(json, "\"columns\": [{}],", columns.join(", "));
    let _ = writeln!(
        json,
        "\"rows\": [\n{}\n],",
        lines(&rows, |cell| match cell {
            Cell::Number(value) => number(*value),
            Cell::Text(value) => text(value),
        })
    );
    let _ = writeln!(json, "\"leaves\": [\n{}\n],", lines(&leaves, ToString::to_string));
    let _ = writeln!(json, "\"sums\": [\n{}\n]\n}}", lines(&sums, |value| number(*value)));
    json
}

fn lines<T>(table: &[Vec<T>], cell: impl Fn(&T) -> String) -> String {
    let line = |row: &Vec<T>| format!("[{}]", row.iter().map(&cell).collect::<Vec<_>>().join(", "));
    table.iter().map(line).collect::<Vec<_>>().join(",\n")
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        // The shortest digits that give the same float back.
        _ => format!("{value:?}"),
    }
}

fn text(value: &str) -> String {
    serde_json::to_string(value).unwrap()
}
