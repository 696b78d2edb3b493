"""The codes of diagnostics in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from imports import nodes

MAKERS = ("Diagnostic", "Fault", "Origin", "add", "warn", "report_error", "report_key_error", "unknown", "warning",
          "_unreadable", "source_error", "inexpressible", "other_outputs")  # fmt: skip
"""The functions whose first argument is a code."""
MENTIONED = re.compile(rf"\b(?:{'|'.join(MAKERS)})\(\s*[^)\s]|\bcode\b[^\n]* = ")
"""What a module with codes has. Parsing all of them takes seconds."""


def codes_of_files(paths: Iterable[Path]) -> set[str]:
    """Return the codes in modules."""
    texts = (path.read_text("utf-8") for path in paths)
    return {code for text in texts if MENTIONED.search(text) for code in codes_in(text)}


def codes_in(source: str) -> Iterator[str]:
    """Yield the codes in a module's source: arguments of ``MAKERS``, and values assigned to ``code``."""
    for node in nodes(source):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[code, _, *_]) if name in MAKERS:
                yield from strings(code, r"[a-z-]+")
            case ast.Assign(targets=[ast.Name(id="code") | ast.Tuple(elts=[ast.Name(id="code"), *_])], value=value):
                yield from strings(value, r"[a-z]+(-[a-z]+)+")


def strings(expression: ast.expr, pattern: str) -> Iterator[str]:
    """The constants in an expression that look like a code."""
    values = [node.value for node in ast.walk(expression) if isinstance(node, ast.Constant)]
    return (value for value in values if isinstance(value, str) and re.fullmatch(pattern, value))
