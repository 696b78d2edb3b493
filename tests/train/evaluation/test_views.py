"""The views of an image, and predictions averaged over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tiny_network import tiny_net

from netspec import backend
from netspec.ir.shape import Shape
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.splits import Frame
from netspec.train.evaluation.views import Predictor, View, mean_of, prepared, protocol, views
from netspec.train.learning.objective import Objective, build
from netspec.train.runs.saved import open_run


def test_one_view_is_the_centre_crop() -> None:
    assert views(1, Frame(3, 256, 256), Shape(3, 224, 224)) == (View(16, 16, mirror=False, share=1.0),)


def test_ten_views_are_corners_centre_and_mirror_images() -> None:
    found = views(10, Frame(3, 256, 256), Shape(3, 224, 224))
    assert {(view.top, view.left) for view in found} == {(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)}
    assert len(found) == 10 and all(view.share == 0.1 for view in found)
    assert sum(view.mirror for view in found) == 5


def test_identical_views_are_merged_and_their_weights_added() -> None:
    assert views(10, Frame(1, 8, 8), Shape(1, 8, 8)) == (View(0, 0, False, 0.5), View(0, 0, True, 0.5))
    wide = views(10, Frame(1, 8, 12), Shape(1, 8, 8))
    assert [(view.left, view.share) for view in wide if not view.mirror] == [(0, 0.2), (4, 0.2), (2, 0.1)]
    assert protocol(10, 2).endswith("of which 2 are distinct: the stored images leave no room for more crops")
    assert protocol(1, 1) == "centre crop"


def test_view_is_cropped_at_its_position() -> None:
    graph = tiny_net("mean=image", "mean=none").graph
    frame = Frame(3, 14, 14)
    prepare = Preparation.for_graph(graph, None, frame, 255, "cpu")
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 14, 14), np.uint8)
    plain = torch.from_numpy(images[:, :, 2:, :12]).float() / 255
    torch.testing.assert_close(prepared(prepare, images, View(2, 0, False, 1.0)), plain)
    torch.testing.assert_close(prepared(prepare, images, View(2, 0, True, 1.0)), plain.flip(3))


def test_ten_views_are_averaged_after_the_softmax(run: Path) -> None:
    saved = open_run(run, print)
    frame = Frame(3, 14, 14)
    objective, prepare = saved.objective("cpu"), saved.preparation(frame, 255, "cpu")
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 14, 14), np.uint8)
    by_hand = torch.zeros(3, 4)
    mean = prepare.mean
    for top, left in ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1)):
        x = (torch.from_numpy(images).float() / 255 - mean)[:, :, top : top + 12, left : left + 12]
        for image in (x, x.flip(3)):
            with torch.no_grad():
                by_hand += objective.module(image)  # its last layer is a softmax
    predicted = Predictor(objective, prepare, views(10, frame, saved.graph.input.output))(images).exp()
    torch.testing.assert_close(predicted.float(), by_hand / 10)


def test_networks_are_averaged_as_probabilities() -> None:
    a, b = torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.3, 0.7]]).log()
    torch.testing.assert_close(mean_of([a, b]).exp(), torch.tensor([[0.6, 0.4]]))


def test_softmax_output_is_not_normalised_again() -> None:
    graph = tiny_net("[prob] softmax", "[prob] softmax\n[loss] squarederror").graph
    built = build(graph, 0, "cpu")
    built.module.eval()
    objective = Objective(graph, built.module)
    prepare = Preparation.for_graph(graph, None, Frame(3, 14, 14), 255, "cpu")
    images = np.full((1, 3, 14, 14), 7, np.uint8)
    predicted = Predictor(objective, prepare, views(1, Frame(3, 14, 14), graph.input.output))(images).exp()
    with torch.no_grad():
        scores = backend.load("pytorch").class_scores(built.module, torch.full((1, 3, 12, 12), 7 / 255))
    torch.testing.assert_close(predicted.float(), scores)
    assert abs(float(predicted.sum()) - 1) < 1e-6
