"""Every changed key is reported, and nothing else; the reported effect agrees with the reference backend."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from comparing_nets import all_facts, changed_keys, diff, difference_lines, load_with_changes, same_outputs
from hypothesis import given, reject
from hypothesis import strategies as st
from hypothesis_profiles import examples

from netspec.diagnostics import SpecError
from netspec.diff import compare, gravest
from netspec.diff.machine_readable import to_json
from netspec.diff.settings import settings_of
from netspec.keys.update_rules import OPTIMIZERS
from netspec.net import Net, loads
from netspec.setting_keys import SETTINGS

BASE = """\
net base  rounding=down
gpus 2
default conv init=gaussian(0.01)
[image] input 2x17x17 range=255 mean=image
[conv1] conv filters=8 kernel=3 pad=1 neuron=relu
[norm1] lrn size=3 k=2 alpha=0.1 beta=0.75
[pool1] maxpool kernel=3 stride=2
[conv2] conv filters=8 kernel=3 bias=1
[bn2] batchnorm
[act2] tanh
[map2] rnorm size=3 k=2 alpha=0.1
[pool2] avgpool kernel=2 stride=2
[fc3] fc outputs=8 reads=all init=gaussian(0.01)
[drop3] dropout rate=0.5
[fc4] fc outputs=10 gpu=0 init=gaussian(0.01)
[prob] softmax
[loss] crossentropy inputs=fc4
train epochs=10 batch=128 schedule=constant
augment from=20
"""

VALUES = {
    "conv1.filters": ("8", "16"),
    "conv1.kernel": ("3", "4", "3x5"),
    "conv1.pad": ("1", "2", "1,0,1,0"),
    "conv1.rounding": ("down", "exact", "up", "caffe"),
    "conv1.neuron": ("relu", "tanh", "linear", "tanh(1.7159, 0.6667)"),
    "conv1.init": ("gaussian(0.01)", "gaussian(0.03)", "he", "uniform(0.1)", "gaussian(0.01, mean=1)", "constant(0)"),
    "conv1.bias_lr": ("0.01", "0.02", "0"),
    "conv1.decay": ("0", "0.0005"),
    "norm1.size": ("3", "4"),
    "norm1.k": ("2", "1"),
    "norm1.alpha": ("0.1", "0.2", "0.0333333333"),
    "norm1.beta": ("0.75", "0.5"),
    "norm1.reads": ("own", "all"),
    "pool1.kernel": ("3", "4"),
    "pool1.stride": ("2", "3"),
    "pool1.rounding": ("down", "up", "exact"),
    "pool1.neuron": ("linear", "tanh"),
    "conv2.bias": ("1", "0", "gaussian(0.1)", "none"),
    "conv2.groups": ("1", "2"),
    "conv2.dilation": ("1", "2"),
    "fc3.bias_momentum": ("0.9", "0.5"),
    "bn2.eps": ("1e-05", "0.001"),
    "bn2.average": ("0.1", "0.01"),
    "act2.a": ("1", "2"),
    "map2.beta": ("0.75", "1"),
    "pool2.stride": ("2", "1"),
    "fc3.outputs": ("8", "12"),
    "fc3.reads": ("all", "own"),
    "drop3.rate": ("0.5", "0.25", "0"),
    "drop3.scaling": ("train", "test"),
    "fc4.gpu": ("0", "1"),
    "loss.loss_weight": ("1", "0.3"),
    "image.range": ("255", "1"),
    "image.mean": ("image", "none", "channel", "0.5,0.25"),
    "image.std": ("none", "channel", "0.5,0.25"),
    "image.order": ("rgb", "bgr"),
    "train.epochs": ("10", "20"),
    "train.batch": ("128", "64"),
    "train.schedule": (
        "constant",
        "steps(2, 4, factor=0.1)",
        "plateau(factor=0.1, times=2)",
        "step(every=3, factor=0.5)",
        "dexp(factor=0.004, levels=4)",
        "linear(factor=0)",
        "cosine(factor=0)",
    ),
    "train.warmup": ("none", "epochs(2)", "steps(100)"),
    "train.accumulate": ("1", "4"),
    "train.precision": ("fp32", "bf16"),
    "train.channels_last": ("no", "yes"),
    "train.ema": ("0", "0.999"),
    "train.label_smoothing": ("0", "0.1"),
    "train.class_weights": ("none", "1,2,3,4,5,6,7,8,9,10", "1,1,1,1,1,1,1,1,1,0.5"),
    "augment.from": ("20", "24", "20,30"),
    "augment.area": ("none", "0.08,1"),
    "augment.pad": ("0", "4"),
    "augment.flip": ("none", "horizontal"),
    "augment.colour": ("none", "pca(0.1)"),
    "augment.mixup": ("0", "0.2"),
    "augment.cutmix": ("0", "1"),
    "augment.erase": (
        "none",
        "cutout(8)",
        "random(p=0.5)",
        "random(p=0.25, max_area=0.5)",
        "random(p=0.25, fill=noise)",
    ),
    "test.views": ("1", "10"),
    "test.from": ("that of augment", "28"),
}
"""Values of keys; the first one is that of ``BASE``."""

CHANGES = st.lists(st.sampled_from(sorted(VALUES)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in names})
)
PREPARED = {"image.range", "image.mean", "image.order", "image.std"}
"""Keys without effect on the reference backend, which reads preprocessed images."""


def net_of(changes: Mapping[str, str]) -> Net:
    """The base with changed keys."""
    return load_with_changes(BASE, [f"{name}={value}" for name, value in changes.items()])


BASE_NET = net_of({})


def expected_keys(changes: Mapping[str, str]) -> dict[tuple[str, ...], tuple[str, str]]:
    """The keys whose values differ from the base, as the comparison should report them."""
    return {
        tuple(name.split(".")): (VALUES[name][0], value) for name, value in changes.items() if value != VALUES[name][0]
    }


@pytest.mark.many
@pytest.mark.parametrize("name", sorted({*VALUES} - {"test.from"}))  # "that of augment" is said by leaving it out
def test_setting_a_key_to_its_value_is_no_difference(name: str) -> None:
    assert compare(BASE_NET, net_of({name: VALUES[name][0]})).same


def test_one_mean_equals_that_mean_for_each_channel() -> None:
    assert compare(net_of({"image.mean": "0.5"}), net_of({"image.mean": "0.5,0.5"})).same


@pytest.mark.many
@pytest.mark.parametrize(("name", "value"), [(name, value) for name in VALUES for value in VALUES[name][1:]])
def test_only_the_changed_key_is_reported(name: str, value: str) -> None:
    assert changed_keys(compare(BASE_NET, net_of({name: value}))) == expected_keys({name: value})


@given(CHANGES, CHANGES)
@examples(40)
def test_several_changed_keys_are_reported_in_both_directions(a: dict[str, str], b: dict[str, str]) -> None:
    try:
        nets = net_of(a), net_of(b)
    except SpecError:
        reject()
    forward, backward = compare(*nets), compare(nets[1], nets[0])
    both = {name: (a.get(name, VALUES[name][0]), b.get(name, VALUES[name][0])) for name in {**a, **b}}
    assert changed_keys(forward) == {tuple(name.split(".")): pair for name, pair in both.items() if pair[0] != pair[1]}
    assert all_facts(forward, mirrored=True) == all_facts(backward)
    assert forward.function == backward.function
    expected_effect = {"same": "nothing", "scores": "output", "other": "function"}[forward.function]
    assert gravest(*(d.effect for d in forward.each() if d.effect in ("function", "output"))) == expected_effect
    assert json.loads(to_json(forward, ("a", "b")))["same"] == forward.same == (nets[0].graph == nets[1].graph)


@given(CHANGES)
@examples(40)
def test_reported_function_agrees_with_the_outputs(changes: dict[str, str]) -> None:
    visible = {name: value for name, value in changes.items() if name not in PREPARED}
    try:
        net = net_of(visible)
    except SpecError:
        reject()
    comparison = compare(BASE_NET, net)
    if comparison.misfits:
        assert comparison.function == "other"
    else:
        assert same_outputs(BASE_NET.graph, net.graph) == (comparison.function == "same")


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ("conv1.lr=0.02", ["conv1 lr: 0.01 -> 0.02, training", "conv1 bias_lr: 0.01 -> 0.02, training"]),
        ("conv1.lr_mult=2", ["conv1 lr: 0.01 -> 0.02, training"]),
        ("conv1.momentum=0.5", ["conv1 momentum: 0.9 -> 0.5, training", "conv1 bias_momentum: 0.9 -> 0.5, training"]),
        ("train.optimizer=sgd(lr=0.03)", ["train lr: 0.01 -> 0.03, training"]),
        ("train.optimizer=sgd(momentum=0.5)", ["train momentum: 0.9 -> 0.5, training"]),
        ("train.optimizer=sgd(weight_decay=1e-4)", ["train weight_decay: 0 -> 0.0001, training"]),
        ("train.optimizer=sgd(bias_decay=1e-4)", ["train bias_decay: 0 -> 0.0001, training"]),
        ("train.clip_gradients=norm(2)", ["train clip_gradients: none -> norm(2), training"]),
        ("train.optimizer=sgd(nesterov=yes)", ["train nesterov: no -> yes, training"]),
        (
            "train.optimizer=adam",
            [
                "train optimizer: sgd(momentum=0.9) -> adam(beta1=0.9, beta2=0.999, eps=1e-08), training",
                "train lr: 0.01 -> 0.001, training",
            ],
        ),
        (
            "conv1.schedule=jdexp(0.1, 4, noise=2)",
            [
                "conv1 schedule: constant -> jdexp(factor=0.1, levels=4, noise=2), training",
                "conv1 bias_schedule: constant -> jdexp(factor=0.1, levels=4, noise=2), training",
            ],
        ),
        ("conv1.bias_schedule=steps(freeze=9)", ["conv1 bias_schedule: constant -> steps(freeze=9), training"]),
        ("conv1.schedule=constant", []),
        ("train.bias_schedule=constant", []),
        ("train.bias_schedule=linear(0.5)", ["train bias_schedule: constant -> linear(factor=0.5), training"]),
        ("train.warmup=2", ["train warmup: none -> epochs(2), training"]),
        ("train.ema=0.999", ["train ema: 0 -> 0.999, training"]),
        ("train.channels_last=yes", ["train channels_last: no -> yes, training"]),
        ("conv1.decay_mult=2", []),
        ("bn2.affine=no", ["bn2 affine: yes -> no, function"]),
        ("norm1.size=5", ["norm1 size: 3 -> 5, function"]),
        ("conv1.gpu=0", ["conv1 gpu: all -> 0, function"]),
        ("test.views=10", ["test views: 1 -> 10, testing"]),
        ("drop3.rate=0.1", ["drop3 rate: 0.5 -> 0.1, training"]),
        ("drop3.scaling=test", ["drop3 scaling: train -> test, function"]),
        ("loss.loss_weight=2", ["loss loss_weight: 1 -> 2, training"]),
        ("prob.inputs=fc3", ["prob inputs: fc4 -> fc3, nothing"]),
    ],
)
def test_effects_of_changed_keys(change: str, lines: list[str]) -> None:
    assert difference_lines(compare(BASE_NET, load_with_changes(BASE, [change]))) == lines


def test_update_rules_are_compared_by_their_numbers() -> None:
    text = "[image] input 8\n[a] fc outputs=4\ntrain optimizer={}\n"
    assert difference_lines(diff(text.format("adam"), text.format("adam(beta2=0.99, eps=1e-6)"))) == [
        "train beta2: 0.999 -> 0.99, training", "train eps: 1e-08 -> 1e-06, training",
    ]  # fmt: skip
    assert difference_lines(diff(text.format("adam(weight_decay=0.01)"), text.format("adamw"))) == [
        "train optimizer: adam(beta1=0.9, beta2=0.999, eps=1e-08) -> adamw(beta1=0.9, beta2=0.999, eps=1e-08), training"
    ]
    assert diff(text.format("adam"), text.format("adam(0.001, 0.9)")).same
    pytorchs, tensorflows = text.format("rmsprop(momentum=0.9)"), text.format("rmsprop(eps_in_root=1, start=1)")
    assert difference_lines(diff(pytorchs, tensorflows)) == [
        "train momentum: 0.9 -> 0, training", "train eps: 1e-08 -> none, training",
        "train eps_in_root: none -> 1, training", "train start: 0 -> 1, training",
    ]  # fmt: skip
    assert difference_lines(diff(text.format("adagrad"), text.format("rmsprop(lr=0.01, centered=yes)"))) == [
        "train optimizer: adagrad(eps=1e-08, start=0) -> "
        "rmsprop(rho=0.9, momentum=0, eps=1e-08, start=0, centered=yes), training"
    ]


def test_initialiser_is_compared_by_its_distribution() -> None:
    text = "[image] input 8\n[a] fc outputs=4 init={}\n"
    assert diff(text.format("he"), text.format("gaussian(0.5)")).same
    assert difference_lines(diff(text.format("he"), text.format("torch"))) == ["a init: he -> torch, training"]


def test_equal_initialiser_with_another_fan_is_no_difference() -> None:
    text = "[image] input {}\n[a] fc outputs=4 init=he\n"
    assert difference_lines(diff(text.format(8), text.format(16))) == ["image shape: 8 -> 16, function"]


def test_multiple_of_the_nets_rate_is_reported_once() -> None:
    text = "[image] input 8\n[a] fc outputs=4 {}\ntrain optimizer=sgd(lr={})\n"
    assert difference_lines(diff(text.format("lr_mult=2", 0.01), text.format("lr_mult=2", 0.02))) == [
        "train lr: 0.01 -> 0.02, training"
    ]
    assert difference_lines(diff(text.format("lr=0.02", 0.01), text.format("lr=0.02", 0.02))) == [
        "train lr: 0.01 -> 0.02, training"
    ]
    assert difference_lines(diff(text.format("lr=0.02", 0.02), text.format("lr_mult=1", 0.02))) == []


def test_layer_schedules_are_reported_where_they_differ_from_train() -> None:
    text = "[image] input 8\n[a] fc outputs=4 {}\ntrain {}\n"
    assert difference_lines(diff(text.format("", "schedule=cosine"), text.format("", "schedule=linear(0)"))) == [
        "train schedule: cosine(factor=0) -> linear(factor=0), training"
    ]
    own, other = "schedule=steps(3, freeze=5)", "schedule=cosine bias_schedule=constant"
    assert difference_lines(diff(text.format(own, "schedule=cosine"), text.format(own, other))) == [
        "a bias_schedule: steps(3, factor=0.1, freeze=5) -> constant, training",
        "train bias_schedule: cosine(factor=0) -> constant, training",
    ]
    assert difference_lines(
        diff(text.format("lr=0 bias_lr=1", ""), text.format("lr=0 bias_lr=1 schedule=cosine", ""))
    ) == [
        "a bias_schedule: constant -> cosine(factor=0), training"  # it follows the weights' schedule
    ]


def test_values_for_several_inputs_are_compared_one_by_one() -> None:
    text = "[image] input 2x9x9\n[a] relu\n[b] conv filters=4 kernel={} pad=1 inputs=image,a\n"
    assert difference_lines(diff(text.format("3"), text.format("3,3"))) == []
    comparison = diff(text.format("3,3"), text.format("3,3").replace("kernel=3,3 pad=1", "kernel=3,1 pad=1,0"))
    assert difference_lines(comparison) == ["b kernel: 3 -> 3,1, function", "b pad: 1 -> 1,0, function"]


def test_note_explains_the_conventions_of_alpha() -> None:
    text = "[image] input 8x9x9\n[n] {} size={} {}\n"
    comparison = diff(text.format("lrn", 5, "alpha=1e-4"), text.format("lrn", 5, "scale=1e-4"))
    assert [d.note for d in comparison.each()] == ["2e-05 = 0.0001 / 5, the window's size"]
    comparison = diff(text.format("lrn", 5, "alpha=1e-4"), text.format("lrn", 5, "alpha=4e-4"))
    assert [d.note for d in comparison.each()] == [""]
    comparison = diff(text.format("rnorm", 3, "scale=9"), text.format("rnorm", 3, "alpha=9"))
    assert [d.note for d in comparison.each()] == ["1 = 9 / 9, the window's size"]
    comparison = diff(text.format("lrn", 3, "scale=1"), text.format("lrn", 5, "scale=1"))
    assert [(d.key, d.note) for d in comparison.each()][1] == ("alpha", "the same scale, 1, over windows of 3 and 5")


def test_rates_for_several_inputs_are_compared_one_by_one() -> None:
    text = "[image] input 8\n[a] fc outputs=4\n[b] fc outputs=4 inputs=image,a {}\ntrain optimizer=sgd(lr={})\n"
    assert difference_lines(diff(text.format("", 0.01), text.format("lr=0.01,0.02", 0.01))) == [
        "b lr: 0.01 -> 0.01,0.02, training"
    ]
    assert difference_lines(diff(text.format("lr_mult=1,2", 0.01), text.format("lr_mult=1,2", 0.02))) == [
        "train lr: 0.01 -> 0.02, training"
    ]


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("[image] input 3x8x8\n[r] randomscale size=6 {}", "max_scale=1.5", "max_scale=2"),
        ("[image] input 8\n[f] fc outputs=8 {}", "parts=1", "parts=4"),
        ("gpus 2\n[image] input 8\n[f] fc outputs=8 {}", "parts=2", "parts=4"),
        ("[image] input 8\n[f] fc outputs=8 {}\ntrain accumulate=2", "update_every=none", "update_every=1"),
    ],
)
def test_keys_are_reported_by_their_name_in_the_spec(text: str, old: str, new: str) -> None:
    ((_, key),) = changed_keys(diff(text.format(old), text.format(new)))
    assert key == new.partition("=")[0]


def test_crop_size_is_reported_as_one_key() -> None:
    text = "[image] input 3x9x9\n[c] crop size={}\n"
    assert difference_lines(diff(text.format(7), text.format("5x7"))) == ["c size: 7 -> 5x7, function"]


def test_colour_of_padding_is_compared_where_small_images_are_padded() -> None:
    text = "[image] input 3x16x16\naugment from={},40 fill={}\n"
    mean, black, unpadded = text.format(10, "mean"), text.format(10, "black"), text.format(16, "mean")
    assert difference_lines(diff(mean, black)) == ["augment fill: mean -> black, training"]
    assert difference_lines(diff(black, unpadded)) == ["augment from: 10,40 -> 16,40, training"]


def test_padding_of_a_layer_of_its_own_is_written_as_in_a_spec() -> None:
    text = "net n\n[x] input 2x9x9\n[p] zeropad pad=1\n[c] conv filters=4 kernel=3\n"
    assert difference_lines(diff(text, text.replace("pad=1", "pad=0,2,1,1"))) == ["p pad: 1 -> 0,2,1,1, function"]
    without = text.replace("[p] zeropad pad=1\n", "")
    assert difference_lines(diff(text, without)) == ["p removed: zeropad pad=1, after x -> , function"]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("one", "other"), [("shuffle groups=1", "shuffle groups=2"), ("crop size=17", "crop size=15")])
def test_a_layer_that_changes_nothing_in_one_network_only(one: str, other: str, order: int) -> None:
    texts = [BASE.replace("[norm1]", f"[moved] {layer}\n[norm1]") for layer in (one, other)][::order]
    comparison = compare(*map(loads, texts))
    assert [layer.differences[0].effect for layer in comparison.layers if layer.name == "moved"] == ["function"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "jitter(brightness=0.4)"),
        ("colour", "jitter(contrast=0.4, hue=0.1)"),
        ("colour", "jitter(hue=0.1),pca(0.1)"),
        ("policy", "trivialaugment"),
        ("policy", "randaugment(2, 9)"),
    ],
)
def test_changes_of_colours_are_compared(key: str, value: str) -> None:
    text = "[image] input 3x8x8\n[a] fc outputs=4\n"  # unlike BASE, it reads colours
    assert difference_lines(diff(text, f"{text}augment {key}={value}")) == [f"augment {key}: none -> {value}, training"]


def test_every_key_of_a_setting_is_compared() -> None:
    """Except those whose effect is compared elsewhere: in windows, in the input's size, and as ``epochs``."""
    compared = {(setting, key) for setting, key, *_ in settings_of(loads(BASE).graph)}
    keys = {(word, key.name) for word, setting in SETTINGS.items() for key in setting.keys}
    assert keys - compared == {("net", "from"), ("net", "rounding"), ("augment", "crop"), ("train", "steps")}
    arguments = {argument.name for form in OPTIMIZERS.values() for argument in form.arguments}
    assert arguments <= {key for setting, key in compared if setting == "train"}
