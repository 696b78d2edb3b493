"""Numbers of a file that a spec can have."""

from __future__ import annotations

from netspec.formatting import format_literal
from netspec.importers.caffe.schema.record import Record
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.widths import MAX_FLOAT32
from netspec.keys.texts import number
from netspec.source import Span


def unfit(name: str, value: float) -> str:
    """Return why a number cannot be one of a spec; empty if it can. These numbers are float32 in both."""
    return "" if abs(value) <= MAX_FLOAT32 else f"its {name} is {value:g}, which is not a finite float32 number"


def finite(record: Record, name: str) -> float:
    """Return a number of a message. Raises ``Inexpressible`` if it is infinite or not a number."""
    return checked(name, record.real(name), record.place(name))


def literal(record: Record, name: str) -> str:
    """Return a number of a message as text. Raises ``Inexpressible`` if it is infinite or not a number."""
    return format_literal(float(number(finite(record, name))))


def checked(name: str, value: float, place: Span) -> float:
    """Return a number. Raises ``Inexpressible`` if it is infinite or not a number."""
    if reason := unfit(name, value):
        raise Inexpressible(reason, place)
    return value
