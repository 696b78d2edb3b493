"""The module in other people's programs: traced, called with the wrong things, and the functions that make it."""

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
[fc]     fc         outputs=5
"""
NO_TRACE = {"randomscale"}  # a size by chance is a choice by a value


def model() -> nn.Module:
    return netspec.torch_module(netspec.loads(SMALL), seed=1).eval()


def images() -> Tensor:
    return torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", sorted(set(layers.names()) - NO_TRACE))
def test_every_layer_type_is_traced_by_fx(name: str) -> None:
    found = layers.find(name)
    assert found is not None
    net = netspec.loads(found.example)
    module = netspec.torch_module(net)
    x = torch.rand(2, *next(iter(net.layers.values())).output) + 1
    labelled = bool(net.graph.losses) and net.graph.output in net.graph.losses
    for training in (True, False):
        traced = torch.fx.symbolic_trace(module.train(training), {"labels": None} if labelled else None)
    if name != "nrelu":  # whose noise is drawn anew
        torch.testing.assert_close(traced(x), module(x), rtol=0, atol=0, equal_nan=True)


def test_ways_to_use_a_module_give_its_values() -> None:
    module, x = model(), images()
    wanted = module(x)
    weights = dict(module.named_parameters()) | dict(module.named_buffers())
    assert torch.equal(torch.fx.symbolic_trace(module)(x), wanted)
    assert torch.equal(copy.deepcopy(module)(x), wanted)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x), wanted)
    assert torch.equal(functional_call(module, weights, (x,)), wanted)
    one_by_one = vmap(lambda image: functional_call(module, weights, (image[None],))[0])(x)
    torch.testing.assert_close(one_by_one, wanted)
    torch.testing.assert_close(copy.deepcopy(module).double()(x.double()).float(), wanted)


@pytest.mark.ci
def test_it_is_exported_with_any_number_of_images() -> None:
    module, x = model(), images()
    exported = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("n", min=1)},)).module()
    torch.testing.assert_close(exported(x[:1]), module(x[:1]))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (torch.zeros(2, 3, 8, 8), "torch.float32 of (2, 3, 8, 8)"),
        (torch.zeros(2, 1, 16, 16), "torch.float32 of (2, 1, 16, 16)"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "torch.uint8 of (2, 3, 16, 16)"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.float64), "torch.float64 of (2, 3, 16, 16)"),
        (torch.zeros(2, 3, 16, 16).numpy(), "ndarray"),
    ],
)
def test_an_error_of_torchs_tells_what_the_network_reads(given: Tensor, told: str) -> None:
    with pytest.raises((RuntimeError, TypeError)) as error:
        model()(given)
    last = traceback.format_exception_only(error.value)[-1]
    assert last == f"net reads torch.float32 of (N, 3, 16, 16), and is given {told}\n"


def test_an_error_that_is_not_the_images_fault_is_left_as_it_is() -> None:
    module = model()

    def broken(*_: object) -> None:
        raise RuntimeError("a hook's own")

    module.fc.register_forward_hook(broken)  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="a hook's own") as error:
        module(images())
    assert not getattr(error.value, "__notes__", [])


def test_a_path_is_no_net_and_the_message_says_how_it_becomes_one() -> None:
    for make in (netspec.torch_module, netspec.summary, netspec.compile):
        with pytest.raises(TypeError, match=r"netspec\.load\('alexnet\.net'\)"):
            make("alexnet.net")  # type: ignore[operator]


def test_the_inputs_shape_is_any_sequence_of_numbers() -> None:
    assert netspec.loads("[i] input 3x8x8\n[c] conv filters=2 kernel=3", input=(1, 9, 10))["c"].output == (2, 7, 8)
    assert netspec.loads("[i] input 3\n[f] fc outputs=2", input=[7]).total.weights == 14
    assert netspec.loads("[i] input 3\n[f] fc outputs=2", input=np.array([7])).total.weights == 14  # type: ignore[arg-type]
    for wrong in ((3, 8), (3, 8, 0), "3x8x8", (), 224, (3, 8.0, 8.0)):
        with pytest.raises(ValueError, match="is no shape"):
            netspec.loads("[i] input 3x8x8\n[r] relu", input=wrong)  # type: ignore[arg-type]


def test_a_net_says_what_it_is_and_which_layer_was_meant() -> None:
    net = netspec.loads("net tiny\n[image] input 3x8x8\n[conv1] conv filters=2 kernel=3\n")
    assert repr(net) == "<Net tiny: 2 layers, 56 parameters, 1,944 connections>"  # 2 * (27 + 1), 54 * 6 * 6
    with pytest.raises(KeyError, match="tiny has no layer 'conv_1'; did you mean 'conv1'"):
        net["conv_1"]
