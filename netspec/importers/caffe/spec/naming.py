"""Names of lines: those of their layers, or of tops, which may have characters that names in a spec do not have."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.importers.caffe.spec.lines import Line
from netspec.importers.identifiers import identifier


def names(lines: Sequence[Line], input_name: str) -> list[str]:
    """Return a name for each line, all different. ``input_name`` is that of the images."""
    result: list[str] = []
    taken: set[str] = set()
    for line in lines:
        own = "".join(line.hint) or (line.origin.name if line.origin is not None else "")
        base = identifier(input_name if line.type == "input" else own or line.type)
        name, number = base, 1
        if name in taken:
            base = name = f"{base}_{line.type}" if own else base
        while name in taken:
            number += 1
            name = f"{base}{number}" if not own else f"{base}_{number}"
        taken.add(name)
        result.append(name)
    return result
