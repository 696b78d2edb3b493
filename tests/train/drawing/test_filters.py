"""``netspec filters``: images of kernels by GPU group, how coloured they are, and activations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import invoke
from tiny_network import SPEC, png_pixels, save_image, tiny_net, train_tiny

from netspec.ir.graph import Graph
from netspec.net import loads
from netspec.train.drawing.activations import activations_of
from netspec.train.drawing.kernels import RANDOM_COLOUR, Block, blocks_of, colour, draw_kernels
from netspec.train.drawing.tiles import across, from_zero, own_range, sheet
from netspec.train.errors import RequestError, TrainError
from netspec.train.learning.objective import build
from netspec.train.runs.saved import open_run


def initial_weights(graph: Graph) -> dict[str, torch.Tensor]:
    return build(graph, 0, "cpu").module.state_dict()


def block(kernels: np.ndarray) -> Block:
    return Block(0, 0, kernels.astype(np.float32))


def test_kernels_are_grouped_and_have_red_first(run: Path) -> None:
    saved = open_run(run, print)
    name, blocks = blocks_of(saved.graph, saved.weights, None)
    assert (name, [one.group for one in blocks]) == ("conv1", [0, 1])
    assert np.array_equal(np.concatenate([one.kernels for one in blocks]), saved.weights["conv1.weight"].numpy())
    bgr = tiny_net("range=1", "range=1 order=bgr").graph
    _, (first, _) = blocks_of(bgr, saved.weights, "conv1")
    assert np.array_equal(first.kernels[:, ::-1], blocks[0].kernels)  # red first, although the network reads blue first


def test_each_kernel_is_drawn_in_its_place_with_full_contrast() -> None:
    kernels = np.random.default_rng(0).normal(size=(20, 3, 11, 11)) * np.arange(1, 21)[:, None, None, None]
    pixels = np.asarray(draw_kernels([block(kernels), block(kernels)]))
    factor = 1600 // (10 * 11)  # twenty kernels are in two rows of ten
    step = 11 * factor + 2
    assert pixels.shape == (2 * (2 * step + 2) + 18, 10 * step + 2, 3)
    tile = pixels[2 + step : 2 + step + 11 * factor : factor, 2 + 3 * step : 2 + 3 * step + 11 * factor : factor]
    w = kernels[13].transpose(1, 2, 0)
    assert np.abs(tile - 255 * (w - w.min()) / (w.max() - w.min())).max() <= 0.5 + 1e-3
    assert (tile.min(), tile.max()) == (0, 255)


def test_groups_are_separated_in_the_image(run: Path, tmp_path: Path) -> None:
    done = invoke("filters", run, "-o", tmp_path / "conv1.png")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["conv1", "kernels", "of", "colour", "more", "than", "chance"]
    assert [line.split()[:4] for line in lines[2:4]] == [["group", str(k), "4", "3x5x5"] for k in (0, 1)]
    assert lines[-1] == f"wrote {tmp_path / 'conv1.png'}"
    pixels = png_pixels((tmp_path / "conv1.png").read_bytes())
    white = (pixels == 255).all(axis=(1, 2))
    white_rows = "".join("w" if row else "." for row in white).split(".")
    assert max(map(len, white_rows)) >= 18  # the gap between the groups
    assert pixels.shape[1] > 600  # kernels of 5 x 5 are enlarged


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (np.ones((3, 4, 4)), 0.0),  # grey
        (np.stack([np.eye(4), -np.eye(4), np.zeros((4, 4))]), 1.0),  # red against green
        (np.stack([np.eye(4), np.zeros((4, 4)), np.zeros((4, 4))]), 2 / 3),  # red alone: 1 - (1^2 / 3) / 1^2
        (np.stack([2 * np.eye(4), np.eye(4), np.zeros((4, 4))]), 0.4),  # 1 - (3^2 / 3) / (2^2 + 1^2)
    ],
)
def test_colour_measure_by_hand(kernel: np.ndarray, expected: float) -> None:
    measured = colour(block(kernel[None]))
    assert measured is not None
    assert measured.mean == pytest.approx(expected, abs=1e-12)


def test_colour_measure_of_random_zero_and_grey_kernels() -> None:
    random = colour(block(np.random.default_rng(0).normal(size=(2000, 3, 11, 11))))
    assert random is not None
    assert random.mean == pytest.approx(RANDOM_COLOUR, abs=2e-3)
    assert 0.4 < random.more_than_chance / 2000 < 0.6
    dead = colour(block(np.zeros((2, 3, 5, 5))))
    assert dead is not None and len(dead.each) == 0 and dead.mean == 0.0
    assert colour(block(np.zeros((2, 1, 5, 5)))) is None


def test_json_has_the_colour_of_each_kernel(run: Path, tmp_path: Path) -> None:
    found = json.loads(invoke("filters", run, "-o", tmp_path / "a.png", "--format", "json").stdout)
    assert (found["net"], found["layer"], found["step"]) == ("tiny", "conv1", 8)
    for group in found["groups"]:
        assert group["kernel"] == [3, 5, 5]
        assert group["colour"] == pytest.approx(sum(group["each"]) / 4, abs=1e-6)


def test_kernels_of_many_channels_are_rows_of_grey_tiles(run: Path, tmp_path: Path) -> None:
    done = invoke("filters", run, "-o", tmp_path / "a.png", "--layer", "conv3")
    assert [line.split()[:4] for line in done.stdout.splitlines()[2:4]] == [
        ["group", str(k), "4", "8x3x3"] for k in (0, 1)
    ]
    pixels = png_pixels((tmp_path / "a.png").read_bytes())
    assert pixels.ndim == 2
    assert (pixels.shape[1] - 2) % 8 == 0


@pytest.mark.parametrize(
    ("layer", "notes"),
    [("conv9", ("did you mean conv3?",)), ("fc4", ("layers with kernels: conv1, conv2, conv3",))],
)
def test_layer_without_kernels_is_an_error(layer: str, notes: tuple[str, ...]) -> None:
    graph = tiny_net().graph
    with pytest.raises(RequestError, match=f"--layer {layer}: no ") as caught:
        blocks_of(graph, initial_weights(graph), layer)
    assert caught.value.notes == notes


def test_a_network_without_convolutions_and_a_layer_of_several_inputs() -> None:
    dense = loads("[image] input 3x4x4\n[fc] fc outputs=2\n").graph
    with pytest.raises(TrainError, match="has no convolution"):
        blocks_of(dense, initial_weights(dense), None)
    text = "[image] input 3x8x8\n[a] conv filters=4 kernel=3\n[b] conv filters=4 kernel=3 inputs=image\n"
    graph = loads(text + "[c] conv filters=4 kernel=1 inputs=a,b\n").graph
    _, blocks = blocks_of(graph, initial_weights(graph), "c")
    assert [(one.group, one.input) for one in blocks] == [(0, 0), (0, 1)]


def test_activations_are_the_layers_outputs(run: Path) -> None:
    saved = open_run(run, print)
    objective = saved.objective("cpu")
    x = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    found = activations_of(objective, x, "conv1")
    w = saved.weights
    by_hand = torch.nn.functional.conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=2).relu()[0].numpy()
    assert len(found.groups) == 2
    np.testing.assert_allclose(np.concatenate(found.groups), by_hand, rtol=1e-5, atol=1e-6)
    assert found.maps == 8
    assert found.silent == int((by_hand.max(axis=(1, 2)) <= 0).sum())
    probabilities = activations_of(objective, x, "prob").groups
    assert [group.shape for group in probabilities] == [(4, 1, 1)]
    assert float(probabilities[0].sum()) == pytest.approx(1)
    with pytest.raises(RequestError, match="--activations conv8: tiny computes no layer of this name"):
        activations_of(objective, x, "conv8")


def test_layer_that_only_the_loss_reads_has_activations() -> None:
    graph = loads(SPEC.replace("[prob] softmax", "[loss] crossentropy")).graph
    objective = build(graph, 0, "cpu")
    objective.module.eval()
    assert activations_of(objective, torch.zeros(1, 3, 12, 12), "fc4").maps == 4
    with pytest.raises(RequestError):
        activations_of(objective, torch.zeros(1, 3, 12, 12), "loss")


@pytest.mark.parametrize(("layer", "words"), [("pool1", "8 maps"), ("fc4", "4 features"), ("prob", "4 features, 0 of")])
def test_command_draws_activations(run: Path, tmp_path: Path, layer: str, words: str) -> None:
    image = save_image(tmp_path / "a.png")
    done = invoke("filters", run, "-o", tmp_path / "out.png", "--image", image, "--activations", layer)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith(f"{layer}: {words}")
    assert png_pixels((tmp_path / "out.png").read_bytes()).ndim == 2


def test_wrong_arguments_are_rejected(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert invoke("filters", run, "-o", out, "--image", out).exit_code == 2
    assert invoke("filters", run, "-o", out, "--activations", "conv1").exit_code == 2
    assert invoke("filters", run, "-o", tmp_path / "a.jpg").exit_code == 2
    done = invoke("filters", run, "-o", out, "--image", tmp_path / "gone.png", "--activations", "conv1")
    assert (done.exit_code, done.stderr) == (
        2,
        f"Error: {tmp_path / 'gone.png'} cannot be read: there is no such file\n",
    )
    assert not out.exists()
    assert invoke("filters", run, "-o", tmp_path / "no" / "a.png").exit_code == 2


def test_existing_photograph_is_not_overwritten(run: Path, tmp_path: Path) -> None:
    mine = save_image(tmp_path / "mine.png")
    before = mine.read_bytes()
    done = invoke("filters", run, "-o", mine)
    assert (done.exit_code, mine.read_bytes()) == (2, before)
    assert done.stderr == f"Error: {mine} was not written by netspec and stays as it is; -o names another file\n"
    for _ in range(2):
        assert invoke("filters", run, "-o", tmp_path / "conv1.png").exit_code == 0


def test_tiles_have_the_right_layout_and_contrast() -> None:
    assert [across(number) for number in (1, 6, 16, 17, 20, 48, 96)] == [1, 6, 16, 9, 10, 16, 16]
    flat = own_range(np.full((1, 2, 2), 3, np.float32), (1, 2))
    assert flat.tolist() == [[[128, 128], [128, 128]]]
    assert from_zero(np.array([[[-1, 0], [1, 2]]], np.float32)).tolist() == [[[0, 0], [128, 255]]]
    assert from_zero(np.full((1, 1, 1), -3, np.float32)).tolist() == [[[0]]]
    with pytest.raises(TrainError, match="too large"):
        sheet([np.zeros((4000, 224, 224), np.uint8)], 16)


def test_alexnets_first_layer_has_the_papers_layout() -> None:
    kernels = np.random.default_rng(0).normal(size=(48, 3, 11, 11))
    width, height = draw_kernels([block(kernels), block(kernels)]).size
    side = 11 * 9  # nine pixels to a weight
    assert (width, height) == (16 * (side + 2) + 2, 6 * (side + 2) + 2 * 2 + 18)


def test_commands_do_not_change_the_run(run: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    train_tiny(tmp_path / "other", steps=1, weights=run)
    for command in (("eval", run), ("filters", run, "-o", tmp_path / "a.png")):
        assert invoke(*command).exit_code == 0
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_quiet_does_not_print_the_file_name(run: Path, tmp_path: Path) -> None:
    done = invoke("filters", run, "-o", tmp_path / "a.png", "--quiet")
    assert done.exit_code == 0 and "wrote" not in done.stdout and done.stdout.startswith("conv1 ")
    done = invoke("export", run, "-o", tmp_path / "a.safetensors", "--quiet")
    assert (done.exit_code, done.stdout) == (0, "")
