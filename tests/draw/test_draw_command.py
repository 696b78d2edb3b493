"""The command ``netspec draw``."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from processes import netspec

SPEC = "specs/alexnet.net"


def test_draw_writes_svg_and_png(tmp_path: Path) -> None:
    for name, magic in (("net.svg", b"<svg "), ("net.PNG", b"\x89PNG")):
        done = netspec("draw", SPEC, "-o", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(magic)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.PNG", "net.svg"]


def test_dash_writes_svg_to_standard_output() -> None:
    done = netspec("draw", "-", "-o", "-", "--theme", "dark", "--costs", text="[x] input 3x8x8\n[c] fc outputs=4\n")
    assert (done.returncode, done.stderr) == (0, "")
    texts = [e.text for e in ElementTree.fromstring(done.stdout).iter("{http://www.w3.org/2000/svg}text")]
    assert {"x", "c", "w 768"} <= set(texts)


def test_input_option_changes_the_input_shape() -> None:
    done = netspec("draw", "-", "--input", "1x64x64", "-o", "-", text="[x] input 3x8x8\n[c] fc outputs=4\n")
    assert done.returncode == 0
    assert "1x64x64" in done.stdout and "3x8x8" not in done.stdout


def test_set_option_changes_a_key() -> None:
    done = netspec("draw", SPEC, "--set", "fc7.outputs=2048", "-o", "-")
    assert done.returncode == 0
    assert ">2048</text>" in done.stdout and done.stdout.count(">1024</text>") == 2


@pytest.mark.parametrize("name", ["net.gif", "net", "net.svg.txt", "", "net.pdf"])
def test_other_file_suffixes_are_refused(name: str, tmp_path: Path) -> None:
    done = netspec("draw", SPEC, "-o", tmp_path / name)
    assert (done.returncode, done.stdout) == (2, "")
    assert ".svg or .png" in done.stderr
    assert ("turn an .svg into a PDF" in done.stderr) == (name == "net.pdf")
    assert list(tmp_path.iterdir()) == []


def test_unwritable_path_is_an_error(tmp_path: Path) -> None:
    done = netspec("draw", SPEC, "-o", tmp_path / "missing" / "net.svg")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot write" in done.stderr and "Traceback" not in done.stderr


def test_incorrect_spec_writes_no_file(tmp_path: Path) -> None:
    done = netspec("draw", "-", "-o", tmp_path / "net.svg", text="[x] inptu 3x8x8\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean input" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_quiet_prints_nothing(tmp_path: Path) -> None:
    assert netspec("draw", SPEC, "-o", tmp_path / "a.svg").stdout != ""
    done = netspec("draw", "-q", SPEC, "-o", tmp_path / "b.svg")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "b.svg").exists()


@pytest.mark.parametrize("name", ["net.svg", pytest.param("net.png", marks=pytest.mark.ci)])
def test_only_files_written_by_netspec_are_replaced(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert netspec("draw", SPEC, "-o", path, "--theme", "dark").returncode == 0
    dark = path.read_bytes()
    assert netspec("draw", SPEC, "-o", path).returncode == 0
    light = path.read_bytes()
    assert light != dark
    path.write_bytes(light.replace(b"netspec", b"other__"))
    done = netspec("draw", SPEC, "-o", path)
    assert done.returncode == 2
    assert done.stderr == f"Error: {path} was not written by netspec and stays as it is; -o names another file\n"
    assert path.read_bytes() == light.replace(b"netspec", b"other__")
