"""Numbers of a file as numbers of a spec."""

from __future__ import annotations

import math

from netspec.importers.caffe.net.problem import Inexpressible
from netspec.importers.caffe.schema.record import Record
from netspec.keys.texts import number


def finite(record: Record, name: str) -> str:
    """Return a number as text. Raises ``Inexpressible`` if it is infinite or not a number."""
    value = record.real(name)
    if not math.isfinite(value):
        raise Inexpressible(f"its {name} is {value}; the numbers of a spec are finite", record.place(name))
    return number(value)
