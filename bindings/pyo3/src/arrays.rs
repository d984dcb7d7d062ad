//! Python tables as views: NumPy by the buffer it owns, Arrow by the C stream interface, CSR by its three arrays.
//!
//! Numbers are not copied, except whole numbers, booleans and halves of an Arrow column, which become floats here, exactly or not at all.

use std::ffi::CStr;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, RecordBatchReader};
use arrow_schema::{DataType, FieldRef};
use arsenal_core::table::{Bitmap, CategoryColumn, Chunk, Column, Csr, CsrValues, Table};
use arsenal_core::{Error, Result};
use numpy::ndarray::ArrayView1;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::error::to_python;

/// A Python table, kept alive while its [`view`](HeldTable::view) is in use.
pub enum HeldTable<'py> {
    F32(PyReadonlyArray2<'py, f32>),
    F64(PyReadonlyArray2<'py, f64>),
    Csr(HeldCsr<'py>),
    Columns(Vec<HeldColumn>),
}

/// The three arrays of a SciPy CSR matrix and its width.
#[derive(FromPyObject)]
pub struct HeldCsr<'py>(PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>, HeldCsrValues<'py>, usize);

/// Its values.
#[derive(FromPyObject)]
pub enum HeldCsrValues<'py> {
    F32(PyReadonlyArray1<'py, f32>),
    F64(PyReadonlyArray1<'py, f64>),
}

/// A column with its name in the table.
pub struct HeldColumn {
    pub name: String,
    pub values: HeldValues,
    /// Whether the table itself says that the values are categories (text, dictionaries).
    pub is_category: bool,
}

/// The values of a column, chunk by chunk, or as codes.
pub enum HeldValues {
    F32(Vec<PrimitiveArray<Float32Type>>),
    F64(Vec<PrimitiveArray<Float64Type>>),
    Category(CategoryColumn),
}

impl<'py> HeldTable<'py> {
    /// Takes a 2-D float array, a tuple `(indptr, indices, values, n_columns)`, or an object with `__arrow_c_stream__`.
    pub fn new(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(matrix) = object.extract() {
            return Ok(Self::F32(matrix));
        }
        if let Ok(matrix) = object.extract() {
            return Ok(Self::F64(matrix));
        }
        if let Ok(csr) = object.extract() {
            return Ok(Self::Csr(csr));
        }
        held_columns(object).map(Self::Columns)
    }

    /// The table as the core sees it.
    pub fn view(&self) -> Result<Table<'_>> {
        Ok(match self {
            Self::F32(matrix) => Table::DenseF32(matrix.as_array()),
            Self::F64(matrix) => Table::DenseF64(matrix.as_array()),
            Self::Csr(HeldCsr(indptr, indices, values, n_columns)) => {
                let contiguous = |_| Error::Value("CSR arrays must be contiguous".into());
                Table::Csr(Csr::new(
                    indptr.as_slice().map_err(contiguous)?,
                    indices.as_slice().map_err(contiguous)?,
                    match values {
                        HeldCsrValues::F32(values) => CsrValues::F32(values.as_slice().map_err(contiguous)?),
                        HeldCsrValues::F64(values) => CsrValues::F64(values.as_slice().map_err(contiguous)?),
                    },
                    *n_columns,
                )?)
            }
            Self::Columns(columns) => Table::Columns(columns.iter().map(|c| c.values.view()).collect::<Result<_>>()?),
        })
    }
}

impl HeldValues {
    /// The column as the core sees it.
    pub fn view(&self) -> Result<Column<'_>> {
        Ok(match self {
            Self::F32(chunks) => Column::F32(chunks.iter().map(chunk).collect::<Result<_>>()?),
            Self::F64(chunks) => Column::F64(chunks.iter().map(chunk).collect::<Result<_>>()?),
            Self::Category(column) => Column::Category(column),
        })
    }
}

fn chunk<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> Result<Chunk<'_, T::Native>> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let validity = nulls.map(|nulls| Bitmap::new(nulls.validity(), nulls.offset(), nulls.len())).transpose()?;
    Ok(Chunk { values: ArrayView1::from(array.values().as_ref()), validity })
}

const STREAM: &CStr = c"arrow_array_stream";

/// Every column of an object with `__arrow_c_stream__` (`PyArrow`, polars and pandas tables have it).
pub fn held_columns(object: &Bound<'_, PyAny>) -> PyResult<Vec<HeldColumn>> {
    let py = object.py();
    if !object.hasattr("__arrow_c_stream__")? {
        let kind = object.get_type().name()?;
        let error =
            Error::Type(format!("got a table of type {kind}, wanted a 2-D float array, CSR arrays or an Arrow stream"));
        return Err(to_python(py, &error));
    }
    let columns = chunked_columns(object)?;
    columns
        .iter()
        .map(|(field, chunks)| held_column(field.name(), field.data_type(), chunks))
        .collect::<Result<_>>()
        .map_err(|e| to_python(py, &e))
}

/// Every column of an object with `__arrow_c_stream__` as Arrow holds it: nothing is copied or converted.
pub fn chunked_columns(object: &Bound<'_, PyAny>) -> PyResult<Vec<(FieldRef, Vec<ArrayRef>)>> {
    let py = object.py();
    let capsule = object.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name holds a valid, initialised ArrowArrayStream (Arrow PyCapsule interface). from_raw moves
    // it out and leaves a released stream behind, so the capsule's own destructor does nothing more.
    let reader = unsafe { RecordBatchStreamReader::from_raw(pointer.as_ptr()) };
    let broken = |error: arrow_schema::ArrowError| {
        to_python(py, &Error::Value(format!("cannot read the Arrow stream: {error}")))
    };
    let reader = reader.map_err(broken)?;
    let mut columns: Vec<(FieldRef, Vec<ArrayRef>)> =
        reader.schema().fields().iter().map(|field| (field.clone(), Vec::new())).collect();
    for batch in reader {
        for ((_, chunks), array) in columns.iter_mut().zip(batch.map_err(broken)?.columns()) {
            chunks.push(array.clone());
        }
    }
    Ok(columns)
}

/// A column as the core reads it: floats as they are, text and dictionaries as codes, whole numbers and booleans as floats.
pub fn held_column(name: &str, data_type: &DataType, chunks: &[ArrayRef]) -> Result<HeldColumn> {
    let (values, is_category) = match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            (HeldValues::Category(CategoryColumn::encode(chunks.iter().flat_map(texts))), true)
        }
        DataType::Dictionary(key, value) => (dictionary(name, key, value, chunks)?, true),
        _ => (numbers(name, data_type, chunks)?, false),
    };
    Ok(HeldColumn { name: name.to_owned(), values, is_category })
}

/// The texts of an array of one of Arrow's three string layouts.
fn texts(array: &ArrayRef) -> Vec<Option<&str>> {
    match array.data_type() {
        DataType::LargeUtf8 => array.as_string::<i64>().iter().collect(),
        DataType::Utf8View => array.as_string_view().iter().collect(),
        _ => array.as_string::<i32>().iter().collect(),
    }
}

fn numbers(name: &str, data_type: &DataType, chunks: &[ArrayRef]) -> Result<HeldValues> {
    Ok(match data_type {
        DataType::Float16 => {
            let to_f32 = <Float16Type as ArrowPrimitiveType>::Native::to_f32;
            HeldValues::F32(chunks.iter().map(|c| c.as_primitive::<Float16Type>().unary(to_f32)).collect())
        }
        DataType::Float32 => HeldValues::F32(chunks.iter().map(|c| c.as_primitive::<Float32Type>().clone()).collect()),
        DataType::Float64 => HeldValues::F64(chunks.iter().map(|c| c.as_primitive::<Float64Type>().clone()).collect()),
        DataType::Int8 => whole::<Int8Type>(name, chunks)?,
        DataType::Int16 => whole::<Int16Type>(name, chunks)?,
        DataType::Int32 => whole::<Int32Type>(name, chunks)?,
        DataType::Int64 => whole::<Int64Type>(name, chunks)?,
        DataType::UInt8 => whole::<UInt8Type>(name, chunks)?,
        DataType::UInt16 => whole::<UInt16Type>(name, chunks)?,
        DataType::UInt32 => whole::<UInt32Type>(name, chunks)?,
        DataType::UInt64 => whole::<UInt64Type>(name, chunks)?,
        DataType::Boolean => HeldValues::F32(chunks.iter().map(truth).collect()),
        // A column of nulls has no type of its own: every value is missing.
        DataType::Null => HeldValues::F32(chunks.iter().map(|c| PrimitiveArray::new_null(c.len())).collect()),
        other => {
            return Err(Error::Type(format!(
                "column {name:?} has type {other}, wanted numbers, booleans, text or categories (turn dates into numbers first)"
            )));
        }
    })
}

fn truth(array: &ArrayRef) -> PrimitiveArray<Float32Type> {
    array.as_boolean().iter().map(|value| value.map(|truth| f32::from(u8::from(truth)))).collect()
}

/// Largest whole number up to which every whole number is an f32, or an f64.
const EXACT_F32: i128 = 1 << 24;
const EXACT_F64: i128 = 1 << 53;

fn whole<T>(name: &str, chunks: &[ArrayRef]) -> Result<HeldValues>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i128>,
{
    let arrays: Vec<&PrimitiveArray<T>> = chunks.iter().map(AsArray::as_primitive::<T>).collect();
    let magnitude = |value: T::Native| Into::<i128>::into(value).abs();
    let largest = arrays.iter().flat_map(|array| array.iter().flatten()).map(magnitude).max().unwrap_or(0);
    if largest > EXACT_F64 {
        return Err(Error::Value(format!(
            "column {name:?} holds the whole number {largest} in size, wanted at most 2**53, beyond which floats are not exact"
        )));
    }
    Ok(if largest <= EXACT_F32 {
        HeldValues::F32(arrays.iter().map(|array| array.unary(|value| Into::<i128>::into(value) as f32)).collect())
    } else {
        HeldValues::F64(arrays.iter().map(|array| array.unary(|value| Into::<i128>::into(value) as f64)).collect())
    })
}

fn dictionary(name: &str, key: &DataType, value: &DataType, chunks: &[ArrayRef]) -> Result<HeldValues> {
    match key {
        DataType::Int8 => dictionary_of::<Int8Type>(name, value, chunks),
        DataType::Int16 => dictionary_of::<Int16Type>(name, value, chunks),
        DataType::Int32 => dictionary_of::<Int32Type>(name, value, chunks),
        DataType::Int64 => dictionary_of::<Int64Type>(name, value, chunks),
        DataType::UInt8 => dictionary_of::<UInt8Type>(name, value, chunks),
        DataType::UInt16 => dictionary_of::<UInt16Type>(name, value, chunks),
        DataType::UInt32 => dictionary_of::<UInt32Type>(name, value, chunks),
        DataType::UInt64 => dictionary_of::<UInt64Type>(name, value, chunks),
        other => Err(Error::Type(format!("column {name:?} has dictionary keys of type {other}, wanted whole numbers"))),
    }
}

fn dictionary_of<K: ArrowDictionaryKeyType>(name: &str, value: &DataType, chunks: &[ArrayRef]) -> Result<HeldValues> {
    let arrays: Vec<&DictionaryArray<K>> = chunks.iter().map(AsArray::as_dictionary::<K>).collect();
    if matches!(value, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        let levels: Vec<Vec<Option<&str>>> = arrays.iter().map(|array| texts(array.values())).collect();
        let rows = arrays
            .iter()
            .zip(&levels)
            .flat_map(|(array, levels)| keys(array).map(|key| key.and_then(|key| levels[key])));
        return Ok(HeldValues::Category(CategoryColumn::encode(rows)));
    }
    // Categories that are numbers: decoded to numbers, which are then categories by their value.
    let decoded = arrays.iter().map(|array| {
        let levels = match numbers(name, value, std::slice::from_ref(array.values()))? {
            HeldValues::F32(levels) => levels[0].unary(f64::from),
            HeldValues::F64(mut levels) => levels.swap_remove(0),
            HeldValues::Category(_) => {
                return Err(Error::Type(format!("column {name:?} has categories of type {value}")));
            }
        };
        let at = |key: usize| levels.is_valid(key).then(|| levels.value(key));
        Ok(keys(array).map(|key| key.and_then(at)).collect::<PrimitiveArray<Float64Type>>())
    });
    let decoded = decoded.collect::<Result<Vec<_>>>()?;
    let is_f32 = |x: f64| x.is_nan() || f64::from(x as f32) == x;
    if decoded.iter().flat_map(|array| array.iter().flatten()).all(is_f32) {
        return Ok(HeldValues::F32(decoded.iter().map(|array| array.unary(|x| x as f32)).collect()));
    }
    Ok(HeldValues::F64(decoded))
}

fn keys<K: ArrowDictionaryKeyType>(array: &DictionaryArray<K>) -> impl Iterator<Item = Option<usize>> + '_ {
    array.keys_iter()
}
