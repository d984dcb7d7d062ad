//! The C interface, `cpp/include/arsenal/runtime.h`: its declarations, and all unsafe code of this crate.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::slice;

use crate::session::{Binding, ValueInfo};
use crate::{DType, Error, Options, Result, Workspace};

const ABI_VERSION: u32 = 1;
const MAX_RANK: usize = 8;

#[repr(C)]
struct RawSession {
    _opaque: [u8; 0],
}

/// `arsenal_options`.
#[repr(C)]
struct RawOptions {
    struct_size: usize,
    n_threads: i32,
    max_tree_depth: u32,
    max_bytes: u64,
    max_graph_nodes: u64,
    max_tree_nodes: u64,
    max_workspace_bytes: u64,
}

/// `arsenal_input` and `arsenal_output`, which differ in whether `data` is const.
#[repr(C)]
#[derive(Debug)]
struct RawTensor {
    data: *mut c_void,
    dtype: i32,
    rank: i32,
    shape: *const i64,
    strides: *const i64,
}

/// `arsenal_shape`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct RawShape {
    rank: i32,
    dims: [i64; MAX_RANK],
}

/// `arsenal_value_info`.
#[repr(C)]
struct RawValueInfo {
    name: *const c_char,
    dtype: i32,
    rank: i32,
    dims: *const i64,
    dim_names: *const *const c_char,
}

/// `arsenal_metadata`.
#[repr(C)]
struct RawMetadata {
    key: *const c_char,
    value: *const c_char,
    value_size: usize,
}

unsafe extern "C" {
    fn arsenal_abi_version() -> u32;
    fn arsenal_last_error() -> *const c_char;
    fn arsenal_session_load(path: *const c_char, options: *const RawOptions, session: *mut *mut RawSession) -> c_int;
    fn arsenal_session_load_from_memory(
        data: *const c_void,
        size: usize,
        options: *const RawOptions,
        session: *mut *mut RawSession,
    ) -> c_int;
    fn arsenal_session_free(session: *mut RawSession);
    fn arsenal_session_input_count(session: *const RawSession) -> usize;
    fn arsenal_session_output_count(session: *const RawSession) -> usize;
    fn arsenal_session_input_info(session: *const RawSession, index: usize, info: *mut RawValueInfo) -> c_int;
    fn arsenal_session_output_info(session: *const RawSession, index: usize, info: *mut RawValueInfo) -> c_int;
    fn arsenal_session_metadata_count(session: *const RawSession) -> usize;
    fn arsenal_session_metadata(session: *const RawSession, index: usize, metadata: *mut RawMetadata) -> c_int;
    fn arsenal_session_bind(
        session: *const RawSession,
        input_shapes: *const RawShape,
        n_inputs: usize,
        output_indices: *const usize,
        output_shapes: *mut RawShape,
        n_outputs: usize,
        workspace_bytes: *mut usize,
    ) -> c_int;
    fn arsenal_session_run(
        session: *const RawSession,
        inputs: *const RawTensor,
        n_inputs: usize,
        output_indices: *const usize,
        outputs: *const RawTensor,
        n_outputs: usize,
        workspace: *mut c_void,
        workspace_bytes: usize,
    ) -> c_int;
}

/// A string as a tensor element. It points to where its text lies.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    data: *const u8,
    size: usize,
    lives: PhantomData<&'a str>,
}

impl<'a> Text<'a> {
    /// The bytes of the text. A model may hold strings that are no UTF-8.
    pub fn as_bytes(&self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: `data` and `size` come from a `&'a str`, or the runtime wrote them: then they describe memory of the
        // session or of an input's text, both of which live for 'a (see Session::run_into).
        unsafe { slice::from_raw_parts(self.data, self.size) }
    }

    /// The text, if it is UTF-8.
    pub fn to_str(&self) -> Result<&'a str> {
        std::str::from_utf8(self.as_bytes())
            .map_err(|error| Error::InvalidValue(format!("the text {:?} is no UTF-8: {error}", self.as_bytes())))
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Text<'a> {
        Text { data: text.as_ptr(), size: text.len(), lives: PhantomData }
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Text::from("")
    }
}

// SAFETY: a Text is a shared reference to immutable bytes.
unsafe impl Send for Text<'_> {}
// SAFETY: as above.
unsafe impl Sync for Text<'_> {}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that inputs can hold: numbers, `bool` and [`Text`].
pub trait Element: Copy + sealed::Sealed {
    /// Its name in the model.
    const DTYPE: DType;
}

/// A Rust type that outputs can hold: every [`Element`] but `bool`, for a model may hold truth values other than 0 and 1.
pub trait Writable<'a>: Element {}

macro_rules! number {
    ($($type:ty => $dtype:ident),*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const DTYPE: DType = DType::$dtype;
        }
        impl Writable<'_> for $type {}
    )*};
}
number!(f32 => F32, f64 => F64, i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32,
        u64 => U64);

impl sealed::Sealed for bool {}
impl Element for bool {
    const DTYPE: DType = DType::Bool;
}

impl sealed::Sealed for Text<'_> {}
impl Element for Text<'_> {
    const DTYPE: DType = DType::String;
}
impl<'a> Writable<'a> for Text<'a> {}

/// A tensor that a run reads: a slice of the caller's in C order, and its shape.
#[repr(transparent)]
#[derive(Debug)]
pub struct Input<'a> {
    raw: RawTensor,
    data: PhantomData<&'a [Text<'a>]>,
}

impl<'a> Input<'a> {
    /// A view of `data`, whose length must be the product of `shape`.
    pub fn new<T: Element + 'a>(data: &'a [T], shape: &'a [i64]) -> Result<Input<'a>> {
        let raw = raw_tensor(T::DTYPE, data.as_ptr().cast_mut().cast(), data.len(), shape)?;
        Ok(Input { raw, data: PhantomData })
    }

    /// Its extents.
    pub fn shape(&self) -> &'a [i64] {
        // SAFETY: `new` took both from a slice that lives for 'a.
        unsafe { slice::from_raw_parts(self.raw.shape, self.raw.rank as usize) }
    }
}

/// A tensor that a run writes: a slice of the caller's in C order, and its shape. Texts that are written live for `'a`.
#[repr(transparent)]
#[derive(Debug)]
pub struct Output<'o, 'a> {
    raw: RawTensor,
    data: PhantomData<&'o mut [Text<'a>]>,
}

impl<'o, 'a> Output<'o, 'a> {
    /// A view of `data`, whose length must be the product of `shape`.
    pub fn new<T: Writable<'a> + 'o>(data: &'o mut [T], shape: &'o [i64]) -> Result<Output<'o, 'a>> {
        let raw = raw_tensor(T::DTYPE, data.as_mut_ptr().cast(), data.len(), shape)?;
        Ok(Output { raw, data: PhantomData })
    }
}

fn raw_tensor(dtype: DType, data: *mut c_void, len: usize, shape: &[i64]) -> Result<RawTensor> {
    let wanted = shape.iter().try_fold(1_usize, |size, &dim| size.checked_mul(usize::try_from(dim).ok()?));
    if wanted != Some(len) {
        return Err(Error::InvalidArgument(format!("the data has {len} elements, its shape is {shape:?}")));
    }
    Ok(RawTensor { data, dtype: dtype.number(), rank: rank_of(shape)?, shape: shape.as_ptr(), strides: ptr::null() })
}

fn rank_of(shape: &[i64]) -> Result<i32> {
    if shape.len() > MAX_RANK {
        return Err(Error::InvalidArgument(format!("a shape has {} extents, at most {MAX_RANK} work", shape.len())));
    }
    Ok(shape.len() as i32)
}

/// An owned `arsenal_session`.
#[derive(Debug)]
pub(crate) struct Handle {
    session: NonNull<RawSession>,
}

// SAFETY: a session is immutable once it is loaded, and runtime.h promises that any thread may use and free it.
unsafe impl Send for Handle {}
// SAFETY: runtime.h: any number of threads may use one session at the same time.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the session is ours, and no call on it runs: each borrows this handle.
        unsafe { arsenal_session_free(self.session.as_ptr()) }
    }
}

impl Handle {
    pub(crate) fn load(path: &Path, options: &Options) -> Result<Handle> {
        let path = CString::new(path.as_os_str().as_encoded_bytes())
            .map_err(|_| Error::InvalidArgument(format!("the path {} holds a zero byte", path.display())))?;
        let options = raw_options(options);
        // SAFETY: `path` ends with a zero byte, and all three pointers are valid during the call.
        Handle::loaded(|session| unsafe { arsenal_session_load(path.as_ptr(), &raw const options, session) })
    }

    pub(crate) fn from_bytes(bytes: &[u8], options: &Options) -> Result<Handle> {
        let options = raw_options(options);
        // SAFETY: pointer and size are those of a slice, and all pointers are valid during the call.
        Handle::loaded(|session| unsafe {
            arsenal_session_load_from_memory(bytes.as_ptr().cast(), bytes.len(), &raw const options, session)
        })
    }

    fn loaded(load: impl FnOnce(*mut *mut RawSession) -> c_int) -> Result<Handle> {
        // SAFETY: takes nothing, and is there in every version.
        check_abi(unsafe { arsenal_abi_version() })?;
        let mut session = ptr::null_mut();
        check(load(&raw mut session))?;
        let session = NonNull::new(session).ok_or_else(|| Error::Internal("a load gave no session".to_owned()))?;
        Ok(Handle { session })
    }

    pub(crate) fn n_inputs(&self) -> usize {
        // SAFETY: the session is alive.
        unsafe { arsenal_session_input_count(self.session.as_ptr()) }
    }

    pub(crate) fn n_outputs(&self) -> usize {
        // SAFETY: the session is alive.
        unsafe { arsenal_session_output_count(self.session.as_ptr()) }
    }

    pub(crate) fn input_info(&self, index: usize) -> Result<ValueInfo> {
        // SAFETY: the session is alive, and `info` valid during the call.
        self.value_info(|session, info| unsafe { arsenal_session_input_info(session, index, info) })
    }

    pub(crate) fn output_info(&self, index: usize) -> Result<ValueInfo> {
        // SAFETY: the session is alive, and `info` valid during the call.
        self.value_info(|session, info| unsafe { arsenal_session_output_info(session, index, info) })
    }

    fn value_info(&self, ask: impl FnOnce(*const RawSession, *mut RawValueInfo) -> c_int) -> Result<ValueInfo> {
        let mut info = RawValueInfo { name: ptr::null(), dtype: 0, rank: 0, dims: ptr::null(), dim_names: ptr::null() };
        check(ask(self.session.as_ptr(), &raw mut info))?;
        let dims = usize::try_from(info.rank).ok().map(|rank| {
            // SAFETY: runtime.h: `dims` has `rank` extents, NULL only if there are none, and lives with the session.
            let dims = if rank == 0 { &[] } else { unsafe { slice::from_raw_parts(info.dims, rank) } };
            dims.iter().map(|&dim| (dim >= 0).then_some(dim)).collect()
        });
        // SAFETY: runtime.h: a string that ends with a zero byte and lives with the session.
        let name = unsafe { CStr::from_ptr(info.name) }.to_string_lossy().into_owned();
        Ok(ValueInfo { name, dtype: DType::from_number(info.dtype), dims })
    }

    pub(crate) fn metadata(&self) -> Result<Vec<(String, String)>> {
        // SAFETY: the session is alive.
        let count = unsafe { arsenal_session_metadata_count(self.session.as_ptr()) };
        (0..count).map(|index| self.metadata_entry(index)).collect()
    }

    fn metadata_entry(&self, index: usize) -> Result<(String, String)> {
        let mut entry = RawMetadata { key: ptr::null(), value: ptr::null(), value_size: 0 };
        // SAFETY: the session is alive, and `entry` valid during the call.
        check(unsafe { arsenal_session_metadata(self.session.as_ptr(), index, &raw mut entry) })?;
        // SAFETY: runtime.h: the key ends with a zero byte, the value has `value_size` bytes at a pointer that is not
        // null, and both live with the session.
        let (key, value) = unsafe {
            (CStr::from_ptr(entry.key).to_bytes(), slice::from_raw_parts(entry.value.cast::<u8>(), entry.value_size))
        };
        Ok((String::from_utf8_lossy(key).into_owned(), String::from_utf8_lossy(value).into_owned()))
    }

    pub(crate) fn bind(&self, input_shapes: &[&[i64]], output_indices: &[usize]) -> Result<Binding> {
        let inputs = input_shapes.iter().map(|shape| raw_shape(shape)).collect::<Result<Vec<_>>>()?;
        let mut outputs = vec![RawShape::default(); output_indices.len()];
        let mut workspace_bytes = 0;
        // SAFETY: the session is alive; the arrays have the lengths that go with them.
        check(unsafe {
            arsenal_session_bind(
                self.session.as_ptr(),
                inputs.as_ptr(),
                inputs.len(),
                output_indices.as_ptr(),
                outputs.as_mut_ptr(),
                outputs.len(),
                &raw mut workspace_bytes,
            )
        })?;
        let output_shapes = outputs.iter().map(|shape| shape.dims[..shape.rank as usize].to_vec()).collect();
        Ok(Binding { output_shapes, workspace_bytes })
    }

    pub(crate) fn run<'a>(
        &'a self,
        inputs: &[Input<'a>],
        output_indices: &[usize],
        outputs: &mut [Output<'_, 'a>],
        workspace: &mut Workspace,
    ) -> Result<()> {
        if output_indices.len() != outputs.len() {
            let (indices, tensors) = (output_indices.len(), outputs.len());
            return Err(Error::InvalidArgument(format!("there are {indices} output indices for {tensors} outputs")));
        }
        // SAFETY: the session is alive. Inputs and outputs are transparent over the C structs, and each describes a
        // slice that lives during the call, with its dtype and as many elements as its shape says; the outputs are
        // borrowed mutably, so they overlap nothing. The workspace has the size and alignment that runtime.h wants, and
        // is ours alone. Texts that are written point into the session or to inputs' texts, which live for 'a.
        check(unsafe {
            arsenal_session_run(
                self.session.as_ptr(),
                inputs.as_ptr().cast(),
                inputs.len(),
                output_indices.as_ptr(),
                outputs.as_ptr().cast(),
                outputs.len(),
                workspace.as_mut_ptr(),
                workspace.bytes(),
            )
        })
    }
}

fn raw_options(options: &Options) -> RawOptions {
    RawOptions {
        struct_size: size_of::<RawOptions>(),
        n_threads: options.n_threads,
        max_tree_depth: options.max_tree_depth,
        max_bytes: options.max_bytes,
        max_graph_nodes: options.max_graph_nodes,
        max_tree_nodes: options.max_tree_nodes,
        max_workspace_bytes: options.max_workspace_bytes,
    }
}

fn raw_shape(shape: &[i64]) -> Result<RawShape> {
    let mut raw = RawShape { rank: rank_of(shape)?, ..RawShape::default() };
    raw.dims[..shape.len()].copy_from_slice(shape);
    Ok(raw)
}

fn check_abi(found: u32) -> Result<()> {
    if found != ABI_VERSION {
        return Err(Error::Unsupported(format!(
            "the linked library has ABI version {found}, this crate was made for {ABI_VERSION}"
        )));
    }
    Ok(())
}

/// The error of a status, with what the library has to say about it.
fn check(status: c_int) -> Result<()> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: runtime.h: a string that ends with a zero byte, valid until the next failure on this thread.
    let message = unsafe { CStr::from_ptr(arsenal_last_error()) }.to_string_lossy().into_owned();
    Err(Error::from_status(status, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_another_interface_is_refused() {
        assert_eq!(check_abi(ABI_VERSION), Ok(()));
        let error = check_abi(7).unwrap_err();
        assert_eq!(error.message(), "the linked library has ABI version 7, this crate was made for 1");
    }

    #[test]
    fn texts_are_read_back() {
        assert_eq!(Text::from("Göteborg").to_str(), Ok("Göteborg"));
        assert_eq!(Text::default().to_str(), Ok(""));
        let half = Text { size: 2, ..Text::from("Göteborg") };
        assert!(matches!(half.to_str(), Err(Error::InvalidValue(_))));
    }
}
