"""The default training step compared with the plain one, and switching off optimising passes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from checking import valid_net
from click.testing import Result
from processes import invoke

from netspec.passes.fast import ALL, NAMES, ComputeTarget, enabled_passes, forms_of
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of, set_state, state_of
from netspec.train.learning.rule import Group
from netspec.train.learning.sgd import PaperSGD

SPEC = """\
net small
gpus 2
[image] input 3x14x14 range=1
[conv1] conv filters=8 kernel=5 stride=2 neuron=relu init=gaussian(0.1) rounding=up
[norm1] lrn size=5 k=2 alpha=0.05 beta=0.75
[pool1] maxpool kernel=3 stride=2 rounding=up
[conv2] conv filters=8 kernel=3 pad=1 neuron=relu init=gaussian(0.1)
[norm2] lrn size=3 k=1 alpha=0.05 beta=0.75
[pool2] maxpool kernel=3 stride=1 pad=1
[drop] dropout
[fc] fc outputs=4 reads=all init=gaussian(0.1)
[prob] softmax
train epochs=1 batch=16 optimizer=sgd(lr=0.02, momentum=0.9, weight_decay=1e-3)
"""


def losses(names: tuple[str, ...], steps: int) -> list[float]:
    """Return the losses of a training from seed 0 with these passes."""
    graph = valid_net(SPEC).graph
    forms = forms_of(graph, names)
    objective = build(graph, 0, "cpu", forms)
    objective.module.train()
    optimiser = optimiser_of(graph, objective.module, fused=forms.fused_update)
    generator, found = torch.Generator().manual_seed(0), []
    images, labels = torch.randn(64, 3, 14, 14, generator=generator), torch.arange(64) % 4
    for step in range(steps):
        places = torch.randint(64, (16,), generator=generator)
        optimiser.zero_grad()
        found.append(float(objective.gradients(images[places], labels[places], 0, step)))
        optimiser.step()
    return found


@pytest.mark.ci  # two whole trainings
def test_losses_of_200_steps_are_those_of_the_plain_step() -> None:
    plain = losses((), 200)
    assert plain[-1] < 0.5 * plain[0]
    for names in (
        enabled_passes(ComputeTarget("cpu", "fp32")),
        tuple(name for name in NAMES if name != "grouped-conv"),
    ):
        assert losses(names, 200) == pytest.approx(plain, abs=1e-5)


def test_fused_update_follows_the_papers_rule() -> None:
    torch.manual_seed(0)
    start = [torch.randn(7, 3, 5, 5), torch.randn(11), torch.randn(4, 6).t()]
    a, b = [[x.clone(memory_format=torch.preserve_format).requires_grad_() for x in start] for _ in range(2)]
    plain = PaperSGD([Group(tuple(a[:1]), 0.1, 0.9, 0.01), Group(tuple(a[1:]), 0.2, 0.5, 0.0)])
    fused = PaperSGD([Group(tuple(b[:1]), 0.1, 0.9, 0.01), Group(tuple(b[1:]), 0.2, 0.5, 0.0)], fused=True)
    for step in range(5):
        plain.factor = fused.factor = 0.5**step
        for x, y in zip(a, b, strict=True):
            x.grad = torch.randn_like(x)
            y.grad = x.grad.clone(memory_format=torch.preserve_format)
        plain.step(), fused.step()
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(plain.state["velocities"][x], fused.state["velocities"][y], rtol=1e-5, atol=1e-6)


def test_fused_update_with_strided_gradient_and_without_momentum() -> None:
    for momentum in (0.0, 0.9):
        w = torch.ones(2, 3).requires_grad_()
        w.grad = torch.full((3, 2), 2.0).t()
        PaperSGD([Group((w,), 0.1, momentum, 0.0)], fused=True).step()
        torch.testing.assert_close(w.detach(), torch.full((2, 3), 0.8))


def test_fused_update_reports_the_plain_velocities() -> None:
    layer = torch.nn.Linear(2, 2, bias=False)
    optimiser = PaperSGD([Group((layer.weight,), 0.1, 0.9, 0.0)], fused=True)
    layer.weight.grad = torch.ones(2, 2)
    optimiser.step()
    torch.testing.assert_close(state_of(layer, optimiser, "velocities")["weight"], torch.full((2, 2), -0.1))


def test_velocity_before_the_first_step_is_zero_without_memory() -> None:
    layer = torch.nn.Linear(300, 200, bias=False)
    velocity = state_of(layer, PaperSGD([Group((layer.weight,), 0.1, 0.9, 0.0)]), "velocities")["weight"]
    assert (velocity.shape, velocity.count_nonzero().item(), velocity.untyped_storage().nbytes()) == ((200, 300), 0, 4)


def test_restored_velocities_have_the_strides_of_their_parameters() -> None:
    """Also zero velocities, or a resumed run would not take the same steps as an uninterrupted one."""
    module = torch.nn.Conv2d(4, 6, 3, bias=False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    group = Group((module.weight,), 0.1, 0.9, 0.0)
    for state in (
        state_of(module, PaperSGD([group]), "velocities"),
        {"weight": torch.arange(216.0).reshape(6, 4, 3, 3)},
    ):
        optimiser = PaperSGD([group], fused=True)
        set_state(module, optimiser, {"velocities": state})
        assert torch.equal(optimiser.state["velocities"][module.weight], state["weight"])
        assert optimiser.state["velocities"][module.weight].stride() == module.weight.stride()


def train(*arguments: str | Path) -> Result:
    return invoke("train", *arguments)


def test_resumed_run_keeps_the_passes_switched_off(tmp_path: Path) -> None:
    spec, run = tmp_path / "a.net", tmp_path / "run"
    spec.write_text(SPEC)
    started = train(spec, "--data", "synthetic", "--steps", 2, "--out", run, "--without", "lrn-chain", "--without",
                    "fused-update", "--threads", 1)  # fmt: skip
    assert started.exit_code == 0, started.output
    facts = json.loads((run / "run.json").read_text())
    assert facts["without"] == ["fused-update", "lrn-chain"]
    resumed = train("--resume", run, "--steps", 3)
    assert resumed.exit_code == 0, resumed.output
    assert json.loads((run / "run.json").read_text())["without"] == ["fused-update", "lrn-chain"]
    other = train("--resume", run, "--steps", 4, "--without", ALL)
    assert other.exit_code == 2
    assert "--without: ['fused-update', 'lrn-chain'] in the run, ['all'] here" in other.stderr


@pytest.mark.ci
def test_forms_chosen_by_timing_are_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, the CPU has no passes that choose by timing, so one is enabled here."""
    spec = tmp_path / "a.net"
    spec.write_text(SPEC)
    arguments = (spec, "--data", "synthetic", "--steps", 2, "--threads", 1, "--out", tmp_path / "run")
    monkeypatch.setattr("netspec.train.tensors.initial.enabled_passes", lambda where, without: ("grouped-conv",))
    chosen = train(*arguments)
    assert chosen.exit_code == 0, chosen.output
    assert re.search(
        r"conv2 is computed (grouped|one per group|dense): grouped .*, one per group .*, dense", chosen.stderr
    )
    monkeypatch.undo()
    plain = train(*arguments[:-1], tmp_path / "plain")
    assert plain.exit_code == 0 and "is computed" not in plain.stderr


def test_unknown_pass_is_an_error() -> None:
    done = train("x.net", "--without", "lrn-chains")
    assert done.exit_code == 2 and "lrn-chain" in done.stderr
