"""Values that have no key: which key, brackets or comma is proposed for them."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, only_diagnostic

from netspec.diagnostics import apply


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        ("[s] sum inputs=i i", "inputs=i,i"),
        ("[c] conv filters=2 kernel=3 pad=1 2 1 2", "pad=1,2,1,2"),
        ("[c] conv filters=2 kernel=3 neuron=leakyrelu 0.1", "neuron=leakyrelu(0.1)"),
        ("[f] fc outputs=2\ntrain schedule=step 30 0.1", "schedule=step(30, 0.1)"),
        ("default fc neuron=tanh 1.7 0.7\n[f] fc outputs=2", "neuron=tanh(1.7, 0.7)"),
        ("[f] fc outputs=2 init=gaussian 0.05", "init=gaussian(0.05)"),
        ("[f] fc outputs=2 init=normal 0 0.05", "init=gaussian(0.05)"),
        ("[f] fc outputs=2 init=normal 0.05", "init=gaussian(0.05)"),
        ("[f] fc outputs=2\ntrain warmup=steps 500", "warmup=steps(500)"),
        ("[f] fc outputs=2\naugment colour=pca 0.1", "colour=pca(0.1)"),
    ],
)
def test_stray_values_are_joined_to_the_value_before_them(lines: str, right: str) -> None:
    text = f"[i] input 3x9x9\n{lines}\n"
    found = only_diagnostic(text)
    assert found.code == "stray-value"
    assert found.message.endswith(f"without a key; did you mean {right}?")
    (fix,) = found.fixes
    assert fix.checks and right in apply(fix.edits, text)


@pytest.mark.parametrize(
    ("lines", "message", "right"),
    [
        (
            "[f] fc outputs=2\ntrain schedule=step every=30  factor=0.5 epochs=90",
            "every and factor are arguments of step, not keys of train",
            "schedule=step(every=30, factor=0.5) epochs=90",
        ),
        (
            "[f] fc outputs=2\ntrain schedule=step(30)\n  factor=0.5",
            "factor is an argument of step, not a key of train",
            "schedule=step(30, factor=0.5)",
        ),
        (
            "[f] fc outputs=2\ntrain schedule=step step_size=30 gamma=0.5 epochs=90",
            "step_size (every) and gamma (factor) are arguments of step, not keys of train",
            "schedule=step(every=30, factor=0.5) epochs=90",
        ),
        (
            "[f] fc outputs=2 init=gaussian std=0.1",
            "std is an argument of gaussian, not a key of fc",
            "gaussian(std=0.1)",
        ),
        (
            "default fc neuron=elu alpha=2\n[f] fc outputs=2",
            "alpha is an argument of elu, not a key of fc",
            "elu(alpha=2)",
        ),
    ],
)
def test_arguments_written_as_keys_are_put_in_brackets(lines: str, message: str, right: str) -> None:
    text = f"[i] input 3x9x9\n{lines}\n"
    found = only_diagnostic(text)
    assert found.message == message
    (fix,) = found.fixes
    assert fix.checks and right in apply(fix.edits, text)


@pytest.mark.parametrize("key", ["epoch=2", "rate=0.5", "every=0.5", "# as before\n  factor=0.5"])
def test_keys_that_make_no_correct_value_are_not_put_in_brackets(key: str) -> None:
    found = diagnostics_of(f"[i] input 3x9x9\n[f] fc outputs=2\ntrain schedule=step(30) {key}\n")
    assert not any("step(" in fix.title for d in found for fix in d.fixes)


def test_numbers_behind_a_comma_are_put_in_the_brackets_of_the_word_before_it() -> None:
    found = only_diagnostic("[i] input 3x9x9\n[f] fc outputs=2 init=gaussian,0.05\n")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [("write gaussian(0.05)", True)]


def test_linear_with_in_features_suggests_fc() -> None:
    found = diagnostics_of("[i] input 3x9x9\n[c] linear in_features=243 out_features=10\n")
    assert [d.message for d in found] == ["linear has no key 'in_features'; did you mean fc?"]
    assert [(fix.title, fix.checks) for fix in found[0].fixes] == [("write fc outputs=10", True)]


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("maxpool 3x3 stride 2", "maxpool kernel=3x3 stride=2"),
        ("conv 2 kernel 3 inputs i lr 0.1", "conv filters=2 kernel=3 inputs=i lr=0.1"),
        ("batchnorm eps 1e-3", "batchnorm eps=1e-3"),
        ("sum inputs i i", "sum inputs=i,i"),
        ("conv 64 kernel 3 pad 1", "conv filters=64 kernel=3 pad=1"),
        ("maxpool 3 2", "maxpool kernel=3 stride=2"),
        ("avgpool 3 2 1 relu", "avgpool kernel=3 stride=2 pad=1 neuron=relu"),
    ],
)
def test_values_get_the_key_before_them_or_that_of_their_place(line: str, right: str) -> None:
    text = "[i] input 3x9x9\n[a] {}\n"
    (fix,) = only_diagnostic(text.format(line)).fixes
    assert fix.checks and apply(fix.edits, text.format(line)) == text.format(right)


@pytest.mark.parametrize("line", ["conv 64 3 1", "maxpool 3 2 1 7", "maxpool 0 2", "lrn 5 2"])
def test_numbers_that_may_mean_several_keys_have_no_fix(line: str) -> None:
    """Of a convolution, some tools take the channels of the input first. A pooling's first number is no padding."""
    assert only_diagnostic(f"[i] input 3x9x9\n[a] {line}\n").fixes == ()


def test_linear_with_a_number_suggests_fc() -> None:
    found = only_diagnostic("[i] input 3x9x9\n[c] linear 10\n")
    assert found.message == "linear does not take '10' without a key; did you mean fc outputs=10?"
    (fix,) = found.fixes
    assert (fix.title, fix.checks) == ("write fc outputs=10", True)


@pytest.mark.parametrize(
    "line",
    [
        "dropout 5",
        "conv 8 3 1",
        "relu 3",
        "flatten 1",
        "conv filters=2 kernel=3 7",
        "batchnorm 3",
        "sumsquares 3",
        "linear 0.5 7",
    ],
)
def test_stray_number_that_fits_no_key_gets_no_proposal(line: str) -> None:
    found = next(d for d in diagnostics_of(f"[i] input 3x8x8\n[a] {line}") if d.code == "stray-value")
    assert "did you mean" not in found.message and not found.fixes
    assert found.notes[0].startswith("values are given as key=value")


def test_stray_word_is_not_taken_for_an_input() -> None:
    found = next(d for d in diagnostics_of("[i] input 3x9x9\n[c] conv filters=2 kernel=3 same\n"))
    assert "did you mean" not in found.message and not found.fixes
    assert only_diagnostic("[i] input 3x9x9\n[c] concat i i\n").fixes[0].title == "write inputs=i,i"
