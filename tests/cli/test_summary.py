"""``netspec summary``: the layer table as text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from places import ROOT, SPECS
from processes import invoke
from terminals import Terminal

import netspec
from netspec.report import Column, Table, layer_table
from netspec.report.terminal import show

ALEXNET = str(SPECS / "alexnet.net")
IMAGE = "[image] input 3x32x32\n"
UNREAD = IMAGE + "[a] relu\n[b] relu inputs=image\n"


def run(*arguments: str, text: str | bytes | None = None) -> Result:
    return invoke(*arguments, text=text)


def data(*arguments: str) -> dict[str, Any]:
    done = run("summary", "--format", "json", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@pytest.mark.parametrize("width", ["20", "40", "80", "200"])
def test_no_number_is_cut_off_on_a_narrow_terminal(width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are left out, and if that is not enough the terminal wraps the lines."""
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("TERM", "xterm")
    net, page = netspec.load(ALEXNET), Terminal()
    show(layer_table(net, 128), page)
    text = re.sub(r"\x1b\[[0-9;]*m", "", page.getvalue())
    assert "\u2026" not in text
    for number in ("105,415,200", "37,748,736", "60,954,656", "724,406,816", "96x55x55"):
        assert number in text
    assert ("left out for lack of space" in " ".join(text.split())) == (width != "200")


@pytest.mark.parametrize("page", [io.StringIO(), Terminal()])
def test_wide_characters_are_not_cut_off(page: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "xterm")
    rows = (("\u732b" * 8, "27", "100.0 %"), ("cat", "1", "0.0 %"))  # eight characters, 16 columns
    show(Table("", (Column("class", right=False), Column("n"), Column("top-1")), rows), page)
    text = re.sub(r"\x1b\[[0-9;]*m", "", page.getvalue())
    assert "\u2026" not in text
    assert [line.split() for line in text.splitlines()[2:4]] == [
        [*rows[0][:2], "100.0", "%"],
        ["cat", "1", "0.0", "%"],
    ]


def test_json_of_alexnet_has_all_documented_fields() -> None:
    summary = data(ALEXNET)
    assert (summary["net"], summary["input"], summary["batch"]) == ("alexnet", [3, 224, 224], 128)
    layers = {layer["name"]: layer for layer in summary["layers"]}
    expected = {
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
    assert {key: layers["conv1"][key] for key in expected} == expected
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
def test_json_lists_layers_in_file_order_with_all_fields(path: Path) -> None:
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
        assert ("window" in layer) == (layer["type"] in ("conv", "deconv", "local", "maxpool", "avgpool", "sumpool"))
    assert summary["total"]["parameters"] == sum(layer["parameters"] for layer in summary["layers"])


def test_json_has_the_connection_table() -> None:
    layers = {layer["name"]: layer for layer in data(str(SPECS / "lenet-5.net"))["layers"]}
    table = layers["c3"]["window"]["table"]
    assert (len(table), table[4], sum(map(len, table))) == (16, [0, 4, 5], 60)
    assert "table" not in layers["c1"]["window"]


def test_json_has_matrix_products_and_shares() -> None:
    layers = {layer["name"]: layer for layer in data(ALEXNET, "--im2col", "--per-gpu")["layers"]}
    (product,) = layers["conv2"]["im2col"]
    assert product == {"times": 2, "filters": [128, 1200], "patches": [1200, 729], "growth": 25.0}
    assert layers["pool1"]["im2col"] == []
    half = {"units": 93_312, "weights": 153_600, "biases": 128, "connections": 111_974_400}
    assert layers["conv2"]["per_gpu"] == [half, half]
    assert [share["weights"] for share in layers["fc8"]["per_gpu"]] == [4_096_000, 0]


def test_batch_multiplies_activations() -> None:
    conv1 = data(ALEXNET, "--batch", "3")["layers"][1]
    assert conv1["activation_bytes"] == 290_400 * 3 * 4
    assert data(ALEXNET, "--batch", "3")["batch"] == 3


def test_input_option_changes_all_shapes() -> None:
    text = "net rounding=down\n" + IMAGE + "[c] conv filters=2 kernel=5 stride=4\n"
    done = run("summary", "--format", "json", "--input", "1x225x100", "-", text=text)
    summary = json.loads(done.stdout)
    assert (summary["input"], summary["layers"][1]["output"]) == ([1, 225, 100], [2, 56, 24])
    assert (
        run("check", "--input", "3x227x227", ALEXNET).exit_code == 0
    )  # its crop of 224 and its claims do not fit this input
    assert run("summary", "--input", "10", "-", text="[i] input 784\n[f] fc outputs=2").exit_code == 0


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_bare_numbers_and_a_total() -> None:
    written = run("summary", "--format", "csv", ALEXNET).stdout
    table = rows(written)
    assert len(table) == 17 + 1 and "\r" not in written
    conv1 = next(row for row in table if row["layer"] == "conv1")
    assert (conv1["type"], conv1["output"], conv1["kernel"], conv1["stride"]) == ("conv", "96x55x55", "11", "4")
    assert (conv1["pad"], conv1["groups"], conv1["units"]) == ("0,3,0,3", "1", "290400")
    assert (conv1["weights"], conv1["biases"], conv1["connections"]) == ("34848", "96", "105415200")
    assert (table[-1]["layer"], table[-1]["weights"], table[-1]["connections"]) == ("total", "60954656", "724406816")
    # 290,400 units * 128 images * 4 bytes; 34,944 of 60,965,224; 105,415,200 of 724,406,816
    assert int(conv1["memory (bytes)"]) == 148_684_800
    assert float(conv1["% params"]) == pytest.approx(0.0573179) and float(conv1["% conn."]) == pytest.approx(14.5519)


@pytest.mark.parametrize("which", [[], ["--per-gpu"], ["--im2col"]])
def test_every_amount_in_a_csv_is_a_bare_number(which: list[str]) -> None:
    words = {"layer", "type", "output", "kernel", "stride", "pad", "on", "filters x patch", "patch x places"}
    for row in rows(run("summary", "--format", "csv", *which, ALEXNET).stdout):
        for name, cell in row.items():
            if name not in words and cell:
                float(cell)
                assert "," not in cell and "_" not in cell


def test_markdown_is_a_pipe_table_with_notes_below() -> None:
    lines = run("summary", "--format", "markdown", ALEXNET).stdout.splitlines()
    assert lines[0] == "**alexnet: 60,965,224 parameters, 724,406,816 connections, 2 GPU groups, batch 128**"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 17 + 1
    assert len({line.count("|") for line in table}) == 1
    assert any(line.startswith("| conv2 | conv | 256x27x27 | 5 | 1 | 2 | 2 |") for line in table)
    assert any("multiply-accumulates" in line for line in lines if line.startswith("- "))


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_notes_below_the_table_explain_the_counts(form: str) -> None:
    text = run("summary", "--format", form, ALEXNET).stdout
    assert "connections: multiply-accumulates of one image's forward pass" in text
    # 2 * 724,406,816 and what is not a connection: by hand 6,201,312 for lrn = (290,400 + 186,624) * (2 * 5 + 3)
    assert "1,448,813,632 connections" in text
    assert "6,201,312 lrn" in text and "979,712 maxpool" in text


def test_table_shows_names_windows_and_groups() -> None:
    text = run("summary", ALEXNET).stdout
    (conv2,) = [line.split() for line in text.splitlines() if line.startswith("conv2")]
    assert conv2[:8] == ["conv2", "conv", "256x27x27", "5", "1", "2", "2", "186,624"]
    assert "60,954,656" in text and "724,406,816" in text


def test_connection_table_is_shown_in_the_groups_column() -> None:
    text = run("summary", str(SPECS / "lenet-5.net")).stdout
    (c3,) = [line.split() for line in text.splitlines() if line.startswith("c3")]
    assert c3[:11] == ["c3", "conv", "16x10x10", "5", "1", "0", "table", "1,600", "1,500", "16", "150,000"]


def test_convolution_of_several_inputs_lists_the_window_of_each() -> None:
    text = "[i] input 3x8x8\n[a] relu\n[c] conv filters=4 kernel=3 inputs=i,a\n"
    image, layer = (netspec.summary(netspec.loads(text))["layers"][n] for n in (0, 2))
    assert layer["windows"] == [layer["window"]] * 2 and layer["window"]["kernel"] == [3, 3]
    assert not {"window", "windows"} & set(image)


def test_im2col_option_prints_matrix_products() -> None:
    table = rows(run("summary", "--im2col", "--format", "csv", ALEXNET).stdout)
    assert [(row["layer"], row["times"], row["filters x patch"], row["patch x places"]) for row in table[:2]] == [
        ("conv1", "1", "96 x 363", "363 x 3025"),
        ("conv2", "2", "128 x 1200", "1200 x 729"),
    ]
    assert [float(row["image grows"]) for row in table[:2]] == [pytest.approx(7.29, abs=0.01), 25]
    assert "c3: the product has zeros where the table" in run("summary", "--im2col", str(SPECS / "lenet-5.net")).stdout


def test_per_gpu_option_prints_shares() -> None:
    table = {row["layer"]: row for row in rows(run("summary", "--per-gpu", "--format", "csv", ALEXNET).stdout)}
    assert (table["conv2"]["on"], table["conv2"]["weights 0"], table["conv2"]["weights 1"]) == (
        "split",
        "153600",
        "153600",
    )
    assert (table["fc8"]["on"], table["fc8"]["weights 0"], table["fc8"]["weights 1"]) == ("0", "4096000", "")
    assert (table["conv2"]["biases 0"], table["fc8"]["biases 0"], table["fc8"]["biases 1"]) == ("128", "1000", "")
    assert int(table["total"]["weights 0"]) + int(table["total"]["weights 1"]) == 60_954_656
    assert int(table["total"]["connections 0"]) + int(table["total"]["connections 1"]) == 724_406_816


def test_replicas_share_the_images_of_a_batch(tmp_path: Path) -> None:
    path = tmp_path / "replicas.net"
    path.write_text("gpus 3\n[i] input 3x8x8\n[c] conv filters=6 kernel=3 gpu=0,2\n[p] softmax\n")
    per_gpu = ("summary", "--per-gpu", "--batch", "5", str(path))
    (conv,) = [row for row in rows(run(*per_gpu, "--format", "csv").stdout) if row["layer"] == "c"]
    assert conv["on"] == "replicas 0,2"
    # 216 units of 4 bytes for each of 3 images at most; all weights are on both
    assert [conv[f"memory (bytes) {group}"] for group in range(3)] == ["2592", "0", "2592"]
    assert [conv[f"weights {group}"] for group in range(3)] == ["162", "", "162"]
    assert "; replicas: whole on each of their groups, which divide the images of a batch\n" in run(*per_gpu).stdout
    assert "replicas" not in run("summary", "--per-gpu", ALEXNET).stdout


def test_windows_are_whole_on_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow gap keeps the pad, which with two spaces between the columns would need 84 characters."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    show(layer_table(netspec.load(ALEXNET), 128), out)
    _, heading, rule, *rows = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    columns = ["layer", "type", "output", "kernel", "stride", "pad", "groups", "weights", "connections"]
    assert heading.split() == columns
    assert max(map(len, (heading, rule, *rows[:19]))) <= 80
    assert rows[1].split() == ["conv1", "conv", "96x55x55", "11", "4", "0,3,0,3", "1", "34,848", "105,415,200"]


def test_omitted_columns_are_named_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    show(layer_table(netspec.load(ALEXNET), 128), out)
    text = out.getvalue()
    assert "left out for lack of space: dense" in text
    # not an option: plan, time and eval print tables too, and have no --format markdown
    assert " ".join(text.split()).endswith("; a wider terminal, a file or a pipe has them")
    assert "conv1" in text and "105,415,200" in text


def test_examples_in_the_help_run() -> None:
    for command in ("check", "summary"):
        text = run(command, "--help").stdout
        for line in text.splitlines():
            if line.strip().startswith(f"netspec {command}") and "--fix" not in line and ">" not in line:
                arguments = [str(ROOT / a) if a.startswith("specs/") else a for a in line.split()[1:]]
                assert run(*arguments).exit_code == 0


def test_warning_is_not_part_of_the_json() -> None:
    done = run("summary", "-", "--format", "json", text=UNREAD)
    assert json.loads(done.stdout)["net"] == "net"
    assert "warning[unread-layer]" in done.stderr


def test_control_characters_of_a_spec_are_escaped() -> None:
    done = run("check", "-", text=IMAGE + "[c] relu # \x1b[31m red\n[d] qqq # \x1b]0;title\x07\n")
    assert "\x1b" not in done.stderr and "\x07" not in done.stderr


def test_quiet_prints_only_the_table() -> None:
    full = run("summary", ALEXNET).stdout.splitlines()
    quiet = run("summary", "-q", ALEXNET).stdout.splitlines()
    assert quiet == full[: len(quiet)]
    assert quiet[-1].startswith("total") and len(quiet) < len(full)


def test_two_tables_are_a_usage_error() -> None:
    done = run("summary", ALEXNET, "--learning", "--im2col")
    assert (done.exit_code, done.stdout) == (2, "") and "--im2col and --learning are 2 tables" in done.stderr


def test_rules_are_as_wide_as_the_columns() -> None:
    table = Table(
        "", (Column("layer", right=False), Column("n")), (("猫", "1"), ("convolution", "1,000")), ("total", "7")
    )
    page = io.StringIO()
    show(table, page)
    assert page.getvalue().splitlines() == [
        "layer            n",
        "─" * 19,
        "猫               1",
        "convolution  1,000",
        "",
        "total            7",
    ]


@pytest.mark.parametrize("terminal", [False, True])
def test_table_without_rows_has_only_headings(terminal: bool) -> None:
    page = io.StringIO()
    page.isatty = lambda: terminal  # type: ignore[method-assign]
    show(Table("", (Column("a"), Column("b")), ()), page)
    assert re.sub(r"\x1b\[\d*m", "", page.getvalue()) == "a  b\n─────\n"


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize(("encoding", "dash"), [("utf-8", "─"), ("cp1252", "-"), ("ascii", "-"), ("cp437", "─")])
def test_table_uses_rules_that_the_encoding_has(encoding: str, dash: str, terminal: bool) -> None:
    page = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    page.isatty = lambda: terminal  # type: ignore[method-assign]
    show(Table("", (Column("a"), Column("b")), (("1", "2"),)), page)
    page.flush()
    found = page.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert re.sub(r"\x1b\[\d*m", "", found) == f"a  b\n{dash * 5}\n1  2\n"


def test_long_list_of_norms_is_shortened() -> None:
    layers = "".join(f"[n{i}] lrn size=5 alpha=1e-4\n" for i in range(11))
    output = run("summary", "-", text=f"[image] input 8x4x4\n{layers}").stdout
    assert "n0, n1, n2, n3, n4, n5, n6, n7 and 3 more 0.0001\n" in output
