"""Comments that silence warnings on their line: ``# allow: unread-pixels``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from netspec.diagnostics import Diagnostic, Edit
from netspec.diagnostics.fixes import insertion, replacement
from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.source import Source, Span

WARNINGS = (
    "batchnorm-momentum", "channels-last", "dropout-on-scores", "image-dropped", "linear-layers", "lrn-across-groups",
    "maps-summed", "mean-out-of-range", "no-class-loss", "no-effect", "output-holes", "rate-too-large",
    "relu-on-scores", "saturating-bias", "schedule-too-long", "signal-explodes", "signal-vanishes", "softmax-twice",
    "super-eps-too-small", "unknown-allow", "unread-channels", "unread-layer", "unread-pixels", "unused-allow",
    "warmup-too-long",
)  # fmt: skip
"""The codes that a comment can silence."""

_ABOUT_COMMENTS = ("unknown-allow", "unused-allow")

_ALLOWED = re.compile(r"\ballow:\s*([\w-]+(?:\s*,\s*[\w-]+)*)")
_CODE = re.compile(r"[\w-]+")


def allowed(warning: Diagnostic) -> bool:
    """Whether a comment on the warning's line silences it. Errors are never silenced."""
    if warning.severity != "warning":
        return False
    _, _, comment = warning.span.source.line(warning.span.line).partition("#")
    match = _ALLOWED.search(comment)
    return match is not None and warning.code in re.split(r"\s*,\s*", match[1])


def silencing_edit(warning: Diagnostic) -> Edit:
    """Return the edit that silences a warning: a new comment, or its code added to the line's existing comment."""
    source, number = warning.span.source, warning.span.line
    line = source.line(number)
    code, hash_sign, comment = line.partition("#")
    match = _ALLOWED.search(comment)
    if match:
        column, text = len(code) + len(hash_sign) + match.end(), f", {warning.code}"
    elif hash_sign:
        stripped = line.rstrip()
        column, text = len(stripped), f"{'' if stripped.endswith('#') else ';'} allow: {warning.code}"
    else:
        column, text = len(line.rstrip()), f"  # allow: {warning.code}"
    start = source.line_starts[number - 1] + column
    return insertion(source, start, text)


def unknown(source: Source) -> Iterator[Diagnostic]:
    """Yield a warning for each code after ``allow:`` that does not exist."""
    for word in _allowed_codes(source):
        if word.text not in WARNINGS:
            near = nearest(word.text, WARNINGS)
            notes = () if near else (f"the warnings: {', '.join(w for w in WARNINGS if w not in _ABOUT_COMMENTS)}",)
            message = f"there is no warning {word.text} to allow" + did_you_mean(near)
            fixes = (replacement(word, near, WARNINGS),) if near else ()
            yield Diagnostic("unknown-allow", message, (word,), notes, fixes, severity="warning")


def unused(source: Source, silenced: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield a warning for each code after ``allow:`` whose warning does not occur on that line."""
    used = {(w.span.line, w.code) for w in silenced if w.span.source is source}
    for word in _allowed_codes(source):
        if word.text in WARNINGS and word.text not in _ABOUT_COMMENTS and (word.line, word.text) not in used:
            note = "the comment must be on the line that the warning points to"
            message = f"{word.text} is allowed here and does not occur"
            yield Diagnostic("unused-allow", message, (word,), (note,), severity="warning")


def _allowed_codes(source: Source) -> Iterator[Span]:
    """Yield the span of each code after ``allow:`` in a file's comments."""
    if "allow:" not in source.text:
        return
    for number, start in enumerate(source.line_starts, 1):
        code, hash_sign, comment = source.line(number).partition("#")
        match = _ALLOWED.search(comment)
        if match:
            comment_start = start + len(code) + len(hash_sign)
            for word in _CODE.finditer(comment, match.start(1), match.end(1)):
                yield Span(source, comment_start + word.start(), comment_start + word.end())
