"""Values of layers over maps, against cuda-convnet's formulas written in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from computed import Array, random_parameters, values
from layerfiles import DATA, SHAPE, conv, ending, load, merged_spec, net

from netspec import backend
from netspec.importers.cuda_convnet import Dialect
from netspec.ir.ops import RandomScale
from netspec.ir.shape import Shape

V2: Dialect = "v2"


def run_layer(layer: str, dialect: Dialect | None = V2, name: str = "x") -> tuple[Array, Array]:
    """Return the images, and the output of a layer that reads them."""
    head, _, rest = layer.partition("\n")
    text = net(f"{head}\ninputs=data\ngpu=0\n{rest}\n", name)
    found = values(load(text, dialect=dialect).graph)
    return found["data"], found[name]


def pooled(x: Array, size: int, stride: int, start: int, outputs: int, kind: str) -> Array:
    """Pool windows [start + i stride, start + i stride + size), cut to the image; an empty window gives 0."""
    side = x.shape[2]
    y = np.zeros((*x.shape[:2], outputs, outputs))
    for i, j in np.ndindex(outputs, outputs):
        rows = slice(max(0, start + i * stride), min(side, start + i * stride + size))
        columns = slice(max(0, start + j * stride), min(side, start + j * stride + size))
        window = (
            x[:, :, rows, columns].reshape(*x.shape[:2], -1) if rows.stop > 0 and columns.stop > 0 else x[..., :0, 0]
        )
        if not window.size:
            continue
        if kind == "max":
            y[:, :, i, j] = window.max(axis=2)
        elif kind == "maxabs":
            last_maximum = window.shape[2] - 1 - np.abs(window)[:, :, ::-1].argmax(axis=2)
            y[:, :, i, j] = np.take_along_axis(window, last_maximum[:, :, None], axis=2)[:, :, 0]
        else:
            y[:, :, i, j] = window.sum(axis=2) / (window.shape[2] if kind == "avg" else 1)
    return y


@pytest.mark.parametrize("kind", ["max", "maxabs", "avg", "sum"])
@pytest.mark.parametrize(
    ("size", "stride", "start", "outputs", "places"),
    [
        (3, 2, 0, 0, 4),  # the last window overhangs by one
        (3, 3, 0, 0, 3),
        (4, 3, -2, 0, 3),
        (3, 2, 1, 0, 3),  # a pixel before the first window
        (3, 2, 0, 2, 2),  # pixels after the last window
        (3, 2, 0, 3, 3),  # one pixel, less than a stride
        (3, 3, -2, 3, 3),  # the same with padding
        (2, 2, 3, 2, 2),
        (3, 2, -1, 5, 5),  # the last one covers one pixel
        (5, 2, -4, 3, 3),  # the first one covers one pixel
        (3, 2, 6, 0, 1),  # the only window covers fewer pixels than its size
        (4, 1, 6, 1, 1),
        (3, 2, 0, 7, 7),  # three windows have no pixel
        (3, 2, 1, 6, 6),  # two have none; the first pixel is left out
        (3, 2, -6, 9, 9),  # two before the image and two after it
        (2, 2, -8, 4, 4),  # all windows are outside
        (1, 1, -3, 14, 14),  # single pixels
        (1, 1, 2, 9, 9),
        (1, 1, 2, 3, 3),
    ],
)
def test_pooling_matches_the_formula(kind: str, size: int, stride: int, start: int, outputs: int, places: int) -> None:
    keyword = "pool=avg\nsum=true" if kind == "sum" else f"pool={kind}"
    keys = f"channels=3\nsizeX={size}\nstride={stride}\nstart={start}\noutputsX={outputs}"
    x, y = run_layer(f"[x]\ntype=pool\n{keyword}\n{keys}")
    np.testing.assert_allclose(y, pooled(x, size, stride, start, places, kind), atol=1e-12)


def test_maxabs_takes_the_last_of_equal_magnitudes() -> None:
    graph = load(net("[x]\ntype=pool\ninputs=data\npool=maxabs\nchannels=3\nsizeX=2\nstride=2\ngpu=0\n", "x")).graph
    image = np.zeros(SHAPE)
    image[0, :2, :2], image[1, :2, :2], image[2, :2, :2] = [[3, -3], [1, 2]], [[1, -3], [3, 2]], [[-1, -1], [1, -1]]
    pooled_maps = backend.load("reference").run(graph, random_parameters(graph), image[None]).values["x"]
    np.testing.assert_array_equal(pooled_maps[0, :, 0, 0], [-3, 3, -1])


POOL = "[x]\ntype=pool\ninputs=data\npool={}\nchannels=3\nsizeX=3\nstride=2\n{}\ngpu=0\n"


def test_windows_without_a_pixel_are_reported() -> None:
    """The original gave a maximum of -2e38 for them, or divided by zero pixels."""
    (warning,) = load(net(POOL.format("max", "outputsX=6"), "x"), dialect=V2).warnings
    assert (warning.code, warning.span.line, warning.span.text) == ("cfg-substitute", 14, "6")
    assert warning.message == "x: 2 of its 6 windows per axis have no pixel; zeros are used for their maximum"
    assert warning.notes == (
        "window i (0 to 5) covers 0 + 2 i to 2 + 2 i, of pixels 0 to 7; 4 to 5 cover none",
        "the original's programs gave -2e38 for the maximum of nothing",
    )
    (warning,) = load(net(POOL.format("avg", "start=-4"), "x"), dialect=V2).warnings
    assert (warning.span.text, warning.message.partition(";")[0]) == (
        "-4",
        "x: 1 of its 6 windows per axis has no pixel",
    )
    assert warning.notes[0] == "window i (0 to 5) covers -4 + 2 i to -2 + 2 i, of pixels 0 to 7; 0 cover none"
    (warning,) = load(net(POOL.format("max", "outputsX=9\nstart=-6"), "x"), dialect=V2).warnings
    assert warning.notes[0].endswith("of pixels 0 to 7; 0 to 1 and 7 to 8 cover none")


@pytest.mark.parametrize("kind", ["maxabs", "avg\nsum=true", "max\nneuron=relu", "max\nneuron=brelu[3]"])
def test_empty_windows_that_were_0_give_no_warning(kind: str) -> None:
    assert load(net(POOL.format(kind, "outputsX=6"), "x"), dialect=V2).warnings == ()


def test_convolution_outside_the_image_gives_its_biases() -> None:
    """Version 2 allows more windows than fit into the image, and both versions any padding: these windows see zeros."""
    middle = (
        "[x]\ntype=conv\ninputs=data\nchannels=3\nfilters=16\nfilterSize=3\npadding={}\nstride=2\ninitW=0.1\n"
        "sumWidth=1\npartialSum=0\ninitB=1\n{}\ngpu=0\n"
    )
    for padding, more, dialect, side in ((0, "modulesX=9", V2, 9), (5, "", "2012", 9)):
        graph = load(net(middle.format(padding, more), "x"), dialect=dialect).graph
        weights = random_parameters(graph)
        found = values(graph, weights)
        assert found["x"].shape == (2, 16, side, side)
        places = [2 * i - padding for i in range(side)]
        empty = np.array([place >= 8 or place + 3 <= 0 for place in places])
        outside = found["x"][:, :, empty]
        assert empty.sum() >= 2
        np.testing.assert_allclose(outside, np.broadcast_to(weights["x.bias"][None, :, None, None], outside.shape))
        image = np.pad(found["data"], ((0, 0), (0, 0), (padding, 20), (padding, 20)))
        for i, j in ((0, 0), (2, 3), (4, 2), (side - 1, 1)):
            window = image[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            expected = np.einsum("ncyx,fcyx->nf", window, weights["x.weight"]) + weights["x.bias"]
            np.testing.assert_allclose(found["x"][:, :, i, j], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "stride", "start", "outputs"),
    [(2, 2, 0, 8), (3, 2, 0, 8), (3, 2, -1, 8), (4, 4, -3, 5), (16, 1, 0, 1), (3, 2, -1, 11)],
)
def test_pooling_across_maps_matches_the_formula(size: int, stride: int, start: int, outputs: int) -> None:
    pool = f"[x]\ntype=cmpool\ninputs=c\nchannels=16\nsize={size}\nstride={stride}\nstart={start}\noutputs={outputs}\n"
    found = values(load(net(conv("c", "data", 3) + pool + "pool=max\nneuron=relu\n", "x")).graph)
    x, y = found["c"], found["x"]
    firsts = [start + i * stride for i in range(outputs)]
    windows = [x[:, max(0, f) : f + size].max(axis=1) if f < 16 else np.zeros_like(x[:, 0]) for f in firsts]
    np.testing.assert_allclose(y, np.maximum(np.stack(windows, axis=1), 0), atol=1e-12)


@pytest.mark.parametrize("size", [3, 4, 5, 16])
def test_normalisation_across_maps_matches_the_formula(size: int) -> None:
    norm = f"[n]\ntype=cmrnorm\ninputs=c\nchannels=16\nsize={size}\n"
    rates = "".join(f"[{name}]\nepsW=0\nepsB=0\nmomW=0\nmomB=0\n" for name in ("c", "out"))
    params = rates + "[n]\nscale=0.3\npow=0.6\nminDiv=2\n[logprob]\ncoeff=1\n"
    found = values(load(net(conv("c", "data", 3) + norm, "n"), params).graph)
    x = found["c"]
    windows = [x[:, max(0, i - size // 2) : i - size // 2 + size] for i in range(16)]
    sums = np.stack([(window**2).sum(axis=1) for window in windows], axis=1)
    np.testing.assert_allclose(found["n"], x * (2 + 0.3 / size * sums) ** -0.6, rtol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 4, 8])
@pytest.mark.parametrize(("word", "dialect"), [("rnorm", "2012"), ("rnorm", V2), ("cnorm", "2012"), ("cnorm", V2)])
def test_normalisation_within_maps_matches_the_formula(word: str, dialect: Dialect, size: int) -> None:
    """The window is cut at the borders: the sum is not rescaled, and the mean is of the pixels inside. Only version 2
    has the constant as a parameter."""
    norm = f"[n]\ntype={word}\ninputs=data\ngpu=0\nchannels=3\nsize={size}\n"
    rates = "[out]\nepsW=0\nepsB=0\nmomW=0\nmomB=0\n"
    params = rates + "[n]\nscale=0.3\npow=0.6\nminDiv=2\n[logprob]\ncoeff=1\n"
    found = values(load(net(norm, "n"), params, dialect).graph)
    x, k = found["data"], 1.0 if dialect == "2012" else 2.0
    sums, means = window_sums(x**2, size)[0], window_sums(x, size)
    if word == "cnorm":
        sums, _ = window_sums((x - means[0] / means[1]) ** 2, size)
    np.testing.assert_allclose(found["n"], x * (k + 0.3 / size**2 * sums) ** -0.6, rtol=1e-12)


def window_sums(x: Array, size: int) -> tuple[Array, Array]:
    """Return the sum and the number of the pixels in the window around each pixel, cut at the borders."""
    total, count = np.zeros_like(x), np.zeros_like(x)
    for i, j in np.ndindex(x.shape[2:]):
        rows, columns = (slice(max(0, at - size // 2), max(0, at - size // 2 + size)) for at in (i, j))
        window = x[:, :, rows, columns]
        total[:, :, i, j], count[:, :, i, j] = window.sum(axis=(2, 3)), window[0, 0].size
    return total, count


def test_blur_pads_with_zeros() -> None:
    x, y = run_layer("[x]\ntype=blur\nchannels=3\nfilterSize=5\nstdev=1.5", None)
    line = np.exp(-((np.arange(5) - 2) ** 2) / (2 * 1.5**2))
    line /= line.sum()
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
    expected = sum(line[i] * line[j] * padded[:, :, i : i + 8, j : j + 8] for i, j in np.ndindex(5, 5))
    np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize(("stride", "first", "count"), [(2, 1, 4), (3, 1, 3), (4, 2, 2), (5, 1, 2), (9, 4, 1)])
def test_nailbed_is_centred(stride: int, first: int, count: int) -> None:
    x, y = run_layer(f"[x]\ntype=nailbed\nchannels=3\nstride={stride}", None)
    assert y.shape[2:] == (count, count)
    np.testing.assert_array_equal(y, x[:, :, first::stride, first::stride])


def test_href_mirrors_columns() -> None:
    x, y = run_layer("[x]\ntype=href\nchannels=3", None)
    np.testing.assert_array_equal(y, x[..., ::-1])


@pytest.mark.parametrize(
    ("size", "stride", "padding", "places"), [(3, 2, 0, 4), (5, 3, 2, 4), (3, 3, 0, 3), (8, 1, 0, 1)]
)
@pytest.mark.parametrize("type_", ["conv", "local"])
def test_convolution_windows_overhang_right_and_bottom(
    type_: str, size: int, stride: int, padding: int, places: int
) -> None:
    """Window m starts at m stride - padding; pixels outside the image are 0. 4 groups of 4 maps and 16 filters."""
    keys = f"channels=16\nfilters=16\ngroups=4\nfilterSize={size}\nstride={stride}\npadding={padding}\ninitW=0.1\n"
    layer = f"[x]\ntype={type_}\ninputs=c\n{keys}partialSum=0\n"
    graph = load(net(conv("c", "data", 3) + layer, "x"), dialect="2012").graph
    given = random_parameters(graph)
    found = values(graph, given)
    x, y, weight, bias = found["c"], found["x"], given["x.weight"], given["x.bias"]
    assert y.shape == (2, 64, places, places)
    padded = np.pad(x, ((0, 0), (0, 0), (padding, size + 8), (padding, size + 8)))
    for f, i, j in [(0, 0, 0), (17, places - 1, 0), (40, 0, places - 1), (63, places - 1, places - 1)]:
        window = padded[
            :, f // 16 * 4 : f // 16 * 4 + 4, i * stride : i * stride + size, j * stride : j * stride + size
        ]
        own = (weight[f, i, j], bias[f, i, j]) if type_ == "local" else (weight[f], bias[f])
        np.testing.assert_allclose(y[:, f, i, j], (window * own[0]).sum(axis=(1, 2, 3)) + own[1], atol=1e-12)


def test_crop_starts_at_its_offsets() -> None:
    x, y = run_layer("[x]\ntype=crop\nchannels=3\nstartX=2\nstartY=1\nsizeX=5")
    np.testing.assert_array_equal(y, x[:, :, 1:6, 2:7])


@pytest.mark.parametrize("scale", [0.5, 0.75, 1, 1.3, 2])
def test_resize_interpolates_bilinearly(scale: float) -> None:
    x, y = run_layer(f"[x]\ntype=resize\nchannels=3\nscale={scale}", None)
    target = int(8 / scale)
    assert y.shape[2:] == (target, target)
    at = [min(max(t * scale + 4 - target * scale / 2, 0), 8 - 1.01) for t in range(target)]
    for i, j in np.ndindex(target, target):
        r, c = int(at[i]), int(at[j])
        u, v = at[i] - r, at[j] - c
        expected = (1 - u) * (1 - v) * x[:, :, r, c] + (1 - u) * v * x[:, :, r, c + 1]
        expected += u * (1 - v) * x[:, :, r + 1, c] + u * v * x[:, :, r + 1, c + 1]
        np.testing.assert_allclose(y[:, :, i, j], expected, atol=1e-12)


RSCALE = "type=rscale\ninputs=data\nchannels=3\nmaxScale=1.5\ntgtSize=5\n"


def test_random_scale_is_a_central_crop_outside_training() -> None:
    loaded = load(net(f"[x]\n{RSCALE}gpu=0\n", "x"))
    found = values(loaded.graph)
    np.testing.assert_array_equal(found["x"], found["data"][:, :, 1:6, 1:6])
    assert loaded.graph.nodes["x"].op == RandomScale(5, 1.5)
    assert loaded.warnings == ()


def test_random_scale_twins_stay_two_lines() -> None:
    """Each draws its own scale."""
    text = merged_spec(DATA + f"[ra]\n{RSCALE}gpu=0\n[rb]\n{RSCALE}gpu=1\n" + ending("ra,rb"))
    assert [line.split()[:2] for line in text.splitlines() if "randomscale" in line] == [
        ["[ra]", "randomscale"], ["[rb]", "randomscale"]
    ]  # fmt: skip


def test_colour_conversions_match_the_formulas() -> None:
    x, y = run_layer("[x]\ntype=rgb2yuv")
    red, green, blue = x[:, 0], x[:, 1], x[:, 2]
    np.testing.assert_allclose(y[:, 1], -0.09991 * red - 0.33609 * green + 0.436 * blue, atol=1e-12)
    np.testing.assert_allclose(y[:, 2], 0.615 * red - 0.55861 * green - 0.05639 * blue, atol=1e-12)
    for center, middle in (("", 16), ("center=true", 66)):
        x, y = run_layer(f"[x]\ntype=rgb2lab\n{center}")
        t = 0.17697 * x[:, 0] + 0.8124 * x[:, 1] + 0.01063 * x[:, 2]
        above = t > 0.0088564517
        f = np.where(above, np.where(above, t, 1) ** 0.3333, 7.787037 * t + 0.13793103)
        np.testing.assert_allclose(y[:, 0], 116 * f - middle, atol=1e-12)


def test_sum_adds_runs_of_the_vector() -> None:
    x, y = run_layer("[x]\ntype=sum\nstride=4")
    np.testing.assert_allclose(y, x.reshape(2, 48, 4).sum(axis=2), atol=1e-12)


def test_last_block_of_a_blocked_norm_may_be_smaller() -> None:
    norm = "[n]\ntype=cmrnorm\ninputs=c\nchannels=16\nsize=5\nblocked=true\nneuron=relu\n"
    found = values(load(net(conv("c", "data", 3) + norm, "n")).graph)
    x = found["c"]
    sums = [(x[:, i // 5 * 5 : i // 5 * 5 + 5] ** 2).sum(axis=1) for i in range(16)]
    expected = x * (1 + 0.0001 / 5 * np.stack(sums, axis=1)) ** -0.75
    np.testing.assert_allclose(found["n"], np.maximum(expected, 0), atol=1e-12)


def test_values_may_be_read_as_maps_of_another_size() -> None:
    """A fully connected layer's 256 numbers as 64 maps of 2 x 2, and a convolution's 16 of 8 x 8 as 64 of 4 x 4."""
    code = "[f]\ntype=fc\ninputs=data\noutputs=256\ninitW=0.1\ngpu=0\n" + conv("c", "f", 64)
    pool = "[p]\ntype=pool\npool=max\ninputs=d\nchannels=64\nsizeX=2\nstride=2\n"
    graph = load(net(code + conv("d", "data", 3) + pool, "c,p")).graph
    found = values(graph)
    assert graph.layers["c"].output == (16, 2, 2)
    np.testing.assert_array_equal(found["p"], pooled(found["d"].reshape(2, 64, 4, 4), 2, 2, 0, 2, "max"))


def test_data_layer_may_be_a_range_of_the_data() -> None:
    text = DATA.replace("dataIdx=0\n", "dataIdx=0\nend=128\n", 1) + "[more]\ntype=data\ndataIdx=0\nstart=100\nend=110\n"
    text += "[last]\ntype=data\ndataIdx=0\nstart=64\nend=192\n"
    found = values(load(text + ending("data,more,last"), dialect=V2).graph)
    whole = found["data-whole"]
    np.testing.assert_array_equal(found["last"], whole[:, 1:])
    np.testing.assert_array_equal(found["data"], whole[:, :2])
    np.testing.assert_array_equal(found["more"], whole.reshape(2, -1)[:, 100:110])


def test_range_of_data_that_is_a_vector_or_no_square() -> None:
    text = DATA.replace("dataIdx=0\n", "dataIdx=0\nstart=5\nend=25\n", 1) + ending("data")
    for shape in (Shape(30), Shape(2, 3, 5)):
        found = values(load(text, dialect=V2, shape=shape).graph)
        np.testing.assert_array_equal(found["data"], found["data-whole"].reshape(2, 30)[:, 5:25])


def test_inputs_of_one_layer_may_have_different_paddings() -> None:
    two = (
        "[c]\ntype=conv\ninputs=data,data\nchannels=3,3\nfilters=16,16\nfilterSize=3,5\npadding=1,2\nstride=1\n"
        "initW=0.1\nsumWidth=1\nmodulesX=9\ninitB=1\nneuron=relu\ngpu=0\n"
    )
    graph = load(net(two, "c"), dialect=V2).graph
    given = random_parameters(graph)
    found = values(graph, given)
    single = net(conv("d", "data", 3, more="neuron=ident").replace("padding=1", "padding=1\nmodulesX=9"), "d")
    single_graph = load(single, dialect=V2).graph
    expected = values(
        single_graph, {**random_parameters(single_graph), "d.weight": given["c_0.weight"], "d.bias": given["c_0.bias"]}
    )["d"]
    assert found["c"].shape == (2, 16, 9, 9)
    np.testing.assert_allclose(found["c_0"], expected, atol=1e-12)
    np.testing.assert_allclose(found["c"], np.maximum(found["c_0"] + found["c_1"], 0), atol=1e-12)
