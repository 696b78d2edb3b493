"""The content of a line of the notes on a run."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.source import Span


@dataclass(frozen=True, slots=True)
class Change:
    """Learning rates are set ``to`` a number, or divided ``by`` one.

    This applies to the given ``layers``; with ``elsewhere``, to all layers that other changes of the same epoch do not
    name; otherwise to all layers. ``was`` is the previous rate if the note states it. ``epoch`` is 0 at the beginning
    of a run; a negative number counts epochs from the previous change. ``biases``: the rate is ``epsB`` instead of
    ``epsW``. ``both``: it is both of them.
    """

    span: Span
    epoch: float
    to: float = 0.0
    by: float = 0.0
    was: float | None = None
    layers: tuple[str, ...] = ()
    elsewhere: bool = False
    biases: bool = False
    both: bool = False


@dataclass(frozen=True, slots=True)
class Colour:
    """The colour noise is set ``to`` a standard deviation. ``was`` is the previous one if the note states it."""

    span: Span
    epoch: float
    to: float
    was: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The run ended, or with ``planned`` was meant to end, at an epoch if the note states it."""

    span: Span
    epoch: float | None
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """The run had batches of this size."""

    span: Span
    size: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A remark about learning that is not understood, or that a spec cannot express. ``why`` says which."""

    span: Span
    why: str


Note = Change | Colour | End | Batch | Unread
