"""From operations to ONNX operators. What ONNX has no operator for, or what onnxruntime refuses of one, is said in
several others; where, the functions say."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ir.ops import Op

from ..site import Emission
from . import colour, joins, losses, neurons, norms, spatial, weighted

EMISSIONS: Mapping[type[Op], Emission] = {
    **weighted.TABLE,
    **spatial.TABLE,
    **colour.TABLE,
    **norms.TABLE,
    **neurons.TABLE,
    **joins.TABLE,
    **losses.TABLE,
}
"""Every operation of ``netspec.ir.ops.VOCABULARY`` but the input, which is the ONNX graph's own."""
