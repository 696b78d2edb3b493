"""An imported spec computes what Darknet computes, by the loops of Darknet's own layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from darknet_forward import ACTIVATIONS, Array, Forward, Section, written

from netspec import backend
from netspec.importers.darknet import translate
from netspec.net import import_darknet
from netspec.source import Source

HEADER = np.array([0, 2, 0, 0, 0], "<i4").tobytes()


def conv(filters: int = 4, size: int = 3, pad: int = 1, **options: object) -> Section:
    return "convolutional", {"filters": filters, "size": size, "pad": pad, "activation": "leaky", **options}


def layer(word: str, **options: object) -> Section:
    return word, {key.removesuffix("_"): value for key, value in options.items()}


def compared(
    sections: list[Section], folder: Path, shape: tuple[int, ...] = (4, 9, 9), *, biased_norms: bool = True
) -> None:
    """Compare the reference backend with Darknet on random weights, which pass through a file."""
    sides = dict(zip(("channels", "height", "width"), shape, strict=True))
    source = Source("a.cfg", written(("net", sides), *sections))
    rng = np.random.default_rng(len(source.text))
    pieces = [piece for piece in translate(source).pieces if biased_norms or not piece.optional]
    count = sum(int(np.prod(piece.shape)) for piece in pieces)
    numbers = np.asarray(rng.uniform(0.1, 0.5, count), "<f4")  # above 0, as variances are
    path = folder / "a.weights"
    path.write_bytes(HEADER + numbers.tobytes())
    imported = import_darknet(source, weights=path)
    image = rng.standard_normal(shape)
    arrays = {key: np.asarray(read(), np.float64) for key, read in imported.arrays.items()}
    reference: Any = backend.load("reference")
    found: Array = reference.run(imported.net.graph, arrays, image[None], statistics=arrays).output
    expected = Forward(numbers.astype(np.float64), biased_norms).run(sections, image)
    np.testing.assert_allclose(found.reshape(-1), expected.reshape(-1), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"pad": 0}, {"pad": 0, "padding": 2}, {"size": 5, "stride": 2}, {"size": 2}, {"size": 1, "stride": 2},
        {"stride": 4}, {"groups": 2}, {"groups": 4, "batch_normalize": 1}, {"stride_x": 2, "stride_y": 1},
        {"dilation": 2}, {"pad": 0, "padding": 3, "size": 2},
    ],
)  # fmt: skip
def test_convolution(options: dict[str, object], tmp_path: Path) -> None:
    compared([conv(**options)], tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [{}, {"size": 4, "stride": 2, "padding": 1}, {"size": 5, "stride": 3, "pad": 1}, {"size": 2, "stride": 3},
     {"size": 4, "stride": 2, "padding": 1, "batch_normalize": 1, "activation": "leaky"}],
)  # fmt: skip
def test_transposed_convolution(options: dict[str, object], tmp_path: Path) -> None:
    compared([layer("deconvolutional", **{"filters": 3, "size": 3, **options})], tmp_path)


@pytest.mark.parametrize("word", ACTIVATIONS)
def test_activation(word: str, tmp_path: Path) -> None:
    """Numbers up to 12 or so, on both sides of 0, pass through each function, as one of a layer and by itself."""
    sections = [conv(activation="linear"), layer("activation", activation=word), conv(1, 1, 0, activation=word)]
    compared(sections, tmp_path)


@pytest.mark.parametrize("type_", ["maxpool", "local_avgpool"])
@pytest.mark.parametrize(
    "options",
    [
        {"size": 2, "stride": 2}, {"size": 2, "stride": 1}, {"size": 3, "stride": 2}, {"size": 3, "stride": 1},
        {"size": 5, "stride": 3}, {"size": 3, "stride": 2, "padding": 0}, {"size": 3, "stride": 2, "padding": 1},
        {"stride": 2}, {"size": 3, "stride_x": 2, "stride_y": 1},
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", [8, 9])
def test_pooling(type_: str, options: dict[str, object], side: int, tmp_path: Path) -> None:
    compared([(type_, options)], tmp_path, (2, side, side + 3))


@pytest.mark.parametrize(
    "sections",
    [
        pytest.param([layer("connected", output=6, activation="tanh")], id="connected"),
        pytest.param([layer("connected", output=6, batch_normalize=1, activation="relu")], id="connected-normalised"),
        pytest.param([layer("connected", output=6), conv(3, 1, 0), layer("connected", output=2)], id="vector-as-maps"),
        pytest.param([layer("local", filters=3, size=3, activation="leaky")], id="local"),
        pytest.param([layer("local", filters=3, size=3, stride=2, pad=1, activation="linear")], id="local-padded"),
        pytest.param([conv(), layer("avgpool"), layer("softmax", temperature=2)], id="avgpool-softmax"),
        pytest.param([conv(), layer("softmax")], id="softmax-of-all"),
        pytest.param([conv(), layer("softmax", spatial=1)], id="softmax-of-pixels"),
        pytest.param([layer("upsample"), layer("upsample", stride=3, scale=0.5)], id="upsample"),
        pytest.param([conv(8), layer("dropout", probability=0.4), layer("batchnorm")], id="dropout-batchnorm"),
    ],
)
def test_layers(sections: list[Section], tmp_path: Path) -> None:
    compared(sections, tmp_path)


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize(("channels", "stride"), [(8, 2), (9, 3), (4, 2), (16, 4)])
def test_reorg(channels: int, stride: int, reverse: int, tmp_path: Path) -> None:
    compared([layer("reorg", stride=stride, reverse=reverse)], tmp_path, (channels, 12, 24))


@pytest.mark.parametrize(
    "sections",
    [
        pytest.param([conv(), conv(), layer("shortcut", from_=-2, activation="relu")], id="sum"),
        pytest.param([conv(2), conv(5), layer("shortcut", from_=-2, activation="leaky")], id="fewer-channels"),
        pytest.param([conv(5), conv(2), layer("shortcut", from_="0")], id="more-channels"),
        pytest.param([conv(3), conv(5, stride=3), layer("shortcut", from_=-2)], id="every-third-pixel-of-fewer"),
        pytest.param([conv(4), conv(4, stride=3), layer("shortcut", from_=-2)], id="every-third-pixel"),
        pytest.param([conv(), conv(), layer("shortcut", from_=-2, alpha=0.5, beta=3)], id="factors"),
        pytest.param([conv(), conv(), conv(), layer("shortcut", from_="-2,-3")], id="three"),
        pytest.param([conv(), conv(2), layer("route", layers="-1,0")], id="concatenation"),
        pytest.param([conv(), conv(2), layer("route", layers=-2), conv(3)], id="branch"),
        pytest.param([conv(), conv(6), layer("route", layers="-1,0", groups=2, group_id=1)], id="parts"),
        pytest.param([conv(6), layer("avgpool"), conv(6, 1, 0, activation="logistic"),
                      layer("scale_channels", from_=-3, activation="relu")], id="scale-channels"),
        pytest.param([conv(6), layer("connected", output=6), layer("scale_channels", from_=0)], id="scale-by-vector"),
        pytest.param([conv(), conv(), layer("sam", from_=-2)], id="sam"),
        pytest.param([conv(), conv(), layer("route", layers=0)], id="last-is-an-earlier-one"),
    ],
)  # fmt: skip
def test_joins(sections: list[Section], tmp_path: Path) -> None:
    compared(sections, tmp_path)


def test_normalisation_without_biases_is_told_by_the_count(tmp_path: Path) -> None:
    """Files of pjreddie's Darknet have no biases of [batchnorm], those of AlexeyAB's have."""
    sections = [conv(), layer("batchnorm"), layer("connected", output=3), layer("batchnorm")]
    compared(sections, tmp_path, biased_norms=False)
    compared(sections, tmp_path, biased_norms=True)
