"""Layer files for two GPUs, trained by the command on two processes and on one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from corpusfiles import CORPUS
from layerfiles import TWINS, ending
from processes import netspec

RATES = "epsW={}\nepsB=0.02\nmomW={}\nmomB=0.9\nwc={}\n"
INPUTS = {"conv1a": 1, "conv1b": 1, "conv2a": 1, "conv2b": 1, "fca": 2, "fcb": 2, "out": 2}
PARAMS = "".join(
    f"[{name}]\n" + RATES.format(*(",".join([number] * inputs) for number in ("0.01", "0.9", "0.0005")))
    for name, inputs in INPUTS.items()
)
PARAMS += "".join(f"[n2{half}]\nscale=0.0001\npow=0.75\nminDiv=2\n" for half in "ab") + "[logprob]\ncoeff=1\ntopk=5\n"


def train(layers: Path, params: Path, out: Path, *options: str) -> list[float]:
    """Train for two steps and return the losses."""
    process = netspec(
        "train", layers, "--params", params, "--data", "synthetic", "--steps", "2", "--out", out, *options
    )
    assert process.returncode == 0, process.stderr
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [row["loss"] for row in rows if "loss" in row and "step" in row]


@pytest.mark.slow  # four processes that each import torch
def test_two_processes_give_the_losses_of_one(tmp_path: Path) -> None:
    layers, params = tmp_path / "layers.cfg", tmp_path / "params.cfg"
    layers.write_text(TWINS + ending("fca,fcb"), "utf-8")
    params.write_text(PARAMS, "utf-8")
    options = ("--input", "3x8x8", "--batch", "4")
    one_process = train(layers, params, tmp_path / "one", *options)
    two_processes = train(layers, params, tmp_path / "two", *options, "--gpus", "2")
    assert one_process
    assert two_processes == pytest.approx(one_process, rel=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(CORPUS is None, reason="NETSPEC_CORPUS names no folder with real layer files")
@pytest.mark.parametrize("name", ["145", "137", "147"])
def test_corpus_files_train_on_two_processes(name: str, tmp_path: Path) -> None:
    assert CORPUS is not None
    folder = CORPUS / "AlexNet-Source-Code" / "layers"
    layers, params = folder / f"layers-{name}.cfg", folder / f"layer-params-{name}.cfg"
    assert train(layers, params, tmp_path / "run", "--batch", "2", "--gpus", "2")
