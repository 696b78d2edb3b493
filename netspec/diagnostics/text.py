"""Diagnostics as text: the line with carets under what is wrong, the arithmetic, and the fixes."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from netspec.diagnostics.model import Diagnostic, Label
from netspec.formatting import plural
from netspec.source import ModelFile, Span

_MAX_LINE_WIDTH = 160
_MAX_NOTE_WIDTH = 120


def render_all(diagnostics: Sequence[Diagnostic], limit: int | None = None, *, lists_rest: bool = False) -> str:
    """Return the text of all diagnostics, or of the first ``limit``. If there are several, their number follows.

    With ``lists_rest``, each diagnostic after the first ``limit`` has a line of its own, with its place and message.
    """
    shown, rest = (diagnostics, []) if limit is None else (diagnostics[:limit], diagnostics[limit:])
    parts = [render(d) for d in shown]
    tally = _tally(diagnostics)
    if rest and lists_rest:
        parts.append("\n".join(f"{_place(d.span)}: {d.severity}[{d.code}]: {d.message}" for d in rest))
        tally = f"{tally}; the first {len(shown)} are shown in full, netspec check --format json has all in full"
    elif rest:
        tally = f"{tally}; the first {len(shown)} are shown, netspec check --format json lists all"
    return "\n\n".join([*parts, tally]) if len(diagnostics) > 1 else "\n\n".join(parts)


def render(diagnostic: Diagnostic) -> str:
    """Return the text of one diagnostic, usually a dozen lines at most. The first line is enough on its own.

    Below the place of the mistake come the first span in another file, and all labels of other spans, underlined with
    hyphens. A line of the file is not repeated for a label on the same line, nor shown at all for a brief label. The
    place of a model, which has no lines, is its name.
    """
    span = diagnostic.span
    elsewhere = [s for s in diagnostic.spans if s.source != span.source]
    others = diagnostic.other_labels
    gutter = " " * max(
        len(str(s.line)) for s in (span, *elsewhere[:1], *(label.span for label in others if not label.brief))
    )
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"]
    lines.append(f"{gutter}--> {_place(span)}")
    excerpt = _excerpt(diagnostic.spans, gutter, diagnostic.own_label) if _is_text(span) else []
    lines += [f"{gutter} |", *excerpt] if excerpt else []
    if elsewhere:
        lines += [f"{gutter}::: {_place(elsewhere[0])}", *_excerpt(elsewhere, gutter)]
    for label in others:
        lines += _label(label, span, excerpt[0] if excerpt else "", gutter)
    for note in diagnostic.notes:
        lines += _note(note, gutter)
    fixes = [(f"fix: {f.title}", f.effect) for f in diagnostic.fixes]
    fixes += [(f"not a fix: {r.title}", r.effect) for r in diagnostic.rejected]
    width = max((len(title) for title, effect in fixes if effect), default=0)
    lines += [f"{gutter} {title:<{width}}  {effect}" if effect else f"{gutter} {title}" for title, effect in fixes]
    return "\n".join(lines)


def _label(label: Label, place: Span, shown: str, gutter: str) -> list[str]:
    """Return the lines of a label. ``shown`` is the line of the file at ``place``, which is not shown again."""
    if label.brief:
        return [f"{gutter}::: {_place(label.span)}: {label.text}"]
    lines = _excerpt((label.span,), gutter, label.text, "-")
    if label.span.source != place.source:
        return [f"{gutter}::: {_place(label.span)}", *lines]
    return lines[1:] if lines[0] == shown else lines


def _note(note: str, gutter: str) -> list[str]:
    """Return a wrapped note, its first line after ``=`` and the others indented below it."""
    prefix = f"{gutter} = "
    return wrap(
        note,
        _MAX_NOTE_WIDTH,
        initial_indent=prefix,
        subsequent_indent=" " * len(prefix),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _place(span: Span) -> str:
    return f"{span.source.name}:{span.line}:{span.column}" if _is_text(span) else span.source.name


def _is_text(span: Span) -> bool:
    return not isinstance(span.source, ModelFile)


def _excerpt(spans: Sequence[Span], gutter: str, label: str = "", mark: str = "^") -> list[str]:
    """Return the first span's line, and below it marks under every span on this line, followed by the label."""
    first = spans[0]
    line = first.source.line(first.line)
    line_start = first.source.line_starts[first.line - 1]
    on_line = [s for s in spans if s.source == first.source and s.line == first.line]
    marks = [(s.start - line_start, max(s.end - line_start, s.start - line_start + 1)) for s in on_line]
    marks = [(a, min(b, max(len(line), a + 1))) for a, b in marks]
    left = 0
    if max(b for _, b in marks) > _MAX_LINE_WIDTH:
        left = max(0, marks[0][0] - 40)
    visible = _printable(line[left : left + _MAX_LINE_WIDTH])
    carets = [" "] * (max(b for _, b in marks) - left)
    for a, b in marks:
        for i in range(max(0, a - left), min(b - left, len(carets))):
            carets[i] = mark
    underline = f"{''.join(carets)[:_MAX_LINE_WIDTH].rstrip()} {label}".rstrip()
    return [f"{first.line:>{len(gutter)}} | {visible}".rstrip(), f"{gutter} | {underline}"]


def _printable(line: str) -> str:
    """Return a line with each tab or control character replaced by one column, so that carets stay under their text."""
    return "".join(" " if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _tally(diagnostics: Sequence[Diagnostic]) -> str:
    errors = sum(d.severity == "error" for d in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [plural(errors, "error")] if errors else []
    parts += [plural(warnings, "warning")] if warnings else []
    return ", ".join(parts)
