"""What layers over maps without weights compute, as cuda-convnet computes it: each number from the formula itself."""

from __future__ import annotations

import numpy as np
import pytest
from computing import Array, drawn, values
from layerfiles import DATA, SHAPE, conv, ending, load, net, readable

from netspec.importers.cuda_convnet import Dialect
from netspec.ir.ops import RandomScale

V2: Dialect = "v2"


def made(layer: str, dialect: Dialect | None = V2, name: str = "x") -> tuple[Array, Array]:
    """The images, and what a layer that reads them makes."""
    head, _, rest = layer.partition("\n")
    text = net(f"{head}\ninputs=data\ngpu=0\n{rest}\n", name)
    found = values(load(text, dialect=dialect).graph)
    return found["data"], found[name]


def pooled(x: Array, size: int, stride: int, start: int, places: int, of: str) -> Array:
    """Window i covers [start + i stride, + size), cut to the image; 0 where that is nothing."""
    side = x.shape[2]
    y = np.zeros((*x.shape[:2], places, places))
    for i, j in np.ndindex(places, places):
        rows = slice(max(0, start + i * stride), min(side, start + i * stride + size))
        columns = slice(max(0, start + j * stride), min(side, start + j * stride + size))
        seen = x[:, :, rows, columns].reshape(*x.shape[:2], -1) if rows.stop > 0 and columns.stop > 0 else x[..., :0, 0]
        if not seen.size:
            continue
        if of == "max":
            y[:, :, i, j] = seen.max(axis=2)
        elif of == "maxabs":
            last = seen.shape[2] - 1 - np.abs(seen)[:, :, ::-1].argmax(axis=2)
            y[:, :, i, j] = np.take_along_axis(seen, last[:, :, None], axis=2)[:, :, 0]
        else:
            y[:, :, i, j] = seen.sum(axis=2) / (seen.shape[2] if of == "avg" else 1)
    return y


@pytest.mark.parametrize("of", ["max", "maxabs", "avg", "sum"])
@pytest.mark.parametrize(
    ("size", "stride", "start", "outputs", "places"),
    [
        (3, 2, 0, 0, 4),  # the last window overhangs by one
        (3, 3, 0, 0, 3),
        (4, 3, -2, 0, 3),
        (3, 2, 1, 0, 3),  # a pixel before the first window
        (3, 2, 0, 2, 2),  # pixels behind the last window
        (2, 2, 3, 2, 2),
        (3, 2, -1, 5, 5),  # the last one covers one pixel
        (5, 2, -4, 3, 3),  # the first one covers one pixel
        (3, 2, 6, 0, 1),  # the only one covers fewer than it has
        (4, 1, 6, 1, 1),
        (3, 2, 0, 7, 7),  # three have none
        (3, 2, 1, 6, 6),  # two, behind a pixel that is left out
        (3, 2, -6, 9, 9),  # two before, two behind
        (2, 2, -8, 4, 4),  # all of them
        (1, 1, -3, 14, 14),  # single pixels
        (1, 1, 2, 9, 9),
        (1, 1, 2, 3, 3),
    ],
)
def test_pooling(of: str, size: int, stride: int, start: int, outputs: int, places: int) -> None:
    kind = "pool=avg\nsum=true" if of == "sum" else f"pool={of}"
    keys = f"channels=3\nsizeX={size}\nstride={stride}\nstart={start}\noutputsX={outputs}"
    x, y = made(f"[x]\ntype=pool\n{kind}\n{keys}")
    np.testing.assert_allclose(y, pooled(x, size, stride, start, places, of), atol=1e-12)


def test_of_magnitudes_that_are_equal_the_last_is_taken() -> None:
    graph = load(net("[x]\ntype=pool\ninputs=data\npool=maxabs\nchannels=3\nsizeX=2\nstride=2\ngpu=0\n", "x")).graph
    from netspec import backend

    image = np.zeros(SHAPE)
    image[0, :2, :2], image[1, :2, :2], image[2, :2, :2] = [[3, -3], [1, 2]], [[1, -3], [3, 2]], [[-1, -1], [1, -1]]
    found = backend.load("reference").run(graph, drawn(graph), image[None]).values["x"]
    np.testing.assert_array_equal(found[0, :, 0, 0], [-3, 3, -1])


BEYOND = "[x]\ntype=pool\ninputs=data\npool={}\nchannels=3\nsizeX=3\nstride=2\n{}\ngpu=0\n"


def test_windows_without_a_pixel_are_told() -> None:
    """The program took them for the largest number that is none, or divided by the number of no pixels."""
    (found,) = load(net(BEYOND.format("max", "outputsX=6"), "x"), dialect=V2).warnings
    assert (found.code, found.span.line, found.span.text) == ("cfg-substitute", 14, "6")
    assert found.message == "x: 2 of its 6 windows by axis have no pixel; zeros stand in for their maximum"
    assert found.notes == (
        "window i (0 to 5) covers 0 + 2 i to 2 + 2 i, of pixels 0 to 7; 4 to 5 cover none",
        "the original's programs gave -2e38 for the maximum of nothing",
    )
    (found,) = load(net(BEYOND.format("avg", "start=-4"), "x"), dialect=V2).warnings
    assert (found.span.text, found.message.partition(";")[0]) == ("-4", "x: 1 of its 6 windows by axis has no pixel")
    assert found.notes[0] == "window i (0 to 5) covers -4 + 2 i to -2 + 2 i, of pixels 0 to 7; 0 cover none"
    (found,) = load(net(BEYOND.format("max", "outputsX=9\nstart=-6"), "x"), dialect=V2).warnings
    assert found.notes[0].endswith("of pixels 0 to 7; 0 to 1 and 7 to 8 cover none")


@pytest.mark.parametrize("told", ["maxabs", "avg\nsum=true", "max\nneuron=relu", "max\nneuron=brelu[3]"])
def test_windows_without_a_pixel_that_were_0_are_not_told(told: str) -> None:
    assert load(net(BEYOND.format(told, "outputsX=6"), "x"), dialect=V2).warnings == ()


def test_convolutions_beyond_the_image_come_to_their_biases() -> None:
    """Version 2 takes more windows than the image has, both versions as wide a padding as one likes: zeros."""
    middle = (
        "[x]\ntype=conv\ninputs=data\nchannels=3\nfilters=16\nfilterSize=3\npadding={}\nstride=2\ninitW=0.1\n"
        "sumWidth=1\npartialSum=0\ninitB=1\n{}\ngpu=0\n"
    )
    for padding, more, dialect, side in ((0, "modulesX=9", V2, 9), (5, "", "2012", 9)):
        graph = load(net(middle.format(padding, more), "x"), dialect=dialect).graph
        weights = drawn(graph)
        found = values(graph, weights)
        assert found["x"].shape == (2, 16, side, side)
        places = [2 * i - padding for i in range(side)]
        empty = np.array([place >= 8 or place + 3 <= 0 for place in places])
        outside = found["x"][:, :, empty]
        assert empty.sum() >= 2
        np.testing.assert_allclose(outside, np.broadcast_to(weights["x.bias"][None, :, None, None], outside.shape))
        image = np.pad(found["data"], ((0, 0), (0, 0), (padding, 20), (padding, 20)))
        for i, j in ((0, 0), (2, 3), (4, 2), (side - 1, 1)):
            seen = image[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            expected = np.einsum("ncyx,fcyx->nf", seen, weights["x.weight"]) + weights["x.bias"]
            np.testing.assert_allclose(found["x"][:, :, i, j], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "stride", "start", "outputs"),
    [(2, 2, 0, 8), (3, 2, 0, 8), (3, 2, -1, 8), (4, 4, -3, 5), (16, 1, 0, 1), (3, 2, -1, 11)],
)
def test_pooling_across_maps(size: int, stride: int, start: int, outputs: int) -> None:
    pool = f"[x]\ntype=cmpool\ninputs=c\nchannels=16\nsize={size}\nstride={stride}\nstart={start}\noutputs={outputs}\n"
    found = values(load(net(conv("c", "data", 3) + pool + "pool=max\nneuron=relu\n", "x")).graph)
    x, y = found["c"], found["x"]
    firsts = [start + i * stride for i in range(outputs)]
    windows = [x[:, max(0, f) : f + size].max(axis=1) if f < 16 else np.zeros_like(x[:, 0]) for f in firsts]
    np.testing.assert_allclose(y, np.maximum(np.stack(windows, axis=1), 0), atol=1e-12)


@pytest.mark.parametrize("size", [3, 4, 5, 16])
def test_normalisation_across_maps(size: int) -> None:
    norm = f"[n]\ntype=cmrnorm\ninputs=c\nchannels=16\nsize={size}\n"
    rates = "".join(f"[{name}]\nepsW=0\nepsB=0\nmomW=0\nmomB=0\n" for name in ("c", "out"))
    params = rates + "[n]\nscale=0.3\npow=0.6\nminDiv=2\n[logprob]\ncoeff=1\n"
    found = values(load(net(conv("c", "data", 3) + norm, "n"), params).graph)
    x = found["c"]
    windows = [x[:, max(0, i - size // 2) : i - size // 2 + size] for i in range(16)]
    sums = np.stack([(seen**2).sum(axis=1) for seen in windows], axis=1)
    np.testing.assert_allclose(found["n"], x * (2 + 0.3 / size * sums) ** -0.6, rtol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 4, 8])
@pytest.mark.parametrize(("word", "dialect"), [("rnorm", "2012"), ("rnorm", V2), ("cnorm", "2012"), ("cnorm", V2)])
def test_normalisation_within_maps(word: str, dialect: Dialect, size: int) -> None:
    """The neighbourhood is cut at the borders; the sum is not made up for, the mean is of what is there. Only version 2
    has the constant as a parameter."""
    norm = f"[n]\ntype={word}\ninputs=data\ngpu=0\nchannels=3\nsize={size}\n"
    rates = "[out]\nepsW=0\nepsB=0\nmomW=0\nmomB=0\n"
    params = rates + "[n]\nscale=0.3\npow=0.6\nminDiv=2\n[logprob]\ncoeff=1\n"
    found = values(load(net(norm, "n"), params, dialect).graph)
    x, k = found["data"], 1.0 if dialect == "2012" else 2.0
    sums, means = around(x**2, size)[0], around(x, size)
    if word == "cnorm":
        sums, _ = around((x - means[0] / means[1]) ** 2, size)
    np.testing.assert_allclose(found["n"], x * (k + 0.3 / size**2 * sums) ** -0.6, rtol=1e-12)


def around(x: Array, size: int) -> tuple[Array, Array]:
    """Of the pixels around each that are there, the sum and the number."""
    total, count = np.zeros_like(x), np.zeros_like(x)
    for i, j in np.ndindex(x.shape[2:]):
        rows, columns = (slice(max(0, at - size // 2), max(0, at - size // 2 + size)) for at in (i, j))
        seen = x[:, :, rows, columns]
        total[:, :, i, j], count[:, :, i, j] = seen.sum(axis=(2, 3)), seen[0, 0].size
    return total, count


def test_blur_darkens_the_rim() -> None:
    x, y = made("[x]\ntype=blur\nchannels=3\nfilterSize=5\nstdev=1.5", None)
    line = np.exp(-((np.arange(5) - 2) ** 2) / (2 * 1.5**2))
    line /= line.sum()
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
    wanted = sum(line[i] * line[j] * padded[:, :, i : i + 8, j : j + 8] for i, j in np.ndindex(5, 5))
    np.testing.assert_allclose(y, wanted, atol=1e-12)


@pytest.mark.parametrize(("stride", "first", "count"), [(2, 1, 4), (3, 1, 3), (4, 2, 2), (5, 1, 2), (9, 4, 1)])
def test_a_nail_bed_is_centred(stride: int, first: int, count: int) -> None:
    x, y = made(f"[x]\ntype=nailbed\nchannels=3\nstride={stride}", None)
    assert y.shape[2:] == (count, count)
    np.testing.assert_array_equal(y, x[:, :, first::stride, first::stride])


def test_reflection() -> None:
    x, y = made("[x]\ntype=href\nchannels=3", None)
    np.testing.assert_array_equal(y, x[..., ::-1])


@pytest.mark.parametrize(
    ("size", "stride", "padding", "places"), [(3, 2, 0, 4), (5, 3, 2, 4), (3, 3, 0, 3), (8, 1, 0, 1)]
)
@pytest.mark.parametrize("type_", ["conv", "local"])
def test_convolutions_overhang_to_the_right_and_below(
    type_: str, size: int, stride: int, padding: int, places: int
) -> None:
    """Window m starts at m stride - padding; what is beyond the image is 0. In groups, 4 maps to 16 filters each."""
    keys = f"channels=16\nfilters=16\ngroups=4\nfilterSize={size}\nstride={stride}\npadding={padding}\ninitW=0.1\n"
    layer = f"[x]\ntype={type_}\ninputs=c\n{keys}partialSum=0\n"
    graph = load(net(conv("c", "data", 3) + layer, "x"), dialect="2012").graph
    given = drawn(graph)
    found = values(graph, given)
    x, y, weight, bias = found["c"], found["x"], given["x.weight"], given["x.bias"]
    assert y.shape == (2, 64, places, places)
    padded = np.pad(x, ((0, 0), (0, 0), (padding, size + 8), (padding, size + 8)))
    for f, i, j in [(0, 0, 0), (17, places - 1, 0), (40, 0, places - 1), (63, places - 1, places - 1)]:
        seen = padded[:, f // 16 * 4 : f // 16 * 4 + 4, i * stride : i * stride + size, j * stride : j * stride + size]
        own = (weight[f, i, j], bias[f, i, j]) if type_ == "local" else (weight[f], bias[f])
        np.testing.assert_allclose(y[:, f, i, j], (seen * own[0]).sum(axis=(1, 2, 3)) + own[1], atol=1e-12)


def test_crop() -> None:
    x, y = made("[x]\ntype=crop\nchannels=3\nstartX=2\nstartY=1\nsizeX=5")
    np.testing.assert_array_equal(y, x[:, :, 1:6, 2:7])


@pytest.mark.parametrize("scale", [0.5, 0.75, 1, 1.3, 2])
def test_resize(scale: float) -> None:
    x, y = made(f"[x]\ntype=resize\nchannels=3\nscale={scale}", None)
    target = int(8 / scale)
    assert y.shape[2:] == (target, target)
    at = [min(max(t * scale + 4 - target * scale / 2, 0), 8 - 1.01) for t in range(target)]
    for i, j in np.ndindex(target, target):
        r, c = int(at[i]), int(at[j])
        u, v = at[i] - r, at[j] - c
        four = (1 - u) * (1 - v) * x[:, :, r, c] + (1 - u) * v * x[:, :, r, c + 1]
        four += u * (1 - v) * x[:, :, r + 1, c] + u * v * x[:, :, r + 1, c + 1]
        np.testing.assert_allclose(y[:, :, i, j], four, atol=1e-12)


RSCALE = "type=rscale\ninputs=data\nchannels=3\nmaxScale=1.5\ntgtSize=5\n"


def test_random_scales_are_the_middle_outside_training() -> None:
    loaded = load(net(f"[x]\n{RSCALE}gpu=0\n", "x"))
    found = values(loaded.graph)
    np.testing.assert_array_equal(found["x"], found["data"][:, :, 1:6, 1:6])
    assert loaded.graph.nodes["x"].op == RandomScale(5, 1.5)
    assert loaded.warnings == ()


def test_halves_of_random_scales_stay_two_lines() -> None:
    """Each draws its own size."""
    text = readable(DATA + f"[ra]\n{RSCALE}gpu=0\n[rb]\n{RSCALE}gpu=1\n" + ending("ra,rb"))
    assert [line.split()[:2] for line in text.splitlines() if "randomscale" in line] == [
        ["[ra]", "randomscale"], ["[rb]", "randomscale"]
    ]  # fmt: skip


def test_colours() -> None:
    x, y = made("[x]\ntype=rgb2yuv")
    red, green, blue = x[:, 0], x[:, 1], x[:, 2]
    np.testing.assert_allclose(y[:, 1], -0.09991 * red - 0.33609 * green + 0.436 * blue, atol=1e-12)
    np.testing.assert_allclose(y[:, 2], 0.615 * red - 0.55861 * green - 0.05639 * blue, atol=1e-12)
    for center, middle in (("", 16), ("center=true", 66)):
        x, y = made(f"[x]\ntype=rgb2lab\n{center}")
        t = 0.17697 * x[:, 0] + 0.8124 * x[:, 1] + 0.01063 * x[:, 2]
        above = t > 0.0088564517
        f = np.where(above, np.where(above, t, 1) ** 0.3333, 7.787037 * t + 0.13793103)
        np.testing.assert_allclose(y[:, 0], 116 * f - middle, atol=1e-12)


def test_sums_of_runs() -> None:
    x, y = made("[x]\ntype=sum\nstride=4")
    np.testing.assert_allclose(y, x.reshape(2, 48, 4).sum(axis=2), atol=1e-12)


def test_blocks_that_do_not_divide_the_maps() -> None:
    norm = "[n]\ntype=cmrnorm\ninputs=c\nchannels=16\nsize=5\nblocked=true\nneuron=relu\n"
    found = values(load(net(conv("c", "data", 3) + norm, "n")).graph)
    x = found["c"]
    sums = [(x[:, i // 5 * 5 : i // 5 * 5 + 5] ** 2).sum(axis=1) for i in range(16)]
    wanted = x * (1 + 0.0001 / 5 * np.stack(sums, axis=1)) ** -0.75
    np.testing.assert_allclose(found["n"], np.maximum(wanted, 0), atol=1e-12)


def test_maps_may_be_read_as_other_maps() -> None:
    """A fully connected layer's 256 numbers as 64 maps of 2 x 2, and a convolution's 16 of 8 x 8 as 64 of 4 x 4."""
    code = "[f]\ntype=fc\ninputs=data\noutputs=256\ninitW=0.1\ngpu=0\n" + conv("c", "f", 64)
    pool = "[p]\ntype=pool\npool=max\ninputs=d\nchannels=64\nsizeX=2\nstride=2\n"
    graph = load(net(code + conv("d", "data", 3) + pool, "c,p")).graph
    found = values(graph)
    assert graph.layers["c"].output == (16, 2, 2)
    np.testing.assert_array_equal(found["p"], pooled(found["d"].reshape(2, 64, 4, 4), 2, 2, 0, 2, "max"))


def test_a_part_of_the_data() -> None:
    two = DATA.replace("dataIdx=0\n", "dataIdx=0\nend=128\n", 1) + "[more]\ntype=data\ndataIdx=0\nstart=100\nend=110\n"
    found = values(load(two + ending("data,more"), dialect=V2).graph)
    whole = found["data-whole"]
    np.testing.assert_array_equal(found["data"], whole[:, :2])
    np.testing.assert_array_equal(found["more"], whole.reshape(2, -1)[:, 100:110])


def test_several_inputs_with_paddings_of_several_sides() -> None:
    two = (
        "[c]\ntype=conv\ninputs=data,data\nchannels=3,3\nfilters=16,16\nfilterSize=3,5\npadding=1,2\nstride=1\n"
        "initW=0.1\nsumWidth=1\nmodulesX=9\ninitB=1\nneuron=relu\ngpu=0\n"
    )
    graph = load(net(two, "c"), dialect=V2).graph
    given = drawn(graph)
    found = values(graph, given)
    alone = net(conv("d", "data", 3).replace("padding=1", "padding=1\nmodulesX=9"), "d")
    one = load(alone, dialect=V2).graph
    first = values(one, {**drawn(one), "d.weight": given["c_0.weight"], "d.bias": given["c_0.bias"]})["d"]
    assert found["c"].shape == (2, 16, 9, 9)
    np.testing.assert_allclose(found["c_0"], first, atol=1e-12)
    np.testing.assert_allclose(found["c"], np.maximum(found["c_0"] + found["c_1"], 0), atol=1e-12)
