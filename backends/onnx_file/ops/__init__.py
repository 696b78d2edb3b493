"""Emit operations as ONNX operators.

An operation that ONNX lacks, or whose ONNX operator onnxruntime rejects, is composed of several operators; the
docstrings of the functions say which.
"""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ir.ops import Op

from ..site import Emission
from . import channels, joins, losses, neurons, norms, spatial, weighted

EMISSIONS: Mapping[type[Op], Emission] = {
    **weighted.TABLE,
    **spatial.TABLE,
    **norms.TABLE,
    **neurons.TABLE,
    **joins.TABLE,
    **channels.TABLE,
    **losses.TABLE,
}
"""The emitter of every operation of ``netspec.ir.ops.VOCABULARY`` except ``Input``."""
