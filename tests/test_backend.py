"""Backends are found by folder and imported when they are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from netspec import backend

FOLDER = Path(__file__).parent.parent / "backends"


def test_all_backend_folders_are_available() -> None:
    folders = sorted(found.parent.name for found in FOLDER.glob("*/__init__.py"))
    assert "reference" in folders
    assert list(backend.available()) == folders


def test_loaded_backend_is_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training step on several devices loads the backend once for every layer, so that must be fast."""
    first = backend.load("reference")
    monkeypatch.setattr(backend, "available", lambda: pytest.fail("looked again"))
    assert backend.load("reference") is first


def test_backend_is_a_module_of_netspec_backends() -> None:
    assert backend.load("reference").__name__ == "netspec.backends.reference"


@pytest.mark.parametrize("name", ["refrence", "", "reference.run", "..cli", "__init__"])
def test_unknown_backend_is_refused_with_the_available_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"there is no backend .*; there are .*reference"):
        backend.load(name)


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("backend.available()", "False False False"),
        ("backend.targets()", "False False False"),
        ("backend.load('reference')", "True False False"),
    ],
)
def test_backends_are_imported_only_when_loaded(code: str, loaded: str) -> None:
    heavy = ("numpy", "torch", "netspec.importers")
    program = f"import sys; from netspec import backend; {code}; print(*(name in sys.modules for name in {heavy}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded


def test_targets_are_those_in_the_backend_folders() -> None:
    targets = backend.targets()
    assert next(iter(targets)) == "python"
    assert len(targets) == len(list(FOLDER.glob("*/target.py")))
    assert [word for word, target in targets.items() if word != target.word or not target.doc] == []


def test_begins_with_compares_the_first_line(tmp_path: Path) -> None:
    ours = backend.begins_with("# ours")
    path = tmp_path / "file"
    for text, expected in (("# ours\nmore", True), ("# ours", True), ("# ours too\n", False), ("", False)):
        path.write_text(text, "utf-8")
        assert ours(path) is expected
