"""Read a rejected section once more to report all errors in its keys, not just the first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TypeVar

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.options import LARGEST, Options, Refused
from netspec.importers.cuda_convnet.reading import Section

LARGE = 2**12
"""The placeholder for an unreadable integer, and for the side length of maps of unknown size: larger than any
window."""
SOME = 0.5
"""The placeholder for an unreadable real number: a rate, a momentum, a fraction."""

T = TypeVar("T")


class Lenient(Options):
    """The keys of a section, where a value that cannot be read is reported and replaced by a placeholder.

    ``sized``: the sizes of the section's inputs are known. If they are not, only errors that do not depend on them are
    reported.
    """

    def __init__(self, section: Section, findings: Findings, *, sized: bool) -> None:
        super().__init__(section, findings)
        self.sized = sized
        self.guessed: set[str] = set()
        """Keys with placeholder values. Errors that follow from these values are meaningless and not reported."""
        self.lengths: set[int] = set()
        """The lengths of the lists reported so far for not having one value per input."""

    def refuse(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> Refused:
        told = self.sized and not self.guessed & set(keys)
        return super().refuse(code, message, *keys, notes=notes) if told else Refused()

    def misread(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> Refused:
        """Report an error, unless its key has a placeholder value, or a missing key may have been read as part of
        another key's value."""
        swallowed = code == "missing-key" and any("\n" in option.text for option in self.section.options.values())
        told = not swallowed and not self.guessed & set(keys)
        return super().refuse(code, message, *keys, notes=notes) if told else Refused()

    def unlike_inputs(self, key: str, values: int, inputs: int) -> Refused:
        """Report only the first list of each length: if several lists have the same length, ``inputs`` is wrong."""
        told = values in self.lengths
        self.lengths.add(values)
        return Refused() if told else super().unlike_inputs(key, values, inputs)

    def warn(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> None:
        """Do nothing: these warnings are given when the section is accepted."""

    def integer(self, key: str, default: int | None = None, low: int = -LARGEST, high: int = LARGEST) -> int:
        some = default or min(high, LARGE)
        most = LARGEST if high == LARGE else high  # this bound comes from a placeholder
        return self.tried(lambda: super(Lenient, self).integer(key, default, low, most), some, key)

    def real(self, key: str, default: float | None = None, low: float = -LARGEST, high: float = LARGEST) -> float:
        return self.tried(lambda: super(Lenient, self).real(key, default, low, high), default or max(low, SOME), key)

    def flag(self, key: str, default: bool | None = None) -> bool:
        return self.tried(lambda: super(Lenient, self).flag(key, default), bool(default), key)

    def choice(self, key: str, known: Collection[str], default: str | None = None) -> str:
        return self.tried(lambda: super(Lenient, self).choice(key, known, default), next(iter(known)), key)

    def integers(
        self, key: str, inputs: int, default: int | None, repeat: bool, low: int = -LARGEST, high: int = LARGEST
    ) -> tuple[int, ...]:
        some = (default or min(high, LARGE),) * inputs
        return self.tried(lambda: super(Lenient, self).integers(key, inputs, default, repeat, low, high), some, key)

    def reals(self, key: str, inputs: int, default: float | None, repeat: bool) -> tuple[float, ...]:
        some = (default or SOME,) * inputs
        return self.tried(lambda: super(Lenient, self).reals(key, inputs, default, repeat), some, key)

    def flags(self, key: str, inputs: int) -> tuple[bool, ...]:
        return self.tried(lambda: super(Lenient, self).flags(key, inputs), (False,) * inputs, key)

    def divisible(self, key: str, number: int, by: int, what: str = "") -> None:
        if not self.guessed:
            with suppress(Refused):
                super().divisible(key, number, by, what)

    def tried(self, read: Callable[[], T], some: T, key: str) -> T:
        try:
            return read()
        except Refused:
            self.guessed.add(key)
            return some
