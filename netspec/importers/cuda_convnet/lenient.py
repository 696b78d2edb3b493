"""Read a rejected section once more to report all errors in its keys, not just the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.options import MAX_NUMBER, PLACEHOLDER, Options, SectionError
from netspec.importers.cuda_convnet.reading import Section

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

    def _within(self, key: str, number: T, low: float, high: float) -> T:
        """A bound that comes from a placeholder is none."""
        return super()._within(key, number, low, MAX_NUMBER if high == PLACEHOLDER else high)

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
