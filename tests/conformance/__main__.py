"""Ask Arsenal, onnxruntime and ONNX's reference evaluator every case, and print the page of pass rates.

``python -m conformance [PAGE]`` also writes it to PAGE.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from conformance.case import Case
from conformance.cases import all_cases
from conformance.compare import difference
from conformance.expected import expected
from conformance.node_cases import node_cases
from conformance.page import page
from conformance.runtimes import RUNTIMES
from conformance.scores import Question, score


def main() -> None:
    own = [Question(case.operator, case.name, case.model(), case.feed(), partial(fault, case)) for case in all_cases()]
    by_operator, _ = node_cases()
    official = [
        Question(case.operator, case.name, case.model, case.feed, case.fault)
        for cases in by_operator.values()
        for case in cases
    ]
    text = page(
        {name: score(name, own) for name in RUNTIMES},
        {name: score(name, official) for name in RUNTIMES if "spec" not in name},
    )
    print(text)
    for path in sys.argv[1:]:
        Path(path).write_text(text)


def fault(case: Case, got: list[Any]) -> str | None:
    return difference(case, got, expected(case))


if __name__ == "__main__":
    main()
