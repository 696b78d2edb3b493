"""What the response normalisations share: a number with two conventions, one of which a file must choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.ir.fault import Fault
from netspec.keys import Key, Real, Whole
from netspec.keys.sizes import MAX_SIDE
from netspec.lowering import Lowering

RESPONSE = (
    Key("k", Real(above=0), "the constant k", default=1.0, affects_shape=False),
    Key(
        "alpha",
        Real(low=0),
        "the factor on the sum of squares, as in the paper: k + alpha * sum",
        default=None,
        default_text="scale / window",
    ),
    Key(
        "scale",
        Real(low=0),
        "the factor on the mean of squares: k + scale / window * sum, where window is the number of elements in the "
        "window. Caffe, ONNX and PyTorch call it alpha",
        default=None,
        default_text="alpha * window",
    ),
    Key("beta", Real(), "the exponent", default=0.75, affects_shape=False),
)


def window_size(doc: str) -> Key:
    """Make the key ``size``."""
    return Key("size", Whole(high=MAX_SIDE), doc)


def check_values(values: Mapping[str, Any]) -> None:
    """Check that exactly one of ``alpha`` and ``scale`` is given. Raises ``Fault`` with ``lrn-convention``."""
    given = [key for key in ("alpha", "scale") if values[key] is not None]
    if len(given) != 1:
        problem = "both alpha and scale are given" if given else "neither alpha nor scale is given"
        raise Fault(
            "lrn-convention",
            f"{{layer}}: {problem}; exactly one must be",
            ("alpha", "scale"),
            (
                "alpha=A: k + A * sum, the paper's formula; scale=S: k + S / window * sum, as cuda-convnet, Caffe and "
                "PyTorch compute it",
            ),
        )


def alpha(low: Lowering, window: int) -> float:
    """Return the factor on each square, for a window of this many elements."""
    return float(low["alpha"]) if low["alpha"] is not None else float(low["scale"]) / window
