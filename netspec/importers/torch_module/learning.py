"""What a spec learns beside the module that it was made of: the same function may have other parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from netspec.formatting import listed
from netspec.importers.operators.graph.model import Array, Model
from netspec.ir.ops import RUNNING_STATISTICS

_RUNNING = tuple(f".{word}" for word in RUNNING_STATISTICS)
_MOST = 4


@dataclass(frozen=True, slots=True)
class Reads:
    """Which parameters and buffers of the module are read. ``note`` is called with the name of each."""

    names: list[str] = field(default_factory=list)

    def note(self, name: str) -> None:
        self.names.append(name)

    def during(self, read: Callable[[], Any]) -> tuple[str, ...]:
        """Return what a function reads, each once."""
        self.names.clear()
        read()
        return tuple(dict.fromkeys(self.names))


def differences(
    model: Model, arrays: Mapping[str, Callable[[], Array]], learnt: Set[str], reads: Reads
) -> Iterator[str]:
    """Yield what the module learns and the spec does not, and the other way round.

    ``arrays`` has the parameters and running statistics of the spec, ``learnt`` the names of the module's parameters.
    """
    sources = {key: reads.during(read) for key, read in arrays.items()}
    used: dict[str, list[str]] = {}
    for key, names in sources.items():
        for name in names:
            if name in learnt or key.endswith(_RUNNING):
                used.setdefault(name, []).append(key)
    fixed = [name for name in _read_by_nodes(model, reads) if name in learnt and name not in used]
    if fixed:
        yield f"fixed numbers in the spec, learnt by the module: {listed(fixed, _MOST)}"
    apart = [f"{name} ({listed(keys, _MOST)})" for name, keys in used.items() if len(keys) > 1]
    if apart:
        yield f"one parameter of the module, several in the spec: {listed(apart, _MOST)}"
    own = [key for key, names in sources.items() if not learnt & {*names} and not key.endswith(_RUNNING)]
    if own:
        yield f"learnt by the spec, fixed numbers in the module: {listed(own, _MOST)}"


def _read_by_nodes(model: Model, reads: Reads) -> list[str]:
    """Return the names of all parameters and buffers that the graph depends on."""
    names: dict[str, None] = {}
    for node in model.nodes:
        for value in (*node.inputs, *(v for v in node.attributes.values() if isinstance(v, str))):
            tensor = model.tensors.get(value)
            if tensor is not None:
                names |= dict.fromkeys(reads.during(tensor.read))
    return [*names]
