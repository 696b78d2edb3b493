"""Files of other tools: each gives exactly one error, and no spec is taken for one."""

from __future__ import annotations

import time

import pytest
from checking import refused
from places import SPECS

from netspec.check import check
from netspec.diagnostics import SpecError
from netspec.language.foreign import foreign_to_layer_files, foreign_to_specs
from netspec.net import loads
from netspec.opening import decode
from netspec.source import Source

PROTOTXT = 'name: "LeNet"\nlayer {\n  name: "conv1"\n  type: "Convolution"\n}\n'
OLD_PROTOTXT = 'name: "CaffeNet"\nlayers {\n  name: "conv1"\n  type: CONVOLUTION\n}\n'
DARKNET = "# YOLO\n[net]\nbatch=64\n\n[convolutional]\nfilters=32\nsize=3\n\n[maxpool]\nsize=2\n"
TORCH = "import torch\nfrom torch import nn\n\nmodel = nn.Sequential(nn.Conv2d(3, 96, 11, 4), nn.ReLU())\n"
KERAS = "from keras import layers\n\nmodel.add(layers.Conv2D(96, 11))\n"
JSON = '{\n  "layers": [], "name": "a"\n}\n'
KERAS_JSON = '{"class_name": "Sequential", "config": []}\n'
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

TORONTO = 'name: "net"\nlayer {\n  name: "input"\n}\nedge {\n  source: "input"\n  edge_type: CONVOLUTIONAL\n}\n'
BRACE_BELOW = 'name: "x"\nlayer\n{\n  name: "conv1"\n}\n'
POLICY = 'train_net: "a.prototxt"\nlr_policy: "step"\n'
LUA = "require 'nn'\n\nlocal model = nn.Sequential()\nmodel:add(nn.SpatialConvolution(3, 64, 11, 11, 4, 4))\n"
LUA_FUNCTION = "-- a model\nfunction create()\n   local features = nn.Concat(2)\n   return features\nend\n"
LUA_PRINTED = "nn.Sequential {\n  [input -> (1) -> output]\n  (1): nn.ReLU\n}\n"
PYLEARN2 = "# a model\n!obj:pylearn2.train.Train {\n  model: !obj:pylearn2.models.mlp.MLP {\n  }\n}\n"
YAML_VALUES = "# rates\nlearning_rate: 0.01  # the first\nmomentum: 0.9\nbatch_size: 128\n"
YAML_LIST = "nc: 80\nbackbone:\n  - [-1, 1, Conv, [64, 6, 2, 2]]\n"
DARKNET_COST = "[net]\nbatch=64\n\n[convolutional]\nfilters=32\n\n[softmax]\n\n[cost]\ntype=sse\n"
DARKNET_LAYERS = "[convolutional]\nfilters=32\nsize=3\n\n[maxpool]\nsize=2\n"
CONVNETJS = "layer_defs = [];\nlayer_defs.push({type:'input', out_sx:32, out_sy:32, out_depth:3});\n"
JAVASCRIPT = "const model = tf.sequential();\nmodel.add(tf.layers.conv2d({filters: 8}));\n"
MATLAB = "net.layers = {} ;\nnet.layers{end+1} = struct('type', 'conv') ;\nnet.layers{end+1} = 0;\n"
C = "#include <a.h>\nusing namespace std;\n\nint main() {\n  return 0;\n}\n"
CALL = "model = Chain(\n  Conv((5, 5), 3=>8),\n)\n"
HTML = "<!DOCTYPE html>\n<html>\n<body>[conv1]</body>\n</html>\n"
XML = '<?xml version="1.0"?>\n<net name="a">\n</net>\n'
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
CAFFE2 = 'name: "a"\nop {\n  type: "Conv"\n}\n'
GRAPH = 'node {\n  name: "input"\n  op: "Placeholder"\n}\n'
ONNX = "ir_version: 3\ngraph {\n}\n"
CXXNET = "data = train\nnetconfig=start\nlayer[0->1] = conv:conv1\n  kernel_size = 11\nnetconfig=end\n"
NCNN = "7767517\n2 2\nInput data 0 1 data\n"
TOML = '[net]\nname = "a"\n\n[[layers]]\ntype = "conv"\n'


@pytest.mark.parametrize("name", ["a.net", "a.cfg"])
def test_model_of_keras_under_another_name(name: str) -> None:
    found = refused(loads, KERAS_JSON, name)
    assert (
        found.code == "foreign-file" and "a model of Keras as JSON, whose name does not end in .json" in found.message
    )


@pytest.mark.parametrize("name", ["a.net", "a.cfg", "a.txt"])
@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        (TORCH, "Python", (1, "import torch")),
        (KERAS, "Python", (1, "from keras")),
        (JSON, "JSON", (1, "{")),
        (YAML, "YAML", (2, "backbone:")),
        (SOLVER, "solver of Caffe", (2, "base_lr:")),
        (MODULE, "PyTorch module", (1, "LeNet(")),
        (KERAS_TABLE, "Keras", (3, "Layer (type)")),
        (KERAS_3_TABLE, "Keras", (3, "Layer (type)")),
        (TORCHINFO_TABLE, "torchinfo", (2, "Layer (type:depth-idx)")),
        (TORONTO, "TorontoDeepLearning", (5, "edge {")),
        (POLICY, "solver of Caffe", (2, "lr_policy:")),
        (LUA, "Torch7", (1, "require 'nn'")),
        (LUA_FUNCTION, "Torch7", (3, "local features")),
        (LUA_PRINTED, "printed Torch7", (1, "nn.Sequential {")),
        (PYLEARN2, "Pylearn2", (2, "!obj:pylearn2.train.Train")),
        (YAML_VALUES, "YAML", (2, "learning_rate:")),
        (YAML_LIST, "YAML", (1, "nc:")),
        (DARKNET_LAYERS, "Darknet", (1, "[convolutional]")),
        (CONVNETJS, "ConvNetJS", (1, "layer_defs")),
        (JAVASCRIPT, "JavaScript", (1, "const model =")),
        (C, "program", (2, "using namespace std;")),
        (CALL, "program", (1, "model = Chain(")),
        (HTML, "web page", (1, "<!DOCTYPE html")),
        (XML, "XML", (1, '<?xml version="1.0"?>')),
        (POINTER, "Git LFS", (1, "version https://git-lfs.github.com/spec/v1")),
        (CAFFE2, "Caffe2", (2, "op {")),
        (GRAPH, "TensorFlow", (1, "node {")),
        (ONNX, "ONNX", (1, "ir_version:")),
        (CXXNET, "cxxnet", (2, "netconfig=start")),
        (NCNN, "ncnn", (1, "7767517")),
        (TOML, "TOML", (4, "[[layers]]")),
    ],
)
def test_foreign_file_gives_one_error_that_names_its_tool(
    name: str, text: str, what: str, place: tuple[int, str]
) -> None:
    for written in (text, text.replace("\n", "\r\n")):
        found = refused(loads, written, name)
        assert found.code == "foreign-file" and what in found.message
        assert (found.span.line, found.span.text) == place


@pytest.mark.parametrize("name", ["a.net", "a.cfg"])
@pytest.mark.parametrize(("text", "here"), [(PROTOTXT, "layer {"), (OLD_PROTOTXT, "layers {"), (BRACE_BELOW, "layer")])
def test_network_of_caffe_under_another_name_is_one_error(name: str, text: str, here: str) -> None:
    found = refused(loads, text, name)
    assert found.code == "foreign-file" and "Caffe" in found.message
    assert (found.span.line, found.span.text) == (2, here)


@pytest.mark.parametrize("name", ["a.net", "a.prototxt"])
@pytest.mark.parametrize(("text", "line"), [(DARKNET, 2), (DARKNET_COST, 1)])
def test_network_of_darknet_under_another_name_is_one_error(name: str, text: str, line: int) -> None:
    found = refused(loads, text, name)
    assert found.message == "this is a network of Darknet, whose name does not end in .cfg"
    assert (found.code, found.span.line, found.span.text) == ("foreign-file", line, "[net]")


def test_specs_are_not_taken_for_foreign_files() -> None:
    for path in (*SPECS.glob("*.net"), *SPECS.glob("mistakes/*.net")):
        text = path.read_text("utf-8")
        assert foreign_to_specs(Source(path.name, text)) is None


@pytest.mark.parametrize(
    "line",
    ["name: alexnet", "import torch", "layer {", "[net]", '{"a": 1}', "backbone:", "from alexnet.net", "base_lr: 0.01"],
)
def test_stray_line_in_a_spec_hides_no_other_error(line: str) -> None:
    codes = {
        d.code for d in check(Source("a.net", f"{line}\n[image] input 3x8x8\n[a] conv filtres=3 kernel=3\n")).errors
    }
    assert "unknown-key" in codes and "foreign-file" not in codes


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (MATLAB, "not a spec: none of its lines is a layer or a setting"),
        ("| layer | output |\n|---|---|\n| conv1 | 96 |\n", "not a spec: none of its lines is a layer or a setting"),
        ("[data]\ntype=data\ndataIdx=0\n\n[fc]\ntype=fc\n", "layer file of cuda-convnet, whose name ends in .cfg"),
        ("# rates\n[fc]\nepsW=0.1\n", "parameter file of cuda-convnet, which is read beside its layer file"),
        ("[model]\nkernel = 3\n\n[data]\nsize: 9\n", "(INI)"),
    ],
)
def test_text_without_a_line_of_a_spec_gives_one_error(text: str, what: str) -> None:
    for written in (text, text.replace("\n", "\r\n")):
        (found,) = check(Source("a.net", written)).errors
        assert found.code == "foreign-file" and what in found.message


@pytest.mark.parametrize(
    "text",
    [
        "conv1 conv filters=96 kernel=11\npool1 maxpool kernel=3\nfc6 fc outputs=(4096)\n",
        "conv1: conv filters=96 kernel=11\npool1: maxpool kernel=3\nfc6: fc outputs=10\n",
        "[conv1]\nconv filters=96\n[pool]\nmaxpool kernel==3\n",
        "[a]: input 3x8x8\n[b]: conv kernel=3;\n[c]: conv kernel=3;\n",
        "input 3x224x224\nconv 96 11x11 /4\npool 3x3 /2\nfc 4096\n",
        "net a from=b.net\n[conv1] stride==2\n[conv2] stride==3\n",
    ],
)
def test_attempt_at_a_spec_gives_an_error_for_each_line(text: str) -> None:
    errors = check(Source("a.net", text)).errors
    assert len(errors) > 1 and "foreign-file" not in {d.code for d in errors}


def test_spec_in_a_layer_file_gives_one_error() -> None:
    found = refused(loads, "# mine\nnet a\n[image] input 3x8x8\n[c] conv filters=16 kernel=3\n", "a.cfg")
    assert (found.code, found.span.line, found.span.text) == ("foreign-file", 3, "[image] input")
    assert found.message == "this is a spec, whose name ends in .net"


NOTES = "# Notes\n\nWe spoke about conv1.\nThen we went home.\n\n- bring data: see [data]\n"
TABLE = "name,filters,kernel\nconv1,96,11\nconv2,256,5\n"
MARKDOWN = "| layer | output |\n|---|---|\n| conv1 | 96 |\n\n[1]: http://example.org\n"
PROGRAM = '/* a network */\n#include <stdio.h>\nint main() {\n  int sizes[2] = {1, 2}; puts("");\n}\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (NOTES, (3, "We spoke about conv1.")),
        (TABLE, (1, "name,filters,kernel")),
        (MARKDOWN, (1, "| layer | output |")),
        (PROGRAM, (1, "/* a network */")),
    ],
)
def test_text_without_a_section_is_no_layer_file(text: str, place: tuple[int, str]) -> None:
    for written in (text, text.replace("\n", "\r\n")):
        found = refused(loads, written, "a.cfg")
        assert (found.code, found.span.line, found.span.text) == ("foreign-file", *place)
        assert found.message == "this is not a file of cuda-convnet: it has no section, [conv1] on a line of its own"


@pytest.mark.parametrize(
    "text",
    [
        "so\n\nmany\n",
        "type=conv\ninputs=data\nchannels=3\n",
        "one\ntwo\nthree\n[conv1]\nfilters=16\n",
        "one\ntwo\nthree\n[conv1] ; the first\nfilters=16\n",
    ],
)
def test_attempt_at_a_layer_file_is_told_of_the_line(text: str) -> None:
    with pytest.raises(SpecError) as wrong:
        loads(text, "a.cfg")
    assert "cfg-syntax" in {d.code for d in wrong.value.diagnostics}


@pytest.mark.parametrize(
    ("data", "what"), [(b"PK\x03\x04\0\0", "torch.save"), (b"\x89HDF\r\n", "Keras"), (b"\x80\x02}q", "pickle")]
)
def test_weight_files_are_recognised(data: bytes, what: str) -> None:
    with pytest.raises(SpecError) as wrong:
        decode(data, "a.net")
    (note,) = wrong.value.diagnostics[0].notes
    assert what in note and "weights" in note


@pytest.mark.ci
@pytest.mark.parametrize(
    "text",
    ["\n" * 50_000 + "x", "#\n" * 50_000 + "x", " \n" * 50_000 + "[", "layer " * 20_000, "a-" * 10**6, "a b " * 10**6],
)
def test_long_texts_take_little_time(text: str) -> None:
    start = time.process_time()
    assert foreign_to_specs(Source("a.net", text)) is None
    assert foreign_to_layer_files(Source("a.cfg", text), has_types=False) is None
    assert time.process_time() - start < 0.5
