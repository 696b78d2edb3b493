"""Export specs with merged twins as layer files for several GPUs, and import these again."""

from __future__ import annotations

from hypothesis import given
from hypothesis_profiles import examples
from layerfiles import load
from random_columns import columns

from netspec import backend
from netspec.diff import compare


@given(text=columns())
@examples(60)
def test_random_columns_survive_export_and_import(text: str) -> None:
    net = load(text, dialect="2012", merged=True)
    written = backend.load("cuda_convnet").emit(net, "2012")
    assert compare(net, load(written.layers, written.params, "2012", merged=True)).same
