"""The options of the train line through whole trainings: what is validated and saved, what the command line says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from rich.console import Console

import netspec
from netspec.cli import main
from netspec.train.config import Request
from netspec.train.learning.objective import Objective
from netspec.train.reporting.console import Reporter
from netspec.train.run import train
from netspec.train.runs import checkpoint
from netspec.train.runs.runfolder import read_metrics

SPEC = """
[image] input 3x8x8
[conv] conv filters=4 kernel=3 neuron=relu
[bn] batchnorm
[fc] fc outputs=4
[prob] softmax
train epochs=1 batch=64 optimizer=sgd(lr=0.001) {}
"""


def command(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["train", "-", "--data", "synthetic", "--steps", "2", *arguments], input=text)


def saved(folder: Path) -> dict[str, Any]:
    return checkpoint.load(checkpoint.saved(folder / "checkpoints")[-1])


def test_the_average_is_validated_and_saved_beside_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged, measured = [], Objective.measured

    def also_noted(objective: Objective, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        judged.append({name: tensor.clone() for name, tensor in objective.module.state_dict().items()})
        return measured(objective, x, labels)

    monkeypatch.setattr(Objective, "measured", also_noted)
    graph = netspec.loads(SPEC.format("ema=0.9")).graph
    train(
        graph, "the spec", "net", Request("synthetic", threads=1, out=tmp_path / "run"), Reporter(Console(quiet=True))
    )
    state = saved(tmp_path / "run")
    average = state["average"]
    assert average["updates"] == state["step"] == 1024 // 64
    assert set(average["weights"]) == set(state["weights"]) == set(judged[0])
    for name, tensor in average["weights"].items():
        assert torch.equal(judged[0][name], tensor), name
    assert not torch.equal(average["weights"]["fc.weight"], state["weights"]["fc.weight"])
    assert not torch.equal(average["weights"]["bn.running_mean"], state["weights"]["bn.running_mean"])


def test_without_an_average_none_is_saved(tmp_path: Path) -> None:
    assert command(SPEC.format(""), "--out", str(tmp_path / "run")).exit_code == 0
    assert saved(tmp_path / "run")["average"] is None


def test_the_precision_of_the_command_line_goes_before_the_specs(tmp_path: Path) -> None:
    losses = {}
    for name, line, option in (("full", "", ""), ("spec", "precision=bf16", ""), ("line", "", "bf16"),
                               ("back", "precision=bf16", "fp32")):  # fmt: skip
        done = command(SPEC.format(line), *(["--precision", option] if option else []), "--threads", "1",
                       "--out", str(tmp_path / name))  # fmt: skip
        assert done.exit_code == 0, done.output
        facts = json.loads((tmp_path / name / "run.json").read_text())
        assert facts["precision"] == ("bf16" if "bf16" in (option or line) else "fp32")
        losses[name] = [line["loss"] for line in read_metrics(tmp_path / name / "metrics.jsonl") if "loss" in line]
    assert losses["back"] == losses["full"] != losses["spec"] == losses["line"]
    assert losses["spec"] == pytest.approx(losses["full"], rel=0.02)


def test_a_warmup_shows_in_the_log(tmp_path: Path) -> None:
    done = command(SPEC.format("warmup=steps(4)"), "--steps", "6", "--out", str(tmp_path / "run"))
    assert done.exit_code == 0, done.output
    rates = {m["step"]: m["lr"] for m in read_metrics(tmp_path / "run" / "metrics.jsonl") if "lr" in m}
    assert rates[6] == pytest.approx(0.001)
    assert all(rate == pytest.approx(0.001 * min(1, step / 4)) for step, rate in rates.items())
    assert len(rates) > 1


def test_a_batch_of_the_command_line_that_its_parts_do_not_divide() -> None:
    done = command(SPEC.format("accumulate=4"), "--batch", "6")
    assert done.exit_code == 1
    assert "a batch of 6 images cannot be gathered in 4 equal parts" in done.stderr
    assert "--batch 4" in done.stderr
