"""``netspec diff``: arguments, output and exit codes."""

from __future__ import annotations

import json
import re
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from processes import netspec
from terminals import Terminal

from netspec.diff import compare
from netspec.diff.terminal import show
from netspec.net import load, loads

A, B = "specs/alexnet.net", "specs/alexnet-2012.net"
SMALL = "[image] input 4\n[fc1] fc outputs=3 init=gaussian(0.1)\n"


def test_same_network_is_reported_in_one_line() -> None:
    done = netspec("diff", A, A, "--exit-code")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{A} and {A}: the same network\n", "")


def test_explicit_defaults_claims_comments_and_names_are_no_difference() -> None:
    other = "net b rounding=exact\n[image] input 4 range=1\n[fc1] fc outputs=3 bias=0 init=gaussian(0.1) -> 3 # three\n"
    assert compare(loads(SMALL), loads(other)).same


@pytest.mark.parametrize(("encoding", "rule"), [("utf-8", "──────"), ("cp1252", "------"), ("ascii", "------")])
def test_comparison_uses_rules_that_the_encoding_has(encoding: str, rule: str) -> None:
    page = TextIOWrapper(BytesIO(), encoding=encoding)
    show(compare(loads(SMALL), loads(SMALL.replace("0.1", "0.2"))), ("a", "b"), page)
    page.flush()
    assert rule in page.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


def test_exit_code_option_returns_1_for_a_difference() -> None:
    assert netspec("diff", A, B).returncode == 0
    assert netspec("diff", A, B, "--exit-code").returncode == 1


def test_quiet_reports_only_by_exit_code() -> None:
    for other, code in ((A, 0), (B, 1)):
        done = netspec("diff", "--quiet", A, other)
        assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_standard_input_can_be_one_of_the_specs() -> None:
    done = netspec("diff", "-", B, text=Path(A).read_text("utf-8"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"<stdin> -> {B}\n")
    both = netspec("diff", "-", "-", text=SMALL)
    assert (both.returncode, both.stdout) == (2, "")
    assert both.stderr == "Error: only one of the two can be standard input\n"


def test_one_spec_is_compared_with_its_changed_version() -> None:
    done = netspec("diff", A, "--set", "drop6.rate=0.3", "--set", "train.batch=64")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{A} -> {A} --set drop6.rate=0.3 --set train.batch=64"
    assert [" ".join(line.split()) for line in lines[4:6]] == [
        "drop6 rate: 0.5 -> 0.3 (outside training: times 0.5 -> times 0.7) function",
        "train batch: 128 -> 64 training",
    ]


def test_one_spec_is_compared_with_another_input_shape() -> None:
    done = netspec("diff", "specs/alexnet-tiny.net", "--input", "3x227x227", "--set", "augment.crop=227")
    assert done.returncode == 0
    assert re.search(r"^image +shape: 3x224x224 -> 3x227x227 +function$", done.stdout, re.MULTILINE)


def test_changes_apply_to_both_of_two_specs() -> None:
    done = netspec("diff", A, "specs/alexnet-no-colour.net", "--set", "augment.colour=pca(0.2)")
    assert "the same network" in done.stdout


def test_one_spec_without_changes_is_a_usage_error() -> None:
    done = netspec("diff", A)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: there is nothing to compare with; name a second spec, or a change with --set or --input\n"
    )
    alone = netspec("diff", "-", "--set", "conv1.stride=2", text=SMALL)
    assert (alone.returncode, alone.stderr) == (2, "Error: standard input can be read only once; name a file\n")


def test_incorrect_spec_exits_with_1_and_missing_with_2(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.net"
    wrong.write_text("[image] input 4\n[fc1] fc outptus=3\n")
    done = netspec("diff", A, wrong)
    assert (done.returncode, done.stdout) == (1, "")
    assert "unknown-key" in done.stderr
    assert netspec("diff", A, tmp_path / "none.net").returncode == 2


def test_json_has_the_documented_names() -> None:
    done = netspec("diff", A, B, "--format", "json")
    found = json.loads(done.stdout)
    assert found["a"] == {"file": A, "net": "alexnet"}
    assert found["b"] == {"file": B, "net": "alexnet-2012"}
    assert (found["same"], found["function"], found["misfits"]) == (False, "other", [])
    by_name = {layer["b"]: layer for layer in found["layers"]}
    assert by_name["conv3"]["differences"] == [
        {
            "kind": "changed",
            "key": "init",
            "a": "gaussian(0.01)",
            "b": "gaussian(0.03)",
            "effect": "training",
            "note": "",
        },
        {"kind": "changed", "key": "bias_lr", "a": "0.01", "b": "0.02", "effect": "training", "note": ""},
    ]
    added = by_name["same2"]
    assert (added["a"], added["type"], added["output"]) == (
        None,
        {"a": None, "b": "rnorm"},
        {"a": None, "b": [256, 27, 27]},
    )
    assert added["activation_bytes"] == {"a": None, "b": 256 * 27 * 27 * 4}
    assert [(d["kind"], d["key"], d["a"]) for d in added["differences"]] == [("added", None, None)]
    assert found["orders"][1] == {
        "layers": [{"a": "conv5", "b": "conv5"}, {"a": "pool5", "b": "pool5"}],
        "a": ["conv5", "relu", "pool5"],
        "b": ["conv5", "pool5", "relu"],
        "effect": "nothing",
        "note": "max pooling commutes with relu",
    }
    assert found["settings"][0] == {
        "setting": "train",
        "kind": "changed",
        "key": "epochs",
        "a": "90",
        "b": "91",
        "effect": "training",
        "note": "",
    }
    assert found["total"]["parameters"] == {"a": 60_965_224, "b": 60_965_224}
    assert found["total"]["activation_bytes"]["b"] - found["total"]["activation_bytes"]["a"] == 256 * 27 * 27 * 4


@pytest.mark.ci
def test_diff_needs_neither_torch_nor_numpy() -> None:
    done = netspec("diff", A, B, "--format", "json", blocked=("torch", "numpy"))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("width", ["60", "100", "200"])
def test_lines_fit_the_terminal_without_loss(width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("TERM", "xterm")
    page = Terminal()
    show(compare(load(A), load("specs/alexnet-torchvision.net")), (A, "specs/alexnet-torchvision.net"), page)
    text = re.sub(r"\x1b\[[0-9;]*m", "", page.getvalue())
    assert max(map(len, text.splitlines())) <= int(width)
    for word in ("norm1", "schedule", "softmax", "61,100,840", "placement"):
        assert word in text


def test_long_lists_of_layers_wrap_completely() -> None:
    a, b = (
        "[image] input 3x8x8\n" + "".join(f"[{name}{n}] conv filters={filters} kernel=1\n" for n in range(40))
        for name, filters in (("first", 3), ("second", 5))
    )
    printed = StringIO()
    show(compare(loads(a), loads(b)), ("a.net", "b.net"), printed)
    tables, _, _ = printed.getvalue().partition("function: ")
    assert max(map(len, tables.splitlines())) < 160
    assert all(f"second{n}" in tables for n in range(40))


def test_warning_of_both_networks_is_printed_once(tmp_path: Path) -> None:
    spec = tmp_path / "a.net"
    spec.write_text(
        "[image] input 3x8x8\n[c] conv filters=4 kernel=3 stride=2 rounding=down pad=0,0,1,0\n[f] fc outputs=4\n"
    )
    done = netspec("diff", str(spec), "--set", "f.outputs=5")
    assert done.stderr.count("warning[unread-pixels]") == 1
