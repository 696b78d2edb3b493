"""Rules of the code base: which room may import which, where libraries may be used, how long a file may be.

docs/architecture.md describes the same rules; the tests compare the two.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from statistics import median
from typing import TypeGuard

import pytest
from comprehensions import Function, misread
from imports import Import, all_imports, imports, modules, nodes, room
from places import ROOT
from processes import NUMERICS, netspec, python

FLOORS = (
    ("__init__", "__main__"),
    ("cli",),
    ("timing",),
    ("train", "lsp"),
    ("parallel",),
    ("backends", "notebook"),
    ("report", "diff", "draw", "explain", "plan", "pygments_lexer", "backend"),
    ("net",),
    ("solve", "passes", "importers"),
    ("check",),
    ("layers",),
    ("lowering", "setting_keys"),
    ("keys", "opening", "stats"),
    ("language", "ir"),
    ("diagnostics",),
    ("source", "formatting", "own_images"),
)
"""From the top down. A room imports only from the floors below it, never from its own. Every backend is a room."""

INSIDE = {
    "netspec.train": ("data", "learning", "reporting", "runs", "tensors", "processes", "evaluation", "drawing"),
    "netspec.importers.caffe": ("schema", "net", "learning", "spec", "weights"),
    "netspec.importers.cuda_convnet": ("layers", "learning", "spec"),
    "netspec.importers": (
        "spec",
        "operators",
        "caffe",
        "cuda_convnet",
        "darknet",
        "onnx_file",
        "keras_file",
        "torch_module",
    ),
    "netspec.importers.onnx_file": ("graph",),
    "netspec.importers.keras_file": ("model", "graph"),
    "netspec.importers.operators": ("graph", "spec"),
}
"""The rooms inside large ones: each imports only from those before it. Files beside these rooms are not restricted."""

ONLY_IN = {
    "lark": ("netspec.language.parser",),
    "click": ("netspec.cli",),
    "jinja2": ("netspec.backends.source",),
    "torch": (
        "netspec.train",
        "netspec.timing",
        "netspec.parallel",
        "netspec.backends.pytorch",
        "netspec.importers.torch_module",
    ),
    "safetensors": ("netspec.train",),
    "matplotlib": ("netspec.train",),
    "sklearn": ("netspec.train.data",),
    "PIL": ("netspec.train", "netspec.draw"),
    "onnx": ("netspec.backends.onnx_file", "netspec.importers.onnx_file.graph"),
    "h5py": ("netspec.importers.keras_file.model",),
    "pygls": ("netspec.lsp",),
    "lsprotocol": ("netspec.lsp",),
    "triton": ("netspec.backends.pytorch.fast.kernels",),
    "pygments": ("netspec.pygments_lexer",),
}
"""Libraries, and the only modules or packages that may import them, except under ``if TYPE_CHECKING``."""

MAX_LINES = 400
"""The most lines that a file may have."""

WITHOUT_NUMERICS = (
    ("check",),
    ("summary",),
    ("summary", "--format", "json"),
    ("fmt", "--check"),
    ("draw", "-o", "-"),
    ("diff", "specs/alexnet-2012.net"),
    ("plan", "--gpus", "2"),
    ("plan", "--gpus", "1,2,8", "--format", "json", "--link", "25GB/s", "--flops", "400T"),
    ("compile", "-o", "-"),
)


def floor(name: str) -> int:
    """Return the number of a room's floor, counted from 0 at the bottom."""
    for height, rooms in enumerate(reversed(FLOORS)):
        if name.partition("/")[0] in rooms:
            return height
    raise LookupError(f"the room {name} has no floor; give it one here and in docs/architecture.md")


def import_error(imported: Import) -> str | None:
    """Return what is wrong with an import, or ``None``."""
    if imported.target.partition(".")[0] == "backends":
        return f"{imported}: a second copy of its classes; use netspec.backend.load"
    if imported.target.partition(".")[0] != "netspec":
        return None
    here, there = room(imported.module), room(imported.target)
    if here == there:
        return None
    if there.startswith("backends"):
        return f"{imported}: backends are reached through netspec.backend.load, and do not know each other"
    if floor(there) >= floor(here):
        return f"{imported}: {there} (floor {floor(there)}) does not lie under {here} (floor {floor(here)})"
    return None


def imports_later_room(imported: Import) -> bool:
    """Whether a room inside a large one imports from a later room of the same large one."""
    for parent, rooms in INSIDE.items():
        names = (imported.module, imported.target)
        here, there = (name.removeprefix(f"{parent}.").partition(".")[0] for name in names)
        if all(name.startswith(f"{parent}.") for name in names) and here in rooms and there in rooms:
            return rooms.index(there) > rooms.index(here)
    return False


def is_misplaced_library(imported: Import) -> bool:
    """Whether a library is imported where ``ONLY_IN`` does not allow it."""
    allowed = ONLY_IN.get(imported.target.partition(".")[0])
    return (
        not imported.for_types
        and allowed is not None
        and not any(f"{imported.module}.".startswith(f"{place}.") for place in allowed)
    )


def test_imports_only_go_down() -> None:
    assert [wrong for wrong in map(import_error, all_imports()) if wrong] == []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("netspec.ir.graph", "from netspec.check import check"),
        ("netspec.ir.graph", "from netspec import layers"),
        ("netspec.ir.graph", "from netspec.language import syntax"),
        ("netspec.source", "def f():\n    import netspec.formatting"),
        ("netspec.stats", "if TYPE_CHECKING:\n    from netspec import net"),
        ("netspec.ir.graph", "from ..keys import Key"),
        ("netspec.cli.check", "from netspec import load"),
        ("netspec.train.loop", "import netspec.backends.pytorch"),
        ("netspec.backends.pytorch.module", "from ..reference import run"),
        ("netspec.backends.pytorch.module", "from netspec.backends.reference import run"),
        ("netspec.cli.check", "from backends import pytorch"),
    ],
)
def test_upward_import_is_found(module: str, text: str) -> None:
    assert [import_error(found) for found in imports(module, text)] != [None]


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("netspec.check.values", "from netspec import layers"),
        ("netspec.ir.graph", "from .shape import Shape"),
        ("netspec.backends.pytorch.module", "from .emit import table\nfrom netspec.ir.graph import Graph"),
        ("netspec.__main__", "from netspec.cli import main"),
    ],
)
def test_downward_import_is_allowed(module: str, text: str) -> None:
    assert {import_error(found) for found in imports(module, text)} == {None}


def test_inner_rooms_import_only_earlier_ones() -> None:
    assert [str(found) for found in all_imports() if imports_later_room(found)] == []
    for parent, rooms in INSIDE.items():
        assert {path.parent.name for path in ROOT.joinpath(*parent.split(".")).glob("*/__init__.py")} == {*rooms}
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    paragraph = page[page.index("`train/` is the largest room") :].split("\n\n")[0]
    assert tuple(re.findall(r"`(\w+)/`", paragraph))[1:] == INSIDE["netspec.train"]


@pytest.mark.parametrize(
    ("module", "text", "breaks"),
    [
        ("netspec.train.data.moments", "from netspec.train.processes.world import World", True),
        ("netspec.train.reporting.board", "from netspec.train import runs", True),
        ("netspec.train.runs.record", "from netspec.train.reporting.console import Reporter", False),
        ("netspec.train.runs.record", "from netspec.train.training import Training", False),
        (
            "netspec.importers.cuda_convnet.layers.kinds",
            "from netspec.importers.cuda_convnet.learning.params import read_params",
            True,
        ),
        ("netspec.importers.cuda_convnet.layers.kinds", "from netspec.train.learning import rates", False),
    ],
)
def test_import_of_a_later_inner_room_is_found(module: str, text: str, breaks: bool) -> None:
    assert [imports_later_room(found) for found in imports(module, text)] == [breaks]


def test_floors_list_exactly_the_existing_rooms() -> None:
    existing = {room(name).partition("/")[0] for name in modules()}
    assert existing == {name for rooms in FLOORS for name in rooms}


def test_architecture_page_has_the_same_floors() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == [*reversed(range(len(FLOORS)))]
    assert tuple(tuple(name.rstrip("/") for name in re.findall(r"`([^`]+)`", rooms)) for _, rooms in rows) == FLOORS


def test_libraries_are_imported_only_where_allowed() -> None:
    assert [str(found) for found in all_imports() if is_misplaced_library(found)] == []


@pytest.mark.parametrize("text", ["import torch", "def f():\n    from torch.nn import functional", "import lark.lexer"])
def test_misplaced_library_is_found(text: str) -> None:
    assert [is_misplaced_library(found) for found in imports("netspec.stats", text)] == [True]


def test_library_may_be_imported_for_type_checking() -> None:
    text = "if TYPE_CHECKING:\n    from torch.nn import Module"
    assert [is_misplaced_library(found) for found in imports("netspec.stats", text)] == [False]


def test_no_eval_or_exec() -> None:
    for name, path in modules().items():
        calls = (node for node in nodes(path.read_text("utf-8")) if isinstance(node, ast.Call))
        assert not {node.func.id for node in calls if is_name(node.func)} & {"eval", "exec", "__import__"}, name


def test_files_are_small() -> None:
    paths = [path for path in source_files() if path.suffix == ".py"]
    lengths = {f"{path.relative_to(ROOT)}": len(path.read_text("utf-8").splitlines()) for path in paths}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
    assert median(lengths.values()) < MAX_LINES / 2


def test_tests_do_not_import_each_other() -> None:
    imported = [
        f"{path.relative_to(ROOT)} imports {target}"
        for path in (ROOT / "tests").rglob("*.py")
        for target in re.findall(r"^\s*(?:from|import) (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert imported == [], "move shared helpers into a module of the folder or into tests/helpers"


def test_names_of_test_files_are_unique() -> None:
    """pytest imports test files by name, so it would collect only one of two with the same name."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, files in names.items() if files > 1] == []


def test_everything_public_has_a_docstring() -> None:
    undocumented = []
    for name, path in modules().items():
        module, *_ = nodes(path.read_text("utf-8"))
        assert isinstance(module, ast.Module)
        undocumented += [
            f"{name}.{node.name}" for node in module.body if is_public(node) and not ast.get_docstring(node)
        ]
        undocumented += [name] if module.body and not ast.get_docstring(module) else []
    # A layer type's `lower` needs no docstring, since the type has a doc of its own.
    assert [name for name in undocumented if not re.fullmatch(r"netspec\.layers\.\w+\.lower", name)] == []


def test_no_todos_stubs_or_machine_paths() -> None:
    unwanted = re.compile(r"NotImplementedError|\bTODO\b|\bFIXME\b|\bXXX\b|(?<![\w.])/(work|root|home|Users|opt|mnt)/")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in source_files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if unwanted.search(line) and path != Path(__file__)
    ]
    assert found == []


@pytest.mark.many
@pytest.mark.parametrize(
    "arguments", [words for words in WITHOUT_NUMERICS if (ROOT / f"netspec/cli/{words[0]}.py").exists()]
)
def test_commands_about_specs_need_no_numerics(arguments: tuple[str, ...]) -> None:
    done = netspec(*arguments, "specs/alexnet.net", blocked=NUMERICS)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_and_the_python_interface_need_no_numerics() -> None:
    assert netspec("--help", blocked=NUMERICS).returncode == 0
    asked = python("-c", "import netspec; print(netspec.load('specs/alexnet.net').total.weights)", blocked=NUMERICS)
    assert (asked.stdout, asked.stderr) == ("60954656\n", "")


@pytest.mark.parametrize("library", NUMERICS)
def test_blocked_libraries_cannot_be_imported(library: str) -> None:
    done = python("-c", f"import {library}", blocked=NUMERICS)
    assert done.returncode == 1
    assert f"{library} is blocked" in done.stderr


def test_libraries_are_importable_without_the_block() -> None:
    assert python("-c", "import numpy").returncode == 0


def is_public(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Whether a statement defines a public function or class, overloads excepted."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
        return False
    return not any(is_name(decorator) and decorator.id == "overload" for decorator in node.decorator_list)


def is_name(node: ast.AST) -> TypeGuard[ast.Name]:
    """Whether an expression is a bare name: ``eval(x)``, not ``model.eval()``."""
    return isinstance(node, ast.Name)


def source_files() -> list[Path]:
    """Return the files that people write, without images, hidden files and ``__pycache__`` of tools."""
    folders = ("netspec", "backends", "specs", "tests", "docs", "benchmarks")
    inside = [path.relative_to(ROOT) for name in folders for path in (ROOT / name).rglob("*")]
    beside = [path.relative_to(ROOT) for path in ROOT.iterdir()]
    kept = [path for path in (*inside, *beside) if not any(part.startswith((".", "__pyc")) for part in path.parts)]
    files = (ROOT / path for path in (*kept, Path(".ci/run")) if path.suffix != ".png")
    return sorted(path for path in files if path.is_file())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a = [x for x in p]\n b = [x(y) for y in p]", {"x"}),
        ("a = {y: [x for x in p] for y in p}\n b = {x(y) for y in p}", {"x"}),
        ("return [x(y) for y in [x for x in p]]", {"x"}),
        ("a = [{x: y for y in p} for x in p]\n b = [x for x in p]", set()),
        ("a = [x for x in p]\n b = tuple(x(y) for y in p)\n return [y for y in x(p)]", set()),
        ("x = 1\n a = [x for x in p]\n b = [x for y in p]", set()),
    ],
)
def test_misread_comprehensions_are_found(body: str, expected: set[str]) -> None:
    (function,) = ast.parse(f"def f(p):\n {body}\n").body
    assert isinstance(function, Function) and misread(function) == expected


@pytest.mark.ci  # takes a second
def test_no_comprehension_reads_what_another_one_binds() -> None:
    found = {
        (str(path), node.name, *names)
        for path in modules().values()
        for node in nodes(path.read_text("utf-8"))
        if isinstance(node, Function) and (names := misread(node))
    }
    assert found == set()
