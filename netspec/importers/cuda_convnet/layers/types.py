"""All layer types by name."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.importers.cuda_convnet.layers import connected, convolutions, costs, elementwise, forked, spatial
from netspec.importers.cuda_convnet.layers.forks import notes_on_type, other_version
from netspec.importers.cuda_convnet.layers.kinds import ONLY_2012, ONLY_V2, Kind
from netspec.importers.cuda_convnet.layers.model import Dialect, is_cost
from netspec.importers.cuda_convnet.options import Options, SectionError, shortened, suggestion

KINDS: Mapping[str, Kind] = {
    **connected.KINDS,
    **convolutions.KINDS,
    **spatial.KINDS,
    **elementwise.KINDS,
    **costs.KINDS,
    **forked.KINDS,
}
OLD_TYPES = {"cost.ce": "cost.crossent"}
"""Former names of types, from when version 2 was new."""
_WITHOUT_COST = "without this section, the file gives the network to be trained with its other costs, or the usual one"

TYPES_OF_ONE: Mapping[Dialect, frozenset[str]] = {
    "2012": frozenset(word for word, kind in KINDS.items() if kind.dialects == ONLY_2012),
    "v2": frozenset((*OLD_TYPES, *(word for word, kind in KINDS.items() if kind.dialects == ONLY_V2))),
}
"""The types that only this version has."""


def kind_of(word: str, dialect: Dialect) -> Kind | None:
    """Return the layer type with this name in a version, if there is one."""
    kind = KINDS.get(OLD_TYPES.get(word, word) if dialect == "v2" else word)
    return kind if kind is not None and dialect in kind.dialects else None


def unknown_type(options: Options, word: str, dialect: Dialect) -> SectionError:
    """Report a type that a version does not have, and return the exception for the caller to raise."""
    advice = notes_on_type(word, dialect)
    if word in KINDS:
        message = f"'{word}' is a layer type of {other_version(dialect)} of cuda-convnet only"
        notes = [f"this file is read as {dialect}; --dialect says which it is", *advice]
    else:
        own = {kind: of for kind, of in KINDS.items() if kind not in forked.KINDS}
        hint = "" if advice else suggestion(word, tuple(own), options.findings)
        message = f"there is no layer type '{shortened(word)}'{hint}"
        kinds = [k for k, v in own.items() if dialect in v.dialects and is_cost(k) == is_cost(word)]
        what = "costs: " if is_cost(word) else "types: data, "
        notes = [*advice] or [f"the {what}{', '.join(kinds)}", *([_WITHOUT_COST] if is_cost(word) else [])]
    return options.report_error("unknown-type", message, "type", notes=notes)
