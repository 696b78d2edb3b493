"""Import real files of 2012 and version 2 as readable specs: the text, and that the network is the same.

The files are in the folder that NETSPEC_CORPUS names; without it, these tests are skipped.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpusfiles import CASES, CORPUS, FILES, Case, corpus_param, import_case, import_options, shape, source
from places import SPECS
from twin_parameters import merge_twin_parameters

from netspec import backend, load
from netspec.check.report import Findings
from netspec.diagnostics import SpecError
from netspec.diff import compare
from netspec.importers.cuda_convnet import translate
from netspec.importers.cuda_convnet.reading import read
from netspec.ir.shape import Shape
from netspec.language.formatter import formatted
from netspec.net import ImportOptions, import_layer_file, load_source, loads
from netspec.source import Source

pytestmark = pytest.mark.skipif(CORPUS is None, reason="NETSPEC_CORPUS names no folder with real layer files")


def comments(name: str) -> list[str]:
    """The comments of a file."""
    file = source(name)
    return [comment.text.strip() for comment in read(file, Findings(file)).comments]


@pytest.mark.many
@pytest.mark.parametrize("case", [corpus_param(i, case) for i, case in enumerate(CASES)])
def test_imported_spec_is_formatted_and_the_same_network(case: Case) -> None:
    file, params = case
    net = import_case(file, params)
    text = net.source.text
    assert formatted(Source("x.net", text)) == text
    first = f"# Imported from {Path(file['file']).name}" + (f" and {Path(params).name}." if params else ".")
    assert text.startswith(first + "\n")
    expected = [comment for name in (file["file"], params) if name for comment in comments(name)]
    assert [comment for comment in expected if comment not in text] == []
    loaded = load_source(source(file["file"]), shape(file), options=import_options(params))
    assert compare(loaded, loads(text)).same


LAST_STATE = {
    "96-16k", "100", "109", "111", "112", "114", "118", "120", "120-2012", "120-2012-full", "127", "129", "131", "133",
    "135", "135-2009", "137", "137-tree", "139", "141-2009", "145", "145-2010", "145-half", "146-2012-2009",
    "146-2012-2011", "147", "149", "155", "156", "157", "158", "163", "165", "166", "170-256-double", "170-quant",
    "171", "172", "174", "175", "178", "flickr-102", "inet-5layer-conv94-2gpu",
}  # fmt: skip
"""Parameter files whose rates are lower than the initial rates in their notes."""


@pytest.mark.parametrize("case", [corpus_param(i, case) for i, case in enumerate(CASES) if case[1]])
def test_initial_rates_are_no_lower_than_the_last(case: Case) -> None:
    file, name = case
    assert name is not None
    last = load_source(source(file["file"]), shape(file), options=import_options(name))
    is_last = any(d.code == "cfg-last-state" for d in last.warnings)
    assert is_last == (Path(name).stem.removeprefix("layer-params-") in LAST_STATE)
    try:
        first = import_layer_file(
            source(file["file"]), shape(file), options=ImportOptions(source(name), merged=True, history=True)
        )
    except SpecError as error:
        assert [d.code for d in error.diagnostics if d.severity == "error"] == ["cfg-no-history"]
        assert not is_last
        return
    assert compare(first, loads(first.source.text)).same
    rates = [(p.lr, last.graph.parameters[key].lr) for key, p in first.graph.parameters.items()]
    assert all(initial >= final for initial, final in rates)
    assert any(initial > final for initial, final in rates) == is_last


MERGED_LAYERS = {
    "layers-145.cfg": 18, "layers-137.cfg": 20, "layers-109.cfg": 21, "layers-imagenet-2gpu-model.cfg": 18,
    "layers-imagenet-4gpu-data-model.cfg": 17,  # all twins are merged
    "layers-126.cfg": 29,  # one GPU sees mirrored images, up to pool2
    "layers-120-4gpu.cfg": 53, "layers-183-4gpu.cfg": 67,  # two or three of four GPUs are read
    "layers-100.cfg": 25,  # groups of filters over each GPU's maps
}  # fmt: skip


@pytest.mark.parametrize("name", MERGED_LAYERS)
def test_only_twins_are_merged(name: str) -> None:
    file = next(file for file in FILES if file["file"].endswith(f"/{name}"))
    assert len(import_case(file, None).layers) == MERGED_LAYERS[name]


def reduce_sizes(text: str) -> str:
    """Shrink the vectors of a spec for several GPUs, and its images to 96 x 96."""
    text = re.sub(" +", " ", text).replace("input 3x224x224", "input 3x96x96")
    return re.sub(r"outputs=(\d+)", lambda m: f"outputs={int(m[1]) // (64 if int(m[1]) % 64 == 0 else 1)}", text)


SAMPLE = ("layers-145.cfg", "layers-126.cfg", "layers-imagenet-4gpu-data-model.cfg")
MULTI_GPU_FILES = [
    pytest.param(file, id=name, marks=() if name in SAMPLE else pytest.mark.slow)
    for file in FILES
    if file["data"] == [3, 224, 224] and len({str(layer["gpu"]) for layer in file["layers"]}) > 2
    for name in [Path(file["file"]).name]
]


@pytest.mark.many
@pytest.mark.parametrize("file", MULTI_GPU_FILES)
def test_merging_twins_keeps_the_outputs(file: dict[str, Any]) -> None:
    separate = translate(source(file["file"]), shape=shape(file))
    merged = translate(source(file["file"]), shape=shape(file), merged=True)
    separate_graph = loads(reduce_sizes(separate.source.text)).graph
    merged_graph = loads(reduce_sizes(merged.source.text)).graph
    random = np.random.default_rng(2)
    parameters = {
        key: random.normal(size=p.shape) * np.prod(p.shape[1:]) ** -0.5 for key, p in separate_graph.parameters.items()
    }
    images = random.normal(size=(1, *separate_graph.input.output))
    run = backend.load("reference").run
    expected = run(separate_graph, parameters, images).values[separate_graph.scores.name]
    computed = run(merged_graph, merge_twin_parameters(separate, merged, merged_graph, parameters), images).values[
        merged_graph.scores.name
    ]
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(computed, expected, rtol=1e-9, atol=1e-9)


LAYERS_145 = "AlexNet-Source-Code/layers/layers-145.cfg"
PARAMS_145 = LAYERS_145.replace("layers-145", "layer-params-145")


def test_run_of_the_paper_matches_alexnet_2012() -> None:
    """With the initial rates of its run, layers-145.cfg and specs/alexnet-2012.net only differ in names and in settings
    that the original took from its command line."""
    options = ImportOptions(source(PARAMS_145), merged=True, history=True)
    net = import_layer_file(source(LAYERS_145), Shape(3, 224, 224), options=options)
    comparison = compare(loads(net.source.text), load(SPECS / "alexnet-2012.net"))
    assert (comparison.function, comparison.misfits) == ("same", ())
    assert [d for layer in comparison.layers for d in layer.differences if d.kind != "renamed"] == []
    assert {(s.setting, s.difference.key) for s in comparison.settings} == {
        ("augment", "from"), ("augment", "flip"), ("test", "views"),
    }  # fmt: skip
    left_out = {(d.code, d.span.text.strip("# ")) for d in net.warnings if d.span.source.name == PARAMS_145}
    assert left_out == {
        ("cfg-substitute", "0.0"),
        ("cfg-left-out", "set color noise to 0 from 0.1"),
        ("cfg-left-out", "epoch 19: set epsw to 0.001 from 0.01"),
    }


def test_network_of_the_paper_matches_alexnet_2012() -> None:
    """layers-145.cfg and specs/alexnet-2012.net only differ in names and in settings that the last state of a parameter
    file does not contain: the initial rates, the augmentation and the test."""
    file = next(file for file in FILES if file["file"].endswith("/layers-145.cfg"))
    text = import_case(file, PARAMS_145).source.text
    assert "# fc2048bb lists the shares of its input in the order 1, 0\n[fc2048b]" in text
    comparison = compare(loads(text), load(SPECS / "alexnet-2012.net"))
    assert (comparison.function, comparison.misfits) == ("same", ())
    layers = [
        (layer.name, d.key, d.a, d.b) for layer in comparison.layers for d in layer.differences if d.kind != "renamed"
    ]
    assert layers == [
        ("conv1", "lr", "0", "0.01"), ("conv1", "schedule", "constant", "steps(25, 51, 67, factor=0.1, freeze=72)"),
        ("conv1", "bias_lr", "0", "0.02"), ("conv1", "bias_schedule", "constant", "steps(freeze=72)"),
    ]  # fmt: skip
    renamed = {layer.name for layer in comparison.layers if any(d.kind == "renamed" for d in layer.differences)}
    assert renamed == {
        "data = image", "rnorm1 = norm1", "rnorm2 = norm2", "cnorm2 = same2", "pool3 = pool5", "fc2048 = fc6",
        "hs1 = drop6", "fc2048b = fc7", "hs2 = drop7", "fc1000 = fc8", "probs = prob",
    }  # fmt: skip
    assert {(s.setting, s.difference.key) for s in comparison.settings} == {
        ("train", "epochs"), ("train", "lr"), ("train", "schedule"), ("augment", "from"), ("augment", "flip"),
        ("augment", "colour"), ("test", "views"),
    }  # fmt: skip
    assert loads(text).graph.input.output == Shape(3, 224, 224)
