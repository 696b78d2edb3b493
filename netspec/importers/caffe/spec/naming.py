"""Names of lines: those of their layers, or of tops, which may have characters that names in a spec do not have."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.importers.caffe.spec.lines import Line
from netspec.importers.identifiers import identifier, untaken


def names(lines: Sequence[Line], input_name: str) -> list[str]:
    """Return a name for each line, all different. ``input_name`` is that of the images."""
    result: list[str] = []
    taken: set[str] = set()
    for line in lines:
        own = "".join(line.hint) or (line.origin.name if line.origin is not None else "")
        base = identifier(input_name if line.type == "input" else own or line.type)
        name = untaken(f"{base}_{line.type}" if own and base in taken else base, taken, "_" if own else "")
        taken.add(name)
        result.append(name)
    return result
