"""How the network starts and learns, as rows and constants of the program."""

from __future__ import annotations

from typing import Any

from netspec.ir.distribution import Constant, Distribution, Normal, Uniform
from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm
from netspec.ir.settings import Exponential, Fixed, Plateau, Schedule, Step, Steps
from netspec.passes.phases import phases
from netspec.passes.torch_names import attributes, state_key

from .text import number, string

LARGEST = 3.4028234663852886e38
"""The largest float32."""


def parameter_rows(graph: Graph) -> list[str]:
    """``"conv1.weight": ("normal", (0.0, 0.01), 0.01, 0.9, 0.0005),``, one row per parameter."""
    names = attributes(graph)
    return [
        f"{string(state_key(p, names))}: ({_distribution(p.distribution)}, {number(p.lr)}, {number(p.momentum)}, "
        f"{number(p.decay)}),"
        for p in graph.parameters.values()
    ]


def renamed_rows(graph: Graph) -> list[str]:
    """``"train_.weight": "train.weight",`` for parameters that torch made bear another name than in the spec."""
    names = attributes(graph)
    pairs = ((state_key(p, names), p.key) for p in graph.parameters.values())
    return [f"{string(key)}: {string(spec_key)}," for key, spec_key in pairs if key != spec_key]


def _distribution(distribution: Distribution) -> str:
    match distribution:
        case Normal(mean, std):
            return f'"normal", ({mean!r}, {std!r})'
        case Uniform(low, high):
            return f'"uniform", ({low!r}, {high!r})'
        case Constant(value):
            return f'"constant", ({value!r},)'


def unfit_rates(graph: Graph) -> list[str]:
    """The keys of the parameters whose learning rate, or decay times rate, is no float32 number."""
    return [p.key for p in graph.parameters.values() if not (abs(p.lr) <= LARGEST and abs(p.decay * p.lr) <= LARGEST)]


def needs_two_images(graph: Graph) -> list[str]:
    """The layers that normalise over the batch in training where an image has one number per channel."""
    nodes = (graph.nodes[name] for layer in phases(graph).trunk for name in layer.nodes)
    found = ((node.layer, graph.shapes(node)[0]) for node in nodes if isinstance(node.op, BatchNorm))
    return [layer for layer, shape in found if shape.units == shape.channels]


_SCHEDULES: dict[type[Schedule], str] = {
    Fixed: "fixed",
    Step: "step",
    Steps: "steps",
    Plateau: "plateau",
    Exponential: "exponential",
}


def schedule(graph: Graph) -> dict[str, Any]:
    """The schedule's word, which its template is called after, and its numbers."""
    found = graph.train.schedule
    return {"word": _SCHEDULES[type(found)], "numbers": found}
