//! Element types.

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "a name says its dtype")]
pub enum DType {
    F32,
    F64,
    F16,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    String,
}

/// Each type beside its number in ONNX.
const NUMBERS: [(DType, i32); 13] = [
    (DType::F32, 1),
    (DType::U8, 2),
    (DType::I8, 3),
    (DType::U16, 4),
    (DType::I16, 5),
    (DType::I32, 6),
    (DType::I64, 7),
    (DType::String, 8),
    (DType::Bool, 9),
    (DType::F16, 10),
    (DType::F64, 11),
    (DType::U32, 12),
    (DType::U64, 13),
];

impl DType {
    /// The number of the type in ONNX.
    pub fn number(self) -> i32 {
        NUMBERS.iter().find(|(dtype, _)| *dtype == self).map_or(0, |(_, number)| *number)
    }

    /// The type with a number of ONNX.
    pub fn from_number(number: i32) -> Option<DType> {
        NUMBERS.iter().find(|(_, known)| *known == number).map(|(dtype, _)| *dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        for (dtype, number) in NUMBERS {
            assert_eq!(dtype.number(), number);
            assert_eq!(DType::from_number(number), Some(dtype));
        }
        assert_eq!(DType::from_number(0), None);
        assert_eq!(DType::from_number(14), None);
    }
}
