"""Layers that are pasted from a program in Python: one mistake for all of them, with a fix that makes each a line."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.diagnostics.other_tools.words import plain_word
from netspec.language.habits import rewritten
from netspec.language.parser import grammar
from netspec.language.words import NAME
from netspec.source import Source, Span

MAX_LENGTH = 20_000
"""The most characters of a text whose pasted layers are joined."""
MAX_ERRORS = 20
"""How many pasted statements that are not Python are left out."""

_HEAD = re.compile(rf"\[({NAME})\] ")
_PASTED = re.compile(rf"(?:{_HEAD.pattern}|(?:self\.)?\w+\s*=)?\s*(?:\w+\.)*[A-Za-z]\w*\(|[\])]+,?\s*(?:#|\Z)")
_CONTAINERS = ("Sequential", "ModuleList", "OrderedDict", "add")
_STEMS = {"conv": "conv", "pool": "pool", "norm": "norm", "dropout": "drop", "linear": "fc", "dense": "fc"}
"""What the name of a class contains, and what the names of its layers begin with."""
_NOTES = (
    "a layer is its name, type and keys: [conv1] conv filters=96 kernel=11",
    "a whole model need not be pasted: netspec import converts a model.keras, or a model.onnx that PyTorch exported",
)
"""What is said of one layer, and of several."""

Part = tuple[int, int]
"""Where a statement begins and ends."""


class _Layer(NamedTuple):
    """A layer's name, empty if it has none, what it is named after then, its text after the name, and where it is."""

    name: str
    stem: str
    text: str
    span: Span


class _Block(NamedTuple):
    """The lines of a statement in Python, and the layers in it."""

    span: Span
    layers: list[_Layer]


def joined(source: Source, parts: Sequence[Part], broken: Collection[Part]) -> tuple[Diagnostic, set[Part]] | None:
    """Return one mistake for those ``broken`` ones of a text's statements that are layers of a program in Python, and
    these statements.

    ``None`` if there is none, or only one that has a name, which is a mistake of its own.
    """
    pasted = [part for part in parts if part in broken and _PASTED.match(source.text, *part)]
    if not pasted or len(source.text) > MAX_LENGTH:
        return None
    own = {start for start, _ in pasted}
    names = {m[1] for m in re.finditer(rf"^\[({NAME})\]", source.text, re.MULTILINE) if m.start() not in own}
    blocks = [b for statement in _parsed(source, pasted, parts) if (b := _block(source, statement, names)) is not None]
    layers = [layer for block in blocks for layer in block.layers]
    if not layers or (len(layers) == 1 and layers[0].name):
        return None
    edits = tuple(Edit(block.span, _lines(block, names)) for block in blocks)
    covered = {part for part in pasted if any(span.start <= part[0] < span.end for span, _ in blocks)}
    word = re.compile(r"[^\s(=]*").match(source.text, min(covered)[0])
    assert word is not None
    last = source.position(blocks[-1].span.end - 1)[0]
    what = "a layer is" if len(layers) == 1 else f"{len(layers)} layers, up to line {last}, are"
    notes = _NOTES[: len(layers)]
    fix = Fix("write it as a spec does", edits)
    mistake = Diagnostic("syntax", f"{what} written as in a program", (Span(source, *word.span()),), notes, (fix,))
    return mistake, covered


def _parsed(source: Source, pasted: Sequence[Part], parts: Sequence[Part]) -> list[ast.stmt]:
    """Return the statements of a text's ``pasted`` parts as Python, in their places.

    Parts that are not Python are left out, and a 0 stands in the place of each other part.
    """
    text = source.text
    for _ in range(MAX_ERRORS):
        signs = list(re.sub(r"[^\r\n]", " ", text))
        for start, _ in parts:
            signs[start - source.position(start)[1] + 1] = "0"
        for start, end in pasted:
            signs[start:end] = _HEAD.sub(r"\1 = ", text[start:end], count=1)
        code = re.sub(r"[^\x00-\x7f]", "_", "".join(signs))
        try:
            with warnings.catch_warnings(action="ignore"):
                found = ast.parse(code).body
            several = any(after.lineno <= (before.end_lineno or 0) for before, after in pairwise(found))
            return [] if several else found  # with a semicolon between them
        except SyntaxError as error:
            before = [part for part in pasted if source.position(part[0])[0] <= (error.lineno or 0)]
            pasted = [part for part in pasted if part not in before[-1:]]
        except (ValueError, RecursionError, MemoryError):
            break
    return []


def _block(source: Source, statement: ast.stmt, names: set[str]) -> _Block | None:
    """Return the layers of a statement and add their names to the others; ``None`` if it is anything else."""
    try:
        layers = [*_layers(source, statement)]
    except ValueError:
        return None
    own = [layer.name for layer in layers if layer.name]
    if len({*own}) < len(own) or names & {*own}:
        return None
    names.update(own)
    starts = [*source.line_starts, len(source.text)]
    return _Block(Span(source, starts[statement.lineno - 1], starts[statement.end_lineno or -1]), layers)


def _layers(source: Source, node: ast.AST, name: str = "") -> Iterator[_Layer]:
    """Yield the layers that a program lists. Raises ``ValueError`` for anything else in it."""
    match node:
        case ast.Expr(value=value) | ast.Tuple(elts=[value]):
            yield from _layers(source, value, name)
        case ast.Assign(targets=[ast.Attribute(attr=name) | ast.Name(id=name)], value=value):
            yield from _layers(source, value, name)
        case ast.Tuple(elts=[ast.Constant(value=str(name)), value]):
            yield from _layers(source, value, name)
        case ast.Tuple(elts=nodes) | ast.List(elts=nodes):
            for item in nodes:
                yield from _layers(source, item)
        case ast.Call(func=ast.Attribute(attr=word) | ast.Name(id=word), args=args) if word in _CONTAINERS:
            for item in args:
                yield from _layers(source, item)
        case ast.Call(func=ast.Attribute(attr=word) | ast.Name(id=word)) if word[0].isupper():
            yield _layer(source, node, word, name if re.fullmatch(NAME, name) else "")
        case _:
            raise ValueError


def _layer(source: Source, call: ast.Call, word: str, name: str) -> _Layer:
    assert call.end_lineno is not None and call.end_col_offset is not None
    start, end = source.line_starts[call.lineno - 1], source.line_starts[call.end_lineno - 1]
    span = Span(source, start + call.col_offset, end + call.end_col_offset)
    text = " ".join((ast.unparse(call) if "#" in span.text else span.text).split())
    text = re.sub(r",\s*\)", ")", text)
    line = Source("", f"[{name or 'x'}] {text}")
    rewriting = rewritten(line, 0, len(line.text))
    written = rewriting[1] if rewriting else line.text
    if grammar.try_read(written, "statement") is None:
        raise ValueError
    plain = plain_word(word)
    stem = next((stem for part, stem in _STEMS.items() if part in plain), plain)
    return _Layer(name, stem, written.partition("] ")[2], span)


def _lines(block: _Block, names: set[str]) -> str:
    """Return a line for each layer of a block, and the comments in and between them.

    Layers without a name are counted by their types, and their names added to the others.
    """
    lines: list[str] = []
    place, text = block.span.start, block.span.source.text
    for layer in (*block.layers, None):
        between = text[place : layer.span.start if layer else block.span.end]
        for n, line in enumerate(between.splitlines()):
            _, sign, comment = line.partition("#")
            if sign and n == 0 and lines:
                lines[-1] += f"  #{comment}"
            elif sign:
                lines.append(f"#{comment}")
        if layer is not None:
            numbered = (f"{layer.stem}{number}" for number in range(1, len(names) + 2))
            name = layer.name or next(name for name in numbered if name not in names)
            names.add(name)
            lines.append(f"[{name}] {layer.text}")
            place = layer.span.start
    return "".join(line + block.span.source.newline for line in lines)
