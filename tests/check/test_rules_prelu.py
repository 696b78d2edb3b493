"""Learnt slopes: how they begin, learn and are shared, and what they do to the strength of a signal."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, ops_of, valid_net

from netspec.check.traps.strength import strengths
from netspec.ir.distribution import Constant, Normal
from netspec.ir.ops import PRelu

IMAGE = "[image] input 4x8x8\n"
TRAIN = "\ntrain optimizer=sgd(lr=0.1, weight_decay=0.01)"


@pytest.mark.parametrize(
    ("keys", "shape", "distribution", "lr", "decay"),
    [
        ("", (4,), Constant(0.25), 0.1, 0.0),
        ("shared=yes", (1,), Constant(0.25), 0.1, 0.0),
        ("init=gaussian(0.1, 0.5) lr_mult=2", (4,), Normal(0.5, 0.1), 0.2, 0.0),
        ("decay=0.5 decay_mult=0.5", (4,), Constant(0.25), 0.1, 0.25),
    ],
)
def test_slopes_are_weights_without_decay(
    keys: str, shape: tuple[int, ...], distribution: object, lr: float, decay: float
) -> None:
    (slopes,) = valid_net(f"{IMAGE}[x] prelu {keys}{TRAIN}").graph.parameters.values()
    assert (slopes.key, slopes.role, slopes.shape, slopes.distribution) == ("x.weight", "weight", shape, distribution)
    assert (slopes.lr, slopes.decay) == (lr, decay)


def test_counts_are_those_of_the_slopes() -> None:
    text = IMAGE + "[a] prelu -> 4x8x8 weights=4 units=256 connections=0\n[b] prelu shared=yes -> weights=1"
    assert ops_of(text, "a") == [PRelu()] and ops_of(text, "b") == [PRelu(shared=True)]
    found = only_diagnostic(IMAGE + "[a] prelu -> weights=5")
    assert (found.message, found.notes[0]) == ("a has 4 weights, not 5", "one slope a channel * 4 channels = 4")


def test_layers_may_share_slopes() -> None:
    text = IMAGE + "[a] prelu\n[c] conv filters=4 kernel=3\n[b] prelu weights=a"
    assert "b.weight" not in valid_net(text).graph.parameters
    found = only_diagnostic(IMAGE + "[a] prelu\n[c] conv filters=5 kernel=3\n[b] prelu weights=a")
    assert (found.code, found.notes) == ("weights-mismatch", ("b needs 5, a has 4",))


def test_factor_on_no_decay_has_no_effect() -> None:
    (found,) = valid_net(IMAGE + "[a] prelu decay_mult=2").warnings
    assert (found.code, found.notes) == ("no-effect", ("a's decay, which it multiplies, is 0",))
    assert valid_net(IMAGE + "[a] prelu decay_mult=0").warnings == ()


def test_signal_keeps_its_strength_with_weights_for_the_slope() -> None:
    """He et al. (2015), formula 15: n Var(w) (1 + a^2) / 2 = 1, so each layer of 36 inputs keeps the mean square."""
    std = (2 / (1 + 0.5**2) / 36) ** 0.5
    lines = [
        f"[c{i}] conv filters=4 kernel=3 pad=1 init=gaussian({std})\n[r{i}] prelu init=constant(0.5)" for i in "12"
    ]
    found = strengths(valid_net(IMAGE + "\n".join(lines)).graph)
    assert found["c2"] == pytest.approx(found["c1"])
    assert found["r1"] ** 2 == pytest.approx(found["c1"] ** 2 * (1 + 0.25) / 2)


def test_prelu_is_not_a_neuron() -> None:
    found = only_diagnostic(IMAGE + "[a] fc outputs=3 neuron=prelu")
    assert (found.code, found.message) == ("bad-value", "neuron: prelu is no neuron")
    assert [fix.title for fix in found.fixes] == ["add [a_act] prelu below"]
    assert found.fixes[0].checks
    read = only_diagnostic(IMAGE + "[a] fc outputs=4 neuron=prelu\n[b] relu\n[c] sum inputs=a,b")
    assert read.fixes == ()
