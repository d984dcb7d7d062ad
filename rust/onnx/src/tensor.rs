//! Tensors, attributes and value descriptions: the small change of the format.

use arsenal_core::ensemble::Dtype;
use prost::Message;
use prost::encoding::encode_varint;

use crate::proto::{
    AttributeProto, Dimension, DimensionProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto, attribute_type, data_type,
};

/// The element type of a model's float type.
pub fn float_type(dtype: Dtype) -> i32 {
    match dtype {
        Dtype::F32 => data_type::FLOAT,
        Dtype::F64 => data_type::DOUBLE,
    }
}

/// A vector of floats; f64 values are rounded to nearest where the type is f32.
pub fn floats(dtype: Dtype, values: impl IntoIterator<Item = f64>) -> TensorProto {
    let values = values.into_iter();
    let (size, bytes): (usize, Vec<u8>) = match dtype {
        Dtype::F32 => (4, values.flat_map(|value| (value as f32).to_le_bytes()).collect()),
        Dtype::F64 => (8, values.flat_map(f64::to_le_bytes).collect()),
    };
    raw(float_type(dtype), bytes.len() / size, bytes)
}

/// A vector of int64.
pub fn int64s(values: impl IntoIterator<Item = i64>) -> TensorProto {
    let bytes: Vec<u8> = values.into_iter().flat_map(i64::to_le_bytes).collect();
    raw(data_type::INT64, bytes.len() / 8, bytes)
}

/// A vector of uint8.
pub fn uint8s(values: Vec<u8>) -> TensorProto {
    raw(data_type::UINT8, values.len(), values)
}

/// A vector of strings.
pub fn strings(values: &[String]) -> TensorProto {
    TensorProto {
        dims: vec![values.len() as i64],
        data_type: data_type::STRING,
        string_data: values.iter().map(|value| value.as_bytes().to_vec()).collect(),
        name: String::new(),
        raw_data: None,
    }
}

/// A vector as a matrix of `rows` × `columns`.
pub fn matrix_of(tensor: TensorProto, rows: usize, columns: usize) -> TensorProto {
    TensorProto { dims: vec![rows as i64, columns as i64], ..tensor }
}

fn raw(data_type: i32, len: usize, bytes: Vec<u8>) -> TensorProto {
    TensorProto { dims: vec![len as i64], data_type, string_data: vec![], name: String::new(), raw_data: Some(bytes) }
}

/// A tensor of shape `[N, columns]`, or `[N]`; `N` is free.
pub fn value_info(name: &str, elem_type: i32, columns: Option<usize>) -> ValueInfoProto {
    let columns = columns.map(|columns| Dimension::Value(columns as i64));
    axes_info(name, elem_type, std::iter::once(Dimension::Param("N".into())).chain(columns))
}

/// A tensor with these axes.
pub fn axes_info(name: &str, elem_type: i32, axes: impl IntoIterator<Item = Dimension>) -> ValueInfoProto {
    let shape = TensorShapeProto { dim: axes.into_iter().map(|axis| DimensionProto { value: Some(axis) }).collect() };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(TensorTypeProto { elem_type, shape: Some(shape) }) }),
    }
}

/// An encoded `AttributeProto`.
pub type Attribute = Vec<u8>;

/// An attribute that holds one integer.
pub fn int_attribute(name: &str, value: i64) -> Attribute {
    AttributeProto { i: Some(value), ..empty(name, attribute_type::INT) }.encode_to_vec()
}

/// An attribute that holds one string.
pub fn string_attribute(name: &str, value: &str) -> Attribute {
    AttributeProto { s: Some(value.as_bytes().to_vec()), ..empty(name, attribute_type::STRING) }.encode_to_vec()
}

/// An attribute that holds a tensor.
pub fn tensor_attribute(name: &str, value: TensorProto) -> Attribute {
    AttributeProto { t: Some(value), ..empty(name, attribute_type::TENSOR) }.encode_to_vec()
}

/// An attribute that holds float32 numbers.
pub fn floats_attribute(name: &str, values: Vec<f32>) -> Attribute {
    AttributeProto { floats: values, ..empty(name, attribute_type::FLOATS) }.encode_to_vec()
}

/// An attribute that holds integers. Forests have millions, which one pass writes.
pub fn ints_attribute(name: &str, values: &[i64]) -> Attribute {
    let mut packed = Vec::with_capacity(2 * values.len());
    for &value in values {
        encode_varint(value as u64, &mut packed);
    }
    around(name, attribute_type::INTS, |bytes| {
        if !packed.is_empty() {
            put_bytes(8, &packed, bytes);
        }
    })
}

/// An attribute that holds strings.
pub fn strings_attribute<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Attribute {
    around(name, attribute_type::STRINGS, |bytes| {
        values.into_iter().for_each(|value| put_bytes(9, value.as_bytes(), bytes));
    })
}

/// An attribute whose values `put` writes between its name and its type: fields stand in the order of their numbers.
fn around(name: &str, r#type: i32, put: impl FnOnce(&mut Vec<u8>)) -> Attribute {
    let mut bytes = empty(name, 0).encode_to_vec();
    put(&mut bytes);
    bytes.extend(empty("", r#type).encode_to_vec());
    bytes
}

/// Field `number` of the wire type that has a length.
fn put_bytes(number: u64, value: &[u8], bytes: &mut Vec<u8>) {
    encode_varint(number << 3 | 2, bytes);
    encode_varint(value.len() as u64, bytes);
    bytes.extend_from_slice(value);
}

fn empty(name: &str, r#type: i32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type, ..AttributeProto::default() }
}
