"""Messages as they are written: fields in the order of the file, with their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.source import Span

Kind = Literal["word", "string", "number"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value: a word (``MAX``, ``true``, ``-inf``), a string without quotes and escapes, or a number as written."""

    text: str
    kind: Kind
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """A field: ``pad: 2`` or ``lrn_param { ... }``. Each item of a list is a field of its own.

    ``span`` is the whole field, ``name_span`` its name. The span of an item after the first is that of the item.
    """

    name: str
    value: Scalar | Message
    span: Span
    name_span: Span


@dataclass(frozen=True, slots=True)
class Message:
    """A message: a file, or what stands between two braces, whose ``span`` includes them."""

    fields: tuple[Field, ...]
    span: Span
