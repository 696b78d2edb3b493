"""The module in users' programs: tracing, functional calls, error messages, and netspec's Python functions."""

from __future__ import annotations

import copy
import pickle
import traceback

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

import netspec
from netspec import layers

SMALL = """\
[image]  input      3x16x16
[conv1]  conv       filters=8  kernel=3  pad=1  neuron=relu
[norm1]  lrn        size=5  scale=1e-4
[a]      conv       filters=4  kernel=1  inputs=norm1
[b]      conv       filters=4  kernel=3,1  pad=1,0  inputs=norm1,conv1
[both]   concat     inputs=a,b
[bn]     batchnorm  neuron=relu
[pool]   sumpool    kernel=2
[coef]   affine
[ln]     layernorm  groups=2
[ln2]    layernorm  eps=1e-6
[gn]     groupnorm  groups=4
[drop]   dropout    over=channels
[fc]     fc         outputs=5
"""
UNTRACEABLE = {"randomscale"}  # its branches depend on random numbers


def model() -> nn.Module:
    return netspec.torch_module(netspec.loads(SMALL), seed=1).eval()


def images() -> Tensor:
    return torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.many
@pytest.mark.parametrize("name", sorted(set(layers.names()) - UNTRACEABLE))
def test_fx_traces_every_layer_type(name: str) -> None:
    type_ = layers.find(name)
    assert type_ is not None
    net = netspec.loads(type_.example)
    module = netspec.torch_module(net)
    x = torch.rand(2, *next(iter(net.layers.values())).output) + 1
    labelled = bool(net.graph.losses) and net.graph.output in net.graph.losses
    for training in (True, False):
        traced = torch.fx.symbolic_trace(module.train(training), {"labels": None} if labelled else None)
    if name != "nrelu":  # which draws new noise in each call
        torch.testing.assert_close(traced(x), module(x), rtol=0, atol=0, equal_nan=True)


def test_traced_copied_and_functional_modules_give_the_same_values() -> None:
    module, x = model(), images()
    expected = module(x)
    weights = dict(module.named_parameters()) | dict(module.named_buffers())
    assert torch.equal(torch.fx.symbolic_trace(module)(x), expected)
    assert torch.equal(copy.deepcopy(module)(x), expected)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x), expected)
    assert torch.equal(functional_call(module, weights, (x,)), expected)
    one_by_one = vmap(lambda image: functional_call(module, weights, (image[None],))[0])(x)
    torch.testing.assert_close(one_by_one, expected)
    torch.testing.assert_close(copy.deepcopy(module).double()(x.double()).float(), expected)


@pytest.mark.ci
def test_export_accepts_any_number_of_images() -> None:
    module, x = model(), images()
    exported = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("n", min=1)},)).module()
    torch.testing.assert_close(exported(x[:1]), module(x[:1]))


@pytest.mark.parametrize(
    ("images", "description"),
    [
        (torch.zeros(2, 3, 8, 8), "torch.float32 of (2, 3, 8, 8)"),
        (torch.zeros(2, 1, 16, 16), "torch.float32 of (2, 1, 16, 16)"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "torch.uint8 of (2, 3, 16, 16)"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.float64), "torch.float64 of (2, 3, 16, 16)"),
        (torch.zeros(2, 3, 16, 16).numpy(), "ndarray"),
    ],
)
def test_torch_errors_get_a_note_with_the_expected_input(images: Tensor, description: str) -> None:
    with pytest.raises((RuntimeError, TypeError)) as error:
        model()(images)
    last = traceback.format_exception_only(error.value)[-1]
    assert last == f"net reads torch.float32 of (N, 3, 16, 16), and is given {description}\n"


def test_errors_with_valid_input_get_no_note() -> None:
    module = model()

    def broken(*_: object) -> None:
        raise RuntimeError("error in a hook")

    module.fc.register_forward_hook(broken)  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="error in a hook") as error:
        module(images())
    assert not getattr(error.value, "__notes__", [])


def test_path_instead_of_a_net_is_an_error_that_suggests_load() -> None:
    for make in (netspec.torch_module, netspec.summary, netspec.compile):
        with pytest.raises(TypeError, match=r"netspec\.load\('alexnet\.net'\)"):
            make("alexnet.net")  # type: ignore[operator]


def test_input_shape_can_be_any_sequence_of_integers() -> None:
    assert netspec.loads("[i] input 3x8x8\n[c] conv filters=2 kernel=3", input=(1, 9, 10))["c"].output == (2, 7, 8)
    assert netspec.loads("[i] input 3\n[f] fc outputs=2", input=[7]).total.weights == 14
    assert netspec.loads("[i] input 3\n[f] fc outputs=2", input=np.array([7])).total.weights == 14  # type: ignore[arg-type]
    for wrong in ((3, 8), (3, 8, 0), "3x8x8", (), 224, (3, 8.0, 8.0)):
        with pytest.raises(ValueError, match="is not a shape"):
            netspec.loads("[i] input 3x8x8\n[r] relu", input=wrong)  # type: ignore[arg-type]


def test_net_has_a_repr_and_suggests_layer_names() -> None:
    net = netspec.loads("net tiny\n[image] input 3x8x8\n[conv1] conv filters=2 kernel=3\n")
    assert repr(net) == "<Net tiny: 2 layers, 56 parameters, 1,944 connections>"  # 2 * (27 + 1), 54 * 6 * 6
    with pytest.raises(KeyError, match="tiny has no layer 'conv_1'; did you mean 'conv1'"):
        net["conv_1"]
