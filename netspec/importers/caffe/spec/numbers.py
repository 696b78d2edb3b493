"""Numbers of a file as numbers of a spec."""

from __future__ import annotations

from netspec.formatting import format_literal
from netspec.importers.caffe.learning import numbers
from netspec.importers.caffe.schema.record import Record
from netspec.keys.texts import number


def finite(record: Record, name: str) -> str:
    """Return a number as text. Raises ``Inexpressible`` if it is infinite or not a number."""
    return format_literal(float(number(numbers.finite(record, name))))
