"""Where the class scores of dense networks stand: worked out by hand, and compared with the pixels that units read."""

from __future__ import annotations

import pytest
from places import SPECS

from netspec import load, loads
from netspec.ir.graph import Graph
from netspec.passes.label_grid import Labels, label_grid
from netspec.passes.score_grid import NoGrid, ScoreGrid, score_grid

IMAGE = "[image] input 3x12x16\n"
LOSSES = ("aux-loss", "loss")
SCORES = "[scores] conv filters=2 kernel=1\n"


def grid(layers: str) -> ScoreGrid:
    graph = loads(IMAGE + layers).graph
    assert graph.is_dense
    return score_grid(graph)


def problem(layers: str) -> NoGrid:
    with pytest.raises(NoGrid) as caught:
        score_grid(loads(IMAGE + layers).graph)
    return caught.value


def classic(name: str) -> Graph:
    return load(SPECS / "classics" / f"{name}.net").graph


def test_scores_of_u_net_stand_in_the_middle() -> None:
    """Ronneberger et al. (2015), figure 1: 572 - 388 = 184 pixels are lost, 92 on each side."""
    assert score_grid(classic("u-net")) == ScoreGrid(388, 388, 1, 1, 92, 92)


def test_scores_of_a_network_that_reads_a_vector_stand_nowhere() -> None:
    with pytest.raises(NoGrid, match="reads no image but 100 numbers"):
        score_grid(classic("dcgan-generator"))


def test_slices_of_the_image_by_hand() -> None:
    """The last of 41 scores, each eighth pixel, is at pixel 8 * 40 = 320; of U-Net's at 92 + 387 = 479."""
    assert ScoreGrid(41, 388, 8, 1, 0, 92).slices == (slice(0, 321, 8), slice(92, 480, 1))


@pytest.mark.parametrize("name", ["fcn-32s", "fcn-16s", "fcn-8s"])
def test_scores_of_fcn_stand_on_every_pixel(name: str) -> None:
    assert score_grid(classic(name)) == ScoreGrid(500, 500, 1, 1, 0, 0)


def test_scores_of_deeplab_are_eight_pixels_apart() -> None:
    """DeepLab-LargeFOV: three poolings of stride 2, 321 x 321 pixels, 41 x 41 scores: 8 * 40 + 1 = 321. DeepLab v3
    enlarges its scores to the size of the image."""
    assert score_grid(classic("deeplab-largefov")) == ScoreGrid(41, 41, 8, 8, 0, 0)
    assert score_grid(classic("deeplab-v3")) == ScoreGrid(480, 480, 1, 1, 0, 0)
    assert label_grid(classic("pspnet-50")) == Labels(ScoreGrid(473, 473, 1, 1, 0, 0), None, dict.fromkeys(LOSSES))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        # 12 pixels, and 10 scores behind an unpadded kernel of 3: one is lost on each side
        ("[c] conv filters=2 kernel=3", ScoreGrid(10, 14, 1, 1, 1, 1)),
        # 6 x 8 scores two pixels apart: 2 * 5 + 1 = 11 of 12 rows, and the one that is left over is the last
        ("[p] maxpool kernel=2 stride=2\n" + SCORES, ScoreGrid(6, 8, 2, 2, 0, 0)),
        # a stride in one direction alone: 4 * 3 + 1 = 13 of 16 columns, 3 left over, one of them before
        ("[c] conv filters=2 kernel=1x4 stride=1x4", ScoreGrid(12, 4, 1, 4, 0, 1)),
        ("[p] maxpool kernel=4 stride=4\n[u] upsample factor=2\n" + SCORES, ScoreGrid(6, 8, 2, 2, 0, 0)),
        ("[p] avgpool kernel=4 stride=4\n[u] deconv filters=2 kernel=4 stride=4", ScoreGrid(12, 16, 1, 1, 0, 0)),
        ("[p] pixelunshuffle factor=2\n[s] pixelshuffle factor=2", ScoreGrid(12, 16, 1, 1, 0, 0)),
        ("[m] mirror\n[n] mirror inputs=m\n" + SCORES, ScoreGrid(12, 16, 1, 1, 0, 0)),
        # behind a crop of a corner, scores see the corner
        ("[c] crop size=6 top=0 left=0\n" + SCORES, ScoreGrid(6, 6, 1, 1, 0, 0)),
        # the middle of rows 7 to 9, and of columns 1 to 3, which see row 6 and column 0 too
        ("[c] crop size=5 top=6 left=0\n[s] conv filters=2 kernel=3", ScoreGrid(3, 3, 1, 1, 7, 1)),
        # the first score sees rows 6 and 7, and columns 0 and 1: of each two, the one next to the middle
        ("[p] maxpool kernel=2 stride=2\n[c] crop size=3 top=3 left=0\n" + SCORES, ScoreGrid(3, 3, 2, 2, 6, 1)),
        # what has not been pooled says to the pixel what a crop leaves: row 1 + 6 and column 1
        ("[a] conv filters=2 kernel=3\n[p] avgpool kernel=2 stride=2\n[u] deconv filters=2 kernel=2 stride=2\n"
         "[j] concat inputs=a,u\n[c] crop size=4 top=6 left=0\n" + SCORES, ScoreGrid(4, 4, 1, 1, 7, 1)),
        # padding at the left and at the top: 12 + 4 - 6 = 10 rows, and the first is centred at 3 - 4, outside
        ("[c] conv filters=2 kernel=7 pad=4,0,4,0", ScoreGrid(10, 14, 1, 1, 0, 0)),
        ("[z] zeropad pad=4,0,4,0\n[c] conv filters=2 kernel=7", ScoreGrid(10, 14, 1, 1, 0, 0)),
        ("[c] conv filters=2 kernel=1\n[r] reshape size=2x12x16", ScoreGrid(12, 16, 1, 1, 0, 0)),
        # crops of two corners that are joined stand where neither does: in the middle
        ("[a] crop size=6 top=0 left=0\n[b] crop size=6 top=6 left=10 inputs=image\n[j] concat inputs=a,b\n" + SCORES,
         ScoreGrid(6, 6, 1, 1, 3, 5)),
        # rows 2, 6 and 10 are kept, and columns 2, 6, 10 and 14
        ("[n] nailbed stride=4\n[c] crop size=2 top=1 left=2\n" + SCORES, ScoreGrid(2, 2, 4, 4, 6, 10)),
        ("[r] resize step=2\n[c] crop size=3 top=3 left=5\n" + SCORES, ScoreGrid(3, 3, 2, 2, 6, 10)),
        # what has one unit for all of the image stands nowhere, as the features of a whole image in DeepLab v3
        ("[g] avgpool kernel=12x16\n[u] upsample factor=12x16\n[j] concat inputs=image,u\n" + SCORES,
         ScoreGrid(12, 16, 1, 1, 0, 0)),
        # a given size tells nothing of the scale: that of what it is joined with, or the sizes
        ("[p] conv filters=2 kernel=3 stride=2 pad=1 rounding=down\n[b] binpool bins=5\n[r] resize inputs=b,p\n"
         "[j] concat inputs=p,r\n" + SCORES, ScoreGrid(6, 8, 2, 2, 0, 0)),
        ("[p] maxpool kernel=2 stride=2\n[c] crop size=5x7\n[r] resize size=12x16", ScoreGrid(12, 16, 1, 1, 0, 0)),
        # resized to the size of the image, maps lie on it, and the half of them that is cropped is no map of all of it
        ("[p] maxpool kernel=3 stride=2 rounding=down\n[r] resize size=12x16\n[c] crop size=6x8 top=2 left=8",
         ScoreGrid(6, 8, 1, 1, 2, 8)),
        ("[p] maxpool kernel=2 stride=2\n[u] upsample factor=2\n[c] crop size=6x8 top=2 left=8\n" + SCORES,
         ScoreGrid(6, 8, 1, 1, 2, 8)),
        # the first kernel is centred at column 0, and columns 0 and 1 are left for it; as two units, that is -1 to 0:
        # of columns 11 to 12, the one next to the middle, and so of rows 1 to 2
        ("[d] conv filters=2 kernel=3 stride=2 pad=1 rounding=down\n[u] upsample factor=2\n"
         "[c] crop size=2 top=2 left=12\n" + SCORES, ScoreGrid(2, 2, 1, 1, 2, 11)),
        # a decoder of a vector: the sizes tell
        ("[f] fc outputs=24\n[r] reshape size=2x3x4", ScoreGrid(3, 4, 4, 4, 1, 1)),
    ],
)  # fmt: skip
def test_grids(layers: str, expected: ScoreGrid) -> None:
    assert grid(layers) == expected


def test_one_score_for_each_class_is_not_dense() -> None:
    assert not loads(IMAGE + "[f] fc outputs=2\n").graph.is_dense
    assert not loads(IMAGE + "[g] avgpool kernel=12x16\n").graph.is_dense


def test_joining_different_scales_is_refused() -> None:
    found = problem("[p] maxpool kernel=2 stride=2\n[c] crop size=6x8 inputs=image\n[j] concat inputs=p,c\n")
    assert found.message == "j joins maps of different scales"
    assert found.notes == ("units are so many pixels apart: those of p 2, those of c 1",)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[u] upsample factor=2\n", "the class scores are 0.5 pixels of the image apart"),
        ("[u] upsample factor=3x1\n[p] maxpool kernel=1x2 stride=1x2\n",
         "the class scores are 0.333 x 2 pixels of the image apart"),
        ("[r] resize step=1.5\n", "the class scores are 1.5 pixels of the image apart"),
        ("[m] mirror\n", "the class scores are those of the mirrored image"),
        ("[c] conv filters=2 kernel=2 pad=1\n", "the class scores reach beyond the image"),
        ("[c] crop size=12\n[r] randomscale size=10 max_scale=2\n", "r scales images at random in training"),
    ],
)  # fmt: skip
def test_scores_without_a_grid_are_refused(layers: str, message: str) -> None:
    assert problem(layers).message.startswith(message)


def test_sizes_beyond_the_image_are_said() -> None:
    found = problem("[c] conv filters=2 kernel=2 pad=1\n")
    assert found.notes == ("1 * (13 - 1) + 1 = 13 pixels, the image has 12; a crop layer takes their middle",)


def test_grids_in_words() -> None:
    assert str(ScoreGrid(388, 388, 1, 1, 92, 92)) == "388 x 388 pixels, from row 92 and column 92 on"
    assert str(ScoreGrid(41, 41, 8, 8, 0, 0)) == "41 x 41 pixels, 8 apart, from row 0 and column 0 on"
    assert str(ScoreGrid(12, 4, 1, 4, 0, 1)) == "12 x 4 pixels, 1 and 4 apart, from row 0 and column 1 on"
