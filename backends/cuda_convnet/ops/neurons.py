"""Sections of layers that consist of a neuron."""

from __future__ import annotations

from collections.abc import Callable

from netspec.ir.ops import VOCABULARY, Neuron, Op

from ..neurons import word
from ..sections import Section
from ..site import Site


def neuron(site: Site) -> Section:
    """``neuron``."""
    part = site.single()
    return site.section("neuron", (part,), {"neuron": word(site, site.nodes[0].op)})


EMITTED: dict[type[Op], Callable[[Site], Section]] = {op: neuron for op in VOCABULARY if issubclass(op, Neuron)}
