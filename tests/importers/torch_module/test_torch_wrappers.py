"""Modules in other modules that only run them, blocks that change how operators run, and what gets no gradient."""

from __future__ import annotations

import pytest
import torch
from refusals import refused
from same_outputs import Calling, assert_same
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import netspec


class Optimized(nn.Module):
    """A module as torch.compile returns it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._orig_mod = module

    def forward(self, *values: Tensor) -> Tensor:
        result: Tensor = self._orig_mod(*values)
        return result


def test_modules_around_the_one_that_computes() -> None:
    inside = nn.Sequential(nn.Conv2d(3, 4, 3), Optimized(nn.Sequential(nn.ReLU(), nn.Conv2d(4, 2, 1))))
    net = assert_same(Optimized(nn.DataParallel(AveragedModel(inside))), (3, 5, 5))
    assert net.name == "Sequential" and [*net.graph.layers] == ["image", "n0", "n1_1"]
    assert net.source.text.startswith("# Imported from Sequential, ")


class Blocks(nn.Module):
    """Operators in blocks without gradients, and in blocks with other types of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(3, 3, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            y = self.a(x).relu()
        with torch.autocast("cuda", enabled=False):
            y, z = self.b(y).relu(), x.tanh()
            with torch.autocast("cuda", dtype=torch.float16):
                y = y + z
        return y + self.c(y).detach()


def test_what_gets_no_gradient() -> None:
    net = assert_same(Blocks(), (3, 4, 4))
    (warning,) = net.warnings
    assert warning.notes[0] == "learnt by the spec, fixed numbers in the module: a.weight, a.bias, c.weight, c.bias"
    assert warning.notes[1].startswith("the gradient ends at detach: test_torch_wrappers.py:")
    assert warning.notes[1].endswith(": return y + self.c(y).detach()") and len(warning.notes) == 2


def test_parameters_that_are_frozen() -> None:
    """A warning names them, but not if a module learns nothing at all."""
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 3, 1))
    module[0].requires_grad_(False)
    (warning,) = netspec.from_torch(module, (3, 4, 4)).warnings
    assert warning.notes == ("learnt by the spec, fixed numbers in the module: n0.weight, n0.bias",)
    assert not netspec.from_torch(module.requires_grad_(False), (3, 4, 4)).warnings


def test_forgotten_activation_function() -> None:
    (warning,) = netspec.from_torch(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)), (3, 8, 8)).warnings
    assert (warning.code, warning.fixes) == ("linear-layers", ())
    assert warning.message == "n0 and n1 compute no more than one layer could: there is no neuron between them"


class Listed(nn.Module):
    """Modules in a list and in a dictionary, of which PyTorch does not know."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.known = nn.ModuleList([nn.ReLU()])
        self.parts, self.ways = [[layer] for layer in layers], {"known": self.known[0]}

    def forward(self, x: Tensor) -> Tensor:
        for (layer,) in self.parts:
            x = layer(x)
        return x


def test_modules_in_plain_lists() -> None:
    said = "modules in plain lists, whose parameters .parameters() lacks (nn.ModuleList has them): body.parts"
    (warning,) = netspec.from_torch(
        Calling(lambda x, body: body(x), body=Listed(nn.Conv2d(3, 4, 1))), (3, 4, 4)
    ).warnings
    assert warning.notes[-1] == said
    assert refused(Calling(lambda x, body: body(x), body=Listed(nn.BatchNorm2d(3))))[2].endswith(said)


@pytest.mark.ci
def test_checkpoints() -> None:
    """What torch.utils.checkpoint computes again has gradients, although it hides the parameters."""
    from torch.utils.checkpoint import checkpoint

    for reentrant in (False, True):
        module = Calling(
            lambda x, a, b, reentrant=reentrant: checkpoint(b, a(x).relu(), use_reentrant=reentrant),
            a=nn.Conv2d(3, 3, 1), b=nn.Conv2d(3, 3, 1),
        )  # fmt: skip
        assert not assert_same(module, (3, 4, 4)).warnings
