"""Find the differences between the settings of two networks, with defaults filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import get_args

from netspec.diff.facts import Fact
from netspec.diff.model import Difference, Effect, SettingDifference
from netspec.ir.graph import Graph
from netspec.ir.rules import UpdateRule
from netspec.ir.settings import ASPECTS_OF_CROPS, Train
from netspec.keys import texts
from netspec.keys.update_rules import word_of
from netspec.passes.crops import drawn_crops

_RULE = dict.fromkeys(
    field.name for rule in get_args(UpdateRule) for field in fields(rule) if field.name != "decoupled"
)
"""The numbers of update rules, of which each rule has some."""
_EPS = ("eps", "eps_in_root")
"""Numbers that a rule does not have if they are 0."""
_MORE = ("accumulate", "precision", "channels_last", "ema", "label_smoothing")
_NOTES = {("augment", "from"): "the central crops of the tests are cut from it too"}


def setting_differences(a: Graph, b: Graph) -> tuple[SettingDifference, ...]:
    """Return the keys of settings that differ. ``augment crop`` is left out: it is always the size of the input.

    If the update rules differ, their own numbers are not compared, but part of the difference.
    """
    same_rule = word_of(a.train.rule) == word_of(b.train.rule)
    return tuple(
        SettingDifference(setting, Difference("changed", key, p.text, q.text, effect, _NOTES.get((setting, key), "")))
        for (setting, key, p, effect), (_, _, q, _) in zip(settings_of(a), settings_of(b), strict=True)
        if not p.same(q) and (same_rule or key not in _RULE)
    )


def settings_of(graph: Graph) -> Iterator[tuple[str, str, Fact, Effect]]:
    """Yield each setting, key and value of a network, and the effect of changing it."""
    yield "gpus", "", Fact(str(graph.groups)), "placement"
    yield from (("train", key, value, "training") for key, value in _training(graph.train))
    yield from (("augment", key, value, "training") for key, value in _augmentation(graph))
    yield "test", "views", Fact(str(graph.test.views)), "testing"
    yield "test", "from", _tested_side(graph), "testing"


def _training(train: Train) -> Iterator[tuple[str, Fact]]:
    yield "epochs", Fact(f"{train.steps} steps" if train.epochs is None else texts.number(train.epochs))
    yield "batch", Fact(texts.number(train.batch))
    yield "optimizer", Fact(texts.optimizer(train.rule), frozenset({word_of(train.rule)}))
    for key in ("lr", *_RULE, "weight_decay", "bias_decay"):
        value = getattr(train.rule if key in _RULE else train, key, None)
        absent = value is None or (key in _EPS and not value)
        yield key, Fact("none" if absent else texts.word(value))
    yield "schedule", Fact(texts.schedule(train.schedule))
    yield "bias_schedule", _of_biases(train)
    yield "warmup", Fact(texts.warmup(train.warmup))
    for key in _MORE:
        yield key, Fact(texts.word(getattr(train, key)))
    yield "class_weights", Fact(texts.word(train.class_weights or "none"))
    yield "clip_gradients", Fact(texts.clip(train.clip_gradients))


def _augmentation(graph: Graph) -> Iterator[tuple[str, Fact]]:
    augment = graph.augment
    yield "from", _cut_from(graph)
    yield "area", Fact(texts.word(augment.areas or "none"))
    yield "aspect", Fact(texts.word(augment.aspects if augment.areas else ASPECTS_OF_CROPS))
    yield "pad", Fact(str(augment.pad))
    yield "fill", Fact(augment.fill if augment.pad or _pads_crops(graph) else "black")
    yield "flip", Fact(augment.flip)
    yield "policy", Fact(texts.policy(augment.policy))
    yield "colour", Fact(texts.colours(augment))
    yield "mixup", Fact(texts.number(augment.mixup))
    yield "cutmix", Fact(texts.number(augment.cutmix))
    yield "erase", Fact(texts.erased(augment.erase))


def _pads_crops(graph: Graph) -> bool:
    crops = drawn_crops(graph)
    return crops is not None and crops.pads


def _of_biases(train: Train) -> Fact:
    """The default schedule of biases: the ``train`` line's ``bias_schedule``, or else that of the weights."""
    schedule = train.schedule if train.bias_schedule is None else train.bias_schedule
    return Fact(texts.schedule(schedule), frozenset({"as the weights"} if schedule == train.schedule else ()))


def _cut_from(graph: Graph) -> Fact:
    """The side of the square that crops are cut from: ``from=``, or else the input's shorter side."""
    shape = graph.input.output
    own = min(shape.height, shape.width)
    side = graph.augment.resize or own
    if graph.augment.sides:
        return Fact(texts.word(graph.augment.sides))
    return Fact(str(side), frozenset({"the input's own"} if side == own else ()))


def _tested_side(graph: Graph) -> Fact:
    """The side of the square that the crops of tests are cut from, if it is not that of training."""
    side = graph.test.resize
    return Fact("that of augment" if side is None or side == graph.augment.resize else str(side))
