"""Reading imports out of source text: what the walls of ``test_house.py`` are measured by."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from places import ROOT


@dataclass(frozen=True)
class Import:
    """One import statement's one name: ``module`` (dotted, the importer) reads ``target`` in ``line``.

    ``for_types``: it stands under ``if TYPE_CHECKING`` and loads nothing.
    """

    module: str
    target: str
    line: int
    for_types: bool

    def __str__(self) -> str:
        return f"{self.module} imports {self.target} in line {self.line}"


@cache
def modules() -> dict[str, Path]:
    """Every module of the distribution, by the dotted name that it is installed under."""
    paths = [*(ROOT / "netspec").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]
    return {name_of(path): path for path in sorted(paths)}


def name_of(path: Path) -> str:
    """``backends/pytorch/__init__.py`` as ``netspec.backends.pytorch``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "netspec" else ("netspec", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def all_imports() -> tuple[Import, ...]:
    """Every import of the distribution."""
    return tuple(
        found
        for name, path in modules().items()
        for found in imports(name, path.read_text("utf-8"), is_package=path.name == "__init__.py")
    )


@cache
def nodes(text: str) -> tuple[ast.AST, ...]:
    """All there is in a module's text, the module first; it is read once."""
    return tuple(ast.walk(ast.parse(text)))


def imports(module: str, text: str, *, is_package: bool = False) -> Iterator[Import]:
    """Every import of a module's text: also those inside functions and under ``if TYPE_CHECKING``."""
    package = module if is_package else module.rpartition(".")[0]
    guarded = {inner for node in nodes(text) if _is_type_checking(node) for inner in ast.walk(node)}
    for node in nodes(text):
        match node:
            case ast.Import(names=names):
                targets = [alias.name for alias in names]
            case ast.ImportFrom(module=source, names=names, level=level):
                # `from netspec import units` reads the module units, `from netspec.units import count` does too.
                base = _absolute(package, source, level)
                inner = [f"{base}.{alias.name}" for alias in names]
                targets = [name if name in modules() else base for name in inner]
            case _:
                continue
        for target in targets:
            yield Import(module, target, node.lineno, node in guarded)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _absolute(package: str, source: str | None, level: int) -> str:
    """What ``from ..source import x`` reads, written in a module of this package."""
    if not level:
        return source or ""
    parts = package.split(".")
    kept = parts[: len(parts) - level + 1]
    return ".".join([*kept, source] if source else kept)


def room(module: str) -> str:
    """The room that a module lies in: the name below ``netspec``, one more for a backend; ``netspec`` itself is the
    room ``__init__``."""
    parts = module.split(".")[1:]
    if not parts:
        return "__init__"
    return "/".join(parts[:2]) if parts[0] == "backends" else parts[0]
