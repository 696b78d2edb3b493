"""Parse a ``.cfg`` file into sections of keys with their places.

The rules are those of Python 2's ``SafeConfigParser``, with which cuda-convnet read its files: a ``#`` or ``;`` in the
first column starts a comment, an indented line continues the value above it, `` ;`` ends a value, keys are
case-insensitive, repeated sections are merged, and the last of repeated keys counts.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from netspec.check.report import Findings
from netspec.formatting import plural
from netspec.source import Source, Span

MAX_SECTIONS = 20_000
"""The most sections of a file. The largest network by the original's authors has about a hundred."""
MAX_INTERPOLATED_LENGTH = 1000
"""The most characters that interpolation may put into a value."""
DEEPEST = 10
"""The maximum depth of interpolation, the same as in the original."""
MAX_LISTED = 10
"""The most keys that one warning names."""
MAX_DEFAULTS = 100
"""The most keys of a section [DEFAULT]."""

_SECTION = re.compile(r"\[([^\]]+)\]")
_SIGN = re.compile(r"[:=]")
_LINE = re.compile(r"[^\r\n]*")
_INTERPOLATION = re.compile(r"%(?:%|\(([^)]+)\)s)?")


@dataclass(frozen=True, slots=True)
class Option:
    """A key with its value and their places. ``key`` is in lower case.

    ``invalid_percent``: the value has an invalid ``%``. The original rejected it only when it used the value.
    """

    key: str
    text: str
    key_span: Span
    span: Span
    """The place of the value, or of the key if the value is empty."""
    invalid_percent: bool = False


@dataclass(slots=True)
class Section:
    """A section: its name, the place of its first header, and its keys, each with its last value."""

    name: str
    span: Span
    options: dict[str, Option] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return a key's text, or ``""`` if it is absent. ``key`` is in lower case."""
        return self.options[key].text.strip() if key in self.options else ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment line without its comment sign. ``span`` is the whole line.

    ``section`` is the section that the comment belongs to, because it is among the section's keys, directly below them
    or above its header. It is ``None`` at the end of the file.
    """

    text: str
    section: str | None
    span: Span


@dataclass(slots=True)
class Config:
    """A file: its sections in the order of their first occurrence, and its comments."""

    source: Source
    sections: dict[str, Section] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)


def read(source: Source, findings: Findings) -> Config:
    """Parse a file, and report lines that are neither a section nor a key."""
    return _Reader(source, findings).config()


class _Reader:
    """The state of parsing a file."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self.source = source
        self.findings = findings
        self.result = Config(source)
        self.defaults: dict[str, Option] = {}
        self.section: Section | None = None
        self.option: Option | None = None
        self.continuation_lines: list[str] = []
        self.pending_comments: list[tuple[str, Span]] = []
        self.indented_keys: list[tuple[int, str]] = []
        """Lines that begin with a space and have no key above them that they could continue."""
        self.after_headers: list[tuple[str, Span]] = []
        """Section names, and text after their headers on the same line."""
        self.overwritten: dict[tuple[str, str], Option] = {}
        """The first overwritten value, by section and key."""
        self.below_key = False
        """Whether there were only comments since the last key. A blank line separates these from the next section."""

    def config(self) -> Config:
        for start, line in self._lines():
            if self.findings.full or len(self.result.sections) > MAX_SECTIONS:
                break
            self._line(start, line)
        self._store_option()
        self._assign_comments(None)
        if len(self.result.sections) > MAX_SECTIONS:
            assert self.section is not None
            self.findings.add(
                "too-large-file",
                f"this file has more than {MAX_SECTIONS} sections: it is not a network",
                self.section.span,
            )
        if self.indented_keys:
            self._report_indented_keys()
        self._warn_of_ignored_text()
        for section in self.result.sections.values():
            section.options = {**self.defaults, **section.options}
            if any("%" in option.text for option in section.options.values()):
                self._interpolate(section)
        return self.result

    def _lines(self) -> Iterator[tuple[int, str]]:
        for start in self.source.line_starts:
            line = _LINE.match(self.source.text, start)
            assert line is not None
            yield start, line[0]

    def _line(self, start: int, line: str) -> None:
        stripped = line.strip()
        if not stripped:
            if self.below_key:
                self._assign_to_current_section()
            self.below_key = False
            return
        if line[0] in "#;":
            self._keep_comment(start, line, 1)
            return
        if line[0] in "rR" and line.split(None, 1)[0].lower() == "rem":
            self._keep_comment(start, line, 3)
            return
        self.below_key = False
        if line[0].isspace() and self.option is not None:
            self.continuation_lines.append(stripped)
            return
        header = _SECTION.match(line)
        if header:
            self._open_section(header[1], Span(self.source, start, start + header.end()))
            rest = line[header.end() :].strip()
            if rest and rest[0] not in "#;":
                begin = start + line.rindex(rest)
                self.after_headers.append((header[1], Span(self.source, begin, begin + len(rest))))
        elif self.section is None:
            if not self.findings.has_errors():
                self._report_stray_line(start, line, "before the first section")
        else:
            self._key(start, line)

    def _open_section(self, name: str, span: Span) -> None:
        self._store_option()
        if name == "DEFAULT":
            self.section = Section(name, span, self.defaults)
            return
        self._assign_comments(name)
        self.section = self.result.sections.setdefault(name, Section(name, span))

    def _key(self, start: int, line: str) -> None:
        sign = _SIGN.search(line)
        name = line[: sign.start()].rstrip() if sign else ""
        if sign is None or not name or name[0].isspace():
            if sign is not None and name:
                self.indented_keys.append((start, line))
            else:
                self._report_stray_line(start, line, "no key=value and no [section]")
            return
        self._store_option()
        self._assign_to_current_section()
        self.below_key = True
        text = line[sign.end() :].lstrip()
        begin = start + len(line) - len(text)
        cut = text.find(";")
        # If the value starts with a semicolon, this tests the value's last character. The original does the same.
        if cut >= 0 and text[cut - 1].isspace():
            text = text[:cut]
        text = text.strip()
        key_span = Span(self.source, start, start + len(name))
        span = Span(self.source, begin, begin + len(text)) if text else key_span
        self.option = Option(name.lower(), "" if text == '""' else text, key_span, span)

    def _store_option(self) -> None:
        """Store the current key with its continuation lines."""
        if self.option is not None and self.section is not None:
            text = "\n".join([self.option.text, *self.continuation_lines])
            option = self.option
            previous = self.section.options.get(option.key)
            if previous is not None and previous.text != text:
                self.overwritten.setdefault((self.section.name, option.key), previous)
            if self.section.options is not self.defaults or len(self.defaults) < MAX_DEFAULTS:
                self.section.options[option.key] = Option(option.key, text, option.key_span, option.span)
        self.option, self.continuation_lines = None, []

    def _warn_of_ignored_text(self) -> None:
        """Warn about text after headers, and about overwritten values.

        Each is a single warning, because a file may contain every section twice.
        """
        if self.after_headers:
            name, span = self.after_headers[0]
            message = f"{name}: the text after its header is ignored"
            self.findings.warn("cfg-ignored-key", message, span, notes=("a key has a line of its own",), layer=name)
        if not self.overwritten:
            return
        ((section, _), first), *others = self.overwritten.items()
        named = [f"[{name}] {option.key_span.text}" for (name, _), option in others[:MAX_LISTED]]
        other_keys = ", ".join(named) + (", ..." if others[MAX_LISTED:] else "")
        notes = (f"the same for {plural(len(others), 'other key')}: {other_keys}",) if others else ()
        message = f"{section}: {first.key_span.text} is given twice, and the last counts"
        self.findings.warn("cfg-ignored-key", message, first.span, notes=notes, layer=section)

    def _keep_comment(self, start: int, line: str, sign_length: int) -> None:
        """Keep a comment until its section is known. ``sign_length`` is the length of the comment sign."""
        self.pending_comments.append(
            (line[sign_length:].rstrip(), Span(self.source, start, start + len(line.rstrip())))
        )

    def _assign_to_current_section(self) -> None:
        """Assign the pending comments to the current section; in [DEFAULT], which is no layer, to the next one."""
        if self.section is not None and self.section.options is not self.defaults:
            self._assign_comments(self.section.name)

    def _assign_comments(self, section: str | None) -> None:
        self.result.comments += [Comment(text, section, span) for text, span in self.pending_comments]
        self.pending_comments = []

    def _report_stray_line(self, start: int, line: str, what: str, notes: Iterable[str] = ()) -> None:
        content = " ".join(line.split())
        hint = ", which begin without a space" if line[0].isspace() else ""
        self.findings.add(
            "cfg-syntax",
            f"this line is {what}: {content[:40]}",
            Span(self.source, start, start + len(line)),
            notes=("a layer file is sections, [name], each with lines key=value" + hint, *notes),
        )

    def _report_indented_keys(self) -> None:
        """Report the first of these lines alone, because a file may have all of its keys indented."""
        (start, line), *others = self.indented_keys
        notes = (f"the same for {plural(len(others), 'other line')} below a section's name",) if others else ()
        self._report_stray_line(start, line, "indented, and there is no key above it that it could continue", notes)

    def _interpolate(self, section: Section) -> None:
        """Replace ``%(key)s`` by the values of other keys of the section, and ``%(__name__)s`` by its name."""
        values = {"__name__": section.name, **{key: option.text for key, option in section.options.items()}}

        @functools.cache
        def value_of(key: str, depth: int) -> str | None:
            text = values.get(key)
            return text if text is None or "%" not in text else _interpolated(text, value_of, depth)

        for key, option in section.options.items():
            text = value_of(key, 0)
            section.options[key] = replace(option, invalid_percent=True) if text is None else replace(option, text=text)


def _interpolated(text: str, value_of: Callable[[str, int], str | None], depth: int) -> str | None:
    """Return a text with ``%(key)s`` replaced and ``%%`` read as ``%``, or ``None`` if it has another ``%``, refers to
    itself, or would become too long. ``value_of`` returns a key's value, interpolated at a depth."""
    parts, end, length = list[str](), 0, 0
    for match in _INTERPOLATION.finditer(text):
        value = "%" if match[0] == "%%" else None
        if match[1] is not None and depth < DEEPEST:
            value = value_of(match[1].lower(), depth + 1)
            length += len(value or "")
        if value is None or depth == DEEPEST or length > MAX_INTERPOLATED_LENGTH:
            return None
        parts += text[end : match.start()], value
        end = match.end()
    return "".join([*parts, text[end:]])
