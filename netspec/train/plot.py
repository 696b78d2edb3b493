"""The picture of a run: loss and error over the steps."""

from __future__ import annotations

from pathlib import Path

from netspec.train.runfolder import read_metrics

HOW_TO_GET_IT = "no curves.png without matplotlib: pip install 'netspec-compiler[plots]'"


def draw_curves(metrics: Path, picture: Path, title: str) -> bool:
    """Draw the lines of a ``metrics.jsonl``. ``False`` where matplotlib is not installed; then nothing is written."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    lines = read_metrics(metrics)
    training = [line for line in lines if "loss" in line]
    checks = [line for line in lines if "val_loss" in line]
    marker = "." if len(checks) < 40 else ""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, errors = figure.subplots(1, 2)
    losses.plot([x["step"] for x in training], [x["loss"] for x in training], lw=0.8, label="training")
    losses.plot([x["step"] for x in checks], [x["val_loss"] for x in checks], marker=marker, label="validation")
    losses.set(xlabel="step", ylabel="loss", title=title)
    for key, label in (("top1", "top-1"), ("top5", "top-5")):
        errors.plot([x["step"] for x in checks], [100 * (1 - x[key]) for x in checks], marker=marker, label=label)
    errors.set(xlabel="step", ylabel="validation error, %", ylim=(0, None))
    for axes in (losses, errors):
        axes.grid(alpha=0.3)
        axes.legend()
    beside = picture.with_name(f".{picture.name}.part")
    figure.savefig(beside, format="png", dpi=120)
    beside.replace(picture)
    return True
