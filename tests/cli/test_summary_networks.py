"""``netspec summary`` of several specs: a row for each network."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from click.testing import Result
from places import SPECS
from processes import invoke

from netspec import loads
from netspec.stats import depth

ALEXNET, LENET = str(SPECS / "alexnet.net"), str(SPECS / "lenet-5.net")
EXACT = str(SPECS / "mistakes" / "224-exact.net")


def summary(*arguments: str, text: str | None = None) -> Result:
    return invoke("summary", *arguments, text=text)


def rows(*arguments: str) -> list[dict[str, str]]:
    done = summary(*arguments, "--format", "csv")
    assert (done.exit_code, done.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_rows_have_the_totals_in_the_order_of_the_files() -> None:
    lenet, alexnet = rows(LENET, ALEXNET)
    assert (lenet["network"], lenet["file"], lenet["input"]) == ("lenet-5", LENET, "1x32x32")
    # LeCun et al. (1998), section II-B, counts 60,000 trainable parameters.
    assert (lenet["parameters"], lenet["size (bytes)"]) == ("60840", str(4 * 60_840))
    assert (alexnet["depth"], alexnet["layers"], alexnet["connections"]) == ("8", "17", "724406816")


def test_activations_are_of_one_image_or_of_a_batch() -> None:
    amounts = [
        [int(row["activations (bytes)"]) for row in rows(LENET, ALEXNET, *batch)] for batch in ([], ["--batch", "128"])
    ]
    assert amounts[1] == [128 * amount for amount in amounts[0]]
    units = sum(layer["activation_bytes"] for layer in json.loads(summary(LENET, "--format", "json").stdout)["layers"])
    assert amounts[0][0] == units // 64  # the spec's batch


def test_table_and_markdown_have_the_same_cells() -> None:
    table, page = summary(LENET, ALEXNET, "-q").stdout, summary(LENET, ALEXNET, "--format", "markdown", "-q").stdout
    assert table.splitlines()[0] == "2 networks, activations of 1 image"
    assert table.splitlines()[-1].split() == page.splitlines()[-1].replace("|", "").split()


def test_json_is_a_list_of_what_each_file_gives_alone() -> None:
    several = json.loads(summary(LENET, ALEXNET, "--format", "json", "--learning").stdout)
    alone = [json.loads(summary(path, "--format", "json", "--learning").stdout) for path in (LENET, ALEXNET)]
    assert several == alone


def test_mistakes_of_all_files_are_told_and_there_is_no_table(tmp_path: Path) -> None:
    unreadable = tmp_path / "unknown.net"
    unreadable.write_text("[image] inptu 3x8x8\n", "utf-8")
    done = summary(EXACT, LENET, str(unreadable))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "window-does-not-tile" in done.stderr
    assert "did you mean input?" in done.stderr
    missing = summary(EXACT, str(tmp_path / "absent.net"))
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "cannot open" in missing.stderr
    assert "window-does-not-tile" in missing.stderr


def test_tables_of_layers_are_of_one_spec() -> None:
    done = summary(LENET, ALEXNET, "--im2col")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--im2col is a table of one spec's layers, and there are 2 specs" in done.stderr


def test_standard_input_is_one_of_the_files_once() -> None:
    text = Path(LENET).read_text("utf-8")
    assert "<stdin>" in summary("-", ALEXNET, text=text).stdout
    done = summary("-", "-", text=text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "standard input can be read only once" in done.stderr


def test_depth_is_that_of_the_longest_way() -> None:
    branches = """
[image] input 3x8x8
[a] conv filters=4 kernel=1
[b] conv filters=4 kernel=1 inputs=a neuron=relu
[c] conv filters=4 kernel=1 inputs=b
[s] sum inputs=a,c
[f] fc outputs=2
[p] softmax
[aux] fc outputs=2 inputs=a
[q] softmax
"""
    assert depth(loads(branches).layers.values()) == 4
    assert depth(loads("[image] input 3x8x8\n[r] relu\n").layers.values()) == 0
