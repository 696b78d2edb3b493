"""``netspec check`` and ``netspec summary``: exit codes, output streams and formats."""

from __future__ import annotations

import atexit
import errno
import gc
import json
import os
import pickle
from pathlib import Path

import pytest
from click.testing import Result
from places import SPECS
from processes import invoke, netspec

from netspec import load
from netspec.diagnostics import CannotOpen
from netspec.opening import read_named

ALEXNET = str(SPECS / "alexnet.net")
IMAGE = "[image] input 3x32x32\n"
WRONG = IMAGE + "[c] conv filters=2 kernal=3\n"
UNREAD = IMAGE + "[a] relu\n[b] relu inputs=image\n"


def run(*arguments: str, text: str | bytes | None = None) -> Result:
    return invoke(*arguments, text=text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.net"


# Run as a separate process, to see what a shell sees.


def test_correct_spec_exits_with_0() -> None:
    done = netspec("check", "specs/alexnet.net")
    assert (done.returncode, done.stdout, done.stderr) == (0, "specs/alexnet.net: correct\n", "")


def test_incorrect_spec_exits_with_1_and_prints_to_standard_error() -> None:
    done = netspec("check", "-", text=WRONG)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error[unknown-key]: conv has no key 'kernal'; did you mean kernel?\n --> <stdin>:2:20\n"
    )


def test_missing_file_exits_with_2() -> None:
    done = netspec("check", "specs/nothing.net")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: cannot open specs/nothing.net: No such file or directory\n"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("alexnet", "alexnet.net"),
        ("alexnt.net", "alexnet.net"),
        ("lenet.cfg", "lenet.net"),
        ("mistakes/224-exct.net", "mistakes/224-exact.net"),
    ],
)
def test_misspelt_file_name_gets_a_suggestion(path: str, meant: str) -> None:
    with pytest.raises(CannotOpen, match=rf"No such file or directory; did you mean {SPECS / meant}\?$"):
        read_named(SPECS / path)


def test_file_that_cannot_be_opened_is_not_its_own_suggestion(tmp_path: Path) -> None:
    (tmp_path / "link.net").symlink_to("nowhere.net")
    with pytest.raises(CannotOpen, match=r"link.net: No such file or directory$"):
        read_named(tmp_path / "link.net")


def test_missing_file_is_an_error_of_the_operating_system(tmp_path: Path) -> None:
    """``except FileNotFoundError`` and ``except OSError`` are what a Python program has around ``open``."""
    for path in (tmp_path / "missing.net", SPECS / "alexnt.net"):
        with pytest.raises(FileNotFoundError, match="No such file or directory") as missing:
            load(path)
        assert (missing.value.errno, missing.value.filename) == (errno.ENOENT, str(path))
        assert str(missing.value).startswith(f"cannot open {path}: ")
    with pytest.raises(OSError, match=r"Is a directory$") as folder:
        load(tmp_path)
    assert isinstance(folder.value, CannotOpen) and folder.value.errno == errno.EISDIR
    assert not isinstance(folder.value, FileNotFoundError)
    assert str(pickle.loads(pickle.dumps(folder.value))) == str(folder.value)


def test_empty_name_of_a_file_is_no_folder() -> None:
    done = netspec("check", "")
    assert (done.returncode, done.stderr) == (2, "Error: cannot open '': this is no file's name\n")


def test_run_folder_suggests_its_spec(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match=r"Is a directory$"):
        read_named(tmp_path)
    (tmp_path / "spec.net").write_text("[x] input 8")
    with pytest.raises(CannotOpen, match=rf"did you mean {tmp_path}/spec.net\?$"):
        read_named(tmp_path)


@pytest.mark.ci
def test_check_and_json_summary_need_no_array_libraries() -> None:
    heavy = ("torch", "numpy", "PIL", "jinja2", "onnx")
    assert netspec("check", "specs/alexnet.net", blocked=heavy).returncode == 0
    done = netspec("summary", "specs/alexnet.net", "--format", "json", blocked=(*heavy, "rich"))
    assert json.loads(done.stdout)["total"]["parameters"] == 60_965_224


def test_table_has_no_colour_with_no_color_set() -> None:
    done = netspec("summary", "specs/alexnet.net")  # with NO_COLOR
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("alexnet: 60,965,224 parameters, 724,406,816 connections, 2 GPU groups, batch 128")


def test_file_of_100_mb_is_refused_without_reading_it(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(100 * 2**20)
    done = netspec("check", file)
    assert done.returncode == 1
    assert "error[too-large-file]: this file is larger than 4,194,304 bytes: too large for a spec" in done.stderr
    assert len(done.stderr.splitlines()) < 10


# Files that are not specs.


@pytest.mark.parametrize("command", ["check", "summary"])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-spec"),
        (b"\n# nothing\n", "empty-spec"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not-text"),
        (bytes(range(256)) * 100, "not-text"),
        (b"net a\x00b", "not-text"),
        ("net é".encode("latin-1"), "not-text"),
        ("[i] input 3x3x3".encode("utf-16"), "not-text"),
        (IMAGE.encode() + b"[a] relu inputs=b\n[b] relu inputs=a\n", "cycle"),
        (IMAGE.encode() + b"[a] relu inputs=a\n", "cycle"),
        (b"{}", "syntax"),
        (b'{"layers": []}', "foreign-file"),
        (b"import torch\nx = 3\n", "foreign-file"),
        (b"import torch\n", "unknown-setting"),
    ],
)
def test_file_that_is_no_spec_gives_short_output_and_exits_with_1(
    command: str, content: bytes, code: str, file: Path
) -> None:
    file.write_bytes(content)
    done = run(command, str(file))
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"error[{code}]" in done.stderr
    assert len(done.stderr.splitlines()) < 24


@pytest.mark.parametrize("command", ["check", "summary"])
def test_folder_exits_with_2(command: str, tmp_path: Path) -> None:
    (tmp_path / "old.net").mkdir()
    done = run(command, str(tmp_path))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: cannot open {tmp_path}: Is a directory\n"
    (tmp_path / "one.net").write_text("")
    only = run(command, str(tmp_path))
    assert only.stderr == f"Error: cannot open {tmp_path}: Is a directory; did you mean {tmp_path}/one.net?\n"
    (tmp_path / "two.net").write_text("")
    either = run(command, str(tmp_path)).stderr
    assert either.endswith(f"Is a directory; did you mean one of its specs, {tmp_path}/*.net?\n")
    (tmp_path / "spec.net").write_text("")  # that of a run
    assert run(command, str(tmp_path)).stderr.endswith(f"did you mean {tmp_path}/spec.net?\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file_exits_with_2(file: Path) -> None:
    file.write_text(IMAGE)
    file.chmod(0)
    done = run("check", str(file))
    assert (done.exit_code, "Permission denied" in done.stderr) == (2, True)


def test_byte_order_mark_and_windows_line_endings_are_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + (IMAGE + "[c] conv filters=2\n  kernal=3").replace("\n", "\r\n").encode())
    done = run("check", str(file))
    assert f"--> {file}:3:3" in done.stderr


def test_standard_input_is_checked_and_summarised() -> None:
    assert run("check", "-", text=IMAGE).stdout == "<stdin>: correct\n"
    assert run("check", "-", text="").exit_code == 1
    assert run("check", "-", text=b"\xff").exit_code == 1
    assert run("check", "-", text=b"#" * (5 * 2**20)).exit_code == 1
    assert json.loads(run("summary", "-", "--format", "json", text=IMAGE).stdout)["input"] == [3, 32, 32]


def test_errors_of_all_files_are_reported(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tmp_path.joinpath(f"{name}.net").write_text(WRONG)
    a, b = str(tmp_path / "a.net"), str(tmp_path / "b.net")
    done = run("check", a, ALEXNET, b)
    assert done.exit_code == 1
    assert done.stdout == f"{ALEXNET}: correct\n"
    assert f"{a}:2:20" in done.stderr and f"{b}:2:20" in done.stderr
    assert done.stderr.rstrip().endswith("2 errors")
    done = run("check", a, str(tmp_path / "missing.net"))
    assert done.exit_code == 2
    assert f"{a}:2:20" in done.stderr and "cannot open" in done.stderr


def test_standard_input_is_read_once() -> None:
    done = run("check", "-", "-", text=IMAGE)
    assert (done.exit_code, done.stderr) == (2, "Error: standard input can be read only once\n")


def test_after_20_errors_in_full_the_others_have_a_line_each() -> None:
    text = IMAGE + "".join(f"[a{i}] qqq\n" for i in range(99))
    lines = run("check", "-", text=text).stderr.splitlines()
    assert sum("error[" in line for line in lines) == 99 and sum(line.startswith("error[") for line in lines) == 20
    assert [line.split(": ")[0] for line in lines[-81:-2]] == [
        f"<stdin>:{22 + i}:{5 + len(str(20 + i))}" for i in range(79)
    ]
    assert lines[-81].endswith("error[unknown-type]: layer type 'qqq' is unknown")
    assert lines[-1] == "99 errors; the first 20 are shown in full, netspec check --format json has all in full"
    assert len(json.loads(run("check", "-", "--format", "json", text=IMAGE + "[a] qqq\n" * 30).stdout)) > 30


def test_warnings_exit_with_1_only_with_strict() -> None:
    done = run("check", "-", text=UNREAD)
    assert (done.exit_code, "warning[unread-layer]: nothing reads a" in done.stderr) == (0, True)
    assert run("check", "--strict", "-", text=UNREAD).exit_code == 1
    assert run("check", "--strict", "-", text=IMAGE).exit_code == 0


def test_quiet_prints_only_errors() -> None:
    assert run("check", "-q", ALEXNET).output == ""
    assert run("check", "--quiet", "-", text=WRONG).stderr != ""


def test_json_goes_to_standard_output() -> None:
    done = run("check", "--format", "json", "-", text=WRONG)
    assert (done.exit_code, done.stderr) == (1, "")
    (entry,) = json.loads(done.stdout)
    assert entry == {
        "code": "unknown-key",
        "severity": "error",
        "message": "conv has no key 'kernal'; did you mean kernel?",
        "file": "<stdin>",
        "line": 2,
        "column": 20,
        "end_line": 2,
        "end_column": 26,
        "notes": [],
        "fixes": [
            {
                "title": "write kernel: the whole network checks",
                "edits": [
                    {"file": "<stdin>", "line": 2, "column": 20, "end_line": 2, "end_column": 26, "text": "kernel"},
                ],
                "checks": True,
            },
        ],
        "labels": [],
    }
    assert json.loads(run("check", "--format", "json", ALEXNET).stdout) == []
    (warning,) = json.loads(run("check", "--format", "json", "-", text=UNREAD).stdout)
    assert (warning["severity"], warning["code"]) == ("warning", "unread-layer")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["summary"],
        ["draw", ALEXNET, ALEXNET],
        ["check", "--format", "yaml", ALEXNET],
        ["summary", "--format", "xml", ALEXNET],
        ["summary", "--batch", "0", ALEXNET],
        ["summary", "--batch", "many", ALEXNET],
        ["check", "--bogus", ALEXNET],
        ["check", "--input", "3x3", ALEXNET],
        ["check", "--input", "0x3x3", ALEXNET],
        ["check", "--input", "²", ALEXNET],
        ["check", "--input", "9" * 5000, ALEXNET],
        ["check", "--input", "-1", ALEXNET],
        ["summary", "--im2col", "--per-gpu", ALEXNET],
    ],
)
def test_usage_error_exits_with_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Error: " in done.stderr


def test_check_skips_garbage_collection_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    at_the_end: list[object] = []
    monkeypatch.setattr(atexit, "register", at_the_end.append)
    assert run("check", ALEXNET).exit_code == 0
    assert gc.freeze in at_the_end
