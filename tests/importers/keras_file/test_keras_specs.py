"""Models of Keras as specs, worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from keras_networks import functional, image, layer, reads, sequential

from netspec.ir.shape import Shape
from netspec.net import import_keras
from netspec.source import Source


def lines(model: dict[str, Any], shape: Shape | None = None) -> list[str]:
    """The lines of the layers, their words separated by single spaces, and their claims left out."""
    text = import_keras(Source("m.json", json.dumps(model)), shape).net.source.text
    wanted = [" ".join(line.partition("#")[0].partition("->")[0].split()) for line in text.splitlines()]
    return [line for line in wanted if line and not line.startswith(("net ", "[image]"))]


def spec(*layers: dict[str, Any], shape: tuple[int, ...] = (9, 8, 3)) -> list[str]:
    return lines(sequential(image(*shape), *layers))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (layer("Conv2D", "c", filters=4, kernel_size=3), "[c] conv filters=4 kernel=3 init=xavier"),
        (layer("Conv2D", "c", filters=4, kernel_size=[3, 2], strides=[1, 2], padding="same"),
         "[c] conv filters=4 kernel=3x2 stride=1x2 pad=0,0,1,1 init=xavier"),  # 8 columns: (4 - 1) 2 + 2 = 8
        (layer("Conv2D", "c", filters=4, kernel_size=3, strides=2, padding="same", dilation_rate=1),
         "[c] conv filters=4 kernel=3 stride=2 pad=0,1,1,1 init=xavier"),  # (4 - 1) 2 + 3 = 9, one more than 8
        (layer("Conv2D", "c", filters=6, kernel_size=1, groups=3, use_bias=False, activation="relu6"),
         "[c] conv filters=6 kernel=1 groups=3 bias=none init=uniform(0.9258201) neuron=relu6"),  # sqrt(6 / (1 + 6))
        (layer("DepthwiseConv2D", "c", kernel_size=3, depth_multiplier=2, depthwise_initializer="zeros"),
         "[c] conv filters=6 kernel=3 groups=3 init=constant(0)"),
        (layer("Conv2DTranspose", "c", filters=4, kernel_size=3, strides=2, padding="same",
               kernel_initializer="ones"), "[c] deconv filters=4 kernel=3 stride=2 pad=0,1,0,1 init=constant(1)"),
        (layer("MaxPooling2D", "c", pool_size=3, strides=2, padding="same"),
         "[c] maxpool kernel=3 stride=2 pad=0,1,1,1"),
        (layer("AveragePooling2D", "c", pool_size=3, strides=2, padding="same"),
         "[c] avgpool kernel=3 stride=2 pad=0,1,1,1"),
        (layer("GlobalAveragePooling2D", "c"), "[c] avgpool kernel=global, [flatten] flatten"),
        (layer("ZeroPadding2D", "c", padding=[[1, 2], [0, 3]]), "[c] zeropad pad=0,3,1,2"),
        (layer("Cropping2D", "c", cropping=[[1, 2], [0, 3]]), "[c] crop size=6x5 top=1"),
        (layer("UpSampling2D", "c", size=2, interpolation="bilinear"), "[c] upsample factor=2 method=bilinear"),
        (layer("BatchNormalization", "c"), "[c] batchnorm eps=0.001 average=0.01"),
        (layer("BatchNormalization", "c", scale=False, momentum=0.9, epsilon=1e-5), "[c] batchnorm lr_mult=0"),
        (layer("BatchNormalization", "c", scale=False, center=False), "[c] batchnorm eps=0.001 affine=no average=0.01"),
        (layer("LayerNormalization", "c", center=False), "[c] layernorm eps=0.001 bias_lr_mult=0"),
        (layer("GroupNormalization", "c", groups=-1), "[c] groupnorm groups=3 eps=0.001"),
        (layer("PReLU", "c", shared_axes=[1, 2]), "[c] prelu init=constant(0)"),
        (layer("PReLU", "c", shared_axes=[1, 2, 3]), "[c] prelu shared=yes init=constant(0)"),
        (layer("LeakyReLU", "c"), "[c] leakyrelu slope=0.3"),
        (layer("Activation", "c", activation="leaky_relu"), "[c] leakyrelu slope=0.2"),
        (layer("ReLU", "c", max_value=6.0), "[c] relu6"),
        (layer("ELU", "c", alpha=0.5), "[c] elu alpha=0.5"),
        (layer("Activation", "c", activation="hard_sigmoid"), "[c] hardsigmoid"),
        (layer("SpatialDropout2D", "c", rate=0.25), "[c] dropout rate=0.25 over=channels"),
        (layer("Dropout", "c", rate=0.25, noise_shape=[None, 1, 1, 1]), "[c] dropout rate=0.25 over=images"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_layer(given: dict[str, Any], line: str) -> None:
    assert ", ".join(spec(given)) == line


def test_fully_connected_layer_behind_an_image() -> None:
    given = spec(layer("Flatten", "f"), layer("Dense", "d", units=5, activation="softmax"))
    assert given == ["[d] fc outputs=5 init=xavier", "[d_prob] softmax"]


def test_flattened_image_that_is_returned() -> None:
    """Keras returns the channels of a pixel together, and a spec the pixels of a channel, which a shuffle turns."""
    found = spec(layer("ReLU", "r"), layer("Flatten", "f"))
    assert found == ["[r] relu", "[flatten] flatten", "[f] shuffle groups=3"]


def test_vector_that_becomes_an_image() -> None:
    """Keras fills it pixel by pixel: number 3 of 12 is channel 0 of pixel 1. A spec fills it channel by channel."""
    found = spec(layer("Dense", "d", units=12), layer("Reshape", "r", target_shape=[2, 2, 3]), shape=(7,))
    assert found == ["[d] fc outputs=12 init=xavier", "[r] shuffle groups=4", "[r_reshape] reshape size=3x2x2"]


def test_padding_in_front_of_a_convolution_is_its_own() -> None:
    found = spec(
        layer("ZeroPadding2D", "p", padding=3), layer("Conv2D", "c", filters=4, kernel_size=7, strides=2),
        shape=(15, 15, 3),
    )  # fmt: skip
    assert found == ["[c] conv filters=4 kernel=7 stride=2 pad=3 init=xavier"]


@pytest.mark.parametrize(
    ("layers", "keys"),
    [
        ([layer("Rescaling", "r", scale=1 / 255)], ""),
        ([layer("Rescaling", "r", scale=1 / 127.5, offset=-1)], " mean=0.5 std=0.5"),
        ([layer("Rescaling", "r", scale=1.0, offset=-100.0)], " range=255 mean=100"),
        ([layer("RandomFlip", "f"), layer("Rescaling", "r", scale=1 / 127.5, offset=-1)], " mean=0.5 std=0.5"),
        ([layer("Rescaling", "r", scale=1 / 255), layer("Normalization", "n", mean=[0.4, 0.5, 0.6],
                                                        variance=[0.04, 0.04, 0.09])],
         " mean=0.4,0.5,0.6 std=0.2,0.2,0.3"),
    ],
)  # fmt: skip
def test_preparation_of_images(layers: list[dict[str, Any]], keys: str) -> None:
    """Pixels of Keras are from 0 to 255, those of a spec from 0 to ``range``, by default 1."""
    model = sequential(image(9, 8, 3), *layers, layer("GlobalMaxPooling2D", "g"))
    text = import_keras(Source("m.json", json.dumps(model))).net.source.text
    line = next(line for line in text.splitlines() if line.startswith("[image]"))
    assert " ".join(line.split()) == f"[image] input 3x9x8{keys}"


def test_preparation_behind_another_reader_is_a_layer() -> None:
    rescaling = reads(layer("Rescaling", "r", scale=0.5, offset=1), "image")
    join = reads(layer("Add", "a"), "r", "image")
    found = lines(functional(reads(image(9, 8, 3)), rescaling, join, outputs=("a",)))
    assert found == ["[r] linear a=0.5 b=1", "[a] sum inputs=r,image"]


def test_layer_that_is_called_twice_shares_its_weights() -> None:
    conv = reads(layer("Conv2D", "c", filters=3, kernel_size=1), "image", ("c", 0), calls=2)
    found = lines(functional(reads(image(9, 8, 3)), conv, reads(layer("Add", "a"), "c", ("c", 1)), outputs=("a",)))
    assert found == [
        "[c] conv filters=3 kernel=1 init=xavier", "[c_conv] conv filters=3 kernel=1 weights=c",
        "[a] sum inputs=c,c_conv",
    ]  # fmt: skip


def test_squeeze_and_excitation() -> None:
    parts = (
        reads(image(9, 8, 6)), reads(layer("GlobalAveragePooling2D", "g"), "image"),
        reads(layer("Reshape", "r", target_shape=[1, 1, 6]), "g"),
        reads(layer("Conv2D", "c", filters=6, kernel_size=1, activation="sigmoid"), "r"),
        reads(layer("Multiply", "m"), "image", "c"),
    )  # fmt: skip
    assert lines(functional(*parts, outputs=("m",))) == [
        "[g] avgpool kernel=global", "[c] conv filters=6 kernel=1 init=xavier neuron=logistic",
        "[m] product inputs=image,c",
    ]  # fmt: skip


def test_numbers_along_axes() -> None:
    """Of channels, and of the pixels of each channel: operations of Keras."""
    parts = (
        reads(image(9, 8, 6)), reads(layer("Max", "m", axis=-1, keepdims=True), "image"),
        reads(layer("Mean", "n", axis=[3], keepdims=True), "image"), reads(layer("Concatenate", "j"), "m", "n"),
        reads(layer("Clip", "c", x_min=0, x_max=6), "j"), reads(layer("Sum", "s", axis=[1, 2]), "c"),
    )  # fmt: skip
    assert lines(functional(*parts, outputs=("s",))) == [
        "[m] channelmax", "[n] channelmean inputs=image", "[j] concat neuron=relu6 inputs=m,n",
        "[s] sumpool kernel=global", "[flatten] flatten",
    ]  # fmt: skip


def test_model_that_is_a_layer() -> None:
    inner = sequential(layer("Conv2D", "c", filters=4, kernel_size=3), layer("ReLU", "r"), name="block")
    found = spec(inner, layer("Conv2D", "d", filters=2, kernel_size=1))
    assert [line.split("]")[0] for line in found] == ["[block_c", "[d"]


def test_images_of_any_size() -> None:
    model = sequential(image(None, None, 3), layer("GlobalMaxPooling2D", "g"))
    assert lines(model, Shape(3, 32, 24)) == ["[g] maxpool kernel=global", "[flatten] flatten"]


def old(kind: str, name: str, *inputs: str, **config: Any) -> dict[str, Any]:
    """A layer of a functional model of Keras 2."""
    nodes = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def test_functional_model_of_keras_2() -> None:
    """Its ``hard_sigmoid`` is max(0, min(1, 0.2 x + 0.5)), and a function of TensorFlow has its number as ``y``."""
    layers = [
        old("InputLayer", "image", batch_input_shape=[None, 9, 8, 3]),
        old("Conv2D", "c", "image", filters=3, kernel_size=[1, 1], activation="hard_sigmoid"),
        {**old("TFOpLambda", "t", function="math.multiply"), "inbound_nodes": [["c", 0, 0, {"y": 2.0, "name": None}]]},
        old("Add", "a", "t", "image"),
        {
            **old("TFOpLambda", "s", function="math.subtract"),
            "inbound_nodes": [["_CONSTANT_VALUE", -1, 1, {"y": ["a", 0, 0]}]],
        },
    ]
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [["s", 0, 0]]}
    for written in (layers, layers[::-1]):  # in any order
        config = {"name": "m", "layers": written, **ends}
        assert lines({"class_name": "Functional", "config": config, "keras_version": "2.9.0"}) == [
            "[c] conv filters=3 kernel=1 init=xavier", "[c_linear] linear a=1.2", "[c_hardsigmoid] hardsigmoid",
            "[t] linear a=2", "[a] sum inputs=t,image", "[s] linear a=-1 b=1",
        ]  # fmt: skip


def test_constants_that_a_functional_model_of_keras_2_computes_with() -> None:
    """One for each channel, in as many lists as an image has axes; all but the largest float32 digits are noise."""
    numbers = {"y": [[[[2.0, 3.0, 0.10000000149011612]]]]}
    layers = [
        old("InputLayer", "image", batch_input_shape=[None, 9, 8, 3]),
        old("LeakyReLU", "r", "image", alpha={"type": "ndarray", "value": 0.30000001192092896}),
        {**old("TFOpLambda", "t", function="math.multiply"), "inbound_nodes": [["r", 0, 0, numbers]]},
    ]  # fmt: skip
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [["t", 0, 0]]}
    model = {"config": {"name": "m", "layers": layers, **ends}, "class_name": "Model", "keras_version": "2.4.0"}
    assert lines(model) == ["[r] leakyrelu slope=0.3", "[t] affine bias=none"]


def test_sequential_model_of_keras_2_without_an_input_layer() -> None:
    first = {"class_name": "Dense", "config": {"name": "d", "batch_input_shape": [None, 7], "units": 3}}
    for config in ({"name": "m", "layers": [first]}, [first]):  # before Keras 2.3, the layers alone
        model = {"class_name": "Sequential", "config": config, "keras_version": "2.2.4"}
        assert lines(model) == ["[d] fc outputs=3 init=xavier"]
        assert lines({"modelTopology": {"model_config": model}}) == lines(model), "of TensorFlow.js"
