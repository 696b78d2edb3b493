"""Sections of layers that consist of a neuron."""

from __future__ import annotations

from netspec.ir.ops import VOCABULARY, Neuron

from ..neurons import word
from ..sections import Section
from ..site import Emissions, Site


def neuron(site: Site, op: Neuron) -> Section:
    """``neuron``."""
    part = site.single()
    return site.section("neuron", (part,), {"neuron": word(site, op)})


EMITTED: Emissions = {op: neuron for op in VOCABULARY if issubclass(op, Neuron)}
