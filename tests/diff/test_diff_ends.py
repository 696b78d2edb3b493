"""The layers that give the class scores, and the output, of networks with several classifiers."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

from comparing_nets import diff, difference_lines

from netspec.diff import compare
from netspec.net import Net, loads

TRUNK = "[image] input 2x9x9\n[conv1] conv filters=4 kernel=3\n[conv2] conv filters=3 kernel=3 inputs=conv1\n"
MAIN, AUXILIARY = "[fc] fc outputs=4 inputs=conv2\n", "[aux] fc outputs=4 inputs=conv1\n"


def _nets() -> list[Net]:
    """Networks with a main and an auxiliary classifier in both orders, each with or without a loss at the end."""
    losses = "[loss] crossentropy inputs=fc\n", "[aux-loss] crossentropy inputs=aux loss_weight=0.4\n"
    texts = [
        TRUNK + first + second + "".join(order)
        for first, second in ((MAIN, AUXILIARY), (AUXILIARY, MAIN))
        for kept in product((False, True), repeat=2)
        for order in permutations(loss for loss, keep in zip(losses, kept, strict=True) if keep)
    ]
    return [loads(text) for text in texts]


def test_another_function_or_output_has_a_row_that_says_why() -> None:
    """Also if one of the files says nothing of a training, as those of ONNX."""
    seen = set()
    nets = _nets()
    for a, b in product(nets[:5], nets):
        found = compare(a, replace(b, unstated=frozenset(("training", "testing", "placement"))))
        effects = [d.effect for d in found.each()]
        seen.add(found.function)
        assert found.function == "same" or {"other": "function", "scores": "output"}[found.function] in effects
    assert seen == {"same", "other"}


def test_class_scores_of_an_auxiliary_classifier_are_named() -> None:
    losses = "[loss] crossentropy inputs=fc\n", "[aux-loss] crossentropy inputs=aux\n"
    found = diff(TRUNK + MAIN + AUXILIARY + "".join(losses), TRUNK + MAIN + AUXILIARY + "".join(losses[::-1]))
    assert difference_lines(found)[-1] == "net class scores: aux -> fc, function"
    assert not [line for line in difference_lines(found)[:-1] if line.endswith("function") and "moved" not in line]


def test_output_that_is_no_class_scores_is_named() -> None:
    loss = "[loss] crossentropy inputs=aux\n"
    found = diff(TRUNK + AUXILIARY + MAIN + loss, TRUNK + AUXILIARY + loss + MAIN)
    assert found.function == "scores"
    assert difference_lines(found) == ["loss moved: fc -> aux, nothing", "net output: aux -> fc, output"]
