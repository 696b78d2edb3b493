"""Convert parameters of a layer file's separate layers to those of the spec in which twins are merged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netspec.importers.cuda_convnet import Translation
from netspec.ir.graph import Graph

Array = npt.NDArray[np.float64]


def merge_twin_parameters(
    separate: Translation, merged: Translation, graph: Graph, parameters: dict[str, Array]
) -> dict[str, Array]:
    """Return the parameters of the merged network, concatenated from those of the separate layers."""
    lines = {line.name: line for line in separate.twins.lines}
    families = merged.twins.families
    result: dict[str, list[Array]] = {}
    for line in merged.twins.lines:
        layer = merged.names[line.name]
        keys = [p.key for p in graph.parameters_of(layer)]
        family = families.get(line.name)
        for member in family.members if family and keys else (line.name,) if keys else ():
            definition, name = lines[member], separate.names[member]
            matrices = [
                parameters[f"{name}.weight" if len(definition.inputs) == 1 else f"{name}.weights.{i}"]
                for i in range(len(definition.inputs))
            ]
            position = 0
            for j, input_name in enumerate(line.inputs):
                input_family = families.get(input_name)
                parts = [position]
                # A concatenation of all shares is no longer a layer of its own; its inputs keep their order.
                split = (
                    input_family is not None
                    and input_family.reading != "whole"
                    and not (family and family.reading == "own")
                )
                if input_family is not None and split and definition.inputs[position] in input_family.members:
                    run = definition.inputs[position : position + len(input_family.members)]
                    parts = [position + run.index(member) for member in input_family.members]
                position += len(parts)
                key = f"{layer}.weight" if len(line.inputs) == 1 else f"{layer}.weights.{j}"
                result.setdefault(key, []).append(np.concatenate([matrices[i] for i in parts], axis=1))
            result.setdefault(f"{layer}.bias", []).append(parameters[f"{name}.bias"])
    return {key: np.concatenate(parts, axis=0) for key, parts in result.items()}
