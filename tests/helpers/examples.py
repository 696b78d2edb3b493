"""The examples in Markdown pages: found, run, and put back.

A block marked ``net`` is a spec. Where a block marked ``text`` follows it, that is what the compiler says to it; where
none does, the spec has to be right. ``net NAME`` is another file of the same folder, for the specs after it.
``cfg SHAPE`` is a layer file of cuda-convnet whose data have this shape (without it, none is given), ``cfg params`` the
parameter file of the layer files after it, ``cfg history`` one whose notes are read for the rates (``--history``).

A block marked ``console`` holds commands and what they print. A part between ``<!-- NAME -->`` and ``<!-- /NAME -->``
is made by a function of that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from consoles import typed

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.text import render_all
from netspec.ir.shape import Shape
from netspec.net import load

NAME, LAYERS, PARAMS, HISTORY = "example.net", "example.cfg", "params", "history"
_BLOCK = re.compile(r"^```(net|cfg|text|console)(?: (\S+))?\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_PART = re.compile(r"^<!-- (\S+) -->\n(.*?)^<!-- /\1 -->\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A spec, the files beside it, and where in the page its output stands (``None`` where it has to be right). Of a
    layer file, ``name`` is another, and ``shape`` that of its data."""

    text: str
    beside: Mapping[str, str]
    output: tuple[int, int] | None
    name: str = NAME
    shape: Shape | None = None

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What the compiler finds in it."""
        with TemporaryDirectory() as folder, chdir(folder):
            for name, text in {**self.beside, self.name: self.text}.items():
                Path(name).write_text(text, "utf-8")
            given = (name for name in (PARAMS, HISTORY) if self.name == LAYERS and name in self.beside)
            params = next(given, None)
            try:
                return load(self.name, self.shape, params=params, history=params == HISTORY).warnings
            except SpecError as error:
                return error.diagnostics


def examples(page: str) -> Iterator[Example]:
    """Every spec of a page."""
    beside: dict[str, str] = {}
    blocks = list(_BLOCK.finditer(page))
    for block, following in zip(blocks, [*blocks[1:], None], strict=False):
        kind, name, text = block.groups()
        output = following.span(3) if following and following[1] == "text" else None
        if (kind == "net" and name) or (kind == "cfg" and name in (PARAMS, HISTORY)):
            beside.pop(PARAMS if name == HISTORY else HISTORY, None)
            beside[name] = text
        elif kind == "net":
            yield Example(text, dict(beside), output)
        elif kind == "cfg":
            shape = Shape(*map(int, name.split("x"))) if name else None
            yield Example(text, dict(beside), output, LAYERS, shape)


def fresh(page: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A page with its parts and all outputs as they come out now. Raises where a spec that has to be right is not."""
    page = _PART.sub(lambda part: f"<!-- {part[1]} -->\n\n{parts[part[1]]()}\n<!-- /{part[1]} -->\n", page)
    with TemporaryDirectory() as folder:
        changes = [
            (block.span(3), typed(block[3], Path(folder))) for block in _BLOCK.finditer(page) if block[1] == "console"
        ]
    for example in examples(page):
        found = example.diagnostics()
        if example.output:
            changes.append((example.output, "".join(f"{line.rstrip()}\n" for line in render_all(found).splitlines())))
        elif found:
            raise AssertionError(f"an example is not right:\n{example.text}\n{render_all(found)}")
    for (start, end), text in sorted(changes, reverse=True):
        page = page[:start] + text + page[end:]
    return page
