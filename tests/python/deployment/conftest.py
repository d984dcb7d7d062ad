"""What the session's tests share: the rival that scores must agree with."""

from __future__ import annotations

from collections.abc import Callable

import onnxruntime
import pytest


@pytest.fixture
def rival() -> Callable[[bytes], onnxruntime.InferenceSession]:
    """onnxruntime on one thread, without its remarks on the log."""

    def load(model: bytes) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    return load
