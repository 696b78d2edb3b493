"""Layer files of several GPUs as specs with their twins as one, written back as layer files."""

from __future__ import annotations

from chances import examples
from columns import columns
from hypothesis import HealthCheck, given
from layerfiles import load

from netspec import backend
from netspec.diff import compare


@given(text=columns())
@examples(60, HealthCheck.too_slow)
def test_whatever_stands_on_each_gpu_is_written_back(text: str) -> None:
    net = load(text, dialect="2012", merged=True)
    made = backend.load("cuda_convnet").emit(net, "2012")
    assert compare(net, load(made.layers, made.params, "2012", merged=True)).same
