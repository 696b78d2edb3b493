"""Real files of 2012 and of version 2, and small ones with the verdict of their parsers, written back as layer files.

They lie outside the project, in the folder that NETSPEC_CORPUS names; without it nothing is tested here.
"""

from __future__ import annotations

from typing import Any

import pytest
from corpusfiles import CASES, CORPUS, FILES, Case, foreign, imported, marked, probes, shape, source

from netspec import backend
from netspec.diagnostics import SpecError
from netspec.diff import compare
from netspec.importers.cuda_convnet import Dialect
from netspec.ir.shape import Shape
from netspec.net import LayerFileOptions, Net, load_source, loads
from netspec.source import Source

pytestmark = pytest.mark.skipif(CORPUS is None, reason="NETSPEC_CORPUS names no folder with real layer files")

BACKEND = backend.load("cuda_convnet")


def written_and_read(net: Net, dialect: Dialect | None = None, *, merged: bool) -> Net:
    """A net as layer files, read again."""
    made = BACKEND.emit(net, dialect)
    params = Source("layer-params.cfg", made.params)
    layers = Source("layers.cfg", made.layers)
    return load_source(layers, net.graph.input.output, options=LayerFileOptions(params, made.dialect, merged))


@pytest.mark.many
@pytest.mark.parametrize("case", [marked(i, case) for i, case in enumerate(CASES)])
def test_what_is_written_back_is_the_same_network(case: Case) -> None:
    net = loads(imported(*case).source.text)
    assert compare(net, written_and_read(net, merged=True)).same


@pytest.mark.parametrize("file", [marked(i, (file, None)) for i, file in enumerate(FILES)])
def test_every_layer_by_itself_is_written_back(file: Case) -> None:
    net = load_source(source(file[0]["file"]), shape(file[0]), options=foreign(None))
    apart = load_source(source(file[0]["file"]), shape(file[0]))
    again = written_and_read(apart, merged=False)
    found = compare(apart, again)
    assert [d for layer in found.layers for d in layer.differences if d.effect not in ("nothing", "placement")] == []
    assert (found.function, found.misfits) == ("same", ())
    assert again.total.parameters == net.total.parameters


BEYOND = {
    ("sum", "v2"),  # pools over maps that are not square in a spec
    ("neuron_nrelu", "v2"),  # the parser took it, the program did not know it
}  # fmt: skip
"""What a spec can say, but not the layer files that are made of it."""


@pytest.mark.many
@pytest.mark.parametrize(("probe", "dialect"), list(probes()), ids=lambda c: c["name"] if isinstance(c, dict) else c)
def test_small_files_are_written_back(probe: dict[str, Any], dialect: Dialect) -> None:
    units = probe["dim0"]
    data = Shape(units) if units else Shape(3, probe["size"], probe["size"])
    params = Source("params.cfg", probe["params"]) if probe["params"] else None
    try:
        net = load_source(Source("probe.cfg", probe["text"]), data, options=LayerFileOptions(params, dialect))
    except SpecError:
        return  # not a layer file, which test_corpus.py tests
    if (probe["name"], dialect) in BEYOND:
        with pytest.raises(SpecError, match="not-in-cfg"):
            BACKEND.emit(net, dialect)
        return
    again = compare(net, written_and_read(net, dialect, merged=False))
    assert (again.function, again.misfits) == ("same", ())
