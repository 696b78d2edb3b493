"""The examples in Markdown pages: found, run, and put back.

A block marked ``net`` is a spec. Where a block marked ``text`` follows it, that is what the compiler says to it; where
none does, the spec has to be right. ``net NAME`` is another file of the same folder, for the specs after it. A block
marked ``console`` holds commands and what they print. A part between ``<!-- NAME -->`` and ``<!-- /NAME -->`` is made
by a function of that name.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.text import render_all
from netspec.net import load

NAME = "example.net"
_BLOCK = re.compile(r"^```(net|text|console)(?: (\S+))?\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_PART = re.compile(r"^<!-- (\S+) -->\n(.*?)^<!-- /\1 -->\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A spec, the files beside it, and where in the page its output stands (``None`` where it has to be right)."""

    text: str
    beside: Mapping[str, str]
    output: tuple[int, int] | None

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What the compiler finds in it."""
        with TemporaryDirectory() as folder, chdir(folder):
            for name, text in {**self.beside, NAME: self.text}.items():
                Path(name).write_text(text, "utf-8")
            try:
                return load(NAME).warnings
            except SpecError as error:
                return error.diagnostics


def examples(page: str) -> Iterator[Example]:
    """Every spec of a page."""
    beside: dict[str, str] = {}
    blocks = list(_BLOCK.finditer(page))
    for block, following in zip(blocks, [*blocks[1:], None], strict=False):
        kind, name, text = block.groups()
        if kind == "net" and name:
            beside[name] = text
        elif kind == "net":
            output = following.span(3) if following and following[1] == "text" else None
            yield Example(text, dict(beside), output)


def fresh(page: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A page with its parts and all outputs as they come out now. Raises where a spec that has to be right is not."""
    page = _PART.sub(lambda part: f"<!-- {part[1]} -->\n\n{parts[part[1]]()}\n<!-- /{part[1]} -->\n", page)
    changes = [(block.span(3), _console(block[3])) for block in _BLOCK.finditer(page) if block[1] == "console"]
    for example in examples(page):
        found = example.diagnostics()
        if example.output:
            changes.append((example.output, "".join(f"{line.rstrip()}\n" for line in render_all(found).splitlines())))
        elif found:
            raise AssertionError(f"an example is not right:\n{example.text}\n{render_all(found)}")
    for (start, end), text in sorted(changes, reverse=True):
        page = page[:start] + text + page[end:]
    return page


def _console(body: str) -> str:
    """The commands of a block, each with what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    pieces = []
    with TemporaryDirectory() as folder:
        for line in body.splitlines(keepends=True):
            if line.startswith("$ "):
                done = subprocess.run(
                    ["bash", "-c", line.removeprefix("$ ")],
                    cwd=folder,
                    env={**os.environ, "PATH": path},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                pieces += [line, *(f"{said.rstrip()}\n" for said in done.stdout.splitlines())]
    return "".join(pieces)
