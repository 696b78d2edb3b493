"""``netspec predict``: the most probable classes of images, and unreadable images."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from processes import invoke
from rich.cells import cell_len
from rich.console import Console
from tiny_network import SPEC, save_image, train_tiny

from netspec.cli.predict import _line
from netspec.train.runs.saved import open_run


def test_text_output_has_percentages_and_bars(run: Path, tmp_path: Path) -> None:
    image = save_image(tmp_path / "a.png")
    done = invoke("predict", run, image)
    assert (done.exit_code, done.stderr) == (0, "")
    name, *rows = done.stdout.splitlines()
    assert name == str(image)
    assert len(rows) == 4  # there are only four classes
    percentages = [float(row.split()[2]) for row in rows]
    assert percentages == sorted(percentages, reverse=True)
    assert sum(percentages) == pytest.approx(100, abs=0.3)
    for row, percentage in zip(rows, percentages, strict=True):
        assert abs(row.count("#") - 0.3 * percentage) < 1
    quiet = invoke("predict", run, image, "--quiet")
    assert quiet.stdout.splitlines() == [name, *(row.rstrip("# ") for row in rows)]


def test_percentages_align_after_double_width_letters(run: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\u732b\ncat\n\u304f\u308b\u307e\na\n", "utf-8")
    image = save_image(tmp_path / "a.png")
    rows = invoke("predict", run, image, "--classes", tmp_path / "names.txt").stdout.splitlines()[1:]
    places = {name: cell_len(row.partition(" %")[0]) for row in rows for name in [row.split()[0]]}
    assert places == dict.fromkeys(("\u732b", "cat", "\u304f\u308b\u307e", "a"), 2 + 6 + 2 + 5)


def test_json_has_the_probabilities_computed_by_hand(run: Path, tmp_path: Path) -> None:
    image = save_image(tmp_path / "a.png", label=2, side=14)
    done = invoke("predict", run, image, "--views", 1, "--format", "json")
    found = json.loads(done.stdout)
    assert (found["net"], found["protocol"]) == ("tiny", "centre crop")
    saved = open_run(run, print)
    pixels = torch.from_numpy(np.asarray(Image.open(image)).copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        x = (pixels - saved.state["preparation"]["mean"])[:, :, 1:13, 1:13]
        probabilities = saved.objective("cpu").module(x)[0]
    (one,) = found["images"]
    assert one["unreadable"] is None
    by_number = {guess["number"]: guess["probability"] for guess in one["classes"]}
    assert [by_number[k] for k in range(4)] == pytest.approx(probabilities.tolist(), rel=1e-5)
    assert one["classes"][0]["class"] == f"texture {int(probabilities.argmax())}"


def test_default_number_of_views_is_the_specs(run: Path, tmp_path: Path) -> None:
    image = save_image(tmp_path / "a.png")
    found = json.loads(invoke("predict", run, image, "--format", "json").stdout)
    assert found["protocol"].startswith("mean softmax of 10 views")


def test_unreadable_images_do_not_stop_the_prediction_of_others(run: Path, tmp_path: Path) -> None:
    good = save_image(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    names = [tmp_path / "bad.jpg", tmp_path / "folder", good, tmp_path / "gone.png"]
    done = invoke("predict", run, *names)
    assert done.exit_code == 2
    assert done.stdout.splitlines()[0] == str(good)
    assert done.stderr.splitlines() == [
        f"warning: {names[0]} cannot be read: the file is empty",
        f"warning: {names[1]} cannot be read: a folder; name the images in it: {names[1]}/*",
        f"warning: {names[3]} cannot be read: there is no such file",
    ]
    found = json.loads(invoke("predict", run, *names, "--format", "json").stdout)["images"]
    assert [one["unreadable"] is None for one in found] == [False, False, True, False]


def test_image_of_another_format_is_wrong_data_and_a_missing_one_a_wrong_command(run: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"GIF89a")
    assert invoke("predict", run, tmp_path / "bad.jpg").exit_code == 1
    assert invoke("predict", run, tmp_path / "gone.jpg").exit_code == 2


def test_image_is_read_from_standard_input(run: Path, tmp_path: Path) -> None:
    image = save_image(tmp_path / "a.png", label=2)
    named = invoke("predict", run, image)
    piped = invoke("predict", run, "-", text=image.read_bytes())
    assert (piped.exit_code, piped.stderr) == (0, "")
    assert piped.stdout.splitlines() == ["-", *named.stdout.splitlines()[1:]]
    empty = invoke("predict", run, "-", text=b"")
    assert (empty.exit_code, empty.stderr) == (1, "warning: - cannot be read: the file is empty\n")
    twice = invoke("predict", run, "-", image, "-", text=image.read_bytes())
    assert (twice.exit_code, twice.stdout, twice.stderr) == (2, "", "Error: standard input can be read only once\n")


def test_network_with_5_channels_is_an_error(tmp_path: Path) -> None:
    out = train_tiny(tmp_path / "run", spec=SPEC.replace("3x12x12", "5x12x12"), steps=1)
    done = invoke("predict", out, save_image(tmp_path / "a.png"))
    assert done.exit_code == 1
    assert "image files have 1 or 3 channels, tiny reads 5" in done.stderr


def test_missing_image_argument_is_an_error(run: Path) -> None:
    assert invoke("predict", run).exit_code == 2


@pytest.mark.parametrize(("width", "bar"), [(15, False), (24, False), (40, True), (200, True)])
def test_narrow_terminal_shortens_the_bar_but_no_percentage(
    width: int, bar: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    output = io.StringIO()
    label = "  airplane  100.0 %  "
    _line(Console(force_terminal=True, width=width, file=output), label, 1.0)
    printed = re.sub(r"\x1b\[[0-9;]*m", "", output.getvalue() + capsys.readouterr().out).rstrip("\n")
    assert printed.startswith(label.rstrip())
    assert ("\u2588" in printed) == bar
    assert len(printed) <= max(width, len(label))
