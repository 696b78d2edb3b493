"""Read a rejected section once more to report all errors in its keys, not just the first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TypeVar

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.options import MAX_NUMBER, Options, SectionError
from netspec.importers.cuda_convnet.reading import Section

PLACEHOLDER = 2**12
"""The placeholder for an unreadable integer and for the side of maps of unknown size: larger than any window."""
PLACEHOLDER_REAL = 0.5
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
        self.placeholder_keys: set[str] = set()
        """Keys with placeholder values. Errors that follow from these values are meaningless and not reported."""
        self.reported_lengths: set[int] = set()
        """The lengths of the lists reported so far for not having one value per input."""

    def report_error(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> SectionError:
        report = self.sized and not self.placeholder_keys & set(keys)
        return super().report_error(code, message, *keys, notes=notes) if report else SectionError()

    def report_key_error(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> SectionError:
        """Report an error, unless its key has a placeholder value or may have been read as part of another value."""
        swallowed = code == "missing-key" and any("\n" in option.text for option in self.section.options.values())
        report = not swallowed and not self.placeholder_keys & set(keys)
        return super().report_error(code, message, *keys, notes=notes) if report else SectionError()

    def report_length_error(self, key: str, values: int, inputs: int) -> SectionError:
        """Report only the first list of each length: if several lists have the same length, ``inputs`` is wrong."""
        reported = values in self.reported_lengths
        self.reported_lengths.add(values)
        return SectionError() if reported else super().report_length_error(key, values, inputs)

    def warn(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> None:
        """Do nothing: these warnings are given when the section is accepted."""

    def integer(self, key: str, default: int | None = None, low: int = -MAX_NUMBER, high: int = MAX_NUMBER) -> int:
        placeholder = default or min(high, PLACEHOLDER)
        bound = MAX_NUMBER if high == PLACEHOLDER else high  # this bound comes from a placeholder
        return self.attempt(lambda: super(Lenient, self).integer(key, default, low, bound), placeholder, key)

    def real(self, key: str, default: float | None = None, low: float = -MAX_NUMBER, high: float = MAX_NUMBER) -> float:
        return self.attempt(
            lambda: super(Lenient, self).real(key, default, low, high), default or max(low, PLACEHOLDER_REAL), key
        )

    def flag(self, key: str, default: bool | None = None) -> bool:
        return self.attempt(lambda: super(Lenient, self).flag(key, default), bool(default), key)

    def choice(self, key: str, words: Collection[str], default: str | None = None) -> str:
        return self.attempt(lambda: super(Lenient, self).choice(key, words, default), next(iter(words)), key)

    def integers(
        self,
        key: str,
        inputs: int,
        *,
        default: int | None = None,
        repeat: bool = False,
        low: int = -MAX_NUMBER,
        high: int = MAX_NUMBER,
    ) -> tuple[int, ...]:
        placeholder = (default or min(high, PLACEHOLDER),) * inputs
        return self.attempt(
            lambda: super(Lenient, self).integers(key, inputs, default=default, repeat=repeat, low=low, high=high),
            placeholder,
            key,
        )

    def reals(self, key: str, inputs: int, *, default: float | None = None, repeat: bool = False) -> tuple[float, ...]:
        placeholder = (default or PLACEHOLDER_REAL,) * inputs
        return self.attempt(
            lambda: super(Lenient, self).reals(key, inputs, default=default, repeat=repeat), placeholder, key
        )

    def flags(self, key: str, inputs: int) -> tuple[bool, ...]:
        return self.attempt(lambda: super(Lenient, self).flags(key, inputs), (False,) * inputs, key)

    def require_divisible(self, key: str, number: int, by: int, what: str = "") -> None:
        if not self.placeholder_keys:
            with suppress(SectionError):
                super().require_divisible(key, number, by, what)

    def attempt(self, read: Callable[[], T], placeholder: T, key: str) -> T:
        try:
            return read()
        except SectionError:
            self.placeholder_keys.add(key)
            return placeholder
