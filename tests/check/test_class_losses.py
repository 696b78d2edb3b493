"""Losses that read the classes: all of images or all of pixels, and with a score for each class of the last one."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, valid_net

MAPS = "[i] input 3x8x8\n[c] conv filters=4 kernel=3 neuron=relu\n"
AUXILIARY = "[a] conv filters=4 kernel=1\n[aux] crossentropy loss_weight=0.4\n"
MAIN = "[s] conv filters=4 kernel=1 inputs=c\n[loss] crossentropy\n"


def test_the_class_scores_are_those_of_the_last_loss() -> None:
    graph = valid_net(MAPS + AUXILIARY + MAIN).graph
    assert (graph.scores.layer, graph.loss_weights) == ("s", {"aux": 0.4, "loss": 1.0})
    assert valid_net(MAPS + AUXILIARY.replace("=4", "=6") + MAIN).graph.scores.output == (4, 6, 6)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (AUXILIARY.replace("=4", "=3") + MAIN, "aux reads the scores of 3 classes, and loss those of 4 classes"),
        (
            AUXILIARY + "[s] fc outputs=4 inputs=c\n[loss] crossentropy",
            "aux compares maps, 4x6x6, with the classes of pixels, and loss 4 scores with those of images",
        ),
        (
            "[a] fc outputs=4\n[aux] squarederror\n" + MAIN,
            "aux compares 4 scores with the classes of images, and loss maps, 4x6x6, with those of pixels",
        ),
        (
            "[aux] sumsquares gate=class\n" + MAIN,
            "aux reads the class of an image, and loss compares maps with the classes of pixels",
        ),
    ],
)
def test_losses_of_other_classes_are_errors(layers: str, message: str) -> None:
    found = only_diagnostic(MAPS + layers)
    assert (found.code, found.message, found.layer) == ("classes-differ", message, "aux")
    assert [label.span.text for label in found.labels] == ["loss"]
