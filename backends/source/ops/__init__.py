"""Emit operations as Python expressions, and as the ``torch.nn`` modules that hold their parameters."""

from __future__ import annotations

from ..site import Expressions, Modules
from . import channels, joins, losses, neurons, norms, spatial, weighted

EXPRESSIONS: Expressions = {
    **weighted.EXPRESSIONS,
    **spatial.EXPRESSIONS,
    **norms.EXPRESSIONS,
    **neurons.EXPRESSIONS,
    **joins.EXPRESSIONS,
    **channels.EXPRESSIONS,
    **losses.EXPRESSIONS,
}

MODULES: Modules = {**weighted.MODULES, **norms.MODULES}
