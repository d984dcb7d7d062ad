//! Columns as Python hands them to a comparison: NumPy and Arrow by reference, categories as codes, lists read once.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use arsenal_core::table::{CategoryColumn, Chunk, Column};
use arsenal_core::{Error, Result};
use numpy::ndarray::ArrayView1;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList};

use crate::arrays::{HeldValues, chunked_columns, held_column};
use crate::error::to_python;

/// A column to compare, with the kind of its values: "number", "category", "time", "nothing" (no value at all), or for
/// anything else the type's name in brackets.
#[pyclass(frozen, module = "arsenal._rust")]
pub struct DriftColumn {
    #[pyo3(get)]
    kind: String,
    source: Source,
}

enum Source {
    F32(Py<PyArray1<f32>>),
    F64(Py<PyArray1<f64>>),
    Arrow(DataType, Vec<ArrayRef>),
    Codes(CategoryColumn),
    /// So many missing values.
    Nothing(usize),
    /// So many values that no comparison reads.
    Unreadable(usize),
}

/// A column while it is read without the GIL.
pub enum Reading<'a> {
    F32(ArrayView1<'a, f32>),
    F64(ArrayView1<'a, f64>),
    Arrow(&'a DataType, &'a [ArrayRef]),
    Codes(&'a CategoryColumn),
}

/// What was read.
pub enum Values<'a> {
    F32(ArrayView1<'a, f32>),
    F64(ArrayView1<'a, f64>),
    Codes(&'a CategoryColumn),
    Held(HeldValues),
}

impl Values<'_> {
    /// The values as the core sees them.
    pub fn column(&self) -> Result<Column<'_>> {
        Ok(match self {
            Self::F32(values) => Column::F32(vec![Chunk { values: values.view(), validity: None }]),
            Self::F64(values) => Column::F64(vec![Chunk { values: values.view(), validity: None }]),
            Self::Codes(column) => Column::Category(column),
            Self::Held(values) => values.view()?,
        })
    }
}

#[pymethods]
impl DriftColumn {
    /// A 1-D float32 or float64 array; `kind` is "number" or, for seconds since 1970, "time".
    #[staticmethod]
    fn from_numpy(values: &Bound<'_, PyAny>, kind: String) -> PyResult<Self> {
        let source = match values.cast::<PyArray1<f32>>() {
            Ok(narrow) => Source::F32(narrow.clone().unbind()),
            Err(_) => Source::F64(values.cast::<PyArray1<f64>>()?.clone().unbind()),
        };
        Ok(Self { kind, source })
    }

    /// Codes into a list of names; a negative code is missing.
    #[staticmethod]
    fn from_codes(py: Python<'_>, codes: PyReadonlyArray1<'_, i64>, names: Vec<String>) -> PyResult<Self> {
        let too_large = |code: i64| {
            to_python(py, &Error::Value(format!("category code {code} is outside the {} categories", names.len())))
        };
        // The empty name is missing too, as it is in a column of text.
        let code_of = |&code: &i64| match usize::try_from(code) {
            Err(_) => Ok(0),
            Ok(place) if place >= names.len() => Err(too_large(code)),
            Ok(place) if names[place].is_empty() => Ok(0),
            Ok(place) => Ok(place as u32 + 1),
        };
        let codes = codes.as_array().iter().map(code_of).collect::<PyResult<_>>()?;
        Ok(Self { kind: "category".to_owned(), source: Source::Codes(CategoryColumn { codes, levels: names }) })
    }

    /// Python objects: text and booleans are categories, numbers are numbers; None, `NaN`, `NaT`, NA and "" are missing.
    #[staticmethod]
    fn from_objects(values: &Bound<'_, PyList>, is_missing: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut texts: Vec<Option<String>> = Vec::with_capacity(values.len());
        let mut numbers: Vec<f64> = Vec::with_capacity(values.len());
        let (mut n_texts, mut n_numbers) = (0, 0);
        for value in values {
            let (mut text, mut number) = (None, f64::NAN);
            if let Ok(string) = value.extract::<String>() {
                n_texts += usize::from(!string.is_empty());
                text = Some(string);
            } else if !value.is_none() && !is_missing.call1((&value,))?.extract::<bool>()? {
                if value.is_instance_of::<PyBool>() || value.get_type().name()? == "bool" {
                    n_texts += 1;
                    text = Some(if value.is_truthy()? { "True".to_owned() } else { "False".to_owned() });
                } else if let Some(converted) = float_of(&value)? {
                    if converted.abs() >= LARGEST_EXACT as f64 && is_beyond_floats(&value)? {
                        return Ok(Self { kind: BEYOND_FLOATS.to_owned(), source: Source::Unreadable(values.len()) });
                    }
                    n_numbers += 1;
                    number = converted;
                } else {
                    let kind = format!("[{}]", value.get_type().name()?);
                    return Ok(Self { kind, source: Source::Unreadable(values.len()) });
                }
            }
            texts.push(text);
            numbers.push(number);
        }
        let (kind, source) = match (n_texts, n_numbers) {
            (0, 0) => ("nothing", Source::Nothing(values.len())),
            (_, 0) => ("category", Source::Codes(CategoryColumn::encode(texts.iter().map(|text| text.as_deref())))),
            (0, _) => ("number", Source::F64(PyArray1::from_vec(values.py(), numbers).unbind())),
            _ => ("[text and numbers]", Source::Unreadable(values.len())),
        };
        Ok(Self { kind: kind.to_owned(), source })
    }

    /// Every column of an object with `__arrow_c_stream__`, with its name.
    #[staticmethod]
    fn from_arrow(table: &Bound<'_, PyAny>) -> PyResult<Vec<(String, Self)>> {
        let columns = chunked_columns(table)?.into_iter().map(|(field, chunks)| {
            let n_rows: usize = chunks.iter().map(Array::len).sum();
            let data_type = field.data_type();
            let (kind, source) = match arrow_kind(data_type) {
                Some("nothing") => ("nothing".to_owned(), Source::Nothing(n_rows)),
                Some("number") if has_numbers_beyond_floats(data_type, &chunks) => {
                    (BEYOND_FLOATS.to_owned(), Source::Unreadable(n_rows))
                }
                Some(kind) => (kind.to_owned(), Source::Arrow(data_type.clone(), chunks)),
                None => (format!("[{data_type}]"), Source::Unreadable(n_rows)),
            };
            (field.name().clone(), Self { kind, source })
        });
        Ok(columns.collect())
    }

    /// How many rows the column has.
    fn __len__(&self, py: Python<'_>) -> usize {
        match &self.source {
            Source::F32(values) => values.bind(py).len().unwrap_or(0),
            Source::F64(values) => values.bind(py).len().unwrap_or(0),
            Source::Arrow(_, chunks) => chunks.iter().map(Array::len).sum(),
            Source::Codes(column) => column.codes.len(),
            Source::Nothing(n_rows) | Source::Unreadable(n_rows) => *n_rows,
        }
    }
}

/// Keeps NumPy's arrays from being written to through Rust while they are read.
pub enum Lock<'py> {
    F32(PyReadonlyArray1<'py, f32>),
    F64(PyReadonlyArray1<'py, f64>),
    None,
}

impl DriftColumn {
    pub fn lock<'py>(&self, py: Python<'py>) -> PyResult<Lock<'py>> {
        Ok(match &self.source {
            Source::F32(values) => Lock::F32(values.bind(py).try_readonly()?),
            Source::F64(values) => Lock::F64(values.bind(py).try_readonly()?),
            _ => Lock::None,
        })
    }

    pub fn reading<'a>(&'a self, lock: &'a Lock<'_>) -> Result<Reading<'a>> {
        Ok(match (&self.source, lock) {
            (_, Lock::F32(values)) => Reading::F32(values.as_array()),
            (_, Lock::F64(values)) => Reading::F64(values.as_array()),
            (Source::Arrow(data_type, chunks), _) => Reading::Arrow(data_type, chunks),
            (Source::Codes(column), _) => Reading::Codes(column),
            _ => return Err(Error::Type(format!("a column of kind {} cannot be compared", self.kind))),
        })
    }
}

impl<'a> Reading<'a> {
    /// Reads the column: text becomes codes, whole numbers and times become f64.
    pub fn read(&self) -> Result<Values<'a>> {
        Ok(match self {
            Self::F32(values) => Values::F32(*values),
            Self::F64(values) => Values::F64(*values),
            Self::Codes(column) => Values::Codes(column),
            Self::Arrow(data_type, chunks) => Values::Held(arrow_values(data_type, chunks)?),
        })
    }
}

/// Kind of a column of whole numbers of which floats would make others, equal ones even.
const BEYOND_FLOATS: &str = "[whole numbers beyond 2**53]";
const LARGEST_EXACT: i128 = 1 << 53;

fn is_beyond_floats(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let integral = value.py().import("numbers")?.getattr("Integral")?;
    let is_beyond = |whole: i128| whole.abs() > LARGEST_EXACT;
    Ok(value.is_instance(&integral)? && value.extract::<i128>().map_or(true, is_beyond))
}

fn has_numbers_beyond_floats(data_type: &DataType, chunks: &[ArrayRef]) -> bool {
    fn is_beyond<T: ArrowPrimitiveType>(chunks: &[ArrayRef]) -> bool
    where
        T::Native: Into<i128>,
    {
        let mut values = chunks.iter().flat_map(|chunk| chunk.as_primitive::<T>().iter().flatten());
        values.any(|value| Into::<i128>::into(value).abs() > LARGEST_EXACT)
    }
    match data_type {
        DataType::Int64 => is_beyond::<Int64Type>(chunks),
        DataType::UInt64 => is_beyond::<UInt64Type>(chunks),
        _ => false,
    }
}

fn float_of(value: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    let py = value.py();
    let number = py.import("numbers")?.getattr("Number")?;
    let is_number = value.is_instance(&number)? || value.get_type().name()? == "Decimal";
    Ok(if is_number { value.extract::<f64>().ok() } else { None })
}

fn arrow_kind(data_type: &DataType) -> Option<&'static str> {
    use DataType as T;
    match data_type {
        T::Null => Some("nothing"),
        T::Boolean | T::Utf8 | T::LargeUtf8 | T::Utf8View => Some("category"),
        T::Dictionary(_, value) => {
            arrow_kind(value).filter(|kind| matches!(*kind, "category" | "number")).map(|_| "category")
        }
        T::Date32 | T::Date64 | T::Timestamp(..) => Some("time"),
        T::Time32(_) | T::Time64(_) | T::Duration(_) | T::Decimal128(..) => Some("number"),
        other => (other.is_integer() || other.is_floating()).then_some("number"),
    }
}

/// Numbers and times as floats (times in seconds), everything else as codes.
fn arrow_values(data_type: &DataType, chunks: &[ArrayRef]) -> Result<HeldValues> {
    use DataType as T;
    use TimeUnit as U;
    Ok(match data_type {
        T::Float16 | T::Float32 | T::Float64 => held_column("", data_type, chunks)?.values,
        T::Int8 => floats::<Int8Type>(chunks, 1.0),
        T::Int16 => floats::<Int16Type>(chunks, 1.0),
        T::Int32 => floats::<Int32Type>(chunks, 1.0),
        T::Int64 => floats::<Int64Type>(chunks, 1.0),
        T::UInt8 => floats::<UInt8Type>(chunks, 1.0),
        T::UInt16 => floats::<UInt16Type>(chunks, 1.0),
        T::UInt32 => floats::<UInt32Type>(chunks, 1.0),
        T::UInt64 => floats::<UInt64Type>(chunks, 1.0),
        T::Decimal128(_, scale) => floats::<Decimal128Type>(chunks, 10f64.powi(i32::from(*scale))),
        T::Date32 => floats::<Date32Type>(chunks, 1.0 / 86_400.0),
        T::Date64 => floats::<Date64Type>(chunks, 1e3),
        T::Timestamp(U::Second, _) => floats::<TimestampSecondType>(chunks, 1.0),
        T::Timestamp(U::Millisecond, _) => floats::<TimestampMillisecondType>(chunks, 1e3),
        T::Timestamp(U::Microsecond, _) => floats::<TimestampMicrosecondType>(chunks, 1e6),
        T::Timestamp(U::Nanosecond, _) => floats::<TimestampNanosecondType>(chunks, 1e9),
        T::Duration(U::Second) => floats::<DurationSecondType>(chunks, 1.0),
        T::Duration(U::Millisecond) => floats::<DurationMillisecondType>(chunks, 1e3),
        T::Duration(U::Microsecond) => floats::<DurationMicrosecondType>(chunks, 1e6),
        T::Duration(U::Nanosecond) => floats::<DurationNanosecondType>(chunks, 1e9),
        T::Time32(U::Second) => floats::<Time32SecondType>(chunks, 1.0),
        T::Time32(_) => floats::<Time32MillisecondType>(chunks, 1e3),
        T::Time64(U::Microsecond) => floats::<Time64MicrosecondType>(chunks, 1e6),
        T::Time64(_) => floats::<Time64NanosecondType>(chunks, 1e9),
        T::Boolean => {
            let truths = chunks.iter().flat_map(|chunk| chunk.as_boolean().iter());
            HeldValues::Category(CategoryColumn::encode(truths.map(|t| t.map(|t| if t { "True" } else { "False" }))))
        }
        _ => match held_column("", data_type, chunks)?.values {
            HeldValues::F32(levels) => named(levels.iter().flat_map(|c| c.iter().map(|x| x.map(f64::from)))),
            HeldValues::F64(levels) => named(levels.iter().flat_map(PrimitiveArray::iter)),
            text @ HeldValues::Category(_) => text,
        },
    })
}

/// Each value divided by what makes the unit 1. f64, whatever the width, so that two columns of whole numbers are the same type.
fn floats<T: ArrowPrimitiveType>(chunks: &[ArrayRef], divisor: f64) -> HeldValues
where
    T::Native: ToFloat,
{
    let to_float = |value: T::Native| value.to_float() / divisor;
    let convert = |chunk: &ArrayRef| chunk.as_primitive::<T>().unary::<_, Float64Type>(to_float);
    HeldValues::F64(chunks.iter().map(convert).collect::<Vec<PrimitiveArray<Float64Type>>>())
}

/// Nearest f64. What is read has no whole numbers beyond 2⁵³; decimals and nanoseconds may lose digits beyond 53 bits.
trait ToFloat {
    fn to_float(self) -> f64;
}

macro_rules! to_float {
    ($($integer:ty),*) => {
        $(impl ToFloat for $integer {
            fn to_float(self) -> f64 {
                self as f64
            }
        })*
    };
}

to_float!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

/// Categories that are numbers, by their shortest decimal form.
fn named(values: impl Iterator<Item = Option<f64>>) -> HeldValues {
    let names: Vec<Option<String>> = values.map(|x| x.filter(|x| !x.is_nan()).map(|x| x.to_string())).collect();
    HeldValues::Category(CategoryColumn::encode(names.iter().map(|name| name.as_deref())))
}
