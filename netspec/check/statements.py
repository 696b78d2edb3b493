"""Read the settings of a file (``net``, ``gpus``, ``default``, ``train``, ``augment``, ``test``)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from netspec import layers
from netspec.check.claims import read_network_claim
from netspec.check.continued import continued
from netspec.check.crop_sizes import least_side, padding_fixes
from netspec.check.other_tools.augmentations import keys_of_transform
from netspec.check.report import Findings
from netspec.check.values import pairs_by_key, read_pairs
from netspec.diagnostics import Edit, Fix, Label
from netspec.diagnostics.fixes import replacement
from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.diagnostics.other_tools.augmentations import AUGMENTATIONS, OF_THE_INPUT
from netspec.diagnostics.other_tools.keys import ABSENT_SETTINGS
from netspec.diagnostics.other_tools.words import plain_word
from netspec.formatting import format_count
from netspec.ir.settings import ASPECTS_OF_CROPS, Augment, Test, Train
from netspec.keys import BadValue, Key, Whole, by_name
from netspec.keys.calls import as_call
from netspec.keys.counts import Count
from netspec.keys.kind import shown
from netspec.language.syntax import Body, File, Items, Number, Pair, Section, Setting, Value, Word, by_key
from netspec.setting_keys import SETTINGS

MAX_GPUS = 1024


@dataclass
class Settings:
    """All settings of a file. ``defaults`` are the values of the ``default`` lines, by layer type and key.

    In ``net`` and ``defaults``, a value that could not be read is ``BAD``; ``groups`` is ``None`` if it could not.
    ``claimed`` are the counts that the ``net`` line claims of the whole network.
    """

    name: str = "net"
    groups: int | None = 1
    net: dict[str, Any] = field(default_factory=dict)
    train: Train = field(default_factory=Train)
    augment: Augment = field(default_factory=Augment)
    test: Test = field(default_factory=Test)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    default_pairs: dict[str, dict[str, Pair]] = field(default_factory=dict)
    statements: dict[str, Setting] = field(default_factory=dict)
    claimed: dict[str, Count] = field(default_factory=dict)

    def pairs(self, word: str) -> dict[str, Pair]:
        """Return the pairs of a setting by key, as written; empty if the file does not have the setting."""
        return by_key(self.statements[word].pairs) if word in self.statements else {}


def read_settings(file: File, findings: Findings) -> Settings:
    """Read the settings of a file. Each may be given once, ``default`` once for each type and key."""
    result = Settings()
    for statement in file.broken:
        _mark_unknown(statement, result)
    for statement in file.settings:
        if statement.claim and statement.word.text in SETTINGS and statement.word.text != "net":
            message = f"{statement.word.text} claims nothing: a layer may, and net for the whole network"
            findings.add("stray-value", message, statement.claim.span)
        word: str | None = statement.word.text
        if word not in SETTINGS:
            word = _report_unknown(statement, findings)
        if word is None:
            continue
        if word == "default":
            _read_default(statement, result, findings)
            continue
        if word in result.statements:
            findings.add(
                "duplicate-setting",
                f"{word} is set twice",
                statement.word.span,
                labels=(Label(result.statements[word].word.span, "first here"),),
                fixes=_as_continuation(result.statements[word], statement),
            )
            continue
        result.statements[word] = statement
        if word == "gpus":
            _read_gpus(statement, result, findings)
        else:
            _read_setting(word, statement, result, findings)
    return result


def _as_continuation(first: Setting, second: Setting) -> tuple[Fix, ...]:
    """Return the fix that makes the second of two statements of a setting a part of the first, if it stands below."""
    end, word = first.span.end, second.word.span
    if first.span.source is not word.source or word.source.text[end : word.start].strip():
        return ()
    return (Fix(f"indent it, as a part of {second.word.text}", (Edit(word, " " * len(second.word.text)),)),)


def with_unbracketed_layers(file: File) -> tuple[Section, ...]:
    """Return a file's layers in order, including those without brackets, which were parsed as settings.

    The latter are marked as broken: their mistake is reported with the settings, and must not cause others.
    """
    found = [Section(s.word, Body.of(Items()), s.word.span, broken=True) for s in file.settings if _is_layer(s)]
    found = [section for section in found if section.span.source == file.source]
    if not found or any(section.span.source != file.source for section in file.sections):
        return file.sections
    names = {section.name.text for section in file.sections}
    found = [section for section in found if section.name.text not in names]
    return tuple(sorted((*file.sections, *found), key=lambda section: section.span.start))


def _is_layer(statement: Setting) -> bool:
    """Whether a statement that was parsed as a setting is a layer without brackets: ``conv ...`` or ``c1 conv ...``."""
    word = statement.word.text
    if word in SETTINGS:
        return False
    return layers.find(word) is not None or (_has_type(statement) and nearest(word, SETTINGS) is None)


def _has_type(statement: Setting) -> bool:
    """Whether the first value of a statement is a layer type."""
    first = statement.values[0] if statement.values else None
    return isinstance(first, Word) and layers.find(first.text) is not None


def _report_unknown(statement: Setting, findings: Findings) -> str | None:
    """Report an unknown word at the beginning of a line, and return the setting that is most like it."""
    word = statement.word
    if _is_layer(statement):
        named = _has_type(statement)
        message = f"{word.text} is a layer{'' if named else ' type'}, and a layer begins with its name in brackets"
        fix = replacement(word.span, f"[{word.text}]" if named else f"[{word.text}] {word.text}")
        findings.add("unknown-setting", message, word.span, fixes=(fix,))
        return None
    owner = next((name for name, setting in SETTINGS.items() if word.text in [key.name for key in setting.keys]), None)
    if owner is not None:
        message = f"setting '{word.text}' is unknown; it is a key of {owner}: {owner} {word.text}=..."
        findings.add("unknown-setting", message, word.span)
        return None
    absent = ABSENT_SETTINGS.get(plain_word(word.text))
    notes = (absent or "a layer begins with its name in brackets: [name] type key=value ...",)
    return findings.unknown("unknown-setting", "setting", word, SETTINGS, notes=notes)


def _mark_unknown(statement: Setting, result: Settings) -> None:
    """Mark as unknown what a statement that could not be parsed most likely sets."""
    word, *others = re.findall(r"[\w-]+", statement.span.text)
    keys = re.findall(r"(?<![\w-])([\w-]+)\s*=", statement.span.text)
    if word == "gpus":
        result.groups = None
    elif word == "net":
        result.net.update(dict.fromkeys(keys, BAD))
    elif word == "default" and others:
        result.defaults.setdefault(others[0], {}).update(dict.fromkeys(keys, BAD))


def _read_setting(word: str, statement: Setting, result: Settings, findings: Findings) -> None:
    positional = list(statement.values)
    if word == "net" and positional and isinstance(positional[0], Word):
        result.name = positional.pop(0).span.text
    if word == "net" and statement.claim:
        result.claimed = read_network_claim(statement.claim, findings)
    keys = by_name(SETTINGS[word].keys)
    continued_key = _report_stray(word, positional, findings, statement.pairs, keys)
    pairs = pairs_by_key(statement.pairs, findings)
    given, bad = read_pairs(pairs, keys, word, findings, continued_key=continued_key)
    values = {name: given.get(name, key.default) for name, key in keys.items()}
    if word == "net":
        bad |= keys.keys() & by_key(statement.claim.pairs if statement.claim else ()).keys()
        result.net.update({**dict.fromkeys(bad, BAD), **given})
    elif word == "train":
        optimizer = values.pop("optimizer")
        if values["bias_schedule"] == values["schedule"]:
            values["bias_schedule"] = None
        if values["steps"] is not None:
            values["epochs"] = None
        result.train = Train(**values, **optimizer)
        _check_train(pairs, bad, result.train, findings)
    elif word == "augment":
        result.augment = _augment(values)
        _check_crop(pairs, result.augment, findings)
    else:
        result.test = Test(values["views"], values["from"])


def _check_train(pairs: dict[str, Pair], bad: set[str], train: Train, findings: Findings) -> None:
    spans = {key: pair.span for key, pair in pairs.items()}
    if train.batch % train.accumulate and not bad & {"batch", "accumulate"}:
        findings.add(
            "batch-not-divided",
            f"a batch of {format_count(train.batch)} images cannot be divided into "
            f"{format_count(train.accumulate)} equal parts",
            *(spans[key] for key in ("accumulate", "batch") if key in spans),
            notes=(
                f"{train.batch} / {train.accumulate} = {train.batch / train.accumulate:.6g}: each part must have as "
                "many images, so that each image counts as much",
            ),
        )
    if {"epochs", "steps"} <= {*pairs} - bad:
        findings.add(
            "bad-value",
            "train has epochs and steps, which both say when the training ends",
            *(spans[key] for key in ("epochs", "steps")),
            notes=("netspec train --epochs 5 ends it after another number of epochs without a change of the spec",),
        )
    length, unit = train.warmup.length, train.warmup.unit
    whole = train.epochs if unit == "epochs" else train.steps
    if length and whole is not None and length >= whole and not bad & {"warmup", unit}:
        findings.warn(
            "warmup-too-long",
            f"a warm-up of {format_count(length)} {unit} does not end before the training, which has "
            f"{format_count(whole)}",
            *(spans[key] for key in ("warmup", unit) if key in spans),
            notes=("the learning rate reaches its full value at the last step or never",),
        )


def _augment(values: Mapping[str, Any]) -> Augment:
    others = dict(values)
    side, areas, aspects = others.pop("from"), others.pop("area"), others.pop("aspect") or ASPECTS_OF_CROPS
    sides = side if isinstance(side, tuple) else None
    resize = sum(sides) // 2 if sides else side
    colour = others.pop("colour")
    return Augment(resize=resize, sides=sides, areas=areas, aspects=aspects, **others, **colour)


def _check_crop(pairs: dict[str, Pair], augment: Augment, findings: Findings) -> None:
    least = least_side(augment, pairs)
    if augment.crop and least and augment.crop > least:
        findings.add(
            "crop-too-large",
            f"a crop of {augment.crop} pixels cannot be cut from {least}",
            pairs["crop"].span,
            pairs["from"].span,
            notes=("from= is the size before the padding, from which validation is cut",) if augment.pad else (),
            fixes=padding_fixes(augment, pairs),
        )


def _read_gpus(statement: Setting, result: Settings, findings: Findings) -> None:
    values = list(statement.values)
    result.groups = None
    if not values:
        findings.add("bad-value", "gpus needs the number of GPU groups: gpus 2", statement.word.span)
        return
    try:
        result.groups = Whole(1, MAX_GPUS).read(values.pop(0))
    except BadValue as error:
        findings.bad_value("gpus", error)
    _report_stray("gpus", values, findings)
    read_pairs(pairs_by_key(statement.pairs, findings), {}, "gpus", findings)


def _read_default(statement: Setting, result: Settings, findings: Findings) -> None:
    values = list(statement.values)
    if not values or not isinstance(values[0], Word):
        findings.add("bad-value", "default needs a layer type: default conv neuron=relu", statement.word.span)
        return
    word = values.pop(0)
    assert isinstance(word, Word)
    name = word.text
    layer_type = layers.find(name)
    if layer_type is None:
        name = findings.unknown_type(word, by_key(statement.pairs)) or name
        layer_type = layers.find(name)
    if layer_type is None:
        return
    continued_key = _report_stray("default", values, findings, statement.pairs, layer_type.by_name)
    if "=" not in statement.span.text and not values:  # the text, because a variant removes pairs from its base
        note = f"values follow the type: default {name} neuron=relu" if name in ("conv", "fc", "local") else ""
        findings.warn("no-effect", f"default {name} gives no value", word.span, notes=(note,) if note else ())
    earlier = result.default_pairs.setdefault(name, {})
    fresh = pairs_by_key(statement.pairs, findings, earlier=earlier)
    for key in ("inputs", "weights"):
        if key in fresh:
            message = f"{key} cannot have a default: it differs from layer to layer"
            findings.add("bad-value", message, fresh.pop(key).span)
    given, bad = read_pairs(fresh, layer_type.by_name, name, findings, continued_key=continued_key)
    result.defaults.setdefault(name, {}).update(given)
    for key in bad:
        result.defaults[name].setdefault(key, BAD)
    earlier.update(fresh)


class _Bad:
    """A value that could not be read. This has been reported, so what depends on the value reports nothing more."""

    def __repr__(self) -> str:
        return "BAD"


BAD = _Bad()


def _report_stray(
    word: str,
    values: Sequence[Value],
    findings: Findings,
    pairs: Sequence[Pair] = (),
    keys: Mapping[str, Key] = MappingProxyType({}),
) -> str | None:
    """Report values without a key. Return the key whose value they continue, if there is one."""
    more = continued(values, pairs, keys) if values else None
    if more:
        message = f"{word} does not take '{shown(values[0])}' without a key; did you mean {more.key}={more.value}?"
        findings.add("stray-value", message, *(value.span for value in values), fixes=(more.fix,))
        return more.key
    for value in values:
        what = "number" if isinstance(value, Number) else "value"
        call = as_call(value) if word == "augment" else None
        note = {**AUGMENTATIONS, **OF_THE_INPUT}.get(plain_word(call.name.text)) if call else None
        text = keys_of_transform(call, [pair.key.text for pair in pairs]) if call else None
        message = f"{word} does not take the {what} '{shown(value)}' here" + did_you_mean(text)
        fixes = (replacement(value.span, text),) if text else ()
        findings.add("stray-value", message, value.span, notes=(note,) if note else (), fixes=fixes)
    return None
