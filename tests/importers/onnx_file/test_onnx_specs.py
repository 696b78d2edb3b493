"""Specs written as ONNX files and read again: the same network, as far as ONNX can say it."""

from __future__ import annotations

from pathlib import Path

import classics
import pytest
from classics import DISTINCT
from places import ROOT

from netspec import backend
from netspec.diff import compare
from netspec.net import Net, load, loads

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import assert_same, imported, numbers, refused

SPECS = sorted((ROOT / "specs").glob("*.net"))

OTHER_WEIGHTS = {
    "lenet-5": "ONNX has no connection tables: where c3's has no connection, the file has zeros, which are weights",
}
"""Specs that are not the same network after a round trip, and why."""

TABLED = ("lecun-1989", "lenet-1")
"""Classics of which the same is true."""

LARGE = ("deeplab-v3", "googlenet", "resnext-50")
"""Classics of many layers, of which others have the same."""

SMALL = ("cifar-quick", "digits", "four-layers-relu", "lenet", "lenet-5")


def written(net: Net) -> bytes:
    """The net as an ONNX file, with the initial values of a seed."""
    onnx_file = backend.load("onnx_file")
    values = onnx_file.initial_values(net.graph, 0)
    model = onnx_file.model(net.graph, values, spec=net.source.text)
    result: bytes = model.SerializeToString()
    return result


def narrow(path: Path) -> Net:
    """The net of a spec. The large fully connected layers of a large one are narrower, which changes nothing else."""
    net = load(path)
    wide = [name for name in ("fc6", "fc7") if name in net.layers and net[name].units > 1000]
    return load(path, changes=[f"{name}.outputs=16" for name in wide])


@pytest.mark.many
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_specs_come_back_as_the_same_network(path: Path) -> None:
    net = narrow(path)
    result = imported(written(net))
    difference = compare(net, result.net)
    assert difference.function == ("other" if path.stem in OTHER_WEIGHTS else "same"), path.stem
    assert (difference.misfits == ()) == (path.stem not in OTHER_WEIGHTS)
    assert {d.effect for d in difference.each()} <= {"nothing", "training", "testing", "placement", *_other(path)}


@pytest.mark.many
@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.slow] * (p.stem in LARGE)) for p in DISTINCT if p.stem not in TABLED],
    ids=lambda path: path.stem,
)
def test_narrow_classics_come_back_as_the_same_network(path: Path) -> None:
    net = classics.narrow(path.stem)
    difference = compare(net, imported(written(net)).net)
    assert (difference.function, difference.misfits) == ("same", ())
    assert {d.effect for d in difference.each()} <= {"nothing"}


def _other(path: Path) -> tuple[str, ...]:
    return ("function",) if path.stem in OTHER_WEIGHTS else ()


@pytest.mark.parametrize("name", SMALL)
def test_imported_specs_compute_what_the_files_compute(name: str) -> None:
    net = load(ROOT / "specs" / f"{name}.net")
    assert_same(written(net), numbers(2, *net.graph.input.output))


@pytest.mark.ci
@pytest.mark.parametrize("name", ["alexnet", "alexnet-torchvision", "caffenet"])
def test_large_imported_specs_compute_what_the_files_compute(name: str) -> None:
    net = narrow(ROOT / "specs" / f"{name}.net")
    assert_same(written(net), numbers(1, *net.graph.input.output))


def test_numbers_of_alexnet_are_the_papers() -> None:
    net = load(ROOT / "specs" / "alexnet-tiny.net")
    again = imported(written(net)).net
    assert (again.total.parameters, again.total.connections) == (net.total.parameters, net.total.connections)
    assert [layer.groups for n in again.layers.values() for layer in n.windows if layer.groups > 1] == [2, 2, 2]
    assert again["fc8"].output == net["fc8"].output


def test_biases_of_each_unit_of_a_sum_of_convolutions_come_back() -> None:
    text = "[i] input 3x4x5\n[a] conv filters=2 kernel=3 pad=1\n[b] conv filters=2 kernel=1 inputs=i,a bias_per=unit"
    result = assert_same(written(loads(text)), numbers(2, 3, 4, 5))
    assert [layer.type for layer in result.net.graph.layers.values()] == ["input", "conv", "conv", "conv", "sum"]


def test_products_with_a_number_come_back() -> None:
    text = "[i] input 3x4x5\n[n] fc outputs=1\n[p] product inputs=i,n\n[f] fc outputs=6\n[q] product inputs=n,f\n"
    result = assert_same(written(loads(text)), numbers(2, 3, 4, 5))
    assert [layer.type for layer in result.net.graph.layers.values()] == ["input", "fc", "product", "fc", "product"]


def test_product_in_groups_of_a_map_comes_back() -> None:
    """The file has a convolution of one pixel, whose channels are the numbers of the map in order."""
    text = "gpus 2\n[i] input 3x4x5\n[c] conv filters=4 kernel=2\n[f] fc outputs=6\n"
    result = assert_same(written(loads(text)), numbers(2, 3, 4, 5))
    assert [layer.type for layer in result.net.graph.layers.values()][2:4] == ["reshape", "conv"]


def test_bins_that_differ_in_size_come_back() -> None:
    """The file has two matrices, with the shares of rows and of columns."""
    text = "[i] input 3x4x5\n[a] binpool bins=3\n[b] binpool bins=7x2\n"
    result = assert_same(written(loads(text)), numbers(2, 3, 4, 5))
    assert [layer.type for layer in result.net.graph.layers.values()] == ["input", "binpool", "binpool"]
    blurred = written(loads("[i] input 3x4x5\n[a] resize step=2\n"))
    assert "it would mix the images or the pixels" in refused(blurred).notes[0]
