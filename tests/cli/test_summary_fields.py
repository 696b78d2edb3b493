"""``netspec summary --receptive-fields``."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from places import SPECS
from processes import invoke

ALEXNET = str(SPECS / "alexnet.net")


def summary(*arguments: str, text: str | None = None) -> str:
    done = invoke("summary", *arguments, text=text)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def layers(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(summary(ALEXNET, "--format", "json", *arguments))["layers"]
    return found


def test_table_has_the_fields_of_all_layers() -> None:
    rows = list(csv.DictReader(io.StringIO(summary(ALEXNET, "--receptive-fields", "--format", "csv"))))
    cells = {row["layer"]: (row["receptive field"], row["stride"], row["starts at"]) for row in rows}
    assert list(cells) == [layer["name"] for layer in layers()]
    assert (cells["image"], cells["conv1"]) == (("1x1", "1", "0"), ("11x11", "4", "0"))
    assert (cells["pool5"], cells["fc6"]) == (("195x195", "32", "-64"), ("all", "", ""))


def test_sides_that_differ_are_both_shown() -> None:
    text = "[image] input 3x32x32\n[c] conv filters=2 kernel=3x5 stride=1x2 pad=2,1,0,0 rounding=down\n"
    lines = summary("--receptive-fields", "-", text=text).splitlines()
    assert [line.split()[-3:] for line in lines if line.startswith("c ")] == [["3x5", "1x2", "-2,0"]]
    assert any(line.startswith("starts at: ") and line.endswith("negative in the padding") for line in lines)


def test_fields_of_different_sizes() -> None:
    text = "[image] input 3x8x8\n[u] upsample factor=2\n[c] conv filters=2 kernel=4x3\n"
    rows = list(csv.DictReader(io.StringIO(summary("--receptive-fields", "--format", "csv", "-", text=text))))
    assert [list(row.values())[-3:] for row in rows[1:]] == [["1x1", "0.5", "0"], ["2x2 to 3x2", "0.5", "0"]]
    found = json.loads(summary("--receptive-fields", "--format", "json", "-", text=text))["layers"][-1]
    expected = {"smallest": [2, 2], "size": [3, 2], "stride": [0.5, 0.5], "start": [0, 0]}
    assert found["receptive_field"] == expected


def test_json_has_the_fields_if_they_are_asked_for() -> None:
    fields = [layer["receptive_field"] for layer in layers("--receptive-fields")]
    assert fields[:2] == [
        {"size": [1, 1], "stride": [1, 1], "start": [0, 0]},
        {"size": [11, 11], "stride": [4, 4], "start": [0, 0]},
    ]
    assert fields[-1] == "all"
    assert "receptive_field" not in layers()[0]


def test_fields_beside_another_table_are_a_usage_error() -> None:
    done = invoke("summary", ALEXNET, "--receptive-fields", "--im2col")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--im2col and --receptive-fields are 2 tables" in done.stderr
