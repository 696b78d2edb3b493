"""``clip_gradients=``: its values, and the words of other tools for it."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, valid_net

from netspec.ir.rules import Clip
from netspec.language.variants import apply

START = "[i] input 8\n[f] fc outputs=2\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("norm(2)", Clip("norm", 2.0)),
        ("norm(max=0.5)", Clip("norm", 0.5)),
        ("value(1e-3)", Clip("value", 1e-3)),
        ("none", None),
    ],
)
def test_values(value: str, expected: Clip | None) -> None:
    assert valid_net(f"{START}train clip_gradients={value}").graph.train.clip_gradients == expected
    assert valid_net(START).graph.train.clip_gradients is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("norm", "'norm' needs max, a number above 0"),
        ("norm(0)", "max needs a number above 0, not 0"),
        ("value(-1)", "max needs a number above 0, not -1"),
        ("norm(1, 2)", "'norm' takes at most 1 value"),
        ("none(1)", "'none' takes no values"),
        ("0", "needs norm(max), value(max) or none, not '0'"),
        ("l2(2)", "needs norm(max), value(max) or none, not 'l2(2)'"),
    ],
)
def test_wrong_values_are_errors(value: str, message: str) -> None:
    found = only_diagnostic(f"{START}train clip_gradients={value}")
    assert (found.code, found.message) == ("bad-value", f"clip_gradients: {message}")


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("clip_gradients=35", "norm(35)"),
        ("clip_gradients=nrom(35)", "norm(35)"),
        ("clip_norm=2", "norm(2)"),
        ("global_clipnorm=1.5", "norm(1.5)"),
        ("clip_grad_norm_=2", "norm(2)"),
        ("max_grad_norm=1", "norm(1)"),
        ("gradient_clip_val=0.5", "norm(0.5)"),
        ("clip=norm(2)", "norm(2)"),
        ("clip_gradient=value(2)", "value(2)"),
        ("clipvalue=0.5", "value(0.5)"),
        ("clip_grad_value_=0.5", "value(0.5)"),
    ],
)
def test_words_of_other_tools_are_corrected(written: str, fixed: str) -> None:
    text = f"{START}train {written} epochs=2"
    (fix,) = only_diagnostic(text).fixes
    assert (apply(fix.edits, text), fix.checks) == (f"{START}train clip_gradients={fixed} epochs=2", True)


def test_kerass_limit_of_each_parameter_is_named() -> None:
    (note,) = only_diagnostic(f"{START}train clipnorm=1").notes
    assert "Keras's clipnorm limits the gradient of each parameter by itself" in note


def test_limit_as_an_argument_of_the_rule_gets_a_note() -> None:
    found = only_diagnostic(f"{START}train optimizer=adam(0.1, clipnorm=1)")
    assert found.message == "optimizer: 'adam' has no clipnorm"
    assert found.notes[0].startswith("gradients are limited by train clip_gradients=")


def test_limit_that_is_given_twice_is_not_corrected() -> None:
    found = only_diagnostic(f"{START}train clip_gradients=norm(2) clipnorm=1")
    assert (found.code, found.fixes) == ("unknown-key", ())
