//! Outputs that own their values.

use crate::DType;

/// An output of [`Session::run`](crate::Session::run), in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub(crate) shape: Vec<i64>,
    pub(crate) values: Values,
}

/// The elements of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "a name says its dtype")]
pub enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    String(Vec<String>),
}

impl Tensor {
    /// Its extents.
    pub fn shape(&self) -> &[i64] {
        &self.shape
    }

    /// The type of its elements.
    pub fn dtype(&self) -> DType {
        match self.values {
            Values::F32(_) => DType::F32,
            Values::F64(_) => DType::F64,
            Values::I8(_) => DType::I8,
            Values::I16(_) => DType::I16,
            Values::I32(_) => DType::I32,
            Values::I64(_) => DType::I64,
            Values::U8(_) => DType::U8,
            Values::U16(_) => DType::U16,
            Values::U32(_) => DType::U32,
            Values::U64(_) => DType::U64,
            Values::String(_) => DType::String,
        }
    }

    /// Its elements, if they are of type `T`.
    pub fn values<T: Value>(&self) -> Option<&[T]> {
        T::of(&self.values)
    }

    /// Its elements, whatever their type.
    pub fn into_values(self) -> Values {
        self.values
    }
}

/// A type of [`Values`].
pub trait Value: Sized {
    #[doc(hidden)]
    fn of(values: &Values) -> Option<&[Self]>;
}

macro_rules! value {
    ($($type:ty => $variant:ident),*) => {$(
        impl Value for $type {
            fn of(values: &Values) -> Option<&[$type]> {
                if let Values::$variant(values) = values { Some(values) } else { None }
            }
        }
    )*};
}
value!(f32 => F32, f64 => F64, i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32,
       u64 => U64, String => String);
