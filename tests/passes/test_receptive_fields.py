"""Receptive fields: published ones, and the pixels that units really depend on."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, reject
from hypothesis import strategies as st
from hypothesis_profiles import examples
from places import SPECS

from netspec import SpecError, load, loads, torch_module
from netspec.net import Net
from netspec.passes.receptive_fields import Field, ReceptiveField, receptive_fields
from netspec.passes.spans import Span


def square(start: int, size: int, stride: int) -> Field:
    return Field(Span.regular(start, size, stride), Span.regular(start, size, stride))


def of_last_layer(text: str) -> ReceptiveField:
    return list(receptive_fields(loads(text).graph).values())[-1]


def test_fields_of_alexnet() -> None:
    """By hand: the field grows by (kernel - 1) times the stride so far. torchvision's is in Araujo et al. (2019) as
    ``alexnet_v2``: 195 pixels, stride 32."""
    expected = {"conv1": (0, 11, 4), "norm1": (0, 11, 4), "pool1": (0, 19, 8), "conv2": (-16, 51, 8),
                "pool2": (-16, 67, 16), "conv3": (-32, 99, 16), "conv4": (-48, 131, 16), "conv5": (-64, 163, 16),
                "pool5": (-64, 195, 32)}  # fmt: skip
    fields = receptive_fields(load(SPECS / "alexnet.net").graph)
    assert {name: fields[name] for name in expected} == {name: square(*span) for name, span in expected.items()}
    assert {fields[name] for name in ("fc6", "drop6", "fc8", "prob")} == {"all"}
    assert fields["image"] == square(0, 1, 1)


def test_field_of_vgg_16() -> None:
    """Araujo et al. (2019): 212 pixels, stride 32, 90 pixels of padding."""
    lines = ["[image] input 3x224x224"]
    for block, convolutions in enumerate((2, 2, 3, 3, 3)):
        lines += [f"[c{block}_{i}] conv filters=4 kernel=3 pad=1" for i in range(convolutions)]
        lines += [f"[p{block}] maxpool kernel=2 stride=2"]
    assert of_last_layer("\n".join(lines)) == square(-90, 212, 32)


def test_field_of_mobilenet() -> None:
    """Araujo et al. (2019): ``mobilenet_v1`` has 315 pixels and stride 32."""
    strides = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    lines = ["[image] input 4x224x224", "net rounding=down"]
    lines += [f"[c{i}] conv filters=4 kernel=3 pad=1 stride={stride} groups=4" for i, stride in enumerate(strides)]
    field = of_last_layer("\n".join(lines))
    assert isinstance(field, Field) and (field.rows.sizes, field.rows.stride) == ((315, 315), 32)


IMAGE = "[i] input 4x16x20\n"


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ("[c] conv filters=2 kernel=3x5 dilation=2x1 stride=1x2 rounding=down",
         Field(Span.regular(0, 5, 1), Span.regular(0, 5, 2))),
        ("[a] conv filters=4 kernel=3 pad=1\n[s] sum inputs=a,i", square(-1, 3, 1)),
        ("[a] conv filters=4 kernel=3 pad=2,0,2,0\n[s] concat inputs=a,i", square(-2, 3, 1)),
        ("[b] blur size=5 stdev=1\n[n] nailbed stride=3",
         Field(Span.regular(-2, 5, 3), Span.regular(-1, 5, 3))),
        ("[r] rnorm size=4 k=1 alpha=1 beta=0.5", square(-2, 4, 1)),
        ("[r] contrast size=4 k=1 alpha=1 beta=0.5", square(-4, 7, 1)),
        ("[m] mirror\n[c] conv filters=2 kernel=3", Field(Span.regular(0, 3, 1), Span.regular(17, 3, -1))),
        ("[m] mirror\n[n] mirror\n[z] zeropad pad=1", square(-1, 1, 1)),
        ("[b] batchnorm\n[d] dropout rate=0.5\n[l] layernorm\n[r] relu", square(0, 1, 1)),
        ("[g] groupnorm groups=2", "all"),
        ("[a] conv filters=4 kernel=3\n[p] avgpool kernel=global", "all"),
        ("[q] avgpool kernel=global\n[f] fc outputs=4\n[s] product inputs=f,i", "all"),
        ("[r] resize step=1.5\n[c] conv filters=2 kernel=3", "varies"),
        ("[u] upsample factor=2 method=corners", "varies"),
        ("[r] resize size=3", "varies"),
        ("[b] binpool bins=7", "varies"),
        ("[c] crop size=1\n[p] product inputs=i,c", "varies"),  # each unit reads the pixel in the middle too
        ("[g] avgpool kernel=global\n[p] product inputs=i,g", "all"),
        ("[e] edgepad pad=1\n[r] reflectpad pad=2,0,1,0", Field(Span.regular(-2, 1, 1), Span.regular(-3, 1, 1))),
        ("[u] pixelunshuffle factor=2\n[m] channelmax", square(0, 2, 2)),
        ("[c] crop size=8 top=2 left=3\n[d] conv filters=4 kernel=2 stride=2 inputs=i\n[e] crop size=8 inputs=d\n"
         "[s] sum inputs=c,e", "varies"),
        ("[r] reshape size=4x20x16", "varies"),
        ("[r] reshape size=1280", square(0, 1, 1)),
        ("[r] reshape size=4x16x20", square(0, 1, 1)),
        ("[c] conv filters=4 kernel=3 pad=1\n[p] product inputs=c,i", square(-1, 3, 1)),
        # One position each, which does not see the last column or the last row.
        ("[c] conv filters=2 kernel=16x19 stride=1x2 rounding=down",
         Field(Span.regular(0, 16, 1), Span.regular(0, 19, 2))),
        ("[c] conv filters=2 kernel=15x20 stride=2x1 rounding=down",
         Field(Span.regular(0, 15, 2), Span.regular(0, 20, 1))),
        ("[z] crop size=15x20 top=1 left=0\n[c] conv filters=2 kernel=15x20",
         Field(Span.regular(1, 15, 1), Span.regular(0, 20, 1))),
        ("[f] flatten", square(0, 1, 1)),
        ("[f] flatten\n[s] softmax", "all"),
    ],
)  # fmt: skip
def test_fields_by_hand(layers: str, field: ReceptiveField) -> None:
    assert of_last_layer(IMAGE + layers) == field


def test_field_of_several_units_is_not_all_even_if_each_sees_the_whole_image() -> None:
    field = of_last_layer("[i] input 1x1x2\n[c] conv filters=1 kernel=1x3 pad=1,1,0,0")
    assert field == Field(Span.regular(0, 1, 1), Span.regular(-1, 3, 1))


def test_units_of_a_vector_see_all_of_it() -> None:
    assert set(receptive_fields(loads("[i] input 10\n[f] fc outputs=4\n[r] relu").graph).values()) == {"all"}


def test_fields_of_u_net_are_those_of_its_lowest_layers_grown_by_its_last_convolutions() -> None:
    """By hand: 140 pixels behind conv5b, every 16. Of the 16 units that share one, those at its ends see the next."""
    fields = receptive_fields(load(SPECS / "classics" / "u-net.net").graph)
    deepest, last = fields["conv5b"], fields["scores"]
    assert deepest == square(0, 140, 16)
    assert isinstance(last, Field) and (last.rows, last.columns) == (last.columns, last.rows)
    assert (last.rows.sizes, last.rows.start, last.rows.stride, last.rows.shift) == ((188, 204), 0, 1, 16)


@pytest.mark.parametrize(
    ("layer", "fields", "shift"),
    [
        ("deconv filters=1 kernel=2 stride=2", ((0, 1), (0, 1)), 1),
        ("deconv filters=1 kernel=4 stride=2 pad=1", ((-1, 2), (0, 2)), 1),
        ("deconv filters=1 kernel=3 stride=2 pad=1", ((0, 1), (0, 2)), 1),
        ("deconv filters=1 kernel=1 stride=2  # allow: output-holes", ((0, 1), (0, 0)), 1),
        ("deconv filters=1 kernel=3 pad=1", ((-1, 3),), 1),
        ("deconv filters=1 kernel=2 dilation=2 pad=1", ((-1, 3),), 1),
        ("upsample factor=2", ((0, 1), (0, 1)), 1),
        ("upsample factor=3 method=bilinear", ((-1, 2), (0, 1), (0, 2)), 1),
        ("upsample factor=4\n[p] maxpool kernel=2", ((0, 1), (0, 1)), 1),
        ("upsample factor=2\n[c] conv filters=1 kernel=3 pad=1", ((-1, 2), (0, 2)), 1),
        ("upsample factor=2\n[p] maxpool kernel=2", ((0, 1),), 1),
        ("conv filters=4 kernel=1\n[s] pixelshuffle factor=2", ((0, 1), (0, 1)), 1),
        ("conv filters=4 kernel=1\n[s] pixelshuffle factor=2\n[u] pixelunshuffle factor=2", ((0, 1),), 1),
        ("conv filters=1 kernel=2 stride=2\n[u] upsample factor=2\n[s] sum inputs=i,u", ((0, 2), (0, 2)), 2),
    ],
)
def test_fields_behind_layers_that_enlarge_maps(layer: str, fields: tuple[tuple[int, int], ...], shift: int) -> None:
    """By hand: a pixel of the output of a transposed convolution reads those whose windows it is in."""
    assert of_last_layer(f"[i] input 1x8x8\n[l] {layer}") == Field(Span(fields, shift), Span(fields, shift))


@pytest.mark.parametrize(("factor", "stride"), [("32", "64"), ("1x32", "1x64"), ("32x1", "64x1")])
def test_fields_that_repeat_after_too_many_units_vary(factor: str, stride: str) -> None:
    layers = f"[u] upsample factor={factor}\n[v] deconv filters=1 kernel={stride} stride={stride}"
    assert of_last_layer(f"[i] input 1x2x2\n{layers}") == "varies"


WINDOWS = st.builds(
    lambda word, kernel, stride, pad, dilation: (
        f"{word} kernel={kernel} stride={stride} pad={min(pad, kernel - 1)} rounding=down"
        + (f" filters=2 dilation={dilation}" if word == "conv" else "")
    ),
    st.sampled_from(["conv", "avgpool"]),
    *[st.integers(*limits) for limits in ((1, 3), (1, 3), (0, 2), (1, 2))],
)
ENLARGING = st.builds(
    lambda kernel, stride, pad, dilation: (
        f"deconv filters=2 kernel={kernel} stride={stride} pad={min(pad, kernel - 1)} dilation={dilation}"
    ),
    *[st.integers(*limits) for limits in ((1, 4), (1, 3), (0, 2), (1, 2))],
)
OTHERS = ["mirror", "zeropad pad=1", "blur size=3 stdev=1", "nailbed stride=2", "upsample factor=2",
          "upsample factor=3 method=bilinear"]  # fmt: skip
LAYERS = st.lists(
    st.one_of(WINDOWS, ENLARGING, st.sampled_from(OTHERS)),
    min_size=1,
    max_size=4,
)


@given(layers=LAYERS, where=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)))
@example(
    layers=["deconv filters=2 kernel=2 stride=2 pad=1", "deconv filters=2 kernel=2 pad=1 dilation=2"], where=(0.0, 0.0)
)
@examples(60)
def test_units_depend_on_the_pixels_of_their_fields(layers: list[str], where: tuple[float, float]) -> None:
    """With positive weights, the gradient of a unit is positive at the pixels that it depends on."""
    text = "[i] input 1x31x29\n" + "\n".join(f"[l{n}] {layer}" for n, layer in enumerate(layers))
    try:
        net = loads(text)
    except SpecError:  # a window larger than the maps
        reject()
    field = list(receptive_fields(net.graph).values())[-1]
    _, height, width = net.graph.output.output
    row, column = int(where[0] * height), int(where[1] * width)
    if field == "all":
        return
    assert isinstance(field, Field)
    depends = pixels_of(net, row, column)
    require_field(depends.any(1), field.rows, row)
    require_field(depends.any(0), field.columns, column)


def require_field(depends: torch.Tensor, span: Span, unit: int) -> None:
    """Require that the pixels of an axis that a unit depends on are from its field, and reach from end to end if the
    field is well inside the image. At the border, units may be missing that later layers would read: the padding of a
    transposed convolution cuts them off."""
    first, size = span.of(unit)
    last = first + size - 1
    pixels = depends.nonzero().flatten().tolist()
    assert all(first <= pixel <= last for pixel in pixels)
    if pixels and first >= size and last + size < len(depends):
        assert (pixels[0], pixels[-1]) == (first, last)


def pixels_of(net: Net, row: int, column: int) -> torch.Tensor:
    """Return, for each pixel of the image, whether a unit of the last layer depends on it."""
    module = torch_module(net, seed=0).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0)
    image = torch.ones((1, *net.graph.input.output), dtype=torch.float64, requires_grad=True)
    module(image)[0, 0, row, column].backward()
    assert image.grad is not None
    return image.grad[0, 0] > 0
