"""Specs of models compute what Keras computes, on its PyTorch backend, with random weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras_models import assert_same, first, images_of, imported, keras, randomised

from netspec import backend

L, ops = keras.layers, keras.ops

pytestmark = [pytest.mark.peers, pytest.mark.ci]


def chain(*layers: Any, shape: tuple[int, ...] = (9, 8, 3)) -> Any:
    return keras.Sequential([keras.Input(shape), *layers])


DECONVS = [(3, 2, "same"), (3, 2, "valid"), (2, 3, "valid"), (4, 2, "same"), (5, 3, "same"), (2, 3, "same")]
CHAINS: list[tuple[str, list[Any]]] = [
    ("convolutions", [
        L.Conv2D(4, 3, padding="same", strides=2, activation="relu"),
        L.Conv2D(6, (3, 2), padding="same", dilation_rate=2),
        L.Conv2D(4, 1, groups=2, use_bias=False), L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", strides=2),
        L.SeparableConv2D(5, 2, depth_multiplier=2, activation="elu"),
    ]),
    *((f"transposed {k} {s} {p}", [L.Conv2DTranspose(4, k, strides=s, padding=p)]) for k, s, p in DECONVS),
    ("transposed, padded", [L.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=0),
                            L.Conv2DTranspose(4, 3, strides=2, padding="valid", output_padding=1)]),
    ("pooling", [L.MaxPooling2D(3, 2, "same"), L.AveragePooling2D(3, 1, "same"), L.AveragePooling2D(2, 1)]),
    ("global", [L.GlobalMaxPooling2D(keepdims=True), L.Conv2D(4, 1), L.GlobalAveragePooling2D(), L.Dense(4)]),
    ("adaptive", [L.AdaptiveAveragePooling2D((2, 4))] if hasattr(L, "AdaptiveAveragePooling2D") else [L.Identity()]),
    ("flattened", [L.Conv2D(4, 3), L.Flatten(), L.Dense(5, activation="softmax")]),
    ("returned flat", [L.Conv2D(4, 3), L.Flatten()]),
    ("permuted", [L.Permute((3, 1, 2)), L.Flatten(), L.Dense(2)]),
    ("reshaped", [L.Flatten(), L.Dense(24), L.BatchNormalization(), L.ReLU(), L.Reshape((3, -1, 4)), L.Conv2D(2, 2)]),
    ("normalised", [
        L.BatchNormalization(), L.BatchNormalization(scale=False, epsilon=1e-4), L.BatchNormalization(center=False),
        L.LayerNormalization(), L.LayerNormalization(center=False), L.Conv2D(6, 1), L.GroupNormalization(3),
        L.GroupNormalization(-1), L.Conv2D(2, 1),
    ]),
    ("sides", [L.ZeroPadding2D(((1, 2), (0, 1))), L.Conv2D(3, 3), L.ZeroPadding2D(1), L.MaxPooling2D(3, 2),
               L.UpSampling2D((2, 3)), L.UpSampling2D(2, interpolation="bilinear"), L.Cropping2D(((1, 2), (0, 1)))]),
    ("affine", [L.Conv2D(3, 1), L.Rescaling([0.5, 0.3, 0.2], [1.0, 2.0, 3.0]),
                L.Normalization(mean=[1.0, 2, 3], variance=[1.0, 4, 9]),
                L.Normalization(mean=1.0, variance=4.0, invert=True)]),
    ("statistics", [L.Conv2D(3, 1), L.Normalization()]),
    ("dropped", [L.Dropout(0.5), L.SpatialDropout2D(0.2), L.GaussianNoise(0.1), L.Conv2D(2, 1)]),
    ("slopes", [L.PReLU(shared_axes=[1, 2]), L.Conv2D(2, 1), L.PReLU(shared_axes=[1, 2, 3]), L.Flatten(), L.Dense(4),
                L.PReLU(), L.LeakyReLU(), L.ELU(0.5), L.ReLU(3.0), L.ReLU(negative_slope=0.1)]),
    ("dense pixels", [L.Dense(4, activation="relu"), L.Conv2D(2, 1)]),
]  # fmt: skip


ACTIVATIONS = (
    "leaky_relu", "relu6", "selu", "sigmoid", "tanh", "silu", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "mish",
    "softmax", "log_softmax", "celu",
)  # fmt: skip


@pytest.mark.parametrize("layers", [layers for _, layers in CHAINS], ids=[name for name, _ in CHAINS])
def test_chain(layers: list[Any]) -> None:
    assert_same(chain(*layers))


def test_channels_first() -> None:
    layers = [L.Conv2D(4, 1, data_format="channels_first"), L.BatchNormalization(axis=1),
              L.Flatten(data_format="channels_first"), L.Dense(3)]  # fmt: skip
    assert_same(chain(*layers, shape=(3, 9, 8)), channels_first=True)


def activated(i: Any) -> Any:
    x = L.Conv2D(3, 1)(i)
    return L.Concatenate()([L.Activation(word)(x) for word in ACTIVATIONS])


def joined(i: Any) -> Any:
    a, b, c = L.Conv2D(4, 3, padding="same")(i), L.Conv2D(4, 1)(i), L.Conv2D(4, 1)(i)
    parts = [L.Multiply()([a, b, c]), L.Average()([a, b, c]), L.Maximum()([a, b]), L.Minimum()([b, c])]
    return L.Concatenate()([*parts, L.Subtract()([a, b]), L.Add()([a, b, c])])


def computed(i: Any) -> Any:
    y = L.Conv2D(3, 1)(i)
    z = 1.0 - ops.relu((y + i) * 2.0)
    z = keras.activations.relu(L.Add()([z, i]), max_value=6) / 2
    return ops.concatenate([ops.maximum(ops.silu(z) - 0.5, y), y], axis=-1)


def shared(i: Any) -> Any:
    dense, conv = L.Dense(3), L.Conv2D(3, 3, padding="same")
    a = dense(i)
    b = dense(L.Activation("relu")(a))
    return L.Concatenate()([conv(a), conv(b), b])


def gated(i: Any) -> Any:
    s = L.Reshape((1, 1, 3))(L.GlobalAveragePooling2D()(i))
    s = L.Dense(3, activation="sigmoid")(L.Dense(2, activation="relu")(s))
    return L.Multiply()([s, i])


def gated_by_a_vector(i: Any) -> Any:
    return L.Multiply()([L.Dense(3, activation="sigmoid")(L.GlobalAveragePooling2D()(i)), i])


def nested(i: Any) -> Any:
    j = keras.Input((9, 8, 3))
    inner = keras.Model(j, [L.Conv2D(4, 3, name="c")(j), L.Conv2D(4, 3, name="e")(j)], name="two")
    blocks = [keras.Sequential([keras.Input((9, 8, 3)), L.Conv2D(3, 3, padding="same", name="c"),
                                L.BatchNormalization(name="b")], name=name) for name in "pq"]  # fmt: skip
    a, b = inner(i)
    c, d = inner(keras.Sequential(blocks, name="out")(i))
    return L.Add()([a, b, c, d])


def hard_swish(i: Any) -> Any:
    x = L.Conv2D(4, 1)(i)
    return x * keras.activations.relu6(x + 3.0) * (1 / 6)


def attended(i: Any) -> Any:
    along = [ops.mean(i, axis=-1, keepdims=True), ops.max(i, axis=-1, keepdims=True)]
    x = i * L.Conv2D(1, 3, padding="same", activation="sigmoid")(L.Concatenate()(along))
    return ops.mean(ops.clip(x, -1, 1), axis=[1, 2]) + ops.sum(x**2, axis=(1, 2)) * 0.01


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    "network", [activated, attended, joined, computed, shared, gated, gated_by_a_vector, nested, hard_swish]
)
def test_functional_model(network: Any, suffix: str) -> None:
    i = keras.Input((9, 8, 3))
    assert_same(keras.Model(i, network(i)), suffix=suffix)


def test_preparation() -> None:
    """The images are prepared as the input line says: pixels in 0 to 1, minus a mean, divided by a deviation."""
    model = randomised(chain(L.Rescaling(1 / 255), L.Normalization(), L.Conv2D(4, 3)))
    images = images_of(model)
    result = imported(model)
    said = result.net.graph.preprocessing
    assert said.range == 1 and not isinstance(said.mean, str) and not isinstance(said.std, str)
    mean, std = (np.array(numbers).reshape(-1, 1, 1) for numbers in (said.mean, said.std))
    arrays = {key: read() for key, read in result.arrays.items()}
    prepared = (first(images) / 255 - mean) / std
    actual = backend.load("reference").run(result.net.graph, arrays, prepared, statistics=arrays).output
    expected = first(model(images, training=False).detach().numpy())
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


APPLICATIONS = {
    "MobileNetV2": 32, "DenseNet121": 32, "ResNet50V2": 32, "Xception": 71, "InceptionV3": 75, "ConvNeXtTiny": 32,
    "EfficientNetV2B0": 32, "MobileNetV3Small": 32, "VGG16": 32, "ResNet50": 32, "MobileNet": 32,
    "InceptionResNetV2": 75,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_network_of_keras_applications(name: str) -> None:
    side = APPLICATIONS[name]
    prepared = name.startswith(("Eff", "MobileNetV3", "ConvNeXt"))
    more = {"include_preprocessing": False} if prepared else {}
    make = getattr(keras.applications, name)
    model = make(weights=None, classes=10, input_shape=(side, side, 3), **more)
    result = assert_same(model)
    own = sum(int(np.prod(read().shape)) for read in result.arrays.values())
    fixed = sum(layer.gamma is None for layer in model.layers if isinstance(layer, L.BatchNormalization))
    assert (own == model.count_params()) == (fixed == 0), "a spec has scales that Keras leaves out, fixed at 1"
