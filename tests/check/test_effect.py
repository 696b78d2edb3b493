"""The warning about keys that have no effect."""

from __future__ import annotations

import pytest
from checking import valid_net

from netspec.ir.schedules import Cosine

IMAGE = "[image] input 4x8x8\n"
SHARED = (
    IMAGE + "[a] conv filters=4 kernel=3\n[b] conv filters=4 kernel=3 inputs=image weights=a {}\n[s] sum inputs=a,b"
)


def keys_without_effect(text: str) -> list[str]:
    """Return the texts marked as having no effect, and check that there are no other warnings."""
    warnings = valid_net(text).warnings
    assert {w.code for w in warnings} <= {"no-effect"}
    return [w.span.text for w in warnings]


@pytest.mark.parametrize("key", ["init=gaussian(0.1)", "lr_mult=2", "decay=0.1", "max_norm=1"])
def test_keys_of_shared_weights_have_no_effect_outside_their_owner(key: str) -> None:
    assert keys_without_effect(SHARED.format(key)) == [key]
    assert keys_without_effect(IMAGE + f"[a] conv filters=4 kernel=3 {key}") == []


@pytest.mark.parametrize(
    ("of_weights", "of_biases"),
    [("lr=0.1", "bias_lr=0.2"), ("momentum=0.5", "bias_momentum=0"), ("schedule=cosine", "bias_schedule=constant")],
)
def test_biases_next_to_shared_weights_use_the_keys_of_weights(of_weights: str, of_biases: str) -> None:
    assert keys_without_effect(SHARED.format(of_weights)) == []
    assert keys_without_effect(SHARED.format(f"{of_weights} {of_biases}")) == [of_weights]
    assert keys_without_effect(SHARED.format(f"{of_weights} bias=none")) == [of_weights]
    assert keys_without_effect(SHARED.format(f"{of_weights} bias_lr_mult=0")) == [of_weights]
    key, value = of_weights.split("=")
    learnt = valid_net(SHARED.format(of_weights)).graph.parameters["b.bias"]
    assert getattr(learnt, key) == (Cosine(0.0) if value == "cosine" else float(value))


def test_each_key_is_reported_once() -> None:
    assert keys_without_effect(SHARED.format("lr=0 decay=0.1 bias_momentum=0.5")) == ["decay=0.1", "bias_momentum=0.5"]
    assert keys_without_effect(IMAGE + "[a] fc outputs=4 bias=none bias_lr=0 bias_momentum=0.5") == [
        "bias_lr=0",
        "bias_momentum=0.5",
    ]


def test_train_bias_schedule_overrides_the_schedule_of_a_layer() -> None:
    text = IMAGE + "[a] fc outputs=4 lr_mult=0 schedule=cosine\ntrain {}"
    assert keys_without_effect(text.format("batch=8")) == []
    assert keys_without_effect(text.format("bias_schedule=step(every=1, factor=0.5)")) == ["schedule=cosine"]


def test_bias_keys_have_effect_with_shared_weights() -> None:
    assert keys_without_effect(SHARED.format("bias=1 bias_lr=0.1")) == []


@pytest.mark.parametrize("key", ["bias_lr=0.1", "bias_lr_mult=2", "bias_momentum=0.5", "bias_decay=0.1"])
@pytest.mark.parametrize("word", ["conv filters=2 kernel=3", "local filters=2 kernel=3", "fc outputs=2"])
def test_bias_keys_have_no_effect_without_biases(word: str, key: str) -> None:
    assert keys_without_effect(IMAGE + f"[a] {word} bias=none {key}") == [key]
    assert keys_without_effect(IMAGE + f"default {word.split()[0]} bias=none\n[a] {word} {key}") == [key]
    assert keys_without_effect(IMAGE + f"[a] {word} bias=0 {key}") == []


def test_kind_of_biases_has_no_effect_without_biases() -> None:
    text = IMAGE + "[a] conv filters=2 kernel=3 bias_per=unit"
    assert (keys_without_effect(f"{text} bias=none"), keys_without_effect(text)) == (["bias_per=unit"], [])


@pytest.mark.parametrize("key", ["gpu=0", "gpu=all", "reads=all", "reads=own"])
def test_placement_keys_have_no_effect_without_gpu_groups(key: str) -> None:
    text = IMAGE + f"[a] fc outputs=4 {key}"
    assert keys_without_effect(text) == [key]
    assert keys_without_effect("gpus 2\n" + text) == []
    assert keys_without_effect("gpus 1\n" + text) == []


def test_norm_over_parts_needs_parts_and_a_norm() -> None:
    text = IMAGE + "[a] fc outputs=4 norm_over=parts {}"
    assert (
        keys_without_effect(text.format("fixed_norm=1"))
        == keys_without_effect(text.format("parts=2"))
        == ["norm_over=parts"]
    )
    assert keys_without_effect(text.format("parts=2 max_std=1")) == ["norm_over=parts"]
    assert keys_without_effect(text.format("parts=2 max_norm=1")) == []
    assert (
        keys_without_effect(
            IMAGE + "[a] fc outputs=4\n[b] fc outputs=4 inputs=a,a parts=1,2 max_norm=2,none norm_over=parts"
        )
        == []
    )


def test_update_every_of_all_parts_has_no_effect() -> None:
    text = IMAGE + "[a] fc outputs=4 update_every={} neuron=relu\n[b] fc outputs=4\ntrain accumulate={}"
    assert keys_without_effect(text.format(1, 1)) == ["update_every=1"] and keys_without_effect(text.format(4, 4)) == [
        "update_every=4"
    ]
    assert keys_without_effect(text.format(2, 4)) == keys_without_effect(text.format(1, 4)) == []
    assert keys_without_effect(IMAGE + "default fc update_every=1\n[a] fc outputs=4") == []
    assert (
        keys_without_effect("default fc update_every=1\n" + text.format(4, 4))
        == keys_without_effect(text.format("none", 4))
        == []
    )
    shared = SHARED.format("update_every=1 {}") + "\ntrain accumulate=2"
    assert (keys_without_effect(shared.format("bias=none")), keys_without_effect(shared.format(""))) == (
        ["update_every=1"],
        [],
    )


@pytest.mark.parametrize("key", ["decay=0.1", "decay_mult=2"])
def test_decay_has_no_effect_with_super_eps(key: str) -> None:
    text = IMAGE + "[a] fc outputs=4\n[b] fc outputs=4 inputs=image,a super_eps={} " + key
    assert keys_without_effect(text.format("1")) == keys_without_effect(text.format("1,2")) == [key]
    assert keys_without_effect(text.format("1,none")) == keys_without_effect(text.format("none")) == []


def test_keys_on_default_lines_are_not_reported() -> None:
    assert (
        keys_without_effect("default conv init=he bias_lr=0.1\ndefault fc reads=all\n" + SHARED.format("bias=none"))
        == []
    )


def test_comment_allows_a_key_without_effect() -> None:
    assert keys_without_effect(IMAGE + "[a] fc outputs=4 gpu=0  # one of two; allow: no-effect") == []


@pytest.mark.parametrize(
    "key",
    [
        "max_norm=1", "fixed_norm=1", "min_std=0.1", "max_std=0.1", "schedule=cosine", "momentum=0.5", "decay=0.1",
        "decay_mult=2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("rate", ["lr=0", "lr_mult=0 bias=none", "lr=0 bias_lr=0"])
def test_keys_of_updates_have_no_effect_on_frozen_weights(rate: str, key: str) -> None:
    text = IMAGE + "[a] fc outputs=4 {} {}"
    assert keys_without_effect(text.format(rate, key)) == [key]
    assert keys_without_effect(text.format("lr=0.1", key)) == []
    assert keys_without_effect(IMAGE + f"default fc {rate}\n[a] fc outputs=4 {key}") == [key]


@pytest.mark.parametrize(
    ("of_weights", "of_biases"),
    [("schedule=cosine", "bias_schedule=constant"), ("momentum=0.5", "bias_momentum=0")],
)
def test_learning_biases_follow_the_keys_of_frozen_weights(of_weights: str, of_biases: str) -> None:
    text = IMAGE + "[a] fc outputs=4 {} " + of_weights
    assert keys_without_effect(text.format("lr=0 bias_lr=0.1")) == keys_without_effect(text.format("lr_mult=0")) == []
    assert keys_without_effect(text.format(f"lr=0 bias_lr=0.1 {of_biases}")) == [of_weights]
    assert keys_without_effect(IMAGE + f"[a] fc outputs=4 lr=0 bias_lr=0.1 {of_biases} decay=0.1") == ["decay=0.1"]


@pytest.mark.parametrize("key", ["bias_schedule=cosine", "bias_momentum=0.5", "bias_decay=0.1", "bias_decay_mult=2"])
def test_keys_of_updates_have_no_effect_on_frozen_biases(key: str) -> None:
    for rate in ("lr=0.1 bias_lr=0", "bias_lr_mult=0", "lr=0"):
        assert keys_without_effect(IMAGE + f"[a] fc outputs=4 {rate} {key}") == [key]
    assert keys_without_effect(IMAGE + f"[a] fc outputs=4 lr_mult=0 {key}") == []
    assert keys_without_effect(IMAGE + f"default fc {key}\n[a] fc outputs=4 bias_lr=0") == []


def test_decay_of_0_on_frozen_parameters_is_accepted() -> None:
    assert (
        keys_without_effect(
            IMAGE + "[a] fc outputs=4 lr_mult=0 decay_mult=0 bias_lr_mult=0 bias_decay_mult=0 momentum=0"
        )
        == []
    )
    assert keys_without_effect(SHARED.format("decay=0.0")) == ["decay=0.0"]  # the decay of the owning layer applies


def test_weights_are_frozen_only_if_all_inputs_rates_are_0() -> None:
    both = IMAGE + "[a] fc outputs=4\n[b] fc outputs=4 inputs=a,a lr={} max_norm=1"
    assert (keys_without_effect(both.format("0,0")), keys_without_effect(both.format("0,0.1"))) == (["max_norm=1"], [])


def test_sets_of_all_classes_have_no_effect() -> None:
    text = IMAGE + "[a] fc outputs=4\n[loss] setcrossentropy size={}"
    assert (keys_without_effect(text.format(4)), keys_without_effect(text.format(3))) == (["size=4"], [])
    (warning,) = valid_net(text.format(4)).warnings
    assert warning.message == "loss is 0 whatever the scores are: its sets have all 4 classes"


@pytest.mark.parametrize("type_", ["batchnorm", "layernorm", "groupnorm groups=2"])
def test_normalisation_without_coefficients_has_no_use_for_their_keys(type_: str) -> None:
    keys = "lr=0.1 decay=0 bias_lr_mult=2 update_every=2"
    accumulated = IMAGE + "train accumulate=4\n"
    assert keys_without_effect(accumulated + f"[n] {type_} affine=no {keys}") == keys.split()
    assert keys_without_effect(accumulated + f"[n] {type_} {keys}") == []


@pytest.mark.parametrize("type_", ["batchnorm", "layernorm", "groupnorm groups=2"])
def test_biases_of_normalisations_are_biases(type_: str) -> None:
    """They take the schedule of the coefficients, and are fixed by a rate of 0."""
    text = IMAGE + f"[n] {type_} lr=0 bias_lr={{}} schedule=cosine"
    assert keys_without_effect(text.format("0.1")) == []
    assert keys_without_effect(text.format("0 bias_decay=0.1")) == ["bias_decay=0.1", "schedule=cosine"]
