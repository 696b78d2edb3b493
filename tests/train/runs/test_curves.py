"""The axes of a run's curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from netspec.train.runs.plot import draw_curves, loss_scale


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ([2.5, 1.0, 0.26], "linear"),
        ([2.5, 1.0, 0.25], "log"),
        ([2.3, None, 0.1], "log"),
        ([2.3, 0.0], "linear"),
        ([2.3, 0.1, 0.0], "log"),
        ([2.3, 0.1, -0.1], "linear"),
        ([0.0], "linear"),
        ([None], "linear"),
        ([], "linear"),
    ],
)
def test_axis_of_losses_is_logarithmic_if_the_largest_is_ten_times_the_least(
    losses: list[float | None], scale: str
) -> None:
    assert loss_scale(losses) == scale


@pytest.mark.parametrize(("last", "scale"), [(0.01, "log"), (None, "linear")])
def test_curves_have_the_axis_of_all_their_losses(
    last: float | None, scale: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: Any, **named: Any) -> None:
        figures.append(figure)
        save(figure, *arguments, **named)

    monkeypatch.setattr(Figure, "savefig", keep)
    metrics, picture = tmp_path / "metrics.jsonl", tmp_path / "curves.png"
    training = [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.4}]
    lines = [*training, {"step": 2, "val_loss": last, "top1": 0.5, "top5": 1.0}]
    metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert draw_curves(metrics, picture, "spans")
    assert picture.read_bytes().startswith(b"\x89PNG")
    losses, errors = figures[0].axes
    assert (losses.get_yscale(), errors.get_yscale()) == (scale, "linear")
