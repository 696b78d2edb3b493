"""The parameters of a layer file's layers as those of the spec in which its twins are one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netspec.importers.cuda_convnet import Translation
from netspec.ir.graph import Graph

Array = npt.NDArray[np.float64]


def carried(apart: Translation, whole: Translation, graph: Graph, given: dict[str, Array]) -> dict[str, Array]:
    """The parameters of single layers as those of the layers that their twins have become."""
    lines = {line.name: line for line in apart.twins.lines}
    families = whole.twins.families
    result: dict[str, list[Array]] = {}
    for line in whole.twins.lines:
        layer = whole.names[line.name]
        own = [p.key for p in graph.parameters_of(layer)]
        family = families.get(line.name)
        for member in family.members if family and own else (line.name,) if own else ():
            single, name = lines[member], apart.names[member]
            matrices = [
                given[f"{name}.weight" if len(single.inputs) == 1 else f"{name}.weights.{i}"]
                for i in range(len(single.inputs))
            ]
            place = 0
            for j, read in enumerate(line.inputs):
                shares = families.get(read)
                parts = [place]
                # A copy of all shares, which is no line of its own any more, has them in their order.
                split = shares is not None and shares.reading != "whole" and not (family and family.reading == "own")
                if shares is not None and split and single.inputs[place] in shares.members:
                    run = single.inputs[place : place + len(shares.members)]
                    parts = [place + run.index(member) for member in shares.members]
                place += len(parts)
                key = f"{layer}.weight" if len(line.inputs) == 1 else f"{layer}.weights.{j}"
                result.setdefault(key, []).append(np.concatenate([matrices[i] for i in parts], axis=1))
            result.setdefault(f"{layer}.bias", []).append(given[f"{name}.bias"])
    return {key: np.concatenate(parts, axis=0) for key, parts in result.items()}
