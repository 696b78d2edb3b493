"""Find the files that a variant starts from: read its ``from=`` key and open the spec of that name beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from netspec.diagnostics import CannotOpen, Diagnostic, Edit, Fix, Label, OutsideFolder, SpecError
from netspec.diagnostics.nearest import is_slip, nearest
from netspec.language.parser import parse
from netspec.language.syntax import File, FileName, Pair, Setting, Word
from netspec.source import SPEC, Source, Span

DEEPEST = 16
"""The most files that a spec may start from, directly or through other variants."""

_OWN_FOLDER = "a variant starts from a spec of its own folder"
_NEEDS = "from= takes the name of a spec of this folder: from=alexnet.net"
_FROM = re.compile(r"\bfrom\s*=")
_FROM_VALUE = re.compile(r"^[^#\r\n]*?\b(from)\s*=\s*([^\s#(),]*)", re.MULTILINE)


def _no_file(name: str) -> Source:
    raise CannotOpen(f"a text without a folder cannot start from {name}")


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a spec. ``read`` opens one of its files by name, and raises ``CannotOpen`` or ``SpecError``;
    ``names`` lists the specs in it."""

    read: Callable[[str], Source] = _no_file
    names: Callable[[], Iterable[str]] = tuple


def find_bases(source: Source, folder: Folder) -> tuple[tuple[Source, ...], tuple[Diagnostic, ...]]:
    """Return the files that a spec starts from, the nearest first, and the mistake (one at most) that ends the search
    early."""
    bases: list[Source] = []
    seen = {source.name.rpartition("/")[2]}
    variant = source
    while _FROM.search(variant.text):  # long texts without the key need not be parsed here
        pair = _from_pair(parse(variant))
        if pair is None:
            break
        base = pair if isinstance(pair, Diagnostic) else _open(pair, seen, folder)
        if isinstance(base, Diagnostic):
            return tuple(bases), (base,)
        bases.append(base)
        variant = base
    return tuple(bases), ()


def _from_pair(file: File) -> Pair | Diagnostic | None:
    """Return the ``from=`` pair of a file's ``net`` line, ``None`` if it has none.

    The pair is found even if the rest of the line has a syntax error. If the pair itself is wrong, return its mistake.
    """
    for setting in file.settings:
        if setting.word.text == "net":
            claimed = setting.claim.pairs if setting.claim else ()  # written behind the arrow by mistake
            pairs = [p for p in (*setting.pairs, *claimed) if p.key.text == "from"]
            if len(pairs) > 1:
                label = Label(pairs[0].span, "first here")
                return Diagnostic("duplicate-key", "from is given twice", (pairs[1].span,), labels=(label,))
            return pairs[0] if pairs else None
    recovered = (_from_broken_line(file, setting) for setting in file.broken if setting.word.text == "net")
    return next((found for found in recovered if found), None)


def other_mistakes(problems: Sequence[Diagnostic], file: File) -> Iterator[Diagnostic]:
    """Yield a file's syntax errors, except those in statements that ``problems`` already cover."""
    covered = [s.span for s in file.broken if any(_within(problem, s.span) for problem in problems)]
    return (d for d in file.diagnostics if not any(_within(d, span) for span in covered))


def _from_broken_line(file: File, statement: Setting) -> Pair | Diagnostic | None:
    match = _FROM_VALUE.search(statement.span.text)
    if match is None:
        return None

    def span_of(group: int) -> Span:
        return Span(file.source, statement.span.start + match.start(group), statement.span.start + match.end(group))

    if re.search(r"[/\\]|^[\w.-]+\.net$", match[2]):
        return Pair(Word("from", span_of(1)), FileName(match[2], span_of(2)))
    mistake = next(d for d in file.diagnostics if _within(d, statement.span))
    at_key = span_of(1).start <= mistake.span.start <= span_of(2).end and '"' not in match[2]
    return replace(mistake, notes=(_NEEDS,)) if at_key else mistake


def _within(mistake: Diagnostic, span: Span) -> bool:
    return mistake.span.source is span.source and span.start <= mistake.span.start <= span.end


def _open(pair: Pair, seen: set[str], folder: Folder) -> Source | Diagnostic:
    if not isinstance(pair.value, FileName):
        return Diagnostic("bad-value", "from: needs the name of a spec, from=alexnet.net", (pair.value.span,))
    name, place = pair.value.text, (pair.value.span,)
    if "/" in name or "\\" in name or name.startswith("."):
        return Diagnostic("outside-folder", f"{name} is not in this file's folder", place, (_OWN_FOLDER,))
    if len(seen) > DEEPEST and name not in seen:
        return Diagnostic("variant-cycle", f"more than {DEEPEST} files start from one another", place)
    if name in seen:
        chain = sorted(seen)
        note = f"{' and '.join(chain)} start from one another" if len(chain) > 1 else f"{name} starts from itself"
        return Diagnostic("variant-cycle", f"starting from {name} leads back here", place, (note,))
    seen.add(name)
    try:
        return folder.read(name)
    except OutsideFolder as error:
        return Diagnostic("outside-folder", str(error), place, (_OWN_FOLDER,))
    except CannotOpen as error:
        return _missing(str(error), pair.value, [n for n in folder.names() if n not in seen])
    except SpecError as error:
        return error.diagnostics[0]


def _missing(message: str, name: FileName, others: Sequence[str]) -> Diagnostic:
    stems = {other.removesuffix(SPEC): other for other in others}
    wanted_stem = name.text.removesuffix(SPEC)
    near_stem = nearest(wanted_stem, stems)
    if near_stem is None:
        return Diagnostic("no-such-file", message, (name.span,))
    suggestion = stems[near_stem]
    fix = Fix(f"write {suggestion}", (Edit(name.span, suggestion),), spelling=is_slip(wanted_stem, near_stem, stems))
    return Diagnostic("no-such-file", f"{message}; did you mean {suggestion}?", (name.span,), fixes=(fix,))
