"""Export real layer files of 2012 and version 2, and small probes, and import them again.

The files are in the folder that NETSPEC_CORPUS names; without it, these tests are skipped.
"""

from __future__ import annotations

from typing import Any

import pytest
from corpusfiles import CASES, CORPUS, FILES, Case, corpus_param, import_case, import_options, probes, shape, source

from netspec import backend
from netspec.diagnostics import SpecError
from netspec.diff import compare
from netspec.importers.cuda_convnet import Dialect
from netspec.ir.shape import Shape
from netspec.net import ImportOptions, Net, load_source, loads
from netspec.source import Source

pytestmark = pytest.mark.skipif(CORPUS is None, reason="NETSPEC_CORPUS names no folder with real layer files")

BACKEND = backend.load("cuda_convnet")


def round_trip(net: Net, dialect: Dialect | None = None, *, merged: bool) -> Net:
    """Write a network as layer files and load these."""
    written = BACKEND.emit(net, dialect)
    params = Source("layer-params.cfg", written.params)
    layers = Source("layers.cfg", written.layers)
    return load_source(layers, net.graph.input.output, options=ImportOptions(params, written.dialect, merged))


@pytest.mark.many
@pytest.mark.parametrize("case", [corpus_param(i, case) for i, case in enumerate(CASES)])
def test_exported_corpus_file_is_the_same_network(case: Case) -> None:
    net = loads(import_case(*case).source.text)
    assert compare(net, round_trip(net, merged=True)).same


@pytest.mark.parametrize("file", [corpus_param(i, (file, None)) for i, file in enumerate(FILES)])
def test_export_without_merging_keeps_every_layer(file: Case) -> None:
    merged = load_source(source(file[0]["file"]), shape(file[0]), options=import_options(None))
    separate = load_source(source(file[0]["file"]), shape(file[0]))
    again = round_trip(separate, merged=False)
    comparison = compare(separate, again)
    assert [
        d for layer in comparison.layers for d in layer.differences if d.effect not in ("nothing", "placement")
    ] == []
    assert (comparison.function, comparison.misfits) == ("same", ())
    assert again.total.parameters == merged.total.parameters


NOT_EXPORTABLE = {
    ("sum", "v2"),  # becomes a pool over maps that are not square
    ("neuron_nrelu", "v2"),  # the parser accepted it, but the program did not know it
}  # fmt: skip
"""Probes (name, dialect) whose spec cannot be written as layer files."""


@pytest.mark.many
@pytest.mark.parametrize(("probe", "dialect"), list(probes()), ids=lambda c: c["name"] if isinstance(c, dict) else c)
def test_exported_probe_is_the_same_network(probe: dict[str, Any], dialect: Dialect) -> None:
    units = probe["dim0"]
    data = Shape(units) if units else Shape(3, probe["size"], probe["size"])
    params = Source("params.cfg", probe["params"]) if probe["params"] else None
    try:
        net = load_source(Source("probe.cfg", probe["text"]), data, options=ImportOptions(params, dialect))
    except SpecError:
        return  # not a valid layer file; test_corpus.py checks these
    if (probe["name"], dialect) in NOT_EXPORTABLE:
        with pytest.raises(SpecError, match="not-in-cfg"):
            BACKEND.emit(net, dialect)
        return
    comparison = compare(net, round_trip(net, dialect, merged=False))
    assert (comparison.function, comparison.misfits) == ("same", ())
