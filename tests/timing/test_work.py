"""The work of each layer in a training step, against arithmetic by hand."""

from __future__ import annotations

from places import SPECS

import netspec
from netspec.timing.work import Work, update_bytes, work

GRAPH = netspec.load(SPECS / "alexnet.net").graph


def test_first_convolution_computes_no_gradient_of_images() -> None:
    conv1 = work(GRAPH, 1, "fp32")["conv1"]
    # 105,415,200 connections (forward, and the kernels' gradient), 290,400 additions of biases and as many ReLUs.
    assert conv1.forward.products == conv1.backward.products == 2 * 105_415_200
    assert conv1.forward.flops == conv1.backward.flops == 2 * 105_415_200 + 2 * 290_400
    # Images of 150,528 numbers, 34,944 parameters, 290,400 outputs; the images have no gradient.
    assert conv1.forward.bytes == 4 * (150_528 + 34_944 + 290_400)
    assert conv1.backward.bytes == 4 * (290_400 + 150_528 + 2 * 34_944)


def test_later_convolutions_have_two_products_in_the_backward_pass() -> None:
    conv4 = work(GRAPH, 8, "bf16")["conv4"]
    assert conv4.backward.products == 2 * conv4.forward.products == 8 * 4 * 112_140_288
    # Input and output have 64,896 numbers of 2 bytes each; 663,936 parameters have 4 bytes.
    assert conv4.forward.bytes == 8 * 2 * 2 * 64_896 + 4 * 663_936
    assert conv4.backward.bytes == 8 * 2 * 3 * 64_896 + 2 * 4 * 663_936


def test_pooling_has_no_products() -> None:
    pool = work(GRAPH, 1, "fp32")["pool1"]
    assert pool.forward == Work(8 * 69_984, 0, 4 * (290_400 + 69_984))
    assert pool.backward == Work(8 * 69_984, 0, 4 * (69_984 + 2 * 290_400))


def test_forward_flops_equal_those_of_the_summary() -> None:
    total = sum(layer.forward.flops for layer in work(GRAPH, 3, "fp32").values())
    assert total == 3 * netspec.load(SPECS / "alexnet.net").total.flops


def test_update_reads_three_numbers_per_parameter_and_writes_two() -> None:
    assert update_bytes(GRAPH) == 5 * 4 * 60_965_224


def test_update_of_adam_reads_four_numbers_per_parameter_and_writes_three() -> None:
    adam = netspec.load(SPECS / "alexnet.net", set=["train.optimizer=adamw"]).graph
    assert update_bytes(adam) == 7 * 4 * 60_965_224
    rmsprop = netspec.load(SPECS / "alexnet.net", set=["train.optimizer=rmsprop(momentum=0.9, centered=yes)"]).graph
    assert update_bytes(rmsprop) == 9 * 4 * 60_965_224
    limited = netspec.load(SPECS / "alexnet.net", set=["train.clip_gradients=norm(2)"]).graph
    assert update_bytes(limited) == 6 * 4 * 60_965_224
    normalised = netspec.loads("[i] input 5\n[f] fc outputs=2 super_eps=1").graph
    assert update_bytes(normalised) == 4 * (9 * 10 + 5 * 2)


def test_floor_is_the_slower_of_products_and_memory() -> None:
    assert Work(0, 100, 10).floor(matrix_rate=50, bandwidth=10) == 2
    assert Work(0, 100, 40).floor(matrix_rate=50, bandwidth=10) == 4


def test_layers_before_the_first_weights_have_no_backward_pass() -> None:
    net = netspec.loads("[image] input 3x8x8\n[pool] maxpool kernel=2 stride=2\n[fc] fc outputs=2")
    layers = work(net.graph, 1, "fp32")
    assert layers["pool"].backward == Work(0, 0, 0)
    assert layers["fc"].backward.products == 2 * 48 * 2
