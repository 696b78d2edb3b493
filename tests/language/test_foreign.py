"""Files of other tools: each gives exactly one error, and no spec is taken for one."""

from __future__ import annotations

import time

import pytest
from places import SPECS

from netspec.check import check
from netspec.diagnostics import SpecError
from netspec.language.foreign import foreign
from netspec.net import loads
from netspec.opening import decode
from netspec.source import Source

PROTOTXT = 'name: "LeNet"\nlayer {\n  name: "conv1"\n  type: "Convolution"\n}\n'
OLD_PROTOTXT = 'name: "CaffeNet"\nlayers {\n  name: "conv1"\n  type: CONVOLUTION\n}\n'
DARKNET = "# YOLO\n[net]\nbatch=64\n\n[convolutional]\nfilters=32\nsize=3\n\n[maxpool]\nsize=2\n"
TORCH = "import torch\nfrom torch import nn\n\nmodel = nn.Sequential(nn.Conv2d(3, 96, 11, 4), nn.ReLU())\n"
KERAS = "from keras import layers\n\nmodel.add(layers.Conv2D(96, 11))\n"
JSON = '{\n  "class_name": "Sequential", "config": []\n}\n'
SOLVER = 'net: "train_val.prototxt"\nbase_lr: 0.01\nlr_policy: "step"\nmax_iter: 450000\n'
MODULE = "LeNet(\n  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))\n  (relu): ReLU()\n)\n"
KERAS_TABLE = """Model: "sequential"
_________________________________________________________________
 Layer (type)                Output Shape              Param #
=================================================================
 conv2d (Conv2D)             (None, 26, 26, 32)        320
"""
KERAS_3_TABLE = """Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv2d (Conv2D)                 │ (None, 26, 26, 32)     │           320 │
"""
TORCHINFO_TABLE = """==========================================================================================
Layer (type:depth-idx)                   Output Shape              Param #
==========================================================================================
├─Conv2d: 1-1                            [-1, 64, 55, 55]          23,296
"""
YAML = "# YOLO\nbackbone:\n  - [-1, 1, Conv, [64, 3, 2]]\n"


@pytest.mark.parametrize("name", ["a.net", "a.cfg", "a.prototxt"])
@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        (PROTOTXT, "Caffe", (2, "layer {")),
        (OLD_PROTOTXT, "Caffe", (2, "layers {")),
        (DARKNET, "Darknet", (2, "[net]")),
        (TORCH, "Python", (1, "import torch")),
        (KERAS, "Python", (1, "from keras")),
        (JSON, "JSON", (1, "{")),
        (YAML, "YAML", (2, "backbone:")),
        (SOLVER, "solver of Caffe", (2, "base_lr:")),
        (MODULE, "PyTorch module", (1, "LeNet(")),
        (KERAS_TABLE, "Keras", (3, "Layer (type)")),
        (KERAS_3_TABLE, "Keras", (3, "Layer (type)")),
        (TORCHINFO_TABLE, "torchinfo", (2, "Layer (type:depth-idx)")),
    ],
)
def test_foreign_file_gives_one_error_that_names_its_tool(
    name: str, text: str, what: str, place: tuple[int, str]
) -> None:
    for written in (text, text.replace("\n", "\r\n")):
        with pytest.raises(SpecError) as wrong:
            loads(written, name)
        (found,) = wrong.value.diagnostics
        assert found.code == "foreign-file" and what in found.message
        assert (found.span.line, found.span.text) == place


def test_specs_are_not_taken_for_foreign_files() -> None:
    for path in (*SPECS.glob("*.net"), *SPECS.glob("mistakes/*.net")):
        assert foreign(Source(path.name, path.read_text("utf-8"))) is None


@pytest.mark.parametrize(
    "line",
    ["name: alexnet", "import torch", "layer {", "[net]", '{"a": 1}', "backbone:", "from alexnet.net", "base_lr: 0.01"],
)
def test_stray_line_in_a_spec_hides_no_other_error(line: str) -> None:
    codes = {
        d.code for d in check(Source("a.net", f"{line}\n[image] input 3x8x8\n[a] conv filtres=3 kernel=3\n")).errors
    }
    assert "unknown-key" in codes and "foreign-file" not in codes


@pytest.mark.parametrize(("data", "what"), [(b"PK\x03\x04\0\0", "torch.save"), (b"\x89HDF\r\n", "Keras")])
def test_weight_files_are_recognised(data: bytes, what: str) -> None:
    with pytest.raises(SpecError) as wrong:
        decode(data, "a.net")
    (note,) = wrong.value.diagnostics[0].notes
    assert what in note and "weights" in note


@pytest.mark.parametrize("text", ["\n" * 50_000 + "x", "#\n" * 50_000 + "x", " \n" * 50_000 + "[", "layer " * 20_000])
def test_long_texts_take_little_time(text: str) -> None:
    start = time.process_time()
    assert foreign(Source("a.net", text)) is None
    assert time.process_time() - start < 0.5
