"""The forms of the optimising passes against the reference and against the plain module, in float64 and in bfloat16."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from cases import Case, cases
from checking import good
from comparing import assert_near, load_weights, random_images, random_labels, random_weights, statistics

from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.fast import NAMES, forms_of
from netspec.passes.phases import phases
from netspec.passes.torch_names import attributes, state_key

pytestmark = pytest.mark.usefixtures("one_thread")

pytorch, reference = backend.load("pytorch"), backend.load("reference")
chain = import_module("netspec.backends.pytorch.fast.chain")

CASES = {name: build for name, build in cases().items() if forms_of(build(), NAMES[:4]).passes}

TEXTS = {
    "a chain at odd sizes": "[image] input 5x9x7\n[c] conv filters=7 kernel=3 neuron=relu\n"
    "[n] lrn size=5 k=2 alpha=0.1 beta=0.75\n[p] maxpool kernel=3 stride=2\n[f] fc outputs=3\n",
    "a chain in groups with an even window": "net a rounding=up\ngpus 2\n[image] input 4x8x8\n"
    "[c] conv filters=12 kernel=2 neuron=relu\n[n] lrn size=4 k=1 alpha=0.3 beta=0.5\n"
    "[p] maxpool kernel=3 stride=2\n[f] fc outputs=4 reads=all\n",
    "a chain with padding of its own": "net a rounding=up\n[image] input 3x8x8\n"
    "[c] conv filters=5 kernel=3 neuron=relu\n"
    "[n] lrn size=3 k=1 alpha=0.3 beta=0.6\n[p] maxpool kernel=3 stride=2 pad=2,1,1,0\n[f] fc outputs=3\n",
    "a chain without a ReLU": "[image] input 3x8x8\n[c] conv filters=5 kernel=3\n"
    "[n] lrn size=2 k=1 alpha=0.3 beta=1\n[p] maxpool kernel=2 stride=2\n[f] fc outputs=3\n",
    "a chain without a pooling": "[image] input 3x8x8\n[c] conv filters=6 kernel=3 neuron=relu\n"
    "[n] lrn size=9 k=2 alpha=0.3 beta=0.75\n[f] fc outputs=3\n",
    "a chain of a normalisation alone": "[image] input 3x8x8\n[c] conv filters=6 kernel=3\n"
    "[n] lrn size=4 k=2 alpha=0.3 beta=0.75\n[f] fc outputs=3\n",
    "a strided convolution that overhangs": "net a rounding=up\n[image] input 3x14x13\n"
    "[c] conv filters=5 kernel=5 stride=3 neuron=relu\n[f] fc outputs=3\n",
    "one that is padded and does not reach the end": "net a rounding=down\n[image] input 2x11x12\n"
    "[c] conv filters=4 kernel=3x4 stride=2x3 pad=1,2,2,0\n[f] fc outputs=3\n",
    "one in groups over blocks of another": "net a rounding=up\n[image] input 4x12x12\n"
    "[c] conv filters=6 kernel=4 stride=4 groups=2 neuron=relu\n[d] conv filters=4 kernel=2 stride=2 groups=2\n"
    "[f] fc outputs=3\n",
    "one of one map over blocks of one row": "net a rounding=up\n[image] input 1x9x8\n"
    "[c] conv filters=1 kernel=5 stride=1x2 neuron=relu\n[f] fc outputs=3\n",
    "one of one map over blocks of one column": "net a rounding=up\n[image] input 1x9x8\n"
    "[c] conv filters=1 kernel=3 stride=2x1\n[f] fc outputs=3\n",
    "convolutions with ReLUs of their own and of others": "net a rounding=up\n[image] input 4x12x12\n"
    "[c] conv filters=6 kernel=4 stride=4 groups=2 neuron=relu\n[d] conv filters=6 kernel=3 pad=1 groups=2 "
    "bias=0.1 neuron=relu\n[e] conv filters=6 kernel=1 bias=none neuron=relu\n[s] sum inputs=c,d,e neuron=relu\n"
    "[f] fc outputs=3\n",
    "biases of several convolutions with ReLUs": "net a rounding=up\n[image] input 3x9x9\n"
    "[c] conv filters=5 kernel=3\n[d] conv filters=4 kernel=3 bias=-0.1 inputs=image neuron=relu\n"
    "[s] conv inputs=c,d filters=6 kernel=3 bias=0.2 neuron=relu\n[t] conv inputs=d,s filters=3 kernel=3,1 "
    "bias=none neuron=relu\n[f] fc outputs=3 inputs=t,s neuron=relu\n",
    "convolutions in groups": "net a rounding=up\ngpus 2\n[image] input 4x9x9\n[c] conv filters=8 kernel=3 groups=2\n"
    "[d] conv filters=6 kernel=3 pad=1,0,0,1 neuron=relu\n[f] fc outputs=4 reads=all\n",
}  # fmt: skip


def compare(graph: Graph, images: int) -> None:
    """Output and gradients in every form that there is, against the reference."""
    forms = forms_of(graph, NAMES)
    assert set(forms.passes) & set(NAMES[:4])
    weights, x, labels = random_weights(graph), random_images(graph, images), random_labels(graph, images)
    run = reference.run(graph, weights, x, labels=labels, training=True, statistics=statistics(graph))
    classes = (torch.tensor(labels),) if phases(graph).labelled else ()
    seed = np.random.default_rng(3).normal(size=run.output.shape)
    wanted = reference.backward(run, {graph.output.name: seed})
    for way in ("grouped", "one per group", "dense") if forms.grouped else ("grouped",):
        model = pytorch.module(graph, 0, forms).double().train()
        load_weights(model, graph, weights)
        for module in model.modules():
            if isinstance(module, pytorch.GroupedConvolution):
                module.form, module.timed = way, {way: 0.0}
        for given in (torch.tensor(x), torch.tensor(x, requires_grad=True)):
            model.zero_grad()
            found = model(given, *classes)
            assert_near(found, run.output, "output")
            if found.requires_grad:  # as it does of images, or of weights where there are any
                (found * torch.tensor(seed)).sum().backward()
        with torch.no_grad():
            assert_near(model(torch.tensor(x), *classes), run.output, "output without gradients")
        assert given.grad is not None
        assert_near(given.grad, wanted.values[graph.input.name], "gradient of the images")
        names, parameters = attributes(graph), dict(model.named_parameters())
        for key, parameter in graph.parameters.items():
            gradient = parameters[state_key(parameter, names)].grad
            if gradient is None:  # another loss than the output's
                assert not wanted.params[key].any()
                continue
            assert_near(gradient, wanted.params[key], f"gradient of {key}")


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_forms_compute_what_the_reference_computes(text: str, images: int) -> None:
    compare(good(text).graph, images)


@pytest.mark.parametrize("name", [name for name in CASES if "dropout" not in name and "alexnet" not in name])
def test_forms_of_the_usual_cases(name: str) -> None:
    build: Case = CASES[name]
    compare(build(), 3)


def test_the_state_dict_is_that_of_the_plain_module() -> None:
    graph = good(TEXTS["one in groups over blocks of another"]).graph
    plain, fast = pytorch.module(graph, 1), pytorch.module(graph, 1, forms_of(graph, NAMES))
    for (name, a), (other, b) in zip(plain.state_dict().items(), fast.state_dict().items(), strict=True):
        assert name == other and torch.equal(a, b)


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
def test_in_bfloat16_a_chain_is_the_plain_one_rounded(last: bool) -> None:
    graph = good(TEXTS["a chain at odd sizes"]).graph
    plain, fast = pytorch.module(graph, 1), pytorch.module(graph, 1, forms_of(graph, NAMES))
    x = torch.tensor(random_images(graph, 4), dtype=torch.float32)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
        plain.to(memory_format=torch.channels_last), fast.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        a, b = plain(x), fast(x)
    torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2)


def test_a_rectified_convolution_leaves_one_map_where_the_plain_one_leaves_two() -> None:
    graph = good("[image] input 3x8x8\n[c] conv filters=5 kernel=3 neuron=relu bias=-0.2\n[f] fc outputs=3\n").graph
    x = torch.tensor(random_images(graph, 4), dtype=torch.float32)
    plain, fast = (pytorch.module(graph, 1, forms_of(graph, names)) for names in ((), ("bias-relu",)))
    made: list[torch.Tensor] = []
    for convolution in (plain.c.conv, fast.c.conv.convolution):
        convolution.register_forward_hook(lambda module, given, value: made.append(value))
    a, b = plain.c(x), fast.c(x)
    assert torch.equal(a, b)
    assert made[0].data_ptr() != a.data_ptr() and made[1].data_ptr() == b.data_ptr()


def test_a_convolution_in_groups_takes_the_form_that_was_fastest() -> None:
    graph = good(TEXTS["convolutions in groups"]).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES)).train()
    model(torch.tensor(random_images(graph, 2), dtype=torch.float32)).sum().backward()
    found = [module for module in model.modules() if isinstance(module, pytorch.GroupedConvolution)]
    assert len(found) == 2
    for module in found:
        assert set(module.timed) == {"grouped", "one per group", "dense"}
        assert module.form == min(module.timed, key=lambda name: module.timed[name])


def test_of_a_layer_with_several_inputs_each_form_is_told_with_its_weight() -> None:
    text = "[image] input 4x6x6\n[a] conv filters=4 kernel=3 groups=2 pad=1\n[b] conv inputs=image,a,a groups=1,2,2 {}"
    graph = good(f"{text.format('filters=4 kernel=3')}\n[f] fc outputs=3\n").graph
    for names in (NAMES, ("grouped-conv",)):
        model = pytorch.module(graph, 0, forms_of(graph, names)).train()
        model(torch.tensor(random_images(graph, 2), dtype=torch.float32)).sum().backward()
        told = [line.partition(" is computed ")[0] for line in pytorch.chosen_forms(model)]
        assert told == ["a", "b with b.weights.1", "b with b.weights.2"]


def test_nothing_is_timed_outside_training() -> None:
    graph = good(TEXTS["convolutions in groups"]).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES)).eval()
    model(torch.tensor(random_images(graph, 2), dtype=torch.float32))
    assert not any(module.timed for module in model.modules() if isinstance(module, pytorch.GroupedConvolution))


@pytest.mark.parametrize("name", ["a chain in groups with an even window", "a chain with padding of its own",
                                  "a chain without a pooling", "a chain of a normalisation alone"])  # fmt: skip
@pytest.mark.parametrize("images", [0, 1, 5])
def test_a_chain_is_the_same_however_few_images_go_through_it_at_a_time(
    name: str, images: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = good(TEXTS[name]).graph
    model = pytorch.module(graph, 1, forms_of(graph, ("lrn-chain",))).double()
    x = torch.randn(images, *graph.input.output, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found: list[list[torch.Tensor]] = []
    for numbers in (10**6, 1, 2 * 5 * 8 * 8):
        monkeypatch.setattr(chain, "AT_A_TIME", numbers)
        given = x.clone().requires_grad_()
        y = model(given)
        y.square().sum().backward()
        with torch.no_grad():
            assert torch.equal(model(x), y)
        assert given.grad is not None
        found.append([y.detach(), given.grad])
    for values, gradients in found[1:]:
        assert torch.equal(values, found[0][0]) and torch.equal(gradients, found[0][1])


def test_a_chain_in_bfloat16_takes_the_largest_pixels_of_sums_that_are_not_rounded() -> None:
    """As its kernels do, beside which it is put before they are used."""
    text = "[image] input 3x29x29\n[c] conv filters=16 kernel=3 neuron=relu\n[n] lrn size=5 k=2 alpha=0.1 beta=0.75\n"
    graph = good(text + "[p] maxpool kernel=3 stride=2\n[f] fc outputs=2\n").graph
    module = pytorch.module(graph, 0, forms_of(graph, ("lrn-chain", "bias-relu"))).n.lrn
    maps, bias = (
        torch.randn(8, 16, 27, 27, generator=torch.Generator().manual_seed(0)).bfloat16(),
        torch.linspace(-1, 1, 16),
    )
    gradients = []
    for x in (maps, maps.double()):
        given = x.clone().requires_grad_()
        y = module(given, bias.to(x.dtype) if x.dtype == torch.float64 else bias)
        assert y.dtype == x.dtype
        (y.double() * torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape)).sum().backward()
        assert given.grad is not None
        gradients.append(given.grad.double())
    assert float((gradients[0] - gradients[1]).norm() / gradients[1].norm()) < 0.01
