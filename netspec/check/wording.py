"""Read a correct statement by its words, without building its syntax.

The words say nothing about places, so mistakes cannot be reported here. But most layers are correct, and most of their
values are written elsewhere in the file too, where they have been read already.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from netspec.check.cache import LayerCache
from netspec.check.claims import read_claim
from netspec.check.report import Findings
from netspec.check.values import read_value
from netspec.ir.shape import Shape
from netspec.keys import BadValue, Key
from netspec.keys.counts import Count
from netspec.language.parser import claim_of, value_of
from netspec.language.syntax import Wording
from netspec.lowering import LayerType
from netspec.source import Source


def given_values(layer_type: LayerType, wording: Wording, inputs: int, cache: LayerCache) -> dict[str, Any] | None:
    """Return the values that a layer gives, by key, without those of ``inputs``; ``None`` if any is wrong."""
    keys, operand = layer_type.by_name, layer_type.operand
    if len(wording.values) != (1 if operand is None else 2):
        return None
    given: dict[str, Any] = {}
    try:
        for name, words in wording.pairs:
            if name in given or name not in keys or (name == "inputs" and wording.inputs is None):
                return None
            key = keys[name]
            read = partial(_read, key, words, inputs)
            given[name] = cache.values.get((layer_type.name, name, words, inputs if key.per_input else 1), read)
        if operand is not None:
            given[operand.name] = operand.kind.read(value_of(wording.values[1]))
    except BadValue:
        return None
    return given


def _read(key: Key, words: tuple[str, ...], inputs: int) -> Any:
    return read_value(key, value_of(words), inputs)


def claimed(wording: Wording, root: Source) -> tuple[Shape | None, Mapping[str, Count]] | None:
    """Return the shape and the counts that a layer claims; ``None`` if anything is wrong with them."""
    if not wording.claim:
        return None, {}
    findings = Findings(root)
    claim = read_claim(claim_of(wording.claim), findings, "")
    return None if findings.all else claim
