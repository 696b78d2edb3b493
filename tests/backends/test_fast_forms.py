"""The forms of the optimising passes against the reference, and against the plain module."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from cases import Case, cases
from checking import valid_net
from comparing import assert_near, load_weights, random_images, random_labels, random_weights, statistics

from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.fast import NAMES, forms_of
from netspec.passes.phases import phases
from netspec.passes.torch_names import state_keys

pytestmark = pytest.mark.usefixtures("one_thread")

pytorch, reference = backend.load("pytorch"), backend.load("reference")
chain = import_module("netspec.backends.pytorch.fast.chain")

CASES = {name: build for name, build in cases().items() if forms_of(build(), NAMES[:4]).passes}

SPECS = {
    "a chain at odd sizes": "[image] input 5x9x7\n[c] conv filters=7 kernel=3 neuron=relu\n"
    "[n] lrn size=5 k=2 alpha=0.1 beta=0.75\n[p] maxpool kernel=3 stride=2\n[f] fc outputs=3\n",
    "a chain in groups with an even window": "net a rounding=up\ngpus 2\n[image] input 4x8x8\n"
    "[c] conv filters=12 kernel=2 neuron=relu\n[n] lrn size=4 k=1 alpha=0.3 beta=0.5\n"
    "[p] maxpool kernel=3 stride=2\n[f] fc outputs=4 reads=all\n",
    "a chain whose pooling needs separate padding": "net a rounding=up\n[image] input 3x8x8\n"
    "[c] conv filters=5 kernel=3 neuron=relu\n"
    "[n] lrn size=3 k=1 alpha=0.3 beta=0.6\n[p] maxpool kernel=3 stride=2 pad=2,1,1,0\n[f] fc outputs=3\n",
    "a chain without a ReLU": "[image] input 3x8x8\n[c] conv filters=5 kernel=3\n"
    "[n] lrn size=2 k=1 alpha=0.3 beta=1\n[p] maxpool kernel=2 stride=2\n[f] fc outputs=3\n",
    "a chain without a pooling": "[image] input 3x8x8\n[c] conv filters=6 kernel=3 neuron=relu\n"
    "[n] lrn size=9 k=2 alpha=0.3 beta=0.75\n[f] fc outputs=3\n",
    "a chain without ReLU and pooling": "[image] input 3x8x8\n[c] conv filters=6 kernel=3\n"
    "[n] lrn size=4 k=2 alpha=0.3 beta=0.75\n[f] fc outputs=3\n",
    "an overhanging strided convolution": "net a rounding=up\n[image] input 3x14x13\n"
    "[c] conv filters=5 kernel=5 stride=3 neuron=relu\n[f] fc outputs=3\n",
    "a padded strided convolution with unread pixels": "net a rounding=down\n[image] input 2x11x12\n"
    "[c] conv filters=4 kernel=3x4 stride=2x3 pad=1,2,2,0\n[f] fc outputs=3\n",
    "a grouped strided convolution after another": "net a rounding=up\n[image] input 4x12x12\n"
    "[c] conv filters=6 kernel=4 stride=4 groups=2 neuron=relu\n[d] conv filters=4 kernel=2 stride=2 groups=2\n"
    "[f] fc outputs=3\n",
    "a convolution of one map strided by columns": "net a rounding=up\n[image] input 1x9x8\n"
    "[c] conv filters=1 kernel=5 stride=1x2 neuron=relu\n[f] fc outputs=3\n",
    "a convolution of one map strided by rows": "net a rounding=up\n[image] input 1x9x8\n"
    "[c] conv filters=1 kernel=3 stride=2x1\n[f] fc outputs=3\n",
    "convolutions with and without ReLUs or biases": "net a rounding=up\n[image] input 4x12x12\n"
    "[c] conv filters=6 kernel=4 stride=4 groups=2 neuron=relu\n[d] conv filters=6 kernel=3 pad=1 groups=2 "
    "bias=0.1 neuron=relu\n[e] conv filters=6 kernel=1 bias=none neuron=relu\n[s] sum inputs=c,d,e neuron=relu\n"
    "[f] fc outputs=3\n",
    "biases and ReLUs after sums of convolutions": "net a rounding=up\n[image] input 3x9x9\n"
    "[c] conv filters=5 kernel=3\n[d] conv filters=4 kernel=3 bias=-0.1 inputs=image neuron=relu\n"
    "[s] conv inputs=c,d filters=6 kernel=3 bias=0.2 neuron=relu\n[t] conv inputs=d,s filters=3 kernel=3,1 "
    "bias=none neuron=relu\n[f] fc outputs=3 inputs=t,s neuron=relu\n",
    "grouped convolutions": "net a rounding=up\ngpus 2\n[image] input 4x9x9\n[c] conv filters=8 kernel=3 groups=2\n"
    "[d] conv filters=6 kernel=3 pad=1,0,0,1 neuron=relu\n[f] fc outputs=4 reads=all\n",
}  # fmt: skip


def compare(graph: Graph, count: int) -> None:
    """Compare output and gradients with the reference, with each of the three forms of grouped convolutions."""
    forms = forms_of(graph, NAMES)
    assert set(forms.passes) & set(NAMES[:4])
    weights, x, labels = random_weights(graph), random_images(graph, count), random_labels(graph, count)
    run = reference.run(graph, weights, x, labels=labels, training=True, statistics=statistics(graph))
    classes = (torch.tensor(labels),) if phases(graph).labelled else ()
    seed = np.random.default_rng(3).normal(size=run.output.shape)
    expected = reference.backward(run, {graph.output.name: seed})
    for form in ("grouped", "one per group", "dense") if forms.grouped else ("grouped",):
        model = pytorch.module(graph, 0, forms).double().train()
        load_weights(model, graph, weights)
        for module in model.modules():
            if isinstance(module, pytorch.GroupedConvolution):
                module.form, module.timed = form, {form: 0.0}
        for images in (torch.tensor(x), torch.tensor(x, requires_grad=True)):
            model.zero_grad()
            output = model(images, *classes)
            assert_near(output, run.output, "output")
            if output.requires_grad:  # not without weights, if the images need no gradient
                (output * torch.tensor(seed)).sum().backward()
        with torch.no_grad():
            assert_near(model(torch.tensor(x), *classes), run.output, "output without gradients")
        assert_near(images.grad, expected.values[graph.input.name], "gradient of the images")
        keys, parameters = state_keys(graph), dict(model.named_parameters())
        for key, parameter in graph.parameters.items():
            gradient = parameters[keys[parameter.key]].grad
            if gradient is None:  # a parameter of another loss than the output
                assert not expected.params[key].any()
                continue
            assert_near(gradient, expected.params[key], f"gradient of {key}")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS.keys())
def test_forms_equal_the_reference(text: str, count: int) -> None:
    compare(valid_net(text).graph, count)


@pytest.mark.parametrize("name", [name for name in CASES if "dropout" not in name and "alexnet" not in name])
def test_forms_of_common_cases_equal_the_reference(name: str) -> None:
    build: Case = CASES[name]
    compare(build(), 3)


def test_state_dict_equals_that_of_the_plain_module() -> None:
    graph = valid_net(SPECS["a grouped strided convolution after another"]).graph
    plain, fast = pytorch.module(graph, 1), pytorch.module(graph, 1, forms_of(graph, NAMES))
    for (name, a), (other, b) in zip(plain.state_dict().items(), fast.state_dict().items(), strict=True):
        assert name == other and torch.equal(a, b)


@pytest.mark.parametrize("channels_last", [False, True], ids=["channels first", "channels last"])
def test_bfloat16_chain_is_close_to_the_plain_module(channels_last: bool) -> None:
    graph = valid_net(SPECS["a chain at odd sizes"]).graph
    plain, fast = pytorch.module(graph, 1), pytorch.module(graph, 1, forms_of(graph, NAMES))
    x = torch.tensor(random_images(graph, 4), dtype=torch.float32)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
        plain.to(memory_format=torch.channels_last), fast.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        a, b = plain(x), fast(x)
    torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2)


def test_merged_bias_and_relu_work_in_place() -> None:
    graph = valid_net(
        "[image] input 3x8x8\n[c] conv filters=5 kernel=3 neuron=relu bias=-0.2\n[f] fc outputs=3\n"
    ).graph
    x = torch.tensor(random_images(graph, 4), dtype=torch.float32)
    plain, fast = (pytorch.module(graph, 1, forms_of(graph, names)) for names in ((), ("bias-relu",)))
    outputs: list[torch.Tensor] = []
    for convolution in (plain.c.conv, fast.c.conv.convolution):
        convolution.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    a, b = plain.c(x), fast.c(x)
    assert torch.equal(a, b)
    assert outputs[0].data_ptr() != a.data_ptr() and outputs[1].data_ptr() == b.data_ptr()


def test_grouped_convolution_chooses_the_fastest_form() -> None:
    graph = valid_net(SPECS["grouped convolutions"]).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES)).train()
    model(torch.tensor(random_images(graph, 2), dtype=torch.float32)).sum().backward()
    convolutions = [module for module in model.modules() if isinstance(module, pytorch.GroupedConvolution)]
    assert len(convolutions) == 2
    for module in convolutions:
        assert set(module.timed) == {"grouped", "one per group", "dense"}
        assert module.form == min(module.timed, key=lambda name: module.timed[name])


def test_chosen_forms_name_the_weight_of_each_input() -> None:
    text = "[image] input 4x6x6\n[a] conv filters=4 kernel=3 groups=2 pad=1\n[b] conv inputs=image,a,a groups=1,2,2 {}"
    graph = valid_net(f"{text.format('filters=4 kernel=3')}\n[f] fc outputs=3\n").graph
    for names in (NAMES, ("grouped-conv",)):
        model = pytorch.module(graph, 0, forms_of(graph, names)).train()
        model(torch.tensor(random_images(graph, 2), dtype=torch.float32)).sum().backward()
        layers = [line.partition(" is computed ")[0] for line in pytorch.chosen_forms(model)]
        assert layers == ["a", "b with b.weights.1", "b with b.weights.2"]


def test_forms_are_not_timed_outside_training() -> None:
    graph = valid_net(SPECS["grouped convolutions"]).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES)).eval()
    model(torch.tensor(random_images(graph, 2), dtype=torch.float32))
    assert not any(module.timed for module in model.modules() if isinstance(module, pytorch.GroupedConvolution))


@pytest.mark.parametrize(
    "name",
    [
        "a chain in groups with an even window",
        "a chain whose pooling needs separate padding",
        "a chain without a pooling",
        "a chain without ReLU and pooling",
    ],
)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_chain_does_not_depend_on_the_images_at_a_time(name: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = valid_net(SPECS[name]).graph
    model = pytorch.module(graph, 1, forms_of(graph, ("lrn-chain",))).double()
    images = torch.randn(count, *graph.input.output, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    results: list[list[torch.Tensor]] = []
    for numbers in (10**6, 1, 2 * 5 * 8 * 8):
        monkeypatch.setattr(chain, "AT_A_TIME", numbers)
        x = images.clone().requires_grad_()
        y = model(x)
        y.square().sum().backward()
        with torch.no_grad():
            assert torch.equal(model(images), y)
        assert x.grad is not None
        results.append([y.detach(), x.grad])
    for values, gradients in results[1:]:
        assert torch.equal(values, results[0][0]) and torch.equal(gradients, results[0][1])


def test_bfloat16_chain_takes_maxima_before_rounding() -> None:
    """The kernels, which are compared with the chain before they are used, do the same."""
    text = "[image] input 3x29x29\n[c] conv filters=16 kernel=3 neuron=relu\n[n] lrn size=5 k=2 alpha=0.1 beta=0.75\n"
    graph = valid_net(text + "[p] maxpool kernel=3 stride=2\n[f] fc outputs=2\n").graph
    module = pytorch.module(graph, 0, forms_of(graph, ("lrn-chain", "bias-relu"))).n.lrn
    maps, bias = (
        torch.randn(8, 16, 27, 27, generator=torch.Generator().manual_seed(0)).bfloat16(),
        torch.linspace(-1, 1, 16),
    )
    gradients = []
    for x in (maps, maps.double()):
        x = x.clone().requires_grad_()
        y = module(x, bias.to(x.dtype) if x.dtype == torch.float64 else bias)
        assert y.dtype == x.dtype
        (y.double() * torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape)).sum().backward()
        assert x.grad is not None
        gradients.append(x.grad.double())
    assert float((gradients[0] - gradients[1]).norm() / gradients[1].norm()) < 0.01
