"""Layers with weights that one layer could replace: where the warning is, where it is not, and that it is true."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checking import marked, position_of, valid_net
from numpy.typing import NDArray
from processes import invoke

from netspec import backend
from netspec.diagnostics import apply
from netspec.ir.graph import Graph
from netspec.net import load, loads

IMAGE = "[i] input 3x16x16\n"
VECTOR = "[i] input 100\n"


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (VECTOR + "[a] «fc» outputs=50\n[b] fc outputs=10\n[s] softmax\n",
         ("50 * 100 + 10 * 50 = 5,500 weights", "a single fc has 10 * 100 = 1,000 weights and can compute the same")),
        # An image is read as a vector of 768 numbers.
        (IMAGE + "[a] «fc» outputs=10\n[d] dropout\n[b] fc outputs=10\n",
         ("10 * 768 + 10 * 10 = 7,780 weights", "a single fc has 10 * 768 = 7,680 weights and can compute the same",
          "d between them is linear too in a trained network")),
        # 3 + (3 - 1) * 1 = 5, and the second pads what the first one made.
        (IMAGE + "[a] «conv» filters=8 kernel=3 pad=1\n[b] conv filters=4 kernel=3 pad=1\n",
         ("8 * 3 * 3 * 3 + 4 * 8 * 3 * 3 = 504 weights",
          "a single conv with kernel=5 has 4 * 3 * 5 * 5 = 300 weights and can compute the same, except at the "
          "borders")),
        # 4 + (2 - 1) * 2 = 6 with the pooling, in strides of 2 * 2 = 4; 6 + (3 - 1) * 4 = 14.
        ("[i] input 3x28x28\n[a] «conv» filters=8 kernel=4 stride=2 pad=1\n[p] avgpool kernel=2 stride=2\n"
         "[n] batchnorm\n[b] conv filters=4 kernel=3\n",
         ("8 * 3 * 4 * 4 + 4 * 8 * 3 * 3 = 672 weights",
          "a single conv with kernel=14 stride=4 has 4 * 3 * 14 * 14 = 2,352 weights and can compute the same",
          "p and n between them are linear too in a trained network")),
        (IMAGE + "[a] «conv» filters=8 kernel=3\n[z] zeropad pad=1\n[b] conv filters=4 kernel=3\n",
         ("8 * 3 * 3 * 3 + 4 * 8 * 3 * 3 = 504 weights",
          "a single conv with kernel=5 has 4 * 3 * 5 * 5 = 300 weights and can compute the same, except at the borders",
          "z between them is linear too")),
        ("[i] input 3x16x17\n[a] «conv» filters=8 kernel=3x5\n[b] conv filters=8 kernel=3 dilation=2 stride=1x2\n",
         ("8 * 3 * 3 * 5 + 8 * 8 * 3 * 3 = 936 weights",
          "a single conv with kernel=7x9 stride=1x2 has 8 * 3 * 7 * 9 = 1,512 weights and can compute the same")),
        (IMAGE + "[a] «conv» filters=8 kernel=1\n[p] avgpool kernel=2 stride=2\n[b] conv filters=8 kernel=1\n",
         ("8 * 3 + 8 * 8 = 88 weights",
          "a single conv with kernel=2 stride=2 has 8 * 3 * 2 * 2 = 96 weights and can compute the same",
          "p between them is linear too")),
        # The single kernel has 3 rows and columns and reads 3 maps: 9 numbers are enough for each of its columns.
        (IMAGE + "[a] «conv» filters=9 kernel=3x1 bias_per=unit\n[b] conv filters=99 kernel=1x3\n",
         ("9 * 3 * 3 * 1 + 99 * 9 * 1 * 3 = 2,754 weights",
          "a single conv with kernel=3 has 99 * 3 * 3 * 3 = 2,673 weights and can compute the same")),
        # An fc layer reads 8 * 14 * 14 = 1,568 numbers, of an image of 768.
        (IMAGE + "[a] «conv» filters=8 kernel=3\n[f] flatten\n[b] fc outputs=10\n",
         ("8 * 3 * 3 * 3 + 10 * 1568 = 15,896 weights",
          "a single fc has 10 * 768 = 7,680 weights and can compute the same", "f between them is linear too")),
    ],
)  # fmt: skip
def test_notes_have_the_weights_of_the_layers_and_of_one(text: str, notes: tuple[str, ...]) -> None:
    text, place = marked(text)
    (warning,) = valid_net(text).warnings
    message = "a and b compute no more than one layer could: there is no neuron between them"
    assert (warning.code, warning.message) == ("linear-layers", message)
    assert (position_of(warning), warning.notes) == (place, notes)


@pytest.mark.parametrize(
    "layers",
    [
        "[a] fc outputs=50 neuron=tanh\n[b] fc outputs=10",
        "[a] fc outputs=50\n[n] layernorm\n[b] fc outputs=10",
        "[a] fc outputs=50\n[n] prelu\n[b] fc outputs=10",
        "[a] fc outputs=50\n[d] dropout\n[n] relu\n[b] fc outputs=10",
        # It is written that the layer is linear.
        "[a] fc outputs=50 neuron=linear\n[b] fc outputs=10",
        "[a] fc outputs=50\n[n] linear a=2\n[b] fc outputs=10",
        # A narrow layer saves weights and limits the rank.
        "[a] fc outputs=9\n[b] fc outputs=10",
        "[a] conv filters=2 kernel=3\n[b] conv filters=10 kernel=3",
        "[a] conv filters=2 kernel=1\n[b] conv filters=10 kernel=1",
        "[a] conv filters=8 kernel=3x1\n[b] conv filters=8 kernel=1x3",
        "[a] conv filters=4 kernel=3x1\n[b] conv filters=16 kernel=3",
        "[a] conv filters=8 kernel=3\n[b] conv filters=10 kernel=1",
        "[a] conv filters=8 kernel=1 neuron=relu\n[b] conv filters=6 kernel=1\n[c] conv filters=16 kernel=3",
        # Without the convolution, the fc layer would have more weights, or it limits the rank.
        "[a] conv filters=8 kernel=3\n[p] avgpool kernel=global\n[b] fc outputs=10",
        "[a] conv filters=12 kernel=3\n[p] avgpool kernel=global\n[b] fc outputs=10",
        "[a] conv filters=1 kernel=4 stride=4\n[b] fc outputs=20",
        # Others need the value between them.
        "[a] fc outputs=50\n[b] fc outputs=10\n[c] concat inputs=a,b",
        "[a] conv filters=3 kernel=3 pad=1\n[b] conv filters=3 kernel=3 pad=1\n[c] sum inputs=a,b",
        "[a] conv filters=8 kernel=3\n[n] batchnorm\n[b] conv filters=8 kernel=3 pad=1\n[c] sum inputs=n,b",
        "[a] fc outputs=50\n[b] fc outputs=10\n[l] crossentropy\n[m] sumsquares inputs=a",
        # Weights that are not learnt, or that another layer uses.
        "[a] fc outputs=50 lr=0\n[b] fc outputs=10",
        "[a] fc outputs=50\n[b] fc outputs=10 lr=0",
        "[a] fc outputs=768\n[b] fc outputs=768 weights=a",
        "[a] fc outputs=50\n[b] fc outputs=10\n[r] relu\n[c] fc outputs=50 inputs=i weights=a\n[d] concat inputs=r,c",
        # Groups, tables, several inputs, and layers of other types.
        "[a] conv filters=6 kernel=3 groups=3\n[b] conv filters=6 kernel=3",
        "[a] conv filters=6 kernel=3\n[b] conv filters=6 kernel=3 groups=6",
        "[a] fc outputs=50 parts=2 inputs=h\n[b] fc outputs=10",
        # The projection of a depthwise convolution, and behind it a block that begins with a convolution.
        "[d] conv filters=3 kernel=3 groups=3 neuron=relu\n[a] conv filters=6 kernel=1\n[b] conv filters=9 kernel=1",
        "[d] conv filters=6 kernel=3 groups=3\n[n] batchnorm neuron=relu\n[p] avgpool kernel=global\n"
        "[e] conv filters=6 kernel=1 neuron=hardsigmoid\n[g] product inputs=n,e\n[a] conv filters=8 kernel=1\n"
        "[m] batchnorm\n[b] conv filters=9 kernel=1",
        "[a] conv filters=3 kernel=3\n[b] conv filters=3 kernel=3 table=0+1,1+2,0+2",
        "[a] conv filters=6 kernel=3 pad=1\n[b] conv filters=6 kernel=3 pad=1 inputs=a,i",
        "[a] conv filters=6 kernel=3\n[b] local filters=6 kernel=3",
        "[a] conv filters=6 kernel=3\n[m] maxpool kernel=2 stride=2\n[b] conv filters=6 kernel=3",
        "[a] conv filters=6 kernel=3\n[p] pixelshuffle factor=1\n[b] conv filters=6 kernel=3",
    ],
)  # fmt: skip
def test_layers_that_may_be_meant_give_no_warning(layers: str) -> None:
    image = "[i] input 4x16x16\n[h] conv filters=4 kernel=1 neuron=relu\n" if "inputs=h" in layers else IMAGE
    assert [w.code for w in valid_net(f"{image}{layers}\n").warnings if w.code == "linear-layers"] == []


@pytest.mark.parametrize(
    "above",
    [
        "[d] conv filters=6 kernel=3 groups=3 neuron=relu\n[a] conv filters=6 kernel=3",
        "[d] conv filters=6 kernel=1 neuron=relu\n[a] conv filters=6 kernel=1",
        "[d] conv filters=6 kernel=3 groups=3 neuron=relu\n[e] conv filters=6 kernel=1 neuron=relu\n"
        "[a] conv filters=6 kernel=1",
    ],
)
def test_what_is_no_projection_of_a_depthwise_convolution_gives_one(above: str) -> None:
    (warning,) = valid_net(f"{IMAGE}{above}\n[b] conv filters=6 kernel=1 neuron=relu\n").warnings
    assert warning.code == "linear-layers" and warning.message.startswith("a and b compute no more")


def test_longest_run_gives_one_warning_and_a_fix_of_all_its_layers() -> None:
    text = (
        VECTOR + "[a] fc outputs=90 # first\n[b] fc outputs=80\n[c] fc outputs=10 -> 10\n[r] relu\n[d] fc outputs=5\n"
    )
    (warning,) = valid_net(text).warnings
    assert warning.message == "a, b and c compute no more than one layer could: there is no neuron between them"
    (fix,) = warning.fixes
    assert (fix.title, fix.checks) == ("a neuron=relu, b neuron=relu", True)
    fixed = apply(fix.edits, text)
    assert fixed == text.replace("=90", "=90 neuron=relu").replace("=80", "=80 neuron=relu")
    assert valid_net(fixed).warnings == ()


def test_many_layers_are_named_by_the_first_and_the_last() -> None:
    (warning,) = valid_net(VECTOR + "".join(f"[f{n}] fc outputs=100\n" for n in range(1, 6))).warnings
    assert warning.fixes[0].title == ", ".join(f"f{n} neuron=relu" for n in range(1, 5))
    text = VECTOR + "".join(f"[f{n}] fc outputs=100\n" for n in range(1, 7))
    (warning,) = valid_net(text).warnings
    assert warning.message.startswith("the 6 layers from f1 to f6 compute no more than one layer could")
    (fix,) = warning.fixes
    assert fix.title == "neuron=relu for the 5 layers from f1 to f5"
    assert apply(fix.edits, text).count("outputs=100 neuron=relu\n") == 5


def test_convolutions_and_the_layers_after_them_are_one_run() -> None:
    """With 768 numbers of the image and 4 classes, 4 * 768 weights would do."""
    text = f"{IMAGE}[a] conv filters=8 kernel=3\n[b] conv filters=8 kernel=3\n[c] fc outputs=6\n[d] fc outputs=4\n"
    (warning,) = valid_net(text).warnings
    assert warning.message.startswith("a, b, c and d compute no more than one layer could")
    assert warning.notes == (
        "8 * 3 * 3 * 3 + 8 * 8 * 3 * 3 + 6 * 1152 + 4 * 6 = 7,728 weights",
        "a single fc has 4 * 768 = 3,072 weights and can compute the same",
    )


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        # 100 -> 60 -> 50 is one matrix, but 100 -> 50 -> 55 has a rank of at most 50.
        (VECTOR + "[a] fc outputs=60\n[b] fc outputs=50\n[c] fc outputs=55\n[d] fc outputs=54\n", ("ab", "cd")),
        # So has an fc of an image, through 6 numbers, or through the single map of a convolution with many weights.
        (IMAGE + "[a] conv filters=8 kernel=3\n[b] fc outputs=6\n[c] fc outputs=8\n", ("ab",)),
        (IMAGE + "[a] conv filters=999 kernel=16\n[b] conv filters=1 kernel=1\n[c] fc outputs=20\n", ("ab",)),
    ],
)
def test_narrow_layer_ends_a_run(text: str, runs: tuple[str, ...]) -> None:
    warnings = valid_net(text).warnings
    assert [w.message.partition(" compute")[0] for w in warnings] == [" and ".join(run) for run in runs]
    assert [fix.title for w in warnings for fix in w.fixes] == [f"{run[0]} neuron=relu" for run in runs]


def test_neuron_belongs_to_the_normalisation() -> None:
    layers = ("conv filters=8 kernel=3", "batchnorm", "batchnorm", "dropout", "conv filters=8 kernel=3")
    text = IMAGE + "".join(f"[{name}] {layer}\n" for name, layer in zip("amndb", layers, strict=True))
    (fix,) = valid_net(text).warnings[0].fixes
    assert apply(fix.edits, text) == text.replace("[n] batchnorm", "[n] batchnorm neuron=relu")


def test_default_stays_and_the_layer_overrides_it() -> None:
    text = f"default fc neuron=linear\n{VECTOR}[a] fc outputs=50\n[b] fc outputs=10\n"
    (fix,) = valid_net(text).warnings[0].fixes
    assert apply(fix.edits, text) == text.replace("outputs=50", "outputs=50 neuron=relu")


def test_variant_that_drops_the_neuron_gets_it_back(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(f"{VECTOR}[a] fc outputs=50\n[r] relu\n[b] fc outputs=10\n")
    path = tmp_path / "v.net"
    path.write_text("net v from=base.net\ndrop r\n")
    (warning,) = load(path).warnings
    assert (warning.code, warning.span.source.name, warning.span.text) == ("linear-layers", str(path), "drop r")
    (fix,) = warning.fixes
    path.write_text(apply(fix.edits, path.read_text()))
    assert path.read_text() == "net v from=base.net\ndrop r\n[a] neuron=relu\n"
    assert load(path).warnings == ()


def test_check_applies_the_fix(tmp_path: Path) -> None:
    path, text = tmp_path / "a.net", VECTOR + "[a] fc outputs=50\n[b] fc outputs=10\n"
    path.write_text(text)
    result = invoke("check", "--fix=linear-layers", path)
    assert (result.exit_code, path.read_text()) == (0, text.replace("outputs=50", "outputs=50 neuron=relu"))


def output(graph: Graph, weights: Mapping[str, NDArray[Any]], images: NDArray[Any]) -> NDArray[Any]:
    """The network's output for images."""
    value: NDArray[Any] = backend.load("reference").run(graph, weights, images).values[graph.output.name]
    return value


@pytest.mark.parametrize(
    "layers",
    [
        "[a] conv filters=4 kernel=3\n[b] conv filters=4 kernel=3 stride=2\n",
        "[a] conv filters=4 kernel=3x2 stride=2\n[p] avgpool kernel=3 stride=2\n[b] conv filters=4 kernel=2\n",
        "[a] conv filters=2 kernel=1\n[b] conv filters=4 kernel=3 dilation=2\n[c] conv filters=4 kernel=2\n",
    ],
)
def test_one_layer_of_the_stated_size_computes_the_same(layers: str) -> None:
    """The weights of the one layer are what the others make of images with a single pixel, less what they make of a
    black one."""
    image = "net n rounding=down\n[i] input 2x15x15\n"
    net = loads(image + layers)
    (warning,) = [w for w in net.warnings if w.code == "linear-layers"]
    stated = re.fullmatch(
        r"a single (conv with .*) has .* = ([\d,]+) weights and can compute the same", warning.notes[1]
    )
    assert stated is not None
    one = loads(f"{image}[one] {stated[1].replace('with', 'filters=4')}\n").graph
    shape = one.parameters["one.weight"].shape
    assert math.prod(shape) == int(stated[2].replace(",", ""))

    random = np.random.default_rng(0)
    weights = {key: random.normal(size=p.shape) for key, p in net.graph.parameters.items()}
    pixels = np.zeros((1 + math.prod(shape[1:]), 2, 15, 15))
    for number, (channel, y, x) in enumerate(np.ndindex(shape[1:]), 1):
        pixels[number, channel, y, x] = 1
    black, *single = output(net.graph, weights, pixels)[:, :, 0, 0]
    merged = {"one.weight": (np.array(single) - black).T.reshape(shape), "one.bias": black}
    images = random.normal(size=(2, 2, 15, 15))
    expected = output(net.graph, weights, images)
    np.testing.assert_allclose(output(one, merged, images), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("others", "neuron"),
    [
        ("[h] fc outputs=60 neuron=tanh(1.7159, 0.667)\n", "tanh(1.7159, 0.667)"),
        ("[h] fc outputs=60\n[n] elu\n[k] fc outputs=60\n[m] relu\n[l] fc outputs=60\n[o] elu\n", "elu"),
        ("default conv neuron=silu\n", "silu"),
        ("", "relu"),
    ],
)
def test_fix_adds_the_neuron_of_the_other_layers(others: str, neuron: str) -> None:
    """The neuron of the output, which nothing reads, is none of theirs."""
    text = f"{VECTOR}{others}[a] fc outputs=50\n[b] fc outputs=10\n[y] logistic\n"
    (warning,) = valid_net(text).warnings
    (fix,) = warning.fixes
    assert fix.title == f"a neuron={neuron}"
