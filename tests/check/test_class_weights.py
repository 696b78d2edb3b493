"""``class_weights=``: its values, what it does not fit, and the words of other tools for it."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, valid_net

START = "[i] input 3x8x8\n[f] fc outputs=3\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1,5,0.5", (1.0, 5.0, 0.5)), ("0,0,1e-3", (0.0, 0.0, 1e-3)), ("balanced", "balanced"), ("none", None)],
)
def test_values(value: str, expected: tuple[float, ...] | str | None) -> None:
    assert valid_net(f"{START}train class_weights={value}").graph.train.class_weights == expected
    assert valid_net(START).graph.train.class_weights is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2", "needs a number from 0 for each class, 1,5,5, balanced, or none, not '2'"),
        ("blanced", "'blanced' is unknown; did you mean balanced?"),
        ("1,-5,1", "needs a number from 0, not -5"),
        ("0,0,0", "needs a number above 0: with these, no class is learnt"),
        ("1,nan,1", "needs a number from 0, not 'nan'"),
        ("1,inf,1", "needs a number from 0, not 'inf'"),
        ("1,1e39,1", "needs a number that float32 holds (-3.4e+38 to 3.4e+38), not 1e+39"),
        ("0,1e-60,0", "needs a number of 1.2e-38 or more, the least above 0 that float32 holds well, not 1e-60"),
    ],
)
def test_wrong_values_are_errors(value: str, message: str) -> None:
    found = only_diagnostic(f"{START}train class_weights={value}")
    assert (found.code, found.message) == ("bad-value", f"class_weights: {message}")


@pytest.mark.parametrize(
    ("layers", "message", "at"),
    [
        ("", "class_weights has 2 numbers, and f has the scores of 3 classes", "f"),
        ("[p] softmax", "class_weights has 2 numbers, and f has the scores of 3 classes", "f"),
        ("[g] fc outputs=1", "class_weights has 2 numbers, and g has the scores of 1 class", "g"),
        ("[m] reshape size=3x1x1", "class_weights has 2 numbers, and m has the scores of 3 classes", "m"),
        (
            "[a] crossentropy\n[g] fc outputs=2 inputs=f\n[b] crossentropy",
            "class_weights has 2 numbers, and f has the scores of 3 classes",
            "f",
        ),
        ("[l] binarycrossentropy", "class_weights are those of a cross-entropy, and l is a binarycrossentropy", "l"),
        ("[l] setcrossentropy size=2", "class_weights are those of a cross-entropy, and l is a setcrossentropy", "l"),
        (
            "[l] crossentropy\n[s] sumsquares inputs=f",
            "class_weights are those of a cross-entropy, and s is a sumsquares",
            "s",
        ),
        (
            "[g] fc outputs=2 update_every=1",
            "class_weights are divided by their sum over a batch, and g is updated within one",
            "g",
        ),
    ],
)
def test_weights_that_do_not_fit_the_network_are_errors(layers: str, message: str, at: str) -> None:
    found = only_diagnostic(f"{START}{layers}\ntrain batch=8 accumulate=2 class_weights=1,5")
    assert (found.code, found.message, found.span.text) == ("class-weights", message, "class_weights=1,5")
    assert [label.span.text for label in found.labels] == [at]
    assert len(found.notes) == 1


def test_weights_fit_several_losses_and_maps() -> None:
    valid_net(f"{START}[a] crossentropy\n[g] fc outputs=3 inputs=f\n[b] crossentropy\ntrain class_weights=1,2,3")
    valid_net("[i] input 3x8x8\n[m] conv filters=3 kernel=3\ntrain class_weights=1,2,3")


def test_balanced_weights_are_those_of_a_cross_entropy_too() -> None:
    found = only_diagnostic(f"{START}[l] setcrossentropy size=2\ntrain class_weights=balanced")
    assert found.message == "class_weights are those of a cross-entropy, and l is a setcrossentropy"


def test_words_of_other_tools() -> None:
    assert only_diagnostic(f"{START}train weight=1,2,3").message.endswith("did you mean class_weights?")
    (note,) = only_diagnostic(f"{START}train class_weight=1,2,3").notes
    assert "Keras's class_weight divides it by the number of images" in note
    for key in ("weight", "class_weights"):
        found = only_diagnostic(f"{START}[l] crossentropy {key}=1,2,3")
        assert (found.message, found.fixes) == (f"crossentropy has no key '{key}'", ())
        assert found.notes[0].endswith("train class_weights=1,5,5")
    assert "train class_weights=1,5,5" in only_diagnostic(f"{START}[l] InfogainLoss").notes[0]
