//! The written bytes are decoded with the same messages and compared with the ensemble; onnxruntime and the onnx package read them
//! in `tests/python/deployment`.

mod decode;
mod ensembles;
mod errors;
mod foreign;
mod forms;
mod golden;
mod properties;
