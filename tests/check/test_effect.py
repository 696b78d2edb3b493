"""The warning about keys that have no effect."""

from __future__ import annotations

import pytest
from checking import good

from netspec.ir.settings import Cosine

IMAGE = "[image] input 4x8x8\n"
SHARED = (
    IMAGE + "[a] conv filters=4 kernel=3\n[b] conv filters=4 kernel=3 inputs=image weights=a {}\n[s] sum inputs=a,b"
)


def idle(text: str) -> list[str]:
    """Return the texts marked as having no effect, and check that there are no other warnings."""
    warnings = good(text).warnings
    assert {w.code for w in warnings} <= {"no-effect"}
    return [w.span.text for w in warnings]


@pytest.mark.parametrize("key", ["init=gaussian(0.1)", "lr_mult=2", "decay=0.1", "max_norm=1"])
def test_keys_of_shared_weights_count_at_their_owner(key: str) -> None:
    assert idle(SHARED.format(key)) == [key]
    assert idle(IMAGE + f"[a] conv filters=4 kernel=3 {key}") == []


@pytest.mark.parametrize(
    ("of_weights", "of_biases"),
    [("lr=0.1", "bias_lr=0.2"), ("momentum=0.5", "bias_momentum=0"), ("schedule=cosine", "bias_schedule=constant")],
)
def test_biases_beside_shared_weights_follow_the_keys_of_weights(of_weights: str, of_biases: str) -> None:
    assert idle(SHARED.format(of_weights)) == []
    assert idle(SHARED.format(f"{of_weights} {of_biases}")) == [of_weights]
    assert idle(SHARED.format(f"{of_weights} bias=none")) == [of_weights]
    assert idle(SHARED.format(f"{of_weights} bias_lr_mult=0")) == [of_weights]
    key, value = of_weights.split("=")
    learnt = good(SHARED.format(of_weights)).graph.parameters["b.bias"]
    assert getattr(learnt, key) == (Cosine(0.0) if value == "cosine" else float(value))


def test_each_key_is_told_once() -> None:
    assert idle(SHARED.format("lr=0 decay=0.1 bias_momentum=0.5")) == ["decay=0.1", "bias_momentum=0.5"]
    assert idle(IMAGE + "[a] fc outputs=4 bias=none bias_lr=0 bias_momentum=0.5") == ["bias_lr=0", "bias_momentum=0.5"]


def test_the_train_lines_schedule_of_biases_precedes_the_layers_schedule() -> None:
    text = IMAGE + "[a] fc outputs=4 lr_mult=0 schedule=cosine\ntrain {}"
    assert idle(text.format("batch=8")) == []
    assert idle(text.format("bias_schedule=step(every=1, factor=0.5)")) == ["schedule=cosine"]


def test_the_bias_of_a_layer_with_shared_weights_is_its_own() -> None:
    assert idle(SHARED.format("bias=1 bias_lr=0.1")) == []


@pytest.mark.parametrize("key", ["bias_lr=0.1", "bias_lr_mult=2", "bias_momentum=0.5", "bias_decay=0.1"])
@pytest.mark.parametrize("word", ["conv filters=2 kernel=3", "local filters=2 kernel=3", "fc outputs=2"])
def test_without_biases_their_keys_have_no_effect(word: str, key: str) -> None:
    assert idle(IMAGE + f"[a] {word} bias=none {key}") == [key]
    assert idle(IMAGE + f"default {word.split()[0]} bias=none\n[a] {word} {key}") == [key]
    assert idle(IMAGE + f"[a] {word} bias=0 {key}") == []


@pytest.mark.parametrize("key", ["gpu=0", "gpu=all", "reads=all", "reads=own"])
def test_without_groups_nothing_is_placed(key: str) -> None:
    text = IMAGE + f"[a] fc outputs=4 {key}"
    assert idle(text) == [key]
    assert idle("gpus 2\n" + text) == []
    assert idle("gpus 1\n" + text) == []


def test_norm_over_parts_needs_parts_and_a_norm() -> None:
    text = IMAGE + "[a] fc outputs=4 norm_over=parts {}"
    assert idle(text.format("fixed_norm=1")) == idle(text.format("parts=2")) == ["norm_over=parts"]
    assert idle(text.format("parts=2 max_std=1")) == ["norm_over=parts"]
    assert idle(text.format("parts=2 max_norm=1")) == []
    assert idle(IMAGE + "[a] fc outputs=4\n[b] fc outputs=4 inputs=a,a parts=1,2 max_norm=2,none norm_over=parts") == []


def test_an_update_after_all_parts_is_the_default() -> None:
    text = IMAGE + "[a] fc outputs=4 update_every={}\n[b] fc outputs=4\ntrain accumulate={}"
    assert idle(text.format(1, 1)) == ["update_every=1"] and idle(text.format(4, 4)) == ["update_every=4"]
    assert idle(text.format(2, 4)) == idle(text.format(1, 4)) == []
    assert idle(IMAGE + "default fc update_every=1\n[a] fc outputs=4") == []
    assert idle("default fc update_every=1\n" + text.format(4, 4)) == idle(text.format("none", 4)) == []
    shared = SHARED.format("update_every=1 {}") + "\ntrain accumulate=2"
    assert (idle(shared.format("bias=none")), idle(shared.format(""))) == (["update_every=1"], [])


@pytest.mark.parametrize("key", ["decay=0.1", "decay_mult=2"])
def test_a_rule_without_decay(key: str) -> None:
    text = IMAGE + "[a] fc outputs=4\n[b] fc outputs=4 inputs=image,a super_eps={} " + key
    assert idle(text.format("1")) == idle(text.format("1,2")) == [key]
    assert idle(text.format("1,none")) == idle(text.format("none")) == []


def test_a_default_is_for_many_layers() -> None:
    assert idle("default conv init=he bias_lr=0.1\ndefault fc reads=all\n" + SHARED.format("bias=none")) == []


def test_a_comment_allows_it() -> None:
    assert idle(IMAGE + "[a] fc outputs=4 gpu=0  # one of two; allow: no-effect") == []


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
    assert idle(text.format(rate, key)) == [key]
    assert idle(text.format("lr=0.1", key)) == []
    assert idle(IMAGE + f"default fc {rate}\n[a] fc outputs=4 {key}") == [key]


@pytest.mark.parametrize(
    ("of_weights", "of_biases"),
    [("schedule=cosine", "bias_schedule=constant"), ("momentum=0.5", "bias_momentum=0")],
)
def test_learning_biases_follow_the_keys_of_frozen_weights(of_weights: str, of_biases: str) -> None:
    text = IMAGE + "[a] fc outputs=4 {} " + of_weights
    assert idle(text.format("lr=0 bias_lr=0.1")) == idle(text.format("lr_mult=0")) == []
    assert idle(text.format(f"lr=0 bias_lr=0.1 {of_biases}")) == [of_weights]
    assert idle(IMAGE + f"[a] fc outputs=4 lr=0 bias_lr=0.1 {of_biases} decay=0.1") == ["decay=0.1"]


@pytest.mark.parametrize("key", ["bias_schedule=cosine", "bias_momentum=0.5", "bias_decay=0.1", "bias_decay_mult=2"])
def test_keys_of_updates_have_no_effect_on_frozen_biases(key: str) -> None:
    for rate in ("lr=0.1 bias_lr=0", "bias_lr_mult=0", "lr=0"):
        assert idle(IMAGE + f"[a] fc outputs=4 {rate} {key}") == [key]
    assert idle(IMAGE + f"[a] fc outputs=4 lr_mult=0 {key}") == []
    assert idle(IMAGE + f"default fc {key}\n[a] fc outputs=4 bias_lr=0") == []


def test_a_decay_of_0_on_frozen_parameters_is_accepted() -> None:
    assert idle(IMAGE + "[a] fc outputs=4 lr_mult=0 decay_mult=0 bias_lr_mult=0 bias_decay_mult=0 momentum=0") == []
    assert idle(SHARED.format("decay=0.0")) == ["decay=0.0"]  # the decay of the owning layer applies


def test_a_rate_of_each_input() -> None:
    both = IMAGE + "[a] fc outputs=4\n[b] fc outputs=4 inputs=a,a lr={} max_norm=1"
    assert (idle(both.format("0,0")), idle(both.format("0,0.1"))) == (["max_norm=1"], [])


def test_sets_of_all_classes_have_no_effect() -> None:
    text = IMAGE + "[a] fc outputs=4\n[loss] setcrossentropy size={}"
    assert (idle(text.format(4)), idle(text.format(3))) == (["size=4"], [])
    (warning,) = good(text.format(4)).warnings
    assert warning.message == "loss is 0 whatever the scores are: its sets have all 4 classes"
