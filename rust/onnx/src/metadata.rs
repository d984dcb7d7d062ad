//! What a file says about itself.

use std::collections::BTreeSet;

use arsenal_core::ensemble::TreeEnsemble;
use arsenal_core::{Error, Result, value_error};
use prost::Message;

use crate::proto::{ModelMetadata, StringStringEntryProto};
use crate::{ClassLabels, Options};

/// Our own entries, then the caller's.
pub fn entries(ensemble: &TreeEnsemble, options: &Options) -> Result<Vec<StringStringEntryProto>> {
    let names: Vec<&str> = ensemble.features.iter().map(|feature| feature.name.as_str()).collect();
    let mut entries = vec![
        entry("arsenal.version", &options.producer_version),
        entry("arsenal.model", &options.model_name),
        entry("arsenal.feature_names", &serde_json::json!(names).to_string()),
    ];
    if let Some(labels) = &options.class_labels {
        entries.push(entry("arsenal.classes", &json(labels).to_string()));
    }
    let taken = entries.iter().map(|entry| entry.key.clone()).collect();
    entries.extend(checked(taken, &options.metadata)?);
    Ok(entries)
}

fn json(labels: &ClassLabels) -> serde_json::Value {
    match labels {
        ClassLabels::Int64s(labels) => serde_json::json!(labels),
        ClassLabels::Strings(labels) => serde_json::json!(labels),
        ClassLabels::Several(outputs) => outputs.iter().map(json).collect(),
    }
}

/// The bytes of an ONNX file with more metadata entries. The graph is copied as it is, not decoded.
///
/// # Errors
/// [`Error::Corrupt`] if `model` is no ONNX file; [`Error::Value`] if a key is empty, is in the file already, or is given twice.
pub fn append_metadata(model: &[u8], entries: &[(String, String)]) -> Result<Vec<u8>> {
    let present = ModelMetadata::decode(model)
        .ok()
        .filter(|model| model.ir_version > 0)
        .ok_or_else(|| Error::Corrupt(format!("these {} bytes are not an ONNX model", model.len())))?;
    let taken = present.metadata_props.into_iter().map(|entry| entry.key).collect();
    let appended = ModelMetadata { ir_version: 0, metadata_props: checked(taken, entries)? };
    // Joined protobuf messages are one merged message: repeated fields are appended, and what is not written stays as it was.
    let mut bytes = Vec::with_capacity(model.len() + appended.encoded_len());
    bytes.extend_from_slice(model);
    bytes.extend_from_slice(&appended.encode_to_vec());
    Ok(bytes)
}

fn checked(mut taken: BTreeSet<String>, entries: &[(String, String)]) -> Result<Vec<StringStringEntryProto>> {
    let mut checked = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if key.is_empty() {
            return value_error!("a metadata key is empty, with the value {value:?}");
        }
        if !taken.insert(key.clone()) {
            return value_error!("the metadata key {key:?} is there twice");
        }
        checked.push(entry(key, value));
    }
    Ok(checked)
}

fn entry(key: &str, value: &str) -> StringStringEntryProto {
    StringStringEntryProto { key: key.to_owned(), value: Some(value.to_owned()) }
}
