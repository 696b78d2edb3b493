"""Modules of PyTorch as networks: the same parameters and outputs, under names that a person would give them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from same_outputs import Calling, assert_same
from torch import Tensor, nn
from torch.nn import functional as F
from torch_modules import MODULES, RESNET, made

import netspec
from netspec.net import load, loads


@pytest.mark.many
@pytest.mark.parametrize("name", MODULES)
def test_modules_compute_the_same(name: str) -> None:
    side = MODULES[name][1]
    unused = 6 * 6 + 2 * 6 if name == "resnet" else 0  # the first block has a projection and does not call it
    assert_same(made(name), (3, side, side), unused=unused)


def test_module_in_float32() -> None:
    assert_same(made("mobilenet"), (3, 16, 16), torch.float32)


def test_spec_of_a_residual_network() -> None:
    net = netspec.from_torch(made("resnet"), (3, 32, 32))
    origin, _, rest = net.source.text.partition("\n")
    assert origin == f"# Imported from ResNet, a module of PyTorch {torch.__version__}."
    assert rest == RESNET.replace("net     resnet", "net     ResNet")
    assert repr(loads(net.source.text)) == repr(net) and net.warnings == ()
    assert netspec.from_torch(made("resnet"), (3, 32, 32), name="mine").name == "mine"


def test_weights_of_a_changed_and_kept_spec(tmp_path: Any) -> None:
    """Names follow from those of the modules, so that a spec from a file has the same."""
    module = made("resnet")
    path = tmp_path / "resnet.net"
    path.write_text(netspec.from_torch(module, (3, 32, 32)).source.text, "utf-8")
    kept = netspec.torch_module(load(path), weights=module).eval()
    images = torch.rand(2, 3, 32, 32)
    assert torch.allclose(kept(images), module(images), atol=1e-5)
    changed = load(path, changes=["pool2.kernel=2"])
    with pytest.raises(ValueError, match=r"ResNet: fc\.weight is 5x32 in the network and 5x8 in the model$"):
        netspec.torch_module(changed, weights=module)
    lacking = loads(kept_text := path.read_text("utf-8").replace("[fc] ", "[scores] "))
    assert "[scores]" in kept_text
    with pytest.raises(ValueError, match=r"scores\.weight is 5x8 in the network and missing in the model; other"):
        netspec.torch_module(lacking, weights=module)


def test_weights_are_copied() -> None:
    module = made("older")
    ours = netspec.torch_module(netspec.from_torch(module, (3, 32, 32)), weights=module)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.zero_()
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


class Remembering(nn.Module):
    """A module whose forward changes its attributes and statistics, draws random numbers and prints."""

    def __init__(self, fails: bool) -> None:
        super().__init__()
        self.norm, self.conv, self.fails = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), fails
        self.calls, self.last = 0, None

    def forward(self, image: Tensor) -> Tensor:
        self.calls += 1
        self.last = image
        print("called", random.random(), np.random.rand())
        x = F.dropout(self.conv(self.norm(image)), training=self.training)
        return x if not self.fails else x.reshape(5)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_module_and_random_numbers_stay_as_they_are(
    fails: bool, training: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    module = Remembering(fails).train(training)
    module.norm.eval()
    state = {key: value.clone() for key, value in module.state_dict().items()}
    numbers, drawn, of_numpy = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    try:
        netspec.from_torch(module, (3, 8, 8))
        assert not fails
    except netspec.SpecError as error:
        assert fails and error.diagnostics[0].code == "torch-export"
    assert (module.training, module.norm.training, module.conv.training) == (training, False, training)
    assert (module.calls, module.last) == (0, None)
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), numbers) and random.getstate() == drawn
    assert str(np.random.get_state()) == of_numpy
    assert capfd.readouterr() == ("", "")


def test_diff_with_a_spec() -> None:
    spec = loads("[image] input 3x8x8\n[a] conv filters=4 kernel=3 pad=1 neuron=relu\n[b] fc outputs=2")
    same = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2))
    assert netspec.compare(spec, netspec.from_torch(same, (3, 8, 8))).same_function
    other = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(256, 2))
    assert not netspec.compare(spec, netspec.from_torch(other, (3, 8, 8))).same_function


def test_shared_and_unused_parameters() -> None:
    conv, unused = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3)
    module = Calling(lambda x, conv, again: again(conv(x).relu()), conv=conv, again=conv)
    assert "weights=conv" in assert_same(module, (3, 6, 6), unused=-3).source.text  # biases are not shared
    assert (
        netspec.from_torch(
            Calling(lambda x, conv, unused: conv(x), conv=conv, unused=unused), (3, 6, 6)
        ).total.parameters
        == 84
    )


def test_vectors() -> None:
    net = assert_same(nn.Sequential(nn.Linear(12, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3)), (12,))
    assert net.source.text.count("\n") == 7


def test_weights_that_are_computed() -> None:
    """Weight standardisation: what depends on parameters alone is a constant."""
    conv = nn.Conv2d(3, 4, 3)

    def forward(x: Tensor, conv: nn.Conv2d) -> Tensor:
        weight = conv.weight - conv.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5), conv.bias)

    before = conv.weight.clone()
    assert_same(Calling(forward, conv=conv), (3, 6, 6))
    assert torch.equal(conv.weight, before)


def test_weights_that_are_computed_otherwise_in_training() -> None:
    """Spectral normalisation improves its estimate in training, each time that the module is called."""
    module = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)).double()
    module(torch.rand(1, 3, 8, 8, dtype=torch.float64))
    state = {key: value.clone() for key, value in module.state_dict().items()}
    net = assert_same(module, (3, 6, 6))
    assert [d.code for d in net.warnings] == ["torch-training"]
    assert net.warnings[0].notes == ("in training, it computes with other numbers",)
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())
