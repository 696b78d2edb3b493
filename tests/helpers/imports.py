"""Reading the imports in source text, for the rules of ``test_house.py``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from places import ROOT


@dataclass(frozen=True)
class Import:
    """One name of an import statement: ``module`` (the importer's dotted name) imports ``target`` in ``line``.

    ``for_types``: the statement is under ``if TYPE_CHECKING`` and is not executed.
    """

    module: str
    target: str
    line: int
    for_types: bool

    def __str__(self) -> str:
        return f"{self.module} imports {self.target} in line {self.line}"


@cache
def modules() -> dict[str, Path]:
    """Return the paths of all modules of the distribution by their dotted names once installed."""
    paths = [*(ROOT / "netspec").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]
    return {name_of(path): path for path in sorted(paths)}


def name_of(path: Path) -> str:
    """Return a file's dotted module name; for ``backends/pytorch/__init__.py``, ``netspec.backends.pytorch``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "netspec" else ("netspec", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def all_imports() -> tuple[Import, ...]:
    """Return all imports of the distribution."""
    return tuple(
        imported
        for name, path in modules().items()
        for imported in imports(name, path.read_text("utf-8"), is_package=path.name == "__init__.py")
    )


@cache
def nodes(text: str) -> tuple[ast.AST, ...]:
    """Parse a module's text and return all syntax nodes, the module first."""
    return tuple(ast.walk(ast.parse(text)))


def imports(module: str, text: str, *, is_package: bool = False) -> Iterator[Import]:
    """Yield all imports in a module's text, including those inside functions and under ``if TYPE_CHECKING``."""
    package = module if is_package else module.rpartition(".")[0]
    guarded = {inner for node in nodes(text) if _is_type_checking(node) for inner in ast.walk(node)}
    for node in nodes(text):
        match node:
            case ast.Import(names=names):
                targets = [alias.name for alias in names]
            case ast.ImportFrom(module=source, names=names, level=level):
                # Both `from netspec import formatting` and `from netspec.formatting import plural` import that module.
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
    """Return the absolute name of the module that ``from ..source import x`` in ``package`` imports from."""
    if not level:
        return source or ""
    parts = package.split(".")
    kept = parts[: len(parts) - level + 1]
    return ".".join([*kept, source] if source else kept)


def room(module: str) -> str:
    """Return the room of a module: the name below ``netspec``, such as ``train``, or ``backends/NAME`` for a backend.

    The room of ``netspec`` itself is ``__init__``.
    """
    parts = module.split(".")[1:]
    if not parts:
        return "__init__"
    return "/".join(parts[:2]) if parts[0] == "backends" else parts[0]
