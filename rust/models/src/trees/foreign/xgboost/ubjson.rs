//! Universal Binary JSON, draft 12, as XGBoost writes it: a serde deserializer over bytes.
//!
//! Containers may be nested 64 deep. A count is never trusted with memory: elements are read one by one, and an element takes at
//! least one byte, so those of types without a payload are refused in typed containers.

use serde::de::value::Error;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

const DEEPEST: usize = 64;

/// What is left of a file.
pub struct Ubjson<'de> {
    rest: &'de [u8],
    depth: usize,
}

impl<'de> Ubjson<'de> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// Whether nothing is left but no-operations.
    pub fn is_at_end(&self) -> bool {
        self.rest.iter().all(|&byte| byte == b'N')
    }

    fn take(&mut self, n: usize) -> Result<&'de [u8], Error> {
        let Some((taken, rest)) = self.rest.split_at_checked(n) else {
            return Err(Error::custom(format!(
                "the file is cut off: {n} more bytes are wanted, {} are left",
                self.rest.len()
            )));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn marker(&mut self) -> Result<u8, Error> {
        loop {
            let [marker] = self.array()?;
            if marker != b'N' {
                return Ok(marker);
            }
        }
    }

    /// Takes the next byte if it is this one.
    fn takes(&mut self, wanted: u8) -> bool {
        let is_wanted = self.rest.first() == Some(&wanted);
        if is_wanted {
            self.rest = &self.rest[1..];
        }
        is_wanted
    }

    fn integer(&mut self, marker: u8) -> Result<i64, Error> {
        Ok(match marker {
            b'i' => i64::from(i8::from_be_bytes(self.array()?)),
            b'U' => i64::from(u8::from_be_bytes(self.array()?)),
            b'I' => i64::from(i16::from_be_bytes(self.array()?)),
            b'l' => i64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?),
            other => return Err(Error::custom(format!("a length has the type {:?}", char::from(other)))),
        })
    }

    fn length(&mut self) -> Result<usize, Error> {
        let marker = self.marker()?;
        let length = self.integer(marker)?;
        usize::try_from(length).map_err(|_| Error::custom(format!("a length is {length}")))
    }

    fn text(&mut self) -> Result<&'de str, Error> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Error::custom("a string is not UTF-8"))
    }

    fn value<V: Visitor<'de>>(&mut self, marker: u8, visitor: V) -> Result<V::Value, Error> {
        match marker {
            b'Z' => visitor.visit_unit(),
            b'T' => visitor.visit_bool(true),
            b'F' => visitor.visit_bool(false),
            b'i' | b'U' | b'I' | b'l' | b'L' => visitor.visit_i64(self.integer(marker)?),
            b'd' => visitor.visit_f32(f32::from_be_bytes(self.array()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(self.array()?)),
            b'C' => visitor.visit_char(char::from(self.array::<1>()?[0])),
            b'S' | b'H' => visitor.visit_borrowed_str(self.text()?),
            b'[' => self.nested(b']', |items| visitor.visit_seq(items)),
            b'{' => self.nested(b'}', |items| visitor.visit_map(items)),
            other => Err(Error::custom(format!("a value has the unknown type {:?}", char::from(other)))),
        }
    }

    fn nested<T>(&mut self, end: u8, visit: impl FnOnce(&mut Items<'_, 'de>) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == DEEPEST {
            return Err(Error::custom(format!("values are nested more than {DEEPEST} deep")));
        }
        let element = if self.takes(b'$') { Some(self.array::<1>()?[0]) } else { None };
        let count = if self.takes(b'#') { Some(self.length()?) } else { None };
        if let Some(element) = element {
            if count.is_none() {
                return Err(Error::custom("a container has a type and no count"));
            }
            if !b"iUIlLdDCSH".contains(&element) {
                return Err(Error::custom(format!("a container holds the type {:?}", char::from(element))));
            }
        }
        self.depth += 1;
        let mut items = Items { file: self, element, count, end, is_over: false };
        let visited = visit(&mut items)?;
        // A visitor may stop early; what it left is read over.
        while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        self.depth -= 1;
        Ok(visited)
    }
}

impl<'de> Deserializer<'de> for &mut Ubjson<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let marker = self.marker()?;
        self.value(marker, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The elements of a container.
struct Items<'a, 'de> {
    file: &'a mut Ubjson<'de>,
    /// The type of all elements, if they share one.
    element: Option<u8>,
    /// How many are left, if the container says.
    count: Option<usize>,
    end: u8,
    is_over: bool,
}

impl Items<'_, '_> {
    /// Whether another element follows.
    fn advance(&mut self) -> bool {
        self.is_over = self.is_over
            || match &mut self.count {
                Some(0) => true,
                Some(count) => {
                    *count -= 1;
                    false
                }
                None => {
                    while self.file.takes(b'N') {}
                    self.file.takes(self.end)
                }
            };
        !self.is_over
    }
}

/// A value whose type is known already, if it is that of its container.
struct Element<'a, 'de>(&'a mut Ubjson<'de>, Option<u8>);

impl<'de> Deserializer<'de> for Element<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let marker = match self.1 {
            Some(marker) => marker,
            None => self.0.marker()?,
        };
        self.0.value(marker, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        Items::next_element_seed(self, seed)
    }
}

impl<'de> Items<'_, 'de> {
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if !self.advance() {
            return Ok(None);
        }
        if self.end == b'}' {
            self.file.text()?;
        }
        seed.deserialize(Element(self.file, self.element)).map(Some)
    }

    fn next_element<T: serde::Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        self.next_element_seed(std::marker::PhantomData)
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if !self.advance() {
            return Ok(None);
        }
        seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(self.file.text()?)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Element(self.file, self.element))
    }
}
