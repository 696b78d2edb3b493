"""``netspec check`` and ``netspec summary``: exit codes, what goes where, and every form of output."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from checking import SPECS
from click.testing import CliRunner, Result
from processes import ROOT, netspec

from netspec.cli import main

ALEXNET = str(SPECS / "alexnet.net")
IMAGE = "[image] input 3x32x32\n"
WRONG = IMAGE + "[c] conv filters=2 kernal=3\n"
UNREAD = IMAGE + "[a] relu\n[b] relu inputs=image\n"


def run(*arguments: str, text: str | bytes | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.net"


# In processes of their own: what a shell sees.


def test_a_right_spec_exits_with_0_and_says_so() -> None:
    done = netspec("check", "specs/alexnet.net")
    assert (done.returncode, done.stdout, done.stderr) == (0, "specs/alexnet.net: correct\n", "")


def test_a_wrong_spec_exits_with_1_and_is_told_on_standard_error() -> None:
    done = netspec("check", "-", text=WRONG)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error[unknown-key]: conv has no key 'kernal'; did you mean kernel?\n --> <stdin>:2:20\n"
    )


def test_what_cannot_be_opened_exits_with_2() -> None:
    done = netspec("check", "specs/nothing.net")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: cannot open specs/nothing.net: No such file or directory\n"


def test_neither_check_nor_summary_as_data_needs_a_library_for_arrays() -> None:
    heavy = ("torch", "numpy", "PIL", "jinja2", "onnx")
    assert netspec("check", "specs/alexnet.net", blocked=heavy).returncode == 0
    done = netspec("summary", "specs/alexnet.net", "--format", "json", blocked=(*heavy, "rich"))
    assert json.loads(done.stdout)["total"]["parameters"] == 60_965_224


def test_the_table_has_no_colour_where_there_is_none() -> None:
    done = netspec("summary", "specs/alexnet.net")  # with NO_COLOR
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("alexnet: 60,965,224 parameters, 724,406,816 connections, 2 GPU groups, batch 128")


def test_a_file_of_100_mb_is_refused_without_reading_it(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(100 * 2**20)
    done = netspec("check", file)
    assert done.returncode == 1
    assert "error[too-large-file]: this file is larger than 4,194,304 bytes: it is no spec" in done.stderr
    assert len(done.stderr.splitlines()) < 10


# What a user may point it at.


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
        (b'{"layers": []}', "syntax"),
        (b"import torch\nx = 3\n", "unknown-setting"),
    ],
)
def test_what_is_no_spec_is_one_screen_and_exits_with_1(command: str, content: bytes, code: str, file: Path) -> None:
    file.write_bytes(content)
    done = run(command, str(file))
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"error[{code}]" in done.stderr
    assert len(done.stderr.splitlines()) < 24


@pytest.mark.parametrize("command", ["check", "summary"])
def test_a_folder_exits_with_2(command: str, tmp_path: Path) -> None:
    done = run(command, str(tmp_path))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: cannot open {tmp_path}: Is a directory\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_exits_with_2(file: Path) -> None:
    file.write_text(IMAGE)
    file.chmod(0)
    done = run("check", str(file))
    assert (done.exit_code, "Permission denied" in done.stderr) == (2, True)


def test_a_byte_order_mark_and_windows_line_ends_are_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + (IMAGE + "[c] conv filters=2\n  kernal=3").replace("\n", "\r\n").encode())
    done = run("check", str(file))
    assert f"--> {file}:3:3" in done.stderr


def test_standard_input() -> None:
    assert run("check", "-", text=IMAGE).stdout == "-: correct\n"
    assert run("check", "-", text="").exit_code == 1
    assert run("check", "-", text=b"\xff").exit_code == 1
    assert run("check", "-", text=b"#" * (5 * 2**20)).exit_code == 1
    assert json.loads(run("summary", "-", "--format", "json", text=IMAGE).stdout)["input"] == [3, 32, 32]


def test_all_mistakes_of_all_files(tmp_path: Path) -> None:
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


def test_more_than_twenty_mistakes_are_counted() -> None:
    done = run("check", "-", text=IMAGE + "".join(f"[a{i}] qqq\n" for i in range(99)))
    assert done.stderr.count("error[") == 20
    assert done.stderr.rstrip().endswith("99 errors; the first 20 are shown")
    assert len(json.loads(run("check", "-", "--format", "json", text=IMAGE + "[a] qqq\n" * 30).stdout)) > 30


def test_warnings_leave_0_and_strict_makes_them_1() -> None:
    done = run("check", "-", text=UNREAD)
    assert (done.exit_code, "warning[unread-layer]: nothing reads a" in done.stderr) == (0, True)
    assert run("check", "--strict", "-", text=UNREAD).exit_code == 1
    assert run("check", "--strict", "-", text=IMAGE).exit_code == 0


def test_quiet_says_nothing_of_what_is_right() -> None:
    assert run("check", "-q", ALEXNET).output == ""
    assert run("check", "--quiet", "-", text=WRONG).stderr != ""


def test_json_is_a_result_and_goes_to_standard_output() -> None:
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
    }
    assert json.loads(run("check", "--format", "json", ALEXNET).stdout) == []
    (warning,) = json.loads(run("check", "--format", "json", "-", text=UNREAD).stdout)
    assert (warning["severity"], warning["code"]) == ("warning", "unread-layer")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["summary"],
        ["summary", ALEXNET, ALEXNET],
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
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Error: " in done.stderr


# The layer table.


def data(*arguments: str) -> dict[str, Any]:
    done = run("summary", "--format", "json", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_the_json_of_alexnet_has_every_field_of_the_contract() -> None:
    summary = data(ALEXNET)
    assert (summary["net"], summary["input"], summary["batch"]) == ("alexnet", [3, 224, 224], 128)
    layers = {layer["name"]: layer for layer in summary["layers"]}
    wanted = {
        "name": "conv1",
        "type": "conv",
        "inputs": ["image"],
        "output": [96, 55, 55],
        "gpu": "all",
        "reads": "own",
        "units": 290_400,
        "weights": 34_848,
        "biases": 96,
        "parameters": 34_944,
        "connections": 105_415_200,
        "activation_bytes": 290_400 * 128 * 4,
    }
    assert {key: layers["conv1"][key] for key in wanted} == wanted
    window = {
        "kernel": [11, 11],
        "stride": [4, 4],
        "pad": [0, 0, 0, 0],
        "effective_pad": [0, 3, 0, 3],
        "rounding": "up",
        "groups": 1,
    }
    assert {key: layers["conv1"]["window"][key] for key in window} == window
    assert (layers["conv2"]["window"]["groups"], layers["conv3"]["window"]["groups"]) == (2, 1)
    assert (layers["conv3"]["reads"], layers["conv4"]["reads"], layers["fc6"]["reads"]) == ("all", "own", "all")
    assert (layers["fc8"]["gpu"], layers["prob"]["gpu"], layers["fc6"]["output"]) == (0, 0, [4096])
    total = {
        "units": 659_272,
        "weights": 60_954_656,
        "biases": 10_568,
        "parameters": 60_965_224,
        "connections": 724_406_816,
    }
    assert {key: summary["total"][key] for key in total} == total


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.net")), ids=lambda p: p.stem)
def test_every_layer_is_there_in_file_order_with_every_field(path: Path) -> None:
    summary = data(str(path))
    names = [line[1:].partition("]")[0] for line in path.read_text("utf-8").splitlines() if line.startswith("[")]
    if "from=" not in path.read_text("utf-8"):
        assert [layer["name"] for layer in summary["layers"]] == names
    every = {
        "name",
        "type",
        "inputs",
        "output",
        "gpu",
        "reads",
        "units",
        "weights",
        "biases",
        "parameters",
        "connections",
        "activation_bytes",
    }
    for layer in summary["layers"]:
        assert every <= set(layer)
        assert layer["parameters"] == layer["weights"] + layer["biases"]
        assert ("window" in layer) == (layer["type"] in ("conv", "local", "maxpool", "avgpool"))
    assert summary["total"]["parameters"] == sum(layer["parameters"] for layer in summary["layers"])


def test_json_with_matrix_products_and_shares() -> None:
    layers = {layer["name"]: layer for layer in data(ALEXNET, "--im2col", "--per-gpu")["layers"]}
    (product,) = layers["conv2"]["im2col"]
    assert product == {"times": 2, "filters": [128, 1200], "patches": [1200, 729], "growth": 25.0}
    assert layers["pool1"]["im2col"] == []
    half = {"units": 93_312, "weights": 153_600, "biases": 128, "connections": 111_974_400}
    assert layers["conv2"]["per_gpu"] == [half, half]
    assert [share["weights"] for share in layers["fc8"]["per_gpu"]] == [4_096_000, 0]


def test_batch_counts_activations() -> None:
    conv1 = data(ALEXNET, "--batch", "3")["layers"][1]
    assert conv1["activation_bytes"] == 290_400 * 3 * 4
    assert data(ALEXNET, "--batch", "3")["batch"] == 3


def test_another_input_shape() -> None:
    text = "net rounding=down\n" + IMAGE + "[c] conv filters=2 kernel=5 stride=4\n"
    done = run("summary", "--format", "json", "--input", "1x225x100", "-", text=text)
    summary = json.loads(done.stdout)
    assert (summary["input"], summary["layers"][1]["output"]) == ([1, 225, 100], [2, 56, 24])
    assert run("check", "--input", "3x227x227", ALEXNET).exit_code == 0  # crops of 224 and its claims do not hold then
    assert run("summary", "--input", "10", "-", text="[i] input 784\n[f] fc outputs=2").exit_code == 0


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_bare_numbers_and_a_total() -> None:
    table = rows(run("summary", "--format", "csv", ALEXNET).stdout)
    assert len(table) == 17 + 1
    conv1 = next(row for row in table if row["layer"] == "conv1")
    assert (conv1["type"], conv1["output"], conv1["kernel"], conv1["stride"]) == ("conv", "96x55x55", "11", "4")
    assert (conv1["pad"], conv1["groups"], conv1["units"]) == ("0,3,0,3", "1", "290400")
    assert (conv1["weights"], conv1["biases"], conv1["connections"]) == ("34848", "96", "105415200")
    assert (table[-1]["layer"], table[-1]["weights"], table[-1]["connections"]) == ("total", "60954656", "724406816")


def test_markdown_is_a_pipe_table_with_what_is_counted_below() -> None:
    lines = run("summary", "--format", "markdown", ALEXNET).stdout.splitlines()
    assert lines[0] == "**alexnet: 60,965,224 parameters, 724,406,816 connections, 2 GPU groups, batch 128**"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 17 + 1
    assert len({line.count("|") for line in table}) == 1
    assert any(line.startswith("| conv2 | conv | 256x27x27 | 5 | 1 | 2 | 2 |") for line in table)
    assert any("multiply-accumulates" in line for line in lines if line.startswith("- "))


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_what_is_counted_stands_under_the_table(form: str) -> None:
    text = run("summary", "--format", form, ALEXNET).stdout
    assert "connections: multiply-accumulates of one image's forward pass" in text
    # 2 * 724,406,816 and what is not a connection: by hand 6,201,312 for lrn = (290,400 + 186,624) * (2 * 5 + 3)
    assert "1,448,813,632 connections" in text
    assert "6,201,312 lrn" in text and "979,712 maxpool" in text


def test_the_table_shows_names_windows_and_groups() -> None:
    text = run("summary", ALEXNET).stdout
    (conv2,) = [line.split() for line in text.splitlines() if line.startswith("conv2")]
    assert conv2[:8] == ["conv2", "conv", "256x27x27", "5", "1", "2", "2", "186,624"]
    assert "60,954,656" in text and "724,406,816" in text


def test_matrix_products_as_a_table() -> None:
    table = rows(run("summary", "--im2col", "--format", "csv", ALEXNET).stdout)
    assert [(row["layer"], row["times"], row["filters x patch"], row["patch x places"]) for row in table[:2]] == [
        ("conv1", "1", "96 x 363", "363 x 3025"),
        ("conv2", "2", "128 x 1200", "1200 x 729"),
    ]
    assert [row["image grows"] for row in table[:2]] == ["7.29 times", "25 times"]


def test_shares_as_a_table() -> None:
    table = {row["layer"]: row for row in rows(run("summary", "--per-gpu", "--format", "csv", ALEXNET).stdout)}
    assert (table["conv2"]["on"], table["conv2"]["weights 0"], table["conv2"]["weights 1"]) == (
        "split",
        "153600",
        "153600",
    )
    assert (table["fc8"]["on"], table["fc8"]["weights 0"], table["fc8"]["weights 1"]) == ("0", "4096000", "")
    assert int(table["total"]["weights 0"]) + int(table["total"]["weights 1"]) == 60_954_656
    assert int(table["total"]["connections 0"]) + int(table["total"]["connections 1"]) == 724_406_816


def test_a_narrow_terminal_is_told_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec import load
    from netspec.report import layer_table
    from netspec.report.terminal import show

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    show(layer_table(load(ALEXNET), 128), out)
    text = out.getvalue()
    assert "left out for want of room: dense" in text
    assert "conv1" in text and "105,415,200" in text


def test_the_examples_of_the_help_run() -> None:
    for command in ("check", "summary"):
        text = run(command, "--help").stdout
        for line in text.splitlines():
            if line.strip().startswith(f"netspec {command}") and "--fix" not in line and ">" not in line:
                arguments = [str(ROOT / a) if a.startswith("specs/") else a for a in line.split()[1:]]
                assert run(*arguments).exit_code == 0


def test_a_warning_stands_beside_a_summary_and_not_in_it() -> None:
    done = run("summary", "-", "--format", "json", text=UNREAD)
    assert json.loads(done.stdout)["net"] == "net"
    assert "warning[unread-layer]" in done.stderr


def test_no_text_of_a_spec_reaches_the_terminal_unprintable() -> None:
    done = run("check", "-", text=IMAGE + "[c] relu # \x1b[31m red\n[d] qqq # \x1b]0;title\x07\n")
    assert "\x1b" not in done.stderr and "\x07" not in done.stderr
