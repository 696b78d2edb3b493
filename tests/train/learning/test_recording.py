"""Recorded steps: replays compute the same numbers as steps that are not recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from checking import valid_net
from tapes import Tapes
from torch import Tensor, nn

from netspec.passes.fast import NAMES, PLAIN, ComputeTarget, Forms, enabled_passes, forms_of
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.recorded import recorded
from netspec.train.learning.recording import Inputs, Recording, difference_between

SPEC = """\
net small
[image] input 3x24x24 range=1
[conv1] conv filters=8 kernel=4 stride=2 pad=1 neuron=relu init=gaussian(0.1)
[drop1] dropout rate=0.25
[bn] batchnorm
[pool] maxpool kernel=2
[drop] dropout
[fc] fc outputs=4 init=gaussian(0.1)
[prob] softmax
train epochs=1 batch=8 optimizer=sgd(lr=0.05, momentum=0.9, weight_decay=1e-3)
"""
RECORDED = Forms(("cuda-graph",), recorded=True)


def train(
    objective: Objective, steps: int, batch: Callable[[int], int] = lambda step: 8, mixed: bool = False
) -> list[Tensor]:
    """Train for some steps, with targets in place of labels if images are ``mixed``. Return the losses, all tensors of
    the network, and the scores of some images."""
    objective.module.train()
    optimiser = optimiser_of(objective.graph, objective.module, fused=objective.forms.fused_update)
    generator, found = torch.Generator().manual_seed(0), []
    for step in range(steps):
        images, labels = torch.randn(batch(step), 3, 24, 24, generator=generator), torch.arange(batch(step)) % 4
        if mixed:
            labels = torch.rand(batch(step), 4, generator=generator).softmax(1)
        optimiser.factor = 0.9**step
        optimiser.zero_grad()
        found.append(objective.gradients(images, labels, 3, step, optimiser.step))
    objective.module.eval()
    with torch.no_grad():
        found += [t.clone() for t in objective.module.state_dict().values()]
        found += [objective.scores(torch.randn(n, 3, 24, 24, generator=generator)) for n in (8, 8, 5, 8)]
    return found


@pytest.mark.parametrize(("accumulate", "mixed"), [(1, False), (3, True)])
def test_recorded_steps_compute_the_same_bits(accumulate: int, mixed: bool) -> None:
    graph = valid_net(SPEC).graph
    graph = replace(graph, train=replace(graph.train, accumulate=accumulate))
    tapes = Tapes()
    replayed = recorded(build(graph, 0, "cpu", RECORDED), tapes)
    plain = build(graph, 0, "cpu")
    for a, b in zip(train(replayed, 6, mixed=mixed), train(plain, 6, mixed=mixed), strict=True):
        assert torch.equal(a, b)
    assert replayed.form_notes == ()
    assert len(tapes.tapes) == 2
    assert tapes.replays == 6 + 3  # six steps, and three scored batches of 8


SHARED = """\
[conv2] conv inputs=pool filters=8 kernel=3 pad=1 neuron=relu
[conv3] conv filters=8 kernel=3 pad=1 weights=conv2
[scaled] affine
"""


@pytest.mark.parametrize("update", [(), ("fused-update",)], ids=["plain", "fused"])
@pytest.mark.parametrize(
    "optimizer",
    [
        *("sgd(lr=0.05, nesterov=yes)", "adam(weight_decay=0.1)", "adamw(lr=0.01)", "adagrad", "lars", "lamb"),
        "rmsprop(momentum=0.9, eps_in_root=1, start=1)",
        *("adam clip_gradients=norm(0.01)", "sgd(lr=0.05) clip_gradients=value(1e-3)"),
    ],
)
def test_updates_after_a_replay_have_the_current_rate_and_number(optimizer: str, update: tuple[str, ...]) -> None:
    """Only the gradients are recorded, not the update, which depends on the rate and on the number of the update."""
    graph = valid_net(SPEC.replace("sgd(lr=0.05, momentum=0.9, weight_decay=1e-3)", optimizer)).graph
    forms = replace(forms_of(graph, update), recorded=True)
    replayed, plain = recorded(build(graph, 0, "cpu", forms), Tapes()), build(graph, 0, "cpu", forms)
    for a, b in zip(train(replayed, 5), train(plain, 5), strict=True):
        assert torch.equal(a, b)
    assert replayed.form_notes == ()


RULES = [
    *("sgd(lr=0.05, momentum=0.9, weight_decay=1e-3)", "sgd(lr=0.05, nesterov=yes)", "adam", "adamw(lr=0.01)"),
    "rmsprop(momentum=0.9, eps_in_root=1, start=1)",
]


@pytest.mark.parametrize("update", [(), ("fused-update",)], ids=["plain", "fused"])
@pytest.mark.parametrize(
    "spec",
    [*(SPEC.replace(RULES[0], rule) for rule in RULES), SPEC.replace("[drop] dropout", SHARED)],
    ids=["layers", "nesterov", "adam", "adamw", "rmsprop", "shared weights"],
)
def test_recorded_inference_in_bf16_uses_the_updated_weights(spec: str, update: tuple[str, ...]) -> None:
    graph = valid_net(spec).graph
    graph = replace(graph, train=replace(graph.train, precision="bf16"))
    forms = replace(forms_of(graph, ("space-to-depth", "bias-relu", *update)), recorded=True)
    replayed, tapes = build(graph, 0, "cpu", forms), Tapes()
    replayed, plain = recorded(replayed, tapes), build(graph, 0, "cpu", replace(forms, recorded=False))
    for _ in range(3):  # with new weights each time, in the same tensors
        for a, b in zip(train(replayed, 2), train(plain, 2), strict=True):
            assert torch.equal(a, b)
    assert replayed.form_notes == ()
    weights = {p.shape for p in plain.module.parameters() if p.dim() > 1}
    narrowed = [
        args[0].shape for func, args, *_ in tapes.tapes[-1].operations if func is torch.ops.aten._to_copy.default
    ]
    assert weights and not weights & set(narrowed)


def test_parameters_read_only_by_products_are_converted_to_bf16() -> None:
    graph = valid_net(SPEC).graph
    every = {"conv1.weight", "conv1.bias", "fc.weight", "fc.bias"}
    assert PLAIN.narrowed(graph) == every
    assert forms_of(graph, ("bias-relu",)).narrowed(graph) == every - {"conv1.bias"}  # the kernel adds it in float32


def test_recordings_share_their_input_tensors() -> None:
    inputs = Inputs()
    images, labels = torch.ones(8, 3, 4, 4), torch.arange(8)
    (step, _), (inference,) = inputs.like((images, labels)), inputs.like((images,))
    assert step is inference and step is not images and not step.any()
    others = (images[:5], images.double(), images.contiguous(memory_format=torch.channels_last))
    assert all(inputs.like((other,))[0] is not step for other in others)


def test_recorded_steps_with_all_other_passes_compute_the_same_bits() -> None:
    """Except grouped-conv, which chooses by timing, and may choose differently the second time."""
    graph = valid_net(SPEC.replace("[bn] batchnorm", "[norm] lrn size=3 k=1 alpha=0.1 beta=0.75")).graph
    names = tuple(name for name in NAMES if name != "grouped-conv")
    forms = forms_of(graph, names)
    assert forms.recorded and forms.chains
    replayed, plain = recorded(build(graph, 0, "cpu", forms), tapes := Tapes()), build(graph, 0, "cpu", forms)
    for a, b in zip(train(replayed, 4), train(plain, 4), strict=True):
        assert torch.equal(a, b)
    assert tapes.replays == 4 + 3


def test_batches_of_other_sizes_are_computed_without_the_recording() -> None:
    graph, tapes = valid_net(SPEC).graph, Tapes()
    replayed, plain = recorded(build(graph, 0, "cpu", RECORDED), tapes), build(graph, 0, "cpu")
    sizes = (8, 6, 8, 6)
    for a, b in zip(train(replayed, 4, sizes.__getitem__), train(plain, 4, sizes.__getitem__), strict=True):
        assert torch.equal(a, b)
    assert tapes.replays == 2 + 3


class BrokenTapes(Tapes):
    """A device that cannot record."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        work()
        raise RuntimeError("operation not permitted when stream is capturing\nand more")


def test_device_that_cannot_record_trains_with_a_note() -> None:
    graph = valid_net(SPEC).graph
    replayed, plain = recorded(build(graph, 0, "cpu", RECORDED), BrokenTapes()), build(graph, 0, "cpu")
    for a, b in zip(train(replayed, 3), train(plain, 3), strict=True):
        assert torch.equal(a, b)
    reason = "RuntimeError operation not permitted when stream is capturing"
    assert replayed.form_notes == (
        f"the training step is launched kernel by kernel: {reason}",
        f"inference is launched kernel by kernel: {reason}",
    )


class Counting(nn.Module):
    """A module with a buffer that counts its calls."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return x * 2


def test_recording_that_replays_differently_is_rejected() -> None:
    module, factor = Counting(), [1.0]

    def work(x: Tensor) -> tuple[Tensor, ...]:
        return (module(x) * factor[0],)

    recording = Recording(Tapes(), module, "the work", Inputs())

    def change() -> None:
        factor[0] += 1

    assert [float(recording(work, (torch.tensor(x),))[0]) for x in (1.0, 5.0)] == [2.0, 10.0]
    assert recording.note is None and float(module.calls) == 2
    (stale,) = recording(work, (torch.tensor(1.0),), change)
    assert float(stale) == 2.0  # a replay does not read variables of Python again

    class ChangesBeforeRecording(Tapes):
        def record(self, work: Callable[[], None]) -> Callable[[], None]:
            change()
            return super().record(work)

    module, factor[0] = Counting(), 1.0
    checked = Recording(ChangesBeforeRecording(), module, "the work", Inputs())
    assert [float(checked(work, (torch.tensor(x),))[0]) for x in (1.0, 5.0)] == [2.0, 20.0]
    assert checked.note == "the work is launched kernel by kernel: done again, it differs by 1"
    assert float(module.calls) == 2


def test_gradients_that_are_only_rounding_may_differ() -> None:
    """As those of biases before batch normalisations in bfloat16, if cuDNN adds up in any order."""
    large, small = torch.ones(100), torch.linspace(-1e-4, 1e-4, 100)
    assert difference_between((large, small), (large, small.roll(10))) is None
    assert difference_between((large, 0.9 * large), (large, large)) == "done again, it differs by 0.1"
    assert difference_between((large, 100 * small), (large, 100 * small.roll(10))) is not None
    assert difference_between((large, torch.full((100,), torch.nan)), (large, small)) is not None
    loss = torch.tensor(1e6)
    assert difference_between((loss, large), (loss, 0.9 * large)) == "done again, it differs by 0.1"


def test_recording_needs_the_pass_and_a_device_for_it() -> None:
    graph = valid_net(SPEC).graph
    for forms in (PLAIN, RECORDED):
        objective = build(graph, 0, "cpu", forms)
        assert recorded(objective) is objective
    assert "cuda-graph" in enabled_passes(ComputeTarget("cuda", "bf16"))
    assert "cuda-graph" not in enabled_passes(ComputeTarget("cpu", "fp32"))
    assert forms_of(graph, ("cuda-graph",)) == RECORDED
    drawn = valid_net(SPEC.replace("[conv1]", "[scale] randomscale size=20 max_scale=1.2\n[conv1]")).graph
    assert forms_of(drawn, ("cuda-graph",)) == PLAIN


def test_inference_that_draws_is_not_recorded() -> None:
    graph = valid_net(SPEC.replace("neuron=relu", "neuron=nrelu")).graph
    images, tapes = torch.randn(8, 3, 24, 24), Tapes()
    scores = []
    for objective in (recorded(build(graph, 0, "cpu", RECORDED), tapes), build(graph, 0, "cpu")):
        objective.module.eval()
        with torch.no_grad():
            for view in (0, 1):
                objective.set_evaluation_random_state(3, 0, 8, view)
                scores.append(objective.scores(images))
    assert torch.equal(scores[0], scores[2]) and torch.equal(scores[1], scores[3])
    assert not torch.equal(scores[0], scores[1]) and not tapes.tapes
