//! Sessions over a model of two columns, a number and a string: five trees of four leaves that say "late" of short
//! flights of the carrier EV, exported by `arsenal.deployment.export_onnx`.

use std::sync::Arc;
use std::thread;

use arsenal_runtime::{DType, Error, Input, Options, Output, Session, Tensor, Text, Values, Workspace};

const FLIGHTS: &[u8] = include_bytes!("flights.onnx");

// The bits of what arsenal.deployment.InferenceSession gives for (300, "EV") and (4000, "UA").
const WANTED: [u32; 4] = [0x3f7c_66c7, 0x3c66_4e4b, 0x3c1e_bd80, 0x3f7d_850a];

fn flights() -> Session {
    Session::from_bytes(FLIGHTS).expect("the model is valid")
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.values::<f32>().expect("floats").iter().map(|value| value.to_bits()).collect()
}

fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("must fail").to_string()
}

#[test]
fn tells_what_the_model_takes_and_gives() {
    let session = Session::load(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flights.onnx")).expect("the file is there");
    let inputs: Vec<_> =
        session.inputs().iter().map(|info| (info.name.as_str(), info.dtype, info.dims.clone())).collect();
    let column = Some(vec![None, Some(1)]);
    assert_eq!(inputs, [("distance", Some(DType::F32), column.clone()), ("carrier", Some(DType::String), column)]);
    let outputs: Vec<_> = session.outputs().iter().map(|info| (info.name.as_str(), info.dtype)).collect();
    assert_eq!(outputs, [("label", Some(DType::String)), ("probabilities", Some(DType::F32))]);
    assert_eq!(session.output_index("probabilities"), Ok(1));
    let metadata = session.metadata().expect("the metadata are there");
    assert!(metadata.contains(&("arsenal.classes".to_owned(), r#"["late","on time"]"#.to_owned())), "{metadata:?}");
}

#[test]
fn gives_labels_and_the_very_scores_of_the_python_session() {
    let session = flights();
    let carriers = ["EV".into(), "UA".into()];
    let inputs =
        [Input::new(&[300.0_f32, 4000.0], &[2, 1]).unwrap(), Input::new::<Text<'_>>(&carriers, &[2, 1]).unwrap()];
    let outputs = session.run(&inputs, &["probabilities", "label"]).expect("a valid call");
    assert_eq!(outputs[0].dtype(), DType::F32);
    assert_eq!(outputs[0].shape(), [2, 2]);
    assert_eq!(bits(&outputs[0]), WANTED);
    assert_eq!(outputs[0].values::<f64>(), None);
    assert_eq!(outputs[1].clone().into_values(), Values::String(vec!["late".to_owned(), "on time".to_owned()]));
    assert_eq!(session.run(&inputs, &[]), Ok(vec![]));
}

#[test]
fn writes_to_the_callers_memory() {
    let session = flights();
    let indices = [session.output_index("label").unwrap(), session.output_index("probabilities").unwrap()];
    let binding = session.bind(&[&[2, 1], &[2, 1]], &indices).expect("a valid call");
    assert_eq!(binding.output_shapes, [vec![2], vec![2, 2]]);
    let mut workspace = Workspace::new(binding.workspace_bytes);
    let mut labels = [Text::default(); 2];
    let mut scores = [0.0_f32; 4];
    let carriers: [Text<'_>; 2] = ["EV".into(), "UA".into()];
    let inputs = [Input::new(&[300.0_f32, 4000.0], &[2, 1]).unwrap(), Input::new(&carriers, &[2, 1]).unwrap()];
    let mut outputs = [Output::new(&mut labels, &[2]).unwrap(), Output::new(&mut scores, &[2, 2]).unwrap()];
    session.run_into(&inputs, &indices, &mut outputs, &mut workspace).expect("a valid call");
    assert_eq!(labels.map(|label| label.to_str().unwrap()), ["late", "on time"]);
    assert_eq!(scores.map(f32::to_bits), WANTED);
}

#[test]
fn threads_share_a_session() {
    let session = Arc::new(flights());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let session = Arc::clone(&session);
            thread::spawn(move || {
                let carriers = ["EV".into(), "UA".into()];
                let inputs = [
                    Input::new(&[300.0_f32, 4000.0], &[2, 1]).unwrap(),
                    Input::new::<Text<'_>>(&carriers, &[2, 1]).unwrap(),
                ];
                (0..200).all(|_| bits(&session.run(&inputs, &["probabilities"]).unwrap()[0]) == WANTED)
            })
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
}

#[test]
fn errors_have_a_kind_and_say_what_got_and_wanted() {
    assert!(
        matches!(Session::load("/nowhere/model.onnx"), Err(Error::Io(text)) if text.contains("/nowhere/model.onnx"))
    );
    assert!(matches!(Session::load("a\0b"), Err(Error::InvalidArgument(_))));
    assert!(matches!(Session::from_bytes(&FLIGHTS[..900]), Err(Error::InvalidModel(_))));
    let options = Options { max_tree_nodes: 10, ..Options::default() };
    assert!(matches!(Session::from_bytes_with(FLIGHTS, &options), Err(Error::LimitExceeded(_))));

    let session = flights();
    let said = message(session.run(&[], &["scores"]));
    assert_eq!(said, r#"the model has no output "scores", it has ["label", "probabilities"]"#);
    assert!(matches!(session.run(&[], &["label"]), Err(Error::InvalidArgument(_))));
    assert!(matches!(session.bind(&[&[1; 9], &[1, 1]], &[0]), Err(Error::InvalidArgument(_))));
    assert!(matches!(session.bind(&[&[1, 1], &[1, 1]], &[2]), Err(Error::InvalidArgument(_))));

    let carrier: [Text<'_>; 1] = ["EV".into()];
    let number = Input::new(&[300.0_f64], &[1, 1]).unwrap();
    let wrong = session.run(&[number, Input::new(&carrier, &[1, 1]).unwrap()], &["label"]);
    assert!(matches!(&wrong, Err(Error::DTypeMismatch(text)) if text.contains("distance")), "{wrong:?}");
    let number = Input::new(&[300.0_f32, 1.0], &[1, 2]).unwrap();
    let wrong = session.run(&[number, Input::new(&carrier, &[1, 1]).unwrap()], &["label"]);
    assert!(matches!(&wrong, Err(Error::ShapeMismatch(text)) if text.contains("distance")), "{wrong:?}");
}

#[test]
fn tensors_are_as_long_as_their_shapes() {
    let said = message(Input::new(&[1.0_f32; 3], &[2, 2]));
    assert_eq!(said, "the data has 3 elements, its shape is [2, 2]");
    assert!(Input::new(&[1_i64; 4], &[2, 2]).is_ok());
    assert!(Input::new(&[true], &[]).is_ok());
    assert!(Input::new::<f32>(&[], &[0, 4]).is_ok());
    for shape in [&[-1, -4][..], &[i64::MAX, 4, 1 << 62], &[2, 3]] {
        assert!(Input::new(&[0.0_f32; 4], shape).is_err(), "{shape:?}");
        assert!(Output::new(&mut [0.0_f32; 4], shape).is_err(), "{shape:?}");
    }
    assert!(matches!(Input::new(&[1_u8], &[1; 9]), Err(Error::InvalidArgument(_))));
    let session = flights();
    let mut labels = [Text::default()];
    let mut outputs = [Output::new(&mut labels, &[1]).unwrap()];
    let said = message(session.run_into(&[], &[], &mut outputs, &mut Workspace::default()));
    assert_eq!(said, "there are 0 output indices for 1 outputs");
}
