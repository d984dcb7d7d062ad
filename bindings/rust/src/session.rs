//! A loaded model.

use std::path::Path;

use crate::ffi::{Handle, Input, Output, Text, Writable};
use crate::{DType, Error, Options, Result, Tensor, Values, Workspace};

/// A loaded model: immutable, and safe to run from any number of threads at once without a lock.
#[derive(Debug)]
pub struct Session {
    handle: Handle,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    /// Its name in the file.
    pub name: String,
    /// The type of its elements; `None` if the model does not tell.
    pub dtype: Option<DType>,
    /// Its extents, `None` where one is known at run time only; `None` if the model does not tell the rank.
    pub dims: Option<Vec<Option<i64>>>,
}

/// What [`Session::bind`] tells about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The shape of each output that was asked for.
    pub output_shapes: Vec<Vec<i64>>,
    /// The size of a [`Workspace`] with which the call allocates nothing.
    pub workspace_bytes: usize,
}

impl Session {
    /// Loads a model from a file, with the default [`Options`].
    pub fn load(path: impl AsRef<Path>) -> Result<Session> {
        Session::load_with(path, &Options::default())
    }

    /// Loads a model from a file.
    pub fn load_with(path: impl AsRef<Path>, options: &Options) -> Result<Session> {
        Session::of(Handle::load(path.as_ref(), options)?)
    }

    /// Loads a model from memory, with the default [`Options`]. Nothing points into `bytes` afterwards.
    pub fn from_bytes(bytes: &[u8]) -> Result<Session> {
        Session::from_bytes_with(bytes, &Options::default())
    }

    /// Loads a model from memory.
    pub fn from_bytes_with(bytes: &[u8], options: &Options) -> Result<Session> {
        Session::of(Handle::from_bytes(bytes, options)?)
    }

    fn of(handle: Handle) -> Result<Session> {
        let inputs = (0..handle.n_inputs()).map(|i| handle.input_info(i)).collect::<Result<_>>()?;
        let outputs = (0..handle.n_outputs()).map(|i| handle.output_info(i)).collect::<Result<_>>()?;
        Ok(Session { handle, inputs, outputs })
    }

    /// What the model takes.
    pub fn inputs(&self) -> &[ValueInfo] {
        &self.inputs
    }

    /// What the model gives.
    pub fn outputs(&self) -> &[ValueInfo] {
        &self.outputs
    }

    /// The place of an output, by its name.
    pub fn output_index(&self, name: &str) -> Result<usize> {
        self.outputs.iter().position(|output| output.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.outputs.iter().map(|output| output.name.as_str()).collect();
            Error::InvalidArgument(format!("the model has no output {name:?}, it has {names:?}"))
        })
    }

    /// The entries of the model's `metadata_props`, in the order of the file.
    pub fn metadata(&self) -> Result<Vec<(String, String)>> {
        self.handle.metadata()
    }

    /// Runs the model: one tensor per input, in the order of [`inputs`](Session::inputs). Gives the outputs of these
    /// names; only what they need is computed.
    pub fn run(&self, inputs: &[Input<'_>], names: &[&str]) -> Result<Vec<Tensor>> {
        let indices = names.iter().map(|name| self.output_index(name)).collect::<Result<Vec<_>>>()?;
        let shapes: Vec<&[i64]> = inputs.iter().map(Input::shape).collect();
        let binding = self.bind(&shapes, &indices)?;
        let mut workspace = Workspace::new(binding.workspace_bytes);
        let mut buffers = indices
            .iter()
            .zip(&binding.output_shapes)
            .map(|(&index, shape)| Buffer::new(&self.outputs[index], shape))
            .collect::<Result<Vec<_>>>()?;
        let mut outputs = buffers
            .iter_mut()
            .zip(&binding.output_shapes)
            .map(|(buffer, shape)| buffer.output(shape))
            .collect::<Result<Vec<_>>>()?;
        self.run_into(inputs, &indices, &mut outputs, &mut workspace)?;
        drop(outputs);
        buffers
            .into_iter()
            .zip(binding.output_shapes)
            .map(|(buffer, shape)| Ok(Tensor { shape, values: buffer.into_values()? }))
            .collect()
    }

    /// Tells the shapes of outputs for given shapes of the inputs, and the workspace that the call wants.
    pub fn bind(&self, input_shapes: &[&[i64]], outputs: &[usize]) -> Result<Binding> {
        self.handle.bind(input_shapes, outputs)
    }

    /// Runs the model, and writes the outputs of these indices to memory of the caller.
    ///
    /// Nothing is allocated if the workspace has the size that [`bind`](Session::bind) tells, and for a row of a tree
    /// model not without one either. With one thread no lock is taken. Texts that are written live as long as the
    /// session and the input's texts do. After an error the outputs' contents are unspecified.
    ///
    /// ```
    /// # use arsenal_runtime::{Input, Output, Session, Text, Workspace};
    /// # let session = Session::load(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flights.onnx"))?;
    /// let which = [session.output_index("probabilities")?];
    /// let mut probabilities = [0.0_f32; 2];
    /// let carrier = [Text::from("EV")];
    /// let row = [Input::new(&[300.0_f32], &[1, 1])?, Input::new(&carrier, &[1, 1])?];
    /// let mut outputs = [Output::new(&mut probabilities, &[1, 2])?];
    /// session.run_into(&row, &which, &mut outputs, &mut Workspace::default())?;
    /// assert!(probabilities[0] > 0.9);
    /// # Ok::<(), arsenal_runtime::Error>(())
    /// ```
    pub fn run_into<'a>(
        &'a self,
        inputs: &[Input<'a>],
        output_indices: &[usize],
        outputs: &mut [Output<'_, 'a>],
        workspace: &mut Workspace,
    ) -> Result<()> {
        self.handle.run(inputs, output_indices, outputs, workspace)
    }
}

/// What an output is written to before it owns its values: texts still point elsewhere.
enum Buffer<'a> {
    Values(Values),
    Texts(Vec<Text<'a>>),
}

impl<'a> Buffer<'a> {
    fn new(info: &ValueInfo, shape: &[i64]) -> Result<Buffer<'a>> {
        let n = shape.iter().product::<i64>() as usize;
        Ok(Buffer::Values(match info.dtype {
            Some(DType::F32) => Values::F32(zeros(n)),
            Some(DType::F64) => Values::F64(zeros(n)),
            Some(DType::I8) => Values::I8(zeros(n)),
            Some(DType::I16) => Values::I16(zeros(n)),
            Some(DType::I32) => Values::I32(zeros(n)),
            Some(DType::I64) => Values::I64(zeros(n)),
            Some(DType::U8) => Values::U8(zeros(n)),
            Some(DType::U16) => Values::U16(zeros(n)),
            Some(DType::U32) => Values::U32(zeros(n)),
            Some(DType::U64) => Values::U64(zeros(n)),
            Some(DType::String) => return Ok(Buffer::Texts(zeros(n))),
            other => {
                return Err(Error::Unsupported(format!(
                    "output {:?} has dtype {other:?}, which has no Rust type here",
                    info.name
                )));
            }
        }))
    }

    fn output<'o>(&'o mut self, shape: &'o [i64]) -> Result<Output<'o, 'a>> {
        match self {
            Buffer::Values(Values::F32(values)) => Output::new(values, shape),
            Buffer::Values(Values::F64(values)) => Output::new(values, shape),
            Buffer::Values(Values::I8(values)) => Output::new(values, shape),
            Buffer::Values(Values::I16(values)) => Output::new(values, shape),
            Buffer::Values(Values::I32(values)) => Output::new(values, shape),
            Buffer::Values(Values::I64(values)) => Output::new(values, shape),
            Buffer::Values(Values::U8(values)) => Output::new(values, shape),
            Buffer::Values(Values::U16(values)) => Output::new(values, shape),
            Buffer::Values(Values::U32(values)) => Output::new(values, shape),
            Buffer::Values(Values::U64(values)) => Output::new(values, shape),
            Buffer::Values(Values::String(_)) => unreachable!("strings are written as texts"),
            Buffer::Texts(texts) => Output::new(texts, shape),
        }
    }

    fn into_values(self) -> Result<Values> {
        match self {
            Buffer::Values(values) => Ok(values),
            Buffer::Texts(texts) => {
                Ok(Values::String(texts.iter().map(|text| text.to_str().map(String::from)).collect::<Result<_>>()?))
            }
        }
    }
}

fn zeros<'a, T: Writable<'a> + Default>(n: usize) -> Vec<T> {
    vec![T::default(); n]
}
