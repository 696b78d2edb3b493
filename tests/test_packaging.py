"""The wheel contains every file of the packages, and an editable installation sees backends added later."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import entry_points, metadata
from pathlib import Path
from shutil import copytree, ignore_patterns
from sysconfig import get_path

import pytest
from places import ROOT


@pytest.fixture
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that the wheel is built from, so that building leaves nothing in the repository."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("netspec", "backends"):
        copytree(ROOT / name, copy / name, ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    return copy


def build(tree: Path, out: Path) -> set[str]:
    """Build a wheel and return the names of the files that it installs, without its ``.dist-info``."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([*command, out, tree], check=True)
    (wheel,) = out.glob("netspec_compiler-*.whl")
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def files(tree: Path) -> set[str]:
    """Return the names of the files that a wheel of this tree should install."""
    own = {path.relative_to(tree).as_posix() for path in (tree / "netspec").rglob("*") if path.is_file()}
    mapped = {path.relative_to(tree).as_posix() for path in (tree / "backends").rglob("*") if path.is_file()}
    return own | {f"netspec/{name}" for name in mapped}


@pytest.mark.slow
def test_wheel_contains_all_files(tree: Path, tmp_path: Path) -> None:
    installed = build(tree, tmp_path)
    assert installed == files(tree)
    assert {"netspec/py.typed", "netspec/language/netspec.lark", "netspec/backends/__init__.py"} <= installed


@pytest.mark.slow
def test_wheel_contains_a_new_backend_folder(tree: Path, tmp_path: Path) -> None:
    folder = tree / "backends" / "another" / "parts"
    folder.mkdir(parents=True)
    for path in (folder.parent / "__init__.py", folder / "__init__.py", folder / "body.j2"):
        path.write_text("")
    added = {f"netspec/backends/another/{name}" for name in ("__init__.py", "parts/__init__.py", "parts/body.j2")}
    assert added <= build(tree, tmp_path)


@pytest.mark.slow
def test_editable_installation_finds_a_new_backend_folder(tree: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", tmp_path, "--editable", tree], check=True)
    folder = tree / "backends" / "later"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    # Without `site`, or the netspec that runs this test would be imported instead of the new installation.
    program = (
        f"import site, sys; site.addsitedir({str(tmp_path)!r}); sys.path.append({get_path('purelib')!r});"
        "from netspec import backend; print(backend.load('later').__file__)"
    )
    answer = subprocess.run([sys.executable, "-S", "-c", program], check=True, capture_output=True, text=True)
    assert Path(answer.stdout.strip()) == folder / "__init__.py"


def test_license_and_command_of_the_distribution() -> None:
    described = metadata("netspec-compiler")
    assert described["License-Expression"] == "Apache-2.0"
    assert [script.value for script in entry_points(group="console_scripts", name="netspec")] == [
        "netspec.__main__:main"
    ]
