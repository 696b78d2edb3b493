"""The predicted memory against PyTorch's, for single operations and whole networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from allocations import kept_bytes, peak_bytes
from building import Builder
from cases import COLOURS, IMAGES, JOINS, ROOTS, SCALED, VECTORS
from places import SPECS

import netspec
from netspec.ir import ops
from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.ir.window import Window
from netspec.plan import plan

OPERATIONS = {
    name: op for name, op in (IMAGES | SCALED | COLOURS | ROOTS | JOINS).items() if not isinstance(op, ops.Loss)
}
LOSSES = {name: op for name, op in VECTORS.items() if isinstance(op, ops.Loss)}
MAP_LOSSES = {name: op for name, op in IMAGES.items() if isinstance(op, ops.Loss)} | {
    "gatedsumsquares": ops.GatedSumSquares()
}
"""Losses that read maps instead of class scores."""

BATCH = 256
"""Enough images that what does not grow with them is less than the tolerance."""


def graph_around(op: ops.Op) -> Graph:
    """Return a network with the operation between two layers with weights; joins read one of their inputs twice."""
    builder = Builder()
    maps, columns = (3, 9) if op in (SCALED | COLOURS).values() else (4, 8)
    first = builder.add("first", ops.Conv(maps, Window((1, 1))), builder.input(2, 9, columns))
    if isinstance(op, ops.Concat | ops.Sum | ops.Max | ops.Product):
        other = builder.add("other", ops.Tanh(), first)
        builder.add("middle", op, first, other, other)
    else:
        builder.add("middle", op, first)
    builder.add("last", ops.Linear(10), "middle")
    return builder.graph()


def graph_with_loss(op: ops.Op) -> Graph:
    """Return a network of one layer with so many classes that the loss matters for its memory."""
    builder = Builder()
    builder.add("scores", ops.Linear(500), builder.input(5))
    builder.add("loss", op, "scores")
    return builder.graph()


def graph_with_map_loss(op: ops.Op) -> Graph:
    """Return a network of one convolution with a loss of its maps."""
    builder = Builder()
    image = builder.input(2, 20, 24)
    gate = [builder.add("gate", ops.Linear(1), image)] if isinstance(op, ops.GatedSumSquares) else []
    builder.add("loss", op, *gate, builder.add("maps", ops.Conv(8, Window((1, 1))), image))
    return builder.graph()


def spec(name: str, **train: Any) -> Graph:
    """Return a spec's network with other training settings."""
    graph = netspec.load(SPECS / f"{name}.net").graph
    return replace(graph, train=replace(graph.train, **train))


def test_tables_cover_every_operation() -> None:
    tested = {type(op) for op in (*OPERATIONS.values(), *LOSSES.values(), *MAP_LOSSES.values())}
    assert tested == set(ops.VOCABULARY) - {ops.Input}


def graph_with_gates(factors: list[str]) -> Graph:
    """Return a network with a product of maps, of one unit for each map, of one map, and of a vector, in an order.

    ``image`` and ``light``, the means of its maps, have no gradient.
    """
    builder = Builder()
    builder.add("light", ops.AvgPool(Window((20, 24))), builder.input(8, 20, 24))
    builder.add("maps", ops.Conv(8, Window((1, 1))), "image")
    builder.add("means", ops.AvgPool(Window((20, 24))), "maps")
    builder.add("mask", ops.ChannelMean(), "maps")
    builder.add("vector", ops.Linear(8), "means")
    builder.add("number", ops.Linear(1), "means")
    builder.add("middle", ops.Product(), *factors)
    builder.add("last", ops.Linear(10), "middle")
    return builder.graph()


@pytest.mark.parametrize(
    "factors",
    [
        ["maps", "vector"],
        ["means", "maps"],
        ["vector", "means", "maps"],
        ["maps", "maps"],
        ["light", "maps"],
        ["maps", "vector", "light"],
        ["maps", "mask"],
        ["mask", "maps", "means"],
        ["light", "light", "maps", "image"],
        ["maps", "number"],
        ["number", "vector", "maps"],
    ],
)
def test_memory_of_a_product_with_one_unit_for_each_map(factors: list[str]) -> None:
    graph = graph_with_gates(factors)
    planned = plan(graph, 1, "batch", batch=32).devices[0].memory
    assert planned.activations == pytest.approx(kept_bytes(graph, 32), rel=0.01)
    assert planned.peak.total == pytest.approx(peak_bytes(graph, 32), rel=0.1)


@pytest.mark.parametrize(
    "factors",
    [
        ["maps", "image"],
        ["maps", "maps", "image"],
        ["maps", "image", "maps"],
        ["maps", "light", "vector"],
        ["means", "vector", "maps", "image"],
    ],
)
def test_memory_of_a_product_of_bfloat16_and_float32_factors(factors: list[str]) -> None:
    graph = graph_with_gates(factors)
    graph = replace(graph, train=replace(graph.train, precision="bf16"))
    planned = plan(graph, 1, "batch", batch=32).devices[0].memory
    assert planned.peak.total == pytest.approx(peak_bytes(graph, 32, "cpu"), rel=0.01)


@pytest.mark.parametrize(
    "name",
    [
        *("layernorm", "layernorm-in-groups", "groupnorm", "dropout-of-images"),
        *("upsample", "upsample-bilinear", "interpolate-down"),
    ],
)
def test_memory_of_an_operation_on_bfloat16(name: str) -> None:
    graph = graph_around(OPERATIONS[name])
    graph = replace(graph, train=replace(graph.train, precision="bf16"))
    planned = plan(graph, 1, "batch", batch=BATCH, precision="bf16").devices[0].memory
    assert planned.activations + planned.casts == pytest.approx(kept_bytes(graph, BATCH), rel=0.01)
    assert planned.peak.total == pytest.approx(peak_bytes(graph, BATCH, "cpu"), rel=0.02)


DENSE = """\
[image] input 3x32x32
[in] conv filters=16 kernel=3 pad=1 neuron=relu
[down] maxpool kernel=2 stride=2
[deep] conv filters=32 kernel=3 pad=1 neuron=relu
[up] deconv filters=16 kernel=2 stride=2
[both] concat inputs=up,in
[scores] conv filters={classes} kernel=1
"""


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("classes", [4, 21])
def test_memory_of_the_loss_of_pixels(classes: int, precision: Precision) -> None:
    """The class of each pixel is kept as an index of 8 bytes, beside 4 bytes for each score."""
    graph = netspec.loads(DENSE.format(classes=classes)).graph
    graph = replace(graph, train=replace(graph.train, precision=precision))
    planned = plan(graph, 1, "batch", batch=8, precision=precision).devices[0].memory
    assert planned.activations + planned.casts == pytest.approx(kept_bytes(graph, 8), rel=1e-5)
    peak = peak_bytes(graph, 8, *(["cpu"] if precision == "bf16" else []))
    assert planned.peak.total == pytest.approx(peak, rel=0.01)


@pytest.mark.many
@pytest.mark.parametrize("name", OPERATIONS)
def test_memory_around_an_operation(name: str) -> None:
    graph = graph_around(OPERATIONS[name])
    planned = plan(graph, 1, "batch", batch=BATCH).devices[0].memory
    assert planned.activations == pytest.approx(kept_bytes(graph, BATCH), rel=0.015)
    # The meta device composes mish's gradient of many operations; on others, it is one.
    device = "cpu" if name == "mish" else "meta"
    assert planned.peak.total == pytest.approx(peak_bytes(graph, BATCH, device), rel=0.1)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        (name, precision)
        for precision in ("fp32", "bf16")
        for name in LOSSES | MAP_LOSSES
        if precision == "fp32" or not name.startswith("set")
    ],
)
def test_memory_of_a_loss(name: str, precision: Precision) -> None:
    graph = graph_with_loss(LOSSES[name]) if name in LOSSES else graph_with_map_loss(MAP_LOSSES[name])
    graph = replace(graph, train=replace(graph.train, precision=precision))
    planned = plan(graph, 1, "batch", batch=128, precision=precision).devices[0].memory
    assert planned.activations == pytest.approx(kept_bytes(graph, 128), rel=0.01)
    assert planned.peak.total == pytest.approx(peak_bytes(graph, 128, "cpu"), rel=0.03)


@pytest.mark.parametrize(
    "layers",
    [
        "[l1] local filters=10 kernel=3",
        "[l1] local filters=10 kernel=3 neuron=relu",
        "[l1] local filters=10 kernel=3\n[n] groupnorm groups=2",
        "[l1] local filters=10 kernel=3\n[n] layernorm",
    ],
)
def test_kept_memory_of_values_in_channels_last_order(layers: str) -> None:
    """A fully connected layer and a group normalisation read a copy of them with channels first."""
    text = f"[image] input 2x25x37\n{layers}\n[l2] logistic\n[l3] dropout rate=0.5\n[top] fc outputs=4\n"
    graph = netspec.loads(text).graph
    planned = plan(graph, 1, "batch", batch=16).devices[0].memory
    assert planned.activations == pytest.approx(kept_bytes(graph, 16), rel=0.01)


@pytest.mark.parametrize("layer", ["sumpool kernel=3", "maxabspool kernel=3", "blur size=3 stdev=1", "resize step=2"])
def test_peak_memory_of_layers_before_the_first_weights(layer: str) -> None:
    """The values that autograd would otherwise keep are computed here as well, and then freed."""
    text = f"net n rounding=down\n[image] input 3x48x48\n[first] {layer}\n[top] fc outputs=4\n"
    graph = netspec.loads(text).graph
    planned = plan(graph, 1, "batch", batch=16).devices[0].memory
    assert planned.peak.total == pytest.approx(peak_bytes(graph, 16), rel=0.12)


@pytest.mark.ci
@pytest.mark.parametrize("name", ["alexnet", "alexnet-2012", "caffenet", "alexnet-tanh"])
def test_peak_memory_of_a_step_with_128_images(name: str) -> None:
    graph = spec(name)
    planned = plan(graph, 1, "batch", batch=128).devices[0].memory
    assert planned.peak.total == pytest.approx(peak_bytes(graph, 128), rel=0.02)


@pytest.mark.many
@pytest.mark.parametrize(("name", "precision"), [("alexnet", "fp32"), ("alexnet", "bf16"), ("cifar-quick", "bf16")])
def test_kept_memory_of_a_network(name: str, precision: Precision) -> None:
    graph = spec(name, precision=precision)
    planned = plan(graph, 1, "batch", batch=2, precision=precision).devices[0].memory
    assert planned.activations + planned.casts == pytest.approx(kept_bytes(graph, 2), rel=0.01)


@pytest.mark.ci
def test_peak_memory_under_autocast() -> None:
    graph = spec("alexnet-tiny", precision="bf16")
    planned = plan(graph, 1, "batch", batch=8).devices[0].memory
    assert planned.peak.total == pytest.approx(peak_bytes(graph, 8, "cpu"), rel=0.02)


@pytest.mark.ci
def test_peak_memory_of_an_accumulated_batch() -> None:
    graph = spec("alexnet-tiny", accumulate=4)
    planned = plan(graph, 1, "batch", batch=32).devices[0].memory
    assert planned.waiting > 0.1 * planned.peak.total
    assert planned.peak.total == pytest.approx(peak_bytes(graph, 32, "cpu"), rel=0.02)


def test_memory_of_a_small_network_by_hand() -> None:
    """A 1x1 convolution of 2x9x8 to 4 maps, a ReLU, a fully connected layer with 10 outputs; 32 images."""
    memory = plan(graph_around(ops.Relu()), 1, "batch", batch=32).devices[0].memory
    images, relu, scores = 32 * 2 * 9 * 8 * 4, 32 * 4 * 9 * 8 * 4, 32 * 10 * 4
    assert memory.images == images
    assert memory.kept == {"middle": relu, "loss": scores}
    parameters = 4 * 2 + 4 + 4 * 9 * 8 * 10 + 10
    assert (memory.standing.weights, memory.standing.optimiser) == (parameters * 4, parameters * 4)
