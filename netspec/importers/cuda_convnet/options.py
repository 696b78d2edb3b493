"""Read the values of a section's keys as the original program did, and report those that it rejected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from netspec.check.report import Findings
from netspec.diagnostics.nearest import did_you_mean
from netspec.formatting import format_literal, plural
from netspec.importers.cuda_convnet.reading import Option, Section
from netspec.source import Span

MAX_NUMBER = 2**31
PLACEHOLDER = 2**12
"""The placeholder for an unreadable integer and for the side of maps of unknown size: larger than any window."""
PLACEHOLDER_REAL = 0.5
"""The placeholder for an unreadable real number: a rate, a momentum, a fraction."""
OLD_NAMES = {"filters": "numFilters", "outputs": "numOutputs", "sizeX": "subsX", "size": "sizeX", "minDiv": "bias"}
"""Keys, and their names in old files."""

_INT = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_EMPTY_ENTRY = re.compile(r"^\s*,|,\s*(?:,|$)")
_WITH_COMMENT = re.compile(r"\s*([^#]*[^#\s])\s+#(.*)", re.DOTALL)
_MAX_SHOWN_LENGTH = 40
_MAX_CORRECTED_LENGTH = 100
_FLAGS = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}

T = TypeVar("T")


class SectionError(Exception):
    """Reading a section was given up. Its error has been reported."""


class Options:
    """The keys of one section. Methods that read a key report an invalid value and raise ``SectionError``."""

    def __init__(self, section: Section, findings: Findings) -> None:
        self.section = section
        self.name = section.name
        self.findings = findings
        self.accepted: set[str] = set()
        """Old keys and old names of keys, in lower case, that have been accepted. No warning is given about them."""

    def span(self, *keys: str) -> Span:
        """Return the place of the first of ``keys`` that is present, else of the section's header."""
        spans = (option.span for key in keys if (option := self._option(key)) is not None)
        return next(spans, self.section.span)

    def report_error(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> SectionError:
        """Report an error at the first of ``keys`` that is present. Returns the exception for the caller to raise."""
        key, text = next(((key, option.text) for key in keys if (option := self._option(key)) is not None), ("", ""))
        if code == "missing-key":  # it may have been read as part of another key's value
            text = next((option.text for option in self.section.options.values() if "\n" in option.text), "")
        notes = (*notes, *_notes_on_syntax(key, text))
        self.findings.add(code, f"{self.name}: {message}", self.span(*keys), notes=notes, layer=self.name)
        return SectionError()

    def report_key_error(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> SectionError:
        """Report an error that does not depend on the sizes of the section's inputs; else like ``report_error``."""
        return self.report_error(code, message, *keys, notes=notes)

    def attempt(self, read: Callable[[], T], placeholder: T, key: str) -> T:
        """Return what ``read`` reads for a key. ``Lenient`` returns ``placeholder`` if that raises ``SectionError``."""
        return read()

    def warn(self, code: str, message: str, *keys: str, notes: Iterable[str] = ()) -> None:
        """Add a warning at the first of ``keys`` that is present."""
        self.findings.warn(code, f"{self.name}: {message}", self.span(*keys), notes=notes, layer=self.name)

    def has(self, key: str) -> bool:
        return key.lower() in self.section.options

    def _option(self, key: str) -> Option | None:
        """Return a key's option under its name or its old name."""
        option = self.section.options.get(key.lower())
        return option or self.section.options.get(OLD_NAMES.get(key, key).lower())

    def get(self, key: str) -> Option | None:
        """Return a key's option, if present. Warns about old names, and rejects values with an invalid ``%``."""
        option = self._option(key)
        if option is not None and option.key not in (key.lower(), *self.accepted):
            self.accepted.add(option.key)
            self.warn("cfg-old-habit", f"{OLD_NAMES[key]} is read as {key}; old files use this name", key)
        if option is not None and option.invalid_percent:
            message = f"{key} has a % that is neither %% nor %(key)s with a key of its section"
            raise self.report_key_error("cfg-syntax", message, key)
        return option

    def text(self, key: str, default: str | None = None) -> str:
        """Return a key's text. Without a default, the key is required."""
        option = self.get(key)
        if option is not None:
            return option.text
        if default is None:
            raise self.report_key_error("missing-key", f"it needs {key}=")
        return default

    def words(self, key: str) -> list[str]:
        """Return a key's comma-separated values as texts."""
        return [word.strip() for word in self.text(key).split(",")]

    def integer(self, key: str, default: int | None = None, low: int = -MAX_NUMBER, high: int = MAX_NUMBER) -> int:
        return self._one(
            key, default, default or min(high, PLACEHOLDER), lambda text: self._integer(key, text, low, high)
        )

    def real(self, key: str, default: float | None = None, low: float = -math.inf, high: float = math.inf) -> float:
        return self._one(
            key, default, default or max(low, PLACEHOLDER_REAL), lambda text: self._real(key, text, low, high)
        )

    def flag(self, key: str, default: bool | None = None) -> bool:
        """Read ``1/0``, ``yes/no``, ``true/false`` or ``on/off``."""

        def read(text: str) -> bool:
            if text.lower() not in _FLAGS:
                raise self.report_key_error("bad-value", f"{key} needs true or false, not '{shortened(text)}'", key)
            return _FLAGS[text.lower()]

        return self._one(key, default, bool(default), read)

    def choice(self, key: str, words: Collection[str], default: str | None = None) -> str:
        """Read one of several words."""

        def read(text: str) -> str:
            if text not in words:
                message = f"{key} is one of {', '.join(words)}, not '{shortened(text)}'"
                raise self.report_key_error("bad-value", message, key)
            return text

        return self._one(key, default, next(iter(words)), read)

    def _one(self, key: str, default: T | None, placeholder: T, read: Callable[[str], T]) -> T:
        def value() -> T:
            return default if default is not None and self.get(key) is None else read(self.text(key).strip())

        return self.attempt(value, placeholder, key)

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
        """Read one number per input. With ``repeat``, a single number stands for all inputs."""
        placeholder = default or min(high, PLACEHOLDER)
        return self._list(key, inputs, default, placeholder, lambda word: self._integer(key, word, low, high), repeat)

    def reals(self, key: str, inputs: int, *, default: float | None = None, repeat: bool = False) -> tuple[float, ...]:
        """Read one number per input. With ``repeat``, a single number stands for all inputs."""
        placeholder = default or PLACEHOLDER_REAL
        return self._list(
            key, inputs, default, placeholder, lambda word: self._real(key, word, -math.inf, math.inf), repeat
        )

    def flags(self, key: str, inputs: int) -> tuple[bool, ...]:
        """Read one flag per input. In lists, only ``true`` and ``1`` are true."""
        return self._list(key, inputs, False, False, lambda word: word.lower() in ("true", "1"))

    def _list(
        self,
        key: str,
        inputs: int,
        default: T | None,
        placeholder: T,
        read: Callable[[str], T],
        repeat: bool = False,
    ) -> tuple[T, ...]:
        def values() -> tuple[T, ...]:
            if default is not None and self.get(key) is None:
                return (default,) * inputs
            values = tuple(map(read, self.words(key)))
            if len(values) == 1 and repeat:
                return values * inputs
            if len(values) != inputs:
                raise self.report_length_error(key, len(values), inputs)
            return values

        return self.attempt(values, (placeholder,) * inputs, key)

    def report_length_error(self, key: str, values: int, inputs: int) -> SectionError:
        """Report a list that does not have one value per input."""
        message = f"{key} lists {plural(values, 'value')} for {plural(inputs, 'input')}"
        return self.report_key_error(
            "bad-value", message, key, notes=("one value for each input, separated by commas",)
        )

    def _integer(self, key: str, text: str, low: int, high: int) -> int:
        if not _INT.fullmatch(text):
            raise self.report_key_error("bad-value", f"{key} needs a whole number, not '{shortened(text)}'", key)
        return self._within(key, int(text), low, high)

    def _real(self, key: str, text: str, low: float, high: float) -> float:
        if not _FLOAT.fullmatch(text) or math.isinf(float(text)):
            raise self.report_key_error("bad-value", f"{key} needs a number, not '{shortened(text)}'", key)
        return self._within(key, float(text), low, high)

    def _within(self, key: str, number: T, low: float, high: float) -> T:
        if not low <= number <= high:  # type: ignore[operator]
            if low > -MAX_NUMBER and high < MAX_NUMBER:
                bounds = f"from {format_literal(low)} to {format_literal(high)}"
            else:
                bounds = f"of at most {format_literal(high)}" if number > high else f"of at least {format_literal(low)}"  # type: ignore[operator]
            message = f"{key} needs a number {bounds}, not {format_literal(number)}"  # type: ignore[arg-type]
            raise self.report_key_error("bad-value", message, key)
        return number

    def require_divisible(self, key: str, number: int, by: int, what: str = "") -> None:
        """Reject a key's number unless ``by`` divides it."""
        if number % by:
            message = f"{key} is {number}{what and f' {what}'}, which {by} does not divide"
            raise self.report_key_error("bad-value", message, key)

    def warn_unknown(
        self,
        known: Collection[str],
        silent: Collection[str] = (),
        notes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Warn about all other keys, which the original ignored silently.

        ``silent`` are keys that are ignored here without a warning. ``notes`` has advice by key, in lower case.
        """
        old_names = {OLD_NAMES[key] for key in known if key in OLD_NAMES and key.lower() not in self.section.options}
        names = {key.lower() for key in (*known, *silent, *old_names)} | self.accepted
        for key, option in self.section.options.items():
            if key not in names:
                note = (notes[key],) if key in notes else ()
                hint = "" if note else suggestion(key, known, self.findings, taken=self.section.options)
                self.findings.warn(
                    "cfg-ignored-key",
                    f"{self.name}: the key '{shortened(option.key_span.text)}' is not known and is ignored{hint}",
                    option.key_span,
                    notes=note,
                    layer=self.name,
                )


def _notes_on_syntax(key: str, text: str) -> tuple[str, ...]:
    """Return a note on the syntax that may have made a value invalid: an indented line, a comma or a comment."""
    if "\n" in text:
        return ("a line that begins with a space continues the value above it; keys begin without one",)
    if _EMPTY_ENTRY.search(text):
        return ("an entry of this list is empty: there is a comma too many",)
    if value := _WITH_COMMENT.fullmatch(text):
        note = f"after a value, ; begins a comment and # does not: {key}={value[1]} ;{value[2]}"
        return (shortened(note, 2 * _MAX_SHOWN_LENGTH),)
    return ()


def suggestion(word: str, known: Collection[str], findings: Findings, taken: Collection[str] = ()) -> str:
    """Return ``; did you mean conv1?`` for an unknown name that resembles a known one, else nothing.

    A common prefix, as ``cost.`` of all costs, is no resemblance. ``taken`` are the names, in lower case, that are not
    suggested because they are there already.
    """
    if findings.full or len(word) >= _MAX_CORRECTED_LENGTH:
        return ""
    prefix = word[: word.find(".") + 1]
    family = [name for name in known if name.startswith(prefix)]
    if not family:
        prefix, family = "", [*known]
    similar = findings.nearest(word.removeprefix(prefix), tuple(name.removeprefix(prefix) for name in family))
    return did_you_mean(prefix + similar) if similar and (prefix + similar).lower() not in taken else ""


def shortened(text: str, most: int = _MAX_SHOWN_LENGTH) -> str:
    """Return a text on one line, shortened to ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."
