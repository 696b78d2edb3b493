"""Backends are found by folder and imported when they are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from netspec import backend

FOLDER = Path(__file__).parent.parent / "backends"


def test_every_package_beside_the_reference_is_available() -> None:
    folders = sorted(found.parent.name for found in FOLDER.glob("*/__init__.py"))
    assert "reference" in folders
    assert list(backend.available()) == folders


def test_folders_are_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training step on several devices loads the backend once for every layer, so that must be fast."""
    first = backend.load("reference")
    monkeypatch.setattr(backend, "available", lambda: pytest.fail("looked again"))
    assert backend.load("reference") is first


def test_load_gives_the_folder_as_a_part_of_netspec() -> None:
    assert backend.load("reference").__name__ == "netspec.backends.reference"


@pytest.mark.parametrize("name", ["refrence", "", "reference.run", "..cli", "__init__"])
def test_another_name_is_refused_with_the_names_there_are(name: str) -> None:
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
def test_nothing_is_imported_before_it_is_loaded(code: str, loaded: str) -> None:
    heavy = ("numpy", "torch", "netspec.importers")
    program = f"import sys; from netspec import backend; {code}; print(*(name in sys.modules for name in {heavy}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded


def test_targets_are_what_backends_say_of_themselves() -> None:
    found = backend.targets()
    assert next(iter(found)) == "python"
    assert len(found) == len(list(FOLDER.glob("*/target.py")))
    assert [word for word, target in found.items() if word != target.word or not target.doc] == []


def test_a_text_is_known_by_its_first_line(tmp_path: Path) -> None:
    ours = backend.begins_with("# ours")
    path = tmp_path / "file"
    for text, known in (("# ours\nmore", True), ("# ours", True), ("# ours too\n", False), ("", False)):
        path.write_text(text, "utf-8")
        assert ours(path) is known
