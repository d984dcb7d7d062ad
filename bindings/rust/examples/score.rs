//! score MODEL.onnx < rows.csv: prints a regressor's prediction, or the classes' probabilities, for each row.
//!
//! One row per line, fields with commas between them and no quotes; an empty field or "nan" is a missing number, an empty
//! field a missing string. The model takes one table [N, F], or one input [N, 1] for each column. All rows are scored in
//! one batch.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::str::FromStr;

use arsenal_runtime::{DType, Input, Session, Text, ValueInfo, Values};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The values of one input, row by row.
enum Feed<'a> {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    Text(Vec<Text<'a>>),
}

impl<'a> Feed<'a> {
    fn read(fields: &[&'a str], info: &ValueInfo) -> Result<Feed<'a>> {
        Ok(match info.dtype {
            Some(DType::F32) => Feed::F32(numbers(fields, Some(f32::NAN), &info.name)?),
            Some(DType::F64) => Feed::F64(numbers(fields, Some(f64::NAN), &info.name)?),
            Some(DType::I64) => Feed::I64(numbers(fields, None, &info.name)?),
            Some(DType::String) => Feed::Text(fields.iter().map(|&field| Text::from(field)).collect()),
            other => return Err(format!("input {:?} has dtype {other:?}", info.name).into()),
        })
    }

    fn input<'f>(&'f self, shape: &'f [i64]) -> arsenal_runtime::Result<Input<'f>> {
        match self {
            Feed::F32(values) => Input::new(values, shape),
            Feed::F64(values) => Input::new(values, shape),
            Feed::I64(values) => Input::new(values, shape),
            Feed::Text(values) => Input::new(values, shape),
        }
    }
}

fn numbers<T: FromStr + Copy>(fields: &[&str], missing: Option<T>, column: &str) -> Result<Vec<T>> {
    let read = |field: &&str| match missing {
        Some(missing) if field.is_empty() => Ok(missing),
        _ => field.parse().map_err(|_| format!("{field:?} in column {column:?} is no number").into()),
    };
    fields.iter().map(read).collect()
}

fn score(path: &str, text: &str) -> Result<String> {
    let session = Session::load(path)?;
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let mut n_columns = 0;
    let mut feeds = Vec::new();
    for info in session.inputs() {
        let Some(&[_, Some(width)]) = info.dims.as_deref() else {
            return Err(format!("input {:?} is no table", info.name).into());
        };
        let columns = n_columns..n_columns + width as usize;
        n_columns = columns.end;
        let fields: Option<Vec<_>> = rows.iter().map(|row| row.get(columns.clone())).collect();
        let fields = fields.ok_or("a line has fewer columns than the model")?.concat();
        feeds.push((Feed::read(&fields, info)?, [rows.len() as i64, width]));
    }
    if rows.iter().any(|row| row.len() != n_columns) {
        return Err("a line has more columns than the model".into());
    }
    let inputs = feeds.iter().map(|(feed, shape)| feed.input(shape)).collect::<arsenal_runtime::Result<Vec<_>>>()?;

    // A regressor has one output; a classifier's second one holds the probabilities.
    let scores = &session.outputs().last().ok_or("the model gives nothing")?.name;
    let tensor = session.run(&inputs, &[scores])?.remove(0);
    let width = *tensor.shape().last().ok_or("the model gives one number for all rows")? as usize;
    match tensor.into_values() {
        Values::F32(values) => Ok(lines(&values, width)),
        Values::F64(values) => Ok(lines(&values, width)),
        _ => Err("the model gives no scores".into()),
    }
}

/// Rust prints as many digits as tell a number from its neighbours.
fn lines<T: ToString>(values: &[T], width: usize) -> String {
    let line = |row: &[T]| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(",") + "\n";
    values.chunks(width).map(line).collect()
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: score MODEL.onnx < rows.csv");
        return ExitCode::FAILURE;
    };
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text).map_err(Into::into);
    match read.and_then(|_| score(&path, &text)).and_then(|lines| Ok(std::io::stdout().write_all(lines.as_bytes())?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("score: {error}");
            ExitCode::FAILURE
        }
    }
}
