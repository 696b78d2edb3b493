"""``netspec explain``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO

import pytest
from places import ROOT
from processes import NUMERICS, netspec
from rich.cells import cell_len

from netspec import explain
from netspec.explain.terminal import show


@pytest.mark.many
@pytest.mark.parametrize("word", ["conv", "train", "kernel", "window-does-not-tile"])
def test_page_is_printed_as_markdown_without_numerics(word: str) -> None:
    done = netspec("explain", word, blocked=NUMERICS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == explain.page(word)
    assert "<!--" not in done.stdout


def test_no_argument_lists_all_words() -> None:
    done = netspec("explain", blocked=NUMERICS)
    assert (done.returncode, done.stdout, done.stderr) == (0, explain.index(), "")


@pytest.mark.parametrize(
    ("word", "start"),
    [
        (
            "lrn",
            "Local response normalisation across maps: x (k + alpha sum x^2)^-beta, with the sum over neighbouring",
        ),
        ("window-does-not-tile", "A layer's window does not fit into its padded input a whole number of times.\n"),
        ("plateau", "| of | arguments | meaning |\n"),
    ],
)
def test_quiet_prints_one_paragraph(word: str, start: str) -> None:
    done = netspec("explain", "--quiet", word)
    assert done.returncode == 0
    assert done.stdout.startswith(start) and "\n\n" not in done.stdout


def test_quiet_without_a_word_lists_one_word_per_line() -> None:
    names = netspec("explain", "-q").stdout.split()
    assert names == list(explain.words()) and {"conv", "train", "kernel", "plateau"} <= {*names}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("convolution", "did you mean 'conv'?"),
        ("window-does-not-tyle", "did you mean 'window-does-not-tile'?"),
        ("kernal", "did you mean 'kernel'?"),
        ("cmrnorm", "did you mean 'lrn'?"),
        ("DropPath", "a spec writes it as dropout over=images (netspec explain dropout)"),
        ("nn.Dropout2d", "a spec writes it as dropout over=channels (netspec explain dropout)"),
        ("instancenorm", "groupnorm with as many groups as it reads channels (netspec explain groupnorm)"),
        ("rmsnorm", "the normalisations are batchnorm, layernorm and groupnorm"),
        ("ONNX", "netspec diff SPEC model.onnx"),
        ("masks", "is trained on images with masks, PNG files whose pixels are numbers of classes"),
        ("DiceLoss", "the loss of masks is the cross-entropy of their pixels"),
        ("adaptiveavgpool", "did you mean 'avgpool'?"),
        ("tf.keras.layers.Dense(10)", "did you mean 'fc'?"),
        ("Linear", "did you mean 'fc'?"),
        ("Dropout", "did you mean 'dropout'?"),
        ("nn.BatchNorm2d(64)", "did you mean 'batchnorm'?"),
        ("RandomCrop", "every crop is random in training: augment crop=224 from=256, or with padding augment pad=4"),
        ("softmaxwithloss", "did you mean 'crossentropy'?"),
        ("keep_prob", "rate= is the probability of dropping a unit: 1 - keep_prob (netspec explain rate)"),
        ("milestones", "(netspec explain schedule)"),
        ("params", "a claim states it, -> parameters=1000: learnt numbers with biases (netspec explain claim-refuted)"),
        ("macs", "a claim states it, -> connections=1000: "),
        ("in_channels", "is that of the layer that is read\n"),
        ("summary", "summary is a command, not a word of a spec: netspec summary --help"),
        ("qqqqqqqq", "netspec explain lists all"),
    ],
)
def test_unknown_word_gets_a_suggestion(word: str, message: str) -> None:
    done = netspec("explain", word)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_type_whose_name_means_another_in_other_tools_refers_to_that() -> None:
    done = netspec("explain", "linear")
    assert (done.returncode, done.stdout) == (0, explain.page("linear"))
    assert done.stderr == "what other tools call linear is fc here: netspec explain fc\n"
    assert netspec("explain", "-q", "linear").stderr == ""


@pytest.mark.ci
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_page_is_rendered_on_a_terminal(environment: dict[str, str], coloured: bool) -> None:
    printed = on_a_terminal("explain", "dropout", environment=environment)
    assert "dropout" in printed and "scaling" in printed
    assert "| --- |" not in printed and "# dropout" not in printed
    assert ("\x1b[36m" in printed or "\x1b[1;36m" in printed) == coloured


@pytest.mark.parametrize(
    ("word", "width", "in_columns"),
    [
        ("conv", 20, False),
        ("conv", 40, False),
        ("conv", 80, True),
        ("conv", 200, True),
        ("train", 40, True),  # its smaller tables
        ("window-does-not-tile", 20, False),
        ("window-does-not-tile", 40, True),
    ],
)
def test_narrow_terminal_cuts_no_word(word: str, width: int, in_columns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text, shown = explain.page(word), StringIO()
    assert text is not None
    monkeypatch.setenv("COLUMNS", str(width))
    show(text, shown)
    printed = shown.getvalue()
    assert "\u2026" not in printed
    assert all(cell_len(line) <= width for line in printed.splitlines())
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    words = {re.sub(r"[`\\]", "", part) for row in rows for part in row.split() if len(part) < 18}
    assert len(words) > 10 and [part for part in words - {"|", "key"} if part not in printed] == []
    assert ("\u2500\u2500" in printed) == in_columns


def on_a_terminal(*arguments: str, environment: dict[str, str]) -> str:
    """Return what the command prints if its standard output is a terminal."""
    ours, its = os.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-m", "netspec", *arguments],
        cwd=ROOT,
        env={**kept, "TERM": "xterm", "COLUMNS": "100", **environment},
        stdout=its,
    ):
        os.close(its)
        pieces = []
        while piece := _read(ours):
            pieces.append(piece)
    os.close(ours)
    return b"".join(pieces).decode()


def _read(terminal: int) -> bytes:
    """Read what is available, or nothing once the other side is closed, for which Linux raises an error."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
