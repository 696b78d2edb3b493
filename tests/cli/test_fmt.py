"""``netspec fmt``: changes, output and exit codes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from places import ROOT
from processes import netspec

from netspec.cli.fmt import command

UGLY = b"\xef\xbb\xbfnet  a\n[image]\tinput 3x8x8 # pictures\n\n\r\n[fc] fc outputs=10->10"
NEAT = f"net     a\n{'[image]  input    3x8x8':73}# pictures\n\n{'[fc]     fc       outputs=10':73}-> 10\n"
WRONG = b"[image] input 3x8x8\n[fc fc outputs=10\n"


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    path = tmp_path / "ugly.net"
    path.write_bytes(UGLY)
    return path


def test_file_is_formatted_in_place_once(ugly: Path) -> None:
    done = netspec("fmt", ugly)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ugly}: formatted\n", "")
    assert ugly.read_bytes() == NEAT.encode()
    before = ugly.stat()
    again = netspec("fmt", ugly)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    after = ugly.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(ugly.parent.iterdir()) == [ugly]


def test_quiet_prints_nothing_for_formatted_files(ugly: Path) -> None:
    assert netspec("fmt", "--check", "--quiet", ugly).stdout == ""
    done = netspec("fmt", "--quiet", ugly)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ugly.read_bytes() == NEAT.encode()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_file_keeps_its_mode(ugly: Path, mode: int) -> None:
    ugly.chmod(mode)
    assert netspec("fmt", ugly).returncode == 0
    assert ugly.read_bytes() == NEAT.encode()
    assert ugly.stat().st_mode & 0o7777 == mode


def test_link_stays_a_link(ugly: Path) -> None:
    link = ugly.with_name("link.net")
    link.symlink_to(ugly)
    assert netspec("fmt", link).returncode == 0
    assert link.is_symlink()
    assert ugly.read_bytes() == NEAT.encode()


def test_check_names_files_without_changing_them(ugly: Path) -> None:
    done = netspec("fmt", "--check", "specs/alexnet.net", ugly)
    assert (done.returncode, done.stdout, done.stderr) == (1, f"{ugly}: would be formatted\n", "")
    assert ugly.read_bytes() == UGLY
    ugly.write_text(NEAT)
    assert netspec("fmt", "--check", "specs/alexnet.net", ugly).returncode == 0


def test_line_ending_of_the_first_line_is_used(ugly: Path) -> None:
    neat = NEAT.replace("\n", "\r\n").encode()  # as in a checkout on Windows
    ugly.write_bytes(UGLY.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n", 1))
    assert netspec("fmt", ugly).stdout == f"{ugly}: formatted\n"
    assert ugly.read_bytes() == neat
    done = netspec("fmt", "--check", "--diff", ugly)
    assert (done.returncode, done.stdout) == (0, "")
    piped = subprocess.run([sys.executable, "-m", "netspec", "fmt", "-"], cwd=ROOT, input=neat, capture_output=True)
    assert piped.stdout == neat


def test_byte_order_mark_is_removed(ugly: Path) -> None:
    ugly.write_bytes(b"\xef\xbb\xbf" + NEAT.encode())
    assert netspec("fmt", "--check", ugly).returncode == 1


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs the program patch")
def test_diff_applied_as_a_patch_formats_the_file(ugly: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "netspec", "fmt", "--diff", ugly], cwd=ROOT, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert ugly.read_bytes() == UGLY
    subprocess.run(["patch", "--binary", "--quiet", ugly], input=done.stdout, check=True)
    assert ugly.read_bytes() == NEAT.encode()


def test_diff_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("net a\n")
    done = netspec("fmt", "--diff", "--check", path)
    assert done.returncode == 1
    assert done.stdout == f"--- {path}\n+++ {path}\n@@ -1 +1 @@\n-net a\n+net     a\n"
    assert done.stderr == f"{path}: would be formatted\n"


def test_formatted_file_has_no_diff() -> None:
    done = netspec("fmt", "--diff", "specs/alexnet.net")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_standard_input_is_formatted_to_standard_output() -> None:
    done = subprocess.run([sys.executable, "-m", "netspec", "fmt", "-"], cwd=ROOT, input=UGLY, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, NEAT.encode(), b"")
    assert netspec("fmt", "-", text=NEAT).stdout == NEAT
    checked = netspec("fmt", "--check", "-", text="net a\n")
    assert (checked.returncode, checked.stdout) == (1, "<stdin>: would be formatted\n")
    changes = "@@ -1 +1 @@\n-net a\n\\ No newline at end of file\n+net     a\n"
    assert netspec("fmt", "--diff", "-", text="net a").stdout == f"--- <stdin>\n+++ <stdin>\n{changes}"


def test_spec_with_a_syntax_error_does_not_stop_the_others(ugly: Path) -> None:
    wrong = ugly.with_name("wrong.net")
    wrong.write_bytes(WRONG)
    done = netspec("fmt", wrong, ugly)
    assert (done.returncode, done.stdout) == (1, f"{ugly}: formatted\n")
    assert done.stderr.startswith("error[syntax]: ")
    assert f"{wrong}:2:5" in done.stderr
    assert wrong.read_bytes() == WRONG
    assert ugly.read_bytes() == NEAT.encode()


def test_syntax_error_on_standard_input_gives_no_output() -> None:
    done = netspec("fmt", "-", text="[fc fc\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "<stdin>:1:5" in done.stderr


def test_meaningless_file_is_formatted(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("[a] nonsense colour=blue\n")
    assert netspec("fmt", path).returncode == 0
    assert path.read_text() == "[a]      nonsense  colour=blue\n"


def test_binary_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_bytes(b"net \xff\n")
    done = netspec("fmt", path)
    assert done.returncode == 1
    assert done.stderr.startswith("error[not-text]")
    assert path.read_bytes() == b"net \xff\n"


def test_unreadable_file_does_not_stop_the_others(ugly: Path) -> None:
    missing, folder = ugly.with_name("missing.net"), ugly.parent
    done = netspec("fmt", missing, folder, ugly)
    assert (done.returncode, done.stdout) == (2, f"{ugly}: formatted\n")
    assert done.stderr.splitlines() == [
        f"Error: cannot open {missing}: No such file or directory",
        f"Error: cannot open {folder}: Is a directory; did you mean {ugly}?",
    ]


def test_pipe_is_not_replaced_by_a_file() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"net a\n")
    os.close(writing)
    done = netspec("fmt", path := f"/dev/fd/{reading}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: cannot write {path}: it is not a file; - formats standard input\n"


def test_unwritable_file_is_kept(ugly: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    done = CliRunner().invoke(command, [str(ugly)])
    assert (done.exit_code, done.stderr) == (2, f"Error: cannot write {ugly}: No space left on device\n")
    assert ugly.read_bytes() == UGLY
    assert list(ugly.parent.iterdir()) == [ugly]


def test_missing_file_argument_is_a_usage_error() -> None:
    assert netspec("fmt").returncode == 2


CLAIMED = "[image] input 3x8x8  # pictures\n[c] conv filters=2 kernel=3 -> 2x6x6\n[fc] fc outputs=10\n"
CHANGED = (
    f"{'[image]  input    3x9x9':73}# pictures\n[c]      conv     filters=2  kernel=3  pad=1\n"
    "[fc]     fc       outputs=10\n\ntrain    batch=5\n"
)
CHANGES = ("--set", "c.pad=1", "--input", "3x9x9", "--set", "train.batch=5")
LOST = "{}: left out the claim of c: not true of the changed network\n"


def test_changes_are_written_into_the_file_that_they_are_laid_out_in(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text(CLAIMED)
    shown = netspec("fmt", "--check", "--diff", *CHANGES, path)
    assert shown.returncode == 1 and path.read_text() == CLAIMED
    assert "+[c]      conv     filters=2  kernel=3  pad=1\n" in shown.stdout
    assert shown.stderr == f"{LOST.format(path)}{path}: would be formatted\n"
    done = netspec("fmt", *CHANGES, path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: formatted\n", LOST.format(path))
    assert path.read_text() == CHANGED
    again = netspec("fmt", "--check", *CHANGES, path)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_changes_are_written_to_standard_output() -> None:
    done = netspec("fmt", "-", *CHANGES, text=CLAIMED)
    assert (done.returncode, done.stdout, done.stderr) == (0, CHANGED, LOST.format("<stdin>"))
    assert netspec("fmt", "-", "-q", *CHANGES, text=CLAIMED).stderr == ""


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--set", "c.paad=1"), "unknown-key"),
        (("--set", "d.pad=1"), "unknown-layer"),
        (("--set", "c.kernel=9"), "kernel-too-large"),
        (("--input", "3x2x2"), "kernel-too-large"),
    ],
)
def test_wrong_changes_leave_the_file_alone(tmp_path: Path, options: tuple[str, ...], code: str) -> None:
    path = tmp_path / "a.net"
    path.write_text(CLAIMED)
    done = netspec("fmt", *options, path)
    assert (done.returncode, done.stdout) == (1, "") and f"error[{code}]" in done.stderr
    assert path.read_text() == CLAIMED
