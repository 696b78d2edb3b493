"""Options of the train line in whole trainings, and the command line options that replace them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import Result
from processes import invoke
from reporters import QUIET
from run_folders import newest_checkpoint

import netspec
from netspec.train.config import Request
from netspec.train.learning.objective import Objective
from netspec.train.run import train
from netspec.train.runs.runfolder import read_metrics

SPEC = """
[image] input 3x8x8
[conv] conv filters=4 kernel=3 neuron=relu
[bn] batchnorm
[fc] fc outputs=4
[prob] softmax
train epochs=1 batch=64 optimizer=sgd(lr=0.001) {}
"""


def train_spec(text: str, *arguments: str) -> Result:
    return invoke("train", "-", "--data", "synthetic", "--steps", "2", *arguments, text=text)


def test_moving_average_is_validated_and_saved_beside_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated, measured = [], Objective.loss_and_scores

    def record_weights(
        objective: Objective, x: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        evaluated.append({name: tensor.clone() for name, tensor in objective.module.state_dict().items()})
        return measured(objective, x, labels)

    monkeypatch.setattr(Objective, "loss_and_scores", record_weights)
    train(netspec.loads(SPEC.format("ema=0.9")), "net", Request("synthetic", threads=1, out=tmp_path / "run"), QUIET)
    state = newest_checkpoint(tmp_path / "run")
    average = state["average"]
    assert average["updates"] == state["step"] == 1024 // 64
    assert set(average["weights"]) == set(state["weights"]) == set(evaluated[0])
    for name, tensor in average["weights"].items():
        assert torch.equal(evaluated[0][name], tensor), name
    assert not torch.equal(average["weights"]["fc.weight"], state["weights"]["fc.weight"])
    assert not torch.equal(average["weights"]["bn.running_mean"], state["weights"]["bn.running_mean"])


def test_no_average_is_saved_without_ema(tmp_path: Path) -> None:
    assert train_spec(SPEC.format(""), "--out", str(tmp_path / "run")).exit_code == 0
    assert newest_checkpoint(tmp_path / "run")["average"] is None


def test_precision_option_overrides_the_spec(tmp_path: Path) -> None:
    losses = {}
    for name, line, option in (("full", "", ""), ("spec", "precision=bf16", ""), ("line", "", "bf16"),
                               ("back", "precision=bf16", "fp32")):  # fmt: skip
        done = train_spec(SPEC.format(line), *(["--precision", option] if option else []), "--threads", "1",
                          "--out", str(tmp_path / name))  # fmt: skip
        assert done.exit_code == 0, done.output
        facts = json.loads((tmp_path / name / "run.json").read_text())
        assert facts["precision"] == ("bf16" if "bf16" in (option or line) else "fp32")
        losses[name] = [line["loss"] for line in read_metrics(tmp_path / name / "metrics.jsonl") if "loss" in line]
    assert losses["back"] == losses["full"] != losses["spec"] == losses["line"]
    assert losses["spec"] == pytest.approx(losses["full"], rel=0.02)


@pytest.mark.ci  # takes a second
def test_warmup_is_in_the_log(tmp_path: Path) -> None:
    done = train_spec(SPEC.format("warmup=steps(4)"), "--steps", "6", "--out", str(tmp_path / "run"))
    assert done.exit_code == 0, done.output
    rates = {m["step"]: m["lr"] for m in read_metrics(tmp_path / "run" / "metrics.jsonl") if "lr" in m}
    assert rates[6] == pytest.approx(0.001)
    assert all(rate == pytest.approx(0.001 * min(1, step / 4)) for step, rate in rates.items())
    assert len(rates) > 1


def test_batch_option_must_be_divisible_into_its_parts() -> None:
    done = train_spec(SPEC.format("accumulate=4"), "--batch", "6")
    assert done.exit_code == 1
    assert "a batch of 6 images cannot be divided into 4 equal parts" in done.stderr
    assert "--batch 4" in done.stderr
