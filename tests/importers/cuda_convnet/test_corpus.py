"""Real files of 2012 and version 2, against the results of the original parsers.

The files are in the folder that NETSPEC_CORPUS names; without it, these tests are skipped.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from corpusfiles import CORPUS, FILES, PAIRS, probes, shape, source

from netspec.check import check
from netspec.diagnostics import SpecError
from netspec.importers.cuda_convnet import Dialect, translate
from netspec.ir.shape import Shape
from netspec.net import ImportOptions, Net, import_layer_file, load_source, loads
from netspec.source import Source

pytestmark = pytest.mark.skipif(CORPUS is None, reason="NETSPEC_CORPUS names no folder with real layer files")


UNKNOWN_TREE = "treefc"
"""A layer type whose weights depend on a tree that is not in the file."""


@cache
def load_once(name: str, *dims: int) -> Net:
    """Load a layer file, once for all tests."""
    return load_source(source(name), Shape(*dims))


def gpus(layer: dict[str, Any]) -> tuple[int, ...]:
    """The GPUs of a layer; empty for data layers and files without ``gpu=``."""
    numbers = layer["gpu"] if isinstance(layer["gpu"], list) else [layer["gpu"]]
    return tuple(gpu for gpu in numbers if gpu >= 0)


@pytest.mark.many
@pytest.mark.parametrize("file", FILES, ids=lambda file: file["file"])
def test_layer_definitions_match_the_original_parser(file: dict[str, Any]) -> None:
    translation = translate(source(file["file"]), shape=shape(file))
    assert translation.definition.dialect == file["version"]
    layers = translation.definition.layers
    for layer in file["layers"]:
        if layer.get("src_layer"):
            continue  # a neuron that the original split off
        own = layers[layer["name"]]
        maps = [own.image.channels, own.image.side, own.image.side] if own.image else None
        assert (own.type, own.gpu, own.biases) == (layer["type"], gpus(layer), layer["biases"]), layer["name"]
        assert own.outputs in (layer["outputs"], -1), layer["name"]
        assert layer["type"] == "data" or maps == layer["shape"], layer["name"]
        assert layer["type"] == UNKNOWN_TREE or [list(w) for w in own.weights] == layer["weights"], layer["name"]


@pytest.mark.many
@pytest.mark.parametrize("file", FILES, ids=lambda file: file["file"])
def test_network_matches_the_original_parser(file: dict[str, Any]) -> None:
    net = load_once(file["file"], *file["data"])
    golden_layers = {layer["name"]: layer for layer in file["layers"]}
    for name, own in net.layers.items():
        layer = golden_layers[name]
        own_gpus = own.placement.replicas or (() if own.placement.gpu is None else (own.placement.gpu,))
        if layer["type"].startswith("cost."):
            continue
        assert list(own.output) == (layer["shape"] or [layer["outputs"]]), name
        assert (own_gpus, own.biases) == (gpus(layer), layer["biases"]), name
        if layer["type"] != UNKNOWN_TREE:
            assert own.weights == sum(rows * columns for rows, columns in layer["weights"]), name
    missing = [golden_layers[name]["type"] for name in golden_layers.keys() - net.layers.keys()]
    assert set(missing) <= {"neuron", "data", "cost.logreg"}
    if UNKNOWN_TREE not in {layer["type"] for layer in file["layers"]}:
        assert net.total.parameters == file["total_params"]


@pytest.mark.many
@pytest.mark.parametrize("file", FILES, ids=lambda file: file["file"])
def test_data_shape_is_guessed(file: dict[str, Any]) -> None:
    assert load_source(source(file["file"])).graph.input.output == shape(file)


def totals(net: Net) -> tuple[int, int, int]:
    return net.total.weights, net.total.biases, net.total.connections


@pytest.mark.many
@pytest.mark.parametrize("file", FILES, ids=lambda file: file["file"])
def test_imported_spec_has_the_same_totals(file: dict[str, Any]) -> None:
    imported = import_layer_file(source(file["file"]), shape(file))
    reloaded = loads(imported.source.text)
    assert totals(reloaded) == totals(load_once(file["file"], *file["data"]))
    last = tuple(reloaded.layers.values())[-1]
    assert last.output == (file["classes"],) or last.output == (1,)


@pytest.mark.many
@pytest.mark.parametrize(("file", "pair"), PAIRS, ids=lambda case: case.get("params", case.get("file")))
def test_parameter_files_match_the_original_parser(file: dict[str, Any], pair: dict[str, Any]) -> None:
    layers, params = source(file["file"]), source(pair["params"])
    if not (pair["accepted_by_original"] or pair.get("ok_after_naming_schedules")):
        with pytest.raises(SpecError):
            translate(layers, params=params, shape=shape(file))
        return
    translation = translate(layers, params=params, shape=shape(file))
    if not pair["accepted_by_original"]:
        return
    graph = check(translation.source).graph
    assert graph is not None
    layer_params = pair["layer_params"]
    for key, parameter in graph.parameters.items():
        theirs, _, number = layer_params[parameter.layer], key, key.rpartition(".")[2]
        index = int(number) if number.isdigit() else 0
        weight = parameter.role == "weight"
        rate = theirs["epsW"][index] if weight else theirs["epsB"]
        base = rate["params"]["base"] if isinstance(rate, dict) else rate
        assert math.isclose(parameter.lr, base), key
        assert math.isclose(parameter.momentum, theirs["momW"][index] if weight else theirs["momB"]), key
        assert math.isclose(parameter.decay, theirs["wc"][index] if weight else 0.0), key


POSITIONAL = "schedW_dexp[250,0,4]"


@pytest.mark.many
@pytest.mark.parametrize(("probe", "dialect"), list(probes()), ids=lambda c: c["name"] if isinstance(c, dict) else c)
def test_probes_are_accepted_as_by_the_original(probe: dict[str, Any], dialect: Dialect) -> None:
    units = probe["dim0"]
    data = Shape(units) if units else Shape(3, probe["size"], probe["size"])
    params = Source("params.cfg", probe["params"]) if probe["params"] else None
    try:
        net = load_source(Source("probe.cfg", probe["text"]), data, options=ImportOptions(params, dialect))
        codes: list[str] = []
    except Exception as error:  # the assertion below prints it
        codes = [d.code for d in getattr(error, "diagnostics", ()) if d.severity == "error"] or [repr(error)]
    accepted = probe[dialect]["ok"] or (probe["name"] == POSITIONAL and dialect == "2012")
    assert (not codes) == accepted, codes
    for layer in probe[dialect].get("layers", ()) if accepted else ():
        if layer["name"] in net.layers and not layer["type"].startswith("cost."):
            own = net[layer["name"]]
            assert own.units == layer["outputs"], layer["name"]
    if accepted and probe[dialect]["ok"]:
        layers = probe[dialect]["layers"]
        assert net.total.biases == sum(layer.get("biases", 0) for layer in layers)
        if probe["name"] != "weightsource_self":  # whose second matrix is its first
            assert net.total.weights == sum(r * c for layer in layers for r, c in layer.get("weights", ()))
