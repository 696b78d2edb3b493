"""ShuffleNets, whose channels are taken and shuffled: their published numbers, and their values on several backends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from shufflenets import shufflenet, shufflenet_v2

from netspec import backend
from netspec.net import Net, loads

V2 = {
    (48, 96, 192, 1024): (1_366_792, 0.040),
    (116, 232, 464, 1024): (2_278_604, 0.145),
    (176, 352, 704, 1024): (3_503_624, 0.296),
    (244, 488, 976, 2048): (7_393_996, 0.583),
}
"""By numbers of channels, ``num_params`` and ``_ops``, billions of multiply-adds, of torchvision's shufflenetv2.py."""

V1 = {1: (144, 143), 2: (200, 140), 3: (240, 137), 4: (272, 133), 8: (384, 137)}
"""Zhang et al. (2018), table 1: by groups, the channels of stage 2, and millions of multiply-adds."""


@pytest.mark.parametrize("widths", V2)
def test_second_version_has_torchvisions_numbers(widths: tuple[int, ...]) -> None:
    net = loads(shufflenet_v2(widths))
    assert (net.total.parameters, round(net.total.connections / 1e9, 3)) == V2[widths]
    assert net.warnings == ()


@pytest.mark.parametrize("groups", V1)
def test_first_version_has_the_multiply_adds_of_the_paper(groups: int) -> None:
    """The paper's numbers are those of the convolutions, without the fully connected layer."""
    width, millions = V1[groups]
    net = loads(shufflenet(groups, (width, 2 * width, 4 * width)))
    assert round((net.total.connections - net["fc"].connections) / 1e6) == millions
    assert net["pool"].output == (4 * width, 1, 1)
    assert net.warnings == ()


SMALL = {"v1": shufflenet(3, (36, 48, 60), 64, 10), "v2": shufflenet_v2((28, 36, 44, 48), 64, 10)}


@pytest.mark.parametrize("kind", SMALL)
def test_backends_agree(kind: str) -> None:
    net: Net = loads(SMALL[kind])
    pytorch, reference = backend.load("pytorch"), backend.load("reference")
    model = pytorch.module(net.graph, seed=3).double().eval()
    weights = {key: model.get_parameter(key).detach().numpy() for key in net.graph.parameters}
    images = np.random.default_rng(0).normal(size=(2, 3, 64, 64))
    expected = reference.run(net.graph, weights, images).values[net.graph.scores.name]
    with torch.no_grad():
        scores = pytorch.class_scores(model, torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
