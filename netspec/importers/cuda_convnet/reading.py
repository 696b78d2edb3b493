"""Parse a ``.cfg`` file into sections of keys with their places.

The rules are those of Python 2's ``SafeConfigParser``, with which cuda-convnet read its files: a ``#`` or ``;`` in the
first column starts a comment, an indented line continues the value above it, `` ;`` ends a value, keys are
case-insensitive, repeated sections are merged, and the last of repeated keys counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from netspec.check.report import Findings
from netspec.source import Source, Span
from netspec.units import plural

MOST_SECTIONS = 20_000
"""The most sections of a file. The largest network by the original's authors has about a hundred."""
LONGEST_INSERTED = 1000
"""The most characters of a value after interpolation."""
DEEPEST = 10
"""The maximum depth of interpolation, the same as in the original."""
MOST_NAMED = 10
"""The most keys that one warning names."""
MOST_DEFAULTS = 100
"""The most keys of a section [DEFAULT]."""

_SECTION = re.compile(r"\[([^\]]+)\]")
_SIGN = re.compile(r"[:=]")
_LINE = re.compile(r"[^\r\n]*")
_INSERTED = re.compile(r"%(?:%|\(([^)]+)\)s)?")


@dataclass(frozen=True, slots=True)
class Option:
    """A key with its value and their places. ``key`` is in lower case.

    ``broken``: the value has an invalid ``%``. The original rejected it only when it used the value.
    """

    key: str
    text: str
    key_span: Span
    span: Span
    """The place of the value, or of the key if the value is empty."""
    broken: bool = False


@dataclass(slots=True)
class Section:
    """A section: its name, the place of its first header, and its keys, each with its last value."""

    name: str
    span: Span
    options: dict[str, Option] = field(default_factory=dict)


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
        self.continued: list[str] = []
        self.waiting: list[tuple[str, Span]] = []
        self.behind: list[tuple[str, Span]] = []
        """Section names, and text after their headers on the same line."""
        self.lost: dict[tuple[str, str], Option] = {}
        """The first overwritten value, by section and key."""
        self.below_key = False
        """Whether there were only comments since the last key. A blank line then separates them from the next
        section."""

    def config(self) -> Config:
        for start, line in self._lines():
            if self.findings.full or len(self.result.sections) > MOST_SECTIONS:
                break
            self._line(start, line)
        self._close()
        self._comments(None)
        if len(self.result.sections) > MOST_SECTIONS:
            assert self.section is not None
            self.findings.add(
                "too-large-file", f"this file has more than {MOST_SECTIONS} sections: it is no net", self.section.span
            )
        self._tell_lost()
        for section in self.result.sections.values():
            section.options = {**self.defaults, **section.options}
            if any("%" in option.text for option in section.options.values()):
                self._insert(section)
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
                self._comments_here()
            self.below_key = False
            return
        if line[0] in "#;":
            self._wait(start, line, 1)
            return
        if line[0] in "rR" and line.split(None, 1)[0].lower() == "rem":
            self._wait(start, line, 3)
            return
        self.below_key = False
        if line[0].isspace() and self.option is not None:
            self.continued.append(stripped)
            return
        header = _SECTION.match(line)
        if header:
            self._open(header[1], Span(self.source, start, start + header.end()))
            rest = line[header.end() :].strip()
            if rest and rest[0] not in "#;":
                begin = start + line.rindex(rest)
                self.behind.append((header[1], Span(self.source, begin, begin + len(rest))))
        elif self.section is None:
            if not any(found.severity == "error" for found in self.findings.all):
                self._stray(start, line, "before the first section")
        else:
            self._key(start, line)

    def _open(self, name: str, span: Span) -> None:
        self._close()
        if name == "DEFAULT":
            self.section = Section(name, span, self.defaults)
            return
        self._comments(name)
        self.section = self.result.sections.setdefault(name, Section(name, span))

    def _key(self, start: int, line: str) -> None:
        sign = _SIGN.search(line)
        name = line[: sign.start()].rstrip() if sign else ""
        if sign is None or not name or name[0].isspace():
            self._stray(start, line, "no key=value and no [section]")
            return
        self._close()
        self._comments_here()
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

    def _close(self) -> None:
        """Store the current key with its continuation lines."""
        if self.option is not None and self.section is not None:
            text = "\n".join([self.option.text, *self.continued])
            option = self.option
            former = self.section.options.get(option.key)
            if former is not None and former.text != text:
                self.lost.setdefault((self.section.name, option.key), former)
            if self.section.options is not self.defaults or len(self.defaults) < MOST_DEFAULTS:
                self.section.options[option.key] = Option(option.key, text, option.key_span, option.span)
        self.option, self.continued = None, []

    def _tell_lost(self) -> None:
        """Warn about text after headers, and about overwritten values.

        Each is a single warning, because a file may contain every section twice.
        """
        if self.behind:
            name, span = self.behind[0]
            message = f"{name}: what stands behind its header is passed over"
            self.findings.warn("cfg-ignored-key", message, span, notes=("a key has a line of its own",), layer=name)
        if not self.lost:
            return
        ((section, _), first), *others = self.lost.items()
        said = [f"[{other}] {one.key_span.text}" for (other, _), one in others[:MOST_NAMED]]
        more = ", ".join(said) + (", ..." if others[MOST_NAMED:] else "")
        notes = (f"so it is with {plural(len(others), 'other key')}: {more}",) if others else ()
        message = f"{section}: {first.key_span.text} is given twice, and the last counts"
        self.findings.warn("cfg-ignored-key", message, first.span, notes=notes, layer=section)

    def _wait(self, start: int, line: str, mark: int) -> None:
        """Keep a comment until its section is known. ``mark`` is the length of the comment sign."""
        self.waiting.append((line[mark:].rstrip(), Span(self.source, start, start + len(line.rstrip()))))

    def _comments_here(self) -> None:
        """Assign the pending comments to the current section; in [DEFAULT], which is no layer, to the next one."""
        if self.section is not None and self.section.options is not self.defaults:
            self._comments(self.section.name)

    def _comments(self, section: str | None) -> None:
        self.result.comments += [Comment(text, section, span) for text, span in self.waiting]
        self.waiting = []

    def _stray(self, start: int, line: str, what: str) -> None:
        shown = " ".join(line.split())
        begin = ", which begin without a space" if line[0].isspace() else ""
        self.findings.add(
            "cfg-syntax",
            f"this line is {what}: {shown[:40]}",
            Span(self.source, start, start + len(line)),
            notes=("a layer file is sections, [name], each with lines key=value" + begin,),
        )

    def _insert(self, section: Section) -> None:
        """Replace ``%(key)s`` by the values of other keys."""
        for key, option in section.options.items():
            text = option.text
            for _ in range(DEEPEST):
                if "%(" not in text or len(text) > LONGEST_INSERTED:
                    break
                text = _INSERTED.sub(lambda m: _inserted(m, section), text)
            if "%" in text.replace("%%", "") or (text is not option.text and len(text) > LONGEST_INSERTED):
                section.options[key] = replace(option, broken=True)
                continue
            section.options[key] = Option(key, text.replace("%%", "%"), option.key_span, option.span)


def _inserted(match: re.Match[str], section: Section) -> str:
    if match[1] is None:
        return match[0]
    found = section.options.get(match[1].lower())
    return match[0] if found is None or len(found.text) > LONGEST_INSERTED else found.text
