"""The pixel range that a checkpoint's network was trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from netspec.ir.settings import Preprocessing
from netspec.language.parser import parse
from netspec.language.syntax import Section, Setting, Word, by_key
from netspec.source import Source

Range = Literal[255, 1]

_OLD_DEFAULT: Range = 255
"""The default of ``range=`` at the time when checkpoints did not record it."""


def range_of(state: Mapping[str, Any], preprocessing: Preprocessing) -> Range:
    """Return the largest pixel value that a checkpoint's network reads.

    ``preprocessing`` is what the checkpoint's spec means to the current version of netspec.

    New checkpoints record the number. Old ones do not; if their spec does not give a range, the old default applies.
    """
    preparation = state.get("preparation", {"range": preprocessing.range})
    if "range" in preparation:
        recorded: Range = preparation["range"]
        return recorded
    return preprocessing.range if _has_range(state["spec"]) else _OLD_DEFAULT


def _has_range(spec: str) -> bool:
    """Whether a spec contains ``range=``, on its input line or on a ``default input`` line."""
    file = parse(Source("spec", spec))
    statements: tuple[Section | Setting, ...] = (
        *file.sections,
        *(setting for setting in file.settings if setting.word.text == "default"),
    )
    return any(
        "range" in by_key(statement.pairs)
        for statement in statements
        if isinstance(statement.values[0], Word) and statement.values[0].text == "input"
    )
