"""Merge twins: layers that occur once on each GPU and are the halves (or quarters, ...) of one layer.

They become one line of a net with GPU groups if they really are parts of one layer: they have the same type and
settings, and either each of them reads its own GPU's share of the same layers or all of them read these layers as a
whole. Any other layer that reads one of them must read all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from netspec.importers.cuda_convnet.spec.gathering import can_read_shares, gathering_concats, without_concats
from netspec.importers.cuda_convnet.spec.lines import WEIGHTED, Line
from netspec.importers.cuda_convnet.spec.search import JOINS, Family, Search

MAX_LINES = 2000
"""Files with more lines are left unchanged."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The lines with twins merged, and the families by the names of their lines.

    ``reordered`` maps the lines of the file that list the shares of an input in another order than that of the GPUs to
    this order.
    """

    lines: tuple[Line, ...]
    families: Mapping[str, Family]
    reordered: Mapping[str, tuple[int, ...]]


def merge_twins(lines: Sequence[Line], gpus: int, unmerged: Collection[str] = ()) -> Merged:
    """Merge the twins among the lines of a file for ``gpus`` GPUs. Lines in ``unmerged`` are not merged."""
    if gpus < 2 or len(lines) > MAX_LINES:
        return Merged(tuple(lines), {}, {})
    joins = gathering_concats(lines, gpus)
    while joins:
        plain, read_through = without_concats(lines, joins)
        result = _merge(plain, gpus, unmerged)
        reads = {name: family.inputs for family in result.families.values() for name in family.members}
        reads |= {line.name: line.inputs for line in result.lines if line.name in read_through}
        # The inputs of a removed concatenation must be the shares of one layer: then its readers have one input.
        kept = {join for reader, join in read_through.items() if len(reads[reader]) > 1}
        if not kept:
            return result
        joins = {name: line for name, line in joins.items() if name not in kept}
    return _merge(lines, gpus, unmerged)


def _merge(lines: Sequence[Line], gpus: int, unmerged: Collection[str]) -> Merged:
    banned = set(unmerged)
    while True:
        search = Search(lines, gpus, banned)
        broken = search.broken()
        if not broken:
            return _merged(search)
        banned |= broken


def _merged(search: Search) -> Merged:
    """Return the lines with the members of each family merged into one."""
    lines: list[Line] = []
    reordered: dict[str, tuple[int, ...]] = {}
    for line in search.lines:
        family = search.family_of.get(line.name)
        if family is None:
            single, order = _single_line(search, line)
            lines.append(single)
            if order:
                reordered[line.name] = order
        elif line.name == _place(search, family):
            reordered |= family.orders
            lines.append(_merged_line(search, family))
    return Merged(tuple(lines), search.families, reordered)


def _single_line(search: Search, line: Line) -> tuple[Line, tuple[int, ...]]:
    """Return a line outside of all families with its new inputs, and the order of their shares."""
    inputs_and_order = search.merged_inputs(line)
    assert inputs_and_order is not None
    inputs, order = inputs_and_order
    line = replace(line, inputs=inputs)
    if any(map(search.is_split, inputs)):
        if line.type in WEIGHTED:
            line = replace(line, keys={**line.keys, "reads": "all"})
        elif can_read_shares(line) and line.gpu == (0,):
            line = replace(line, gpu=())  # it gathers the shares of all GPUs: its value is whole
    return line, order


def _place(search: Search, family: Family) -> str:
    """Return the member whose place the family's line takes.

    This is the last one, which is below all inputs. In a ``whole`` family it is the first one, because lines that
    read only that one may come before the others.
    """
    return family.members[-1] if family.is_split else min(family.members, key=search.order.__getitem__)


def _merged_line(search: Search, family: Family) -> Line:
    members = [search.by_name[name] for name in family.members]
    first = members[0]
    keys = dict(first.keys)
    key = WEIGHTED.get(first.type)  # the members divide the number of outputs
    if key is not None:
        keys[key] = str(int(keys[key]) * search.gpus)
        if family.reading == "all":
            keys["reads"] = "all"
        if "weights" in keys:
            keys["weights"] = search.family_of[keys["weights"]].name
        if search.lives_on_one(family.inputs[0]):
            keys["gpu"] = "all"
    # If every GPU joins the values of several GPUs, the result is whole: put it on the first.
    gpu = first.gpu if family.name in search.on_one_gpu and first.type in JOINS else ()
    comments = tuple(text for m in members for text in m.comments)
    return Line(family.name, first.type, family.inputs, keys, gpu, first.origin, comments)
