"""What ai.onnx.ml says and what runtimes do: generated cases, their values by the specification's text, pass rates."""
