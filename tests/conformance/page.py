"""docs/conformance.md, written from what the runtimes answered."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version

from conformance.differences import DIFFERENCES
from conformance.node_cases import node_cases
from conformance.scores import Score

Scores = dict[str, dict[str, Score]]

INTRODUCTION = """\
# Conformance

What the runtime gives beside what the ONNX specification says, and beside onnxruntime {onnxruntime} and the reference
evaluator of onnx {onnx}. `make conformance` runs every case anew and writes this page.
"""

SUITE = """\
## ai.onnx.ml

ONNX's own tests have 8 cases for these operators. This suite has **{n_cases:,} cases**: each operator in each version
and dtype with ordinary rows, NaN, ±∞, −0, subnormal numbers, rows on a threshold and next to it on either side, no
row, one row, a row as `[C]`, strings, ties and repeated keys. They are generated from tables in
`tests/conformance/cases`. The values that are wanted come from none of the runtimes: `tests/conformance/expected`
reads the specification's text in plain NumPy, and asks for nothing where the text is silent. Sums of trees,
comparisons and look-ups must be exact.

The table counts the cases passed. A runtime that has no kernel for a dtype, or that refuses or ends the process, has
not passed. Arsenal stands here twice: as it is by default, and with `InferenceSession(model, compat="spec")`. What it
does not pass by default are the cases that the section on onnxruntime and the text explains, and no others.
"""

OFFICIAL = """\
## ONNX's own node tests

All single-node tests of the operators that the runtime has, by this rule: the values are tensors of float, double,
int8, uint8, int32, int64, bool or string, or the operator is one of ai.onnx.ml; and it is inference, not training.
Operands that decide a shape are initializers, for every runtime.
"""

DIFFERING = """\
## Where onnxruntime and the text disagree

Models are made by converters, and converters are tested with onnxruntime. By default Arsenal therefore does as
onnxruntime does in the following cases. `compat="spec"` follows the text in all of them; from C, set `compat` of
`arsenal_options` to `ARSENAL_COMPAT_SPEC`.
"""

CONVERTERS = """\
## Converters

What converters write of models is tested beside the libraries that learned them: skl2onnx's files of scikit-learn's
estimators, onnxmltools' of LightGBM and XGBoost, and CatBoost's own export. On rows of real tables and the float32
numbers next to them every tree of LightGBM, XGBoost and CatBoost takes the library's leaf, missing values included
(LightGBM's categories on the rows alone), and a sum differs by its rounding.
"""

LEFT_OUT = """\
## Node tests left out

{n} tests of the runtime's operators are left out by the rule above:
"""


def page(suite: Scores, official: Scores) -> str:
    n_cases = sum(score.n_cases for score in suite["arsenal"].values())
    versions = {name: version(name) for name in ("onnx", "onnxruntime")}
    parts = [
        INTRODUCTION.format(**versions),
        SUITE.format(n_cases=n_cases),
        table(suite),
        *crashes(suite),
        OFFICIAL,
        table(official),
        *crashes(official),
        DIFFERING,
        differences(),
        CONVERTERS,
        left_out(),
    ]
    return "\n".join(parts)


def table(scores: Scores) -> str:
    """Passed cases per operator and runtime, and the share of all."""
    operators = sorted(next(iter(scores.values())))
    lines = ["| operator | cases | " + " | ".join(scores) + " |", "| --- | ---: |" + " ---: |" * len(scores)]
    for operator in operators:
        own = [by_operator[operator] for by_operator in scores.values()]
        lines.append(f"| {operator} | {own[0].n_cases:,} | " + " | ".join(f"{one.passed:,}" for one in own) + " |")
    totals = [
        (sum(one.passed for one in by.values()), sum(one.n_cases for one in by.values())) for by in scores.values()
    ]
    shares = [f"**{passed:,}** ({100 * passed / n:.1f} %)" for passed, n in totals]
    lines.append(f"| **all** | **{totals[0][1]:,}** | " + " | ".join(shares) + " |")
    refused = [f"{sum(one.refused for one in by.values()):,}" for by in scores.values()]
    lines.append("| not passed because refused | | " + " | ".join(refused) + " |")
    return "\n".join(lines) + "\n"


def crashes(scores: Scores) -> list[str]:
    ended = [
        f"{name} ended the process in {len(one.crashed)} cases of {operator}, the first of which is `{one.crashed[0]}`."
        for name, by_operator in scores.items()
        for operator, one in by_operator.items()
        if one.crashed
    ]
    return [" ".join(ended) + "\n"] if ended else []


def differences() -> str:
    lines = ["| cases | the text says | Arsenal and onnxruntime | because |", "| --- | --- | --- | --- |"]
    lines += [f"| {one.title} | {one.text_says} | {one.arsenal_does} | {one.why} |" for one in DIFFERENCES]
    return "\n".join(lines) + "\n"


def left_out() -> str:
    _, reasons = node_cases()
    by_reason: dict[str, list[str]] = {}
    for name, reason in sorted(reasons.items()):
        by_reason.setdefault(reason, []).append(f"`{name}`")
    counts = Counter(reasons.values())
    lines = [LEFT_OUT.format(n=len(reasons))]
    lines += [f"- {reason} ({count}): {', '.join(by_reason[reason])}" for reason, count in counts.most_common()]
    return "\n".join(lines) + "\n"
