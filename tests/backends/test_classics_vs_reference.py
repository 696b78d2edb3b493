"""The networks of specs/classics, narrowed: as modules and on the reference."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from classics import DISTINCT, narrow
from comparing import assert_near, initial_weights, load_weights, random_images, statistics

from netspec import backend

pytestmark = pytest.mark.usefixtures("one_thread")

reference = backend.load("reference")
pytorch = backend.load("pytorch")


@pytest.mark.many
@pytest.mark.parametrize("path", DISTINCT, ids=lambda path: path.stem)
def test_module_computes_what_the_reference_computes(path: Path) -> None:
    graph = narrow(path.stem).graph
    weights, images = initial_weights(graph), random_images(graph, 2)
    model = pytorch.module(graph).double().eval()
    load_weights(model, graph, weights)
    expected = reference.run(graph, weights, images, statistics=statistics(graph)).values[graph.scores.name]
    with torch.no_grad():
        scores = pytorch.class_scores(model, torch.tensor(images))
    assert_near(scores, expected.reshape(scores.shape), "scores")  # maps if the network is dense
